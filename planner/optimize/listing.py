"""A list schedule of jobs with settled hosts: whatever fits starts, the most urgent first.

A job waits on the first resource that it finds busy, and is looked at again when that is freed. On a link that several
jobs share, they may be held to tracks: each has a share of the durations, so that all tracks end at the same time.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from planner.optimize.jobs import FIT, Jobs
from planner.optimize.order import Order

Waiting = tuple[float, int]
"""Key and number of a job that waits; the smallest goes first."""
Candidate = tuple[float, int, int | float | None]
"""Key and number of a job that may start, and the resource for which it has waited, if others wait behind it."""


@dataclass(frozen=True)
class Tracks:
    """Durations that follow each other on each of the equal parts of a shared resource.

    Parameters
    ----------
    resource
        The resource.
    durations
        Of the jobs of each track [s]; which of the jobs of a duration comes there is left open.
    """

    resource: int
    durations: Sequence[Sequence[float]]


def list_schedule(jobs: Jobs, urgency: Sequence[float], tracks: Tracks | None = None) -> list[float]:
    """Return the start of each job [s].

    Parameters
    ----------
    urgency
        Of each job; the largest goes first.
    tracks
        Parts of a resource to keep to.
    """
    return _Pass(jobs, urgency, tracks).run()


class _Pass:
    """One pass over the events."""

    def __init__(self, jobs: Jobs, urgency: Sequence[float], tracks: Tracks | None) -> None:
        self._jobs = jobs
        self._key = [-value for value in urgency]
        self._free = [1.0 + FIT] * len(jobs.users)
        self._waiting: dict[int | float, list[Waiting]] = {}
        self._tracked = -1 if tracks is None else tracks.resource
        self._left = [Counter(durations) for durations in (() if tracks is None else tracks.durations)]
        self._rest = [sum(durations) for durations in (() if tracks is None else tracks.durations)]
        self._open = set(range(len(self._left)))
        self._track_of: dict[int, int] = {}
        self._order = Order(jobs.after)
        self._mixed: dict[int | float, dict[int, float]] = {}
        for x, users in enumerate(jobs.users):
            shares = {j: share for j in users for y, share in jobs.uses[j] if y == x}
            if len(set(shares.values())) > 1:
                self._mixed[x] = shares
        # Jobs whose target is ready stand in the queue of events behind the ends of all jobs.
        self._events: list[Waiting] = [(jobs.head_s[j], len(jobs) + j) for j in self._order.free()]
        heapq.heapify(self._events)
        self._starts = [0.0] * len(jobs)

    def run(self) -> list[float]:
        """Return the starts."""
        jobs, count = self._jobs, len(self._jobs)
        while self._events:
            now = self._events[0][0]
            freed: set[int | float] = set()
            front: list[Candidate] = []
            while self._events and self._events[0][0] == now:
                which = heapq.heappop(self._events)[1]
                if which >= count:
                    front.append((self._key[which - count], which - count, None))
                    continue
                for j in self._finish(which, freed):
                    heapq.heappush(self._events, (max(now, jobs.head_s[j]), count + j))
            for resource in freed:
                front += self._woken(resource)
            self._start_what_fits(front, now)
        return self._starts

    def _woken(self, resource: int | float) -> list[Candidate]:
        """Return who looks again at a freed resource: the first that waits, or all that fit if they differ in size."""
        waiting = self._waiting.get(resource)
        if not waiting:
            return []
        if resource not in self._mixed:
            return [(*heapq.heappop(waiting), resource)]
        share, free = self._mixed[resource], self._free[int(resource)]
        fitting: list[Candidate] = [(key, j, None) for key, j in waiting if share[j] <= free]
        if fitting:
            self._waiting[resource] = [(key, j) for key, j in waiting if share[j] > free]
            heapq.heapify(self._waiting[resource])
        return fitting

    def _start_what_fits(self, front: list[Candidate], now: float) -> None:
        """Go through those that may start now, and those that wait behind them, the most urgent first."""
        heapq.heapify(front)
        while front:
            key, j, came_from = heapq.heappop(front)
            blocker = self._blocker(j)
            if blocker is None:
                self._begin(j, now)
            else:
                heapq.heappush(self._waiting.setdefault(blocker, []), (key, j))
            if came_from is not None and blocker != came_from:
                waiting = self._waiting.get(came_from)
                if waiting:
                    heapq.heappush(front, (*heapq.heappop(waiting), came_from))

    def _blocker(self, j: int) -> int | float | None:
        """Return the resource that keeps a job from starting now, or None; a duration stands for the tracks with it."""
        free, tracked = self._free, False
        for x, share in self._jobs.uses[j]:
            if x == self._tracked:
                tracked = True
            elif share > free[x]:
                return x
        if tracked and self._track(self._jobs.time_s[j]) is None:
            return -1.0 - self._jobs.time_s[j]
        return None

    def _track(self, duration_s: float) -> int | None:
        """Return the open track with the most to come that has a place for a duration, or None."""
        best: int | None = None
        for track in self._open:
            if self._left[track][duration_s] > 0 and (best is None or self._rest[track] > self._rest[best]):
                best = track
        return best

    def _begin(self, j: int, now: float) -> None:
        jobs = self._jobs
        for x, share in jobs.uses[j]:
            if x == self._tracked:
                track = self._track(jobs.time_s[j])
                assert track is not None
                self._open.discard(track)
                self._left[track][jobs.time_s[j]] -= 1
                self._rest[track] -= jobs.time_s[j]
                self._track_of[j] = track
            else:
                self._free[x] -= share
        self._starts[j] = now
        heapq.heappush(self._events, (now + jobs.time_s[j], j))

    def _finish(self, j: int, freed: set[int | float]) -> list[int]:
        """Free what a job held, and return the jobs that waited for its end."""
        for x, share in self._jobs.uses[j]:
            if x == self._tracked:
                track = self._track_of[j]
                self._open.add(track)
                freed.update(-1.0 - duration for duration, count in self._left[track].items() if count > 0)
            else:
                self._free[x] += share
                freed.add(x)
        return self._order.end(j)
