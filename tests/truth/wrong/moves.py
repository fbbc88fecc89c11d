"""Wrong in who moves, when, where to and how."""

from __future__ import annotations

from typing import Any

from planner.inventory.models import Approach, Inventory
from planner.plan.models import Move, Request
from tests.truth.handmade import (
    changed_host,
    changed_moves,
    changed_settings,
    changed_vm,
    make_move,
    make_plan,
    small_moves,
)
from tests.truth.wrong import APP, CACHE, DB, INVENTORY, MOVES, Wrong, at, no


@no("request")
def evacuates_a_host_that_is_not_there() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, request=Request(evacuate=("hv1", "hv9"), deadline_s=600.0))


@no("coverage")
def leaves_a_vm_behind() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, [DB, at("app", 100.0), at("cache", 100.0)])


@no("coverage")
def moves_nothing_at_all() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, [])


@no("deadline")
def ends_a_millisecond_late() -> Wrong:
    late = max(move.end_s for move in MOVES) - 0.001
    return INVENTORY, make_plan(INVENTORY, request=Request(evacuate=("hv1",), deadline_s=late))


@no("after")
def waits_for_a_vm_that_does_not_move() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "app", after=("peer",)))


@no("after")
def waits_for_a_vm_that_is_not_there() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "app", after=("ghost",)))


@no("after")
def waits_for_itself() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "app", after=("app",)))


@no("after")
def starts_before_what_it_waits_for_has_ended() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "web", after=("db",)))


@no("target", "path")
def goes_to_a_host_that_is_not_there() -> Wrong:
    moves = changed_moves(MOVES, "web", target="hv9", path=("hv1", "leaf1", "leaf2", "hv9"))
    return INVENTORY, make_plan(INVENTORY, moves)


@no("target", "path")
def goes_to_where_it_is() -> Wrong:
    moves = changed_moves(MOVES, "web", target="hv1", path=("hv1", "leaf1", "hv1"))
    return INVENTORY, make_plan(INVENTORY, moves)


@no("target", "path", "extra-moves")
def goes_to_where_it_is_though_nothing_makes_it() -> Wrong:
    old = make_move(INVENTORY, "old", "hv2", path=("hv2", "leaf1", "hv2"), start_s=100.0)
    return INVENTORY, make_plan(INVENTORY, [*MOVES, old])


@no("target")
def goes_to_a_host_that_is_evacuated_too() -> Wrong:
    moves = [DB, make_move(INVENTORY, "web", "hv4", approach=Approach.HYBRID), APP, CACHE]
    return INVENTORY, make_plan(INVENTORY, moves, request=Request(evacuate=("hv1", "hv4"), deadline_s=600.0))


@no("target")
def goes_to_a_host_that_accepts_nothing() -> Wrong:
    inventory = changed_host(INVENTORY, "hv2", accepts=False)
    return inventory, make_plan(inventory)


@no("labels")
def goes_to_a_host_without_its_label() -> Wrong:
    inventory = changed_host(INVENTORY, "hv2", labels=("x86-v3",))
    return inventory, make_plan(inventory)


@no("pinned")
def moves_a_pinned_vm() -> Wrong:
    inventory = changed_vm(INVENTORY, "web", pinned=True)
    return inventory, make_plan(inventory)


@no("approach")
def uses_an_approach_that_the_settings_exclude() -> Wrong:
    inventory = changed_settings(INVENTORY, approaches=(Approach.PRECOPY, Approach.POSTCOPY, Approach.HYBRID))
    return inventory, make_plan(inventory)


@no("approach")
def uses_an_approach_that_the_vm_excludes() -> Wrong:
    inventory = changed_vm(INVENTORY, "web", approaches=(Approach.PRECOPY, Approach.COLD))
    return inventory, make_plan(inventory)


@no("switch-point")
def has_a_switch_point_where_the_model_knows_none() -> Wrong:
    moves = changed_moves(MOVES, "web", switch_point=1.0)
    return INVENTORY, make_plan(INVENTORY, moves)


def saturating(**settings: Any) -> Inventory:
    """Return the inventory with a model that has switch points."""
    return changed_settings(INVENTORY, model="saturating", fixed_time=0.0, **settings)


@no("switch-point")
def switches_elsewhere_than_the_settings_say() -> Wrong:
    inventory = saturating(hybrid_switch=2.0)
    db, _, app, cache = small_moves(inventory)
    web = make_move(inventory, "web", "hv3", approach=Approach.HYBRID, switch_point=1.0)
    return inventory, make_plan(inventory, in_turn(db, web, app, cache))


@no("switch-point")
def has_a_switch_point_where_nothing_is_switched() -> Wrong:
    inventory = saturating()
    db, *rest = small_moves(inventory)
    return inventory, make_plan(inventory, in_turn(db.model_copy(update={"switch_point": 1.0}), *rest))


def in_turn(*moves: Move) -> list[Move]:
    """Return the first two moves at once, and the others once both have ended."""
    then = max(move.end_s for move in moves[:2])
    return [*moves[:2], *(move.model_copy(update={"start_s": then}) for move in moves[2:])]


@no("approach")
def uses_an_approach_that_only_the_vm_allows() -> Wrong:
    inventory = changed_settings(INVENTORY, approaches=(Approach.PRECOPY, Approach.POSTCOPY, Approach.HYBRID))
    inventory = changed_vm(inventory, "app", approaches=(Approach.COLD,))
    return inventory, make_plan(inventory)


@no("max-downtime")
def is_down_too_long() -> Wrong:
    inventory = changed_vm(INVENTORY, "app", max_downtime=APP.downtime_s * 0.999)
    return inventory, make_plan(inventory)
