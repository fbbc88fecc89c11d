"""What is said beside a yes or a no: changes that change what they say, words, and the command that tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner import api
from planner.advice.advise import advise
from planner.advice.changes import members_of, with_links, without
from planner.advice.conflict import smallest_conflict
from planner.advice.oracle import Oracle
from planner.advice.trials import with_host_like
from planner.cli.main import main
from planner.inventory.load import check_inventory, load_inventory
from planner.inventory.models import Approach, Before, Inventory, NotAtOnce, Separate
from planner.inventory.without import without_vms
from planner.optimize.clock import Clock
from planner.plan.advice import Advice, Choice, ChoiceKind, Conflict, Member, MemberKind, SmallestDeadline
from planner.plan.models import Plan, Request, Status
from planner.render.advice import advice_lines, choice_sentence, conflict_sentence
from tests.optimize_support import GIB, host, star, vm

ROOT = Path(__file__).parent.parent
DEMO = load_inventory(ROOT / "inventories" / "demo.yaml")
FABRIC = load_inventory(ROOT / "inventories" / "fabric.yaml")
REQUEST = Request(evacuate=("hv01",), deadline_s=300.0)
LIMIT_S = 30.0


def asked(inventory: Inventory, evacuate: list[str], deadline_s: float, **more: Any) -> tuple[Plan, Advice]:
    plan = api.check(inventory, evacuate, deadline_s, **more)
    return plan, advise(inventory, plan, limit_s=LIMIT_S)


def parts(inventory: Inventory, request: Request) -> dict[str, Any]:
    lists = {key: [one.model_dump() for one in getattr(inventory, key)] for key in ("vms", "hosts", "links", "rules")}
    return {"request": request.model_dump(), **lists}


def kinds(advice: Advice) -> list[ChoiceKind]:
    return [choice.kind for choice in advice.choices]


def test_leaving_out_a_member_changes_what_it_says_and_nothing_else() -> None:
    cluster = star(
        [
            host("src", max_outgoing=1, shutdown_time=30.0),
            host("t1", max_incoming=1, ready_after=20.0, labels=("x",), memory=10 * GIB, cpus=4),
        ],
        [vm("a", requires=("x",), approaches=[Approach.COLD], max_downtime=5.0, pinned=True), vm("b")],
        [NotAtOnce(not_at_once=("a", "b"))],
    )
    request = Request(evacuate=("src",), deadline_s=100.0)
    members = members_of(cluster, request)
    assert {member.kind for member in members} == set(MemberKind)
    for member in members:
        changed, then = without(cluster, request, [member])
        before, after = parts(cluster, request), parts(changed, then)
        different = [key for key in before if before[key] != after[key]]
        match member.kind:
            case MemberKind.DEADLINE:
                assert different == ["request"]
            case MemberKind.LINK:
                assert different == ["links"]
            case MemberKind.RULE:
                assert different == ["rules"]
            case MemberKind.VM:
                assert different == ["vms", "rules"]
            case MemberKind.LABELS | MemberKind.APPROACHES | MemberKind.MAX_DOWNTIME | MemberKind.PIN:
                assert different == ["vms"]
            case _:
                assert different == ["hosts"]


def test_a_link_is_widened_in_its_direction_only() -> None:
    wide = with_links(DEMO, [("hv01", "sw1")], lambda rate, share: (rate * 2, 1.0))
    (link,) = (link for link in wide if link.between == ("hv01", "sw1"))
    (old,) = (link for link in DEMO.links if link.between == ("hv01", "sw1"))
    assert link.bandwidths_bytes_per_s == (2 * old.bandwidths_bytes_per_s[0], old.bandwidths_bytes_per_s[1])
    assert sum(a != b for a, b in zip(wide, DEMO.links, strict=True)) == 1


def test_equal_links_side_by_side_are_widened_together() -> None:
    member = next(
        member
        for member in members_of(FABRIC, REQUEST)
        if member.link is not None and any(" + " in end for end in member.link)
    )
    changed, _ = without(FABRIC, REQUEST, [member])
    check_inventory(changed)
    assert sum(a != b for a, b in zip(changed.links, FABRIC.links, strict=True)) == 2


def test_a_vm_that_is_left_behind_leaves_its_order_to_the_others() -> None:
    cluster = star(
        [host("src"), host("t1")],
        [vm(name) for name in "abc"],
        [Before(before=("a", "b", "c")), Separate(separate=("a", "b"))],
    )
    left = without_vms(cluster, ["b"])
    assert left.rules == (Before(before=("a", "c")),)
    assert [each.name for each in left.vms] == ["a", "c"]


def test_one_more_host_is_empty_and_attached_like_the_other() -> None:
    more = with_host_like(DEMO, DEMO.hosts[1])
    check_inventory(more)
    name = more.hosts[-1].name
    assert name not in {each.name for each in DEMO.hosts}
    assert sum(name in link.between for link in more.links) == sum("hv02" in link.between for link in DEMO.links)
    assert not [each for each in more.vms if each.host == name]


def test_a_deadline_that_is_too_short_names_link_and_vms_and_tells_how_long_it_takes() -> None:
    plan, found = asked(DEMO, ["hv01"], 300.0)
    assert plan.status is Status.INFEASIBLE
    assert found.conflict is not None
    assert found.conflict.minimal
    by_kind = [member.kind for member in found.conflict.members]
    assert set(by_kind) == {MemberKind.DEADLINE, MemberKind.VM, MemberKind.LINK}
    assert found.smallest_deadline is not None
    assert found.smallest_deadline.settled
    assert ChoiceKind.MORE_TIME in kinds(found)
    assert ChoiceKind.WIDER_LINK in kinds(found)


def test_a_rule_that_can_be_dropped_is_offered() -> None:
    sources = [host(f"src{i}") for i in range(2)]
    cluster = star([*sources, host("t1")], [vm("a", "src0"), vm("b", "src1")], [Separate(separate=("a", "b"))])
    _, found = asked(cluster, ["src0", "src1"], 1000.0)
    assert found.conflict is not None
    assert [member.kind for member in found.conflict.members] == [MemberKind.VM, MemberKind.VM, MemberKind.RULE]
    assert {ChoiceKind.DROP_RULE, ChoiceKind.ONE_MORE_HOST, ChoiceKind.KEEP_HOST, ChoiceKind.LEAVE_VMS} <= set(
        kinds(found)
    )
    assert found.smallest_deadline is not None
    assert found.smallest_deadline.possible_s is None


def test_post_copy_is_offered_to_a_vm_that_may_not_use_it() -> None:
    slow = vm("a", memory=8 * GIB, write_rate=2e9, approaches=[Approach.PRECOPY])
    plan, found = asked(star([host("src"), host("t1")], [slow]), ["src"], 600.0)
    assert plan.status is Status.INFEASIBLE
    (choice,) = (choice for choice in found.choices if choice.kind is ChoiceKind.ALLOW_APPROACHES)
    assert choice.vms == ("a",)


def test_more_slots_are_offered_where_they_are_short() -> None:
    vms = [vm(name, write_rate=9e8, approaches=[Approach.PRECOPY]) for name in "ab"]
    cluster = star([host("src", max_outgoing=1), host("t1"), host("t2")], vms, rates={"src": 1e10})
    plan = api.check(cluster, ["src"], 1.0)
    assert plan.status is Status.INFEASIBLE
    longer = advise(cluster, plan, limit_s=LIMIT_S).smallest_deadline
    assert longer is not None
    assert longer.possible_s is not None
    _, found = asked(cluster, ["src"], longer.possible_s * 0.9)
    (choice,) = (choice for choice in found.choices if choice.kind is ChoiceKind.MORE_OUTGOING)
    assert (choice.host, choice.amount) == ("src", 2.0)


def test_room_that_other_vms_could_make_is_offered_where_it_was_forbidden() -> None:
    inventory = load_inventory(ROOT / "examples" / "tight" / "chain.yaml")
    source = inventory.vms[0].host
    plan, found = asked(inventory, [source], 3600.0, make_room="never")
    assert plan.status is Status.INFEASIBLE
    assert kinds(found)[0] is ChoiceKind.MAKE_ROOM


def test_what_could_not_be_settled_in_time_is_not_called_minimal() -> None:
    plan = api.check(DEMO, ["hv01"], 300.0)
    assert plan.infeasibility is not None
    found = smallest_conflict(DEMO, plan.request, plan.infeasibility.reasons, Oracle(Clock(0.0), 0, 1.0))
    assert not found.minimal
    assert "not settled" in conflict_sentence(found, plan.request)


@pytest.mark.parametrize("kind", list(MemberKind))
def test_every_kind_of_member_has_words(kind: MemberKind) -> None:
    member = Member(kind=kind, vm="a", host="hv01", link=("hv01", "sw1"), rule="separate [a, b]", rule_index=0)
    for minimal in (True, False):
        for members in ((member,), (member, member.model_copy(update={"vm": "b"}))):
            words = conflict_sentence(Conflict(members=members, minimal=minimal), REQUEST)
            assert "None" not in words
            assert words.endswith(".")


def test_what_holds_only_while_others_stay_or_were_gone_is_told_so() -> None:
    member = Member(kind=MemberKind.MEMORY, host="hv02")
    words = {
        others: conflict_sentence(Conflict(members=(member,), minimal=True, others=others), REQUEST)
        for others in ("", "stay", "gone")
    }
    assert "other hosts" not in words[""]
    assert "as long as VMs of other hosts stay" in words["stay"]
    assert "even if VMs of other hosts were out of the way" in words["gone"]
    assert "there would then be a plan" in words["gone"]


def test_a_vm_too_large_for_any_host_is_impossible_even_if_others_were_gone() -> None:
    cluster = star([host("src"), host("t1", memory=8 * GIB)], [vm("a", memory=16 * GIB), vm("b", "t1", memory=GIB)])
    _, found = asked(cluster, ["src"], 1000.0)
    assert found.conflict is not None
    assert found.conflict.others == "gone"


@pytest.mark.parametrize("kind", list(ChoiceKind))
def test_every_kind_of_choice_has_words(kind: ChoiceKind) -> None:
    choice = Choice(
        kind=kind, vms=("a",), host="hv02", link=("hv01", "sw1"), rule="separate [a, b]", amount=2.0, unit="count",
        finish_s=60.0, weighted_downtime_s=1.0, checks=34,
    )  # fmt: skip
    words = choice_sentence(choice, REQUEST)
    assert "None" not in words
    assert words.endswith("Done after 60 s, at most 1 s of weighted downtime.")


@pytest.mark.parametrize(
    ("low_s", "high_s", "words"),
    [
        (90.0, 90.0, "a verified plan keeps 90 s, and it is proven that none keeps less"),
        (80.0, 90.01, "a verified plan keeps 90.1 s; it is proven that none keeps less than 80 s"),
        (0.0, 90.0, "whether less would do is not known"),
        (30 * 86400.0, None, "More time alone does not help"),
        (400.0, None, "No plan takes less than 6 min 40 s, that is proven; none that takes longer was found"),
    ],
)
def test_the_two_ends_of_the_smallest_deadline_have_their_own_words(
    low_s: float, high_s: float | None, words: str
) -> None:
    advice = Advice(
        smallest_deadline=SmallestDeadline(impossible_below_s=low_s, possible_s=high_s), choices=(), seconds=1.0
    )
    assert words in " ".join(advice_lines(advice, REQUEST))


def test_the_latest_safe_start_is_told_where_the_end_is_fixed() -> None:
    advice = Advice(smallest_deadline=SmallestDeadline(impossible_below_s=400.0, possible_s=486.5), seconds=1.0)
    early = Request(evacuate=("hv01",), deadline_s=5400.0, start_clock="00:30")
    assert "The latest safe start for 02:00:00 is 01:51:00." in list(advice_lines(advice, early))
    late = Request(evacuate=("hv01",), deadline_s=300.0, start_clock="00:05")
    lines = list(advice_lines(advice, late))
    assert "The latest safe start for 00:10:00 is 00:01:00, before the start that was asked for." in lines


def test_check_tells_advice_and_leaves_it_out_where_not_wanted() -> None:
    runner = CliRunner()
    command = ["check", str(ROOT / "inventories" / "demo.yaml"), "-e", "hv01", "-d", "5 min"]
    told = runner.invoke(main, command)
    assert told.exit_code == 1
    assert "What would help, each by itself, each with a plan that was verified:" in told.stdout
    assert "What could be done:" not in told.stdout
    short = runner.invoke(main, [*command, "--no-advice"])
    assert "What could be done:" in short.stdout
    assert "smallest deadline" not in short.stdout
    document = json.loads(runner.invoke(main, [*command, "--format", "json"]).stdout)
    advice = Advice.model_validate(document["plan"]["advice"])
    assert advice.choices
    assert document["plan"].get("snapshot") is None


def test_a_yes_tells_how_much_time_it_takes() -> None:
    done = CliRunner().invoke(main, ["check", str(ROOT / "inventories" / "demo.yaml"), "-e", "hv01", "-d", "1h"])
    assert done.exit_code == 0
    assert "The smallest deadline: a verified plan keeps 8 min 07 s" in done.stdout
