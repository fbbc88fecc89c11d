"""Single changes with which there would be a plan, each backed by a plan that was made and verified.

Where a change has a size, the smallest that works is looked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from planner.advice.changes import staying
from planner.advice.oracle import Oracle, Verdict
from planner.advice.trials import Trial, trials
from planner.inventory.models import Inventory
from planner.optimize.search import EXACT_MOVERS
from planner.plan.advice import Choice, ChoiceKind, Conflict
from planner.plan.models import Plan, Request, Status

SHARE_OF_TRIAGE = 0.35
"""Share of the time that is kept for a triage [1]."""


def choices(
    inventory: Inventory, request: Request, conflict: Conflict | None, quickest: Plan | None, oracle: Oracle
) -> tuple[Choice, ...]:
    """Return the changes that help, those that ask for least first.

    Parameters
    ----------
    inventory, request
        What there is no plan for.
    conflict
        What cannot all be had; without it all kinds of changes are tried that need no names.
    quickest
        The plan with the smallest deadline that was found.
    oracle
        Is asked for its time.
    """
    found: list[Choice] = []
    if quickest is not None and quickest.objective is not None:
        # What can be written on a command line: whole seconds.
        deadline_s = float(math.ceil(quickest.objective.finish_s))
        longer = request.model_copy(update={"deadline_s": deadline_s})
        plan = _better(quickest, inventory, longer, oracle)
        found.append(_choice(ChoiceKind.MORE_TIME, plan, amount=deadline_s, unit="s"))
    for trial in trials(inventory, request, conflict):
        if oracle.clock.left_s <= SHARE_OF_TRIAGE * oracle.clock.limit_s:
            break
        choice = _smallest(trial, oracle)
        if choice is not None:
            found.append(choice)
    lightest = _lightest(inventory, request, found, oracle)
    if lightest is not None:
        found.append(lightest)
    if quickest is not None and found and found[0].kind is ChoiceKind.MORE_TIME and not found[0].optimal:
        # The quickest plan is a dear one; with what time is left, one that costs less is looked for.
        found[0] = _cheaper(found[0], inventory, request, oracle)
    order = list(ChoiceKind)
    return tuple(sorted(found, key=lambda choice: order.index(choice.kind)))


def _choice(kind: ChoiceKind, plan: Plan, **says: Any) -> Choice:
    """Return a choice that a plan backs. Where VMs stay, the plan is called optimal among those in which they do."""
    assert plan.objective is not None
    optimal = plan.status is Status.OPTIMAL and plan.request.objective == "downtime" and not plan.triaged
    checks = 0 if plan.verification is None else len(plan.verification.checks)
    return Choice(
        kind=kind,
        finish_s=plan.objective.finish_s,
        weighted_downtime_s=plan.objective.weighted_downtime_s,
        optimal=optimal,
        checks=checks,
        **says,
    )


def _smallest(trial: Trial, oracle: Oracle) -> Choice | None:
    """Return the smallest size of a change that helps, or None where not even the largest does."""
    plans: dict[int, Plan] = {}

    def helps(place: int) -> bool:
        verdict, plan = oracle.ask(*trial.cases[place][0]())
        if verdict is Verdict.YES:
            plans[place] = plan
        return verdict is Verdict.YES

    low, high = -1, len(trial.cases) - 1
    if high < 0 or not helps(high):
        return None
    while high - low > 1 and not oracle.clock.expired:
        middle = (low + high) // 2
        if helps(middle):
            high = middle
        else:
            low = middle
    case, says = trial.cases[high]
    return _choice(trial.kind, _better(plans[high], *case(), oracle), **says)


def _better(plan: Plan, inventory: Inventory, request: Request, oracle: Oracle) -> Plan:
    """Return the best plan with a change where few VMs move and none makes room, which takes no time; else any."""
    extra = plan.objective is not None and plan.objective.extra_moves > 0
    if extra or sum(vm.host in request.evacuate for vm in inventory.vms) > EXACT_MOVERS:
        return plan
    verdict, best = oracle.ask(inventory, staying(request), best=True)
    return best if verdict is Verdict.YES else plan


def _cheaper(choice: Choice, inventory: Inventory, request: Request, oracle: Oracle) -> Choice:
    """Return the choice of more time with a plan that has less downtime, where one is found in the time left."""
    if oracle.clock.expired or choice.amount is None:
        return choice
    longer = staying(request).model_copy(update={"deadline_s": choice.amount})
    verdict, plan = oracle.ask(inventory, longer, best=True)
    if verdict is not Verdict.YES or plan.objective is None:
        return choice
    if plan.objective.weighted_downtime_s >= choice.weighted_downtime_s:
        return choice
    return _choice(ChoiceKind.MORE_TIME, plan, amount=choice.amount, unit="s")


def _lightest(inventory: Inventory, request: Request, found: Sequence[Choice], oracle: Oracle) -> Choice | None:
    """Return the VMs that weigh least together and without which all others leave in time, by a triage.

    None where the triage found none in time, or none that is not among the choices already.
    """
    if oracle.clock.expired:
        return None
    triage = request.model_copy(update={"if_infeasible": "triage"})
    verdict, plan = oracle.ask(inventory, triage)
    names = (*(down.vm for down in plan.shutdowns), *(left.vm for left in plan.left))
    known = {frozenset(choice.vms) for choice in found if choice.kind is ChoiceKind.LEAVE_VMS}
    if verdict is not Verdict.YES or not plan.moves or not names or frozenset(names) in known:
        return None
    return _choice(ChoiceKind.LEAVE_VMS, plan, vms=names)
