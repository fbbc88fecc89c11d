"""The checks by name, and the replay that makes them all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from planner.inventory.models import Inventory
from planner.plan.models import Plan, Status, Verification, Violation
from planner.verify.approaches import check_approach, check_max_downtime, check_switch_point
from planner.verify.chains import check_chain, check_makes_room
from planner.verify.claims import check_bound, check_objective, check_status
from planner.verify.coverage import check_coverage, check_extra_moves, check_request
from planner.verify.facts import check_facts
from planner.verify.findings import Finding
from planner.verify.odds import check_odds
from planner.verify.paths import check_bandwidth, check_flow, check_network, check_path, check_paths
from planner.verify.power import check_power, check_ready, check_shutdown
from planner.verify.prediction import check_prediction
from planner.verify.reasons import check_reasons
from planner.verify.replay import Replay
from planner.verify.room import check_memory, check_vcpus
from planner.verify.rules import check_before, check_not_at_once, check_separate, check_together
from planner.verify.slots import check_incoming, check_outgoing
from planner.verify.targets import check_labels, check_pinned, check_target
from planner.verify.timing import check_after, check_deadline
from planner.verify.triage import (
    check_left,
    check_saved_weight,
    check_shutdown_order,
    check_shutdown_time,
    check_triage,
)

Check = Callable[[Replay], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "request": check_request,
    "facts": check_facts,
    "coverage": check_coverage,
    "triage": check_triage,
    "shutdown-time": check_shutdown_time,
    "shutdown-order": check_shutdown_order,
    "left": check_left,
    "extra-moves": check_extra_moves,
    "chain": check_chain,
    "deadline": check_deadline,
    "ready": check_ready,
    "shutdown": check_shutdown,
    "power": check_power,
    "target": check_target,
    "labels": check_labels,
    "pinned": check_pinned,
    "approach": check_approach,
    "switch-point": check_switch_point,
    "max-downtime": check_max_downtime,
    "path": check_path,
    "network": check_network,
    "paths": check_paths,
    "flow": check_flow,
    "bandwidth": check_bandwidth,
    "memory": check_memory,
    "vcpus": check_vcpus,
    "outgoing": check_outgoing,
    "incoming": check_incoming,
    "separate": check_separate,
    "together": check_together,
    "not-at-once": check_not_at_once,
    "before": check_before,
    "prediction": check_prediction,
    "after": check_after,
    "makes-room": check_makes_room,
    "saved-weight": check_saved_weight,
    "objective": check_objective,
    "bound": check_bound,
    "status": check_status,
    "odds": check_odds,
}
"""Every check by its name, in the order in which they are made and reported."""


def verify_plan(inventory: Inventory, plan: Plan) -> Verification:
    """Replay a plan against an inventory.

    Parameters
    ----------
    inventory
        The cluster as it stands before the plan.
    plan
        A plan from anyone. It need not be made for this inventory: what does not exist or does not fit is a
        violation, never an exception.

    Returns
    -------
    Verification
        ``ok`` if every check says yes. A plan that is infeasible or unknown and has no moves claims nothing that
        could be replayed; of one that is infeasible the reasons that need no solver are held against the inventory.

    Notes
    -----
    Moves hold what they reserve in [start_s, start_s + duration_s). Overlaps up to one microsecond count as none;
    sums of bandwidths and predicted numbers are compared with a relative tolerance of 1e-9.
    """
    if not plan.moves and plan.status in (Status.INFEASIBLE, Status.UNKNOWN):
        return _of_reasons(inventory, plan)
    replay = Replay(inventory, plan)
    violations = tuple(
        Violation(check=name, message=finding.message, subjects=finding.subjects, at_s=_finite(finding.at_s))
        for name, check in CHECKS.items()
        for finding in check(replay)
    )
    return Verification(ok=not violations, checks=tuple(CHECKS), violations=violations)


def _of_reasons(inventory: Inventory, plan: Plan) -> Verification:
    """Hold the reasons of a no against the inventory, those that a solver is not needed for."""
    if plan.infeasibility is None or plan.status is not Status.INFEASIBLE:
        return Verification(ok=True, checks=())
    violations = tuple(
        Violation(check="reasons", message=f"{reason.kind}: {wrong}", subjects=(*reason.vms, *reason.hosts))
        for reason, wrong in check_reasons(inventory, plan.request, plan.infeasibility)
    )
    return Verification(ok=not violations, checks=("reasons",), violations=violations)


def _finite(at_s: float | None) -> float | None:
    return at_s if at_s is not None and math.isfinite(at_s) else None
