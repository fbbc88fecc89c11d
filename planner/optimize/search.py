"""The decomposition: assign, spread, schedule, tighten, improve; prove by conflicts where the case is small."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.lanes import Division, divisions, turns
from planner.optimize.arena import SMALL, Arena, Placed
from planner.optimize.backend import Outcome
from planner.optimize.classes import Classes, coarse_classes, split
from planner.optimize.clock import Clock
from planner.optimize.dispatch import Schedule
from planner.optimize.improve import improve
from planner.optimize.laned import LaneArena
from planner.optimize.model import Aim
from planner.optimize.options import Columns, Tables, build_columns, build_tables
from planner.optimize.problem import Problem
from planner.optimize.prove import prove_downtime, prove_finish
from planner.optimize.records import Records
from planner.optimize.shorten import shorten
from planner.optimize.state import Incumbent, State, Watch
from planner.plan.progress import ProgressSink

EXACT_MOVERS = 12
"""Up to so many movers the least downtime is proven by conflicts."""
EXACT_FINISH_MOVERS = 8
"""Up to so many movers the earliest finish is proven by conflicts, which takes longer."""
TRIES = 12
"""Rules of priority tried on each assignment."""
ROUNDS = 40
"""Assignments tried at the most, with other shares of the links to fill."""
PATIENCE = 6
"""Rounds without a better schedule after which the assignments are left alone."""
PATIENCE_OF_FEW = 2000
"""Rounds more by the number of movers: with few of them a round is quick, and luck counts [count]."""
LOOSEN = 0.4
"""Part of what was taken from a link's share that it gets back after a round that kept the deadline [1]."""
WORTHWHILE = 2e-4
"""Share of the weighted downtime by which a round must improve it to count as better [1]."""
GOOD_GAP = 1e-4
"""Relative gap at which the search for better schedules ends [1]."""
SHARES_FOR_A_SOURCE = (0.45, 0.6)
"""Share of the time left that the bound of one source may take: at first, and once no better schedule is found [1]."""
CLOSE_GAP = 1e-3
"""Relative gap from which on no more than `CLOSE_PATIENCE` is worth while: predictions are off by far more [1]."""
CLOSE_PATIENCE = 2
"""Rounds without a better schedule after which one that is so close is left alone."""


@dataclass(frozen=True)
class Result:
    """What a solve brought.

    Parameters
    ----------
    incumbent
        The best schedule, or None.
    bound_s, finish_bound_s
        Proven lower bounds on weighted downtime and on the finish at that downtime [s].
    infeasible
        Whether it is proven that there is no schedule.
    exhausted
        Whether that took more than the relaxation of the order.
    solved
        Whether the bound on the downtime is reached.
    roomless
        Whether the bound on the downtime rests on no memory or vCPUs of targets, so that room made there is no help.
    """

    incumbent: Incumbent | None
    bound_s: float
    finish_bound_s: float | None
    infeasible: bool
    exhausted: bool
    solved: bool
    roomless: bool = False


def search(
    problem: Problem,
    *,
    seed: int,
    clock: Clock,
    sink: ProgressSink | None = None,
    first_only: bool = False,
    watch: Watch | None = None,
) -> Result:
    """Find the schedule of least weighted downtime, then of earliest finish, within the time given.

    Parameters
    ----------
    problem
        The evacuation; no mover is pinned.
    seed
        Seed of all random choices.
    clock
        The time given.
    sink
        Is told how the solve goes.
    first_only
        Stop at the first schedule that keeps the deadline, or at the proof that none exists.
    watch
        Is shown the schedules that do not keep it.
    """
    classes = coarse_classes(problem)
    tables = build_tables(problem, classes)
    state = State(problem, tables, clock, seed, sink)
    state.watch = watch
    relaxed = _Decomposition(state, classes, first_only)
    relaxed.run()
    exhausted = False
    small = len(problem.movers) <= EXACT_MOVERS
    if small and not state.solved and not (first_only and state.incumbent is not None):
        prove_downtime(state)
        exhausted = state.infeasible
    if state.incumbent is not None and not first_only:
        shorten(state)
        if len(problem.movers) <= EXACT_FINISH_MOVERS:
            prove_finish(state)
    roomless = not small and relaxed.classes is classes and _roomy(problem, classes)
    return Result(
        state.incumbent, state.bound_s, state.finish_bound_s, state.infeasible, exhausted, state.solved, roomless
    )


def _roomy(problem: Problem, classes: Classes) -> bool:
    """Return whether each class has room for all movers together, so that its rows of room bind nothing."""
    for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
        if any(size.sum() > free[list(hosts)].sum() for hosts in classes.members):
            return False
    return True


class _Decomposition:
    """Assign by class, spread over hosts, schedule; tighten until it fits; improve.

    The first arena's program bounds everything. After it others take turns: where the first assignment has filled links
    that several moves share, those that divide these links into lanes, each in another way; and a lean one.
    """

    def __init__(self, state: State, classes: Classes, first_only: bool) -> None:
        self._state = state
        self._first_only = first_only
        self._records = Records()
        self._ways: list[dict[int, Division]] = [{}]
        self._depth = -1
        self._lanes_win = False
        self._arenas = [Arena.of_all(state, classes)]

    @property
    def classes(self) -> Classes:
        """Destination classes of the bounding program."""
        return self._arenas[0].classes

    def run(self) -> None:
        """Run until solved, out of ideas or out of time."""
        state = self._state
        stale = 0
        bounding: tuple[Arena, Schedule] | None = None
        movers = len(state.problem.movers)
        # Of very few the optimum is proven afterwards anyway.
        more = PATIENCE_OF_FEW // movers if movers > EXACT_MOVERS else 0
        patience = PATIENCE + more
        for step in range(ROUNDS + 2 * more):
            close = state.incumbent is not None and state.gap <= CLOSE_GAP
            if state.over() or stale > (CLOSE_PATIENCE if close else patience):
                break
            state.tell(f"assigning and scheduling, round {step + 1}")
            turn = self._turn(step)
            placed = self._assign(turn, finish=False, bounding=step == 0)
            arena = self._arenas[turn]
            if placed is None:
                if arena.shares:
                    arena.loosen(LOOSEN)
                elif turn == 0:
                    break
                else:
                    # There may be no assignment to such lanes where there are others.
                    self._arenas.pop(turn)
                continue
            before = state.cost_s
            schedule = arena.dispatch(placed, TRIES)
            if isinstance(arena, LaneArena):
                self._combine(arena)
                self._deepen(turn)
                self._lanes_win |= state.cost_s < before
            if state.incumbent is not None and (self._first_only or state.gap <= GOOD_GAP):
                break
            stale = 0 if state.cost_s < before * (1 - WORTHWHILE) else stale + (state.incumbent is not None)
            if stale == PATIENCE and bounding is not None and state.gap > CLOSE_GAP:
                # Perhaps it is the bound that is not good yet.
                self._look_at_sources(*bounding, SHARES_FOR_A_SOURCE[1])
                bounding = None
            if schedule.finish_s > state.problem.deadline_s:
                arena.tighten(schedule)
            else:
                arena.loosen(LOOSEN)
            if step == 0:
                bounding = arena, schedule
                self._look_at_sources(*bounding, SHARES_FOR_A_SOURCE[0])
                if movers > EXACT_MOVERS:
                    self._arenas += self._divided(arena, arena.saturated(schedule))
                self._arenas.append(Arena(state, arena.classes, lean=True))
        if state.incumbent is None and not state.infeasible:
            self._fastest()
        if state.incumbent is not None and not self._first_only and state.gap > CLOSE_GAP:
            improve(state)

    def _combine(self, arena: LaneArena) -> None:
        """Schedule the best packings of all links together if that would be better than any schedule so far."""
        state, records = self._state, self._records
        known = len(records.best)
        if known < 2 or known != len(arena.lanes) or records.cost_s >= state.cost_s * (1 - GOOD_GAP):
            return
        divisions = {link: record.division for link, record in records.best.items()}
        LaneArena(state, arena.classes, divisions, records).replay()

    def _look_at_sources(self, arena: Arena, schedule: Schedule, share_of_time: float) -> None:
        """Raise the bound by what the moves of each busy source take at the least, if all choices are on offer."""
        state = self._state
        if arena.lean:
            return
        state.tell("bounding hosts one by one")
        floors = arena.floors(schedule, share_of_time)
        if math.inf in floors.values():
            # Some host cannot be emptied in time: no row can ask for infinite downtime.
            state.infeasible = True
        elif floors:
            solution = arena.solve(Aim(state.problem.deadline_s, floors=floors))
            if solution.outcome is Outcome.INFEASIBLE:
                state.infeasible = True
            else:
                state.raise_bound(solution.bound)

    def _divided(self, arena: Arena, links: list[int]) -> list[LaneArena]:
        """Return arenas that divide links into lanes, one for each of the ways to do so."""
        capacity = self._state.problem.network.capacity_bytes_per_s
        shared = {link: divisions(float(capacity[link]), arena.fastest(link)) for link in links}
        narrow = {link: turns(float(capacity[link])) for link, ways in shared.items() if not ways}
        ways = max(map(len, shared.values()), default=0)
        found = [{link: of[min(way, len(of) - 1)] for link, of in shared.items() if of} for way in range(ways)]
        self._ways = found or [{}]
        return [
            LaneArena(self._state, arena.classes, lanes, self._records, light=True)
            for lanes in (*self._ways, narrow)
            if lanes
        ]

    def _deepen(self, turn: int) -> None:
        """Let an arena that divides links that several moves share look harder, where there is something to gain."""
        arena = self._arenas[turn]
        if not isinstance(arena, LaneArena) or arena.lanes.keys() != self._ways[0].keys():
            return
        kept = self._records.settled()
        best = self._records.best
        self._depth += 1
        way = self._ways[self._depth % len(self._ways)]
        lanes = {link: best[link].division if link in kept else division for link, division in way.items()}
        self._arenas[turn] = LaneArena(self._state, arena.classes, lanes, self._records, kept=kept)

    def _turn(self, step: int) -> int:
        """Return the arena of a round: those with lanes where they win, else all in turn, but a slow first one once."""
        laned = [i for i, arena in enumerate(self._arenas) if isinstance(arena, LaneArena)]
        if self._lanes_win and laned:
            return laned[step % len(laned)]
        slow = int(step > 0 and len(self._arenas) > 1 and len(self._arenas[0].columns) > SMALL)
        return slow + step % (len(self._arenas) - slow)

    def _fastest(self) -> None:
        """Look for any schedule at all: assign for the earliest finish."""
        self._state.tell("looking for the earliest finish")
        for turn in range(len(self._arenas)):
            placed = self._assign(turn, finish=True, bounding=False)
            if placed is not None and self._state.incumbent is None:
                self._arenas[turn].dispatch(placed, tries=20 * TRIES)

    def _assign(self, turn: int, *, finish: bool, bounding: bool) -> Placed | None:
        """Return an assignment with hosts, or None; the first program's bound is a bound on everything."""
        state = self._state
        while not state.clock.expired:
            arena = self._arenas[turn]
            shares = {} if finish else arena.shares
            solution = arena.solve(Aim(state.problem.deadline_s, finish=finish, shares=shares))
            if bounding:
                if solution.outcome is Outcome.INFEASIBLE:
                    state.infeasible = True
                    return None
                state.raise_bound(solution.bound)
            if solution.values is None:
                return None
            placed, failed = arena.place(solution)
            if placed is not None:
                return placed
            if all(len(arena.classes.members[c]) == 1 for c in failed):
                # Within the solver's tolerance but not in whole bytes: nothing finer to ask.
                return None
            state.tell("choosing hosts one by one")
            finer = split(state.problem, arena.classes, failed)
            self._records = Records()
            self._arenas = [other.over(finer) for other in self._arenas]
        return None


def tables_and_columns(problem: Problem) -> tuple[Classes, Tables, Columns]:
    """Return the relaxation's classes, tables and columns, for those who explain or bound."""
    classes = coarse_classes(problem)
    tables = build_tables(problem, classes)
    return classes, tables, build_columns(problem, classes, tables)
