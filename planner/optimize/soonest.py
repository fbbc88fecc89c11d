"""A finish that no schedule beats, from the assignment program for the shortest window."""

from __future__ import annotations

import math

from planner.optimize.arena import LARGE, Arena
from planner.optimize.backend import Outcome, Session
from planner.optimize.classes import coarse_classes
from planner.optimize.clock import Clock
from planner.optimize.model import Aim
from planner.optimize.options import build_tables
from planner.optimize.problem import Problem
from planner.optimize.state import State

GAP = 1e-3
"""Relative gap at which the program stops [1]."""


def soonest(problem: Problem, *, seed: int, clock: Clock) -> float:
    """Return a finish that no schedule within the problem's deadline beats; infinite where there is none at all [s].

    Parameters
    ----------
    problem
        The evacuation.
    seed
        Seed of the solver.
    clock
        The time given.
    """
    if not problem.movers or clock.expired:
        return 0.0
    classes = coarse_classes(problem)
    arena = Arena.of_all(State(problem, build_tables(problem, classes), clock, seed, None), classes)
    program = arena.program(Aim(problem.deadline_s, finish=True))
    linear = len(arena.columns) > LARGE
    solution = Session(program, seed=seed, linear=linear).solve(gap=GAP, time_limit_s=clock.left_s)
    if solution.outcome is Outcome.INFEASIBLE:
        return math.inf
    return max(0.0, solution.bound) if math.isfinite(solution.bound) else 0.0
