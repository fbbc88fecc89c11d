"""Programs as arrays, and what the solver says of them: values, proofs, and nothing where nothing is known."""

from __future__ import annotations

import math
import re
from itertools import product

import highspy
import numpy as np
import pulp
import pytest

from planner.optimize.backend import Outcome, Session, solve, solver_version, write
from planner.optimize.problem import Floats
from planner.optimize.program import Program


def empty(cost: list[float], bound: list[float] | None = None, *, integer: bool = True) -> Program:
    count = len(cost)
    return Program(
        np.array(cost, dtype=np.float64),
        np.ones(count) if bound is None else np.array(bound, dtype=np.float64),
        np.full(count, integer),
    )


def random_program(seed: int, *, integer: bool = True) -> Program:
    """Return a small program in zeros and ones with rows of all kinds."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 8))
    program = empty(rng.integers(-9, 10, count).astype(float).tolist(), integer=integer)
    for row in range(int(rng.integers(1, 5))):
        columns = np.flatnonzero(rng.random(count) < 0.6)
        values = rng.integers(1, 6, len(columns)).astype(float)
        limit = float(rng.integers(0, 8))
        kind = rng.integers(4)
        lower, upper = ((-np.inf, limit), (limit, np.inf), (limit, limit), (limit, limit + 3))[kind]
        program.add_row(f"kind {kind}", row, columns, values, lower=lower, upper=upper)
    return program


def dense(program: Program) -> Floats:
    starts, columns, values = program.matrix()
    matrix = np.zeros((program.row_count, len(program.cost)))
    for row in range(program.row_count):
        for cell in range(starts[row], starts[row + 1]):
            matrix[row, columns[cell]] += values[cell]
    return matrix


def allows(program: Program, x: Floats) -> bool:
    sums = dense(program) @ x
    return bool((sums >= np.array(program.lower) - 1e-5).all() and (sums <= np.array(program.upper) + 1e-5).all())


def best(program: Program) -> float:
    """Return the least cost over all zeros and ones, infinite where none is allowed."""
    ways = (np.array(way, dtype=np.float64) for way in product((0, 1), repeat=len(program.cost)))
    return min((float(program.cost @ x) for x in ways if allows(program, x)), default=math.inf)


@pytest.mark.parametrize("seed", range(40))
def test_the_optimum_is_the_best_of_all(seed: int) -> None:
    program = random_program(seed)
    found, truth = solve(program, seed=seed, time_limit_s=60), best(program)
    if math.isinf(truth):
        assert found.outcome is Outcome.INFEASIBLE
        assert found.values is None
        assert found.objective is None
        assert found.bound == math.inf
        return
    assert found.outcome is Outcome.OPTIMAL
    assert found.values is not None
    assert allows(program, found.values.round())
    assert found.objective == pytest.approx(truth, abs=1e-6)
    assert found.bound == pytest.approx(truth, abs=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_the_linear_program_bounds_the_integer_one(seed: int) -> None:
    program = random_program(seed)
    nothing = np.zeros(program.row_count, dtype=np.bool_)
    linear, truth = solve(program.relaxed(nothing, linear=True), seed=0, time_limit_s=60), best(program)
    assert linear.bound <= truth + 1e-6
    if linear.outcome is Outcome.OPTIMAL:
        assert linear.objective is not None
        assert linear.bound == pytest.approx(linear.objective, abs=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_dropping_rows_only_relaxes_and_keeps_the_numbers(seed: int) -> None:
    program = random_program(seed)
    rng = np.random.default_rng(seed)
    dropped = rng.random(program.row_count) < 0.5
    looser = program.relaxed(dropped, linear=False)
    assert (looser.row_count, looser.families, looser.keys) == (program.row_count, program.families, program.keys)
    assert best(looser) <= best(program)
    for row in np.flatnonzero(~dropped).tolist():
        assert (looser.lower[row], looser.upper[row]) == (program.lower[row], program.upper[row])
    found = solve(looser, seed=0, time_limit_s=60)
    assert found.outcome is (Outcome.INFEASIBLE if math.isinf(best(looser)) else Outcome.OPTIMAL)
    if found.objective is not None:
        assert found.objective == pytest.approx(best(looser), abs=1e-6)


def test_relaxing_leaves_the_program_as_it_was() -> None:
    program = random_program(1)
    before = (list(program.lower), list(program.upper), program.integer.tolist())
    program.relaxed(np.ones(program.row_count, dtype=np.bool_), linear=True)
    assert (program.lower, program.upper, program.integer.tolist()) == before


def test_blocks_and_rows_stand_in_the_order_in_which_they_came() -> None:
    program = empty([0.0] * 3)
    program.add_row("first", "a", np.array([2]), np.array([5.0]), upper=5)
    program.add_block(
        "second",
        ["b", "c"],
        np.array([1, 0, 1]),
        np.array([0, 1, 2]),
        np.array([7.0, 8.0, 9.0]),
        lower=np.array([1.0, 2.0]),
    )
    program.add_row("third", "d", np.array([0, 1]), np.array([1.0, -1.0]), lower=0, upper=0)
    assert program.families == ["first", "second", "second", "third"]
    assert program.keys == ["a", "b", "c", "d"]
    assert program.lower == [-math.inf, 1.0, 2.0, 0.0]
    assert program.upper == [5.0, math.inf, math.inf, 0.0]
    assert dense(program).tolist() == [[0, 0, 5], [0, 8, 0], [7, 0, 9], [1, -1, 0]]


def test_a_program_without_rows_has_an_empty_matrix() -> None:
    starts, columns, values = empty([1.0]).matrix()
    assert (starts.tolist(), columns.tolist(), values.tolist()) == ([0], [], [])


def test_columns_keep_their_own_bounds_and_kinds() -> None:
    program = Program(
        np.array([-1.0, -1.0, -1.0, -1.0]),
        np.array([2.5, 2.5, 1.0, 7.0]),
        np.array([True, False, False, True]),
    )
    found = solve(program, seed=0, time_limit_s=60)
    assert found.values is not None
    assert found.values.tolist() == pytest.approx([2.0, 2.5, 1.0, 7.0])
    assert found.objective == pytest.approx(-12.5)


def test_no_columns_cost_nothing() -> None:
    found = solve(empty([]), seed=0, time_limit_s=60)
    assert (found.outcome, found.objective) == (Outcome.OPTIMAL, 0.0)


def test_no_columns_reach_no_limit() -> None:
    program = empty([])
    program.add_row("choice", 0, np.zeros(0, dtype=np.int64), np.zeros(0), lower=1.0)
    assert solve(program, seed=0, time_limit_s=60).outcome is Outcome.INFEASIBLE


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 1.0), (1.0, np.inf), (-np.inf, -1.0)])
def test_an_empty_row_that_cannot_hold_is_infeasible(lower: float, upper: float) -> None:
    program = empty([1.0])
    program.add_row("choice", 0, np.array([], dtype=np.int64), np.array([]), lower=lower, upper=upper)
    assert solve(program, seed=0, time_limit_s=60).outcome is Outcome.INFEASIBLE


def test_an_empty_row_that_holds_changes_nothing() -> None:
    program = empty([-1.0])
    program.add_row("room", 0, np.array([], dtype=np.int64), np.array([]), upper=1.0)
    assert solve(program, seed=0, time_limit_s=60).objective == pytest.approx(-1.0)


@pytest.mark.parametrize("linear", [False, True])
def test_without_time_nothing_is_known(linear: bool) -> None:
    program = random_program(3)
    program = program.relaxed(np.zeros(program.row_count, dtype=np.bool_), linear=linear)
    found = solve(program, seed=0, time_limit_s=0.0)
    assert found.outcome is Outcome.UNKNOWN
    assert found.values is None
    assert found.bound == -math.inf


def hard_program(count: int = 40, rows: int = 5) -> Program:
    """Return a market split: no solver finds its optimum in a moment."""
    rng = np.random.default_rng(1)
    program = Program(
        np.concatenate([np.zeros(count), np.ones(2 * rows)]),
        np.concatenate([np.ones(count), np.full(2 * rows, 1e4)]),
        np.concatenate([np.full(count, True), np.full(2 * rows, False)]),
    )
    for row in range(rows):
        values = rng.integers(0, 100, count).astype(float)
        columns = np.concatenate([np.arange(count), [count + 2 * row, count + 2 * row + 1]])
        half = float(values.sum() // 2)
        program.add_row("split", row, columns, np.concatenate([values, [1.0, -1.0]]), lower=half, upper=half)
    return program


def test_a_solve_cut_short_has_a_solution_and_a_bound_below_it() -> None:
    found = solve(hard_program(), seed=0, time_limit_s=0.3)
    assert found.outcome is Outcome.FEASIBLE
    assert found.objective is not None
    assert -1e-6 <= found.bound < found.objective


def test_a_gap_stops_the_search_early_and_keeps_the_bound() -> None:
    program = hard_program(24, 3)
    found = solve(program, seed=0, time_limit_s=60, gap=1.0)
    assert found.outcome is Outcome.OPTIMAL
    assert found.objective is not None
    assert found.values is not None
    assert allows(program, found.values)
    assert found.bound <= found.objective


def test_a_seed_gives_one_solution() -> None:
    first, second = (solve(random_program(5), seed=2**40 + 7, time_limit_s=60) for _ in range(2))
    assert first.values is not None
    assert second.values is not None
    assert first.values.tolist() == second.values.tolist()


@pytest.mark.parametrize("seed", range(40))
def test_a_ray_names_rows_that_contradict_each_other(seed: int) -> None:
    program = random_program(seed)
    session = Session(program, linear=True, presolve=False)
    found = session.solve(time_limit_s=60)
    rows = session.ray()
    assert (rows is not None) == (found.outcome is Outcome.INFEASIBLE)
    if rows is not None:
        part = program.part(rows)
        assert part.row_count == len(rows)
        assert Session(part, linear=True).solve(time_limit_s=60).outcome is Outcome.INFEASIBLE


@pytest.mark.parametrize("seed", range(20))
def test_a_part_has_the_rows_asked_for_and_no_other(seed: int) -> None:
    program = random_program(seed)
    rows = np.flatnonzero(np.random.default_rng(seed).random(program.row_count) < 0.6)
    part = program.part(rows)
    whole = dense(program)[rows]
    used = np.flatnonzero(whole.any(axis=0))
    assert dense(part).tolist() == whole[:, used].tolist()
    assert part.cost.tolist() == program.cost[used].tolist()
    assert [part.lower, part.upper] == [[side[row] for row in rows] for side in (program.lower, program.upper)]
    assert [part.families, part.keys] == [[side[row] for row in rows] for side in (program.families, program.keys)]


def test_nodes_stop_a_search_where_a_time_would() -> None:
    found = [Session(hard_program()).solve(nodes=5, time_limit_s=60) for _ in range(2)]
    assert found[0].outcome is found[1].outcome is Outcome.FEASIBLE
    assert found[0].objective == found[1].objective
    assert found[0].bound == found[1].bound


def test_what_is_given_twice_is_summed() -> None:
    program = empty([-1.0, -1.0])
    program.add_row("room", 0, np.array([1, 0, 1]), np.array([1.0, 5.0, 2.0]), upper=2.0)
    starts, columns, values = program.matrix()
    assert (starts.tolist(), columns.tolist(), values.tolist()) == ([0, 2], [0, 1], [5.0, 3.0])
    assert solve(program, seed=0, time_limit_s=60).objective == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(20))
def test_pulp_is_told_what_the_solver_is_told(seed: int) -> None:
    program = random_program(seed)
    problem = write(program)
    problem.solve(pulp.HiGHS(msg=False))
    value = {variable.name: variable.varValue or 0.0 for variable in problem.variables()}
    if math.isinf(truth := best(program)):
        assert problem.solverModel.getModelStatus() == highspy.HighsModelStatus.kInfeasible  # type: ignore[union-attr]  # set by the solve
        return
    x = np.array([value[f"x_{i}"] for i in range(len(program.cost))])
    assert allows(program, x)
    assert program.cost @ x == pytest.approx(truth, abs=1e-6)


def changed(program: Program, rng: np.random.Generator) -> Program:
    """Return a program with other limits, bounds and costs."""
    other = program.relaxed(np.zeros(program.row_count, dtype=np.bool_), linear=False)
    for row in range(program.row_count):
        if rng.random() < 0.5:
            other.upper[row] = float(rng.integers(0, 9))
            other.lower[row] = float(rng.choice([-np.inf, other.upper[row] - 2, other.upper[row]]))
    other.bound = np.where(rng.random(len(program.bound)) < 0.3, 0.0, program.bound)
    other.cost = program.cost + rng.integers(-2, 3, len(program.cost))
    return other


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_a_session_solves_what_it_is_given_and_remembers_nothing(seed: int, linear: bool) -> None:
    program, rng = random_program(seed), np.random.default_rng(seed)
    session = Session(program, linear=linear)
    start: Floats | None = None
    for other in (program, changed(program, rng), changed(program, rng), program):
        found = session.solve(
            lower=np.array(other.lower),
            upper=np.array(other.upper),
            bound=other.bound,
            cost=other.cost,
            start=start,
            time_limit_s=60,
        )
        alone = solve(other.relaxed(np.zeros(other.row_count, dtype=np.bool_), linear=linear), seed=0, time_limit_s=60)
        assert found.outcome is alone.outcome
        if found.values is not None:
            assert found.objective == pytest.approx(alone.objective, abs=1e-6)
            assert found.bound == pytest.approx(alone.bound, abs=1e-6)
            start = found.values
    again = session.solve(time_limit_s=60)
    assert again.bound == pytest.approx(solve(program, seed=0, time_limit_s=60).bound, abs=1e-6) or linear


def test_a_session_starts_from_what_it_is_given() -> None:
    program = hard_program()
    session = Session(program)
    first = session.solve(time_limit_s=0.3)
    assert first.objective is not None
    second = session.solve(start=first.values, time_limit_s=0.3)
    assert second.objective is not None
    assert second.objective <= first.objective + 1e-6
    fresh = Session(program)
    third = fresh.solve(start=first.values, time_limit_s=0.05)
    assert third.objective is not None
    assert third.objective <= first.objective + 1e-6


def test_time_spent_before_is_not_counted_again() -> None:
    session = Session(hard_program())
    found = [session.solve(time_limit_s=0.2) for _ in range(3)]
    assert all(solution.outcome is Outcome.FEASIBLE for solution in found)


def test_the_solver_says_what_it_is() -> None:
    name, version = solver_version()
    assert name == "HiGHS"
    assert re.fullmatch(r"\d[\d.]* \(PuLP \d[\d.]*\)", version)
