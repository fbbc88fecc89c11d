"""What a plan claims of itself: its status, its cost, and how much less it could cost."""

from __future__ import annotations

import math
from collections.abc import Iterator

from planner.plan.models import Aim, Status
from planner.verify.findings import Finding
from planner.verify.power import finish_s
from planner.verify.replay import RELATIVE_TOLERANCE, TIME_TOLERANCE_S, Replay

OPTIMAL_TOLERANCE = 1e-6
"""A plan may be called optimal where its value is above its bound by no more than this, relative or in seconds."""


KINDS: dict[Aim, str] = {"downtime": "weighted downtime", "finish": "finish", "ends": "weighted sum of ends"}
"""What requests minimise, in words; extra moves add their price to the downtime."""


def check_status(replay: Replay) -> Iterator[Finding]:
    """Check that a plan with moves is called feasible, or optimal with a bound that meets its value."""
    plan = replay.plan
    if plan.status not in (Status.OPTIMAL, Status.FEASIBLE):
        yield Finding(f"the plan has moves, but its status is {plan.status}")
        return
    if plan.infeasibility is not None and not (replay.triage and plan.triaged):
        yield Finding(f"the plan is {plan.status}, but gives reasons why there is none")
    if plan.status is Status.OPTIMAL:
        objective = plan.objective
        if objective is None:
            yield Finding("the plan is called optimal, but has no objective and bound that would show it")
            return
        if objective.saved_weight is not None:
            yield from _saves_the_most(objective.saved_weight, objective.upper_bound_saved_weight)
            return
        value, bound = objective.sides(plan.request.objective)
        if value is None or bound is None:
            yield Finding("the plan is called optimal, but has no value and bound that would show it")
        elif value > bound + OPTIMAL_TOLERANCE * max(1.0, value):
            yield Finding(
                f"the plan is called optimal, but its {_words(replay)} {value:.12g} s is above the bound {bound:.12g} s"
            )


def check_objective(replay: Replay) -> Iterator[Finding]:
    """Check that downtimes and the price of extra moves add up to what the objective says, and when the last move ends.

    The weights are the inventory's. A plan without objective claims nothing.
    """
    objective = replay.plan.objective
    if objective is None:
        return
    downtime_s = sum(step.move.downtime_s for step in replay.steps)
    known = [(step.vm.weight, step) for step in replay.steps if step.vm is not None]
    weighted_s = sum(weight * step.move.downtime_s for weight, step in known)
    ends_s = sum(weight * step.end_s for weight, step in known)
    extra = sum(map(replay.is_extra, replay.steps))
    if objective.extra_moves != extra:
        yield Finding(f"the objective counts {objective.extra_moves} extra moves, but the plan has {extra}")
    ends = [] if objective.weighted_ends_s is None else [(objective.weighted_ends_s, ends_s, "sum of ends", 1e-6)]
    for stated, found, what, absolute in (
        *ends,
        (objective.downtime_s, downtime_s, "downtime", RELATIVE_TOLERANCE),
        (objective.weighted_downtime_s, weighted_s, "weighted downtime", RELATIVE_TOLERANCE),
        (objective.finish_s, finish_s(replay), "finish", TIME_TOLERANCE_S),
        (objective.extra_price_s, extra * replay.plan.request.extra_move_price_s, "price", RELATIVE_TOLERANCE),
    ):
        if not math.isclose(stated, found, rel_tol=RELATIVE_TOLERANCE, abs_tol=absolute):
            yield Finding(f"the {what} is {stated:.12g} s in the objective, but {found:.12g} s by the moves")


def check_bound(replay: Replay) -> Iterator[Finding]:
    """Check that no lower bound is above what it bounds, and that the gap is their distance over the value."""
    objective = replay.plan.objective
    if objective is None:
        return
    for kind, what in KINDS.items():
        value, bound = objective.sides(kind)
        if value is not None and bound is not None and bound > value + RELATIVE_TOLERANCE * max(1.0, abs(value)):
            yield Finding(f"the lower bound {bound:.12g} s is above the {what} {value:.12g} s")
    value, bound = objective.sides(replay.plan.request.objective)
    if value is None:
        yield Finding(f"the objective does not tell the {_words(replay)}, which the request minimises")
        return
    gap = max(0.0, (value - (bound or 0.0)) / value) if value > 0 else 0.0
    if not math.isclose(objective.gap, gap, rel_tol=RELATIVE_TOLERANCE, abs_tol=RELATIVE_TOLERANCE):
        yield Finding(f"the gap is {objective.gap:.12g} in the objective, but {gap:.12g} by value and bound")


def _saves_the_most(saved: float, most: float | None) -> Iterator[Finding]:
    if most is None:
        yield Finding("the plan is called optimal, but has no bound on the weight saved that would show it")
    elif saved < most - OPTIMAL_TOLERANCE * max(1.0, most):
        yield Finding(f"the plan is called optimal, but the weight saved {saved:.12g} is below the bound {most:.12g}")


def _words(replay: Replay) -> str:
    return KINDS[replay.plan.request.objective]
