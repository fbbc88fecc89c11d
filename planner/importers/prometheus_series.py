"""From samples to what an inventory says of a VM: rates of counters, medians and percentiles, and rates by hour."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise
from statistics import median_low

import numpy as np

from planner.importers.prometheus_format import Series

Points = Mapping[float, float]
"""Values by time [s since 1970]."""

HOURS = 24
GAP_STEPS = 3.5
"""Steps without a sample after which there is a gap, over which no counter is read [count]."""
STUCK_SAMPLES = 20
"""Samples that are all the same number before that is doubtful [count]."""


def increases(series: Series, step_s: float) -> tuple[dict[float, float], int]:
    """Return the rates of a counter, by the time at which each was reached, and how often it began anew.

    Parameters
    ----------
    series
        Samples of what has been counted since the VM was started.
    step_s
        Time between samples [s]; over longer gaps nothing is said.

    Returns
    -------
    dict, int
        Rates [1/s], and resets [count]. A counter that is less than before has begun anew at 0.
    """
    rates: dict[float, float] = {}
    resets = 0
    points = zip(series.times, series.values, strict=True)
    for (before, low), (at, high) in pairwise(points):
        if at - before > GAP_STEPS * step_s or min(low, high) < 0:
            continue
        resets += high < low
        rates[at] = (high if high < low else high - low) / (at - before)
    return rates, resets


def spacing(series: Iterable[Series]) -> float:
    """Return the time between samples, the median of all [s]; 0 where there are no two."""
    gaps = [round(later - sooner, 3) for one in series for sooner, later in pairwise(one.times[:2000])]
    return median_low(gaps) if gaps else 0.0


def on_grid(points: Points, step_s: float, covers_s: float) -> dict[float, float]:
    """Return values at the starts of the steps that they are of, so that those of several series can be added up.

    Parameters
    ----------
    points
        Values by the time at which they were known.
    step_s
        Time between samples [s].
    covers_s
        How long before that each value is of [s]: 0 for one that was true at the moment.
    """
    if step_s <= 0:
        return dict(points)
    return {math.floor((at - covers_s / 2) / step_s + 1e-6) * step_s: value for at, value in points.items()}


def added(parts: Iterable[Points]) -> dict[float, float]:
    """Return the sum of values of several disks, NICs or the like, at each time at which any has one."""
    total: defaultdict[float, float] = defaultdict(float)
    for part in parts:
        for at, value in part.items():
            total[at] += value
    return dict(total)


def joined(views: Iterable[Points]) -> dict[float, float]:
    """Return what several hosts or scrapers say of one VM: at each time, the most that any of them says."""
    most: dict[float, float] = {}
    for view in views:
        for at, value in view.items():
            most[at] = max(most.get(at, -math.inf), value)
    return most


@dataclass(frozen=True)
class Summary:
    """What samples of a VM come to.

    Parameters
    ----------
    samples
        How many there are [count].
    median, mean, low, high
        Median, mean, 5th and 95th percentile of means over windows.
    most
        Largest sample.
    least_above_0
        Smallest mean of a window above 0; 0 where there is none.
    by_hour
        Mean for each hour of the day, or None where an hour has no sample.
    hours_missing
        Hours of the day without a sample.
    days
        Days that samples are of [count].
    last_s
        When the last sample was taken [s since 1970].
    stuck
        Whether all samples are the same number.
    """

    samples: int
    median: float
    mean: float
    low: float
    high: float
    most: float
    least_above_0: float
    by_hour: tuple[float, ...] | None
    hours_missing: tuple[int, ...]
    days: int
    last_s: float
    stuck: bool


def summarise(points: Points, window_s: float, zone: tzinfo | None) -> Summary | None:
    """Return what samples come to, or None where there are none.

    Parameters
    ----------
    points
        The samples.
    window_s
        Length of the windows whose means percentiles are taken of [s]: what is shorter than a migration takes evens
        out within it.
    zone
        Time zone of the hours; None for that of this machine.
    """
    if not points:
        return None
    windows: defaultdict[int, list[float]] = defaultdict(list)
    hours: defaultdict[int, list[float]] = defaultdict(list)
    days = set()
    for at, value in points.items():
        windows[int(at // window_s)].append(value)
        local = datetime.fromtimestamp(at, zone)
        hours[local.hour].append(value)
        days.add(local.date())
    means = [sum(one) / len(one) for one in windows.values()]
    low, middle, high = (float(one) for one in np.quantile(means, (0.05, 0.5, 0.95)))
    missing = tuple(hour for hour in range(HOURS) if hour not in hours)
    values = list(points.values())
    return Summary(
        samples=len(values),
        median=middle,
        mean=sum(values) / len(values),
        low=low,
        high=high,
        most=max(values),
        least_above_0=min((one for one in means if one > 0), default=0.0),
        by_hour=None if missing else tuple(sum(hours[hour]) / len(hours[hour]) for hour in range(HOURS)),
        hours_missing=missing,
        days=len(days),
        last_s=max(points),
        stuck=len(values) >= STUCK_SAMPLES and len(set(values)) == 1,
    )


def rounded(value: float) -> float:
    """Return a measured rate with three significant digits, which is more than it is good for [bytes/s]."""
    # By way of MB/s, so that it is written in a short way.
    return float(f"{value / 1e6:.3g}") * 1e6


def at_odds(one: Points, other: Points) -> bool:
    """Return whether two views that should be of one VM are of two: they overlap in time and differ."""
    shared = one.keys() & other.keys()
    if len(shared) <= 0.1 * min(len(one), len(other)):
        return False
    differing = sum(not math.isclose(one[at], other[at], rel_tol=0.01) for at in shared)
    return differing > len(shared) / 2


def coverage(times: Sequence[float] | Points, from_s: float, to_s: float, step_s: float) -> float:
    """Return the share of the samples that there should be which there are [1]."""
    expected = max(1.0, (to_s - from_s) / step_s) if step_s > 0 else 1.0
    return min(1.0, len(times) / expected)
