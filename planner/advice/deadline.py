"""The smallest deadline that can be kept, with a proof at one end and a verified plan at the other.

More time never hurts: so what is impossible within some time is impossible within less, and a plan that ends at some
time keeps every deadline from then on.
"""

from __future__ import annotations

import math

from planner.advice.changes import LONG_S
from planner.advice.oracle import Oracle, Verdict
from planner.inventory.models import Inventory
from planner.network import Network
from planner.optimize.problem import compile_problem
from planner.optimize.room_problem import unhindered
from planner.optimize.soonest import soonest
from planner.plan.advice import SmallestDeadline
from planner.plan.models import Plan, Request

CLOSE = 2e-3
"""Relative distance of the two ends at which the search ends [1]."""
LEAST_CLOSE_S = 1e-3
"""Distance of the two ends at which the search ends [s]."""
SHARE_OF_BOUND = 0.3
"""Share of the time that the bound may take [1]."""
LEAN = 0.25
"""Where between the ends the next deadline lies once one was neither kept nor ruled out, from the upper end [1]."""


def smallest_deadline(
    inventory: Inventory, request: Request, oracle: Oracle, *, impossible_s: float = 0.0, known: Plan | None = None
) -> tuple[SmallestDeadline, Plan | None]:
    """Return the two ends, and the plan at the upper one.

    Parameters
    ----------
    inventory, request
        What is asked; of the request all but the deadline counts.
    oracle
        Is asked for its time.
    impossible_s
        A deadline that is proven impossible, or 0 [s].
    known
        A plan that keeps some deadline.
    """
    low_s, best = impossible_s, known
    verdict, early = oracle.ask(inventory, _ample(request))
    if verdict is Verdict.NO:
        return SmallestDeadline(impossible_below_s=LONG_S), None
    if verdict is Verdict.YES and (best is None or finish_of(early) < finish_of(best)):
        best = early
    low_s = max(low_s, _bound(inventory, request, min(finish_of(best), LONG_S) if best else LONG_S, oracle))
    undecided_s = 0.0
    while best is not None and not oracle.clock.expired:
        high_s, floor_s = finish_of(best), max(low_s, undecided_s)
        if high_s - floor_s <= max(CLOSE * high_s, LEAST_CLOSE_S):
            break
        share = 0.5 if undecided_s <= low_s else LEAN
        trial_s = high_s - share * (high_s - floor_s)
        verdict, plan = oracle.ask(inventory, request.model_copy(update={"deadline_s": trial_s}))
        match verdict:
            case Verdict.YES:
                best = plan
            case Verdict.NO:
                low_s = trial_s
            case Verdict.UNKNOWN:
                undecided_s = trial_s
    high = None if best is None else finish_of(best)
    return SmallestDeadline(impossible_below_s=low_s if high is None else min(low_s, high), possible_s=high), best


def finish_of(plan: Plan) -> float:
    """Return when a plan ends, infinite without one [s]."""
    return math.inf if plan.objective is None else plan.objective.finish_s


def _ample(request: Request) -> Request:
    """Return the request with more time than anybody has, for the earliest finish."""
    return request.model_copy(update={"deadline_s": max(LONG_S, request.deadline_s), "objective": "finish"})


def _bound(inventory: Inventory, request: Request, within_s: float, oracle: Oracle) -> float:
    """Return a finish that no plan beats, among those that end within some time [s]."""
    if request.make_room == "auto":
        # No room that can be made is more than that of a cluster without the VMs that could move.
        inventory = unhindered(inventory, request.evacuate)
    problem = compile_problem(inventory, Network(inventory), request.evacuate, within_s)
    clock = oracle.clock.part(SHARE_OF_BOUND)
    return min(within_s, soonest(problem, seed=oracle.seed, clock=clock))
