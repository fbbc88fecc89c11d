"""Where one kind of assignment is made: classes and choices, with the program, the placing and the dispatcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from planner.optimize.backend import Outcome, Solution, solve
from planner.optimize.classes import Classes
from planner.optimize.dispatch import Dispatcher, Guide, Schedule
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import build_columns
from planner.optimize.problem import Bools, Ints
from planner.optimize.program import Program
from planner.optimize.spread import Spreader
from planner.optimize.state import State
from planner.optimize.urgency import urgencies

MASTER_GAP = 1e-5
"""Relative gap at which a large assignment program stops; small ones are solved to the end [1]."""
LARGE = 25_000
"""Columns from which an assignment program is large."""
BUSY = 0.9
"""Load from which a link counts as the reason why its moves are late [1]."""


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


class Arena:
    """Makes and schedules assignments over given classes and choices.

    Parameters
    ----------
    state
        The solve.
    classes
        Destination classes.
    lean, lanes
        Fewer choices, and links to be split into equal lanes, see `planner.optimize.options.build_columns`.

    Attributes
    ----------
    shares
        Share of each link that assignments may fill; adapted from round to round.
    """

    def __init__(
        self, state: State, classes: Classes, *, lean: bool = False, lanes: frozenset[int] = frozenset()
    ) -> None:
        self._state = state
        self.classes = classes
        self.lean = lean
        self.lanes = lanes
        self.columns = build_columns(state.problem, classes, state.tables, lean=lean, lanes=lanes)
        self.shares: dict[int, float] = {}
        self._model = AssignmentModel(state.problem, classes, self.columns)
        self._spreader = Spreader(state.problem, classes, self.columns, state.seed)
        self._dispatcher = Dispatcher(state.problem, classes, self.columns)

    def program(self, aim: Aim) -> Program:
        """Return the program for an aim."""
        return self._model.program(aim)

    def solve(self, aim: Aim) -> Solution:
        """Solve the program; a large one by its linear relaxation and an integer program for the movers it splits."""
        state = self._state
        program = self.program(aim)
        if len(self.columns) <= LARGE:
            return solve(program, seed=state.seed, time_limit_s=state.clock.left_s)
        nothing = np.zeros(program.row_count, dtype=np.bool_)
        relaxed = solve(program.relaxed(nothing, linear=True), seed=state.seed, time_limit_s=state.clock.left_s)
        if relaxed.values is None:
            return relaxed
        settled = self._model.settle(program, relaxed.values)
        rounded = solve(settled, seed=state.seed, time_limit_s=state.clock.left_s, gap=MASTER_GAP)
        if rounded.values is None:
            return solve(program, seed=state.seed, time_limit_s=state.clock.left_s, gap=MASTER_GAP)
        return replace(rounded, outcome=Outcome.FEASIBLE, bound=relaxed.bound)

    def place(self, solution: Solution) -> tuple[Placed | None, set[int]]:
        """Return the solution's assignment with hosts, or the classes in which no hosts were found."""
        assert solution.values is not None
        choice = self._model.choices(solution.values)
        home, failed = self._spreader.spread(choice, self._state.clock.left_s)
        return (None if home is None else Placed(choice, home, self._model.guides(solution.values))), failed

    def schedules(self, placed: Placed) -> Iterator[Schedule]:
        """Yield schedules of an assignment without end, by one rule of priority after the other."""
        for rule in urgencies(self._state.problem, self.columns, placed.choice, self._state.rng):
            for guides in (placed.guides, None):
                yield self._dispatcher.run(placed.choice, placed.home, rule, guides)

    def dispatch(self, placed: Placed, tries: int) -> Schedule:
        """Offer schedules of an assignment until one is taken; return the one that ends first."""
        state = self._state
        best: Schedule | None = None
        for schedule in islice(self.schedules(placed), 2 * tries):
            if best is None or schedule.finish_s < best.finish_s:
                best = schedule
            if state.offer(self.classes, self.columns, schedule):
                return schedule
            if state.clock.expired:
                break
        assert best is not None
        return best

    def loosen(self, part: float) -> None:
        """Give each link back a part of what was taken from its share."""
        self.shares = {link: share + (1.0 - share) * part for link, share in self.shares.items()}

    def tighten(self, schedule: Schedule) -> None:
        """Take some of the share of the busy links of moves that end late, or of all links."""
        deadline = self._state.problem.deadline_s
        chosen = self._chosen(schedule)
        load = self.loads(schedule)
        factors: dict[int, float] = {}
        for shift in self._model.shifts:
            here = shift.columns[chosen[shift.columns]]
            end = float(schedule.end_s[self.columns.mover[here]].max(initial=0.0))
            if end > deadline and load[shift.link] > BUSY:
                factors[shift.link] = min(0.995, max(0.95, deadline / end))
        if not factors:
            factors = dict.fromkeys(load, min(0.99, deadline / schedule.finish_s))
        self.shares |= {link: self.shares.get(link, 1.0) * factor for link, factor in factors.items()}

    def saturated(self, schedule: Schedule) -> frozenset[int]:
        """Return the links that an assignment fills and that several moves share."""
        load = self.loads(schedule)
        capacity = self._state.problem.network.capacity_bytes_per_s
        return frozenset(
            shift.link
            for shift in self._model.shifts
            if load[shift.link] > BUSY and shift.rates[0] < capacity[shift.link] * (1 - 1e-9)
        )

    def loads(self, schedule: Schedule) -> Mapping[int, float]:
        """Return the share of capacity x deadline that the moves take of each link with patterns [1]."""
        chosen = self._chosen(schedule)
        volume = self.columns.time_s * self.columns.rate
        capacity = self._state.problem.network.capacity_bytes_per_s
        deadline = self._state.problem.deadline_s
        return {
            shift.link: float(volume[shift.columns[chosen[shift.columns]]].sum())
            / (float(capacity[shift.link]) * deadline)
            for shift in self._model.shifts
        }

    def _chosen(self, schedule: Schedule) -> Bools:
        chosen = np.zeros(len(self.columns), dtype=np.bool_)
        chosen[schedule.choice] = True
        return chosen
