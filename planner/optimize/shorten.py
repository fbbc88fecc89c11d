"""The second aim: the earliest finish at the downtime already reached."""

from __future__ import annotations

from itertools import islice

from planner.optimize.arena import Arena
from planner.optimize.backend import Outcome, solve
from planner.optimize.model import Aim
from planner.optimize.state import State

TRIES = 80
"""Schedules tried."""
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
    state.tell("shortening")
    until = state.clock.left_s * (1.0 - SHARE_OF_TIME)
    arena = Arena.of_all(state, best.classes)
    slack = 1e-9 * max(1.0, best.weighted_downtime_s)
    aim = Aim(best.finish_s, finish=True, downtime_limit_s=best.weighted_downtime_s + slack)
    limit_s = state.clock.left_s * SHARE_OF_TIME
    solution = solve(arena.program(aim), seed=state.seed, time_limit_s=limit_s, gap=GAP)
    if solution.outcome is Outcome.INFEASIBLE or solution.values is None:
        state.finish_bound_s = solution.bound if 0 <= solution.bound < best.finish_s else None
        return
    bound = max(0.0, solution.bound)
    placed, _ = arena.place(solution)
    for schedule in islice(arena.schedules(placed), TRIES) if placed is not None else ():
        state.offer(arena.classes, arena.columns, schedule)
        if state.clock.left_s < until or state.finish_s <= bound * (1 + ENOUGH):
            break
    state.finish_bound_s = bound
