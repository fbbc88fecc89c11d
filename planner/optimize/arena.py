"""Where one kind of assignment is made: classes and choices, with the program, the placing and the dispatcher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np

from planner.lanes import Division
from planner.optimize.backend import Outcome, Session, Solution, solve
from planner.optimize.classes import Classes
from planner.optimize.dispatch import Dispatcher, Guide, Schedule, Urgency
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import NO_LANES, build_columns
from planner.optimize.problem import Bools, Ints
from planner.optimize.program import Program
from planner.optimize.sources import source_bound
from planner.optimize.spread import Spreader
from planner.optimize.state import State
from planner.optimize.urgency import urgencies

MASTER_GAP = 1e-4
"""Relative gap at which a large assignment program stops; small ones are solved to the end [1]."""
SMALL = 3000
"""Columns up to which an assignment program is small."""
LARGE = 25_000
"""Columns beyond which only the movers that the linear relaxation splits are solved in whole numbers."""
SHARE_OF_TIME = 0.1
"""Share of the time left that a large program may take for whole numbers, each time [1]."""
BUSY = 0.9
"""Load from which a link counts as the reason why its moves are late [1]."""
WELL_USED = 0.5
"""Load from which a link that several moves share is divided into lanes, lest others wait for it [1]."""


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
        Fewer choices, and links divided into lanes, see `planner.optimize.options.build_columns`.
    side_by_side
        Whether to look at what fits side by side, see `planner.optimize.model.AssignmentModel`.

    Attributes
    ----------
    shares
        Share of each link that assignments may fill; adapted from round to round.
    """

    def __init__(
        self,
        state: State,
        classes: Classes,
        *,
        lean: bool = False,
        lanes: Mapping[int, Division] = NO_LANES,
        side_by_side: bool = True,
    ) -> None:
        self._state = state
        self.classes = classes
        self.lean = lean
        self._side_by_side = side_by_side
        self.lanes = lanes
        self.columns = build_columns(state.problem, classes, state.tables, lean=lean, lanes=lanes)
        self.shares: dict[int, float] = {}
        self._model = AssignmentModel(state.problem, classes, self.columns, lanes=lanes, side_by_side=side_by_side)
        self._spreader = Spreader(state.problem, classes, self.columns, state.seed)
        self._dispatcher = Dispatcher(state.problem, classes, self.columns)

    @staticmethod
    def of_all(state: State, classes: Classes) -> Arena:
        """Return an arena for bounds: with all choices, or where they are many with lean ones.

        Those lose nothing where only volumes and times count, and what fits side by side is then left out.
        """
        large = len(build_columns(state.problem, classes, state.tables)) > SMALL
        return Arena(state, classes, lean=large, side_by_side=not large)

    def over(self, classes: Classes) -> Arena:
        """Return the same arena over other classes."""
        return Arena(self._state, classes, lean=self.lean, side_by_side=self._side_by_side)

    def program(self, aim: Aim) -> Program:
        """Return the program for an aim."""
        return self._model.program(aim)

    def solve(self, aim: Aim) -> Solution:
        """Solve the program: a small one to the end, a large one as far as its share of the time allows."""
        state = self._state
        program = self.program(aim)
        if len(self.columns) <= SMALL:
            return solve(program, seed=state.seed, time_limit_s=state.clock.left_s)
        return self._approach(program)

    def _approach(self, program: Program) -> Solution:
        """Solve a large program: relaxed, then for the movers that this splits, then for a while as it is."""
        state = self._state
        relaxed = Session(program, seed=state.seed, linear=True).solve(time_limit_s=state.clock.left_s)
        if relaxed.values is None:
            return relaxed
        settled = self._model.settle(program, relaxed.values)
        limit_s = SHARE_OF_TIME * state.clock.left_s
        best = Session(settled, seed=state.seed).solve(gap=MASTER_GAP, time_limit_s=limit_s)
        bound = relaxed.bound
        if len(self.columns) <= LARGE and (best.objective is None or best.objective > bound + MASTER_GAP * abs(bound)):
            limit_s = SHARE_OF_TIME * state.clock.left_s
            whole = Session(program, seed=state.seed).solve(start=best.values, gap=MASTER_GAP, time_limit_s=limit_s)
            if whole.outcome is Outcome.INFEASIBLE:
                return whole
            bound = max(bound, whole.bound)
            best = best if whole.values is None else whole
        outcome = Outcome.UNKNOWN if best.values is None else Outcome.FEASIBLE
        return Solution(outcome, best.values, best.objective, bound)

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

    def scheduled(self, placed: Placed, urgency: Urgency) -> Schedule:
        """Return the schedule of an assignment by one rule of priority."""
        return self._dispatcher.run(placed.choice, placed.home, urgency)

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
        loads = self.loads(schedule)
        factors: dict[int, float] = {}
        for link, end in self.ends(schedule).items():
            if end > deadline and loads[link] > BUSY:
                factors[link] = min(0.995, max(0.95, deadline / end))
        if not factors:
            factors = dict.fromkeys(loads, min(0.99, deadline / schedule.finish_s))
        self.shares |= {link: self.shares.get(link, 1.0) * factor for link, factor in factors.items()}

    def saturated(self, schedule: Schedule) -> list[int]:
        """Return the trunk links that an assignment fills, and those well used that several moves share."""
        capacity = self._state.problem.network.capacity_bytes_per_s
        return [
            link
            for link, load in self.loads(schedule).items()
            if load > (WELL_USED if self.fastest(link) < capacity[link] * (1 - 1e-9) else BUSY)
        ]

    def fastest(self, link: int) -> float:
        """Return the highest rate on offer over a trunk link [bytes/s]."""
        return float(self.columns.rate[self._model.users[link]].max())

    def floors(self, schedule: Schedule, share_of_time: float) -> dict[int, float]:
        """Return proven lower bounds on the weighted downtime of the moves of busy sources [s].

        This arena must have all choices, not only lean ones. Each source may take that share of the time left.
        """
        state, floors = self._state, {}
        for link, load in self.loads(schedule).items():
            if load > BUSY and not state.clock.expired:
                limit_s = share_of_time * state.clock.left_s
                users = self._model.users[link]
                found = source_bound(state.problem, self.columns, link, users, seed=state.seed, time_limit_s=limit_s)
                if found is not None:
                    floors[found[0]] = found[1]
        return floors

    def loads(self, schedule: Schedule) -> dict[int, float]:
        """Return the share of capacity x deadline that the moves take of each trunk link [1]."""
        chosen = self._chosen(schedule)
        volume = self.columns.time_s * self.columns.rate
        room = self._state.problem.network.capacity_bytes_per_s * self._state.problem.deadline_s
        return {
            link: float(volume[users[chosen[users]]].sum() / room[link]) for link, users in self._model.users.items()
        }

    def ends(self, schedule: Schedule) -> dict[int, float]:
        """Return when the last move over each trunk link ends [s]."""
        chosen = self._chosen(schedule)
        return {
            link: float(schedule.end_s[self.columns.mover[users[chosen[users]]]].max(initial=0.0))
            for link, users in self._model.users.items()
        }

    def _chosen(self, schedule: Schedule) -> Bools:
        chosen = np.zeros(len(self.columns), dtype=np.bool_)
        chosen[schedule.choice] = True
        return chosen
