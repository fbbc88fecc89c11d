"""Post-copy at level 0 (hybrid-approach paper, 2017, eq. (4)-(6)): the VM runs and faults for what is not there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.predict.protocol import Floats, Outside, Prediction, Workload, blank


@dataclass(frozen=True, slots=True)
class Faulting:
    """The phase after the switch for a part V3 of the image.

    Parameters
    ----------
    time_s
        T3, the time of the phase [s].
    stall_s
        Ta, the time for which the service waits for pages [s].
    outside
        Values of `Outside`.
    """

    time_s: Floats
    stall_s: Floats
    outside: NDArray[np.int8]


def fault(part_bytes: Floats, read_rate: Floats, rate: Floats, efficiency: float) -> Faulting:
    """Return the phase after the switch for arrays that broadcast.

    T3 = V3 / (alpha mu + (1 - alpha) r) and Ta = r T3 / mu. With nothing left to send both are 0;
    otherwise r > mu is outside the model.
    """
    part, read, rate = np.broadcast_arrays(part_bytes, read_rate, rate)
    outside = np.where((part > 0) & (read > rate), Outside.READS_OUTRUN_LINK, Outside.INSIDE).astype(np.int8)
    time = part / (efficiency * rate + (1.0 - efficiency) * read)
    return Faulting(time, read * time / rate, outside)


def predict_postcopy(workload: Workload, rate: Floats, efficiency: float) -> Prediction:
    """Predict post-copy: Tm = T3, Td = Ta; every byte is sent once."""
    phase = fault(workload.image_bytes, workload.read_rate, rate, efficiency)
    image = np.broadcast_to(workload.image_bytes, phase.time_s.shape)
    time, down, sent, none = blank(phase.outside, phase.time_s, phase.stall_s, image, np.zeros_like(phase.time_s))
    passes = np.zeros(phase.time_s.shape, dtype=np.int64)
    return Prediction(time, down, sent, none, passes, phase.outside, down, none)
