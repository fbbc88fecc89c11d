"""KubeVirt's files that are wrong: quantities, conditions, junk and hostile input, each one report."""

from __future__ import annotations

import copy
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner.cli.main import main
from planner.errors import InputError
from planner.importers.kubevirt_nodes import bears, holds
from planner.importers.kubevirt_objects import Expression, Taint, Toleration
from planner.importers.kubevirt_quantity import parse_quantity
from planner.importers.loader import Wishes, load
from planner.units import UnitError
from tests.kubevirt_support import (
    DOCUMENT,
    GIB,
    SAMPLE,
    Change,
    facts,
    vmi,
    write,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8Gi", 8 * GIB),
        ("1024M", 1024 * 10**6),
        ("128974848", 128974848),
        ("1500m", "1.5"),
        ("12e6", 12 * 10**6),
        ("1E", 10**18),
        ("0.5", "0.5"),
        (".5Ki", 512),
        ("5u", "0.000005"),
        (7, 7),
        (0.5, "0.5"),
    ],
)
def test_quantities_are_those_of_kubernetes(text: object, value: Any) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "8 GiB", "8gb", "-1", "1e99", "NaN", "9" * 100, "1Ei2", "٣", None, True, [1], "2Ei", "1e", "0x10"]
)
def test_other_quantities_are_refused(text: object) -> None:
    with pytest.raises(UnitError):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("toleration", "borne"),
    [
        ({"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}, True),
        ({"key": "k", "value": "v"}, True),
        ({"key": "k", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "k", "value": "other"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations_are_those_of_kubernetes(toleration: Any, borne: bool) -> None:
    taint = Taint(key="k", value="v", effect="NoSchedule")
    assert bears((Toleration.model_validate(toleration),), taint) is borne


def test_conditions_that_compare_need_numbers() -> None:
    wanted = Expression(key="rank", operator="Gt", values=("3",))
    assert holds(wanted, {"rank": "4"})
    assert not any(holds(wanted, {"rank": rank}) for rank in ("3", "x", "NaN", "Infinity"))
    assert not holds(wanted, {})


def spoil(path: str, value: Any) -> Change:
    def change(document: Any) -> None:
        *way, last = path.split("/")
        place = document["items"][6]
        for part in way:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            spoil("spec/domain/memory/guest", "8 GiB"),
            "items[6].spec.domain.memory.guest a quantity expected, got '8 GiB'",
        ),
        (spoil("spec/domain/memory/guest", "9e90"), "items[6].spec.domain.memory.guest"),
        (spoil("spec/domain/memory", "much"), "items[6].spec.domain.memory"),
        (spoil("status/currentCPUTopology/cores", 10**9), "items[6].status.currentCPUTopology.cores"),
        (spoil("status/currentCPUTopology/cores", "4"), "items[6].status.currentCPUTopology.cores"),
        (spoil("status/currentCPUTopology", {"cores": 10**5, "sockets": 10**5}), "vCPUs are more than any VM has"),
        (spoil("metadata/name", ""), "items[6].metadata.name"),
        (spoil("metadata", None), "items[6]"),
        (spoil("spec/domain", None), "items[6].spec"),
        (spoil("metadata/labels", ["x"]), "items[6].metadata.labels"),
        (spoil("kind", 7), "items[6] this is no object of Kubernetes"),
        (
            spoil("spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution", {}),
            "items[6].spec.affinity",
        ),
        (lambda d: d["items"].append(d["items"][6]), "the VirtualMachineInstance shop.web-1 comes twice, first at"),
        (lambda d: d.update(items={}), "items is no list"),
        (lambda d: d.update(items=None), "no virtual machine instance runs"),
        (lambda d: d["items"].__setitem__(0, "x"), "items[0] this is no object of Kubernetes"),
        (
            lambda d: vmi(d, "web-1").update(spec={"domain": {}}) or vmi(d, "web-1")["status"].pop("memory"),
            "it says no memory",
        ),
    ],
)
def test_what_is_wrong_gives_one_report_with_place_and_exit_code_2(change: Change, words: str, tmp_path: Path) -> None:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    result = CliRunner().invoke(main, ["import", "kubevirt", str(write(tmp_path, document))])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split()), result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "{",
        "- a",
        "\0",
        "kind: List\nitems: !!python/object/apply:os.system [ls]\n",
        "a: &a [x]\nkind: List\nitems: [*a, *a]\n",
        "kind: List\n---\nkind: List\n",
        "kind: List\nitems: " + "[" * 100 + "]" * 100,
        '{"items": ' * 3000,
        "kind: VirtualMachineInstance\n",
        "kind: Pod\nmetadata: {name: x}\n",
        SAMPLE.read_text("utf-8")[:9000],
    ],
)
def test_junk_gives_one_report_and_exit_code_2(text: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["import", "kubevirt", str(write(tmp_path, text, "junk.yaml"))])
    assert result.exit_code == 2
    assert "problem" in result.stderr
    assert "Traceback" not in result.output


def test_lines_are_told(tmp_path: Path) -> None:
    text = SAMPLE.read_text("utf-8").replace("guest: 24Gi", "guest: much")
    line = text.splitlines().index("        guest: much") + 1
    with pytest.raises(InputError) as caught:
        facts(write(tmp_path, text, "cluster.yaml"))
    assert caught.value.problems[0].place.line == line


def test_mutated_clusters_become_an_inventory_or_one_report(tmp_path: Path) -> None:
    rng = random.Random(8)
    lines = SAMPLE.read_text("utf-8").splitlines(keepends=True)
    dense = json.dumps(DOCUMENT)
    made = 0
    pieces = ["9", "-", "null", '"', "[", "}", "1e400", ":", "true", "\\u0000", "!x", "&a", "\t", "{", "Ei"]
    for count in range(300):
        if count % 3:
            where, kind = rng.randrange(len(dense)), rng.randrange(3)
            text = dense[:where] + rng.choice(pieces) * (kind < 2) + dense[where + (kind > 0) * rng.randrange(1, 9) :]
        else:
            where = rng.randrange(len(lines))
            key, _, _ = lines[where].partition(":")
            text = "".join([*lines[:where], f"{key}: {rng.choice(pieces)}\n", *lines[where + rng.randrange(2) :]])
        try:
            load(facts(write(tmp_path, text)), Wishes("rack"))
            made += 1
        except InputError:
            pass
    assert 0 < made < 300


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "Give files, or --live"),
        (["x.yaml", "--live"], "Give files, or --live"),
        (["x.yaml", "--context", "prod"], "go with --live"),
        (["x.yaml"], "there is no such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["import", "kubevirt", *given])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
