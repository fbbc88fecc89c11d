"""The only door to the solver: hands a `Program` to PuLP and HiGHS, and brings back values and a proven bound."""

from __future__ import annotations

import importlib.metadata
import math
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import highspy
import numpy as np
import pulp

from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program

INTEGRALITY_GAP = 1e-7
"""Relative gap at which the integer program counts as solved [1]."""


class Outcome(StrEnum):
    """How a solve ended."""

    OPTIMAL = "optimal"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Solution:
    """What a solve brought.

    Parameters
    ----------
    outcome
        How it ended.
    values
        Value of each column, or None without a solution.
    objective
        Its cost, or None.
    bound
        Proven lower bound on the cost; -inf where nothing is proven.
    """

    outcome: Outcome
    values: Floats | None
    objective: float | None
    bound: float


def solver_version() -> tuple[str, str]:
    """Return name and version of the solver."""
    return "HiGHS", f"{importlib.metadata.version('highspy')} (PuLP {importlib.metadata.version('pulp')})"


def solve(program: Program, *, seed: int, time_limit_s: float, gap: float = INTEGRALITY_GAP) -> Solution:
    """Solve a program.

    Parameters
    ----------
    seed
        Seed of the solver's own choices.
    time_limit_s
        Wall time after which the best so far is returned [s].
    gap
        Relative gap at which to stop [1].
    """
    until = time.monotonic() + time_limit_s
    problem = pulp.LpProblem("evacuation", pulp.const.LpMinimize)
    columns = _add_columns(problem, program)
    _add_rows(problem, program, columns)
    left_s = until - time.monotonic()
    if left_s <= 0:
        return Solution(Outcome.UNKNOWN, None, None, -math.inf)
    solver = pulp.HiGHS(
        msg=False,
        gapRel=gap,
        timeLimit=left_s,
        threads=1,
        random_seed=seed % (2**31),
        mip_feasibility_tolerance=1e-7,
        primal_feasibility_tolerance=1e-7,
    )
    stats = problem.solve(solver)
    highs: highspy.Highs = problem.solverModel  # type: ignore[assignment]  # set by the solve
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        # Every column is bounded, so that "unbounded or infeasible" can only be the latter.
        return Solution(Outcome.INFEASIBLE, None, None, math.inf)
    bound = _bound(bool(problem.isMIP()), highs, stats, status)
    if not stats.has_solution:
        return Solution(Outcome.UNKNOWN, None, None, bound)
    values = np.array([column.varValue or 0.0 for column in columns], dtype=np.float64)
    done = status == highspy.HighsModelStatus.kOptimal
    return Solution(Outcome.OPTIMAL if done else Outcome.FEASIBLE, values, float(program.cost @ values), bound)


def farkas_rows(program: Program, *, time_limit_s: float) -> Ints | None:
    """Return rows that contradict each other already without integrality, by the dual ray of the linear program.

    Parameters
    ----------
    time_limit_s
        Wall time [s].

    Returns
    -------
    numpy.ndarray or None
        Row indices; None where the linear program has a solution, or no ray was found in time.
    """
    problem = pulp.LpProblem("conflict", pulp.const.LpMinimize)
    linear = program.relaxed(np.zeros(program.row_count, dtype=np.bool_), linear=True)
    rows = _add_rows(problem, linear, _add_columns(problem, linear))
    problem.solve(pulp.HiGHS(msg=False, timeLimit=time_limit_s, threads=1, presolve="off", solver="simplex"))
    highs: highspy.Highs = problem.solverModel  # type: ignore[assignment]  # set by the solve
    if highs.getModelStatus() != highspy.HighsModelStatus.kInfeasible:
        return None
    _, found, ray = highs.getDualRay()  # type: ignore[attr-defined]  # absent from the stubs
    if not found:
        return None
    weight = np.abs(np.array(ray, dtype=np.float64))
    binding: Ints = np.unique(np.array(rows, dtype=np.int64)[weight > 1e-9 * weight.max(initial=0.0)])
    return binding


def _bound(integer: bool, highs: highspy.Highs, stats: pulp.LpSolveStats, status: highspy.HighsModelStatus) -> float:
    """Return the proven bound: HiGHS's dual bound of the integer program, or the optimum of a linear one."""
    if stats.best_bound is not None and math.isfinite(stats.best_bound):
        return float(stats.best_bound)
    if not integer and status == highspy.HighsModelStatus.kOptimal:
        return float(highs.getObjectiveValue())
    return -math.inf


def _add_columns(problem: pulp.LpProblem, program: Program) -> list[pulp.LpVariable]:
    """Add the columns in batches of one kind and one bound each, and return them in order."""
    count = len(program.cost)
    columns: list[pulp.LpVariable | None] = [None] * count
    kinds = np.stack([program.integer.astype(np.float64), program.bound], axis=1)
    for integer, bound in np.unique(kinds, axis=0):
        index = np.flatnonzero((kinds[:, 0] == integer) & (kinds[:, 1] == bound))
        category: Literal["Integer", "Continuous"] = "Integer" if integer else "Continuous"
        batch = problem.add_variable_dict("x", index.tolist(), 0, float(bound), category)
        for i, column in batch.items():
            columns[i] = column
    made = [column for column in columns if column is not None]
    problem.setObjective(
        pulp.lpSum_vars_coefs([(column, float(cost)) for column, cost in zip(made, program.cost, strict=True)])
    )
    return made


def _add_rows(problem: pulp.LpProblem, program: Program, columns: list[pulp.LpVariable]) -> list[int]:
    """Add the rows that bind, and return of each constraint made the row; a row with two limits makes two."""
    made: list[int] = []
    starts, indices, values = program.matrix()
    order, coefficients, bounds = indices.tolist(), values.tolist(), starts.tolist()
    for row in range(program.row_count):
        lower, upper = program.lower[row], program.upper[row]
        if math.isinf(lower) and math.isinf(upper):
            continue
        span = slice(bounds[row], bounds[row + 1])
        terms = [(columns[i], value) for i, value in zip(order[span], coefficients[span], strict=True)]
        expression = pulp.lpSum_vars_coefs(terms)
        if lower == upper:
            problem += expression == lower
            made.append(row)
            continue
        if math.isfinite(lower):
            problem += expression >= lower
            made.append(row)
        if math.isfinite(upper):
            problem += expression <= upper
            made.append(row)
    return made
