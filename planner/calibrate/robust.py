"""Fits that a few odd migrations do not move: least absolute relative deviations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NO_FIGURE = float(np.log(100.0))
"""What a migration counts for which a model has no figure: as one that is off by a factor of 100 [1]."""
LEVELS, POINTS = 4, 15
"""How often a search is made finer, and how many points it looks at then [count]."""
OUTLIER_SCALES = 5.0
"""Beyond how many times the usual scatter a migration is an outlier [1]."""
LEAST_OUTLIER = 0.2
"""By how much one is off at least that is an outlier [1]."""


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the least value up to which lies half of the weight."""
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(heaped, heaped[-1] / 2)])


def relative_errors(predicted: Floats, measured: Floats) -> Floats:
    """Return the absolute errors by what was measured; NaN where there is no figure [1]."""
    errors: Floats = np.abs(predicted - measured) / measured
    return errors


def loss(predicted: Floats, measured: Floats) -> float:
    """Return the mean absolute logarithm of predicted over measured: for small errors, the mean relative error [1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(np.log(predicted / measured))
    return float(np.mean(np.where(np.isfinite(off), off, NO_FIGURE)))


def least(function: Callable[[float], float], candidates: Floats) -> float:
    """Return where a function of a positive number is about least.

    The best of the candidates, which rise, is bettered by finer and finer ones between its neighbours: passes come and
    go by whole ones, so that the function has steps that finer searches would stop at.
    """
    best = float(candidates[0])
    for _ in range(LEVELS):
        values = [function(float(one)) for one in candidates]
        place = int(np.argmin(values))
        best = float(candidates[place])
        low, high = candidates[max(place - 1, 0)], candidates[min(place + 1, len(candidates) - 1)]
        candidates = np.unique(np.append(np.geomspace(low, high, POINTS), best))
    return best


def outliers(predicted: Floats, measured: Floats) -> NDArray[np.bool_]:
    """Return which are far off: beyond five times the usual scatter, and by a fifth at least."""
    off = measured / predicted - 1.0
    known = np.isfinite(off)
    if not known.any():
        return np.zeros(len(off), dtype=np.bool_)
    middle = np.median(off[known])
    scatter = 1.4826 * np.median(np.abs(off[known] - middle))
    far: NDArray[np.bool_] = known & (np.abs(off - middle) > max(OUTLIER_SCALES * scatter, LEAST_OUTLIER))
    return far
