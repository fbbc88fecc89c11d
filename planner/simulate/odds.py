"""What many nights say: a share with its interval, and quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from planner.predict.protocol import Floats

Z_95 = 1.959963984540054
"""Within so many standard deviations lie 95% of a normal distribution."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of nights, with the 95% interval in which the probability lies [1]."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles over nights, in the unit of what was asked; infinite where a VM was not out."""

    p5: float
    p50: float
    p95: float
    most: float


def share_of(count: int, runs: int) -> Share:
    """Return a share and its 95% interval after Wilson (1927).

    Parameters
    ----------
    count
        Nights in which it was so [count].
    runs
        All nights, at least 1 [count].
    """
    share, square = count / runs, Z_95**2
    middle = (share + square / (2 * runs)) / (1 + square / runs)
    half = Z_95 / (1 + square / runs) * math.sqrt(share * (1 - share) / runs + square / (4 * runs**2))
    # At the ends the formula gives 0 and 1 but for rounding.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    high = 1.0 if count == runs else min(1.0, middle + half)
    return Share(share, low, high)


def quantile(values: Floats, share: float) -> float:
    """Return the least of the values that at least such a share of them does not exceed."""
    place = max(0, math.ceil(share * len(values) - 1e-9) - 1)
    return float(np.partition(values, place)[place])


def quantiles(values: Floats) -> Quantiles:
    """Return the quantiles that are told."""
    return Quantiles(quantile(values, 0.05), quantile(values, 0.5), quantile(values, 0.95), float(values.max()))
