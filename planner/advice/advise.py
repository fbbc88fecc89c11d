"""What is said beside a yes or a no: what the no needs, how much time it takes, what would help."""

from __future__ import annotations

from planner.advice.changes import staying
from planner.advice.choices import choices
from planner.advice.conflict import smallest_conflict
from planner.advice.deadline import smallest_deadline
from planner.advice.oracle import Oracle, Verdict, verdict_of
from planner.inventory.models import Inventory
from planner.optimize.clock import Clock
from planner.optimize.room_problem import unhindered
from planner.plan.advice import Advice, Choice, Conflict, MemberKind
from planner.plan.models import Plan
from planner.plan.progress import Progress, ProgressSink

SHARE_OF_CONFLICT = 0.4
SHARE_OF_DEADLINE = 0.4
"""Shares of the time left that the conflict and the smallest deadline may take, one after the other [1]."""
SHARE_OF_QUESTION = 0.25
"""Share of the whole time that one question may take [1]."""


def advise(
    inventory: Inventory, plan: Plan, *, seed: int = 0, limit_s: float, progress: ProgressSink | None = None
) -> Advice:
    """Return what is known beside an answer.

    Parameters
    ----------
    inventory
        The inventory that the answer is for.
    plan
        The answer: a plan, a no with its reasons, or neither.
    seed
        Seed of all random choices.
    limit_s
        Wall time that it may take [s].
    progress
        Is told how it goes.
    """
    clock = Clock(limit_s)

    def oracle(share: float) -> Oracle:
        return Oracle(clock.part(share), seed, SHARE_OF_QUESTION * limit_s)

    def tell(phase: str) -> None:
        if progress is not None:
            progress(Progress(phase, clock.elapsed_s))

    request, verdict = plan.request, verdict_of(plan)
    conflict = None
    if verdict is Verdict.NO:
        tell("looking for the smallest conflict")
        conflict = _conflict(inventory, plan, oracle(SHARE_OF_CONFLICT))
    tell("looking for the smallest deadline")
    known = plan if verdict is Verdict.YES else None
    impossible_s = request.deadline_s if verdict is Verdict.NO else 0.0
    deadline, quickest = smallest_deadline(
        inventory, request, oracle(SHARE_OF_DEADLINE), impossible_s=impossible_s, known=known
    )
    found: tuple[Choice, ...] = ()
    if verdict is not Verdict.YES:
        tell("looking for what would help")
        found = choices(inventory, request, conflict, quickest, oracle(1.0))
    return Advice(conflict=conflict, smallest_deadline=deadline, choices=found, seconds=round(clock.elapsed_s, 3))


def _conflict(inventory: Inventory, plan: Plan, oracle: Oracle) -> Conflict:
    """Return the conflict behind a no.

    Where VMs of other hosts could make room, it is best told of the cluster without them, since then no room helps.
    Where there is a plan for that, it is told of the cluster as it stands, with room being made; or, where all ways of
    making room had to be ruled out one by one, with the others staying.
    """
    assert plan.infeasibility is not None
    request = plan.request.model_copy(update={"objective": "downtime"})
    reasons = plan.infeasibility.reasons
    if request.make_room == "never":
        return smallest_conflict(inventory, request, reasons, oracle)
    still = staying(request)
    emptier = unhindered(inventory, request.evacuate)
    if oracle.ask(emptier, still)[0] is Verdict.NO:
        found = smallest_conflict(emptier, still, reasons, oracle)
        matters = any(member.kind in (MemberKind.MEMORY, MemberKind.VCPUS, MemberKind.RULE) for member in found.members)
        return found.model_copy(update={"others": "gone" if matters else ""})
    if plan.infeasibility.proof != "no-room":
        return smallest_conflict(inventory, request, reasons, oracle)
    return smallest_conflict(inventory, still, reasons, oracle).model_copy(update={"others": "stay"})
