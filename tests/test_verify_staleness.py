"""What has changed since a plan was made is told, and nothing else."""

from __future__ import annotations

import pytest

from planner.inventory.models import Inventory
from planner.plan.models import InventoryRef, Plan
from planner.verify import staleness
from tests.truth.handmade import GIB, changed_host, changed_settings, changed_vm, make_plan, with_rules
from tests.truth.wrong import INVENTORY

PLAN = make_plan(INVENTORY)
VMS = "the VMs have changed"


def without(vm: str) -> Inventory:
    return INVENTORY.model_copy(update={"vms": tuple(each for each in INVENTORY.vms if each.name != vm)})


def test_the_same_inventory_is_not_stale() -> None:
    assert staleness(INVENTORY, PLAN) == []


@pytest.mark.parametrize(
    ("now", "changes"),
    [
        (INVENTORY.model_copy(update={"name": "other"}), ["the inventory has another name"]),
        (changed_settings(INVENTORY, max_incoming=3), ["the settings have changed: max_incoming"]),
        (changed_host(INVENTORY, "hv4", accepts=False), ["the hosts have changed"]),
        (INVENTORY.model_copy(update={"links": INVENTORY.links[:-1]}), ["the switches or links have changed"]),
        (INVENTORY.model_copy(update={"switches": ("leaf1",)}), ["the switches or links have changed"]),
        (with_rules(INVENTORY), ["the rules have changed"]),
        (changed_vm(INVENTORY, "peer", read_rate=1.0), [VMS]),
        (without("app"), [VMS, "app is gone"]),
        (changed_vm(INVENTORY, "app", host="hv4"), [VMS, "app now runs on hv4, not on hv1"]),
        (
            changed_vm(INVENTORY, "app", memory=6 * GIB),
            [VMS, "app has more memory than when the plan was made: 6 GiB now"],
        ),
        (changed_vm(INVENTORY, "web", disk=0), [VMS, "web has less disk than when the plan was made: 0 B now"]),
        (changed_vm(INVENTORY, "peer", host="hv1"), [VMS, "peer runs on hv1 and is not in the plan"]),
    ],
)
def test_what_changed_is_told(now: Inventory, changes: list[str]) -> None:
    assert staleness(now, PLAN) == changes


def test_the_settings_that_changed_are_named_where_the_plan_tells_them() -> None:
    now = changed_settings(INVENTORY, max_incoming=3, downtime_limit=0.5)
    assert staleness(now, PLAN) == ["the settings have changed: downtime_limit, max_incoming"]
    silent = Plan(**PLAN.model_dump(exclude={"settings"}))
    assert staleness(now, silent) == ["the settings have changed"]


def test_a_plan_without_a_digest_is_never_stale() -> None:
    plan = PLAN.model_copy(update={"inventory": InventoryRef(name="other")})
    assert staleness(without("app"), plan) == []


def test_a_plan_without_digests_of_sections_still_tells_of_its_vms() -> None:
    plan = PLAN.model_copy(update={"inventory": InventoryRef(name="small", sha256="0" * 64)})
    assert staleness(without("app"), plan) == ["app is gone"]
    assert staleness(INVENTORY, plan) == ["the inventory's content is not the one that the plan was made for"]


def test_without_moves_new_vms_are_not_missed() -> None:
    plan = PLAN.model_copy(update={"moves": ()})
    assert staleness(with_rules(INVENTORY), plan) == ["the rules have changed"]
