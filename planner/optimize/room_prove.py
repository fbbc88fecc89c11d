"""Proof with extra moves, for few VMs: the program proposes, the exact schedule disposes.

What fits no schedule is shrunk to some VMs that fit none even where all others were gone from the beginning; what
these do, and that those of them stay which stay, is forbidden together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from planner.optimize.backend import Outcome, solve
from planner.optimize.clock import Clock
from planner.optimize.room_program import Expression, Hops, RoomProgram
from planner.optimize.room_schedule import Answer, schedule
from planner.optimize.room_ways import Timed, Ways

NODES = 200_000
"""Steps of the exact search on one proposal."""
CONFLICT_NODES = 20_000
"""Steps of the exact search within the reduction of a conflict."""
HASTE_NODES = 2_000
"""Steps of the exact search on each try to end sooner."""
CLOSED = 1e-9
"""Relative distance to the best known cost from which a bound counts as having reached it [1]."""


def hasten(ways: Ways, timed: Timed) -> Timed:
    """Return a schedule that costs no more and ends sooner, where other bandwidths or approaches give one."""
    free = ways.free(range(len(timed.ways)))
    best = timed
    quickest = [tuple(ways.as_cheap(k)[0] for k in way) for way in timed.ways]
    trials = [quickest]
    while trials:
        trial = trials.pop()
        tasks = ways.tasks(trial, range(len(trial)))
        answer = schedule(tasks, free, best.finish_s, HASTE_NODES, any_will_do=False)
        found = None if answer.starts is None else ways.timed(trial, answer.starts)
        if found is not None and found.finish_s < best.finish_s * (1 - CLOSED):
            best = found
            trials = _changes(ways, best)
        elif trial is quickest:
            trials = _changes(ways, best)
    return best


def _changes(ways: Ways, timed: Timed) -> list[list[Hops]]:
    """Return what one other choice of one move could be that costs no more and takes less time."""
    times = ways.legs.columns.time_s
    changes: list[list[Hops]] = []
    for v, way in enumerate(timed.ways):
        for i, k in enumerate(way):
            for other in ways.as_cheap(k):
                if times[other] < times[k]:
                    changed = list(timed.ways)
                    changed[v] = (*way[:i], other, *way[i + 1 :])
                    changes.append(changed)
    return changes


class Proof:
    """The search for the plan of least cost with extra moves.

    Parameters
    ----------
    ways, program
        What is decided upon.
    seed
        Seed of the solver.

    Attributes
    ----------
    best
        The best schedule found, or None.
    bound_s
        No plan with extra moves, or without, costs less [s]; infinite where there is none.
    """

    def __init__(self, ways: Ways, program: RoomProgram, seed: int) -> None:
        self._ways = ways
        self._program = program
        self._seed = seed
        self._limit = ways.room.deadline_s
        self.best: Timed | None = None
        self.bound_s = 0.0

    def run(self, clock: Clock, known_s: float, tell: Callable[[str], None]) -> None:
        """Search until the best plan is proven, none can cost less than a known one, or the time is up.

        Parameters
        ----------
        known_s
            Cost of the best plan that is known already; infinite where none is [s].
        """
        if not self._program.possible:
            self.bound_s = float("inf")
            return
        while not clock.expired:
            tell(f"making room, {len(self._program.cuts)} conflicts")
            solution = solve(self._program.program(), seed=self._seed, time_limit_s=clock.left_s)
            if solution.outcome is Outcome.INFEASIBLE:
                self.bound_s = float("inf")
                return
            self.bound_s = max(self.bound_s, solution.bound)
            if solution.values is None or self.bound_s >= known_s - CLOSED * max(1.0, known_s):
                return
            if not self._settle(self._program.ways(solution.values), any_will_do=False):
                return
            if self.best is not None:
                return

    def _settle(self, ways: Sequence[Hops], *, any_will_do: bool) -> bool:
        """Schedule a proposal or forbid it; return whether one of both was done."""
        everyone = range(len(ways))
        crowd = self._ways.overfull(ways)
        if crowd:
            self._forbid(ways, crowd, {k: 0.0 for v in crowd for k in ways[v]})
            return True
        answer = self._schedule(ways, everyone, NODES, any_will_do=any_will_do)
        if answer.starts is not None:
            self.best = hasten(self._ways, self._ways.timed(ways, answer.starts))
            return True
        if not answer.complete:
            return False
        vms = self._conflict(ways)
        self._forbid(ways, vms, self._least(ways, vms))
        return True

    def _schedule(self, ways: Sequence[Hops], vms: Sequence[int], nodes: int, *, any_will_do: bool) -> Answer:
        tasks = self._ways.tasks(ways, vms)
        return schedule(tasks, self._ways.free(vms), self._limit, nodes, any_will_do=any_will_do)

    def _fails(self, ways: Sequence[Hops], vms: Sequence[int], least: Mapping[int, float]) -> bool:
        """Return whether it is proven that some VMs fit no schedule where all others are gone."""
        tasks = self._ways.tasks(ways, vms, least)
        answer = schedule(tasks, self._ways.free(vms), self._limit, CONFLICT_NODES, any_will_do=True)
        return answer.starts is None and answer.complete

    def _least(self, ways: Sequence[Hops], vms: Sequence[int]) -> dict[int, float]:
        """Return the columns that conflict whatever flows they use, and with all times from a least one on [s].

        Most conflicts are about room, and then about neither.
        """
        times = self._ways.legs.columns.time_s
        columns = [k for v in vms for k in ways[v]]
        quickest = {k: float(times[self._program.alike(k)].min()) for k in columns}
        if self._fails(ways, vms, quickest):
            return quickest
        least: dict[int, float] = {}
        for k in columns:
            for time_s in np.unique(times[self._program.alike(k)]).tolist():
                if time_s <= times[k] and self._fails(ways, vms, least | {k: time_s}):
                    least[k] = time_s
                    break
        return least

    def _conflict(self, ways: Sequence[Hops]) -> list[int]:
        """Return VMs that fit no schedule even where all others are gone."""
        kept = list(range(len(ways)))
        stay = [v for v in kept if not ways[v]]
        for drop in ([*stay], *([v] for v in stay), *([v] for v in kept if ways[v])):
            fewer = [v for v in kept if v not in drop]
            if len(fewer) == len(kept):
                continue
            if self._fails(ways, fewer, {}):
                kept = fewer
        return kept

    def _forbid(self, ways: Sequence[Hops], vms: Sequence[int], least: Mapping[int, float]) -> None:
        total, most = Expression(), -1
        for v in vms:
            expression, count = self._program.takes(v, ways[v], least)
            total.plus(expression)
            most += count
        self._program.cuts.append((total, float(most)))
