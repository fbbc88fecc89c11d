"""The only door to the solver: writes a `Program` with PuLP, has HiGHS solve it, brings back values and a proven bound.

PuLP's own hand-over to HiGHS walks over every coefficient in Python. Here a row goes to PuLP in one call, and the
matrix to HiGHS in one. A `Session` keeps the solver's model, so that a program which differs from the last only in
limits, bounds or costs is neither written nor handed over again.
"""

from __future__ import annotations

import importlib.metadata
import math
import time
from dataclasses import dataclass
from enum import StrEnum

import highspy
import numpy as np
import pulp
from pulp._rustcore import AffineExpr, Category, Sense

from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program

INTEGRALITY_GAP = 1e-7
"""Relative gap at which the integer program counts as solved [1]."""
TOLERANCE = 1e-7
"""By how much values may miss limits and whole numbers [1]."""


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


class Session:
    """A program in the solver's hands, to be solved again and again with other limits, bounds and costs.

    The coefficients and the kinds of the columns stay. What is not given to `solve` is as the program has it, whatever
    the solve before was given. A linear program starts from the basis in which the last solve ended, an integer one
    from the values given. The same calls in the same order get the same answers. ::

        session = Session(program, seed=1)
        first = session.solve(time_limit_s=10)
        upper = np.array(program.upper)
        upper[row] *= 0.98
        second = session.solve(upper=upper, start=first.values, time_limit_s=10)

    Parameters
    ----------
    program
        What is solved. It gets no more rows from now on.
    seed
        Seed of the solver's own choices.
    linear
        Whether to ignore that columns are integer.
    presolve
        Whether the solver may simplify first. Only without is a dual ray known.
    """

    def __init__(self, program: Program, *, seed: int = 0, linear: bool = False, presolve: bool = True) -> None:
        self._program = program
        self._linear = linear or not bool(program.integer.any())
        self._problem = write(program)
        self._solver = _BulkHiGHS(program, seed, self._linear, presolve)

    def solve(
        self,
        *,
        lower: Floats | None = None,
        upper: Floats | None = None,
        bound: Floats | None = None,
        cost: Floats | None = None,
        start: Floats | None = None,
        gap: float = INTEGRALITY_GAP,
        nodes: int | None = None,
        time_limit_s: float,
    ) -> Solution:
        """Solve the program, with other figures where they are given.

        Parameters
        ----------
        lower, upper
            Limits of the rows, shape (rows,); infinite where there is none.
        bound, cost
            Upper bound and cost of each column, shape (n,).
        start
            Values to start from, shape (n,). Those of the integer columns count, and need not fit; a linear program
            has no use for them.
        gap
            Relative gap at which to stop [1].
        nodes
            Nodes of the search tree after which the best so far is returned, None for no limit [count]. Unlike a time
            it is the same on every machine and under every load.
        time_limit_s
            Wall time after which the best so far is returned [s].
        """
        if time_limit_s <= 0:
            return Solution(Outcome.UNKNOWN, None, None, -math.inf)
        program, solver = self._program, self._solver
        solver.figures = _Figures(
            np.array(program.lower if lower is None else lower),
            np.array(program.upper if upper is None else upper),
            np.array(program.bound if bound is None else bound),
            np.array(program.cost if cost is None else cost),
        )
        solver.start, solver.gap, solver.nodes, solver.seconds = start, gap, nodes, time_limit_s
        self._problem.solve(solver)
        highs = solver.highs
        status, info = highs.getModelStatus(), highs.getInfo()
        if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
            # Every column is bounded, so that "unbounded or infeasible" can only be the latter.
            return Solution(Outcome.INFEASIBLE, None, None, math.inf)
        if status == highspy.HighsModelStatus.kModelEmpty:
            # The solver does not look at rows where there are no columns.
            if (solver.figures.lower > TOLERANCE).any() or (solver.figures.upper < -TOLERANCE).any():
                return Solution(Outcome.INFEASIBLE, None, None, math.inf)
            return Solution(Outcome.OPTIMAL, np.zeros(0), 0.0, 0.0)
        done = status == highspy.HighsModelStatus.kOptimal
        proven = -math.inf
        if not self._linear and math.isfinite(info.mip_dual_bound):
            proven = info.mip_dual_bound
        elif self._linear and done:
            proven = info.objective_function_value
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return Solution(Outcome.UNKNOWN, None, None, proven)
        values = np.array(highs.getSolution().col_value, dtype=np.float64)
        objective = float(solver.figures.cost @ values)
        return Solution(Outcome.OPTIMAL if done else Outcome.FEASIBLE, values, objective, proven)

    def prices(self) -> Floats:
        """Return by how much the cost of the last linear solve falls for each unit that a row's limits rise."""
        prices: Floats = -np.array(self._solver.highs.getSolution().row_dual, dtype=np.float64)
        return prices

    def ray(self) -> Ints | None:
        """Return the rows that the dual ray of the last solve combines to a contradiction, or None without ray."""
        highs = self._solver.highs
        if highs.getModelStatus() != highspy.HighsModelStatus.kInfeasible:
            return None
        _, found, ray = highs.getDualRay()  # type: ignore[attr-defined]  # absent from the stubs
        if not found:
            return None
        weight = np.abs(np.array(ray, dtype=np.float64))
        rows: Ints = np.flatnonzero(weight > 1e-9 * weight.max(initial=0.0))
        return rows


def solve(program: Program, *, seed: int, time_limit_s: float, gap: float = INTEGRALITY_GAP) -> Solution:
    """Solve a program once.

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
    session = Session(program, seed=seed)
    return session.solve(gap=gap, time_limit_s=until - time.monotonic())


def write(program: Program) -> pulp.LpProblem:
    """Write a program with PuLP: columns in batches of one kind and one bound, rows in one call each.

    A row without limits is left out; one with two makes two constraints.
    """
    problem = pulp.LpProblem("evacuation", pulp.const.LpMinimize)
    model = problem.toRustModel()
    ids = np.zeros(len(program.cost), dtype=np.uint64)
    kinds = np.stack([program.integer.astype(np.float64), program.bound], axis=1)
    distinct, kind_of = np.unique(kinds, axis=0, return_inverse=True)
    for k, (integer, bound) in enumerate(distinct.tolist()):
        index = np.flatnonzero(kind_of == k)
        category = Category.Integer if integer else Category.Continuous
        batch = model.add_variables_batch([f"x_{i}" for i in index.tolist()], 0.0, bound, category)
        ids[index] = [variable.id() for variable in batch]
    objective = AffineExpr()
    objective.add_term_ids_coeffs(model, ids, np.ascontiguousarray(program.cost))
    model.set_objective(objective)
    starts, columns, values = program.matrix()
    ids_in_rows = ids[columns]
    for row, (lower, upper) in enumerate(zip(program.lower, program.upper, strict=True)):
        span = slice(starts[row], starts[row + 1])
        for limit, sense in _sides(lower, upper):
            expression = AffineExpr()
            expression.add_term_ids_coeffs(model, ids_in_rows[span], values[span])
            expression.set_constant(-limit)
            expression.set_sense(sense)
            model.add_constraint(expression)
    return problem


def _sides(lower: float, upper: float) -> list[tuple[float, Sense]]:
    """Return the constraints that a row's limits make."""
    if lower == upper:
        return [(lower, Sense.Equal)]
    sides = ((lower, Sense.GreaterEqual), (upper, Sense.LessEqual))
    return [(limit, sense) for limit, sense in sides if math.isfinite(limit)]


@dataclass(frozen=True)
class _Figures:
    """What may change from solve to solve: limits of the rows, bounds and costs of the columns."""

    lower: Floats
    upper: Floats
    bound: Floats
    cost: Floats


class _BulkHiGHS(pulp.HiGHS):
    """PuLP's HiGHS, but the model is handed over in one call, kept, and changed in place.

    Attributes
    ----------
    figures
        For the next solve.
    start
        Values to start from, or None.
    gap, nodes, seconds
        When to stop [1, count or None, s].
    highs
        The solver.
    """

    # Not the parent's name: for that PuLP would have a log written and read it at every solve.
    name = "HiGHS in bulk"

    def __init__(self, program: Program, seed: int, linear: bool, presolve: bool) -> None:
        super().__init__(
            mip=not linear,
            msg=False,
            threads=1,
            random_seed=seed % (2**31),
            mip_feasibility_tolerance=TOLERANCE,
            primal_feasibility_tolerance=TOLERANCE,
            presolve="choose" if presolve else "off",
        )
        self._program = program
        self._told: _Figures | None = None
        self.figures: _Figures
        self.start: Floats | None = None
        self.gap, self.seconds = INTEGRALITY_GAP, math.inf
        self.nodes: int | None = None
        self.highs: highspy.Highs

    def actualSolve(self, lp: pulp.LpProblem, **kwargs: object) -> pulp.LpSolveStats:
        """Solve; this is what PuLP calls."""
        begin = (time.time(), time.process_time())
        if self._told is None:
            self.createAndConfigureSolver(lp)
            self.highs = lp.solverModel  # type: ignore[assignment]  # has just been set
            self.buildSolverModel(lp)
        else:
            self._change(self._told, self.figures)
        self._told = self.figures
        self.highs.setOptionValue("mip_rel_gap", self.gap)
        self.highs.setOptionValue("mip_max_nodes", highspy.kHighsIInf if self.nodes is None else self.nodes)
        self.highs.setOptionValue("time_limit", self.seconds)
        if self.start is not None and self.mip:
            whole = np.flatnonzero(self._program.integer).astype(np.int32)
            self.highs.setSolution(len(whole), whole, self.start[whole].round())
        self.highs.run()
        return self.buildStats(lp, pulp.const.LpSolveStatus.Undefined, False, start=begin)

    def buildSolverModel(self, lp: pulp.LpProblem) -> None:
        """Hand over everything in one call."""
        starts, columns, values = self._program.matrix()
        figures, count = self.figures, len(self.figures.cost)
        taken = self.highs.passModel(
            count,
            len(figures.lower),
            len(values),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            figures.cost,
            np.zeros(count),
            figures.bound,
            figures.lower,
            figures.upper,
            starts.astype(np.int32),
            columns.astype(np.int32),
            values,
            self._program.integer.astype(np.int32) if self.mip else np.zeros(count, dtype=np.int32),
        )
        assert taken != highspy.HighsStatus.kError, "the solver rejects the program"

    def _change(self, old: _Figures, new: _Figures) -> None:
        """Tell the solver the figures that are not what they were."""
        rows = np.flatnonzero((new.lower != old.lower) | (new.upper != old.upper)).astype(np.int32)
        if len(rows):
            limits = new.lower[rows], new.upper[rows]
            self.highs.changeRowsBounds(len(rows), rows, *limits)  # type: ignore[attr-defined]  # absent from the stubs
        columns = np.flatnonzero(new.bound != old.bound).astype(np.int32)
        if len(columns):
            self.highs.changeColsBounds(len(columns), columns, np.zeros(len(columns)), new.bound[columns])
        columns = np.flatnonzero(new.cost != old.cost).astype(np.int32)
        if len(columns):
            self.highs.changeColsCost(len(columns), columns, new.cost[columns])
