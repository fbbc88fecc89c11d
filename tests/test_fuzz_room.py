"""The fuzz loop with extra moves: tight inventory -> plan -> verify -> brute force over all ways to make room."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import pytest

from planner import api
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.plan.models import Plan, Status
from tests.truth.brute_room import RoomTruth, TooMuch
from tests.truth.room_cases import RoomCase, jam_case, room_case, swap_case

SEEDS = int(os.environ.get("EVAC_FUZZ_SEEDS", "150")) // 5
"""Cases compared with brute force; raise it for a long run."""


def true_cost_s(case: RoomCase) -> float:
    network = Network(case.inventory)

    def menu(route: Route) -> tuple[float, ...]:
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    truth = RoomTruth(case.inventory, case.evacuate, case.deadline_s, case.price_s, menu)
    return truth.least_cost_s()


def planned(case: RoomCase) -> Plan:
    price_s = case.price_s
    return api.plan(case.inventory, case.evacuate, case.deadline_s, extra_move_price_s=price_s, time_limit_s=60)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("make", [room_case, jam_case, swap_case])
def test_plan_is_what_brute_force_finds(make: Callable[[int], RoomCase], seed: int) -> None:
    case = make(seed)
    try:
        truth_s = true_cost_s(case)
    except TooMuch:
        pytest.skip("too much to try")
    plan = planned(case)
    if math.isinf(truth_s):
        assert plan.status is Status.INFEASIBLE, "under-filtering: a plan where none exists"
        return
    assert plan.status is Status.OPTIMAL, "over-filtering, or the proof was not finished"
    assert plan.objective is not None
    assert plan.objective.cost_s == pytest.approx(truth_s, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(1000, 1000 + SEEDS // 2))
@pytest.mark.parametrize("make", [room_case, jam_case, swap_case])
def test_the_way_of_large_cases_claims_nothing_that_is_not_so(
    make: Callable[[int], RoomCase], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the program with parking places is too large: plans are replayed, bounds and noes hold, most are found."""
    monkeypatch.setattr("planner.optimize.room.SMALL", 0)
    if seed % 2:
        monkeypatch.setattr("planner.optimize.room_places.MOST", 0)
    case = make(seed)
    try:
        truth_s = true_cost_s(case)
    except TooMuch:
        pytest.skip("too much to try")
    plan = planned(case)
    if math.isinf(truth_s):
        assert plan.status in (Status.INFEASIBLE, Status.UNKNOWN), "under-filtering: a plan where none exists"
        return
    assert plan.status is not Status.INFEASIBLE, "over-filtering"
    if plan.objective is not None:
        assert plan.objective.cost_s >= truth_s * (1 - 2e-6)
        assert plan.objective.lower_bound_weighted_downtime_s <= truth_s * (1 + 2e-6)
