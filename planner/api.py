"""The commands as functions: what the command line does, a program can do with these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from planner.calibrate import Calibration, read_log
from planner.calibrate import calibrate as fit_to_log
from planner.errors import InputError, Problem, RejectedPlanError, StalePlanError
from planner.inventory.models import Inventory
from planner.inventory.select import select_hosts
from planner.plan.models import (
    PLAN_FORMAT,
    Aim,
    IfInfeasible,
    InventoryRef,
    Left,
    Plan,
    Request,
    Shutdown,
    SolverInfo,
    Status,
    Verification,
)
from planner.plan.power import power_steps
from planner.plan.progress import ProgressSink
from planner.plan.shutdowns import shutdown_steps, staying_on
from planner.predict.front import Front, fronts
from planner.predict.table import PredictionRow, prediction_rows
from planner.verify import staleness, verify_plan

if TYPE_CHECKING:
    from planner.answer import Found

__all__ = ["calibrate", "check", "front", "plan", "predict", "verify"]

PROOF_S_PER_MOVE = 2e-4
"""Part of the time limit that is kept for writing the plan down and replaying it, for each move [s]."""


def plan(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Aim = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
    make_room: Literal["auto", "never"] = "auto",
    extra_move_price_s: float | None = None,
    if_infeasible: IfInfeasible = "refuse",
    progress: ProgressSink | None = None,
) -> Plan:
    """Plan the evacuation of some hosts.

    Parameters
    ----------
    inventory
        A checked inventory.
    evacuate
        Names of the hosts to empty; ``@label`` stands for all hosts that have the label.
    deadline_s
        When they must be empty, from the start of the plan [s].
    objective
        What is minimised once everything is out in time: weighted ``downtime``, the ``finish``, or the weighted sum of
        ``ends``.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time after which the best plan so far is returned [s].
    start_clock
        Time of day of the start, HH:MM, for those who read the plan.
    make_room
        ``auto``: VMs of other hosts move where there is no plan without that, or where it saves its price; ``never``:
        they stay.
    extra_move_price_s
        What each such move counts beside its own downtime, in weighted downtime [s]; the settings' price where None.
    if_infeasible
        What to do where not all can leave in time. ``refuse``: say why. ``triage``: save the most weight, shut down the
        others in time, and say who is left.
    progress
        Is told how a long solve goes.

    Returns
    -------
    Plan
        Verified, where it has moves. Its status says what is proven.

    Raises
    ------
    InputError
        If the request does not fit the inventory.
    RejectedPlanError
        If the replay rejects what the optimiser found: a bug, never a plan.
    """
    price_s = inventory.settings.extra_move_price if extra_move_price_s is None else extra_move_price_s
    request = _request(inventory, evacuate, deadline_s, objective, start_clock, make_room, price_s, if_infeasible)
    return _answer(inventory, request, seed, time_limit_s, progress, first_only=False)


def check(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Aim = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
    make_room: Literal["auto", "never"] = "auto",
    extra_move_price_s: float | None = None,
    progress: ProgressSink | None = None,
) -> Plan:
    """Tell whether an evacuation can be done in time, as soon as that is proven; a yes carries a verified plan.

    Takes, returns and raises what `plan` does; the plan of a yes need not be the best one.
    """
    price_s = inventory.settings.extra_move_price if extra_move_price_s is None else extra_move_price_s
    request = _request(inventory, evacuate, deadline_s, objective, start_clock, make_room, price_s)
    return _answer(inventory, request, seed, time_limit_s, progress, first_only=True)


def verify(inventory: Inventory, plan: Plan) -> Verification:
    """Replay a plan, from anyone, against an inventory.

    Raises
    ------
    StalePlanError
        If the inventory is not the one that the plan was made for.
    """
    changes = staleness(inventory, plan)
    if changes:
        raise StalePlanError(changes)
    return verify_plan(inventory, plan)


def predict(
    inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None
) -> list[PredictionRow]:
    """Predict time and downtime of each approach.

    Parameters
    ----------
    vms
        Names of VMs; all where None.
    rate_bytes_per_s
        Bandwidth [bytes/s]; the fastest link of each VM's host where None.

    Raises
    ------
    InputError
        If a VM does not exist.
    """
    return prediction_rows(inventory, vms, rate_bytes_per_s)


def front(inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None) -> list[Front]:
    """Find for each VM the ways to move that no other is as good as in time and downtime, over all switch points.

    Parameters
    ----------
    inventory
        A checked inventory.
    vms
        Names of the VMs; all of them if None.
    rate_bytes_per_s
        Bandwidth [bytes/s]; the fastest link of each VM's host if None.

    Returns
    -------
    list of Front
        One a VM; its ``best`` are ever slower, with ever less downtime.

    Raises
    ------
    InputError
        If a VM is unknown, or its host has no link and no bandwidth is given.
    """
    return fronts(inventory, vms, rate_bytes_per_s)


def calibrate(log: str, inventory: Inventory | None = None) -> Calibration:
    """Fit the terms of links to a log of past migrations.

    Parameters
    ----------
    log
        A CSV file; docs/calibration.md has its columns.
    inventory
        Its settings hold beside what is fitted, and VMs that the log names are looked up in it.

    Returns
    -------
    Calibration
        The terms by class of link, and how far predictions are off on a half that was not fitted on.

    Raises
    ------
    InputError
        If the file is no such log, or has too few migrations.
    """
    return fit_to_log(read_log(log, inventory), None if inventory is None else inventory.settings)


def _request(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    objective: Aim,
    start_clock: str | None,
    make_room: Literal["auto", "never"],
    price_s: float,
    if_infeasible: IfInfeasible = "refuse",
) -> Request:
    """Check the request against the inventory; all problems in one report."""
    problems: list[Problem] = []
    chosen: tuple[str, ...] = ()
    try:
        chosen = select_hosts(inventory, evacuate)
    except InputError as error:
        problems += error.problems
    if not deadline_s > 0:
        problems.append(Problem("no-time", "the deadline must lie after the start", "give a positive duration"))
    if not (price_s > 0 and math.isfinite(price_s)):
        problems.append(
            Problem("no-price", "the price of an extra move must be a time above 0", "give a positive duration")
        )
    if problems:
        raise InputError(problems)
    return Request(
        evacuate=chosen,
        deadline_s=deadline_s,
        objective=objective,
        start_clock=start_clock,
        make_room=make_room,
        extra_move_price_s=price_s if make_room == "auto" else 0.0,
        if_infeasible=if_infeasible,
    )


def _answer(
    inventory: Inventory,
    request: Request,
    seed: int,
    time_limit_s: float,
    progress: ProgressSink | None,
    *,
    first_only: bool,
) -> Plan:
    # The solver takes a second to import, which those who only verify or predict need not wait for.
    from planner.answer import find_or_triage
    from planner.optimize.backend import solver_version
    from planner.optimize.clock import Clock

    clock = Clock(time_limit_s)
    sha256, sections = inventory.digests()
    leaving = set(request.evacuate)
    proof_s = PROOF_S_PER_MOVE * sum(vm.host in leaving for vm in inventory.vms)
    limit = clock.before(proof_s)
    found = find_or_triage(inventory, request, seed=seed, clock=limit, sink=progress, first_only=first_only)
    name, version = solver_version()
    shutdowns, left = _stayers(inventory, request, found)
    stay_on = staying_on(inventory, request.evacuate, request.deadline_s, left) if found.triaged else ()
    moves = found.moves
    power = () if moves is None else power_steps(inventory, request.evacuate, moves, shutdowns, stay_on)
    objective = found.objective(request, power)
    draft = Plan(
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
    return _verified(inventory, draft)


def _stayers(inventory: Inventory, request: Request, found: Found) -> tuple[tuple[Shutdown, ...], tuple[Left, ...]]:
    """Return the VMs that a triage shuts down and those that it leaves."""
    if found.triaged is None:
        return (), ()
    return shutdown_steps(inventory, request.evacuate, request.deadline_s, found.moves or (), found.triaged.unmoved)


def _verified(inventory: Inventory, draft: Plan) -> Plan:
    """Return the plan with its verification; what the replay rejects is a bug and never shown as a plan."""
    if not draft.moves and draft.status in (Status.INFEASIBLE, Status.UNKNOWN):
        return draft
    verification = verify_plan(inventory, draft)
    if not verification.ok:
        raise RejectedPlanError([f"{violation.check}: {violation.message}" for violation in verification.violations])
    return draft.model_copy(update={"verification": verification})
