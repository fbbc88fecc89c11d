"""The commands as functions: what the command line does, a program can do with these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from planner.errors import InputError, Problem, RejectedPlanError, StalePlanError
from planner.inventory.models import Inventory
from planner.inventory.select import select_hosts
from planner.plan.models import (
    PLAN_FORMAT,
    Infeasibility,
    InventoryRef,
    Move,
    Objective,
    Plan,
    Request,
    SolverInfo,
    Status,
    Verification,
)
from planner.plan.progress import ProgressSink, relative_gap
from planner.predict.table import PredictionRow, prediction_rows
from planner.verify import staleness, verify_plan

if TYPE_CHECKING:
    from planner.optimize.problem import Problem as Evacuation
    from planner.optimize.search import Result

__all__ = ["check", "plan", "predict", "verify"]

EXPLAIN_LIMIT_S = 5.0
"""Wall time that shrinking a conflict may take [s]."""


def plan(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Literal["downtime"] = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
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
        What is minimised once everything is out in time.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time after which the best plan so far is returned [s].
    start_clock
        Time of day of the start, HH:MM, for those who read the plan.
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
    request = _request(inventory, evacuate, deadline_s, objective, start_clock)
    return _answer(inventory, request, seed, time_limit_s, progress, first_only=False)


def check(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Literal["downtime"] = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
    progress: ProgressSink | None = None,
) -> Plan:
    """Tell whether an evacuation can be done in time, as soon as that is proven; a yes carries a verified plan.

    Takes, returns and raises what `plan` does; the plan of a yes need not be the best one.
    """
    request = _request(inventory, evacuate, deadline_s, objective, start_clock)
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


def _request(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    objective: Literal["downtime"],
    start_clock: str | None,
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
    if problems:
        raise InputError(problems)
    return Request(evacuate=chosen, deadline_s=deadline_s, objective=objective, start_clock=start_clock)


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
    from planner.explain import certify, explain_conflict
    from planner.network import Network
    from planner.optimize.backend import solver_version
    from planner.optimize.clock import Clock
    from planner.optimize.problem import compile_problem
    from planner.optimize.search import search, tables_and_columns

    clock = Clock(time_limit_s)
    evacuation = compile_problem(inventory, Network(inventory), request.evacuate, request.deadline_s)
    classes, tables, columns = tables_and_columns(evacuation)
    infeasibility = certify(inventory, request.evacuate, evacuation, tables, columns)
    result: Result | None = None
    if infeasibility is None:
        result = search(evacuation, seed=seed, clock=clock, sink=progress, first_only=first_only)
        if result.infeasible:
            infeasibility = explain_conflict(
                inventory,
                evacuation,
                classes,
                columns,
                exhausted=result.exhausted,
                seed=seed,
                limit_s=min(EXPLAIN_LIMIT_S, max(0.5, clock.left_s)),
            )
    moves, objective = _moves(evacuation, result)
    name, version = solver_version()
    draft = Plan(
        format=PLAN_FORMAT,
        inventory=InventoryRef(name=inventory.name, sha256=inventory.sha256(), sections=inventory.sections()),
        request=request,
        settings=inventory.settings,
        status=_status(result, infeasibility),
        objective=objective,
        solver=SolverInfo(
            name=name, version=version, seed=seed, seconds=round(clock.elapsed_s, 3), time_limit_s=time_limit_s
        ),
        moves=moves,
        infeasibility=infeasibility,
    )
    return _verified(inventory, draft)


def _status(result: Result | None, infeasibility: Infeasibility | None) -> Status:
    if infeasibility is not None:
        return Status.INFEASIBLE
    if result is None or result.incumbent is None:
        return Status.UNKNOWN
    return Status.OPTIMAL if result.solved else Status.FEASIBLE


def _moves(evacuation: Evacuation, result: Result | None) -> tuple[tuple[Move, ...], Objective | None]:
    if result is None or result.incumbent is None:
        return (), None
    from planner.optimize.publish import moves_of

    moves = moves_of(evacuation, result.incumbent)
    weighted = sum(move.weight * move.downtime_s for move in moves)
    # The solver's tolerances may lift its bound a hair above the value: a bound never exceeds what it bounds.
    bound = min(result.bound_s, weighted)
    finish = max((move.end_s for move in moves), default=0.0)
    finish_bound = result.finish_bound_s
    return moves, Objective(
        downtime_s=sum(move.downtime_s for move in moves),
        weighted_downtime_s=weighted,
        finish_s=finish,
        lower_bound_weighted_downtime_s=bound,
        gap=relative_gap(weighted, bound),
        lower_bound_finish_s=None if finish_bound is None else min(finish_bound, finish),
    )


def _verified(inventory: Inventory, draft: Plan) -> Plan:
    """Return the plan with its verification; what the replay rejects is a bug and never shown as a plan."""
    if not draft.moves and draft.status in (Status.INFEASIBLE, Status.UNKNOWN):
        return draft
    verification = verify_plan(inventory, draft)
    if not verification.ok:
        raise RejectedPlanError([f"{violation.check}: {violation.message}" for violation in verification.violations])
    return draft.model_copy(update={"verification": verification})
