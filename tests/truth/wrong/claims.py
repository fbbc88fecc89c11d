"""Wrong in what the plan says of the inventory, of its moves and of itself."""

from __future__ import annotations

from planner.plan.models import Infeasibility, InventoryRef, Plan, Reason, ReasonKind, Status
from tests.truth.handmade import GIB, HALF, changed_moves, changed_vm, make_plan
from tests.truth.wrong import APP, DB, INVENTORY, MOVES, WEB, Wrong, no


@no("facts")
def moves_an_unknown_vm() -> Wrong:
    ghost = WEB.model_copy(update={"vm": "ghost", "start_s": 100.0, "weight": 0.0})
    return INVENTORY, make_plan(INVENTORY, [*MOVES, ghost])


@no("facts")
def takes_a_vm_from_where_it_is_not() -> Wrong:
    moves = changed_moves(MOVES, "web", source="hv4", path=("hv4", "leaf2", "hv3"))
    return INVENTORY, make_plan(INVENTORY, moves)


@no("facts")
def states_another_memory() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "web", memory_bytes=GIB))


@no("facts")
def states_another_disk() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "web", disk_bytes=0))


@no("facts")
def states_another_weight() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "db", weight=1.0))


@no("facts")
def states_other_settings() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, settings=INVENTORY.settings.model_copy(update={"max_incoming": 5}))


@no("facts")
def is_for_another_inventory() -> Wrong:
    return INVENTORY, make_plan(INVENTORY).model_copy(update={"inventory": InventoryRef(name="other")})


@no("prediction")
def lasts_shorter_than_predicted() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "app", duration_s=APP.duration_s * (1 - 1e-8)))


@no("prediction")
def is_down_shorter_than_predicted() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "db", downtime_s=DB.downtime_s * (1 - 1e-8)))


@no("prediction")
def sends_fewer_bytes_than_predicted() -> Wrong:
    moves = changed_moves(MOVES, "web", transferred_bytes=WEB.transferred_bytes * (1 - 1e-8))
    return INVENTORY, make_plan(INVENTORY, moves)


@no("prediction")
def splits_at_another_share() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "web", precopy_share=0.5))


@no("prediction")
def does_not_converge() -> Wrong:
    inventory = changed_vm(INVENTORY, "db", write_rate=HALF)
    return inventory, make_plan(inventory, MOVES)


@no("prediction")
def is_faster_than_its_bandwidth() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, changed_moves(MOVES, "app", bandwidth_bytes_per_s=HALF / 2))


def objective(**fields: float) -> Plan:
    plan = make_plan(INVENTORY)
    assert plan.objective is not None
    return plan.model_copy(update={"objective": plan.objective.model_copy(update=fields)})


@no("objective")
def adds_the_downtime_up_wrongly() -> Wrong:
    return INVENTORY, objective(downtime_s=sum(move.downtime_s for move in MOVES) * (1 + 1e-8))


@no("objective")
def adds_the_weighted_downtime_up_wrongly() -> Wrong:
    value = sum(move.downtime_s for move in MOVES)  # the weights left out
    return INVENTORY, objective(weighted_downtime_s=value, lower_bound_weighted_downtime_s=value, gap=0.0)


@no("objective")
def finishes_at_another_time() -> Wrong:
    return INVENTORY, objective(finish_s=DB.end_s)


@no("bound")
def has_a_bound_above_the_value() -> Wrong:
    return INVENTORY, objective(lower_bound_weighted_downtime_s=1000.0, gap=0.0)


@no("bound")
def has_another_gap() -> Wrong:
    return INVENTORY, objective(gap=0.2)


@no("bound")
def has_a_bound_above_the_finish() -> Wrong:
    return INVENTORY, objective(lower_bound_finish_s=1000.0)


@no("status")
def is_called_optimal_with_a_gap() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, status=Status.OPTIMAL)


@no("status")
def is_called_optimal_without_proof() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, status=Status.OPTIMAL, objective=None)


@no("status")
def is_called_infeasible_but_has_moves() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, status=Status.INFEASIBLE)


@no("status")
def is_called_unknown_but_has_moves() -> Wrong:
    return INVENTORY, make_plan(INVENTORY, status=Status.UNKNOWN)


@no("status")
def gives_reasons_why_it_does_not_exist() -> Wrong:
    why = Infeasibility(reasons=(Reason(kind=ReasonKind.MEMORY),), proof="certificate")
    return INVENTORY, make_plan(INVENTORY, infeasibility=why)
