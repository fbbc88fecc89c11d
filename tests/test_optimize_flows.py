"""What a move's flows get of bonds: rates on offer by approach and disk, classes of hosts, and the no that follows."""

from __future__ import annotations

from typing import Any

import pytest

from planner import api
from planner.inventory.models import ALL_APPROACHES, VM, Approach, Inventory
from planner.menu import bandwidth_menu
from planner.optimize.options import build_columns
from planner.plan.models import ReasonKind, Status
from tests.optimize_support import FAST, Compiled, compiled, host, star, vm
from tests.truth.handmade import changed_link

MEMBERS = 4
GB = 10**9


def bonded(*vms: VM, **settings: Any) -> Inventory:
    """Return src and two targets on one switch; src hangs on a bond of four."""
    inventory = star([host("src"), host("a"), host("b")], vms, **settings)
    return changed_link(inventory, ("src", "leaf"), members=MEMBERS)


def fastest(made: Compiled) -> dict[tuple[str, Approach], float]:
    columns = build_columns(made.problem, made.classes, made.tables)
    rates: dict[tuple[str, Approach], float] = {}
    for mover, approach, rate in zip(columns.mover, columns.approach, columns.rate, strict=True):
        key = made.problem.movers[mover].name, ALL_APPROACHES[approach]
        rates[key] = max(rates.get(key, 0.0), float(rate))
    return rates


VMS = (
    *(vm(f"only-{approach}", approaches=(approach,)) for approach in Approach),
    vm("disk", disk=10**8, approaches=(Approach.COLD,)),
)


def test_one_flow_gets_one_member() -> None:
    rates = fastest(compiled(bonded(*VMS), ["src"], 100.0))
    assert set(rates.values()) == {FAST / MEMBERS}


def test_channels_are_for_cold_and_precopy_without_disks() -> None:
    rates = fastest(compiled(bonded(*VMS, multifd_channels=MEMBERS), ["src"], 100.0))
    assert rates == {
        ("only-cold", Approach.COLD): FAST,
        ("only-precopy", Approach.PRECOPY): FAST,
        ("only-postcopy", Approach.POSTCOPY): FAST / MEMBERS,
        ("only-hybrid", Approach.HYBRID): FAST / MEMBERS,
        ("disk", Approach.COLD): FAST / MEMBERS,
    }


def test_the_menu_serves_moves_of_one_flow_and_of_several() -> None:
    assert bandwidth_menu((3e9, 3e9), 3e9, 1e9) == (3e9, 1.5e9, 1e9, 0.75e9, 0.5e9, 0.25e9)
    assert bandwidth_menu((3e9,), 1e9, 1e9) == (1e9, 0.5e9, 0.25e9)
    assert bandwidth_menu((3e9, 2e9)) == bandwidth_menu((3e9, 2e9), 5e9)


def test_hosts_on_bonds_are_of_another_class_than_hosts_on_one_wire() -> None:
    inventory = star([host("src"), host("a"), host("b"), host("c")], VMS, multifd_channels=2)
    inventory = changed_link(inventory, ("b", "leaf"), members=2)
    inventory = changed_link(inventory, ("c", "leaf"), members=3)
    assert len(compiled(inventory, ["src"], 100.0).classes.members) == 3


def test_what_one_flow_cannot_do_in_time_is_told_with_its_time() -> None:
    inventory = bonded(vm("slow", memory=GB, approaches=(Approach.COLD,)), multifd_channels=3)
    plan = api.plan(inventory, ["src"], 3.0, time_limit_s=10)
    assert plan.status is Status.INFEASIBLE
    assert plan.infeasibility is not None
    (reason,) = plan.infeasibility.reasons
    assert reason.kind is ReasonKind.TOO_SLOW
    assert reason.needed == pytest.approx(4.0)
    enough = inventory.settings.model_copy(update={"multifd_channels": 4})
    assert api.plan(inventory.model_copy(update={"settings": enough}), ["src"], 3.0, time_limit_s=10).moves


def test_channels_do_not_make_a_disk_faster() -> None:
    inventory = bonded(vm("disk", memory=GB // 2, disk=GB // 2, approaches=(Approach.COLD,)), multifd_channels=4)
    plan = api.plan(inventory, ["src"], 3.0, time_limit_s=10)
    assert plan.infeasibility is not None
    assert plan.infeasibility.reasons[0].kind is ReasonKind.TOO_SLOW
