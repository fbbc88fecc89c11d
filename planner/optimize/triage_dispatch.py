"""Assignments and schedules of a proposed set: hosts for all of it, and who weighs the most goes first."""

from __future__ import annotations

import numpy as np

from planner.optimize.arena import Arena, Placed
from planner.optimize.backend import Outcome
from planner.optimize.classes import split
from planner.optimize.dispatch import Schedule, Urgency
from planner.optimize.model import Aim
from planner.optimize.problem import Problem
from planner.optimize.state import State


def place(arena: Arena, state: State) -> tuple[Arena, Placed] | None:
    """Return an assignment of least downtime with hosts, in classes that are split where hosts were not found."""
    while not state.clock.expired:
        solution = arena.solve(Aim(state.problem.deadline_s))
        if solution.outcome is Outcome.INFEASIBLE or solution.values is None:
            return None
        placed, failed = arena.place(solution)
        if placed is not None:
            return arena, placed
        if all(len(arena.classes.members[c]) == 1 for c in failed):
            return None
        arena = arena.over(split(state.problem, arena.classes, failed))
    return None


def heavy_first(arena: Arena, problem: Problem, placed: Placed) -> list[Schedule]:
    """Return schedules in which those go first that weigh the most for what they send, or for their time."""
    columns = arena.columns
    time_s = np.maximum(columns.time_s[placed.choice], 1e-9)
    sent = time_s * columns.rate[placed.choice]
    keys = (problem.weight / sent, problem.weight / time_s)
    return [arena.scheduled(placed, Urgency(key, by_source)) for key in keys for by_source in (False, True)]
