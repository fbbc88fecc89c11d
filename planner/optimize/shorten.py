"""The second aim: the earliest finish at the downtime already reached."""

from __future__ import annotations

from planner.optimize.backend import Outcome, solve
from planner.optimize.dispatch import Dispatcher
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import build_columns
from planner.optimize.spread import Spreader
from planner.optimize.state import State
from planner.optimize.urgency import urgencies

TRIES = 40
"""Rules of priority tried."""
ENOUGH = 1e-3
"""Relative distance to the bound on the finish at which the tries end [1]."""
SHARE_OF_TIME = 0.3
"""Share of the time left that the second aim may take [1]."""
GAP = 1e-3
"""Relative gap at which the program for the finish stops [1]."""


def shorten(state: State) -> None:
    """Look for an earlier finish at the same weighted downtime and bound it."""
    best = state.incumbent
    if best is None or state.clock.expired:
        return
    problem, classes = state.problem, best.classes
    state.tell("shortening")
    until = state.clock.left_s * (1.0 - SHARE_OF_TIME)
    columns = build_columns(problem, classes, state.tables)
    model = AssignmentModel(problem, classes, columns)
    slack = 1e-9 * max(1.0, best.weighted_downtime_s)
    aim = Aim(best.finish_s, finish=True, downtime_limit_s=best.weighted_downtime_s + slack)
    solution = solve(model.program(aim), seed=state.seed, time_limit_s=state.clock.left_s * SHARE_OF_TIME, gap=GAP)
    if solution.outcome is Outcome.INFEASIBLE or solution.values is None:
        state.finish_bound_s = solution.bound if 0 <= solution.bound < best.finish_s else None
        return
    bound = max(0.0, solution.bound)
    choice = model.choices(solution.values)
    home, _ = Spreader(problem, classes, columns, state.seed).spread(choice, state.clock.left_s * SHARE_OF_TIME)
    if home is not None:
        dispatcher = Dispatcher(problem, classes, columns)
        rules = urgencies(problem, columns, choice, state.rng)
        for _ in range(TRIES):
            if (
                state.clock.left_s < until
                or state.incumbent is None
                or state.incumbent.finish_s <= bound * (1 + ENOUGH)
            ):
                break
            state.offer(classes, columns, dispatcher.run(choice, home, next(rules)))
    state.finish_bound_s = bound
