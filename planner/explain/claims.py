"""What a move needs of a resource beside others, and when the others leave too little of it.

What a move needs falls into three kinds: held while it runs, held from its start on (room on the target), held up to
its end (room on the source). The times at which the others leave too little are looked up once; whether a start is
blocked is then a search in them, for all starts at once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.plan.why import Blocked, Resource
from planner.verify.replay import RELATIVE_TOLERANCE, TIME_TOLERANCE_S
from planner.verify.sweep import Hold

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MOST_HOLDERS = 50
"""How many holders are named, at most [count]."""


@dataclass(frozen=True)
class Need:
    """What a move needs of a resource.

    Parameters
    ----------
    resource
        The resource.
    holds
        The holds of the others.
    amount, limit
        What it needs, and what there is, in ``unit``.
    unit
        ``bytes/s``, ``bytes`` or ``count``.
    span
        ``during``: while it runs; ``from``: from its start to ``edge_s``; ``until``: from ``edge_s`` to its end.
    edge_s
        The end of the hold that does not move with the start [s].
    """

    resource: Resource
    holds: Sequence[Hold]
    amount: float
    limit: float
    unit: str
    span: str = "during"
    edge_s: float = math.inf

    @cached_property
    def busy(self) -> tuple[Floats, Floats]:
        """When the others leave too little: disjoint intervals in order, their beginnings and ends [s]."""
        # Sums of whole numbers are exact; those of bandwidths are compared as the verifier does.
        limit = self.limit * (1 + RELATIVE_TOLERANCE) if self.unit == "bytes/s" else self.limit
        if self.amount > limit:
            return np.array([-math.inf]), np.array([math.inf])
        if not self.holds:
            return np.zeros(0), np.zeros(0)
        times = np.array([(hold.start_s, hold.end_s) for hold in self.holds if hold.start_s < hold.end_s])
        amounts = np.array([hold.amount for hold in self.holds if hold.start_s < hold.end_s], dtype=np.float64)
        if not len(amounts):
            return np.zeros(0), np.zeros(0)
        moments, place = np.unique(times.reshape(-1), return_inverse=True)
        change = np.zeros(len(moments))
        np.add.at(change, place.reshape(-1), np.stack([amounts, -amounts], axis=1).reshape(-1))
        load = np.cumsum(change)
        over = load + self.amount > limit
        edges = np.flatnonzero(np.diff(np.concatenate([[False], over, [False]]).astype(np.int8)))
        begin, end = edges[::2], edges[1::2]
        ends = np.where(end < len(moments), moments[np.minimum(end, len(moments) - 1)], math.inf)
        return moments[begin], ends

    def blocks(self, starts: Floats, duration_s: float) -> Bools:
        """Return at which starts it is not to be had, for a move of a duration [s]."""
        since, until = self.busy
        if not len(since):
            return np.zeros(len(starts), dtype=np.bool_)
        begin, end = self._span(starts, duration_s)
        first = np.searchsorted(until, begin, side="right")
        found = first < len(since)
        blocked: Bools = found & (since[np.minimum(first, len(since) - 1)] < end) & (begin < end)
        return blocked

    def _span(self, starts: Floats, duration_s: float) -> tuple[Floats, Floats]:
        ends = np.maximum(starts, starts + duration_s - TIME_TOLERANCE_S)
        if self.span == "from":
            return starts, np.full(len(starts), self.edge_s)
        if self.span == "until":
            return np.full(len(starts), self.edge_s), ends
        return starts, ends

    def tell(self, start_s: float, duration_s: float, movers: Collection[str]) -> Blocked:
        """Return what stands in the way at a start at which it blocks: the first time with too little, and whose."""
        since, until = self.busy
        begin = float(self._span(np.array([start_s]), duration_s)[0][0])
        place = int(np.searchsorted(until, begin, side="right"))
        at_s, end_s = max(begin, float(since[place])), float(until[place])
        now = [hold for hold in self.holds if hold.start_s <= at_s < hold.end_s]
        moving = [hold.who for hold in sorted(now, key=lambda h: (-h.amount, h.end_s)) if hold.who in movers]
        return Blocked(
            resource=self.resource,
            needed=self.amount,
            available=max(0.0, self.limit - sum(hold.amount for hold in now)),
            unit=self.unit,
            since_s=float(since[place]) if since[place] > 0 else None,
            until_s=_told(end_s),
            holders=tuple(dict.fromkeys(moving))[:MOST_HOLDERS],
            stay=sum(hold.who not in movers for hold in now),
        )


@dataclass(frozen=True)
class Bound:
    """A moment before which a move may not start, or after which it may not end.

    Parameters
    ----------
    resource
        Why.
    at_s
        The moment [s].
    of_end
        Whether the end is meant.
    holders
        VMs whose moves make it so.
    """

    resource: Resource
    at_s: float
    of_end: bool
    holders: tuple[str, ...] = ()

    def blocks(self, starts: Floats, duration_s: float) -> Bools:
        """Return which starts it forbids, for a move of a duration [s]."""
        blocked: Bools = (
            starts + duration_s > self.at_s + TIME_TOLERANCE_S if self.of_end else starts < self.at_s - TIME_TOLERANCE_S
        )
        return blocked

    def tell(self, start_s: float, duration_s: float, movers: Collection[str]) -> Blocked:
        """Return what stands in the way at a start that it forbids."""
        return Blocked(
            resource=self.resource,
            needed=start_s + duration_s if self.of_end else start_s,
            available=self.at_s,
            unit="s",
            until_s=None if self.of_end else self.at_s,
            since_s=self.at_s if self.of_end else None,
            holders=self.holders,
        )


@dataclass(frozen=True)
class Never:
    """Something that forbids a target at any start."""

    resource: Resource
    holders: tuple[str, ...]

    def blocks(self, starts: Floats, duration_s: float) -> Bools:
        """Return that every start is forbidden."""
        return np.ones(len(starts), dtype=np.bool_)

    def tell(self, start_s: float, duration_s: float, movers: Collection[str]) -> Blocked:
        """Return what stands in the way."""
        return Blocked(resource=self.resource, holders=self.holders)


Claim = Need | Bound | Never


@dataclass(frozen=True)
class Trial:
    """A move tried in place of a planned one, all else as it is.

    Parameters
    ----------
    duration_s
        How long it takes [s].
    claims
        What it needs and what binds it.
    events_s
        The moments at which it may become possible: where it fits at any start, it fits at one of these [s].
    movers
        The VMs that move.
    """

    duration_s: float
    claims: tuple[Claim, ...]
    events_s: Floats
    movers: Collection[str]

    def open(self, starts: Floats) -> Bools:
        """Return at which starts it fits."""
        shut = np.zeros(len(starts), dtype=np.bool_)
        for claim in self.claims:
            shut |= claim.blocks(starts, self.duration_s)
        return ~shut

    def fits(self, start_s: float) -> bool:
        """Return whether it fits at a start."""
        return bool(self.open(np.array([start_s]))[0])

    def first_fit(self, before_s: float = math.inf) -> float | None:
        """Return the earliest start at which it fits, of those before a moment, or None [s]."""
        starts = self.events_s[self.events_s < before_s]
        possible = np.flatnonzero(self.open(starts))
        return float(starts[possible[0]]) if len(possible) else None

    def at(self, start_s: float) -> tuple[Blocked, ...]:
        """Return what stands in the way at a start; nothing where it fits."""
        start = np.array([start_s])
        return tuple(
            claim.tell(start_s, self.duration_s, self.movers)
            for claim in self.claims
            if claim.blocks(start, self.duration_s)[0]
        )

    def hindrances(self) -> tuple[tuple[Blocked, ...], bool]:
        """Return for a move that fits nowhere what stands in the way, and whether the first does so at every start.

        That which stands in the way at most starts comes first. Starts too late for the deadline are not counted.
        """
        late = [claim for claim in self.claims if isinstance(claim, Bound) and claim.of_end]
        starts = self.events_s
        for bound in late:
            starts = starts[~bound.blocks(starts, self.duration_s)]
        if not len(starts):
            first = self.events_s[:1]
            found = [bound for bound in late if bound.blocks(first, self.duration_s)[0]]
            return tuple(bound.tell(float(first[0]), self.duration_s, self.movers) for bound in found[:1]), bool(found)
        counted = []
        for claim in self.claims:
            shut = claim.blocks(starts, self.duration_s)
            if shut.any():
                counted.append((int(shut.sum()), claim, float(starts[np.flatnonzero(shut)[-1]])))
        counted.sort(key=lambda entry: -entry[0])
        told = tuple(claim.tell(start_s, self.duration_s, self.movers) for _, claim, start_s in counted)
        return told, bool(counted) and counted[0][0] == len(starts)


def _told(moment_s: float) -> float | None:
    return moment_s if math.isfinite(moment_s) else None
