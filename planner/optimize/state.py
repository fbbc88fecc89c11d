"""What a solve knows at any moment: the best schedule, the bounds, and who is told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.optimize.classes import Classes
from planner.optimize.clock import Clock
from planner.optimize.dispatch import Schedule
from planner.optimize.model import Cut
from planner.optimize.options import Columns, Tables
from planner.optimize.problem import Problem
from planner.plan.progress import Progress, ProgressSink, relative_gap

GAP_CLOSED = 1e-6
"""Relative gap at which the bound counts as reached [1]: what the solver's own tolerances leave."""


@dataclass(frozen=True)
class Incumbent:
    """A schedule that keeps the deadline.

    Parameters
    ----------
    classes, columns
        What the schedule's choices refer to.
    schedule
        The schedule.
    weighted_downtime_s
        Its cost [s].
    """

    classes: Classes
    columns: Columns
    schedule: Schedule
    weighted_downtime_s: float

    @property
    def finish_s(self) -> float:
        """When the last move ends [s]."""
        return self.schedule.finish_s


Watch = Callable[[Classes, Columns, Schedule], None]
"""Is shown schedules that end too late."""


class State:
    """The run of one solve.

    Attributes
    ----------
    problem, tables, clock, seed, rng
        What is solved, with what.
    incumbent
        The best schedule so far, or None.
    bound_s
        Proven lower bound on the weighted downtime [s].
    finish_bound_s
        Proven lower bound on the finish at the incumbent's downtime, or None [s].
    infeasible
        Whether it is proven that no schedule exists.
    watch
        Is shown schedules that end too late, or None.
    cuts
        Choices that fit no schedule within the deadline, for columns of single hosts.
    """

    def __init__(self, problem: Problem, tables: Tables, clock: Clock, seed: int, sink: ProgressSink | None) -> None:
        self.problem = problem
        self.tables = tables
        self.clock = clock
        self.seed = seed
        self.rng = np.random.default_rng(seed)
        self.incumbent: Incumbent | None = None
        self.bound_s = 0.0
        self.finish_bound_s: float | None = None
        self.infeasible = False
        self.cuts: list[Cut] = []
        self.watch: Watch | None = None
        self._sink = sink

    @property
    def gap(self) -> float:
        """(incumbent - bound) / incumbent; 1 without incumbent."""
        return 1.0 if self.incumbent is None else relative_gap(self.incumbent.weighted_downtime_s, self.bound_s)

    @property
    def cost_s(self) -> float:
        """Weighted downtime of the incumbent, or infinity [s]."""
        return math.inf if self.incumbent is None else self.incumbent.weighted_downtime_s

    @property
    def finish_s(self) -> float:
        """Finish of the incumbent, or infinity [s]."""
        return math.inf if self.incumbent is None else self.incumbent.finish_s

    @property
    def solved(self) -> bool:
        """Whether nothing is left to prove about the downtime."""
        return self.infeasible or (self.incumbent is not None and self.gap <= GAP_CLOSED)

    def over(self) -> bool:
        """Return whether nothing is left to gain, or no time to gain it."""
        return self.solved or self.clock.expired

    def offer(self, classes: Classes, columns: Columns, schedule: Schedule) -> bool:
        """Take a schedule as the incumbent if it keeps the deadline and is better; return whether it was taken."""
        if schedule.finish_s > self.problem.deadline_s:
            if self.watch is not None:
                self.watch(classes, columns, schedule)
            return False
        cost = float(self.problem.weight @ columns.downtime_s[schedule.choice])
        best = self.incumbent
        if best is not None:
            slack = 1e-9 * max(1.0, best.weighted_downtime_s)
            worse = cost > best.weighted_downtime_s + slack
            same = abs(cost - best.weighted_downtime_s) <= slack
            if worse or (same and schedule.finish_s >= best.finish_s):
                return False
        self.incumbent = Incumbent(classes, columns, schedule, cost)
        self.finish_bound_s = None
        return True

    def raise_bound(self, bound_s: float) -> None:
        """Take a proven lower bound on the weighted downtime."""
        self.bound_s = max(self.bound_s, bound_s)

    def tell(self, phase: str) -> None:
        """Report where the solve stands."""
        if self._sink is not None:
            best = self.incumbent
            self._sink(
                Progress(
                    phase,
                    self.clock.elapsed_s,
                    None if best is None else best.weighted_downtime_s,
                    self.bound_s,
                    None if best is None else best.finish_s,
                )
            )
