"""The duration formula of BtrPlace's network view, named ``btrplace``: pre-copy only, in whole seconds.

A VM dirties a hot set of H bytes within the first S seconds, again and again, and beside it c bytes/s of pages that
it has not dirtied before. The copy reaches B, eight ninths of the bandwidth. What remains is sent until nothing does:
the dirtied hot set is a geometric series, summed to its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import Approach
from planner.predict.protocol import Floats, Outside, Prediction, Workload, blank

PAYLOAD = 8.0 / 9.0
"""Share of the bandwidth that the copy reaches: nine bits on the wire for a byte [1]."""


@dataclass(frozen=True)
class BtrplaceModel:
    """The migration durations of BtrPlace, for pre-copy; it knows no other approach."""

    name: str = "btrplace"
    switch_points: tuple[float, ...] = ()

    def predict(
        self,
        approach: Approach,
        workload: Workload,
        rate_bytes_per_s: Floats,
        stop_threshold_bytes: Floats,
        switch_point: Floats | None = None,
    ) -> Prediction:
        """Predict one approach; see `planner.predict.protocol.PredictionModel`.

        With B = 8/9 mu, m = V/B and h = H/S: where m > S,
        Tm = m + (H + (m - S) c)/(B - c) + (H/B) h/(B - h); otherwise Tm = m + m h/(B - h). Tm is rounded to
        whole seconds, and is a second at least. The passes of the formula end when nothing is left, so that the VM
        stands still for the last part of the hot set at the most: Td = min(l, H)/mu, within Tm.
        """
        image, hot, period, cold, rate, threshold = np.broadcast_arrays(
            workload.image_bytes,
            workload.hot_bytes,
            workload.hot_s,
            workload.cold_rate,
            rate_bytes_per_s,
            stop_threshold_bytes,
        )
        outside = np.zeros(image.shape, dtype=np.int8)
        if approach is not Approach.PRECOPY:
            outside[...] = Outside.NOT_IN_MODEL
            nothing = np.full(image.shape, np.nan)
            passes = np.zeros(image.shape, dtype=np.int64)
            return Prediction(nothing, nothing, nothing, nothing, passes, outside, nothing, nothing)
        copy = PAYLOAD * rate
        heat = np.divide(hot, period, out=np.zeros(hot.shape), where=period > 0)
        first = image / copy
        long = first > period
        outside[(heat >= copy) | (long & (cold >= copy))] = Outside.WRITES_OUTRUN_LINK
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (hot + (first - period) * cold) / (copy - cold) + hot / copy * heat / (copy - heat)
            total = first + np.where(long, rest, first * heat / (copy - heat))
        seconds = np.maximum(1.0, np.floor(total + 0.5))
        stop = np.minimum(np.minimum(threshold, hot) / rate, seconds)
        ones = np.ones(image.shape)
        time, down, sent, share, none = blank(outside, seconds, stop, seconds * copy, ones, 0.0 * ones)
        return Prediction(time, down, sent, share, np.zeros(image.shape, dtype=np.int64), outside, none, none)
