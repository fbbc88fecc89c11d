"""Figures of many records: medians, the best baseline of a case, and how something grows with size."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tests.benchmarks.generator import SIZES
from tests.benchmarks.records import CPSAT, OURS, Case, Record

SAME = 1e-6
"""Relative difference up to which two downtimes are the same [1]."""
BENT = 0.2
"""Difference of two exponents from which a line counts as bent [1]."""
LEAST_FOR_BEND = 4
"""Sizes that are needed to tell where a line bends [count]."""

FAMILIES = {
    "maintenance mode, 1 at a time": ("maintenance-1-full", "maintenance-1-fair"),
    "maintenance mode, 2 at a time": ("maintenance-2-full", "maintenance-2-fair"),
    "maintenance mode, 4 at a time": ("maintenance-4-full", "maintenance-4-fair"),
    "largest first": ("largest-full", "largest-fair"),
    "shortest first, best fit": ("shortest-best-fit",),
}
"""Baselines as they are shown: of those with both ways of sharing the network the better one counts."""


@dataclass(frozen=True, order=True)
class Kind:
    """Cases that differ in nothing but their seed, ordered by size.

    Parameters
    ----------
    vms, slowness
        Number of VMs, and the NIC's rate negated [count, Gbit/s].
    size, kappa
        See `Case`.
    """

    vms: int
    slowness: float
    size: str
    kappa: float

    @property
    def name(self) -> str:
        """The size in words."""
        return self.size if self.slowness == -10 else f"{self.size}, {-self.slowness:g} Gbit/s"


def kind_of(case: Case) -> Kind:
    """Return the kind of a case."""
    return Kind(SIZES[case.size].vms, -case.gbit, case.size, case.kappa)


class Results:
    """Records by method and case.

    Parameters
    ----------
    records
        The records of a run.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._known = {(record.method, record.case): record for record in records}
        self.cases = sorted({case for _, case in self._known}, key=lambda case: (kind_of(case), case.seed))

    def of(self, method: str, case: Case) -> Record | None:
        """Return the record of a method, or None."""
        return self._known.get((method, case))

    def ours(self, case: Case) -> Record | None:
        """Return the planner's record."""
        return self.of(OURS, case)

    def cpsat(self, case: Case) -> Record | None:
        """Return CP-SAT's record."""
        return self.of(CPSAT, case)

    def family(self, methods: Sequence[str], case: Case) -> Record | None:
        """Return the best record of some baselines: fewest late VMs, then least downtime."""
        found = [record for method in methods if (record := self.of(method, case)) is not None]
        return min(found, key=_badness, default=None)

    def best_baseline(self, case: Case) -> Record | None:
        """Return the best of all baselines that are in time, or None."""
        found = [self.family(methods, case) for methods in FAMILIES.values()]
        return min((record for record in found if record is not None and record.in_time), key=_badness, default=None)

    def by_kind(self, cases: Iterable[Case] | None = None) -> dict[Kind, list[Case]]:
        """Return the cases by kind, by size and kappa."""
        groups: defaultdict[Kind, list[Case]] = defaultdict(list)
        for case in self.cases if cases is None else cases:
            groups[kind_of(case)].append(case)
        return dict(groups)


def _badness(record: Record) -> tuple[int, float]:
    return record.late_vms, math.inf if record.weighted_downtime_s is None else record.weighted_downtime_s


def values(records: Iterable[Record | None], read: Callable[[Record], float | None]) -> list[float]:
    """Return what can be read of some records."""
    return [found for record in records if record is not None and (found := read(record)) is not None]


def median(numbers: Sequence[float]) -> float | None:
    """Return the median, or None of nothing."""
    return statistics.median(numbers) if numbers else None


def compare(ours: Record, other: Record) -> int:
    """Return 1 where ours is better than another answer, 0 where equal, -1 where worse; no plan in time is worst."""
    mine = ours.weighted_downtime_s if ours.in_time else None
    theirs = other.weighted_downtime_s if other.in_time else None
    if mine is None or theirs is None:
        return (mine is not None) - (theirs is not None)
    margin = SAME * max(1.0, theirs)
    return (mine < theirs - margin) - (mine > theirs + margin)


@dataclass(frozen=True)
class Growth:
    """How something grows with size: straight pieces on logarithmic axes.

    Parameters
    ----------
    exponent
        Slope of one line through all points [1].
    bend
        Where two pieces fit clearly better than one, or None [VMs].
    before, after
        Slopes of the two pieces, or None [1].
    line
        Points of the fitted line: sizes and values at its ends and its bend.
    """

    exponent: float
    bend: float | None
    before: float | None
    after: float | None
    line: tuple[tuple[float, float], ...]


def growth(sizes: Sequence[float], amounts: Sequence[float]) -> Growth | None:
    """Fit how something grows; None where there are fewer than two sizes.

    The bend is the inner size at which two joined pieces leave the least squared error; it counts as one if their
    exponents differ by more than `BENT`.
    """
    if len(set(sizes)) < 2:
        return None
    x, y = np.log10(np.array(sizes, dtype=np.float64)), np.log10(np.array(amounts, dtype=np.float64))
    plain = np.stack([np.ones_like(x), x], axis=1)
    one, *_ = np.linalg.lstsq(plain, y)
    best: tuple[float, float, list[float]] | None = None
    if len(set(sizes)) >= LEAST_FOR_BEND:
        for at in sorted(set(x.tolist()))[1:-1]:
            pieces = np.column_stack([plain, np.maximum(x - at, 0.0)])
            found, *_ = np.linalg.lstsq(pieces, y)
            error = float(((pieces @ found - y) ** 2).sum())
            if best is None or error < best[0]:
                best = (error, at, found.tolist())
    low, high = float(x.min()), float(x.max())
    if best is None or abs(best[2][2]) < BENT:
        ends = [(10**at, 10 ** float(one[0] + one[1] * at)) for at in (low, high)]
        return Growth(float(one[1]), None, None, None, tuple(ends))
    _, bend, (level, slope, turn) = best
    points = [(10**at, 10 ** (level + slope * at + turn * max(at - bend, 0.0))) for at in (low, bend, high)]
    return Growth(float(one[1]), 10**bend, slope, slope + turn, tuple(points))


def steps(points: Sequence[tuple[float, float]]) -> list[float]:
    """Return the exponents between neighbouring sizes."""
    return [
        (math.log10(later[1]) - math.log10(earlier[1])) / (math.log10(later[0]) - math.log10(earlier[0]))
        for earlier, later in itertools.pairwise(points)
    ]
