"""Proof for few movers: least downtime, then earliest finish, by conflicts and exact schedules."""

from __future__ import annotations

import numpy as np

from planner.optimize.backend import Outcome, solve
from planner.optimize.benders import CutMaker
from planner.optimize.classes import Classes, make_classes
from planner.optimize.dispatch import Schedule
from planner.optimize.exact import items_of, schedule
from planner.optimize.model import Aim, AssignmentModel, Cut
from planner.optimize.options import Columns, build_columns
from planner.optimize.problem import Ints
from planner.optimize.state import Incumbent, State

NODES = 200_000
"""Steps of the exact search on one assignment."""
IMPROVEMENT = 1e-6
"""Relative amount by which an earlier finish must be earlier [1]."""


class Exact:
    """The evacuation with single hosts as classes and all choices that a schedule could want.

    Parameters
    ----------
    state
        The solve.
    """

    def __init__(self, state: State) -> None:
        problem = state.problem
        self.state = state
        self.classes: Classes = make_classes(problem, [(h,) for h in range(len(problem.targets))])
        self.columns: Columns = build_columns(problem, self.classes, state.tables)
        self.maker = CutMaker(problem, self.classes, self.columns)

    def hosts(self, choice: Ints) -> Ints:
        """Return the target of each mover."""
        return self.columns.klass[choice]

    def model(self) -> AssignmentModel:
        """Return the assignment program with all cuts so far."""
        return AssignmentModel(self.state.problem, self.classes, self.columns, tuple(self.state.cuts))

    def _too_many(self, choice: Ints) -> Cut | None:
        """Return a cut on movers that overfill a host in whole bytes: the solver's tolerance is not a guest's."""
        problem, hosts = self.state.problem, self.hosts(choice)
        for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
            used = np.zeros_like(free)
            np.add.at(used, hosts, size)
            for h in np.flatnonzero(used > free).tolist():
                movers = np.flatnonzero(hosts == h)
                here = np.isin(self.columns.mover, movers) & (self.columns.klass == h)
                return Cut(np.flatnonzero(here), len(movers) - 1)
        return None

    def settle(self, choice: Ints, window_s: float, *, shortest: bool) -> Schedule | bool | None:
        """Return the schedule of an assignment within a window; None after adding a cut; False when undecided."""
        problem = self.state.problem
        overfull = self._too_many(choice)
        if overfull is not None:
            self.state.cuts.append(overfull)
            return None
        items = items_of(problem, self.classes, self.columns, choice, self.hosts(choice))
        answer = schedule(items, problem.before, window_s, NODES, shortest=shortest)
        if answer.starts is None:
            if not answer.complete:
                return False
            self.state.cuts.append(self.maker.cut(items, choice, window_s))
            return None
        start = np.array([answer.starts[v] for v in range(len(problem.movers))])
        end = np.array([answer.starts[item.mover] + item.time_s for item in items])
        return Schedule(choice, start, end, self.hosts(choice).copy(), problem.tail_s)


def prove_downtime(state: State) -> None:
    """Close the gap in downtime, or prove that no schedule exists, as far as the time allows."""
    exact = Exact(state)
    while not state.over():
        state.tell(f"proving, {len(state.cuts)} conflicts")
        model = exact.model()
        solution = solve(model.program(Aim(state.problem.deadline_s)), seed=state.seed, time_limit_s=state.clock.left_s)
        if solution.outcome is Outcome.INFEASIBLE:
            if state.incumbent is None:
                state.infeasible = True
            else:
                state.raise_bound(state.incumbent.weighted_downtime_s)
            return
        state.raise_bound(solution.bound)
        if solution.values is None or state.over():
            return
        found = exact.settle(model.choices(solution.values), state.problem.deadline_s, shortest=True)
        if found is False:
            return
        if isinstance(found, Schedule):
            state.offer(exact.classes, exact.columns, found)
            return


def prove_finish(state: State) -> None:
    """Find the earliest finish at the incumbent's downtime and prove it, as far as the time allows."""
    exact = Exact(state)
    while state.incumbent is not None and not state.clock.expired:
        best: Incumbent = state.incumbent
        window = best.finish_s * (1.0 - IMPROVEMENT)
        model = exact.model()
        slack = 1e-9 * max(1.0, best.weighted_downtime_s)
        aim = Aim(window, finish=True, downtime_limit_s=best.weighted_downtime_s + slack)
        solution = solve(model.program(aim), seed=state.seed, time_limit_s=state.clock.left_s)
        if solution.outcome is Outcome.INFEASIBLE:
            state.finish_bound_s = best.finish_s
            return
        state.finish_bound_s = max(state.finish_bound_s or 0.0, solution.bound)
        if solution.values is None:
            return
        found = exact.settle(model.choices(solution.values), window, shortest=True)
        if found is False:
            return
        if isinstance(found, Schedule):
            bound = state.finish_bound_s
            if not state.offer(exact.classes, exact.columns, found):
                return
            state.finish_bound_s = bound
