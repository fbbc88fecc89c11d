"""A plan with extra moves at any size: hosts by the greedy, bandwidths by the program, starts by the dispatcher."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from planner.optimize.backend import solve
from planner.optimize.clock import Clock
from planner.optimize.problem import Ints
from planner.optimize.room_dispatch import dispatch
from planner.optimize.room_greedy import Greedy, Step, least_costs
from planner.optimize.room_places import find_places
from planner.optimize.room_problem import Room, leg_problem, leg_tables, make_legs
from planner.optimize.room_program import Hops, RoomProgram
from planner.optimize.room_schedule import Task
from planner.optimize.room_ways import Timed, Ways

TRIES = 8
"""Orders in which VMs are placed."""
ROUNDS = 8
"""Times that the window is narrowed until the schedule keeps the deadline."""
PLACES_LIMIT_S = 8.0
"""Wall time that the program for places may take [s]."""
PLACES_SHARE = 0.3
"""Share of the time left that it may take [1]."""
SHORTER = 0.7
"""Part of the longest move that the longest of the next round may take [1]."""
PARKED = 6
"""VMs sent by way of a parking place at the most [count]."""
DETOURS = 150
"""Detours tried for one of them [count]."""
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

    Attributes
    ----------
    bound_s
        No plan costs less [s]; infinite where it is proven that there is none.
    """

    def __init__(self, room: Room, narrow: Callable[[Sequence[int]], Room], seed: int) -> None:
        self._room, self._narrow, self._seed = room, narrow, seed
        self.bound_s = 0.0
        problem = leg_problem(room, list(enumerate(room.home)))
        _, tables = leg_tables(room, problem)
        self._costs = least_costs(room, problem, tables)

    def run(self, clock: Clock, known_s: float, *, first_only: bool = False) -> tuple[Ways, Timed] | None:
        """Return the best schedule found, or the first, that costs less than a known one [s]; or None."""
        room = self._room
        best: tuple[Ways, Timed] | None = None
        for steps in self._proposals(clock):
            if best is not None and len(steps) == 0:
                break
            least_s = sum(self._costs[s.vm, s.target] + room.price_s * (s.vm >= room.forced) for s in steps)
            if steps and least_s < known_s * (1 - TIE):
                found = self._carry_out(steps, clock, known_s)
                if found is not None:
                    best, known_s = found, found[1].cost_s
            if clock.expired or (first_only and best is not None):
                break
        return best

    def _proposals(self, clock: Clock) -> Iterator[list[Step]]:
        """Yield who goes where: by the greedy, by the program, nothing as a sign of less hope, by other orders."""
        room = self._room
        known = Greedy(room, self._costs).run() or []
        yield known
        places = find_places(
            room, self._costs, known, seed=self._seed, time_limit_s=min(PLACES_LIMIT_S, clock.left_s * PLACES_SHARE)
        )
        self.bound_s = places.bound_s
        if math.isinf(self.bound_s):
            return
        yield places.steps or []
        yield []
        rng = np.random.default_rng(self._seed)
        for _ in range(TRIES):
            yield Greedy(room, self._costs, rng).run() or []

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
        if not program.possible:
            return None
        window_s = longest_s = room.deadline_s
        for _ in range(ROUNDS):
            asked = program.program(window_s)
            asked.bound[_too_slow(ways, longest_s)] = 0.0
            solution = solve(asked, seed=self._seed, time_limit_s=clock.left_s, gap=GAP)
            if solution.values is None:
                return None
            chosen = program.ways(solution.values)
            taken, timed = ways, self._timed(ways, chosen, turn)
            if timed is None:
                taken, timed = self._with_parking(room, ways, chosen, only)
            if timed is None or timed.cost_s >= known_s * (1 - TIE):
                return None
            if _in_time(taken, timed):
                return taken, self._without_needless(taken, timed, turn)
            # Too late because links are full, or because moves wait for each other in a chain: less of both.
            window_s *= min(0.98, room.deadline_s / timed.finish_s)
            longest_s = SHORTER * max(float(taken.legs.columns.time_s[k]) for way in timed.ways for k in way)
        return None

    def _timed(self, ways: Ways, chosen: Sequence[Hops], turn: Mapping[int, int]) -> Timed | None:
        """Return the schedule that ends first of some orders, or None where all wait in a circle."""
        everyone = range(len(chosen))
        tasks, free = ways.tasks(chosen, everyone), ways.free(everyone)
        line = [float(turn[task.vm]) for task in tasks]
        best: Timed | None = None
        for rank in _ranks(ways, tasks, line):
            timed = _whole(ways, chosen, dispatch(tasks, free, rank))
            if timed is not None:
                best = timed if best is None or timed.finish_s < best.finish_s else best
        return best or _whole(ways, chosen, dispatch(tasks, free, line, line))

    def _with_parking(
        self, room: Room, ways: Ways, chosen: Sequence[Hops], only: Mapping[int, int]
    ) -> tuple[Ways, Timed | None]:
        """Send some of those that wait for each other by way of a parking place, one after the other."""
        legs = make_legs(room, parking=True, only=only)
        parking = Ways(room, legs)
        now = [tuple(parking.same(ways.legs, k) for k in way) for way in chosen]
        stuck = self._stuck(parking, now)
        for _ in range(PARKED):
            if not stuck:
                break
            trials = (
                (len(self._stuck(parking, trial)), parking.cost_s(trial), trial)
                for v in sorted(stuck)
                if v >= room.forced and len(now[v]) == 1
                for way in parking.detours(v, only[v])
                for trial in [[*now[:v], way, *now[v + 1 :]]]
            )
            best = min(islice(trials, DETOURS), default=None)
            if best is None:
                return parking, None
            now = best[2]
            stuck = self._stuck(parking, now)
        return parking, self._timed(parking, now, {v: v for v in range(len(now))})

    def _stuck(self, ways: Ways, chosen: Sequence[Hops]) -> set[int]:
        """Return the VMs with moves that would wait for ever."""
        everyone = range(len(chosen))
        tasks = ways.tasks(chosen, everyone)
        starts = dispatch(tasks, ways.free(everyone), next(_ranks(ways, tasks, ())))
        return {task.vm for task, start in zip(tasks, starts, strict=True) if start is None}

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


def _too_slow(ways: Ways, longest_s: float) -> Ints:
    """Return the columns that take longer than a time [s], less the quickest of each leg and host."""
    columns = ways.legs.columns
    quickest = np.full(len(ways.legs.vm), np.inf)
    np.minimum.at(quickest, columns.mover, columns.time_s)
    return np.flatnonzero((columns.time_s > longest_s) & (columns.time_s > quickest[columns.mover]))


def _whole(ways: Ways, chosen: Sequence[Hops], starts: Sequence[float | None]) -> Timed | None:
    """Return the schedule with these starts, or None where one is missing."""
    given = [start for start in starts if start is not None]
    return ways.timed(chosen, given) if len(given) == len(starts) else None


def _in_time(ways: Ways, timed: Timed) -> bool:
    everyone = range(len(timed.ways))
    starts = [start for times in timed.starts for start in times]
    return all(
        start + task.time_s + task.tail_s <= ways.room.deadline_s
        for task, start in zip(ways.tasks(timed.ways, everyone), starts, strict=True)
    )
