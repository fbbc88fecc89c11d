"""The bound of the search without extra moves, and when it holds for plans with extra moves as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from planner.inventory.models import Inventory
from planner.network import Network
from planner.optimize.clock import Clock
from planner.optimize.problem import compile_problem
from planner.optimize.room import RoomMaking, least_with_room, make_room
from planner.optimize.search import EXACT_MOVERS, Result, search
from tests.optimize_support import GIB, host, star, vm

DEADLINE_S = 200.0
PRICE_S = 0.5
MOVERS = EXACT_MOVERS + 4


def cluster(**apart: Any) -> Inventory:
    """Return a host to be emptied and four targets with room for all, one of them with fields of its own."""
    targets = [host(f"t{i}", memory=1000 * GIB) for i in range(3)]
    hosts = [host("src", memory=10_000 * GIB), *targets, host("t3", **{"memory": 1000 * GIB, **apart})]
    movers = [vm(f"m{i:02d}", memory=(4 + i) * GIB, read_rate=3e7, write_rate=2e7) for i in range(MOVERS)]
    stayers = [vm(f"s{i}", f"t{i}", memory=8 * GIB) for i in range(4)]
    return star(hosts, [*movers, *stayers])


def searched(inventory: Inventory) -> tuple[RoomMaking, Result]:
    base = compile_problem(inventory, Network(inventory), ["src"], DEADLINE_S)
    making = RoomMaking.of(inventory, base, ["src"], DEADLINE_S, PRICE_S)
    assert making is not None
    return making, search(base, seed=1, clock=Clock(60.0))


@pytest.mark.parametrize(("apart", "holds"), [({}, True), ({"memory": 80 * GIB, "max_incoming": 1}, False)])
def test_a_bound_holds_for_extra_moves_only_if_it_rests_on_no_room(apart: dict[str, Any], holds: bool) -> None:
    """A class of hosts that not all movers fit into together has a row of room that may bind."""
    _, result = searched(cluster(**apart))
    assert result.incumbent is not None
    assert result.roomless == holds


def test_a_bound_that_rests_on_no_room_is_kept_when_no_time_is_left_to_look_for_room() -> None:
    making, result = searched(cluster())
    assert result.bound_s > PRICE_S
    open_gap = replace(result, bound_s=0.9 * result.bound_s)
    found = make_room(making, open_gap, seed=1, clock=Clock(0.0))
    assert found.moves is None
    assert found.bound_s == open_gap.bound_s
    doubted = make_room(making, replace(open_gap, roomless=False), seed=1, clock=Clock(0.0))
    assert doubted.bound_s == pytest.approx(PRICE_S)


def test_what_is_known_ahead_bounds_plans_with_extra_moves() -> None:
    making, result = searched(cluster())
    ahead_s = least_with_room(making, seed=1, clock=Clock(60.0))
    assert 0.0 < ahead_s <= result.bound_s * (1 + 1e-6)
    doubted = replace(result, bound_s=0.99 * result.bound_s, roomless=False)
    found = make_room(making, doubted, seed=1, clock=Clock(0.0), ahead_s=ahead_s)
    assert found.bound_s == pytest.approx(min(doubted.bound_s, PRICE_S + ahead_s))
