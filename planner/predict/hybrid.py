"""The hybrid at level 0 (hybrid-approach paper, 2017, eq. (1), (3)): a share by pre-copy, the rest by post-copy."""

from __future__ import annotations

import numpy as np

from planner.predict.postcopy import fault
from planner.predict.precopy import iterate
from planner.predict.protocol import Floats, Outside, Prediction, Workload, blank


def predict_hybrid(workload: Workload, rate: Floats, threshold_bytes: Floats, efficiency: float) -> Prediction:
    """Predict the hybrid: phi = w/(r+w) goes by pre-copy, the rest after the switch.

    Tm = T1 + T2 + T3 and Td = T2 + Ta. Where r = w = 0, phi is 0/0 and taken as 1.
    """
    image, read, write, rate, threshold = np.broadcast_arrays(
        workload.image_bytes, workload.read_rate, workload.write_rate, rate, threshold_bytes
    )
    both = read + write
    share = np.divide(write, both, out=np.ones_like(both), where=both > 0)
    first, rest = share * image, np.where(share < 1.0, (1.0 - share) * image, 0.0)
    before = iterate(first, write, rate, threshold)
    after = fault(rest, read, rate, efficiency)
    outside = np.where(before.outside != Outside.INSIDE, before.outside, after.outside).astype(np.int8)
    time, down, sent, phi, stall, none = blank(
        outside,
        before.time_s + before.stop_s + after.time_s,
        before.stop_s + after.stall_s,
        (before.time_s + before.stop_s) * rate + rest,
        share,
        after.stall_s,
        np.zeros_like(share),
    )
    return Prediction(time, down, sent, phi, before.passes, outside, stall, none)
