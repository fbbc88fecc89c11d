"""The benchmarks measure what they say: instances, deadlines, baselines, the rival's answer, and one run of all."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from planner.inventory.load import check_inventory
from planner.inventory.models import VM, Approach
from planner.verify import verify_plan
from tests.benchmarks import runner
from tests.benchmarks.__main__ import main
from tests.benchmarks.baselines import POLICIES, Policy, allowed_to, operate
from tests.benchmarks.decisions import Decision, plan_of
from tests.benchmarks.fluid import cached_deadline_s, fluid_deadline_s, menu
from tests.benchmarks.generator import GIB, SIZES, Instance, Size, generate
from tests.benchmarks.predictions import measure
from tests.benchmarks.records import OURS, Case, movers_of, read
from tests.benchmarks.rival import decisions_of, document, task_of

NIC = 1.25e9
LONG_S = 1e6


def still(name: str, host: str, gib: int) -> VM:
    """A VM that neither reads nor writes: cold, it takes exactly its memory over the rate."""
    return VM(name=name, host=host, vcpus=1, memory=gib * GIB, read_rate=0, write_rate=0)


def handmade(vms: tuple[VM, ...], hosts: int, evacuated: int) -> Instance:
    base = generate("xs", 1) if hosts <= 4 else generate("m", 1)
    inventory = base.inventory.model_copy(update={"vms": vms})
    return Instance(Size("t", evacuated, len(vms), hosts), 1, 10.0, inventory, base.evacuate[:evacuated])


@pytest.mark.parametrize(("size", "gbit"), [("xs", 10.0), ("s", 10.0), ("m", 10.0), ("m", 1.0), ("l", 10.0)])
def test_instances_are_sound_and_as_large_as_they_say(size: str, gbit: float) -> None:
    instance = generate(size, 11, gbit)
    check_inventory(instance.inventory)
    what = SIZES[size]
    assert len(instance.inventory.hosts) == what.hosts
    assert len(instance.inventory.vms) == what.vms
    assert instance.evacuate == tuple(host.name for host in instance.inventory.hosts[: what.evacuated])
    assert movers_of(instance) == sum(i % what.hosts < what.evacuated for i in range(what.vms))


def test_an_instance_follows_from_its_seed() -> None:
    assert generate("s", 11).inventory == generate("s", 11).inventory
    assert generate("s", 11).inventory.sha256() != generate("s", 12).inventory.sha256()


def test_hot_vms_dirty_in_proportion_to_the_link_and_others_do_not() -> None:
    fast, slow = generate("l", 11).inventory.vms, generate("l", 11, 1.0).inventory.vms
    ratios = np.array([a.write_rate / b.write_rate for a, b in zip(fast, slow, strict=True)])
    hot = np.isclose(ratios, 10.0, rtol=1e-6)
    assert np.all(hot | (ratios == 1.0))
    assert 0.02 < hot.mean() < 0.06
    rates = np.array([vm.write_rate for vm in fast])[hot]
    assert rates.min() >= 0.5 * NIC
    assert rates.max() <= 1.3 * NIC


def test_memory_is_drawn_within_its_bounds_around_eight_gib() -> None:
    memory = np.array([vm.memory for vm in generate("xl", 11).inventory.vms]) / GIB
    assert memory.min() >= 1
    assert memory.max() <= 128
    assert 7 < np.median(memory) < 9


def test_the_menu_adds_rates_that_fill_an_uplink() -> None:
    assert menu(12.0, None) == [12.0, 6.0, 3.0]
    assert menu(12.0, 40.0) == [12.0, 10.0, 6.0, 5.0, 3.0]
    assert menu(12.0, 4.0) == [12.0, 6.0, 4.0, 3.0, 2.0]


def test_the_fluid_deadline_is_what_a_full_link_needs() -> None:
    one = handmade((still("a", "hv0001", 10),), 4, 1)
    two = handmade((still("a", "hv0001", 10), still("b", "hv0001", 6)), 4, 1)
    assert fluid_deadline_s(one) == pytest.approx(10 * GIB / NIC)
    assert fluid_deadline_s(two) == pytest.approx(16 * GIB / NIC)


def test_the_fluid_deadline_counts_uplinks() -> None:
    # 18 hosts leave: leaf 1 is empty, leaf 2 keeps two targets. The VMs of leaf 2 stay there, those of leaf 1 share
    # its uplink of 10/3 NIC; nothing is left on leaf 1.
    vms = tuple(still(f"a{i}", f"hv{i:04d}", 10) for i in range(1, 11))
    instance = handmade(vms, 20, 4)
    whole = dataclasses.replace(instance, evacuate=tuple(f"hv{i:04d}" for i in range(1, 11)))
    assert fluid_deadline_s(whole) == pytest.approx(100 * GIB / (NIC * 10 / 3))


@pytest.mark.parametrize(
    "policy", [policy for policy in POLICIES if policy.rate == "full" and policy.at_once <= 2], ids=lambda p: p.name
)
@pytest.mark.parametrize("seed", [11, 12])
def test_no_schedule_on_the_menu_ends_before_the_fluid_deadline(policy: Policy, seed: int) -> None:
    instance = generate("m", seed)
    plan = plan_of(allowed_to(instance, policy), instance.evacuate, LONG_S, operate(instance, policy))
    assert max(move.end_s for move in plan.moves) >= fluid_deadline_s(instance) * (1 - 1e-9)


def test_a_fluid_deadline_is_computed_once(tmp_path: Path) -> None:
    instance = generate("xs", 11)
    assert cached_deadline_s(instance, tmp_path) == fluid_deadline_s(instance)
    (found,) = tmp_path.iterdir()
    found.write_text('{"fluid_deadline_s": 7.0}', encoding="utf-8")
    assert cached_deadline_s(instance, tmp_path) == 7.0


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
@pytest.mark.parametrize(("size", "gbit"), [("s", 10.0), ("m", 1.0), ("l", 10.0)])
def test_baselines_do_nothing_wrong_but_being_late(policy: Policy, size: str, gbit: float) -> None:
    instance = generate(size, 12, gbit)
    inventory = allowed_to(instance, policy)
    decisions = operate(instance, policy)
    assert verify_plan(inventory, plan_of(inventory, instance.evacuate, LONG_S * 10, decisions)).violations == ()
    late = verify_plan(inventory, plan_of(inventory, instance.evacuate, 1.0, decisions))
    assert {violation.check for violation in late.violations} == {"deadline"}


@pytest.mark.parametrize("at_once", [1, 2, 4])
def test_maintenance_modes_keep_the_inventory_order_n_at_a_time(at_once: int) -> None:
    instance = generate("m", 12)
    policy = Policy("p", "inventory", at_once, "emptiest", "full")
    moves = plan_of(instance.inventory, instance.evacuate, LONG_S, operate(instance, policy)).moves
    order = [vm.name for vm in instance.inventory.vms]
    for host in instance.evacuate:
        mine = sorted((move for move in moves if move.source == host), key=lambda move: order.index(move.vm))
        starts = [move.start_s for move in mine]
        assert starts == sorted(starts)
        busy = [sum(m.start_s <= at < m.end_s for m in mine) for at in starts]
        assert max(busy) == at_once


def test_orders_and_targets_are_those_of_the_policy() -> None:
    vms = (still("a", "hv0001", 4), still("b", "hv0001", 9), still("c", "hv0003", 100))
    instance = handmade(vms, 4, 2)
    largest = operate(instance, Policy("p", "largest", 1, "emptiest", "full"))
    assert [(d.vm, d.target) for d in largest] == [("b", "hv0004"), ("a", "hv0004")]
    shortest = operate(instance, Policy("p", "shortest", 1, "tightest", "full"))
    assert [(d.vm, d.target) for d in shortest] == [("a", "hv0003"), ("b", "hv0003")]
    assert {d.approach for d in largest} == {Approach.PRECOPY}


def test_a_vm_that_writes_faster_than_the_link_goes_by_postcopy() -> None:
    hot = still("a", "hv0001", 8).model_copy(update={"write_rate": 2 * NIC})
    (decision,) = operate(handmade((hot,), 4, 1), POLICIES[0])
    assert decision.approach is Approach.POSTCOPY


def test_vms_that_fit_nowhere_are_not_passed_over() -> None:
    vms = (still("a", "hv0001", 100), *(still(f"b{i}", f"hv000{i}", 500) for i in (2, 3, 4)))
    with pytest.raises(ValueError, match="fit nowhere"):
        operate(handmade(vms, 4, 1), POLICIES[0])


def test_a_rivals_answer_is_given_hosts_and_holds() -> None:
    instance = generate("s", 11)
    task = task_of(instance, LONG_S, "classes")
    movers = len(task.problem.movers)
    columns = task.columns
    choices = [int(np.flatnonzero(columns.mover == v)[0]) for v in range(movers)]
    starts = np.concatenate([[0.0], np.cumsum(columns.time_s[choices])[:-1]]).tolist()
    decisions = decisions_of(task, choices, starts)
    assert decisions is not None
    assert verify_plan(instance.inventory, plan_of(instance.inventory, instance.evacuate, LONG_S, decisions)).ok


def test_a_rivals_answer_that_no_hosts_can_take_is_refused() -> None:
    task = task_of(generate("s", 11), LONG_S, "hosts")
    columns = task.columns
    choices = [int(np.flatnonzero((columns.mover == v) & (columns.klass == 0))[0]) for v in range(10)]
    assert decisions_of(task, choices, [0.0] * 10) is None


def test_the_rival_is_told_every_choice_and_what_it_uses() -> None:
    task = task_of(generate("m", 11), 150.0, "classes")
    told = document(task)
    assert len(told["choices"]["mover"]) == len(task.columns)
    capacities = sorted(link["capacity"] for link in told["links"])
    assert capacities[:4] == [NIC] * 4
    assert len([slot for slot in told["slots"] if slot["capacity"] == 2]) == 4
    uplink = next(link for link in told["links"] if link["capacity"] == pytest.approx(NIC * 10 / 3))
    used = {task.columns.klass[k] for k in uplink["choices"]}
    assert 0 < len(used) < len(task.classes.members) or len(task.classes.members) == 1


@pytest.mark.skipif(importlib.util.find_spec("ortools") is None, reason="needs the extra bench")
def test_cpsat_finds_the_optimum_of_two_moves_that_do_not_fit_side_by_side(tmp_path: Path) -> None:
    # Each VM may be quick and down for 4 s, or slow and down for 1 s. One after the other within 10 s, only one
    # of them can be slow; the second weighs more.
    told = {
        "deadline_s": 10.004,
        "weight": [1.0, 2.0],
        "memory": [1, 1],
        "vcpus": [1, 1],
        "free_memory": [2],
        "free_vcpus": [2],
        "choices": {
            "mover": [0, 0, 1, 1],
            "klass": [0, 0, 0, 0],
            "rate": [3.0, 3.0, 3.0, 2.0],
            "time_s": [3.001, 6.0, 3.0, 6.0],
            "downtime_s": [4.0, 1.0, 4.0, 1.0],
        },
        "links": [{"capacity": 4.0, "choices": [0, 1, 2, 3]}],
        "slots": [],
    }
    asked, answered = tmp_path / "asked.json", tmp_path / "answered.json"
    asked.write_text(json.dumps(told), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.cpsat",
        str(asked),
        str(answered),
        "--limit",
        "30",
        "--grid",
        "0.01",
    ]
    subprocess.run(command, check=True, cwd=Path(__file__).parent.parent, timeout=120)
    answer = json.loads(answered.read_text(encoding="utf-8"))
    assert answer["status"] == "optimal"
    assert answer["choices"] == [0, 3]
    assert answer["bound_s"] == pytest.approx(6.0)
    first, second = answer["starts_s"]
    # 3.001 s are 3.01 s on the grid, and 10.004 s are 10 s.
    assert second == pytest.approx(0.0) or second >= 3.01 - 1e-9
    assert first + 3.01 <= 10.0 + 1e-9


def test_cases_are_all_sizes_kappas_and_seeds() -> None:
    cases = runner.cases_of(["xs", "m@1"], [1.1, 2.0], [11])
    assert [(case.size, case.gbit, case.kappa) for case in cases] == [
        ("xs", 10.0, 1.1),
        ("xs", 10.0, 2.0),
        ("m", 1.0, 1.1),
        ("m", 1.0, 2.0),
    ]
    with pytest.raises(ValueError, match="no size 'huge'"):
        runner.cases_of(["huge"], [1.1], [11])


def test_a_run_writes_every_answer_down_and_continues_where_it_ended(tmp_path: Path) -> None:
    out, cache = tmp_path / "out.jsonl", tmp_path / "cache"
    asked = ["run", "--sizes", "xs", "--kappas", "2", "--seeds", "11", "--cache", str(cache), "-o", str(out)]
    assert CliRunner().invoke(main, asked).exit_code == 0
    found = read(out)
    assert found.machine["limits"] == "xs 10 s"
    (mine,) = found.records
    assert (mine.method, mine.case, mine.movers, mine.verified) == (OURS, Case("xs", 11, 10.0, 2.0), 6, True)
    assert mine.in_time
    assert mine.bound_s is not None
    assert mine.weighted_downtime_s is not None
    assert mine.bound_s <= mine.weighted_downtime_s * (1 + 1e-9)
    assert mine.memory_bytes is not None
    refused = CliRunner().invoke(main, asked)
    assert refused.exit_code == 2
    assert "--continue" in refused.output
    before = out.read_text(encoding="utf-8")
    assert CliRunner().invoke(main, [*asked, "--continue", "--baselines"]).exit_code == 0
    assert out.read_text(encoding="utf-8").startswith(before)
    assert {record.method for record in read(out).records} == {OURS, *(policy.name for policy in POLICIES)}


def test_a_process_that_fails_is_a_record_and_is_asked_again(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    order = runner.Order((Case("no such size", 1, 10.0, 1.1),), 1.0, False, None, tmp_path)
    said: list[str] = []
    for _ in range(2):
        assert runner.run(order, out, said.append) == 1
    (failed,) = read(out).records
    assert failed.status == "failed"
    assert "no such size" in failed.note
    assert len(said) == 2


def test_decisions_of_anyone_become_a_plan_with_the_models_times() -> None:
    instance = handmade((still("a", "hv0001", 10),), 4, 1)
    plan = plan_of(instance.inventory, instance.evacuate, 60.0, [Decision("a", "hv0003", Approach.COLD, NIC / 2, 1.5)])
    assert verify_plan(instance.inventory, plan).ok
    assert plan.moves[0].duration_s == pytest.approx(20 * GIB / NIC)
    assert plan.moves[0].path == ("hv0001", "leaf001", "hv0003")


def test_the_pace_of_predictions_counts_what_it_predicts() -> None:
    pace = measure(vms=7, rates=3, points=5, repeats=1)
    assert pace.predictions == 105
    assert pace.inside == 1.0, "a hybrid always ends"
    done = CliRunner().invoke(main, ["predict", "--vms", "4", "--rates", "2", "--points", "3", "--repeats", "1"])
    assert done.exit_code == 0
    assert done.stdout.startswith("4 VMs x 2 bandwidths x 3 switch points: 24 predictions in ")
