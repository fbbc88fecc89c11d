"""Wrong in who is shut down or left because not all can leave, when, and in the weight that is saved."""

from __future__ import annotations

from typing import Any

from planner.inventory.models import Before, Inventory, Together
from planner.plan.models import Left, Plan, PowerStep, Request, Shutdown, Status, Why, WhyKind
from tests.truth.handmade import changed_host, changed_vm, make_plan
from tests.truth.handmade import with_rules as ruled
from tests.truth.wrong import DB, INVENTORY, MOVES, WEB, Wrong, no

ASKED = Request(evacuate=("hv1",), deadline_s=600.0, if_infeasible="triage")
OUTWEIGHED = Why(kind=WhyKind.OUTWEIGHED)
LATE = Why(kind=WhyKind.SHUTDOWN_TOO_LONG)


def down(vm: str, start_s: float = 540.0, **fields: Any) -> Shutdown:
    """Return the shutdown of a VM of hv1 in the minute that the settings allow."""
    known: dict[str, Any] = {"vm": vm, "host": "hv1", "start_s": start_s, "duration_s": 60.0, "why": OUTWEIGHED}
    return Shutdown(**(known | fields))


def left(vm: str, **fields: Any) -> Left:
    """Return a VM of hv1 that is left running."""
    known: dict[str, Any] = {"vm": vm, "host": "hv1", "why": LATE, "unmoved": OUTWEIGHED}
    return Left(**(known | fields))


def plan(inventory: Inventory = INVENTORY, **fields: Any) -> Plan:
    """Return a right plan that moves db and web, of weights 3 and 1, and shuts app and cache down, of 1 each."""
    weights = {"saved_weight": 4.0, "total_weight": 6.0, "upper_bound_saved_weight": 5.0}
    weights |= {key: fields.pop(key) for key in tuple(fields) if key in weights}
    chosen: dict[str, Any] = {"shutdowns": (down("app"), down("cache")), "request": ASKED} | fields
    made = make_plan(inventory, chosen.pop("moves", [DB, WEB]), **chosen)
    assert made.objective is not None
    finish_s = max((made.objective.finish_s, *(step.end_s for step in made.power)))
    return made.model_copy(update={"objective": made.objective.model_copy(update=weights | {"finish_s": finish_s})})


def right_plans() -> list[Wrong]:
    """Return plans of triages with which nothing is wrong."""
    slow = changed_vm(INVENTORY, "cache", shutdown_time=601.0)
    off = changed_host(INVENTORY, "hv1", shutdown_time=30.0)
    early = (down("app", 510.0), down("cache", 510.0))
    switched_off = PowerStep(host="hv1", turn="off", start_s=570.0, duration_s=30.0)
    return [
        (INVENTORY, plan()),
        (slow, plan(slow, shutdowns=(down("app"),), left=(left("cache"),))),
        (off, plan(off, shutdowns=early, power=(switched_off,))),
        (INVENTORY, plan(status=Status.OPTIMAL, upper_bound_saved_weight=4.0)),
    ]


@no("coverage")
def neither_moves_nor_shuts_down_nor_leaves_a_vm() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"),))


@no("triage", "coverage")
def shuts_down_without_being_asked() -> Wrong:
    return INVENTORY, plan(request=Request(evacuate=("hv1",), deadline_s=600.0))


@no("triage")
def shuts_down_what_moves() -> Wrong:
    return INVENTORY, plan(moves=MOVES, shutdowns=(down("app"),), saved_weight=6.0, upper_bound_saved_weight=6.0)


@no("triage")
def shuts_down_twice() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache"), down("cache", 300.0)))


@no("triage")
def shuts_down_and_leaves() -> Wrong:
    slow = changed_vm(INVENTORY, "cache", shutdown_time=600.0)
    both = (down("app"), down("cache", 0.0, duration_s=600.0))
    return slow, plan(slow, shutdowns=both, left=(left("cache"),))


@no("triage")
def shuts_down_a_vm_of_a_host_that_stays() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache"), down("old", host="hv2")))


@no("triage")
def shuts_down_an_unknown_vm() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache"), down("ghost")))


@no("triage")
def shuts_down_a_vm_where_it_is_not() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache", host="hv2")))


@no("triage")
def states_another_weight_of_a_shutdown() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache", weight=2.0)))


@no("triage")
def calls_a_vm_pinned_that_is_not() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache", why=Why(kind=WhyKind.PINNED))))


@no("triage")
def does_not_know_that_a_vm_is_pinned() -> Wrong:
    inventory = changed_vm(INVENTORY, "cache", pinned=True)
    return inventory, plan(inventory)


@no("shutdown-time")
def shuts_down_too_quickly() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache", 541.0, duration_s=59.0)))


@no("shutdown-time")
def shuts_down_too_quickly_for_the_vm() -> Wrong:
    inventory = changed_vm(INVENTORY, "cache", shutdown_time=61.0)
    return inventory, plan(inventory, shutdowns=(down("app"), down("cache", 539.0)))


@no("shutdown-time")
def is_down_after_the_deadline() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"), down("cache", 540.001)))


@no("shutdown-time", "shutdown")
def is_down_too_late_for_its_host() -> Wrong:
    inventory = changed_host(INVENTORY, "hv1", shutdown_time=30.0)
    made = plan(inventory, shutdowns=(down("app", 510.0), down("cache", 510.001)))
    assert made.objective is not None
    return inventory, made.model_copy(update={"objective": made.objective.model_copy(update={"finish_s": 600.001})})


@no("power")
def switches_a_host_off_before_all_are_down() -> Wrong:
    inventory = changed_host(INVENTORY, "hv1", shutdown_time=30.0)
    off = PowerStep(host="hv1", turn="off", start_s=569.0, duration_s=30.0)
    made = plan(inventory, shutdowns=(down("app", 510.0), down("cache", 510.0)), power=(off,))
    assert made.objective is not None
    return inventory, made.model_copy(update={"objective": made.objective.model_copy(update={"finish_s": 600.0})})


@no("power")
def switches_a_host_off_on_which_a_vm_is_left() -> Wrong:
    inventory = changed_vm(changed_host(INVENTORY, "hv1", shutdown_time=30.0), "cache", shutdown_time=571.0)
    off = PowerStep(host="hv1", turn="off", start_s=570.0, duration_s=30.0)
    return inventory, plan(inventory, shutdowns=(down("app", 510.0),), left=(left("cache"),), power=(off,))


@no("shutdown-order")
def shuts_down_before_an_earlier_one_has_landed() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app", DB.end_s - 0.001), down("cache")))


@no("shutdown-order")
def shuts_down_before_an_earlier_one_is_down() -> Wrong:
    inventory = ruled(INVENTORY, *INVENTORY.rules, Before(before=("db", "app", "web", "cache")))
    late = WEB.model_copy(update={"start_s": DB.end_s, "after": ("db",)})
    shutdowns = (down("app", 300.0), down("cache", 359.999))
    return inventory, plan(inventory, moves=[DB, late], shutdowns=shutdowns)


@no("shutdown-order")
def shuts_down_behind_one_that_is_left() -> Wrong:
    inventory = changed_vm(ruled(INVENTORY, Before(before=("cache", "app"))), "cache", shutdown_time=601.0)
    return inventory, plan(inventory, shutdowns=(down("app"),), left=(left("cache"),))


@no("left")
def leaves_a_vm_for_which_there_is_time() -> Wrong:
    return INVENTORY, plan(shutdowns=(down("app"),), left=(left("cache"),))


@no("left")
def leaves_a_vm_for_which_there_is_time_once_the_others_are_down() -> Wrong:
    inventory = ruled(INVENTORY, Before(before=("db", "app", "cache")))
    return inventory, plan(inventory, shutdowns=(down("app"),), left=(left("cache"),))


@no("saved-weight")
def states_more_weight_than_is_saved() -> Wrong:
    return INVENTORY, plan(saved_weight=4.5)


@no("saved-weight")
def states_another_weight_of_all() -> Wrong:
    return INVENTORY, plan(total_weight=5.0)


@no("saved-weight")
def has_a_bound_below_what_is_saved() -> Wrong:
    return INVENTORY, plan(upper_bound_saved_weight=3.5)


@no("saved-weight")
def does_not_tell_the_weight_that_is_saved() -> Wrong:
    return INVENTORY, plan(saved_weight=None)


@no("status")
def is_called_optimal_but_could_save_more() -> Wrong:
    return INVENTORY, plan(status=Status.OPTIMAL)


@no("status")
def is_called_optimal_without_a_bound_on_the_weight() -> Wrong:
    return INVENTORY, plan(status=Status.OPTIMAL, upper_bound_saved_weight=None)


@no("together")
def parts_two_that_move_and_belong_together() -> Wrong:
    inventory = ruled(INVENTORY, Together(together=("db", "web", "cache")))
    return inventory, plan(inventory)
