"""Wrong in when hosts are ready, and when they are off."""

from __future__ import annotations

from planner.plan.models import PowerStep
from tests.truth.handmade import changed_host, make_plan
from tests.truth.wrong import INVENTORY, MOVES, Wrong, no

LEFT_S = max(move.end_s for move in MOVES)
ON = PowerStep(host="hv3", turn="on", start_s=0.0, duration_s=0.0)
OFF = PowerStep(host="hv1", turn="off", start_s=LEFT_S, duration_s=17.0)


def switched_off(*steps: PowerStep, finish_s: float = LEFT_S + 17.0) -> Wrong:
    """Return the plan on an inventory whose source takes 17 s to switch off, with these steps."""
    inventory = changed_host(INVENTORY, "hv1", shutdown_time=17.0)
    plan = make_plan(inventory, power=steps)
    assert plan.objective is not None
    return inventory, plan.model_copy(update={"objective": plan.objective.model_copy(update={"finish_s": finish_s})})


@no("ready")
def moves_to_a_host_that_still_boots() -> Wrong:
    inventory = changed_host(INVENTORY, "hv2", ready_after=0.001)
    return inventory, make_plan(inventory)


@no("shutdown")
def is_empty_but_not_off_by_the_deadline() -> Wrong:
    off_s = 600.0 - LEFT_S + 0.001
    inventory = changed_host(INVENTORY, "hv1", shutdown_time=off_s)
    plan = make_plan(inventory)
    assert plan.objective is not None
    return inventory, plan.model_copy(
        update={"objective": plan.objective.model_copy(update={"finish_s": LEFT_S + off_s})}
    )


@no("shutdown")
def evacuates_an_empty_host_that_is_not_off_by_the_deadline() -> Wrong:
    inventory = changed_host(INVENTORY, "hv4", shutdown_time=601.0)
    plan = make_plan(inventory)
    assert plan.objective is not None
    request = plan.request.model_copy(update={"evacuate": ("hv1", "hv4")})
    return inventory, plan.model_copy(
        update={"objective": plan.objective.model_copy(update={"finish_s": 601.0}), "request": request}
    )


@no("objective")
def ends_before_its_host_is_off() -> Wrong:
    return switched_off(finish_s=LEFT_S)


@no("power")
def switches_a_host_off_before_it_is_empty() -> Wrong:
    return switched_off(OFF.model_copy(update={"start_s": LEFT_S - 0.001}))


@no("power")
def switches_a_host_off_too_quickly() -> Wrong:
    return switched_off(OFF.model_copy(update={"duration_s": 16.0}))


@no("power")
def switches_a_host_off_after_the_deadline() -> Wrong:
    return switched_off(OFF.model_copy(update={"start_s": 600.0}), finish_s=617.0)


@no("power")
def switches_a_host_off_that_stays() -> Wrong:
    return switched_off(OFF, OFF.model_copy(update={"host": "hv4", "duration_s": 0.0}))


@no("power")
def switches_a_host_off_that_is_not_there() -> Wrong:
    return switched_off(OFF, OFF.model_copy(update={"host": "hv9"}))


@no("power")
def switches_a_host_on_that_is_not_there() -> Wrong:
    return switched_off(OFF, ON.model_copy(update={"host": "hv9"}))


@no("power")
def says_that_a_host_is_ready_when_it_is_not() -> Wrong:
    return switched_off(OFF, ON.model_copy(update={"duration_s": 1.0}))


@no("power")
def forgets_to_switch_a_host_off() -> Wrong:
    return switched_off(ON)


@no("power")
def forgets_to_switch_a_host_on() -> Wrong:
    inventory, plan = switched_off(OFF)
    ready_s = min(move.start_s for move in MOVES if move.target == "hv3")
    assert ready_s >= 0
    late = [move.model_copy(update={"start_s": move.start_s + 5.0}) for move in plan.moves]
    inventory = changed_host(inventory, "hv3", ready_after=5.0)
    fields = {"inventory": make_plan(inventory).inventory, "moves": tuple(late)}
    assert plan.objective is not None
    off = OFF.model_copy(update={"start_s": LEFT_S + 5.0})
    objective = plan.objective.model_copy(update={"finish_s": LEFT_S + 22.0})
    return inventory, plan.model_copy(update=fields | {"power": (off,), "objective": objective})
