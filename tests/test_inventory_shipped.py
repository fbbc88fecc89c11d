"""The inventories that come with the project, the starter, and the schema that describes them all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from planner import api
from planner.inventory.load import load_inventory, parse_inventory
from planner.inventory.models import RULE_KINDS, Approach, Inventory, rule_kind
from planner.inventory.schema import inventory_schema
from planner.inventory.starter import starter_text
from planner.inventory.synthesize import synthesize
from planner.plan.models import Status
from planner.predict import predict_vm

FOLDER = Path(__file__).resolve().parent.parent / "inventories"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
MB = 1e6


def schema_says(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(inventory_schema())
    return [error.json_path for error in validator.iter_errors(document)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_inventories_load_and_fit_the_schema(path: Path) -> None:
    assert load_inventory(path).vms
    assert schema_says(yaml.safe_load(path.read_text("utf-8"))) == []


def test_the_five_are_shipped() -> None:
    assert {path.name for path in SHIPPED} >= {"paper.yaml", "demo.yaml", "rack.yaml", "fabric.yaml", "office.yaml"}


def test_the_fabric_has_everything_that_networks_have() -> None:
    inventory = load_inventory(FOLDER / "fabric.yaml")
    plan = api.plan(inventory, ["hv01"], 180, time_limit_s=20)
    assert plan.status is Status.OPTIMAL
    moves = {move.vm: move for move in plan.moves}
    # Several flows may have a whole bond, of which half is usable towards hv02; a disk is one flow, on one way up.
    assert moves["db-1"].bandwidth_bytes_per_s == pytest.approx(25e9 / 8)
    assert moves["db-2"].bandwidth_bytes_per_s == pytest.approx(12e9 / 8)
    assert [(way.path[2], way.share) for way in moves["app-2"].paths] == [("spine1", 0.5), ("spine2", 0.5)]
    assert moves["app-2"].bandwidth_bytes_per_s > 12e9 / 8
    assert not any("office" in way.path for move in plan.moves for way in move.paths)


def test_paper_is_the_case_of_the_paper() -> None:
    inventory = load_inventory(FOLDER / "paper.yaml")
    (vm,) = inventory.vms
    assert vm.memory == 11264 * MB
    assert (inventory.links[0].bandwidths_bytes_per_s[0], vm.read_rate, vm.write_rate) == (12.5 * MB, 3 * MB, 3 * MB)
    expected = {  # golden table of the hybrid-approach paper, 2017, recomputed: r = w = 3
        Approach.PRECOPY: (1249.3, 80.0),
        Approach.POSTCOPY: (1925.5, 462.1),
        Approach.HYBRID: (1627.4, 311.1),
    }
    for approach, (time_s, downtime_s) in expected.items():
        prediction = predict_vm(inventory.settings, vm, approach, 12.5 * MB)
        assert prediction.time_s.item() == pytest.approx(time_s, abs=0.1)
        assert prediction.downtime_s.item() == pytest.approx(downtime_s, abs=0.1)


def test_demo_shows_everything() -> None:
    inventory = load_inventory(FOLDER / "demo.yaml")
    assert (len(inventory.hosts), len(inventory.switches), len(inventory.vms)) == (4, 2, 12)
    assert {rule_kind(rule) for rule in inventory.rules} == set(RULE_KINDS)
    database = next(vm for vm in inventory.vms if vm.name == "db-1")
    assert database.write_rate > inventory.links[0].capacity_bytes_per_s
    assert any(vm.pinned for vm in inventory.vms)
    assert any(vm.requires for vm in inventory.vms)
    assert any(host.labels for host in inventory.hosts)
    assert len({vm.weight for vm in inventory.vms}) > 2


def test_rack_is_what_its_command_makes() -> None:
    inventory = load_inventory(FOLDER / "rack.yaml")
    assert inventory == synthesize(hosts=20, vms=200, seed=7)
    nic = sum(
        link.bandwidths_bytes_per_s[0]
        for link in inventory.links
        if "leaf1" in link.between and "spine" not in link.between
    )
    uplink = next(link.bandwidths_bytes_per_s[0] for link in inventory.links if set(link.between) == {"leaf1", "spine"})
    assert nic / uplink == pytest.approx(3, rel=0.01)


def test_rack_can_do_what_its_head_says() -> None:
    answer = api.plan(load_inventory(FOLDER / "rack.yaml"), ["hv01", "hv02"], 360.0, time_limit_s=10.0)
    assert answer.moves
    assert {move.approach for move in answer.moves} >= {Approach.HYBRID, Approach.PRECOPY}
    shorter = api.check(load_inventory(FOLDER / "rack.yaml"), ["hv01", "hv02"], 300.0)
    assert shorter.status is Status.INFEASIBLE


def test_new_inventories_have_the_model_that_measured_migrations_confirm() -> None:
    assert parse_inventory(starter_text()).settings.model == "saturating"
    assert synthesize(hosts=2, vms=4, seed=1).settings.model == "saturating"


def test_an_inventory_that_names_no_model_means_the_paper_s() -> None:
    assert load_inventory(FOLDER / "demo.yaml").settings.model == "paper"


def test_the_starter_loads_and_fits_the_schema() -> None:
    assert len(parse_inventory(starter_text()).vms) == 4
    assert schema_says(yaml.safe_load(starter_text())) == []


def test_the_schema_is_a_schema_with_a_name() -> None:
    schema = inventory_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["$id"], schema["title"]) == ("urn:evac:inventory:1", "evac inventory, version 1")
    assert set(schema["properties"]) == set(Inventory.model_fields)
    json.dumps(schema)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"format": "evac/inventory/2"}, "$.format"),
        ({"vmms": []}, "$"),
        ({"hosts": []}, "$.hosts"),
        ({"name": "-x"}, "$.name"),
        ({"links": [{"between": ["a"], "bandwidth": 1}]}, "$.links[0].between"),
        ({"settings": {"background_efficiency": 2}}, "$.settings.background_efficiency"),
    ],
)
def test_the_schema_says_no(change: dict[str, Any], path: str) -> None:
    document = {**yaml.safe_load(starter_text()), **change}
    assert schema_says(document) == [path]
