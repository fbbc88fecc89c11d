"""A plan carries its inventory: whole, readable, and held against its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner import api
from planner.errors import InputError
from planner.inventory.load import load_inventory
from planner.inventory.synthesize import synthesize
from planner.plan.io import parse_plan, plan_json
from planner.plan.snapshot import inventory_of
from tests.truth.inventories import random_case

INVENTORIES = Path(__file__).parent.parent / "inventories"


@pytest.mark.parametrize("name", ["demo", "fabric", "paper"])
def test_plan_file_carries_its_inventory(name: str) -> None:
    inventory = load_inventory(INVENTORIES / f"{name}.yaml")
    plan = api.plan(inventory, [inventory.hosts[0].name], 3600)
    read = parse_plan(plan_json(plan))
    assert read == plan
    assert inventory_of(read) == inventory
    assert inventory_of(read).sha256() == plan.inventory.sha256


def test_a_synthetic_cluster_reads_back() -> None:
    inventory = synthesize(20, 200, 7)
    plan = api.check(inventory, [inventory.hosts[0].name], 3600)
    assert inventory_of(parse_plan(plan_json(plan))) == inventory


@pytest.mark.parametrize("seed", range(20))
def test_random_clusters_read_back(seed: int) -> None:
    case = random_case(seed, max_movers=2)
    plan = api.check(case.inventory, case.evacuate, case.deadline_s)
    assert inventory_of(parse_plan(plan_json(plan))) == case.inventory


def test_a_plan_without_inventory_says_so() -> None:
    inventory = load_inventory(INVENTORIES / "demo.yaml")
    plan = api.plan(inventory, ["hv01"], 3600).model_copy(update={"snapshot": None})
    with pytest.raises(InputError, match="does not have the inventory"):
        inventory_of(plan)


def test_another_inventory_is_refused() -> None:
    inventory = load_inventory(INVENTORIES / "demo.yaml")
    other = inventory.model_copy(update={"rules": ()})
    plan = api.plan(inventory, ["hv01"], 3600).model_copy(update={"snapshot": other})
    with pytest.raises(InputError, match="not the one"):
        inventory_of(plan)
    hosts = inventory.hosts[1:]
    broken = api.plan(inventory, ["hv01"], 3600).model_copy(
        update={"snapshot": inventory.model_copy(update={"hosts": hosts})}
    )
    with pytest.raises(InputError, match="hv01"):
        inventory_of(broken)
