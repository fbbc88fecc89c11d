"""Who hands what to whom: which ends each start waits for.

Every resource is handed on in pieces: a move takes its share from what is free since the beginning or from moves
that have ended, and becomes the holder. Starting each move when those it took from have really ended keeps every
resource within its capacity however long the moves turn out to take.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Interval:
    """A move as a holder of resources.

    Parameters
    ----------
    start_s, end_s
        When it runs [s].
    uses
        Amount of each resource that it holds while it runs, in the unit of the capacity.
    after
        Indices of intervals that a rule puts before it.
    keeps
        Amount of each resource that it takes at its start and keeps, such as memory on a target.
    leaves
        Amount of each resource that it gives back at its end, though it had it before, such as memory on a source.
    """

    start_s: float
    end_s: float
    uses: Mapping[Hashable, float]
    after: Sequence[int] = ()
    keeps: Mapping[Hashable, float] = field(default_factory=dict)
    leaves: Mapping[Hashable, float] = field(default_factory=dict)


def predecessors(intervals: Sequence[Interval], capacity: Mapping[Hashable, float]) -> list[tuple[int, ...]]:
    """Return for each interval the ascending indices of those whose end its start waits for.

    Parameters
    ----------
    intervals
        A schedule that keeps the capacities.
    capacity
        Capacity of each resource, in its own unit.
    """
    free: dict[Hashable, list[tuple[float, int, float]]] = {
        resource: [(0.0, -1, amount)] for resource, amount in capacity.items()
    }
    waits: list[set[int]] = [set(interval.after) for interval in intervals]
    order = sorted(range(len(intervals)), key=lambda i: (intervals[i].start_s, i))
    ends = sorted(range(len(intervals)), key=lambda i: (intervals[i].end_s, i))
    returned = 0
    for i in order:
        interval = intervals[i]
        while returned < len(ends) and intervals[ends[returned]].end_s <= interval.start_s:
            j = ends[returned]
            for resource, amount in (*intervals[j].uses.items(), *intervals[j].leaves.items()):
                free[resource].append((intervals[j].end_s, j, amount))
            returned += 1
        for resource, amount in (*interval.uses.items(), *interval.keeps.items()):
            free[resource] = _take(free[resource], amount, waits[i])
    return [tuple(sorted(wait)) for wait in waits]


def _take(pieces: list[tuple[float, int, float]], amount: float, waits: set[int]) -> list[tuple[float, int, float]]:
    """Take an amount, first from what nobody held, then from holders waited for anyway, then from who ended first."""
    left = amount
    rest: list[tuple[float, int, float]] = []
    for end, holder, piece in sorted(pieces, key=lambda p: (p[1] >= 0, p[1] not in waits, p[0], p[1])):
        taken = min(piece, left)
        # A crumb left by rounding is no reason to wait.
        if taken > amount * 1e-9:
            left -= taken
            if holder >= 0:
                waits.add(holder)
        else:
            taken = 0.0
        if piece > taken:
            rest.append((end, holder, piece - taken))
    return rest
