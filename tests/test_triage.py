"""Where not all VMs can leave in time: who is saved, who is shut down when, who is left, and how that is told."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.inventory.load import load_inventory
from planner.inventory.models import VM, Before, Host, Inventory, Link, Rule, Together
from planner.inventory.without import without_vms
from planner.optimize.triage_program import grain_of
from planner.plan.models import Left, Move, Plan, Shutdown, Status, Why, WhyKind
from planner.plan.shutdowns import shutdown_steps, staying_on
from planner.render.shell import shell_runbook
from planner.render.triage import why_words
from planner.verify import verify_plan
from tests.truth.handmade import GIB, make_move

EXAMPLE = Path(__file__).parent.parent / "examples" / "triage" / "power-cut.yaml"
COMMAND = re.compile(
    r"evac (plan examples/triage/\S+ --evacuate (\S+) --deadline (\"[^\"]+\"|\S+) --if-infeasible triage)"
)
OUTWEIGHED = Why(kind=WhyKind.OUTWEIGHED)
SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]


def cluster(*vms: VM, rules: tuple[Rule, ...] = (), off_s: float = 0.0, room_gib: int = 256) -> Inventory:
    """Return hosts src and dst with 1 GiB/s between them, on which 1 GiB takes a second, cold only."""
    return Inventory(
        format="evac/inventory/1",
        name="two",
        hosts=(
            Host(name="src", cpus=99, memory=999 * GIB, shutdown_time=off_s),
            Host(name="dst", cpus=99, memory=room_gib * GIB),
        ),
        links=(Link(between=("src", "dst"), bandwidth=float(GIB)),),
        vms=vms,
        rules=rules,
    )


def vm(name: str, gib: int = 10, **fields: Any) -> VM:
    known: dict[str, Any] = {"approaches": ("cold",), "read_rate": 0.0, "write_rate": 0.0, "vcpus": 1}
    return VM(name=name, host="src", memory=gib * GIB, **(known | fields))


def triaged(inventory: Inventory, deadline_s: float, **options: Any) -> Plan:
    plan = api.plan(inventory, ["src"], deadline_s, if_infeasible="triage", **options)
    assert verify_plan(inventory, plan).violations == ()
    return plan


def ways(plan: Plan) -> tuple[set[str], set[str], set[str]]:
    """Return who moves, who is shut down, who is left."""
    return {move.vm for move in plan.moves}, {one.vm for one in plan.shutdowns}, {one.vm for one in plan.left}


def test_the_most_weight_is_saved_then_the_most_vms() -> None:
    vms = (
        vm("big", 20, weight=3.0, shutdown_time=5.0),
        vm("a", weight=2.0),
        vm("b", weight=2.0),
        vm("c", 5, weight=0.0),
        vm("d", 1, weight=0.0),
    )
    plan = triaged(cluster(*vms), 26.5)
    assert ways(plan) == ({"a", "b", "c", "d"}, {"big"}, set())
    assert plan.status is Status.OPTIMAL
    assert plan.objective is not None
    assert (plan.objective.saved_weight, plan.objective.total_weight) == (4.0, 7.0)
    assert plan.objective.upper_bound_saved_weight == 4.0


def test_nothing_changes_where_all_can_leave() -> None:
    inventory = cluster(vm("a"), vm("b"))
    plain, plan = api.plan(inventory, ["src"], 60.0), triaged(inventory, 60.0)
    assert plan.moves == plain.moves
    assert plan.objective == plain.objective
    assert not plan.triaged


def test_without_the_option_the_answer_is_no() -> None:
    plan = api.plan(cluster(vm("a"), vm("b")), ["src"], 15.0)
    assert plan.status is Status.INFEASIBLE
    assert (plan.moves, plan.shutdowns, plan.left) == ((), (), ())


def test_why_not_all_can_leave_stands_beside_the_moves() -> None:
    plan = triaged(cluster(vm("a"), vm("b")), 15.0)
    assert plan.moves
    assert plan.infeasibility is not None


def test_nobody_is_saved_where_nobody_can_be() -> None:
    plan = triaged(cluster(vm("a"), vm("b", pinned=True)), 5.0)
    assert ways(plan) == (set(), set(), {"a", "b"})
    assert {one.vm: one.unmoved.kind for one in plan.left} == {"a": WhyKind.TOO_SLOW, "b": WhyKind.PINNED}


def test_each_why_has_its_kind() -> None:
    vms = (vm("a", weight=2.0), vm("b"), vm("p", pinned=True), vm("l", requires=("gpu",)), vm("s", 900))
    inventory = cluster(*vms, room_gib=950)
    inventory = inventory.model_copy(
        update={"hosts": (inventory.hosts[0].model_copy(update={"labels": ("gpu",)}), inventory.hosts[1])}
    )
    plan = triaged(inventory, 75.0)
    assert {one.vm: one.why.kind for one in plan.shutdowns} == {
        "p": WhyKind.PINNED,
        "l": WhyKind.NOWHERE,
        "s": WhyKind.TOO_SLOW,
    }
    short = triaged(cluster(vm("a", weight=2.0, shutdown_time=1.0), vm("b", shutdown_time=1.0)), 15.0)
    assert [(one.vm, one.why) for one in short.shutdowns] == [
        ("b", Why(kind=WhyKind.OUTWEIGHED, most_weight=1.0)),
    ]


def test_together_binds_only_those_that_move() -> None:
    """Both fit on no host; alone each does."""
    inventory = cluster(vm("a"), vm("b", weight=2.0), rules=(Together(together=("a", "b")),), room_gib=15)
    assert ways(triaged(inventory, 900.0)) == ({"b"}, {"a"}, set())


def test_together_of_three_does_not_bind_two_over_one_that_stays() -> None:
    other = Host(name="dst2", cpus=99, memory=15 * GIB)
    rules = (Together(together=("a", "b")), Together(together=("b", "c")))
    base = cluster(vm("a"), vm("b", pinned=True), vm("c"), room_gib=15)
    inventory = base.model_copy(
        update={
            "hosts": (*base.hosts, other),
            "links": (
                *base.links,
                Link(between=("src", "dst2"), bandwidth=float(GIB)),
                Link(between=("dst", "dst2"), bandwidth=1e9),
            ),
            "rules": rules,
        }
    )
    assert ways(triaged(inventory, 900.0)) == ({"a", "c"}, {"b"}, set())


def test_moves_behind_one_that_stays_need_not_wait_for_it() -> None:
    inventory = cluster(vm("a", 50, weight=0.5), vm("b", weight=3.0), rules=(Before(before=("a", "b")),))
    plan = triaged(inventory, 55.0)
    assert ways(plan) == ({"b"}, set(), {"a"})


def test_a_move_that_lands_late_leaves_no_time_behind_it() -> None:
    vms = (vm("a", 50, weight=5.0), vm("b", shutdown_time=20.0), vm("c", shutdown_time=20.0))
    plan = triaged(cluster(*vms, rules=(Before(before=("a", "b")),)), 59.0)
    assert ways(plan) == ({"a"}, {"c"}, {"b"})
    why = plan.left[0].why
    assert (why.kind, why.vms, why.needed_s) == (WhyKind.BEHIND_LATE, ("a",), 20.0)
    assert why.available_s == pytest.approx(9.0)


def test_shutdowns_end_before_their_host_has_to_switch_off() -> None:
    plan = triaged(cluster(vm("a"), vm("b", shutdown_time=30.0, weight=0.5), off_s=20.0), 38.0)
    assert ways(plan) == ({"a"}, set(), {"b"})
    assert plan.power == ()
    plan = triaged(cluster(vm("a"), vm("b", shutdown_time=17.0, weight=0.5), off_s=20.0), 38.0)
    assert [(one.vm, one.start_s, one.end_s) for one in plan.shutdowns] == [("b", 1.0, 18.0)]
    assert [(step.host, step.start_s) for step in plan.power] == [("src", 18.0)]


def test_a_host_that_cannot_be_off_in_time_does_not_keep_others_from_being_saved() -> None:
    base = cluster(vm("a"), vm("b", weight=0.5))
    slow = Host(name="empty", cpus=1, memory=GIB, shutdown_time=1000.0)
    links = (*base.links, Link(between=("empty", "dst"), bandwidth=1e9), Link(between=("empty", "src"), bandwidth=1e9))
    inventory = base.model_copy(update={"hosts": (*base.hosts, slow), "links": links})
    plan = api.plan(inventory, ["src", "empty"], 70.0, if_infeasible="triage")
    assert verify_plan(inventory, plan).ok
    assert {move.vm for move in plan.moves} == {"a", "b"}


@pytest.mark.parametrize("objective", ["finish", "ends"])
def test_time_comes_first_among_the_saved_where_that_is_asked_for(objective: Any) -> None:
    plan = triaged(cluster(vm("a", 10), vm("b", 5), vm("c", 40, weight=0.5)), 16.0, objective=objective)
    assert ways(plan) == ({"a", "b"}, set(), {"c"})
    assert plan.objective is not None
    assert plan.objective.sides(objective)[0] is not None


# Shutdowns by themselves.

UNMOVED = Inventory.model_validate(cluster(vm("a"), vm("b"), vm("c"), vm("d")).model_dump())


def shut(
    rules: tuple[Rule, ...], *moves: Move, names: str = "abcd", **times: float
) -> tuple[dict[str, Shutdown], dict[str, Left]]:
    vms = tuple(
        one.model_copy(update={"shutdown_time": times.get(one.name)}) if one.name in times else one
        for one in UNMOVED.vms
    )
    inventory = UNMOVED.model_copy(update={"rules": rules, "vms": vms})
    found = shutdown_steps(inventory, ["src"], 300.0, moves, dict.fromkeys(names, OUTWEIGHED))
    return {one.vm: one for one in found[0]}, {one.vm: one for one in found[1]}


def test_a_chain_is_shut_down_backwards_from_the_deadline() -> None:
    down, left = shut((Before(before=("a", "b", "c")),), a=10.0, b=20.0)
    assert {name: (one.start_s, one.end_s) for name, one in down.items()} == {
        "a": (210.0, 220.0),
        "b": (220.0, 240.0),
        "c": (240.0, 300.0),
        "d": (240.0, 300.0),
    }
    assert {name: one.after for name, one in down.items()} == {"a": (), "b": ("a",), "c": ("b",), "d": ()}
    assert left == {}


def test_what_stands_behind_one_that_is_left_is_left_too() -> None:
    down, left = shut((Before(before=("a", "b", "c")),), b=301.0)
    assert set(down) == {"a", "d"}
    assert {name: (one.why.kind, one.why.vms) for name, one in left.items()} == {
        "b": (WhyKind.SHUTDOWN_TOO_LONG, ()),
        "c": (WhyKind.BEHIND_LATE, ("b",)),
    }


def test_a_shutdown_waits_for_a_move_and_never_starts_before_it_has_landed() -> None:
    move = make_move(UNMOVED, "a", "dst", rate=float(GIB) / 20, source="src", start_s=39.0, path=("src", "dst"))
    assert move.end_s > 239
    move = move.model_copy(update={"duration_s": 201.0})
    down, left = shut((Before(before=("a", "b")), Before(before=("c", "b"))), move, names="bcd")
    assert (down["b"].start_s, down["b"].after) == (240.0, ("a", "c"))
    assert down["c"].end_s == 240.0
    late, left = shut((Before(before=("a", "b")),), move.model_copy(update={"duration_s": 201.5}), names="bcd")
    assert set(late) == {"c", "d"}
    assert left["b"].why.available_s == pytest.approx(59.5)


def test_hosts_with_a_vm_left_stay_on() -> None:
    left = [Left(vm="a", host="src", why=OUTWEIGHED, unmoved=OUTWEIGHED)]
    assert staying_on(UNMOVED, ["src"], 300.0, left) == {"src"}
    assert staying_on(UNMOVED, ["src"], 300.0, []) == set()


# What is told.


def test_the_example_leaves_one_and_says_so() -> None:
    found = COMMAND.search(EXAMPLE.read_text())
    assert found, "the example says in its head how to run it"
    asked = [
        "plan",
        str(EXAMPLE),
        "--evacuate",
        found[2],
        "--deadline",
        found[3].strip('"'),
        "--if-infeasible",
        "triage",
    ]
    result = CliRunner().invoke(main, [*asked, "-q"])
    assert result.exit_code == 1
    told = " ".join(result.stdout.split())
    for words in (
        "Not all VMs can leave in time:",
        "Shut down: start VM on weight down by",
        "LEFT RUNNING",
        "erp-db hv02 8 its shutdown may take 25 min 00 s, and there are 14 min 00 s",
        "Weight saved 22 of 38; no plan saves more than 22",
        "optimal: no plan saves more weight.",
    ):
        assert words in told
    plan = json.loads(CliRunner().invoke(main, [*asked, "-q", "--format", "json"]).stdout)
    assert [one["vm"] for one in plan["left"]] == ["erp-db"]
    assert plan["shutdowns"][0]["vm"] == "wiki"


def test_every_example_is_tried() -> None:
    assert list(EXAMPLE.parent.glob("*.yaml")) == [EXAMPLE]


def test_a_triage_in_which_all_are_moved_or_shut_down_is_a_yes(tmp_path: Path) -> None:
    demo = str(EXAMPLE.parent.parent.parent / "inventories" / "demo.yaml")
    asked = ["plan", demo, "-e", "hv01", "-d", "2 min", "--if-infeasible", "triage", "-q"]
    assert CliRunner().invoke(main, asked).exit_code == 0
    plan = tmp_path / "plan.json"
    assert CliRunner().invoke(main, [*asked, "-o", str(plan)]).exit_code == 0
    assert CliRunner().invoke(main, ["verify", demo, str(plan)]).exit_code == 0


@pytest.mark.parametrize(
    ("why", "saved", "words"),
    [
        (Why(kind=WhyKind.PINNED), 3.0, "pinned"),
        (Why(kind=WhyKind.NOWHERE), 3.0, "no host may take it"),
        (Why(kind=WhyKind.TOO_SLOW), 3.0, "ends in time"),
        (Why(kind=WhyKind.OUTWEIGHED, most_weight=2.5), 3.0, "with it at most 2.5 of weight is saved"),
        (Why(kind=WhyKind.OUTWEIGHED, most_weight=3.0), 3.0, "in another's place no more weight is saved"),
        (Why(kind=WhyKind.OUTWEIGHED, most_weight=4.0), 3.0, "was found"),
        (Why(kind=WhyKind.OUTWEIGHED), 3.0, "was found"),
        (Why(kind=WhyKind.BEHIND_LATE, vms=("a",), needed_s=60.0, available_s=0.0), None, "must wait for a; no time"),
    ],
)
def test_whys_in_words(why: Why, saved: float | None, words: str) -> None:
    assert words in why_words(why, saved)


def example_plan() -> Plan:
    return api.plan(load_inventory(EXAMPLE), ["hv01", "hv02"], 900.0, if_infeasible="triage")


def test_runbooks_have_the_shutdowns_in_order_and_the_last_resort_is_only_told(tmp_path: Path) -> None:
    plan = example_plan()
    path = tmp_path / "plan.json"
    path.write_text(plan.model_dump_json())
    book = CliRunner().invoke(main, ["runbook", str(path)]).stdout
    steps = [book.index(f"shut down `{name}`") for name in ("wiki", "shop-queue", "gpu-sim", "build")]
    assert steps == sorted(steps)
    assert "virsh -c qemu+ssh://hv01/system shutdown wiki\n" in book
    assert "**1 VM left running**" in book
    assert "| `erp-db` | `hv02` |" in book
    assert "| `hv01` | T+0:14:00 | T+0:15:00 |" in book
    assert "| `hv02` | T+" not in book.partition("At the end")[2]
    document = json.loads(CliRunner().invoke(main, ["runbook", str(path), "--format", "json"]).stdout)
    shutdowns = {one["vm"]: one for one in document["shutdowns"]}
    assert shutdowns["gpu-sim"]["after"] == [shutdowns["wiki"]["number"]]
    assert shutdowns["wiki"]["shutdown"] == ["virsh", "-c", "qemu+ssh://hv01/system", "shutdown", "wiki"]
    assert shutdowns["wiki"]["last_resort"][-2:] == ["destroy", "wiki"]
    assert [one["vm"] for one in document["left"]] == ["erp-db"]
    script = shell_runbook(plan)
    assert not [line for line in script.splitlines() if "destroy" in line and not line.strip().startswith("printf")]


FAKE_VIRSH = """#!/bin/sh
shift 2
echo "$*" >>"$RECORD"
case "$*" in
migrate*shop-web*) exit "$WEB" ;;
domstate*wiki | domstate*gpu-sim | domstate*shop-queue | domstate*build) echo 'shut off' ;;
domstate*) echo running ;;
esac
"""


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("web", [0, 1])
def test_the_script_shuts_down_in_order_also_where_a_move_fails(shell: str, web: int, tmp_path: Path) -> None:
    plan = example_plan()
    soon = tuple(one.model_copy(update={"start_s": 0.0 if one.vm == "gpu-sim" else 1.0}) for one in plan.shutdowns)
    script = tmp_path / "run.sh"
    script.write_text(shell_runbook(plan.model_copy(update={"shutdowns": soon})))
    (tmp_path / "virsh").write_text(FAKE_VIRSH)
    (tmp_path / "virsh").chmod(0o755)
    record = tmp_path / "record"
    done = subprocess.run(
        [shell, str(script)],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "RECORD": str(record), "RUN": "1", "WEB": str(web)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == (5 if web else 0), done.stdout + done.stderr
    asked = record.read_text().splitlines()
    assert sorted(line for line in asked if line.startswith("shutdown")) == [
        f"shutdown {name}" for name in ("build", "gpu-sim", "shop-queue", "wiki")
    ]
    assert asked.index("shutdown gpu-sim") > asked.index("domstate wiki")
    assert "gpu-sim is down" in done.stdout
    assert not [line for line in asked if line.startswith("destroy")]


# What it stands on.


def test_the_digest_of_older_inventories_stays_and_a_stated_time_changes_it() -> None:
    inventory = cluster(vm("a"))
    content = inventory._content()
    assert "shutdown_time" not in content["vms"][0]
    assert "vm_shutdown_time" not in content["settings"]
    digests = {cluster(vm("a", shutdown_time=time_s)).sha256() for time_s in (None, 0.0, 60.0)}
    assert len(digests) == 3


def test_an_inventory_without_vms_has_no_rules_of_them() -> None:
    rules: tuple[Rule, ...] = (Before(before=("a", "b", "c")), Together(together=("a", "b")))
    left = without_vms(cluster(vm("a"), vm("b"), vm("c"), rules=rules), {"b"})
    assert [one.name for one in left.vms] == ["a", "c"]
    assert left.rules == (Before(before=("a", "c")),)
    assert without_vms(left, set()) is left


@pytest.mark.parametrize(
    ("weights", "grain"),
    [([1, 3], 1.0), ([2, 4], 2.0), ([0.5, 3], 0.5), ([0.1, 0.3], 0.1), ([0, 0], 0.0), ([0.12345], 0.0)],
)
def test_the_grain_of_weights(weights: list[float], grain: float) -> None:
    assert grain_of(np.array(weights, dtype=np.float64)) == pytest.approx(grain)
