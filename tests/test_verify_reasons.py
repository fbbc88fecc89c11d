"""Reasons of a no are held against the inventory by code that did not make them, and wrong ones are refused."""

from __future__ import annotations

from functools import cache

import pytest

from planner import api
from planner.advice.changes import members_of, without
from planner.inventory.models import Before, Inventory, Separate
from planner.plan.advice import MemberKind
from planner.plan.models import Infeasibility, Plan, Reason, ReasonKind, Status
from planner.verify import verify_plan
from planner.verify.grounds import Grounds
from planner.verify.reasons import complaint
from tests.optimize_support import GIB, host, inventory, shared_link_case, star, vm
from tests.truth.inventories import random_case

SEEDS = 120
Told = tuple[Inventory, Plan, Reason]


@cache
def told() -> tuple[Told, ...]:
    """Return the reasons of random cases without a plan, and of some made for rarer kinds."""
    found: list[Told] = []
    for seed in range(SEEDS):
        for case in (random_case(seed), shared_link_case(seed)):
            answer = api.check(case.inventory, case.evacuate, case.deadline_s, make_room="never")
            if answer.infeasibility is not None and answer.infeasibility.proof == "certificate":
                found += [(case.inventory, answer, reason) for reason in answer.infeasibility.reasons]
    for cluster, evacuate, deadline_s in rarer():
        answer = api.check(cluster, evacuate, deadline_s, make_room="never")
        assert answer.infeasibility is not None
        assert answer.infeasibility.proof == "certificate"
        found += [(cluster, answer, reason) for reason in answer.infeasibility.reasons]
    return tuple(found)


def rarer() -> list[tuple[Inventory, list[str], float]]:
    room = {"memory": 10 * GIB}
    pieces = star([host("src"), *(host(name, **room) for name in ("t1", "t2"))], [vm(n, memory=6 * GIB) for n in "abc"])
    some = star(
        [host("src"), host("t1", labels=("x",), **room), host("t2")],
        [vm(n, memory=6 * GIB, requires=("x",)) for n in "ab"],
    )
    wires = [("src", "near", 1e9), ("src2", "near", 1e9), ("t1", "far", 1e9), ("t2", "far", 1e9), ("near", "far", 1e8)]
    racks = inventory(map(host, ("src", "src2", "t1", "t2")), wires, [vm("a"), vm("b", "src2")], approaches=["cold"])
    slow = star([host("src", shutdown_time=90.0), host("t1")], [vm("a")])
    chain = star(
        [host("src"), host("src2"), host("t1"), host("t2")],
        [vm("a"), vm("b", "src2")],
        [Before(before=("a", "b"))],
        approaches=["cold"],
    )
    apart = star(
        [host(name) for name in ("src", "src2", "t1")], [vm("a"), vm("b", "src2")], [Separate(separate=("a", "b"))]
    )
    return [
        (apart, ["src", "src2"], 1000.0),
        (pieces, ["src"], 1000.0),
        (some, ["src"], 1000.0),
        (racks, ["src", "src2"], 19.0),
        (slow, ["src"], 60.0),
        (chain, ["src", "src2"], 1.9),
    ]


def test_reasons_of_all_kinds_but_those_of_a_solver_are_there() -> None:
    kinds = {reason.kind for _, _, reason in told()}
    # Unreachable hosts and cycles of rules are refused when an inventory is read.
    assert set(ReasonKind) - kinds <= {ReasonKind.COMBINATION, ReasonKind.UNREACHABLE, ReasonKind.RULE_CYCLE}


def test_every_reason_holds() -> None:
    for cluster, answer, _ in told():
        found = verify_plan(cluster, answer)
        assert found.ok, found.violations
        assert found.checks == ("reasons",)


def test_no_reason_holds_where_nothing_is_asked_for() -> None:
    """The same reasons, against a cluster in which everything is ample: each is refused, with words."""
    for cluster, answer, reason in told():
        if reason.kind is ReasonKind.NO_TARGET:
            continue  # that a host accepts VMs is not asked for
        ample = [one for one in members_of(cluster, answer.request) if one.kind is not MemberKind.VM]
        wrong = complaint(reason, Grounds(*without(cluster, answer.request, ample)))
        assert wrong, reason


def test_a_host_that_accepts_vms_is_a_target() -> None:
    cluster = star([host("src"), host("t1")], [vm("a")])
    request = api.check(cluster, ["src"], 1000.0).request
    assert complaint(Reason(kind=ReasonKind.NO_TARGET, hosts=("src",)), Grounds(cluster, request)) == (
        "t1 may receive VMs"
    )


@pytest.mark.parametrize("factor", [0.5, 1.001, 2.0])
def test_no_reason_holds_with_another_figure(factor: float) -> None:
    for cluster, answer, reason in told():
        if reason.needed:
            wrong = reason.model_copy(update={"needed": reason.needed * factor})
            assert complaint(wrong, Grounds(cluster, answer.request)), reason


def test_no_reason_holds_of_vms_that_stay() -> None:
    for cluster, answer, reason in told():
        astray = reason.model_copy(update={"vms": (*reason.vms, "nobody")})
        assert complaint(astray, Grounds(cluster, answer.request)) == "nobody is no VM that must leave and no host"


def test_links_that_can_be_gone_around_are_no_reason() -> None:
    for cluster, answer, reason in told():
        if reason.kind in (ReasonKind.LINK, ReasonKind.CUT) and reason.vms:
            wrong = reason.model_copy(update={"link": ("x", "y"), "links": ()})
            assert "over none of the links" in (complaint(wrong, Grounds(cluster, answer.request)) or "")


def test_fewer_hosts_are_no_reason_where_others_may_receive() -> None:
    kinds = (ReasonKind.MEMORY, ReasonKind.VCPUS, ReasonKind.PIECES, ReasonKind.INCOMING)
    seen = 0
    for cluster, answer, reason in told():
        if reason.kind in kinds and len(reason.hosts) > 1:
            wrong = reason.model_copy(update={"hosts": reason.hosts[1:]})
            assert "may receive them, too" in (complaint(wrong, Grounds(cluster, answer.request)) or "")
            seen += 1
    assert seen > 3


def test_a_plan_file_with_a_wrong_reason_is_refused() -> None:
    cluster, answer, reason = next(one for one in told() if one[2].kind is ReasonKind.LINK)
    assert answer.infeasibility is not None
    wrong = reason.model_copy(update={"needed": 3.0 * (reason.needed or 0.0)})
    why = Infeasibility(reasons=(wrong,), proof="certificate")
    found = verify_plan(cluster, answer.model_copy(update={"infeasibility": why}))
    assert [violation.check for violation in found.violations] == ["reasons"]


def test_what_only_a_solver_shows_is_no_certificate() -> None:
    cluster, answer, _ = told()[0]
    assert answer.status is Status.INFEASIBLE
    bare = Reason(kind=ReasonKind.COMBINATION)
    assert "only a solver" in (complaint(bare, Grounds(cluster, answer.request)) or "")
