"""Wrong in moves that make room: who may, from where, when, what it is said to do and to cost."""

from __future__ import annotations

from typing import Any

from planner.inventory.models import Approach, Before, Inventory, NotAtOnce, Separate, Together
from planner.plan.models import Move, Plan, Request, Status
from tests.truth.handmade import changed_host, changed_moves, changed_settings, changed_vm, make_move, make_plan
from tests.truth.handmade import with_rules as ruled
from tests.truth.wrong import DB, INVENTORY, MOVES, WEB, Wrong, at, no

AUTO = Request(evacuate=("hv1",), deadline_s=600.0, make_room="auto", extra_move_price_s=10.0)
AWAY = ("hv2", "leaf1", "leaf2", "hv4")


def old(start_s: float = 100.0, **fields: Any) -> Move:
    """Return the move of a VM of hv2, which is not evacuated, to hv4."""
    chosen: dict[str, Any] = {"path": AWAY, "start_s": start_s} | fields
    return make_move(INVENTORY, "old", "hv4", **chosen)


def onward(vm: str, start_s: float, **fields: Any) -> Move:
    """Return a further move of a VM from hv4 to hv3."""
    chosen: dict[str, Any] = {"source": "hv4", "path": ("hv4", "leaf2", "hv3"), "start_s": start_s} | fields
    return make_move(INVENTORY, vm, "hv3", **chosen)


PARKED = [*MOVES, old(100.0), onward("old", 200.0)]
"""A right plan in which old goes to hv3 by way of hv4."""


def plan(moves: list[Move] | None = None, **fields: Any) -> Plan:
    return make_plan(INVENTORY, PARKED if moves is None else moves, **({"request": AUTO} | fields))


@no("extra-moves")
def moves_a_vm_of_a_host_that_stays() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, [*MOVES, old()])


@no("extra-moves")
def moves_a_vm_twice() -> Wrong:
    again = make_move(INVENTORY, "web", "hv4", source="hv3", path=("hv3", "leaf2", "hv4"), start_s=200.0)
    return INVENTORY, make_plan(INVENTORY, [*MOVES, again])


@no("extra-moves")
def makes_room_where_nobody_could_use_it() -> Wrong:
    inventory = changed_host(ruled(INVENTORY), "hv3", accepts=False)
    path = ("hv3", "leaf2", "hv4")
    rest = [
        make_move(inventory, vm, "hv4", start_s=start_s)
        for vm, start_s in (("web", 0.0), ("app", 100.0), ("cache", 100.0))
    ]
    peer = make_move(inventory, "peer", "hv4", path=path, start_s=200.0)
    return inventory, make_plan(inventory, [DB, *rest, peer], request=AUTO)


@no("coverage")
def makes_room_and_leaves_a_vm_behind() -> Wrong:
    return INVENTORY, plan([DB, at("app", 50.0), at("cache", 50.0), *PARKED[-2:]])


@no("chain")
def goes_on_from_where_it_is_not() -> Wrong:
    return INVENTORY, plan([*MOVES, old(), onward("old", 200.0, source="hv2", path=("hv2", "leaf1", "leaf2", "hv3"))])


@no("chain")
def goes_on_before_it_has_landed() -> Wrong:
    first = old()
    return INVENTORY, plan([*MOVES, first, onward("old", first.end_s - 2e-6, rate=1e8)])


@no("makes-room")
def makes_room_for_one_that_goes_elsewhere() -> Wrong:
    return INVENTORY, plan([*MOVES, old(makes_room_for=("web",))])


@no("makes-room")
def makes_room_for_one_that_came_before() -> Wrong:
    return INVENTORY, plan([*MOVES, old(makes_room_for=("db",))])


@no("after")
def waits_for_itself_on_its_first_move() -> Wrong:
    return INVENTORY, plan([*MOVES, old(after=("old",)), onward("old", 200.0)])


@no("after")
def waits_for_one_of_whose_moves_none_has_ended() -> Wrong:
    moves = [*MOVES, old(0.5), onward("old", 200.0)]
    return INVENTORY, plan(changed_moves(moves, "web", after=("old",)))


@no("deadline")
def makes_room_until_after_the_deadline() -> Wrong:
    late = PARKED[-1].end_s - 0.001
    return INVENTORY, plan(request=AUTO.model_copy(update={"deadline_s": late}))


@no("target")
def parks_on_an_evacuated_host() -> Wrong:
    parked = make_move(INVENTORY, "old", "hv1", path=("hv2", "leaf1", "hv1"), start_s=100.0)
    back = make_move(INVENTORY, "old", "hv3", source="hv1", path=("hv1", "leaf1", "leaf2", "hv3"), start_s=200.0)
    return INVENTORY, plan([*MOVES, parked, back])


@no("target")
def parks_where_none_are_accepted() -> Wrong:
    inventory = changed_host(INVENTORY, "hv4", accepts=False)
    return inventory, of(inventory)


def of(inventory: Inventory) -> Plan:
    """Return the plan with the parked VM for a changed inventory."""
    return make_plan(inventory, PARKED, request=AUTO)


@no("labels")
def parks_on_a_host_without_its_label() -> Wrong:
    inventory = changed_host(changed_vm(INVENTORY, "old", requires=("ssd",)), "hv3", labels=("ssd",))
    return inventory, of(inventory)


@no("pinned")
def moves_a_pinned_vm_for_room() -> Wrong:
    inventory = changed_vm(INVENTORY, "old", pinned=True)
    return inventory, of(inventory)


@no("approach")
def makes_room_by_an_approach_that_the_vm_excludes() -> Wrong:
    inventory = changed_vm(INVENTORY, "old", approaches=(Approach.COLD,))
    return inventory, of(inventory)


@no("memory")
def parks_where_there_is_no_memory() -> Wrong:
    inventory = changed_host(INVENTORY, "hv4", memory=4 * 2**30 - 1)
    return inventory, of(inventory)


@no("vcpus")
def parks_where_there_are_no_vcpus() -> Wrong:
    inventory = changed_host(INVENTORY, "hv4", cpus=3)
    return inventory, of(inventory)


def tight(start_s: float) -> Wrong:
    """Return a plan in which db arrives at a time on hv2, which has room only without old."""
    inventory = changed_host(ruled(INVENTORY), "hv2", memory=8 * 2**30)
    leaves = old(0.0, path=AWAY)
    db = make_move(inventory, "db", "hv2", start_s=leaves.end_s + start_s)
    rest = [WEB, at("app", 100.0), at("cache", 100.0)]
    return inventory, make_plan(inventory, [leaves, db, *rest], request=AUTO)


@no("memory")
def arrives_before_another_has_made_room() -> Wrong:
    return tight(-2e-6)


@no("outgoing")
def leaves_its_parking_place_with_too_many_others() -> Wrong:
    inventory = ruled(changed_host(changed_settings(INVENTORY, max_outgoing=5), "hv4", max_outgoing=1))
    request = AUTO.model_copy(update={"evacuate": ("hv1",)})
    web = [make_move(inventory, "web", "hv4"), onward("web", 200.0)]
    parked = [old(), onward("old", 200.0)]
    return inventory, make_plan(inventory, [DB, *web, at("app", 50.0), at("cache", 50.0), *parked], request=request)


@no("separate")
def parks_beside_one_from_which_it_is_kept_apart() -> Wrong:
    inventory = ruled(INVENTORY, Separate(separate=("old", "web")))
    moves = [DB, make_move(INVENTORY, "web", "hv4"), at("app", 50.0), at("cache", 50.0), *PARKED[-2:]]
    return inventory, make_plan(inventory, moves, request=AUTO)


@no("together")
def parts_from_one_that_stays() -> Wrong:
    inventory = ruled(INVENTORY, Together(together=("old", "other")))
    other = INVENTORY.vms[-1].model_copy(update={"name": "other", "host": "hv4"})
    inventory = inventory.model_copy(update={"vms": (*inventory.vms, other)})
    return inventory, of(inventory)


@no("not-at-once")
def makes_room_while_another_may_not_move() -> Wrong:
    inventory = ruled(INVENTORY, NotAtOnce(not_at_once=("old", "app")))
    return inventory, make_plan(inventory, [DB, WEB, at("app", 100.0), at("cache", 50.0), *PARKED[-2:]], request=AUTO)


@no("before")
def starts_while_the_other_is_parked() -> Wrong:
    inventory = ruled(INVENTORY, Before(before=("old", "app")))
    return inventory, make_plan(inventory, [DB, WEB, at("app", 150.0), at("cache", 50.0), *PARKED[-2:]], request=AUTO)


def objective(**fields: float) -> Plan:
    made = plan()
    assert made.objective is not None
    return made.model_copy(update={"objective": made.objective.model_copy(update=fields)})


@no("objective")
def forgets_an_extra_move() -> Wrong:
    return INVENTORY, objective(extra_moves=1)


@no("objective")
def has_another_price() -> Wrong:
    right = plan().objective
    assert right is not None
    cost_s = right.weighted_downtime_s + 10.0
    return INVENTORY, objective(extra_price_s=10.0, lower_bound_weighted_downtime_s=cost_s, gap=0.0)


@no("bound")
def has_a_bound_above_its_cost() -> Wrong:
    right = plan().objective
    assert right is not None
    return INVENTORY, objective(lower_bound_weighted_downtime_s=right.cost_s * 1.01, gap=0.0)


@no("status")
def is_called_optimal_by_its_downtime_alone() -> Wrong:
    right = plan().objective
    assert right is not None
    bound = right.weighted_downtime_s
    made = objective(lower_bound_weighted_downtime_s=bound, gap=(right.cost_s - bound) / right.cost_s)
    return INVENTORY, made.model_copy(update={"status": Status.OPTIMAL})
