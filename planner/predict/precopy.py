"""Iterative pre-copy at level 0 (hybrid-approach paper, 2017, eq. (2)): passes of shrinking dirty sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.predict.protocol import Floats, Outside, Prediction, Workload, blank

ROUNDING = 1e-12
"""By how much v_n may be above l and still meets it: what powers and shares lose in floating point [1]."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """The iterative phase for a part V1 of the image.

    Parameters
    ----------
    time_s
        T1, the time of all passes [s].
    stop_s
        T2, the time in which the VM stands still for the last bytes [s].
    passes
        n, the smallest number of passes after the first with v_n <= l [count].
    outside
        Values of `Outside`.
    """

    time_s: Floats
    stop_s: Floats
    passes: NDArray[np.int64]
    outside: NDArray[np.int8]


def iterate(part_bytes: Floats, write_rate: Floats, rate: Floats, threshold_bytes: Floats) -> Iteration:
    """Return the iterative phase for arrays that broadcast.

    With x = w/mu and v_i = V1 x^i: T1 = sum of v_i/mu for i = 0..n and T2 = min(l, V1)/mu. Where V1 <= l
    nothing iterates (n = 0) whatever w is; otherwise w >= mu is outside the model.
    """
    part, write, rate, threshold = np.broadcast_arrays(part_bytes, write_rate, rate, threshold_bytes)
    enough = threshold * (1 + ROUNDING)
    iterates = part > enough
    outside = np.where(iterates & (write >= rate), Outside.WRITES_OUTRUN_LINK, Outside.INSIDE).astype(np.int8)
    shrink = np.where(outside == Outside.INSIDE, np.minimum(write / rate, 1.0), 0.5)
    passes = _passes(part, enough, np.where(iterates, shrink, 0.0))
    passes = np.where(iterates, passes, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        series = np.where(passes == 0, 1.0, (1.0 - shrink ** (passes + 1.0)) / (1.0 - shrink))
    return Iteration(part * series / rate, np.minimum(threshold, part) / rate, passes, outside)


def _passes(part: Floats, enough: Floats, shrink: Floats) -> NDArray[np.int64]:
    """Return the smallest n with part * shrink**n <= enough; 1 where shrink is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        real = np.log(enough / part) / np.log(shrink)
    count = np.where((shrink > 0) & np.isfinite(real), np.ceil(np.maximum(real, 0.0)), 1.0)
    # The logarithms may be off by one where v_n meets l: settle it by the definition.
    fewer = np.maximum(count - 1.0, 0.0)
    count = np.where(part * shrink**fewer <= enough, fewer, count)
    count = np.where(part * shrink**count > enough, count + 1.0, count)
    return count.astype(np.int64)


def predict_precopy(workload: Workload, rate: Floats, threshold_bytes: Floats) -> Prediction:
    """Predict pre-copy: Tm = T1 + T2, Td = T2."""
    phase = iterate(workload.image_bytes, workload.write_rate, rate, threshold_bytes)
    total = phase.time_s + phase.stop_s
    none = np.zeros_like(total)
    time, down, sent, share, none = blank(phase.outside, total, phase.stop_s, total * rate, np.ones_like(total), none)
    return Prediction(time, down, sent, share, phase.passes, phase.outside, none, none)
