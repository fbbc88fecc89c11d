"""What is said of a no is true: held against brute force on random clusters.

Every no is true and no feasible case is called infeasible; every member of a conflict is needed, and the members alone
are impossible; the smallest deadline is within a hundredth of the true one; each choice has a plan.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from planner import api
from planner.advice.advise import advise
from planner.advice.changes import members_of, without
from planner.advice.choices import _choice
from planner.inventory.models import VM, Inventory
from planner.inventory.without import without_vms
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.plan.advice import Choice, ChoiceKind
from planner.plan.models import Plan, Status
from planner.verify import CHECKS, verify_plan
from tests.truth.brute import brute_force, menu_choices
from tests.truth.inventories import Case, random_case

SEEDS = int(os.environ.get("EVAC_ADVICE_SEEDS", "60"))
"""Cases looked at; raise it for a long run."""
LIMIT_S = 600.0
"""Ample: a machine that is busy with other things must not decide what is settled [s]."""


def possible(inventory: Inventory, evacuate: Sequence[str], deadline_s: float) -> bool:
    """Tell by brute force whether there is a plan."""
    network = Network(inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    found = menu_choices(inventory, evacuate, menu)
    return brute_force(inventory, evacuate, deadline_s, found, any_will_do=True) is not None


def answered(case: Case) -> Plan:
    return api.check(case.inventory, case.evacuate, case.deadline_s, make_room="never")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_is_said_is_true(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[Choice, Plan] = {}

    def keep(kind: ChoiceKind, plan: Plan, **says: Any) -> Choice:
        choice = _choice(kind, plan, **says)
        kept[choice] = plan
        return choice

    monkeypatch.setattr("planner.advice.choices._choice", keep)
    case = random_case(seed, max_movers=5)
    plan = answered(case)
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE, Status.INFEASIBLE)
    no = plan.status is Status.INFEASIBLE
    assert no is not possible(case.inventory, case.evacuate, case.deadline_s)
    if not no:
        return
    found = advise(case.inventory, plan, limit_s=LIMIT_S)
    assert found.conflict is not None
    assert found.conflict.minimal
    members = found.conflict.members
    left_out = [member for member in members_of(case.inventory, plan.request) if member not in members]

    def rest_possible(*more: object) -> bool:
        inventory, request = without(
            case.inventory, plan.request, [*left_out, *(one for one in members if one in more)]
        )
        return possible(inventory, request.evacuate, request.deadline_s)

    assert not rest_possible(), "the members alone are not impossible"
    for member in members:
        assert rest_possible(member), f"{member} is not needed"
    deadline = found.smallest_deadline
    assert deadline is not None
    if deadline.possible_s is None:
        assert not possible(case.inventory, case.evacuate, deadline.impossible_below_s)
    else:
        assert possible(case.inventory, case.evacuate, deadline.possible_s * (1 + 1e-9))
        assert not possible(case.inventory, case.evacuate, deadline.possible_s * 0.99)
        assert not possible(case.inventory, case.evacuate, deadline.impossible_below_s * (1 - 1e-6))
    backing = [kept[choice] for choice in found.choices]
    for choice, behind in zip(found.choices, backing, strict=True):
        assert behind.snapshot is not None
        assert behind.objective is not None
        assert verify_plan(behind.snapshot, behind).ok
        assert choice.checks == len(CHECKS)
        assert choice.finish_s == behind.objective.finish_s <= behind.request.deadline_s * (1 + 1e-9)
        if choice.kind is not ChoiceKind.MAKE_ROOM:
            # A triage says who stays; the others leave in time.
            rest = without_vms(behind.snapshot, choice.vms) if behind.triaged else behind.snapshot
            assert possible(rest, behind.request.evacuate, behind.request.deadline_s)
