"""From decisions of anyone (where, how, at which rate, when) to a plan that the verifier can replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import ALL_APPROACHES, Approach, Inventory
from planner.network import Network
from planner.plan.models import PLAN_FORMAT, InventoryRef, Move, Plan, Request, Status
from planner.predict import model_for, workload_of
from planner.predict.registry import thresholds


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about one VM.

    Parameters
    ----------
    vm, target
        Which VM goes to which host.
    approach, rate
        How, and at which bandwidth [bytes/s].
    start_s
        When [s].
    """

    vm: str
    target: str
    approach: Approach
    rate: float
    start_s: float


def plan_of(inventory: Inventory, evacuate: Sequence[str], deadline_s: float, decisions: Sequence[Decision]) -> Plan:
    """Return the plan, with durations and downtimes of the inventory's model; it claims no bound."""
    vms, network = {vm.name: vm for vm in inventory.vms}, Network(inventory)
    model, moves = model_for(inventory.settings), []
    for approach in ALL_APPROACHES:
        here = [decision for decision in decisions if decision.approach == approach]
        if not here:
            continue
        rates = np.array([[decision.rate] for decision in here])
        costs = model.predict(
            approach, workload_of([vms[decision.vm] for decision in here]), rates, thresholds(inventory.settings, rates)
        )
        for i, decision in enumerate(here):
            vm = vms[decision.vm]
            route = network.route(vm.host, decision.target)
            moves.append(
                Move(
                    vm=vm.name,
                    source=vm.host,
                    target=decision.target,
                    approach=approach,
                    precopy_share=float(costs.precopy_share[i, 0]),
                    bandwidth_bytes_per_s=decision.rate,
                    path=(vm.host, decision.target) if route is None else route.path,
                    start_s=decision.start_s,
                    duration_s=float(costs.time_s[i, 0]),
                    downtime_s=float(costs.downtime_s[i, 0]),
                    transferred_bytes=float(costs.transferred_bytes[i, 0]),
                    memory_bytes=vm.memory,
                    disk_bytes=vm.disk,
                    weight=vm.weight,
                )
            )
    return Plan(
        format=PLAN_FORMAT,
        inventory=InventoryRef(name=inventory.name, sha256=inventory.sha256(), sections=inventory.sections()),
        request=Request(evacuate=tuple(evacuate), deadline_s=deadline_s),
        settings=inventory.settings,
        status=Status.FEASIBLE,
        moves=tuple(sorted(moves, key=lambda move: (move.start_s, move.vm))),
    )
