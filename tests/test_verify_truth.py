"""What other tests take for the truth: random cases are valid, brute force finds what trying everything finds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product

import pytest
from hypothesis import given

from planner.inventory.load import check_inventory
from planner.inventory.models import VM, Inventory
from planner.network import Network
from planner.plan.models import Move, Request
from planner.predict import predict_vm
from planner.verify import verify_plan
from tests.truth.brute import Choice, as_plan, brute_force, menu_choices, shares_menu
from tests.truth.handmade import make_move, make_plan
from tests.truth.inventories import Case, cases, random_case

TIMING = {"bandwidth", "outgoing", "incoming", "not-at-once", "before", "deadline"}
"""Checks that look at when things happen."""


def test_random_cases_are_valid_inventories() -> None:
    for seed in range(300):
        check_inventory(random_case(seed).inventory)


@given(cases(max_movers=3, max_vms=6))
def test_cases_from_hypothesis_are_valid_and_of_the_size_that_was_asked_for(case: Case) -> None:
    check_inventory(case.inventory)
    assert 1 <= sum(vm.host in case.evacuate for vm in case.inventory.vms) <= 3
    assert len(case.inventory.vms) <= 6
    assert case.deadline_s > 0


def test_a_seed_gives_one_case() -> None:
    assert random_case(7) == random_case(7)
    assert random_case(7) != random_case(8)


@pytest.mark.parametrize("seed", range(60))
def test_brute_force_finds_what_trying_everything_finds(seed: int) -> None:
    case = random_case(seed, max_movers=2 + (seed % 10 == 0), max_vms=5)
    choices = menu_choices(case.inventory, case.evacuate, shares_menu(0.6))
    found = brute_force(case.inventory, case.evacuate, case.deadline_s, choices)
    best = try_everything(case, choices)
    assert (found is None) == (best is None)
    if found is not None and best is not None:
        assert found.weighted_downtime_s == pytest.approx(best[0], rel=1e-8, abs=1e-9)
        assert found.finish_s == pytest.approx(best[1], rel=1e-8)
        plan = as_plan(case.inventory, case.evacuate, case.deadline_s, found)
        assert verify_plan(case.inventory, plan).violations == ()


def try_everything(case: Case, choices: dict[str, list[Choice]]) -> tuple[float, float] | None:
    """Return weighted downtime and finish [s] of the best of all assignments in all orders; the verifier judges."""
    inventory, request = case.inventory, Request(evacuate=case.evacuate, deadline_s=case.deadline_s)
    movers = [vm for vm in inventory.vms if vm.host in case.evacuate]
    options = [
        [move for choice in choices[vm.name] if (move := as_move(inventory, vm, choice)) and alone(case, move)]
        for vm in movers
    ]
    best: tuple[float, float] | None = None
    for moves in product(*options):
        value = sum(move.weight * move.downtime_s for move in moves)
        if best is not None and value > best[0] * (1 + 1e-9):
            continue
        for order in permutations(moves):
            plan = make_plan(inventory, one_by_one(case, order), request=request)
            assert plan.objective is not None
            finish_s = plan.objective.finish_s
            better = best is None or value < best[0] * (1 - 1e-9) or finish_s < best[1]
            if better and verify_plan(inventory, plan).ok:
                best = value, finish_s
    return best


def as_move(inventory: Inventory, vm: VM, choice: Choice) -> Move | None:
    way, rate, target = choice
    route = Network(inventory).route(vm.host, target)
    if route is None or predict_vm(inventory.settings, vm, way.approach, rate, way.switch_point).outside[0, 0]:
        return None
    return make_move(
        inventory,
        vm.name,
        target,
        approach=way.approach,
        switch_point=way.switch_point,
        rate=rate,
        path=route.path,
    )


def alone(case: Case, move: Move) -> bool:
    """Return whether nothing is wrong with a move by itself, but that others do not move."""
    request = Request(evacuate=case.evacuate, deadline_s=case.deadline_s)
    found = verify_plan(case.inventory, make_plan(case.inventory, [move], request=request))
    return {violation.check for violation in found.violations} <= {"coverage", "together"}


def one_by_one(case: Case, order: Sequence[Move]) -> list[Move]:
    """Start each move as early as the verifier lets it run beside those before it."""
    request = Request(evacuate=case.evacuate, deadline_s=1e9)
    placed: list[Move] = []
    for move in order:
        for start_s in sorted({0.0, *(other.end_s for other in placed)}):
            tried = [*placed, move.model_copy(update={"start_s": start_s})]
            found = verify_plan(case.inventory, make_plan(case.inventory, tried, request=request))
            if not TIMING & {violation.check for violation in found.violations}:
                break
        placed = tried
    return placed
