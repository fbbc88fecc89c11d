"""The verifier says yes to what the contract allows, up to its edges."""

from __future__ import annotations

import pytest

from planner.inventory.models import Before, Inventory, Link, NotAtOnce, Separate, Settings, Together
from planner.plan.models import InventoryRef, Move, Plan, Request, Status, Verification
from planner.verify import verify_plan
from tests.truth.handmade import (
    FULL,
    GIB,
    HALF,
    changed_host,
    changed_moves,
    changed_settings,
    changed_vm,
    make_move,
    make_plan,
    with_rules,
)
from tests.truth.wrong import APP, CACHE, DB, INVENTORY, MOVES, WEB, at, room
from tests.truth.wrong.resources import swap


def rejected(inventory: Inventory, plan: Plan) -> set[str]:
    found = verify_plan(inventory, plan)
    assert found.ok is not bool(found.violations)
    return {violation.check for violation in found.violations}


def test_moves_may_follow_each_other_without_a_break() -> None:
    inventory = changed_settings(INVENTORY, max_outgoing=1, max_incoming=1)
    start_s, moves = 0.0, []
    for vm, target in (("db", "hv2"), ("web", "hv3"), ("app", "hv3"), ("cache", "hv3")):
        moves.append(make_move(inventory, vm, target, rate=FULL, start_s=start_s))
        start_s = moves[-1].end_s
    assert rejected(inventory, make_plan(inventory, moves)) == set()


@pytest.mark.parametrize(("overlap_s", "ok"), [(0.0, True), (0.9e-6, True), (1.1e-6, False)])
def test_overlaps_of_a_microsecond_count_as_none(overlap_s: float, ok: bool) -> None:
    web = make_move(INVENTORY, "web", "hv3", rate=FULL)
    db = make_move(INVENTORY, "db", "hv2", rate=FULL, start_s=web.end_s - overlap_s)
    plan = make_plan(INVENTORY, [web, db, at("app", 100.0), at("cache", 100.0)])
    assert rejected(INVENTORY, plan) == (set() if ok else {"bandwidth"})


@pytest.mark.parametrize(("overlap_s", "ok"), [(0.0, True), (0.9e-6, True), (1.1e-6, False)])
def test_what_a_move_waits_for_may_end_a_microsecond_later(overlap_s: float, ok: bool) -> None:
    web = make_move(INVENTORY, "web", "hv3", start_s=DB.end_s - overlap_s, after=("db",))
    plan = make_plan(INVENTORY, [DB, web, at("app", 100.0), at("cache", 100.0)])
    assert rejected(INVENTORY, plan) == (set() if ok else {"after"})


@pytest.mark.parametrize(("late_s", "ok"), [(0.0, True), (0.9e-6, True), (1.1e-6, False)])
def test_a_microsecond_after_the_deadline_is_in_time(late_s: float, ok: bool) -> None:
    deadline_s = max(move.end_s for move in MOVES) - late_s
    plan = make_plan(INVENTORY, request=Request(evacuate=("hv1",), deadline_s=deadline_s))
    assert rejected(INVENTORY, plan) == (set() if ok else {"deadline"})


@pytest.mark.parametrize("shares", [(1 / 3, 1 / 3, 1 / 3), (1 / 11, 9 / 11, 1 / 11)])
def test_shares_that_add_up_to_a_link_fill_it(shares: tuple[float, ...]) -> None:
    """The second shares add up to more than the link has, by a rounding error."""
    inventory = with_rules(changed_settings(INVENTORY, max_outgoing=4, max_incoming=4))
    vms = ("app", "web", "cache")
    moves = [make_move(inventory, vm, "hv3", rate=FULL * share) for vm, share in zip(vms, shares, strict=True)]
    db = make_move(inventory, "db", "hv2", rate=HALF, start_s=100.0)
    assert rejected(inventory, make_plan(inventory, [*moves, db])) == set()


def test_the_two_directions_of_a_link_are_two_links() -> None:
    inventory = changed_host(INVENTORY, "hv2", max_incoming=9)
    back = make_move(inventory, "peer", "hv2", path=("hv3", "leaf2", "leaf1", "hv2"), rate=FULL, start_s=APP.start_s)
    inventory = with_rules(inventory)
    plan = make_plan(inventory, [*MOVES, back])
    assert rejected(inventory, plan) == {"extra-moves"}, "only that peer's host is not evacuated"


def test_a_parallel_way_is_as_good() -> None:
    links = (*INVENTORY.links, *(Link(between=pair, bandwidth=FULL) for pair in (("leaf1", "sp"), ("sp", "leaf2"))))
    inventory = INVENTORY.model_copy(update={"links": links, "switches": ("leaf1", "leaf2", "sp")})
    moves = changed_moves(MOVES, "web", path=("hv1", "leaf1", "sp", "leaf2", "hv3"))
    assert rejected(inventory, make_plan(inventory, moves)) == set()


def test_a_host_may_be_full_to_the_last_byte_and_vcpu() -> None:
    inventory = changed_host(INVENTORY, "hv3", memory=11 * GIB, cpus=16)
    assert rejected(inventory, make_plan(inventory)) == set()


def test_what_leaves_makes_room_when_it_has_left() -> None:
    inventory, plan = swap(memory=4 * GIB, cpus=7)
    inventory = with_rules(inventory, Separate(separate=("tenant", "web")))
    leaves = next(move for move in plan.moves if move.vm == "tenant")
    moves = changed_moves(plan.moves, "web", start_s=leaves.end_s)
    assert rejected(inventory, make_plan(inventory, moves, request=plan.request)) == {"target"}


def test_a_hosts_own_limits_replace_those_of_the_settings() -> None:
    inventory = changed_settings(INVENTORY, max_outgoing=1, max_incoming=1)
    inventory = changed_host(changed_host(inventory, "hv1", max_outgoing=2), "hv3", max_incoming=2)
    assert rejected(inventory, make_plan(inventory)) == set()


@pytest.mark.parametrize(
    "rule",
    [
        Together(together=("web", "peer")),
        Together(together=("web", "peer", "old")),
        Together(together=("old", "peer")),
        Separate(separate=("web", "old")),
        NotAtOnce(not_at_once=("web", "app")),
        NotAtOnce(not_at_once=("web", "old", "peer")),
        Before(before=("web", "app")),
        Before(before=("app", "old", "peer")),
        Before(before=("old", "web", "peer", "cache")),
    ],
    ids=str,
)
def test_rules_that_hold(rule: Together | Separate | NotAtOnce | Before) -> None:
    inventory = with_rules(INVENTORY, rule)
    assert rejected(inventory, make_plan(inventory)) == set()


def test_a_rule_about_unknown_vms_is_the_inventorys_problem() -> None:
    names = ("nobody", "none")
    rules = Separate(separate=names), Together(together=names), NotAtOnce(not_at_once=names), Before(before=names)
    inventory = with_rules(INVENTORY, *rules)
    assert rejected(inventory, make_plan(inventory)) == set()


def test_the_longest_downtime_itself_is_allowed() -> None:
    inventory = changed_vm(INVENTORY, "app", max_downtime=APP.downtime_s)
    assert rejected(inventory, make_plan(inventory)) == set()


def test_a_plan_written_by_hand_may_leave_out_what_it_only_repeats() -> None:
    inventory = changed_settings(INVENTORY, background_efficiency=0.5)
    repeated = {"memory_bytes", "disk_bytes", "weight", "after"}
    moves = [Move.model_validate(move.model_dump(exclude=repeated)) for move in make_plan(inventory).moves]
    plan = Plan(
        format="evac/plan/1",
        inventory=InventoryRef(name=inventory.name),
        request=Request(evacuate=("hv1",), deadline_s=600.0),
        status=Status.FEASIBLE,
        moves=tuple(moves),
    )
    assert plan.settings == Settings()
    assert rejected(inventory, plan) == set()


@pytest.mark.parametrize(("distance", "ok"), [(0.0, True), (0.9e-6, True), (1.1e-6, False)])
def test_an_optimal_plan_is_a_millionth_from_its_bound_at_most(distance: float, ok: bool) -> None:
    plan = make_plan(INVENTORY, status=Status.OPTIMAL)
    assert plan.objective is not None
    bound = plan.objective.weighted_downtime_s * (1 - distance)
    near = plan.objective.model_copy(update={"lower_bound_weighted_downtime_s": bound, "gap": distance})
    assert rejected(INVENTORY, plan.model_copy(update={"objective": near})) == (set() if ok else {"status"})


def test_an_empty_host_needs_no_moves() -> None:
    plan = make_plan(INVENTORY, [], request=Request(evacuate=("hv4",), deadline_s=1.0))
    assert rejected(INVENTORY, plan) == set()


def test_no_downtime_at_all_has_no_gap() -> None:
    inventory = INVENTORY
    for vm in ("db", "app", "web", "cache"):
        inventory = changed_vm(inventory, vm, weight=0.0)
    assert rejected(inventory, make_plan(inventory)) == set()


@pytest.mark.parametrize("status", [Status.INFEASIBLE, Status.UNKNOWN])
def test_without_a_plan_there_is_nothing_to_replay(status: Status) -> None:
    plan = make_plan(INVENTORY, [], status=status, objective=None)
    assert verify_plan(INVENTORY, plan) == Verification(ok=True, checks=())


def test_the_order_in_the_file_does_not_matter() -> None:
    assert rejected(INVENTORY, make_plan(INVENTORY, [CACHE, WEB, APP, DB])) == set()


def test_vms_of_other_hosts_may_move_where_the_request_allows_it() -> None:
    assert rejected(INVENTORY, room.plan()) == set()
    assert rejected(INVENTORY, room.plan([*MOVES, room.old(0.0)])) == set()


@pytest.mark.parametrize(("overlap_s", "ok"), [(0.0, True), (0.9e-6, True), (1.1e-6, False)])
def test_room_is_free_when_the_one_that_leaves_has_landed(overlap_s: float, ok: bool) -> None:
    inventory, plan = room.tight(-overlap_s)
    assert rejected(inventory, plan) == (set() if ok else {"memory"})


def test_a_parked_vm_may_go_on_in_the_moment_in_which_it_lands_and_frees_its_parking_place() -> None:
    inventory = changed_host(changed_host(with_rules(INVENTORY), "hv4", memory=4 * GIB), "hv1", max_outgoing=9)
    parked = room.old(0.0)
    onward = room.onward("old", parked.end_s, after=("old",))
    web = make_move(inventory, "web", "hv4", start_s=onward.end_s, after=("old",))
    moves = [DB, at("app", 50.0), at("cache", 50.0), parked, onward, web]
    assert rejected(inventory, make_plan(inventory, moves, request=room.AUTO)) == set()


def test_a_vm_may_come_back() -> None:
    back = make_move(INVENTORY, "old", "hv2", source="hv4", path=("hv4", "leaf2", "leaf1", "hv2"), start_s=200.0)
    assert rejected(INVENTORY, room.plan([*MOVES, room.old(100.0), back])) == set()


def test_those_that_stay_together_may_part_on_the_way() -> None:
    """Only where they end counts: old is parked on hv4 and joins peer, which stays on hv3."""
    inventory = with_rules(INVENTORY, Together(together=("old", "peer")))
    assert rejected(inventory, room.of(inventory)) == set()


def test_what_is_said_to_profit_from_a_move_arrives_after_it() -> None:
    inventory, plan = room.tight(0.0)
    moves = changed_moves(plan.moves, "old", makes_room_for=("db",))
    assert rejected(inventory, plan.model_copy(update={"moves": tuple(moves)})) == set()


def test_a_vm_of_an_evacuated_host_may_be_parked() -> None:
    web = make_move(INVENTORY, "web", "hv4")
    moves = [DB, at("app", 50.0), at("cache", 50.0), web, room.onward("web", web.end_s)]
    assert rejected(INVENTORY, room.plan(moves)) == set()
