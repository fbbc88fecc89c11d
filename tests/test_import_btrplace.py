"""Instances of BtrPlace: what becomes of them, what is told on the way, and what is refused."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner.cli.main import main
from planner.errors import InputError
from planner.importers.btrplace import import_btrplace
from planner.importers.report import Imported, report_lines
from planner.inventory.load import parse_inventory
from planner.inventory.models import Approach
from planner.inventory.write import inventory_yaml
from planner.predict import predict_vm
from tests.btrplace_samples import AT, TO, instance, write

GIGABIT = 1e9 / 8


def imported(folder: Path, document: Any = None) -> Imported:
    return import_btrplace(write(folder, instance() if document is None else document))


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(instance())
    change(document)
    return document


def problems(folder: Path, document: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        imported(folder, document)
    return [str(problem) for problem in caught.value.problems]


def test_hosts_have_room_labels_and_times(tmp_path: Path) -> None:
    found = imported(tmp_path).inventory
    hosts = {host.name: host for host in found.hosts}
    assert list(hosts) == [f"node-{n}" for n in range(5)]
    assert all((host.cpus, host.memory) == (4, 16 * 10**9) for host in found.hosts)
    source, target = hosts["node-0"], hosts["node-3"]
    assert (source.labels, source.shutdown_time, source.ready_after) == (("btrplace-source",), 17.0, 0.0)
    assert (target.labels, target.shutdown_time, target.ready_after) == (("node-3",), 0.0, 120.0)


def test_vms_are_where_they_are_and_go_where_they_are_fenced_to(tmp_path: Path) -> None:
    found = imported(tmp_path).inventory
    assert {vm.name: (vm.host, vm.requires) for vm in found.vms} == {
        f"vm-{vm}": (f"node-{AT[vm]}", (f"node-{TO[vm]}",)) for vm in AT
    }
    vm = found.vms[1]
    assert (vm.memory, vm.hot_memory, vm.hot_duration, vm.cold_rate) == (2 * 10**9, 96 * 10**6, 2.0, 3e6)
    assert vm.write_rate == 51e6, "the hot set within its time, and the cold rate"


def test_the_durations_are_those_of_btrplace(tmp_path: Path) -> None:
    found = imported(tmp_path).inventory
    times = [predict_vm(found.settings, vm, Approach.PRECOPY, GIGABIT).time_s.item() for vm in found.vms]
    assert times == [18.0, 20.0, 36.0, 38.0, 18.0]
    assert found.settings.approaches == (Approach.PRECOPY,)


def test_links_and_switches_are_as_given(tmp_path: Path) -> None:
    found = imported(tmp_path).inventory
    assert found.switches == ("switch-0", "switch-1")
    assert [(link.between, link.capacity_bytes_per_s) for link in found.links][-2:] == [
        (("node-4", "switch-1"), GIGABIT),
        (("switch-1", "switch-0"), 10 * GIGABIT),
    ]
    assert (found.settings.max_outgoing, found.settings.max_incoming) == (1, 1)


def test_what_is_written_reads_back_as_the_same_inventory(tmp_path: Path) -> None:
    found = imported(tmp_path).inventory
    assert parse_inventory(inventory_yaml(found)) == found


def test_the_report_counts_tells_and_names_the_next_command(tmp_path: Path) -> None:
    lines = list(report_lines(imported(tmp_path), "inv.yaml"))
    assert lines[0] == "BtrPlace: found 5 hosts, 5 VMs, 2 switches, 6 links, 0 rules."
    assert "- memory is in GB, as what VMs use of it tells" in lines
    assert lines[-2] == "To be emptied: 3 hosts with 5 VMs."
    assert lines[-1] == "  evac plan inv.yaml --evacuate @btrplace-source --deadline DURATION"
    assert not any(line in ("Left out:", "Missing:") for line in lines)


def test_memory_in_megabytes_is_told_by_what_vms_use(tmp_path: Path) -> None:
    def in_megabytes(document: dict[str, Any]) -> None:
        view = document["model"]["views"][0]
        for part in ("nodes", "vms"):
            view[part] = {key: value * 1000 for key, value in view[part].items()}

    found = imported(tmp_path, changed(in_megabytes))
    assert found.inventory.hosts[0].memory == 16 * 10**9
    assert "memory is in MB, as what VMs use of it tells" in found.assumed


def test_what_is_not_said_is_filled_in_and_told(tmp_path: Path) -> None:
    def bare(document: dict[str, Any]) -> None:
        document["model"]["attributes"] = {"nodes": {}, "vms": {}}
        document["model"]["views"] = document["model"]["views"][:1]

    found = imported(tmp_path, changed(bare))
    told = " ".join((*found.assumed, *found.missing))
    for words in ("5 VMs move what they reserve", "5 VMs dirty 5 MB in 2 s", "2 hosts that are off boot at once"):
        assert words in told
    assert any("network" in line for line in found.missing)
    assert any("vCPUs" in line for line in found.missing)
    assert {vm.memory for vm in found.inventory.vms} == {2 * 10**9, 4 * 10**9}
    assert len(found.inventory.links) == 5


def test_what_has_no_place_in_an_inventory_is_told(tmp_path: Path) -> None:
    def more(document: dict[str, Any]) -> None:
        document["constraints"] += [
            {"id": "maxOnline", "nodes": [0, 1], "amount": 1},
            {"id": "spread", "vms": [0, 1], "continuous": False},
            {"id": "fence", "vm": 0, "nodes": [3, 4]},
        ]
        document["constraints"] = [
            one for one in document["constraints"] if one != {"id": "offline", "node": 2, "continuous": False}
        ]
        document["model"]["mapping"]["readyVMs"] = [77]
        document["model"]["mapping"]["onlineNodes"]["0"]["sleepingVMs"] = [78]
        document["model"]["views"][2]["switches"][0]["capacity"] = 5000
        document["model"]["views"][2]["routing"] = {"type": "static", "routes": []}

    told = " ".join(imported(tmp_path, changed(more)).dropped)
    for words in (
        "1 constraint of the kind 'maxOnline'",
        "1 spread constraint of VMs that share a host now",
        "1 VM that run nowhere yet",
        "1 sleeping VM",
        "the capacity of 1 switch",
        "the routes",
        "1 VM fenced elsewhere on hosts that stay",
    ):
        assert words in told


def test_other_placement_constraints_become_rules_labels_and_pins(tmp_path: Path) -> None:
    def more(document: dict[str, Any]) -> None:
        document["constraints"] = [one for one in document["constraints"] if one["id"] == "offline"]
        document["constraints"] += [
            {"id": "spread", "vms": [0, 2], "continuous": True},
            {"id": "gather", "vms": [1, 3]},
            {"id": "ban", "vm": 2, "nodes": [3]},
            {"id": "fence", "vm": 3, "nodes": [3, 4]},
            {"id": "root", "vm": 4},
        ]

    found = imported(tmp_path, changed(more)).inventory
    assert [rule.members for rule in found.rules] == [("vm-0", "vm-2"), ("vm-1", "vm-3")]
    labels = {host.name: set(host.labels) for host in found.hosts}
    for vm, allowed in ((2, {0, 1, 2, 4}), (3, {3, 4})):
        (wanted,) = found.vms[vm].requires
        assert {name for name, has in labels.items() if wanted in has} == {f"node-{n}" for n in allowed}
    assert [vm.pinned for vm in found.vms] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["constraints"].append({"id": "fence", "vm": 99, "nodes": [3]}), ("constraints[8]", "VM 99")),
        (lambda d: d["constraints"].append({"id": "offline", "node": 99}), ("constraints[8]", "node 99")),
        (lambda d: d["model"]["mapping"]["offlineNodes"].append(0), ("offlineNodes", "online and offline")),
        (
            lambda d: d["model"]["mapping"]["onlineNodes"]["2"]["runningVMs"].append(0),
            ("onlineNodes.2", "VM 0 is on node 0 and on node 2"),
        ),
        (lambda d: d["model"]["views"][2]["links"][0].update(switch=9), ("views[2].links[0]", "not there")),
        (
            lambda d: d["model"]["views"][2]["links"][0]["physicalElement"].update(type="moon"),
            ("views[2].links[0]", "'moon'"),
        ),
        (lambda d: d["model"]["views"][2]["links"][0].update(capacity=-5), ("views[2].links[0].capacity", "-5")),
        (lambda d: d["model"]["views"][2]["links"].pop(0), ("in", "node-0")),
        (lambda d: d["model"].pop("mapping"), ("model.mapping", "missing")),
        (lambda d: d["model"]["attributes"]["vms"]["0"].update(memUsed="lots"), ("vms.0.memUsed",)),
        (lambda d: d["model"]["attributes"]["vms"]["0"].update(memUsed=-1), ("vms.0.memUsed",)),
        (lambda d: d["model"]["attributes"]["vms"]["0"].update(memUsed=1e-9), ("inventory.vms[0].memory",)),
        (lambda d: d["model"]["attributes"]["vms"]["0"].update(hotDirtyDuration=1e-9), ("no inventory can be made",)),
        (lambda d: d["model"]["views"][0]["vms"].update({"0": 10**30}), ("views[0].vms.0",)),
        (lambda d: d["model"]["views"][1]["nodes"].update({"0": 10**8}), ("no inventory can be made",)),
        (lambda d: d["model"]["views"][0]["nodes"].update({"0": 1}), ("inventory.hosts[0]", "memory")),
        (lambda d: d["model"]["mapping"].update(onlineNodes={}, offlineNodes=[]), ("no nodes",)),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    change: Callable[[dict[str, Any]], object], words: tuple[str, ...], tmp_path: Path
) -> None:
    told = problems(tmp_path, changed(change))
    assert len(told) < 6
    for word in words:
        assert any(word in line for line in told), told


def test_lines_are_told(tmp_path: Path) -> None:
    path = write(tmp_path, changed(lambda d: d["constraints"].append({"id": "offline", "node": 99})))
    line = next(n for n, text in enumerate(Path(path).read_text("utf-8").splitlines(), 1) if "99" in text) - 2
    with pytest.raises(InputError) as caught:
        import_btrplace(path)
    assert caught.value.problems[0].place.line == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "\0" * 100,
        "{" * 5000,
        '{"model": ' * 30 + "1" + "}" * 30,
        '{"model": {"mapping": {"onlineNodes": {"0": {}}}}, "constraints": 7}',
        '{"model": {"mapping": {"onlineNodes": {"-1": {}}}}}',
        '{"model": {"mapping": {"onlineNodes": {"0": {"runningVMs": [NaN]}}}}}',
        '{"model": {"mapping": {"onlineNodes": {"0": {}}}, "views": [{"id": "net", "links": {}}]}}',
        "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'b'>]><a>&b;</a>",
        json.dumps(instance())[:1500],
    ],
)
def test_junk_gives_one_report_and_exit_code_2(text: str, tmp_path: Path) -> None:
    path = tmp_path / "junk.json"
    path.write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["import", "btrplace", str(path)])
    assert result.exit_code == 2
    assert "problem" in result.stderr
    assert "Traceback" not in result.output


def test_mutated_instances_become_an_inventory_or_one_report(tmp_path: Path) -> None:
    text = json.dumps(instance())
    rng = random.Random(5)
    made = 0
    for _ in range(400):
        where, kind = rng.randrange(len(text)), rng.randrange(3)
        piece = rng.choice(["9", "-", "null", '"', "[", "}", "1e400", ":", "0", "true", "\\u0000"])
        mutated = text[:where] + piece * (kind < 2) + text[where + (kind > 0) * rng.randrange(1, 9) :]
        path = tmp_path / "mutated.json"
        path.write_text(mutated, "utf-8")
        try:
            import_btrplace(str(path))
        except InputError:
            continue
        made += 1
    assert 0 < made < 400


def test_the_command_writes_the_inventory_and_reports_on_stderr(tmp_path: Path) -> None:
    source, target = write(tmp_path, instance()), tmp_path / "inv.yaml"
    result = CliRunner().invoke(main, ["import", "btrplace", source, "-o", str(target)])
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "To be emptied: 3 hosts with 5 VMs." in result.stderr
    assert parse_inventory(target.read_text("utf-8"), "inv.yaml").name == "instance"
    printed = CliRunner().invoke(main, ["import", "btrplace", source, "--quiet"])
    assert (printed.stdout, printed.stderr) == (target.read_text("utf-8"), "")


def test_an_inventory_is_renewed_and_keeps_its_remarks(tmp_path: Path) -> None:
    source, target = write(tmp_path, instance()), tmp_path / "inv.yaml"
    run = CliRunner().invoke
    assert run(main, ["import", "btrplace", source, "-o", str(target)]).exit_code == 0
    edited = target.read_text("utf-8").replace("vms:", "# mind the big ones\nvms:", 1)
    target.write_text(edited, "utf-8")
    same = run(main, ["import", "btrplace", source, "--update", str(target)])
    assert (same.exit_code, same.stdout) == (0, "")
    assert target.read_text("utf-8") == edited
    first = parse_inventory(edited).vms[0]
    target.write_text(edited.replace(f"vcpus: {first.vcpus}", f"vcpus: {first.vcpus + 1}", 1), "utf-8")
    renewed = run(main, ["import", "btrplace", source, "--update", str(target)])
    assert renewed.exit_code == 0
    assert f"+  - {{name: {first.name}" in renewed.stdout
    assert "# mind the big ones" in target.read_text("utf-8")
    assert parse_inventory(target.read_text("utf-8")) == parse_inventory(edited)
    both = run(main, ["import", "btrplace", source, "--update", str(target), "-o", str(tmp_path / "x.yaml")])
    assert both.exit_code == 2


def test_the_instance_is_not_replaced_by_its_inventory(tmp_path: Path) -> None:
    source = write(tmp_path, instance())
    result = CliRunner().invoke(main, ["import", "btrplace", source, "-o", source])
    assert result.exit_code == 2
    assert json.loads(Path(source).read_text("utf-8")) == instance()


def test_an_unknown_source_is_told_with_those_that_there_are() -> None:
    result = CliRunner().invoke(main, ["import", "mainframe", "x"])
    assert result.exit_code == 2
    assert "There is no source 'mainframe'; there is " in result.stderr
    assert "btrplace" in result.stderr
