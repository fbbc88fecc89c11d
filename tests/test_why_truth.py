"""What is said of a plan is true: each claim is put to the verifier, on random small clusters."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
import pytest

from planner import api
from planner.explain.loads import loads
from planner.explain.occupancy import Occupancy
from planner.explain.why import why
from planner.explain.why_approach import rerouted
from planner.inventory.models import Before, Inventory
from planner.inventory.synthesize import synthesize
from planner.plan.models import Move, Plan, Status
from planner.plan.why import Alternative, Blocked, Fate, Kind, WhyMove
from planner.predict.registry import predict_vm
from planner.verify import verify_plan
from planner.verify.ways import shares_of
from tests.test_fuzz_power import power_case
from tests.truth.inventories import Case, random_case
from tests.truth.networks import network_case
from tests.truth.room_cases import RoomCase, jam_case, room_case, swap_case

MAKERS: dict[str, Callable[[int], Case | RoomCase]] = {
    "plain": random_case,
    "power": power_case,
    "network": network_case,
    "room": room_case,
    "jam": jam_case,
    "swap": swap_case,
}
SEEDS = int(os.environ.get("EVAC_WHY_SEEDS", "40"))
"""Plain clusters looked at, and in proportion others; raise it for a long run."""
COUNTS = {
    "plain": SEEDS,
    "power": SEEDS * 2 // 5,
    "network": SEEDS * 2 // 5,
    "room": SEEDS // 5,
    "jam": SEEDS // 5,
    "swap": SEEDS // 5,
}
CASES = [(kind, seed) for kind, count in COUNTS.items() for seed in range(count)]
"""Kinds of random clusters and seeds: plain, with hosts that are late or slow to switch off, with bonds and split
moves, and with moves that make room."""
each_case = pytest.mark.parametrize(("kind", "seed"), CASES)


@cache
def planned(kind: str, seed: int) -> tuple[Inventory, Plan] | None:
    """Return a random case and its plan, None where there is none with moves."""
    case = MAKERS[kind](seed)
    room: Literal["auto", "never"] = "auto" if isinstance(case, RoomCase) else "never"
    plan = api.plan(case.inventory, case.evacuate, case.deadline_s, make_room=room, time_limit_s=10)
    return (case.inventory, plan) if plan.moves else None


def with_move(plan: Plan, number: int, move: Move) -> Plan:
    """Return the plan with another move in place of one, without what it claims of itself."""
    moves = [*plan.moves[:number], move, *plan.moves[number + 1 :]]
    bare = tuple(one.model_copy(update={"after": (), "makes_room_for": ()}) for one in moves)
    return plan.model_copy(
        update={"moves": bare, "objective": None, "power": (), "status": Status.FEASIBLE, "verification": None}
    )


def said_no(inventory: Inventory, plan: Plan) -> set[str]:
    return {violation.check for violation in verify_plan(inventory, plan).violations}


def check_of(blocked: Blocked) -> str:
    return "bandwidth" if blocked.resource.kind is Kind.LINK else str(blocked.resource.kind)


def as_alternative(inventory: Inventory, move: Move, one: Alternative, start_s: float) -> Move:
    vm = next(vm for vm in inventory.vms if vm.name == move.vm)
    found = predict_vm(inventory.settings, vm, one.approach, one.bandwidth_bytes_per_s, one.switch_point)
    return move.model_copy(
        update={
            "approach": one.approach,
            "switch_point": one.switch_point,
            "bandwidth_bytes_per_s": one.bandwidth_bytes_per_s,
            "duration_s": float(found.time_s[0, 0]),
            "downtime_s": float(found.downtime_s[0, 0]),
            "transferred_bytes": float(found.transferred_bytes[0, 0]),
            "precopy_share": float(found.precopy_share[0, 0]),
            "start_s": start_s,
        }
    )


def starts_of(inventory: Inventory, plan: Plan, move: Move) -> list[float]:
    """Return the moments at which a move may become possible."""
    ready_s = next(host.ready_after for host in inventory.hosts if host.name == move.target)
    return sorted({0.0, ready_s, *(other.end_s for other in plan.moves if other is not move)})


def of_vms(inventory: Inventory, plan: Plan) -> list[tuple[int, WhyMove]]:
    """Return for each move its number and why it is so."""
    asked = why(inventory, plan, list(dict.fromkeys(move.vm for move in plan.moves))).asked
    number_of = {(move.vm, move.start_s): number for number, move in enumerate(plan.moves)}
    found = [(number_of[one.vm, one.start_s], one) for one in asked if isinstance(one, WhyMove)]
    assert len(found) == len(plan.moves)
    return found


@each_case
def test_a_start_is_as_early_as_is_said(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    for number, said in of_vms(inventory, plan):
        move, start = plan.moves[number], said.start
        if start.tried_s is None:
            assert move.start_s == pytest.approx(0.0, abs=1e-5)
            continue
        no = said_no(inventory, with_move(plan, number, move.model_copy(update={"start_s": start.tried_s})))
        assert {check_of(blocked) for blocked in start.blocked} == no
        if start.sooner_s is None:
            assert start.blocked
            for at_s in (t for t in starts_of(inventory, plan, move) if t < move.start_s - 1e-5):
                assert said_no(inventory, with_move(plan, number, move.model_copy(update={"start_s": at_s})))
        else:
            sooner = move.model_copy(update={"start_s": start.sooner_s})
            assert said_no(inventory, with_move(plan, number, sooner)) == set()


def delayed(kind: str, seed: int) -> tuple[Inventory, Plan, int] | None:
    """Return a case in which the move that ends last starts later than it needs to, and its number; None where none."""
    if (case := planned(kind, seed)) is None:
        return None
    inventory, plan = case
    number = max(range(len(plan.moves)), key=lambda n: plan.moves[n].end_s)
    move = plan.moves[number]
    late_s = move.start_s + 0.4 * (plan.request.deadline_s - move.end_s)
    changed = with_move(plan, number, move.model_copy(update={"start_s": late_s}))
    return None if late_s <= move.start_s + 1e-5 or said_no(inventory, changed) else (inventory, changed, number)


@each_case
def test_a_late_move_could_start_sooner(kind: str, seed: int) -> None:
    if (case := delayed(kind, seed)) is None:
        return
    inventory, plan, number = case
    move = plan.moves[number]
    start = dict(of_vms(inventory, plan))[number].start
    assert start.sooner_s is not None
    assert start.sooner_s < move.start_s
    sooner = move.model_copy(update={"start_s": start.sooner_s})
    assert said_no(inventory, with_move(plan, number, sooner)) == set()
    for at_s in (t for t in starts_of(inventory, plan, move) if t < start.sooner_s - 1e-5):
        assert said_no(inventory, with_move(plan, number, move.model_copy(update={"start_s": at_s})))
    last = why(inventory, plan).chain[-1]
    assert (last.vm, last.waited_for) == (move.vm, None)
    assert last.slack_s == pytest.approx(move.start_s - start.sooner_s)


@each_case
def test_holders_stand_in_the_way(kind: str, seed: int) -> None:
    """Without the move of a VM that is named, something else is wrong with the plan, but not that resource."""
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    for number, said in of_vms(inventory, plan):
        for blocked in said.start.blocked:
            if blocked.resource.kind in (Kind.DEADLINE, Kind.SHUTDOWN, Kind.READY):
                continue
            assert blocked.holders or blocked.stay
            assert set(blocked.holders) <= {move.vm for move in plan.moves}
            assert plan.moves[number].vm not in blocked.holders or blocked.resource.kind is Kind.CHAIN
            if blocked.resource.kind in (Kind.LINK, Kind.OUTGOING, Kind.INCOMING):
                assert said.start.tried_s is not None
                early = plan.moves[number].model_copy(update={"start_s": said.start.tried_s})
                others = [early, *(m for m in plan.moves if m.vm not in (early.vm, *blocked.holders))]
                used = sum(
                    m.bandwidth_bytes_per_s
                    * shares_of(m).get((blocked.resource.names[0], blocked.resource.names[-1]), 0)
                    for m in others
                    if m is early or m.start_s <= early.start_s < m.end_s - 1e-6
                )
                if blocked.resource.kind is Kind.LINK:
                    assert blocked.needed is not None
                    capacity = Occupancy(inventory, plan).capacity(blocked.resource)
                    assert used <= capacity * (1 + 1e-9)


@each_case
def test_alternatives_fit_or_not_as_is_said(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    for number, said in of_vms(inventory, plan):
        move = plan.moves[number]
        assert sum(one.chosen for one in said.alternatives) == 1
        for one in said.alternatives:
            if not one.tried:
                continue
            if one.start_s is not None:
                other = as_alternative(inventory, move, one, one.start_s)
                assert said_no(inventory, with_move(plan, number, other)) == set()
                assert one.time_s == pytest.approx(other.duration_s)
            else:
                first = check_of(one.blocked[0])
                for start_s in starts_of(inventory, plan, move):
                    other = as_alternative(inventory, move, one, start_s)
                    no = said_no(inventory, with_move(plan, number, other))
                    assert no
                    if one.everywhere:
                        assert first in no or no & {"deadline", "shutdown", "before"}


@each_case
def test_refused_ways_are_refused(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    expected = {
        "not-in-settings": {"approach"},
        "not-of-vm": {"approach"},
        "max-downtime": {"max-downtime"},
        "too-fast-for-its-flows": {"flow"},
        "outlasts-deadline": {"deadline"},
    }
    for number, said in of_vms(inventory, plan):
        for one in said.alternatives:
            if one.refusal is None or one.time_s is None:
                continue
            other = as_alternative(inventory, plan.moves[number], one, 0.0)
            assert expected[one.refusal] <= said_no(inventory, with_move(plan, number, other))


@each_case
def test_other_targets_do_as_is_said(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    occupancy = Occupancy(inventory, plan)
    for number, said in of_vms(inventory, plan):
        move = plan.moves[number]
        others = {host.name for host in inventory.hosts} - {move.target}
        assert {one.host for one in said.elsewhere} == (others if said.last else set())
        for one in said.elsewhere:
            route = occupancy.network.route(move.source, one.host) if one.host != move.source else None
            if route is None:
                assert one.fate in (Fate.SOURCE, Fate.EVACUATED, Fate.REFUSES, Fate.LABELS, Fate.NO_ROUTE)
                continue
            moved = rerouted(occupancy, move, one.host, route)
            no = said_no(inventory, with_move(plan, number, moved))
            match one.fate:
                case Fate.AS_WELL:
                    assert no == set()
                case Fate.LATER:
                    assert {check_of(blocked) for blocked in one.blocked} == no
                    later = moved.model_copy(update={"start_s": one.start_s})
                    assert said_no(inventory, with_move(plan, number, later)) == set()
                case Fate.BUSY:
                    assert {check_of(blocked) for blocked in one.blocked} == no
                    for start_s in starts_of(inventory, plan, move):
                        assert said_no(
                            inventory, with_move(plan, number, moved.model_copy(update={"start_s": start_s}))
                        )
                case Fate.SLOWER:
                    assert no & {"flow", "bandwidth"}
                case Fate.LABELS:
                    assert "labels" in no
                case _:
                    assert "target" in no


@each_case
def test_loads_are_sums(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    used: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for move in plan.moves:
        for (a, b), share in shares_of(move).items():
            used["link", a, b] += move.bandwidth_bytes_per_s * share * move.duration_s
        used["outgoing", move.source] += move.duration_s
        used["incoming", move.target] += move.duration_s
    capacity: dict[tuple[str, ...], float] = {}
    for link in inventory.links:
        if link.carries(inventory.settings.migration_network):
            a, b = link.between
            capacity["link", a, b], capacity["link", b, a] = link.capacities_bytes_per_s
    for host in inventory.hosts:
        capacity["outgoing", host.name] = host.max_outgoing or inventory.settings.max_outgoing
        capacity["incoming", host.name] = host.max_incoming or inventory.settings.max_incoming
    finish_s = max(move.end_s for move in plan.moves)
    found = loads(Occupancy(inventory, plan))
    assert [load.until_deadline for load in found] == sorted((load.until_deadline for load in found), reverse=True)
    told = {(str(load.resource.kind), *load.resource.names): load for load in found if load.resource.names}
    assert told.keys() == used.keys()
    for key, amount in used.items():
        assert told[key].until_deadline == pytest.approx(amount / capacity[key] / plan.request.deadline_s)
        assert told[key].until_finish == pytest.approx(amount / capacity[key] / finish_s)
    for load in found:
        assert load.until_finish <= 1 + 1e-9
        if load.resource.kind is Kind.BEFORE:
            rule = next(
                r for r in inventory.rules if isinstance(r, Before) and ", ".join(r.members) in load.resource.rule
            )
            took_s = sum(move.duration_s for move in plan.moves if move.vm in rule.members)
            assert load.until_deadline == pytest.approx(took_s / plan.request.deadline_s)


@each_case
def test_the_critical_chain_hands_on(kind: str, seed: int) -> None:
    if (case := planned(kind, seed)) is None:
        return
    inventory, plan = case
    chain = why(inventory, plan).chain
    assert chain[-1].end_s == max(move.end_s for move in plan.moves)
    for before, after in pairwise(chain):
        assert before.end_s == pytest.approx(after.start_s, abs=1e-5)
        assert after.waited_for is not None
        assert before.vm in after.waited_for.holders
    assert chain[0].start_s <= 1e-5 or chain[0].slack_s > 0 or chain[0].waited_for is not None


def test_enough_of_the_cases_have_a_plan_and_something_to_say() -> None:
    cases = [case for kind, seed in CASES if (case := planned(kind, seed)) is not None]
    told = [said for inventory, plan in cases for _, said in of_vms(inventory, plan)]
    assert len(cases) > 40
    assert sum(delayed(kind, seed) is not None for kind, seed in CASES) > 30
    assert sum(bool(said.start.blocked) for said in told) > 20
    fates = {one.fate for said in told for one in said.elsewhere}
    assert {Fate.AS_WELL, Fate.BUSY, Fate.LABELS, Fate.SLOWER, Fate.EVACUATED} <= fates
    assert any(one.tried and one.start_s is None for said in told for one in said.alternatives)
    assert any(one.tried and one.start_s is not None for said in told for one in said.alternatives)


def test_an_optimal_plan_has_no_cheaper_way_that_fits() -> None:
    for kind, seed in CASES:
        if (case := planned(kind, seed)) is None or case[1].status is not Status.OPTIMAL:
            continue
        inventory, plan = case
        assert plan.objective is not None
        for number, said in of_vms(inventory, plan):
            for one in said.alternatives:
                if one.start_s is not None and one.downtime_s is not None:
                    saved_s = said.weight * (plan.moves[number].downtime_s - one.downtime_s)
                    assert saved_s <= 1e-5 * max(1.0, plan.objective.weighted_downtime_s)


def test_a_thousand_vms_are_explained() -> None:
    inventory = synthesize(40, 1000, 7)
    plan = api.check(inventory, ["hv01", "hv02"], 7200)
    whole = why(inventory, plan)
    assert whole.loads
    assert whole.chain
    (said,) = why(inventory, plan, [plan.moves[-1].vm]).asked
    assert isinstance(said, WhyMove)
    assert len(said.elsewhere) == len(inventory.hosts) - 1
    assert np.isfinite([load.until_deadline for load in whole.loads]).all()
