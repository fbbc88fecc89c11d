"""A plan with extra moves at any size: hosts by the greedy, bandwidths by the program, starts by the dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from planner.optimize.backend import solve
from planner.optimize.clock import Clock
from planner.optimize.room_dispatch import dispatch
from planner.optimize.room_greedy import Greedy, Step, least_costs
from planner.optimize.room_problem import Room, leg_problem, leg_tables, make_legs
from planner.optimize.room_program import Hops, RoomProgram
from planner.optimize.room_schedule import Task
from planner.optimize.room_ways import Timed, Ways

TRIES = 8
"""Orders in which VMs are placed."""
ROUNDS = 5
"""Times that the window is narrowed until the schedule keeps the deadline."""
GAP = 1e-4
"""Relative gap at which the program for bandwidths stops [1]."""
TIE = 1e-9
"""Relative saving that is none [1]."""


class Quick:
    """Looks for plans with extra moves.

    Parameters
    ----------
    room
        All VMs that must and may move.
    narrow
        Returns the room in which of the VMs that may move only some do, by index.
    seed
        Seed of all random choices.
    """

    def __init__(self, room: Room, narrow: Callable[[Sequence[int]], Room], seed: int) -> None:
        self._room, self._narrow, self._seed = room, narrow, seed

    def run(self, clock: Clock, known_s: float) -> tuple[Ways, Timed] | None:
        """Return the first schedule found that costs less than a known one [s], or None."""
        room = self._room
        problem = leg_problem(room, list(enumerate(room.home)))
        _, tables = leg_tables(room, problem)
        costs = least_costs(room, problem, tables)
        rng = np.random.default_rng(self._seed)
        for number in range(TRIES):
            if clock.expired:
                break
            steps = Greedy(room, costs, rng if number else None).run()
            if steps is None:
                continue
            least_s = sum(costs[s.vm, s.target] + room.price_s * (s.vm >= room.forced) for s in steps)
            if least_s >= known_s * (1 - TIE):
                continue
            found = self._carry_out(steps, clock, known_s)
            if found is not None:
                return found
        return None

    def _carry_out(self, steps: Sequence[Step], clock: Clock, known_s: float) -> tuple[Ways, Timed] | None:
        """Choose bandwidths and starts; None where that keeps no deadline or costs too much."""
        extra = [step.vm for step in steps if step.vm >= self._room.forced]
        room = self._narrow(extra)
        index = {vm.name: v for v, vm in enumerate(room.vms)}
        now = {step.vm: index[self._room.vms[step.vm].name] for step in steps}
        only = {now[step.vm]: step.target for step in steps}
        turn = {now[step.vm]: number for number, step in enumerate(steps)}
        legs = make_legs(room, parking=False, only=only)
        ways, program = Ways(room, legs), RoomProgram(room, legs)
        window_s = room.deadline_s
        for _ in range(ROUNDS):
            solution = solve(program.program(window_s), seed=self._seed, time_limit_s=clock.left_s, gap=GAP)
            if solution.values is None:
                return None
            chosen = program.ways(solution.values)
            timed = self._timed(ways, chosen, turn)
            if timed is None or ways.cost_s(chosen) >= known_s * (1 - TIE):
                return None
            if _in_time(ways, timed):
                return ways, self._without_needless(ways, timed, turn)
            window_s *= min(0.98, room.deadline_s / timed.finish_s)
        return None

    def _timed(self, ways: Ways, chosen: Sequence[Hops], turn: Mapping[int, int]) -> Timed | None:
        """Return the schedule that ends first of some orders, or None where all wait in a circle."""
        everyone = range(len(chosen))
        tasks, free = ways.tasks(chosen, everyone), ways.free(everyone)
        line = [float(turn[task.vm]) for task in tasks]
        best: Timed | None = None
        for rank in _ranks(ways, tasks, line):
            starts = dispatch(tasks, free, rank)
            if starts is not None:
                timed = ways.timed(chosen, starts)
                best = timed if best is None or timed.finish_s < best.finish_s else best
        if best is None:
            starts = dispatch(tasks, free, line, line)
            best = None if starts is None else ways.timed(chosen, starts)
        return best

    def _without_needless(self, ways: Ways, timed: Timed, turn: Mapping[int, int]) -> Timed:
        """Leave out each extra VM once, and for good where the rest still fits."""
        for v in range(ways.room.forced, len(timed.ways)):
            fewer = [() if u == v else way for u, way in enumerate(timed.ways)]
            if ways.overfull(fewer) or not ways.keeps_rules(fewer):
                continue
            trial = self._timed(ways, fewer, turn)
            if trial is not None and _in_time(ways, trial):
                timed = trial
        return timed


def _ranks(ways: Ways, tasks: Sequence[Task], line: Sequence[float]) -> Iterator[list[float]]:
    """Yield orders of urgency, the smallest first: who makes room before others, then the longest; and others."""
    extra = [task.vm >= ways.room.forced for task in tasks]
    longest = max((task.time_s for task in tasks), default=1.0)
    yield [-task.time_s / longest - more for task, more in zip(tasks, extra, strict=True)]
    yield [-task.time_s for task in tasks]
    yield list(line)


def _in_time(ways: Ways, timed: Timed) -> bool:
    everyone = range(len(timed.ways))
    starts = [start for times in timed.starts for start in times]
    return all(
        start + task.time_s + task.tail_s <= ways.room.deadline_s
        for task, start in zip(ways.tasks(timed.ways, everyone), starts, strict=True)
    )
