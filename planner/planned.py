"""From a request to a plan: what is found, with its figures, replayed before anyone sees it."""

from __future__ import annotations

from planner.answer import Effort, Found, find_or_triage
from planner.errors import RejectedPlanError
from planner.inventory.models import Inventory
from planner.optimize.backend import solver_version
from planner.optimize.clock import Clock
from planner.plan.models import PLAN_FORMAT, InventoryRef, Left, Plan, Request, Shutdown, SolverInfo, Status
from planner.plan.power import power_steps
from planner.plan.progress import ProgressSink
from planner.plan.shutdowns import shutdown_steps, staying_on
from planner.verify import verify_plan

PROOF_S_PER_MOVE = 2e-4
"""Part of the time limit that is kept for writing the plan down and replaying it, for each move [s]."""

MOST_TO_CHECK = 100_000
"""VMs x hosts x rules up to which the reasons of a no are checked unasked [count]; `evac verify` always does."""


def planned(
    inventory: Inventory,
    request: Request,
    *,
    seed: int = 0,
    time_limit_s: float,
    progress: ProgressSink | None = None,
    first_only: bool = False,
    reasons: bool = True,
) -> Plan:
    """Return the plan for a request, or what is known of there being none.

    Parameters
    ----------
    inventory, request
        What is asked; they fit each other.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time after which the best plan so far is returned [s].
    progress
        Is told how a long solve goes.
    first_only
        Any plan will do.
    reasons
        Whether to look for the reasons of a no that only the solver proves; else it is told without names.

    Raises
    ------
    RejectedPlanError
        If the replay rejects what the optimiser found: a bug, never a plan.
    """
    clock = Clock(time_limit_s)
    leaving = set(request.evacuate)
    proof_s = PROOF_S_PER_MOVE * sum(vm.host in leaving for vm in inventory.vms)
    found = find_or_triage(inventory, request, Effort(seed, clock.before(proof_s), progress, first_only, reasons))
    return verified(inventory, draft(inventory, request, found, seed, time_limit_s, clock))


def draft(inventory: Inventory, request: Request, found: Found, seed: int, time_limit_s: float, clock: Clock) -> Plan:
    """Return what was found as a plan that is not verified yet."""
    sha256, sections = inventory.digests()
    name, version = solver_version()
    shutdowns, left = _stayers(inventory, request, found)
    stay_on = staying_on(inventory, request.evacuate, request.deadline_s, left) if found.triaged else ()
    moves = found.moves
    power = () if moves is None else power_steps(inventory, request.evacuate, moves, shutdowns, stay_on)
    objective = found.objective(request, power)
    return Plan(
        format=PLAN_FORMAT,
        inventory=InventoryRef(name=inventory.name, sha256=sha256, sections=sections),
        request=request,
        settings=inventory.settings,
        status=found.status(objective),
        objective=objective,
        solver=SolverInfo(
            name=name, version=version, seed=seed, seconds=round(clock.elapsed_s, 3), time_limit_s=time_limit_s
        ),
        moves=moves or (),
        power=power,
        shutdowns=shutdowns,
        left=left,
        infeasibility=found.infeasibility,
        snapshot=inventory,
    )


def _stayers(inventory: Inventory, request: Request, found: Found) -> tuple[tuple[Shutdown, ...], tuple[Left, ...]]:
    """Return the VMs that a triage shuts down and those that it leaves."""
    if found.triaged is None:
        return (), ()
    return shutdown_steps(inventory, request.evacuate, request.deadline_s, found.moves or (), found.triaged.unmoved)


def verified(inventory: Inventory, draft: Plan) -> Plan:
    """Return the plan with its verification; what the replay rejects is a bug and never shown as a plan.

    Raises
    ------
    RejectedPlanError
        If the replay rejects it.
    """
    if not draft.moves and (draft.status is Status.UNKNOWN or not _quick(inventory, draft)):
        return draft
    verification = verify_plan(inventory, draft)
    if not verification.ok:
        raise RejectedPlanError([f"{violation.check}: {violation.message}" for violation in verification.violations])
    return draft.model_copy(update={"verification": verification})


def _quick(inventory: Inventory, draft: Plan) -> bool:
    """Return whether the reasons of a no can be held against the inventory in no time."""
    reasons = draft.infeasibility.reasons if draft.infeasibility is not None else ()
    named = sum(len(reason.vms) for reason in reasons)
    return named * len(inventory.hosts) * (1 + len(inventory.rules)) <= MOST_TO_CHECK
