"""Clusters of Ganeti: what becomes of them, that hbal sees the same room, and what is refused."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.errors import InputError
from planner.importers.facts import Facts
from planner.importers.ganeti import OFFLINE_LABEL, ganeti_facts
from planner.importers.loader import Wishes, load
from planner.importers.report import Imported, report_lines
from planner.inventory.load import load_inventory
from planner.inventory.models import Approach, Inventory, Separate
from planner.plan.models import Plan
from planner.render.markdown import markdown_runbook

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "imports" / "ganeti.data"
MIB, GIB = 2**20, 2**30
UUID = "7d1f0a62-6b1e-4c52-9a7e-2f5f3f0c1a01"
HBAL = shutil.which("hbal")
needs_hbal = pytest.mark.skipif(HBAL is None, reason="hbal is not installed (Debian: ganeti-htools)")


def small(
    nodes: str = "a|8192|1024|5120|9000|9000|4|N|u|1\nb|8192|0|8192|9000|9000|4|N|u|1",
    instances: str = "x|2048|100|2|running|Y|a|b|drbd||1",
    tags: str = "",
    policies: str = "",
    groups: str = "default|u|preferred||",
) -> str:
    sections = (groups, nodes, instances, tags, policies)
    return "\n".join(f"{section}\n" if section else "" for section in sections)


def facts(folder: Path, text: str) -> Facts:
    path = folder / "cluster.data"
    path.write_text(text, encoding="utf-8")
    return ganeti_facts(str(path))


def imported(folder: Path, text: str) -> Imported:
    return load(facts(folder, text), Wishes("cluster"))


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        facts(folder, text)
    return [str(problem) for problem in caught.value.problems]


def sample() -> Imported:
    return load(ganeti_facts(str(SAMPLE)), Wishes("ganeti"))


def test_the_sample_is_imported_planned_and_its_runbook_printed() -> None:
    found = sample()
    inventory = found.inventory
    assert {host.name: (host.memory, host.cpus, host.accepts) for host in inventory.hosts} == {
        "node1.example.com": (63 * GIB, 127, True),
        "node2.example.com": (63 * GIB, 125, True),
        "node3.example.com": (63 * GIB, 127, True),
        "node4.example.com": (63 * GIB, 127, False),
    }
    assert inventory.settings.approaches == (Approach.COLD, Approach.PRECOPY)
    plan = api.plan(inventory, ["node1.example.com"], 3600)
    assert {move.vm: move.target for move in plan.moves} == {
        "web1.example.com": "node3.example.com",
        "dns1.example.com": "node3.example.com",
        "db1.example.com": "node2.example.com",
    }
    assert api.verify(inventory, plan).ok
    assert "db1.example.com" in markdown_runbook(plan)
    assert found.evacuate == OFFLINE_LABEL
    drained = api.plan(inventory, ["node4.example.com"], 3600)
    assert [(move.vm, move.target) for move in drained.moves] == [("old1.example.com", "node3.example.com")]


def test_what_does_not_run_is_left_out_and_its_vcpus_stay_reserved(tmp_path: Path) -> None:
    states = ("running", "ERROR_up", "ADMIN_down", "ADMIN_offline", "ERROR_down", "ERROR_wrongnode", "USER_down")
    rows = "\n".join(f"{state}|512|0|2|{state}|Y|a||ext||1|-" for state in states)
    found = imported(tmp_path, small(instances=f"{rows}\nsoon|512|0|2|running|Y|a||ext||1|-|Y"))
    assert [vm.name for vm in found.inventory.vms] == ["running", "ERROR_up"]
    assert found.inventory.hosts[0].cpus == 4 * 4 - 1 - 4 * 2
    assert any("6 VMs not running" in line for line in found.dropped)


@pytest.mark.parametrize(
    ("template", "disk", "approaches", "pinned", "pair"),
    [
        ("drbd", 0, None, False, True),
        ("plain", 100 * MIB, (Approach.COLD,), False, False),
        ("file", 100 * MIB, (Approach.COLD,), False, False),
        ("sharedfile", 0, None, False, False),
        ("rbd", 0, None, False, False),
        ("ext", 0, None, False, False),
        ("gluster", 0, None, False, False),
        ("blockdev", 0, None, False, False),
        ("diskless", 0, None, False, False),
    ],
)
def test_disk_templates_say_what_moves_and_where_to(
    tmp_path: Path, template: str, disk: int, approaches: tuple[Approach, ...] | None, pinned: bool, pair: bool
) -> None:
    secondary = "b" if template == "drbd" else ""
    (vm,) = imported(tmp_path, small(instances=f"x|2048|100|2|running|Y|a|{secondary}|{template}||1")).inventory.vms
    assert (vm.disk, vm.approaches, vm.pinned) == (disk, approaches, pinned)
    assert vm.requires == (("drbd:a+b",) if pair else ())


def test_drbd_without_a_secondary_is_stuck(tmp_path: Path) -> None:
    found = imported(tmp_path, small(instances="x|2048|100|2|running|Y|a||drbd||1"))
    assert found.inventory.vms[0].pinned
    assert any("drbd without a secondary node" in line for line in found.hindered)


def test_exclusion_tags_of_the_cluster_keep_instances_apart(tmp_path: Path) -> None:
    rows = "x|512|0|1|running|Y|a||ext|dns:one,other:x|1\ny|512|0|1|running|Y|b||ext|dns:one,other:x|1"
    assert imported(tmp_path, small(instances=rows)).inventory.rules == ()
    found = imported(tmp_path, small(instances=rows, tags="htools:iextags:dns"))
    assert found.inventory.rules == (Separate(separate=("x", "y")),)


def test_groups_are_labels_that_hold_where_there_are_several(tmp_path: Path) -> None:
    nodes = "a|8192|0|7680|9|9|4|N|u\nb|8192|0|8192|9|9|4|N|v"
    text = small(nodes, "x|512|0|1|running|Y|a||ext||1", groups="west|u|preferred\neast hall|v|preferred")
    inventory = imported(tmp_path, text).inventory
    assert [host.labels for host in inventory.hosts] == [("group:west",), ("group:east-hall",)]
    assert inventory.vms[0].requires == ("group:west",)


def test_migration_tags_lead_one_way(tmp_path: Path) -> None:
    nodes = "old|8192|0|7680|9|9|4|N|u|1|hv:1\nnew|8192|0|7680|9|9|4|N|u|1|hv:2,rack:7"
    rows = "x|512|0|1|running|Y|old||ext||1\ny|512|0|1|running|Y|new||ext||1"
    tags = "htools:migration:hv\nhtools:allowmigration:hv:1::hv:2"
    inventory = imported(tmp_path, small(nodes, rows, tags)).inventory
    has = {host.name: set(host.labels) for host in inventory.hosts}
    needs = {vm.name: set(vm.requires) for vm in inventory.vms}
    assert needs["x"] <= has["new"]
    assert not needs["y"] <= has["old"]
    assert "migration:rack:7" not in has["new"]


def test_policies_say_how_many_vcpus_a_core_carries(tmp_path: Path) -> None:
    spec = "1,1,1,1,1,1"
    policies = f"|{spec}|{spec};{spec}|drbd|2.0|32.0\ndefault|{spec}|{spec};{spec}|drbd|1.5|32.0|2.0"
    found = imported(tmp_path, small(policies=policies))
    assert {host.cpus for host in found.inventory.hosts} == {5}
    assert any("memory ratio" in line for line in found.dropped)
    assert {host.cpus for host in imported(tmp_path, small(policies=policies.split("\n")[0])).inventory.hosts} == {7}
    assert {host.cpus for host in imported(tmp_path, small()).inventory.hosts} == {15}


def test_a_node_keeps_what_it_needs_itself(tmp_path: Path) -> None:
    nodes = "a|8192|1024|4000|9|9|4|N|u|1||N|1|3|1.0\nb|8192|0|8192|9|9|4|M|u"
    inventory = imported(tmp_path, small(nodes)).inventory
    assert [host.memory for host in inventory.hosts] == [6048 * MIB, 8192 * MIB]
    assert inventory.hosts[0].cpus == 13


def test_nodes_of_which_nothing_is_known_take_nothing(tmp_path: Path) -> None:
    found = imported(tmp_path, small("a|8192|0|6144|9|9|4|N|u\nb|?|?|?|?|?|?|Y|u"))
    assert [host.accepts for host in found.inventory.hosts] == [True, False]
    assert any("memory or CPUs of 1 host" in line for line in found.missing)


def test_preferences_and_spindles_are_told(tmp_path: Path) -> None:
    nodes = "a|8192|0|6144|9|9|4|N|u|1|power:a|Y|1\nb|8192|0|8192|9|9|4|N|u"
    told = "\n".join(report_lines(imported(tmp_path, small(nodes, tags="htools:nlocation:power")), None))
    assert "locations, which are preferences: htools:nlocation:power" in told
    assert "exclusive storage and its spindles" in told


def test_empty_sections_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    text = small(instances="")
    assert "\n\n\n" in text
    assert imported(tmp_path, text.replace("\n", "\r\n")).inventory.vms == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1 section between empty lines"),
        ("junk\n", "1 section between empty lines"),
        (small().replace("\n\n", "\n\n\n\n"), "sections between empty lines, where htools has 5"),
        (small("a|8|0|8"), "nodes[0]: 4 columns between |, where 9 to 15 are expected"),
        (small("a|8 GiB|0|8|9|9|4|N|u"), "nodes[0].t_mem: a number of MiB without a unit"),
        (small("a|99999999999999999999|0|8|9|9|4|N|u"), "nodes[0].t_mem: a number of MiB"),
        (small("a|" + "9" * 5000 + "|0|8|9|9|4|N|u"), "nodes[0].t_mem: a number of MiB"),
        (small("a|8192|0|9000|9|9|4|N|u"), "more memory is free or the node's own than there is"),
        (small("a|8192|0|80|9|9|4|X|u"), "nodes[0].role: 'X' is none of Y, N, M"),
        (small("a|8192|0|80|9|9|4|N|w"), "no group has the UUID 'w'"),
        (small("a|?|0|80|9|9|4|N|u"), "a size is ?, and the node is not offline"),
        (small("a|9|0|8|9|9|4|N|u\na|9|0|8|9|9|4|N|u"), "the node 'a' is there twice, first on line 3"),
        (small(instances="x|0|0|1|running|Y|a||ext||1"), "instances[0].memory: an instance has memory"),
        (small(instances="x|-5|0|1|running|Y|a||ext||1"), "instances[0].memory: a number of MiB"),
        (small(instances="x|5|0|1|flying|Y|a||ext||1"), "instances[0].status: 'flying' is none of"),
        (small(instances="x|5|0|1|running|J|a||ext||1"), "instances[0].auto_balance: 'J' is none of Y, N"),
        (small(instances="x|5|0|1|running|Y|c||ext||1"), "instances[0].primary: there is no node 'c'"),
        (small(instances="x|5|0|1|running|Y|a|a|drbd||1"), "the primary and the secondary node are one"),
        (small(instances="x|5|0|1|running|Y|a||floppy||1"), "instances[0].disk_template: 'floppy' is none of"),
        (small(instances="|5|0|1|running|Y|a||ext||1"), "instances[0]: the name is empty"),
        (small(policies="nobody|1|1|drbd|4.0|32.0"), "there is no group 'nobody'"),
        (small(policies="|1|1|drbd|lots|32.0"), "vcpu_ratio: a number above 0 is expected, got 'lots'"),
        (small(nodes="", instances=""), "there is no node in it"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    found = problems(tmp_path, text)
    assert any(told in line for line in found), found
    assert all("cluster.data" in line for line in found)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = small("a|x|0|8|9|9|4|N|w\nb|8192|0|8192|9|9|4|N|u", "x|y|0|1|running|Y|c||ext||1")
    assert len(problems(tmp_path, text)) == 4


def test_a_bad_file_is_one_report_and_exit_code_2(tmp_path: Path) -> None:
    for data in (b"\0\1\2", b"\xff\xfe", SAMPLE.read_bytes()[:700], b"PK\x03\x04"):
        path = tmp_path / "bad.data"
        path.write_bytes(data)
        result = CliRunner().invoke(main, ["import", "ganeti", str(path)])
        assert result.exit_code == 2, result.output
        assert "bad.data" in result.stderr
        assert result.stdout == ""


def test_mutations_give_an_inventory_or_a_report(tmp_path: Path) -> None:
    whole = SAMPLE.read_text(encoding="utf-8")
    rng = random.Random(20)
    junk = ["", "|", "\n", "?", "-1", "1e9", "9" * 40, "💾", "\t", "running", "node1.example.com", "=1+1", "{{", "Y"]
    read = refused = 0
    for _ in range(400):
        text = whole
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(junk) + text[at + rng.choice((0, 1, 5, 40)) :]
        try:
            imported(tmp_path, text)
        except InputError:
            refused += 1
        else:
            read += 1
    assert read > 20
    assert refused > 100


def test_an_evacuation_that_was_run_and_a_drained_node_are_seen_by_an_update(tmp_path: Path) -> None:
    out, data = tmp_path / "inventory.yaml", tmp_path / "cluster.data"
    text = SAMPLE.read_text(encoding="utf-8")
    data.write_text(text, encoding="utf-8")
    assert CliRunner().invoke(main, ["import", "ganeti", str(data), "-o", str(out)]).exit_code == 0
    before = load_inventory(out)
    plan = api.plan(before, ["node1.example.com"], 3600)
    after = applied(text, plan).replace("|32|Y|", "|32|N|")
    # The empty node is drained, and db1's new primary gets another secondary.
    after = after.replace(
        "node1.example.com|65536|1024|64512|2097152|1769472|32|N|", "node1.example.com|?|?|?|?|?|?|Y|"
    )
    after = after.replace(
        "node2.example.com|node1.example.com|drbd|service:db", "node2.example.com|node3.example.com|drbd|"
    )
    data.write_text(after, encoding="utf-8")
    result = CliRunner().invoke(main, ["import", "ganeti", str(data), "--update", str(out)])
    assert result.exit_code == 0, result.output
    now = load_inventory(out)
    hosts = {host.name.split(".")[0]: host for host in now.hosts}
    assert [name for name, host in hosts.items() if OFFLINE_LABEL in host.labels] == ["node1"]
    assert [name for name, host in hosts.items() if not host.accepts] == ["node1"]
    at = {vm.name: vm.host for vm in now.vms}
    assert all(at[move.vm] == move.target for move in plan.moves)
    db1 = next(vm for vm in now.vms if vm.name == "db1.example.com")
    assert "drbd:node2.example.com+node3.example.com" in db1.requires


def free_by_hbal(path: Path, ratio: int = 4, *, consistent: bool = True) -> dict[str, tuple[int, int]]:
    """Return each node's memory [MiB] and vCPUs that hbal could allot, by name without what all names end with."""
    assert HBAL is not None
    fields = "--print-nodes=name,umem,fmem,tcpu,ucpu"
    command = [HBAL, "-t", str(path), "-l0", "--no-disk-moves", "--no-instance-moves", fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told = done.stdout + done.stderr
    assert ("inconsistent" not in told) is consistent
    table = told.split("Final cluster status:")[1]
    rows = re.findall(r"^ *(\S+) +(-?\d+) +(-?\d+) +(\d+) +(\d+) *$", table, re.MULTILINE)
    assert all(int(may) == int(free) >= 0 or not consistent for _, may, free, _, _ in rows)
    assert all(int(vcpus) <= ratio * int(cores) for _, _, _, cores, vcpus in rows)
    return {name: (int(may), ratio * int(cores) - int(vcpus)) for name, may, _, cores, vcpus in rows}


def free_by_us(inventory: Inventory, plan: Plan | None = None) -> dict[str, tuple[int, int]]:
    """Return each host's memory [MiB] and vCPUs that no VM has, now or after a plan."""
    left = {host.name: (host.memory // MIB, host.cpus) for host in inventory.hosts}
    at = {vm.name: vm.host for vm in inventory.vms}
    for move in () if plan is None else plan.moves:
        at[move.vm] = move.target
    for vm in inventory.vms:
        memory, cpus = left[at[vm.name]]
        left[at[vm.name]] = (memory - vm.memory // MIB, cpus - vm.vcpus)
    return {name.removesuffix(".example.com"): size for name, size in left.items()}


def applied(text: str, plan: Plan) -> str:
    """Return a cluster as it is after a plan: a DRBD instance has its nodes swapped, disks on nodes move along."""
    sections = text.split("\n\n")
    nodes = {row.split("|")[0]: row.split("|") for row in sections[1].splitlines()}
    instances = {row.split("|")[0]: row.split("|") for row in sections[2].splitlines()}
    for move in plan.moves:
        row = instances[move.vm]
        for name, sign in ((move.source, 1), (move.target, -1)):
            nodes[name][3] = str(int(nodes[name][3]) + sign * int(row[1]))
            if row[8] == "plain":
                nodes[name][5] = str(int(nodes[name][5]) + sign * int(row[2]))
        row[6], row[7] = move.target, row[6] if row[8] == "drbd" else ""
    for at, rows in ((1, nodes), (2, instances)):
        sections[at] = "\n".join("|".join(row) for row in rows.values())
    return "\n\n".join(sections)


def made_up(seed: int) -> str:
    """Return a consistent cluster of 8 nodes and some 40 instances on DRBD, shared and local disks."""
    rng = random.Random(seed)
    names = [f"n{number}" for number in range(8)]
    own = {name: rng.choice((512, 1024, 2048)) for name in names}
    memory, disk = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    instances = []
    for number in range(40):
        size, space = rng.choice((1024, 2048, 4096)), rng.choice((10240, 20480))
        primary, other = rng.sample(names, 2)
        template = rng.choice(("drbd", "drbd", "drbd", "ext", "plain"))
        status = rng.choice(("running",) * 8 + ("ADMIN_down", "ADMIN_offline", "ERROR_up", "ERROR_down"))
        secondary = other if template == "drbd" else ""
        memory[primary] += size if status in ("running", "ERROR_up") else 0
        disk[primary] += space if template != "ext" else 0
        disk[other] += space if secondary else 0
        tag = f"service:{number % 6}" if number < 12 else ""
        instances.append(f"i{number}|{size}|{space}|2|{status}|Y|{primary}|{secondary}|{template}|{tag}|1|-")
    nodes = [
        f"{name}|65536|{own[name]}|{65536 - own[name] - memory[name]}|2000000|{2000000 - disk[name]}|24|N|{UUID}|8"
        for name in names
    ]
    return small("\n".join(nodes), "\n".join(instances), "htools:iextags:service", groups=f"default|{UUID}|preferred||")


@needs_hbal
def test_hbal_sees_the_same_free_memory_as_we_do_and_takes_the_end_of_a_plan(tmp_path: Path) -> None:
    inventory = sample().inventory
    assert free_by_hbal(SAMPLE) == free_by_us(inventory)
    plan = api.plan(inventory, ["node1.example.com"], 3600)
    path = tmp_path / "after.data"
    path.write_text(applied(SAMPLE.read_text(encoding="utf-8"), plan), encoding="utf-8")
    assert free_by_hbal(path) == free_by_us(inventory, plan)
    assert free_by_us(inventory, plan)["node1"] == (63 * 1024, 127)


@needs_hbal
@pytest.mark.parametrize("seed", range(4))
def test_hbal_agrees_on_made_up_clusters(tmp_path: Path, seed: int) -> None:
    text = made_up(seed)
    path = tmp_path / "before.data"
    path.write_text(text, encoding="utf-8")
    inventory = load(ganeti_facts(str(path)), Wishes("made-up")).inventory
    assert free_by_hbal(path) == free_by_us(inventory)
    plan = api.plan(inventory, ["n0"], 7200)
    assert api.verify(inventory, plan).ok
    after = tmp_path / "after.data"
    after.write_text(applied(text, plan), encoding="utf-8")
    assert free_by_hbal(after) == free_by_us(inventory, plan)
    assert plan.moves
    assert after.read_text(encoding="utf-8").count("|Y|n0|") < text.count("|Y|n0|")


@needs_hbal
def test_hbal_agrees_where_a_node_has_less_or_claims_more_than_it_should(tmp_path: Path) -> None:
    text = small(
        "a|16384|1024|9000|9|9|8|N|u|1||N|1|2\nb|16384|0|16384|9|9|8|N|u\nc|16384|0|12000|9|9|8|Y|u",
        "x|1024|0|2|running|Y|a||ext||1\ny|2048|0|2|running|Y|b||ext||1\nz|1024|0|2|running|Y|c||ext||1",
    )
    path = tmp_path / "cluster.data"
    path.write_text(text, encoding="utf-8")
    inventory = load(ganeti_facts(str(path)), Wishes("cluster")).inventory
    assert free_by_hbal(path, consistent=False) == free_by_us(inventory)
    assert free_by_us(inventory) == {"a": (9000, 28), "b": (14336, 29), "c": (12000, 29)}
