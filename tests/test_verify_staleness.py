"""What has changed since a plan was made is told, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.inventory.load import load_inventory
from planner.inventory.models import Inventory, Settings
from planner.plan.models import InventoryRef, Plan
from planner.verify import staleness
from tests.truth.handmade import GIB, changed_host, changed_link, changed_settings, changed_vm, make_plan, with_rules
from tests.truth.wrong import INVENTORY

ROOT = Path(__file__).resolve().parent.parent
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
        (changed_link(INVENTORY, ("hv1", "leaf1"), members=2), ["the switches or links have changed"]),
        (changed_link(INVENTORY, ("hv1", "leaf1"), networks=("service",)), ["the switches or links have changed"]),
        (changed_link(INVENTORY, ("hv1", "leaf1"), usable=(1.0, 0.5)), ["the switches or links have changed"]),
        (
            changed_settings(INVENTORY, equal_cost_paths="split", multifd_channels=4),
            ["the settings have changed: multifd_channels, equal_cost_paths"],
        ),
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


def test_an_efficiency_that_is_absent_is_that_of_the_model_in_digests() -> None:
    def digest(**values: object) -> str:
        settings = Settings.model_validate(values)
        return INVENTORY.model_copy(update={"settings": settings}).sha256()

    for model, own, other in (("paper", 0.3, 1.0), ("saturating", 1.0, 0.3)):
        absent = digest(model=model)
        assert absent == digest(model=model, background_efficiency=own)
        assert absent != digest(model=model, background_efficiency=other)


def test_a_plan_without_digests_of_sections_still_tells_of_its_vms() -> None:
    plan = PLAN.model_copy(update={"inventory": InventoryRef(name="small", sha256="0" * 64)})
    assert staleness(without("app"), plan) == ["app is gone"]
    assert staleness(INVENTORY, plan) == ["the inventory's content is not the one that the plan was made for"]


def test_without_moves_new_vms_are_not_missed() -> None:
    plan = PLAN.model_copy(update={"moves": ()})
    assert staleness(with_rules(INVENTORY), plan) == ["the rules have changed"]


def test_plans_of_older_versions_are_not_stale() -> None:
    """Fields that have come since count only where they are set: these digests are from before."""
    inventory = load_inventory(ROOT / "inventories" / "paper.yaml")
    assert inventory.sha256() == "2b2c9da5dcb5417d6dd470000b69c4dbae86d8ed4598fd831464b49590bada9d"
    assert inventory.sections() == {
        "name": "9d53f79e7113d46c",
        "settings": "7f59acb9b7e7b3e4",
        "hosts": "ce1cd14409c6fcb4",
        "links": "d64de8076851fb89",
        "vms": "a3c96eb3bcf0a2bd",
        "rules": "4f53cda18c2baa0c",
    }
