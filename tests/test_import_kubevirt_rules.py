"""Affinities between VMIs: which become rules, and what is told of the others."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from planner.importers.facts import Facts
from tests.kubevirt_support import (
    HOSTNAME,
    PREFERRED,
    REQUIRED,
    SAMPLE,
    changed,
    facts,
    vmi,
)


def rules(found: Facts) -> set[tuple[str, tuple[str, ...]]]:
    return {(rule.kind, rule.members) for rule in found.rules}


def anti(selector: Any, topology: str = HOSTNAME, **more: Any) -> Any:
    term = {"labelSelector": selector, "topologyKey": topology, **more}
    return {"podAntiAffinity": {REQUIRED: [term]}}


def test_affinities_between_vms_become_rules() -> None:
    assert rules(facts(SAMPLE)) == {
        ("separate", ("shop.web-1", "shop.web-2", "shop.web-3")),
        ("together", ("shop.orders-cache", "shop.orders-db")),
    }


def test_an_anti_affinity_of_one_side_makes_pairs(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for name in ("web-1", "web-2", "web-3"):
            vmi(document, name)["spec"].pop("affinity")
        vmi(document, "orders-db")["spec"]["affinity"] = anti({"matchLabels": {"app": "web"}})

    assert {members for kind, members in rules(changed(tmp_path, change)) if kind == "separate"} == {
        ("shop.orders-db", "shop.web-1"),
        ("shop.orders-db", "shop.web-2"),
        ("shop.orders-db", "shop.web-3"),
    }


@pytest.mark.parametrize(
    ("more", "members"),
    [
        ({}, set()),
        ({"namespaces": ["data"]}, {("data.index", "shop.web-1"), ("data.ledger", "shop.web-1")}),
        (
            {"namespaceSelector": {}},
            {("data.index", "shop.web-1"), ("data.ledger", "shop.web-1"), ("shop.orders-db", "shop.web-1")},
        ),
        (
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}},
            {("data.index", "shop.web-1"), ("data.ledger", "shop.web-1")},
        ),
    ],
)
def test_namespaces_of_terms_count(more: Any, members: set[tuple[str, str]], tmp_path: Path) -> None:
    def change(document: Any) -> None:
        selector = {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}
        vmi(document, "web-1")["spec"]["affinity"] = anti(selector, **more)
        for name in ("web-2", "web-3", "orders-cache"):
            vmi(document, name)["spec"].pop("affinity")
        if not more:
            vmi(document, "orders-db")["metadata"]["labels"].pop("tier")

    assert {members for _, members in rules(changed(tmp_path, change))} == members


def test_what_rules_cannot_say_is_told(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        vmi(document, "web-1")["spec"]["affinity"] = anti({}, "topology.kubernetes.io/zone")
        vmi(document, "web-2")["spec"]["affinity"] = {"podAntiAffinity": {PREFERRED: [{"weight": 1}]}}
        vmi(document, "web-3")["spec"]["topologySpreadConstraints"] = [{"whenUnsatisfiable": "DoNotSchedule"}]
        document["items"].append({"kind": "Pod", "metadata": {"name": "p"}})

    told = " ".join(changed(tmp_path, change).dropped)
    for words in (
        "1 affinity term over topology.kubernetes.io/zone",
        "what 1 VM prefer and do not require",
        "topology spread constraints of 1 VM",
        "objects of other kinds: 1 Pod",
    ):
        assert words in told


def test_rules_of_very_many_pairs_are_told_and_left_out(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        web = vmi(document, "web-1")
        web["spec"].pop("affinity")
        for number in range(2100):
            twin = copy.deepcopy(web)
            twin["metadata"].update(name=f"twin-{number}", labels={"app": "twin"})
            document["items"].append(twin)
        vmi(document, "orders-db")["spec"]["affinity"] = anti({"matchLabels": {"app": "twin"}})

    found = changed(tmp_path, change)
    assert any("more than 2,000 pairs" in line for line in found.dropped)
