"""Why there is no plan: certificates and conflicts name who is to blame, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from planner import api
from planner.explain.conflict import _shrink, conflicting
from planner.inventory.models import VM, Approach, Before, Host, Inventory, NotAtOnce, Rule, Separate, Together
from planner.optimize.backend import Outcome, solve
from planner.optimize.clock import Clock
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.program import Program
from planner.plan.models import Infeasibility, Reason, ReasonKind, Status
from planner.predict import predict_vm
from tests.optimize_support import GIB, compiled, compiled_case, host, inventory, shared_link_case, star, vm
from tests.truth.inventories import Case, random_case

LONG_S = 60.0
COLD = [Approach.COLD]


def why_not(cluster: Inventory, evacuate: Sequence[str] = ("src",), deadline_s: float = 1000.0) -> Infeasibility:
    answer = api.check(cluster, evacuate, deadline_s, make_room="never")
    assert answer.status is Status.INFEASIBLE
    assert answer.infeasibility is not None
    return answer.infeasibility


def conflict(cluster: Inventory, evacuate: Sequence[str] = ("src",), deadline_s: float = 1000.0) -> Reason:
    """Return the reason of a no that the program gives, whatever a certificate says."""
    why_not(cluster, evacuate, deadline_s)
    made = compiled(cluster, evacuate, deadline_s)
    return conflicting(cluster, made.problem, made.classes, made.columns(), Clock(LONG_S), seed=0)


def certificate(cluster: Inventory, evacuate: Sequence[str] = ("src",), deadline_s: float = 1000.0) -> list[Reason]:
    found = why_not(cluster, evacuate, deadline_s)
    assert found.proof == "certificate"
    return list(found.reasons)


def room(name: str, gib: int, **fields: Any) -> Host:
    return host(name, memory=gib * GIB, **fields)


BYSTANDERS = [vm("idle-1", memory=GIB), vm("idle-2", memory=GIB)]


def test_room_that_is_short_among_the_hosts_with_a_label() -> None:
    hosts = [host("src"), room("t1", 10, labels=("x",)), room("t2", 10, labels=("x",)), room("t3", 500)]
    vms = [vm(name, memory=7 * GIB, requires=("x",)) for name in ("a", "b", "c")]
    reason = conflict(star(hosts, [*vms, *BYSTANDERS]))
    assert reason.kind is ReasonKind.MEMORY
    assert reason.hosts == ("t1", "t2")
    assert reason.vms == ("a", "b", "c")


def test_vcpus_that_are_short_among_the_hosts_with_a_label() -> None:
    hosts = [host("src"), host("t1", cpus=8, labels=("x",)), host("t3", cpus=100)]
    reason = conflict(star(hosts, [vm("a", vcpus=5, requires=("x",)), vm("b", vcpus=5, requires=("x",)), *BYSTANDERS]))
    assert reason.kind is ReasonKind.VCPUS
    assert (reason.hosts, reason.vms) == (("t1",), ("a", "b"))


def test_room_that_is_enough_together_and_nowhere_by_itself() -> None:
    hosts = [host("src"), room("t1", 10), room("t2", 10), room("t3", 10, max_incoming=7)]
    reason = conflict(star(hosts, [vm(name, memory=6 * GIB) for name in "abcd"]))
    assert reason.kind is ReasonKind.MEMORY
    assert (reason.hosts, reason.vms) == (("t1", "t2", "t3"), ("a", "b", "c", "d"))


def test_the_link_of_the_only_host_that_two_vms_may_go_to() -> None:
    hosts = [host("src"), host("src2"), host("t1", labels=("x",)), host("t2")]
    vms = [vm("a", requires=("x",)), vm("b", "src2", requires=("x",)), vm("c", "src2")]
    cluster = star(hosts, vms, rates={"t1": 1e8}, approaches=COLD)
    assert api.check(cluster, ["src", "src2"], 20.0).status is not Status.INFEASIBLE
    reason = conflict(cluster, ["src", "src2"], 19.0)
    assert reason.kind is ReasonKind.LINK
    assert (reason.hosts, reason.vms) == (("t1",), ("a", "b"))


def test_the_link_between_the_racks() -> None:
    wires = [("src", "near", 1e9), ("t1", "far", 1e9), ("t2", "far", 1e9), ("near", "far", 1e8)]
    cluster = inventory(map(host, ("src", "t1", "t2")), wires, [vm("a"), vm("b")], approaches=COLD)
    reason = conflict(cluster, deadline_s=19.0)
    assert reason.kind is ReasonKind.LINK
    assert (reason.link, reason.vms) == (("near", "far"), ("a", "b"))


def test_moves_that_do_not_fit_side_by_side_over_a_link() -> None:
    """Each converges at 0.6 of the source's link only: by volume three take 1.8 times as long as one, in truth 3."""
    rates = {"src": 1e9, "t1": 6e8, "t2": 6e8, "t3": 6e8}
    vms = [vm(name, write_rate=5.5e8, approaches=(Approach.PRECOPY,)) for name in "abc"]
    cluster = star(map(host, rates), vms, rates=rates)
    one_s = float(predict_vm(cluster.settings, vms[0], Approach.PRECOPY, 6e8).time_s[0, 0])
    assert api.check(cluster, ["src"], 3.001 * one_s).status is not Status.INFEASIBLE
    reason = conflict(cluster, deadline_s=2.9 * one_s)
    assert reason.kind is ReasonKind.LINK
    assert (reason.link, reason.vms) == (("src", "leaf"), ("a", "b", "c"))


def test_slots_of_the_only_host_that_some_vms_may_go_to() -> None:
    sources = [host(f"src{i}") for i in range(3)]
    vms = [vm(f"vm{i}", f"src{i}", requires=("x",)) for i in range(3)]
    hosts = [*sources, host("t1", max_incoming=1, labels=("x",)), host("t2")]
    cluster = star(hosts, vms, rates={"t1": 1e10}, approaches=COLD)
    reason = conflict(cluster, [source.name for source in sources], 2.5)
    assert reason.kind is ReasonKind.INCOMING
    assert (reason.hosts, reason.vms) == (("t1",), ("vm0", "vm1", "vm2"))


def test_groups_that_are_small_enough_each_but_not_together() -> None:
    """Three VMs, any two of them apart, need three hosts; each rule by itself needs two."""
    sources = [host(f"src{i}") for i in range(4)]
    vms = [vm(f"vm{i}", f"src{i}") for i in range(4)]
    rules = [Separate(separate=pair) for pair in (("vm0", "vm1"), ("vm1", "vm2"), ("vm0", "vm2"))]
    reason = conflict(star([*sources, host("t1"), host("t2")], vms, rules), [source.name for source in sources])
    assert reason.kind is ReasonKind.SEPARATE
    assert reason.vms == ("vm0", "vm1", "vm2")
    assert reason.rule == "separate [vm0, vm1]; separate [vm0, vm2]; separate [vm1, vm2]"


def test_a_group_that_leaves_no_room_for_others() -> None:
    """Apart, a and b would fit beside c and d."""
    hosts = [host("src"), room("t1", 10, labels=("x",)), room("t2", 10, labels=("y",))]
    needs: dict[str, tuple[str, ...]] = {"a": (), "b": (), "c": ("x",), "d": ("y",)}
    vms = [vm(name, memory=4 * GIB, requires=labels) for name, labels in needs.items()]
    assert api.check(star(hosts, vms), ["src"], 1000.0).status is not Status.INFEASIBLE
    reason = conflict(star(hosts, vms, [Together(together=("a", "b"))]))
    assert reason.kind is ReasonKind.COMBINATION
    assert (reason.vms, reason.hosts) == (("a", "b", "c", "d"), ("t1", "t2"))
    assert reason.rule == "together [a, b]"


def test_an_order_over_two_rules_that_takes_too_long() -> None:
    sources = [host(f"src{i}") for i in range(4)]
    vms = [vm(f"vm{i}", f"src{i}") for i in range(4)]
    rules: list[Rule] = [Before(before=("vm0", "vm1")), Before(before=("vm1", "vm2"))]
    cluster = star([*sources, host("t1"), host("t2")], vms, rules, approaches=COLD)
    evacuate = [source.name for source in sources]
    assert api.check(cluster, evacuate, 3.0).status is not Status.INFEASIBLE
    reason = conflict(cluster, evacuate, 2.9)
    assert reason.kind is ReasonKind.BEFORE
    assert reason.vms == ("vm0", "vm1", "vm2")
    assert reason.rule == "before [vm0, vm1]; before [vm1, vm2]"


def program_of(case: Case) -> Program | None:
    """Return the program of a case if it has no solution."""
    made = compiled_case(case)
    columns = made.columns()
    if not len(columns):
        return None
    program = AssignmentModel(made.problem, made.classes, columns).program(Aim(made.problem.deadline_s))
    return program if without_solution(program, np.zeros(program.row_count, dtype=np.bool_)) else None


def without_solution(program: Program, dropped: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> bool:
    found = solve(program.relaxed(dropped, linear=False), seed=1, time_limit_s=LONG_S)
    return found.outcome is Outcome.INFEASIBLE


CASES = [("random", seed) for seed in range(24)] + [("shared", seed) for seed in range(24)]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_what_is_kept_contradicts_itself_and_nothing_can_be_spared(kind: str, seed: int) -> None:
    program = program_of(random_case(seed) if kind == "random" else shared_link_case(seed))
    if program is None:
        return
    dropped = _shrink(program, Clock(LONG_S), seed=0)
    assert without_solution(program, dropped)
    nothing = np.ones_like(dropped)
    linear = solve(program.relaxed(dropped, linear=True), seed=1, time_limit_s=LONG_S).outcome is Outcome.INFEASIBLE
    for row in np.flatnonzero(~dropped).tolist():
        fewer = dropped.copy()
        fewer[row] = True
        found = solve(program.relaxed(fewer, linear=linear), seed=1, time_limit_s=LONG_S)
        assert found.outcome is not Outcome.INFEASIBLE, f"{program.families[row]} {program.keys[row]} is not needed"
    assert not without_solution(program, nothing)


def test_without_time_nothing_is_dropped_that_was_not_tried() -> None:
    program = next(found for seed in range(100) if (found := program_of(random_case(seed))) is not None)
    dropped = _shrink(program, Clock(0.0), seed=0)
    assert without_solution(program, dropped)


def only(cluster: Inventory, movers: set[str], evacuate: Sequence[str]) -> Inventory:
    """Return the inventory without the movers that are not named."""
    vms = tuple(each for each in cluster.vms if each.host not in evacuate or each.name in movers)
    left = {each.name for each in vms}
    rules = []
    for rule in cluster.rules:
        members = tuple(name for name in rule.members if name in left)
        if len(members) >= 2:
            rules.append(type(rule).model_validate({next(iter(rule.model_dump())): members}))
    return cluster.model_copy(update={"vms": vms, "rules": tuple(rules)})


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_the_vms_that_are_named_have_no_plan_by_themselves(kind: str, seed: int) -> None:
    case = random_case(seed) if kind == "random" else shared_link_case(seed)
    answer = api.check(case.inventory, case.evacuate, case.deadline_s)
    for reason in answer.infeasibility.reasons if answer.infeasibility else ():
        if reason.vms:
            alone = only(case.inventory, set(reason.vms), case.evacuate)
            again = api.check(alone, case.evacuate, case.deadline_s)
            assert again.status is Status.INFEASIBLE, f"{reason.kind} names {reason.vms} only"


def together(*sizes: dict[str, Any], hosts: list[Host], rules: list[Rule], stays: Sequence[VM] = ()) -> list[Reason]:
    """Return why VMs that must stay together may go nowhere."""
    vms = [vm(name, **fields) for name, fields in zip("abc", sizes, strict=False)]
    return certificate(star([host("src"), *hosts], [*vms, *stays], rules))


AB = Together(together=("a", "b"))


def test_a_group_is_told_what_it_is_short_of() -> None:
    size: dict[str, Any] = {"memory": 6 * GIB, "vcpus": 5}
    (reason,) = together(size, size, hosts=[room("t1", 11), room("t2", 9)], rules=[AB])
    assert (reason.kind, reason.vms, reason.rule) == (ReasonKind.TOGETHER, ("a", "b"), "together [a, b]")
    assert (reason.needed, reason.available, reason.unit) == (12 * GIB, 11 * GIB, "bytes")
    (reason,) = together(size, size, hosts=[host("t1", cpus=8), host("t2", cpus=9)], rules=[AB])
    assert (reason.needed, reason.available, reason.unit) == (10, 9, "count")


def test_a_group_that_is_short_of_nothing_is_told_no_figures() -> None:
    hosts = [host("t1", labels=("x",)), host("t2", labels=("y",))]
    (reason,) = together({"requires": ("x",)}, {"requires": ("y",)}, hosts=hosts, rules=[AB])
    assert (reason.kind, reason.vms) == (ReasonKind.TOGETHER, ("a", "b"))
    assert (reason.needed, reason.available) == (None, None)


def test_a_group_whose_partner_stays_where_none_may_go() -> None:
    hosts = [host("t1", accepts=False), host("t2")]
    (reason,) = together({}, hosts=hosts, rules=[Together(together=("a", "x"))], stays=[vm("x", "t1")])
    assert (reason.kind, reason.vms, reason.rule) == (ReasonKind.TOGETHER, ("a",), "together [a, x]")
    assert reason.needed is None


def test_a_group_with_a_member_that_may_go_nowhere_by_itself_blames_that_member() -> None:
    (reason,) = together({}, {"requires": ("none",)}, hosts=[host("t1"), host("t2")], rules=[AB])
    assert (reason.kind, reason.vms, reason.labels) == (ReasonKind.LABELS, ("b",), ("none",))


def test_a_vm_that_each_host_shuts_out_for_another_reason_is_told_no_figures() -> None:
    hosts = [room("t1", 10, labels=("x",)), room("t2", 100, labels=("x",), cpus=1)]
    (reason,) = together({"memory": 20 * GIB, "vcpus": 4, "requires": ("x",)}, hosts=hosts, rules=[])
    assert (reason.kind, reason.vms) == (ReasonKind.NO_HOST_FITS, ("a",))
    assert (reason.needed, reason.available) == (None, None)


def test_the_rules_that_shut_a_vm_out_are_named_and_the_others_are_not() -> None:
    rules: list[Rule] = [
        Separate(separate=("a", "b")),
        Separate(separate=("a", "x")),
        NotAtOnce(not_at_once=("a", "x")),
        Separate(separate=("a", "y")),
    ]
    hosts = [host("src"), host("src2"), host("t1"), host("t2")]
    vms = [vm("a"), vm("b", "src2"), vm("x", "t1"), vm("y", "t2")]
    (reason,) = certificate(star(hosts, vms, rules), ["src", "src2"])
    assert (reason.kind, reason.vms) == (ReasonKind.SEPARATED, ("a",))
    assert reason.rule == "separate [a, x]; separate [a, y]"
