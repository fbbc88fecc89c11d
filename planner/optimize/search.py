"""The decomposition: assign, spread, schedule, tighten, improve; prove by conflicts where the case is small."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from planner.optimize.backend import Outcome, Solution, solve
from planner.optimize.classes import Classes, coarse_classes, split
from planner.optimize.clock import Clock
from planner.optimize.dispatch import Dispatcher, Guide, Schedule
from planner.optimize.improve import improve
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import Columns, Tables, build_columns, build_tables
from planner.optimize.problem import Ints, Problem
from planner.optimize.prove import prove_downtime, prove_finish
from planner.optimize.shorten import shorten
from planner.optimize.spread import Spreader
from planner.optimize.state import Incumbent, State
from planner.optimize.urgency import urgencies
from planner.plan.progress import ProgressSink

EXACT_MOVERS = 8
"""Up to so many movers the proof by conflicts is tried."""
TRIES = 12
"""Rules of priority tried on each assignment."""
ROUNDS = 24
"""Assignments tried at the most, with other shares of the links to fill."""
PATIENCE = 6
"""Rounds without a better schedule after which the assignments are left alone."""
LOOSEN = 0.4
"""Part of what was taken from a link's share that it gets back after a round that kept the deadline [1]."""
GOOD_GAP = 1e-4
"""Relative gap at which the search for better schedules ends [1]."""
BUSY = 0.9
"""Load from which a link counts as the reason why its moves are late [1]."""
MASTER_GAP = 1e-5
"""Relative gap at which a large assignment program stops; small ones are solved to the end [1]."""
LARGE = 3000
"""Columns from which an assignment program is large."""


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
    """

    incumbent: Incumbent | None
    bound_s: float
    finish_bound_s: float | None
    infeasible: bool
    exhausted: bool
    solved: bool


def search(
    problem: Problem, *, seed: int, clock: Clock, sink: ProgressSink | None = None, first_only: bool = False
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
    """
    classes = coarse_classes(problem)
    tables = build_tables(problem, classes)
    state = State(problem, tables, clock, seed, sink)
    relaxed = _Decomposition(state, classes, first_only)
    relaxed.run()
    exhausted = False
    small = len(problem.movers) <= EXACT_MOVERS
    if small and not state.solved and not (first_only and state.incumbent is not None):
        prove_downtime(state)
        exhausted = state.infeasible
    if state.incumbent is not None and not first_only:
        shorten(state)
        if small:
            prove_finish(state)
    return Result(state.incumbent, state.bound_s, state.finish_bound_s, state.infeasible, exhausted, state.solved)


@dataclass(frozen=True)
class Placed:
    """An assignment with hosts.

    Parameters
    ----------
    choice, home
        Column and host of each mover, shape (M,).
    guides
        Patterns that the assignment counts on, by link.
    """

    choice: Ints
    home: Ints
    guides: dict[int, Guide]


class _Decomposition:
    """Assign by class, spread over hosts, schedule; tighten until it fits; improve."""

    def __init__(self, state: State, classes: Classes, first_only: bool) -> None:
        self._state = state
        self._first_only = first_only
        self._use(classes)

    def _use(self, classes: Classes) -> None:
        state = self._state
        self._classes: Classes = classes
        self._columns: Columns = build_columns(state.problem, classes, state.tables, for_schedule=False)
        self._model = AssignmentModel(state.problem, classes, self._columns)
        self._spreader = Spreader(state.problem, classes, self._columns, state.seed)
        self._dispatcher = Dispatcher(state.problem, classes, self._columns)

    def run(self) -> None:
        """Run until solved, out of ideas or out of time."""
        state = self._state
        shares: dict[int, float] = {}
        stale = 0
        for step in range(ROUNDS):
            if state.over() or stale > PATIENCE:
                break
            state.tell(f"assigning and scheduling, round {step + 1}")
            placed = self._assign(Aim(state.problem.deadline_s, shares=shares), bounding=not shares)
            if placed is None:
                break
            before = state.cost_s
            schedule = self._dispatch(placed)
            if state.incumbent is not None and (self._first_only or state.gap <= GOOD_GAP):
                break
            stale = 0 if state.cost_s < before else stale + (state.incumbent is not None)
            if schedule.finish_s > state.problem.deadline_s:
                shares = self._tighten(shares, schedule)
            else:
                shares = {link: share + (1.0 - share) * LOOSEN for link, share in shares.items()}
        if state.incumbent is None and not state.infeasible:
            self._fastest()
        if state.incumbent is not None and not self._first_only and state.gap > GOOD_GAP:
            improve(state)

    def _fastest(self) -> None:
        """Look for any schedule at all: assign for the earliest finish."""
        state = self._state
        state.tell("looking for the earliest finish")
        placed = self._assign(Aim(state.problem.deadline_s, finish=True), bounding=False)
        if placed is not None:
            self._dispatch(placed, tries=20 * TRIES)

    def _tighten(self, shares: dict[int, float], late: Schedule) -> dict[int, float]:
        """Return smaller shares for the busy links of moves that end after the deadline, or for all links."""
        deadline = self._state.problem.deadline_s
        volume = self._columns.time_s * self._columns.rate
        capacity = self._state.problem.network.capacity_bytes_per_s
        chosen = np.zeros(len(self._columns), dtype=np.bool_)
        chosen[late.choice] = True
        factors: dict[int, float] = {}
        for shift in self._model.shifts:
            here = shift.columns[chosen[shift.columns]]
            end = float(late.end_s[self._columns.mover[here]].max(initial=0.0))
            busy = float(volume[here].sum()) / float(capacity[shift.link]) / deadline
            if end > deadline and busy > BUSY:
                factors[shift.link] = min(0.995, max(0.95, deadline / end))
        if not factors:
            factors = dict.fromkeys((shift.link for shift in self._model.shifts), min(0.99, deadline / late.finish_s))
        return {**shares, **{link: shares.get(link, 1.0) * factor for link, factor in factors.items()}}

    def _assign(self, aim: Aim, *, bounding: bool) -> Placed | None:
        """Return an assignment with hosts, or None; the first program's bound is a bound on everything."""
        state = self._state
        while not state.clock.expired:
            solution = self._solve(aim)
            if bounding:
                if solution.outcome is Outcome.INFEASIBLE:
                    state.infeasible = state.incumbent is None
                    return None
                state.raise_bound(solution.bound)
            if solution.values is None:
                return None
            choice = self._model.choices(solution.values)
            home, failed = self._spreader.spread(choice, state.clock.left_s)
            if home is not None:
                return Placed(choice, home, self._model.guides(solution.values))
            single = {c for c in failed if len(self._classes.members[c]) == 1}
            if single == failed:
                # Within the solver's tolerance but not in whole bytes: nothing finer to ask.
                return None
            state.tell("choosing hosts one by one")
            self._use(split(state.problem, self._classes, failed))
        return None

    def _solve(self, aim: Aim) -> Solution:
        """Solve the program; a large one by its linear relaxation and an integer program for the movers it splits."""
        state = self._state
        program = self._model.program(aim)
        if len(self._columns) <= LARGE:
            return solve(program, seed=state.seed, time_limit_s=state.clock.left_s)
        nothing = np.zeros(program.row_count, dtype=np.bool_)
        relaxed = solve(program.relaxed(nothing, linear=True), seed=state.seed, time_limit_s=state.clock.left_s)
        if relaxed.values is None:
            return relaxed
        settled = self._model.settle(program, relaxed.values)
        rounded = solve(settled, seed=state.seed, time_limit_s=state.clock.left_s, gap=MASTER_GAP)
        if rounded.values is None:
            rounded = solve(program, seed=state.seed, time_limit_s=state.clock.left_s, gap=MASTER_GAP)
            return rounded
        return replace(rounded, outcome=Outcome.FEASIBLE, bound=relaxed.bound)

    def _dispatch(self, placed: Placed, tries: int = TRIES) -> Schedule:
        """Try rules of priority on an assignment; return the schedule that ends first."""
        state = self._state
        best: Schedule | None = None
        rules = urgencies(state.problem, self._columns, placed.choice, state.rng)
        for _ in range(tries):
            rule = next(rules)
            for guides in (placed.guides, None):
                schedule = self._dispatcher.run(placed.choice, placed.home, rule, guides)
                if best is None or schedule.finish_s < best.finish_s:
                    best = schedule
                if state.offer(self._classes, self._columns, schedule):
                    return schedule
            if state.clock.expired:
                break
        assert best is not None
        return best


def tables_and_columns(problem: Problem) -> tuple[Classes, Tables, Columns]:
    """Return the relaxation's classes, tables and columns, for those who explain or bound."""
    classes = coarse_classes(problem)
    tables = build_tables(problem, classes)
    return classes, tables, build_columns(problem, classes, tables, for_schedule=False)
