"""Triage saves the weight that trying every set of VMs finds, and every VM ends in exactly one of three ways."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal

import pytest

from planner import api
from planner.inventory.models import VM, Host, Inventory
from planner.plan.models import Plan, Status
from planner.verify import verify_plan
from tests.truth.brute_room import TooMuch
from tests.truth.inventories import Case, random_case
from tests.truth.room_cases import RoomCase, jam_case, room_case
from tests.truth.triage import most_saved, most_saved_with_room

SEEDS = int(os.environ.get("EVAC_TRIAGE_SEEDS", "100"))
"""Cases compared with brute force, of which six in ten are infeasible; raise it for a long run."""


def triaged(case: Case, make_room: Literal["auto", "never"] = "never") -> Plan:
    asked = case.inventory, case.evacuate, case.deadline_s
    return api.plan(*asked, make_room=make_room, if_infeasible="triage", time_limit_s=600)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_triage_saves_what_brute_force_saves(seed: int) -> None:
    case = random_case(seed)
    saved = most_saved(case)
    plan = triaged(case)
    assert verify_plan(case.inventory, plan).ok
    assert plan.status is Status.OPTIMAL
    assert len({move.vm for move in plan.moves}) == len(saved)
    leaving = [vm.name for vm in case.inventory.vms if vm.host in case.evacuate]
    if len(saved) == len(leaving):
        assert not plan.triaged
        return
    assert plan.objective is not None
    assert plan.objective.saved_weight == pytest.approx(sum(vm.weight for vm in saved))
    assert plan.objective.upper_bound_saved_weight == pytest.approx(sum(vm.weight for vm in saved))
    ends = [*(move.vm for move in plan.moves), *(one.vm for one in plan.shutdowns), *(one.vm for one in plan.left)]
    assert sorted(ends) == sorted(leaving)


@pytest.mark.parametrize("seed", range(0, SEEDS, 5))
def test_with_room_made_no_less_is_saved_and_no_more_than_the_bound(seed: int) -> None:
    case = random_case(seed, max_movers=4)
    plan = triaged(case, make_room="auto")
    least = sum(vm.weight for vm in most_saved(case))
    leaving = [vm for vm in case.inventory.vms if vm.host in case.evacuate]
    moved = {move.vm for move in plan.moves}
    saved = sum(vm.weight for vm in leaving if vm.name in moved)
    assert saved >= least - 1e-9
    if plan.triaged:
        assert plan.objective is not None
        assert plan.objective.upper_bound_saved_weight is not None
        assert saved <= plan.objective.upper_bound_saved_weight + 1e-9


@pytest.mark.parametrize("seed", range(SEEDS // 5))
@pytest.mark.parametrize("make", [room_case, jam_case])
def test_with_room_made_triage_saves_what_brute_force_saves(make: Callable[[int], RoomCase], seed: int) -> None:
    case = make(seed)
    plan = api.plan(case.inventory, case.evacuate, case.deadline_s, if_infeasible="triage", time_limit_s=600)
    if not plan.triaged:
        return
    try:
        most = most_saved_with_room(case)
    except TooMuch:
        pytest.skip("too much to try")
    assert verify_plan(case.inventory, plan).ok
    assert plan.objective is not None
    assert plan.objective.saved_weight == pytest.approx(most)
    assert plan.status is Status.OPTIMAL


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_slow_hosts_and_shutdowns_are_reckoned_with(seed: int) -> None:
    """Hosts take time to switch off and VMs to shut down: some are left then, and the replay agrees."""
    case = random_case(seed)

    def slow(host: Host) -> Host:
        return host.model_copy(update={"shutdown_time": case.deadline_s * (0.1 + 0.5 * (seed % 3))})

    def slow_vm(number: int, vm: VM) -> VM:
        return vm.model_copy(update={"shutdown_time": case.deadline_s * (number % 4) / 4})

    inventory: Inventory = case.inventory.model_copy(
        update={
            "hosts": tuple(slow(host) if host.name in case.evacuate else host for host in case.inventory.hosts),
            "vms": tuple(slow_vm(number, vm) for number, vm in enumerate(case.inventory.vms)),
        }
    )
    plan = triaged(Case(inventory, case.evacuate, case.deadline_s))
    assert verify_plan(inventory, plan).ok
    assert plan.status is Status.OPTIMAL
