"""The assignment program is a relaxation: it never asks for more than the true optimum, and never denies one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest

from planner import api
from planner.inventory.models import VM, Approach
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.optimize.backend import Outcome, Solution, solve
from planner.optimize.model import Aim, AssignmentModel, Cut
from planner.plan.models import Status
from tests.optimize_support import GIB, Compiled, compiled, compiled_case, host, inventory, shared_link_case, star, vm
from tests.truth.brute import Optimum, brute_force, menu_choices
from tests.truth.inventories import Case, random_case

WRONG_ONCE = (104, 190, 277, 282, 367, 377)
"""Shared links at which a bound was once above the optimum, or a no was said that was none."""
CASES = [("random", seed) for seed in range(14)] + [("shared", seed) for seed in (*range(24), *WRONG_ONCE)]
ROUNDING = 1e-6
"""What the solver's tolerances may add to a bound [1]."""


def case_of(kind: str, seed: int) -> Case:
    return random_case(seed, max_movers=3) if kind == "random" else shared_link_case(seed)


@cache
def true_optimum(kind: str, seed: int) -> Optimum | None:
    """Return the optimum over the planner's own menu; pins do not count, as the program does not know them."""
    case = case_of(kind, seed)
    network = Network(case.inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    choices = menu_choices(case.inventory, case.evacuate, menu)
    return brute_force(case.inventory, case.evacuate, case.deadline_s, choices)


def solved(model: AssignmentModel, aim: Aim, *, linear: bool = False) -> Solution:
    program = model.program(aim)
    if linear:
        program = program.relaxed(np.zeros(program.row_count, dtype=np.bool_), linear=True)
    return solve(program, seed=0, time_limit_s=60)


def model_of(made: Compiled) -> AssignmentModel:
    return AssignmentModel(made.problem, made.classes, made.columns())


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_bounds_are_never_above_the_optimum(kind: str, seed: int, single: bool) -> None:
    truth = true_optimum(kind, seed)
    if truth is None:
        return
    made = compiled_case(case_of(kind, seed), single=single)
    model = model_of(made)
    found = solved(model, Aim(made.problem.deadline_s))
    assert found.outcome is Outcome.OPTIMAL
    assert found.bound <= truth.weighted_downtime_s * (1 + ROUNDING) + 1e-9
    limit_s = truth.weighted_downtime_s * (1 + ROUNDING) + 1e-9
    found = solved(model, Aim(truth.finish_s * (1 + ROUNDING), finish=True, downtime_limit_s=limit_s))
    assert found.outcome is Outcome.OPTIMAL
    assert found.bound <= truth.finish_s * (1 + ROUNDING)


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_the_bound_without_whole_choices_is_no_higher(seed: int) -> None:
    made = compiled_case(case_of("random", seed))
    if not len(made.columns()):
        return
    model, aim = model_of(made), Aim(made.problem.deadline_s)
    whole, linear = solved(model, aim), solved(model, aim, linear=True)
    assert linear.bound <= whole.bound * (1 + ROUNDING) + 1e-9


@pytest.mark.parametrize("seed", WRONG_ONCE)
def test_plans_over_shared_links_are_what_brute_force_finds(seed: int) -> None:
    case, truth = case_of("shared", seed), true_optimum("shared", seed)
    plan = api.plan(case.inventory, case.evacuate, case.deadline_s)
    assert truth is not None
    assert plan.status is Status.OPTIMAL
    assert plan.objective is not None
    assert plan.objective.weighted_downtime_s == pytest.approx(truth.weighted_downtime_s, rel=2e-6)
    assert plan.objective.finish_s == pytest.approx(truth.finish_s, rel=2e-6)


def test_two_moves_at_less_than_full_rate_may_be_faster_than_one_after_the_other() -> None:
    """The source's link is half again as wide as the targets'; volumes alone would have the VMs go one by one."""
    rates = {"src": 1.5e8, "t1": 1e8, "t2": 1e8}
    cluster = star(map(host, rates), [vm("a"), vm("b")], rates=rates, approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 14.0)
    found = solved(model_of(made), Aim(14.0))
    assert found.outcome is Outcome.OPTIMAL
    assert found.bound == pytest.approx(2 * 10**9 / 0.75e8)
    assert solved(model_of(made), Aim(13.0)).outcome is Outcome.INFEASIBLE


def test_two_hosts_on_links_of_their_own_from_the_source_share_none() -> None:
    wires = [("src", "t1", 1e8), ("src", "t2", 1e8), ("t1", "leaf", 1e8), ("t2", "leaf", 1e8)]
    cluster = inventory(map(host, ("src", "t1", "t2")), wires, [vm("a"), vm("b")], approaches=[Approach.COLD])
    found = solved(model_of(compiled(cluster, ["src"], 10.0)), Aim(10.0))
    assert found.outcome is Outcome.OPTIMAL
    assert found.bound == pytest.approx(20.0)


def test_a_cut_forbids_what_it_names() -> None:
    rates = {"src": 1e8, "t1": 1e8, "t2": 1e8}
    made = compiled(star(map(host, rates), [vm("a"), vm("b")], rates=rates), ["src"], 100.0, single=True)
    columns = made.columns()
    free = solved(AssignmentModel(made.problem, made.classes, columns), Aim(100.0))
    cheapest = np.flatnonzero(columns.downtime_s == columns.downtime_s.min())
    cut = solved(AssignmentModel(made.problem, made.classes, columns, (Cut(cheapest, 1),)), Aim(100.0))
    assert free.bound == pytest.approx(2 * columns.downtime_s.min())
    assert cut.bound > free.bound + 0.01


def test_a_program_without_choices_can_be_built() -> None:
    nobody = compiled(star(map(host, ("src", "t1")), [vm("a", "t1")]), ["src"], 100.0)
    assert solved(model_of(nobody), Aim(100.0)).outcome is Outcome.OPTIMAL


def test_an_empty_host_is_evacuated_at_once() -> None:
    plan = api.plan(star(map(host, ("src", "t1")), [vm("a", "t1")]), ["src"], 100.0)
    assert plan.status is Status.OPTIMAL
    assert plan.moves == ()


def test_a_byte_too_few_is_a_no_and_not_a_plan_that_the_replay_rejects() -> None:
    hosts = [host("src"), host("t1", memory=10 * GIB - 1), host("t2", memory=GIB)]
    answer = api.plan(star(hosts, [vm("a", memory=5 * GIB), vm("b", memory=5 * GIB)]), ["src"], 1000.0)
    assert answer.status is Status.INFEASIBLE
