"""A plan may come from anyone: whatever stands in it, the verifier answers; what matters, it does not let pass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.inventory.models import Approach, Inventory
from planner.plan.models import InventoryRef, Move, Objective, PathShare, Plan, Request, Status
from planner.verify import CHECKS, staleness, verify_plan
from tests.truth.brute import as_plan, brute_force, menu_choices, shares_menu
from tests.truth.handmade import changed_link, changed_moves, changed_settings, changed_vm, make_plan
from tests.truth.inventories import random_case
from tests.truth.wrong import DB, INVENTORY

NAMES = st.sampled_from(("db", "app", "web", "cache", "old", "peer", "hv1", "hv2", "hv3", "hv4", "leaf1", "leaf2", "?"))
NUMBERS = st.floats(0, 1.7e308) | st.sampled_from((0.0, 5e-324, 1e-300, 1.0, 1e9, 1e300))
POSITIVE = NUMBERS.filter(lambda number: number > 0)
PATHS = st.lists(NAMES, min_size=2, max_size=5).map(tuple)

MOVES = st.builds(
    Move,
    vm=NAMES,
    source=NAMES,
    target=NAMES,
    approach=st.sampled_from(Approach),
    precopy_share=st.floats(0, 1),
    bandwidth_bytes_per_s=POSITIVE,
    path=PATHS,
    paths=st.lists(
        st.builds(PathShare, path=PATHS, share=st.floats(0, 1, exclude_min=True) | st.just(5e-324)), max_size=3
    ).map(tuple),
    start_s=NUMBERS,
    duration_s=NUMBERS,
    downtime_s=NUMBERS,
    transferred_bytes=NUMBERS,
    memory_bytes=st.integers(0, 10**400),
    weight=NUMBERS,
    after=st.lists(NAMES, max_size=3).map(tuple),
)
PLANS = st.builds(
    Plan,
    format=st.just("evac/plan/1"),
    inventory=st.builds(InventoryRef, name=NAMES, sha256=st.none() | st.just("0" * 64)),
    request=st.builds(Request, evacuate=st.lists(NAMES, min_size=1, max_size=3).map(tuple), deadline_s=POSITIVE),
    status=st.sampled_from(Status),
    objective=st.none()
    | st.builds(
        Objective,
        downtime_s=st.floats(allow_nan=False, allow_infinity=False),
        weighted_downtime_s=st.floats(allow_nan=False, allow_infinity=False),
        finish_s=st.floats(allow_nan=False, allow_infinity=False),
        lower_bound_weighted_downtime_s=st.floats(allow_nan=False, allow_infinity=False),
        gap=st.floats(allow_nan=False, allow_infinity=False),
        lower_bound_finish_s=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    moves=st.lists(MOVES, max_size=6).map(tuple),
)


NETWORKS = (
    INVENTORY,
    changed_settings(
        changed_link(INVENTORY, ("hv1", "leaf1"), members=3), equal_cost_paths="split", multifd_channels=3
    ),
    changed_settings(changed_link(INVENTORY, ("leaf1", "leaf2"), networks=("a",)), migration_network="b"),
)


@given(PLANS, st.sampled_from(NETWORKS))
def test_answers_whatever_stands_in_the_plan(plan: Plan, inventory: Inventory) -> None:
    found = verify_plan(inventory, plan)
    assert found.ok is not bool(found.violations)
    assert all(violation.message and violation.check in CHECKS for violation in found.violations)
    assert all(isinstance(change, str) for change in staleness(INVENTORY, plan))


def test_a_plan_in_which_nothing_is_known() -> None:
    ghost = DB.model_copy(update={"vm": "?", "source": "??", "target": "???", "path": ("????", "?????")})
    found = verify_plan(INVENTORY, make_plan(INVENTORY, [ghost]))
    assert {violation.check for violation in found.violations} == {"facts", "target", "path", "coverage"}


def test_a_share_of_next_to_nothing() -> None:
    odd = DB.model_copy(update={"paths": (PathShare(path=DB.path, share=5e-324),)})
    found = verify_plan(INVENTORY, make_plan(INVENTORY, [odd]))
    assert {violation.check for violation in found.violations} == {"paths", "coverage"}


@pytest.fixture(scope="module")
def right_plans() -> list[tuple[Inventory, Plan]]:
    """Return the true optima of some random cases that have one."""
    found = []
    for case in (random_case(seed, max_movers=3) for seed in range(60)):
        choices = menu_choices(case.inventory, case.evacuate, shares_menu(1.0, 0.5))
        optimum = brute_force(case.inventory, case.evacuate, case.deadline_s, choices)
        if optimum is not None:
            found.append((case.inventory, as_plan(case.inventory, case.evacuate, case.deadline_s, optimum)))
    return found


def test_right_plans_pass(right_plans: list[tuple[Inventory, Plan]]) -> None:
    assert len(right_plans) > 15
    for inventory, plan in right_plans:
        assert verify_plan(inventory, plan).violations == ()


def test_right_plans_do_not_pass_once_altered(right_plans: list[tuple[Inventory, Plan]]) -> None:
    for inventory, plan in right_plans:
        for altered in alterations(inventory, plan):
            assert not verify_plan(inventory, altered).ok, altered


def alterations(inventory: Inventory, plan: Plan) -> Iterator[Plan]:
    """Change each move in each field, leave it out, make it twice; the objective is made to fit."""
    for move in plan.moves:
        changes: list[dict[str, Any]] = [
            {"vm": "?"},
            {"source": move.target},
            {"target": move.source},
            {"target": "?"},
            {"path": move.path[::-1]},
            {"path": (*move.path, "?")},
            {"precopy_share": abs(move.precopy_share - 0.01)},
            {"start_s": plan.request.deadline_s},
            {"duration_s": move.duration_s * 1.001},
            {"duration_s": move.duration_s * 0.999},
            {"downtime_s": move.downtime_s + 0.001},
            {"transferred_bytes": move.transferred_bytes - 1000},
            {"memory_bytes": move.memory_bytes + 1},
            {"disk_bytes": move.disk_bytes + 1},
            {"weight": move.weight + 1},
            {"after": (move.vm,)},
        ]
        if not inventory.settings.tunnelled:  # what a tunnel cannot carry makes no difference
            changes += [{"bandwidth_bytes_per_s": move.bandwidth_bytes_per_s * factor} for factor in (0.99, 1.01)]
        different = [changed_moves(plan.moves, move.vm, **fields) for fields in changes]
        fewer = [other for other in plan.moves if other is not move]
        for moves in (*different, fewer, [*plan.moves, move]):
            yield make_plan(inventory, moves, request=plan.request)


def test_what_does_not_converge_is_called_so() -> None:
    inventory = changed_vm(INVENTORY, "db", write_rate=DB.bandwidth_bytes_per_s)
    (violation,) = verify_plan(inventory, make_plan(inventory, [DB, *make_plan(INVENTORY).moves[1:]])).violations
    assert "does not converge" in violation.message


def test_times_beyond_all_bounds_stand_in_no_violation() -> None:
    moves = [DB.model_copy(update={"start_s": 1.7e308, "duration_s": 1.7e308})]
    found = verify_plan(INVENTORY, make_plan(INVENTORY).model_copy(update={"moves": tuple(moves)}))
    late = [violation for violation in found.violations if violation.check == "deadline"]
    assert late
    assert late[0].at_s is None
    assert all(violation.at_s is None or math.isfinite(violation.at_s) for violation in found.violations)
