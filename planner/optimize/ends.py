"""The least weighted sum of ends of jobs with settled hosts: a list by Smith's rule, then ruin and recreate.

A step of the search takes a job that starts late, clears the resources on which it waits from an earlier time on, and
puts what was cleared back in a new order, each job as early as it fits. It is kept if the ends add up to no more.
"""

from __future__ import annotations

import random
from bisect import insort
from collections.abc import Iterator

from planner.optimize.clock import Clock
from planner.optimize.jobs import FIT, Jobs
from planner.optimize.listing import list_schedule

STEPS_PER_JOB = 26
"""Steps of the search for each job [count]."""
LOOK_EVERY = 64
"""Steps between two looks at the clock [count]."""
SPREAD = 0.3
"""By how much the order in which jobs are put back departs from Smith's rule [1]."""
FURTHER = 0.5
"""How often a step also clears the resources of one more job [1]."""
WIDER = 0.15
"""How often a step clears the resources of all jobs that it has found [1]."""
MOST_CLEARED = 20
"""Jobs that a step clears at the most [count]."""

Interval = tuple[float, float, int, float]
"""Start and end [s], job, and the share that it takes [1]."""


def least_ends(
    jobs: Jobs,
    bound_s: float,
    deadline_s: float,
    clock: Clock,
    *,
    seed: int,
    start: list[float] | None = None,
    enough: float = 0.0,
) -> list[float] | None:
    """Return starts with a small weighted sum of ends [s], or None if none was found that keeps the deadline.

    Parameters
    ----------
    bound_s
        No schedule has a smaller sum [s].
    deadline_s
        When the last source must be off [s].
    clock
        The time given.
    seed
        Seed of the random choices.
    start
        A schedule to begin with beside those made here.
    enough
        Relative distance to the bound at which the search ends [1].
    """
    best: list[float] | None = None
    for starts in _beginnings(jobs, start):
        in_time = jobs.finish_s(starts) <= deadline_s
        if in_time and (best is None or jobs.ends_s(starts) < jobs.ends_s(best)):
            best = starts
        if clock.expired or (best is not None and jobs.ends_s(best) <= bound_s * (1 + enough)):
            break
    if best is None or any(jobs.after):
        return best
    search = _Search(jobs, best, deadline_s, random.Random(seed))
    goal = bound_s * (1 + enough)
    for step in range(STEPS_PER_JOB * len(jobs)):
        if step % LOOK_EVERY == 0 and (search.ends_s <= goal or clock.expired):
            break
        search.step()
    return search.starts


def _beginnings(jobs: Jobs, start: list[float] | None) -> Iterator[list[float]]:
    """Yield schedules: by Smith's rule, those with many others on their resources first among equals, and as given."""
    rank = _rank(jobs)
    busy = [sum(len(jobs.users[x]) for x, _ in mine if jobs.single[x]) for mine in jobs.uses]
    load = jobs.loads()
    most = [max((load[x] for x, _ in mine if jobs.single[x]), default=0.0) for mine in jobs.uses]
    longest = max(jobs.time_s, default=1.0)
    for crowd, work in ((1e-6, 0.0), (0.0, 1e-6), (0.02, 0.0), (0.0, 0.1)):
        yield list_schedule(
            jobs, [-r + crowd * longest * b + work * m for r, b, m in zip(rank, busy, most, strict=True)]
        )
    if start is not None:
        yield start


def _rank(jobs: Jobs) -> list[float]:
    """Return the duration of each job for its weight; those that weigh nothing come last [s]."""
    longest = max(jobs.time_s, default=1.0)
    return [t / w if w > 0 else 1e6 * longest for t, w in zip(jobs.time_s, jobs.weight, strict=True)]


class _Search:
    """The schedule while the search goes on.

    Attributes
    ----------
    starts
        Start of each job [s].
    ends_s
        Weighted sum of ends [s].
    """

    def __init__(self, jobs: Jobs, starts: list[float], deadline_s: float, rng: random.Random) -> None:
        self.starts = list(starts)
        self.ends_s = jobs.ends_s(starts)
        self._jobs = jobs
        self._rng = rng
        self._rank = _rank(jobs)
        self._latest = [deadline_s - tail for tail in jobs.tail_s]
        self._single = [[x for x, _ in mine if jobs.single[x]] for mine in jobs.uses]
        self._lines: list[list[Interval]] = [[] for _ in jobs.users]
        for j, mine in enumerate(jobs.uses):
            for x, share in mine:
                self._lines[x].append((starts[j], starts[j] + jobs.time_s[j], j, share))
        for line in self._lines:
            line.sort()

    def step(self) -> None:
        """Clear some jobs and put them back in another order; keep that if the ends add up to no more."""
        jobs, starts, random_ = self._jobs, self.starts, self._rng.random
        first = int(random_() * len(jobs))
        if starts[first] <= jobs.head_s[first]:
            return
        gone = self._cleared(first)
        if len(gone) > MOST_CLEARED:
            return
        saved: dict[int, list[Interval]] = {}
        before = 0.0
        for j in gone:
            before += jobs.weight[j] * starts[j]
            for x, _ in jobs.uses[j]:
                if x not in saved:
                    line = saved[x] = self._lines[x]
                    self._lines[x] = [one for one in line if one[2] not in gone]
        order = sorted(gone - {first}, key=lambda j: self._rank[j] * (1 - SPREAD + 2 * SPREAD * random_()))
        placed: list[tuple[int, float]] = []
        after = 0.0
        for j in (first, *order):
            start = self._earliest(j)
            after += jobs.weight[j] * start
            if after > before + 1e-9 or start + jobs.time_s[j] > self._latest[j]:
                for x, line in saved.items():
                    self._lines[x] = line
                return
            placed.append((j, start))
            for x, share in jobs.uses[j]:
                insort(self._lines[x], (start, start + jobs.time_s[j], j, share))
        for j, start in placed:
            starts[j] = start
        self.ends_s += after - before

    def _cleared(self, first: int) -> set[int]:
        """Return the jobs to clear: on the resources of a job, those that run after an earlier time."""
        lines, start, random_ = self._lines, self.starts[first], self._rng.random
        earlier = [one[0] for x in self._single[first] for one in lines[x] if one[0] < start]
        since = earlier[int(random_() * len(earlier))] if earlier else self._jobs.head_s[first]
        gone = {first}
        for x in self._single[first]:
            gone.update(one[2] for one in lines[x] if one[1] > since)
        dice = random_()
        if dice < FURTHER:
            # Sorted, so that the same seed takes the same job in every run.
            further = sorted(gone) if dice < WIDER else [sorted(gone)[int(random_() * len(gone))]]
            for j in further:
                for x in self._single[j]:
                    gone.update(one[2] for one in lines[x] if one[1] > since)
        return gone

    def _earliest(self, j: int) -> float:
        """Return the earliest start of a job beside those that are placed [s]."""
        jobs = self._jobs
        at, duration = jobs.head_s[j], jobs.time_s[j]
        settled = False
        while not settled:
            settled = True
            for x, share in jobs.uses[j]:
                line = self._lines[x]
                then = _after(line, at, duration) if jobs.single[x] else _beside(line, at, duration, share)
                if then > at:
                    at, settled = then, False
        return at


def _after(line: list[Interval], at: float, duration: float) -> float:
    """Return the earliest time from which a resource that serves one at a time is free for long enough [s]."""
    for start, end, _, _ in line:
        if end > at:
            if start >= at + duration:
                break
            at = end
    return at


def _beside(line: list[Interval], at: float, duration: float, share: float) -> float:
    """Return the earliest time from which a share of a resource is free for long enough [s]."""
    while True:
        here = [one for one in line if one[1] > at and one[0] < at + duration]
        if share + sum(one[3] for one in here) <= 1.0 + FIT:
            return at
        for moment in sorted({at, *(one[0] for one in here if one[0] > at)}):
            running = [one for one in here if one[0] <= moment < one[1]]
            if share + sum(one[3] for one in running) > 1.0 + FIT:
                at = min(one[1] for one in running)
                break
        else:
            return at
