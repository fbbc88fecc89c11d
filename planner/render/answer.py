"""The answer to: can these hosts be empty in time? Yes, no and why, or not known."""

from __future__ import annotations

import json
from collections.abc import Iterator

from planner.plan.models import Infeasibility, Plan, ReasonKind, Status
from planner.render.advice import advice_lines
from planner.render.clock import Clock
from planner.render.odds import percent_words, probability_words
from planner.render.reasons import describe
from planner.render.words import finish_sentence, listing, plain, plural, status_sentence
from planner.units import format_duration

PROOFS = {
    "certificate": "It follows from the inventory and the bandwidths on offer, before any search.",
    "relaxation": "Proof: even the integer program that leaves the order of the moves aside has no solution.",
    "exhausted": "Proof: every assignment and order was ruled out.",
    "no-room": "That holds while other VMs stay; every way to make room by moving them was tried and ruled out, too.",
}
"""What each kind of proof means, in one sentence."""

ROOM_COULD_HELP = {
    ReasonKind.NO_HOST_FITS,
    ReasonKind.SEPARATED,
    ReasonKind.SEPARATE,
    ReasonKind.TOGETHER,
}
"""Kinds of reasons that moves of other VMs could do something about."""

LONGER = "Give the planner longer with --time-limit, or the evacuation a later deadline."
"""What could be done where nothing is known."""

SURER = "Give the evacuation a later deadline, the planner longer with --time-limit, or ask for less --confidence."
"""What could be done where no plan keeps a promise."""

_SHOWN = 12


def answer_word(plan: Plan) -> str:
    """Return the answer for machines: ``yes``, ``no`` or ``unknown``."""
    match plan.status:
        case Status.OPTIMAL | Status.FEASIBLE:
            return "yes"
        case Status.INFEASIBLE:
            return "no"
        case Status.UNKNOWN:
            return "unknown"


def answer_lines(plan: Plan) -> list[str]:
    """Return the answer in words, a line each."""
    return [plain(line) for line in _lines(plan)]


def answer_json(plan: Plan) -> str:
    """Return the answer for programs: the reasons as data and in words, and the plan behind a yes."""
    reasons = plan.infeasibility.reasons if plan.infeasibility else ()
    document = {
        "answer": answer_word(plan),
        "text": answer_lines(plan)[0],
        "proof": plan.infeasibility.proof if plan.infeasibility else None,
        "reasons": [
            reason.model_dump(mode="json") | {"text": describe(reason).what, "mend": describe(reason).mend}
            for reason in reasons
        ],
        "plan": plan.model_dump(mode="json", exclude={"snapshot"}),
    }
    return json.dumps(document, indent=2)


def _lines(plan: Plan) -> Iterator[str]:
    hosts, deadline_s = listing(plan.request.evacuate), plan.request.deadline_s
    be_emptied = f"{hosts} cannot be emptied within {format_duration(deadline_s)}"
    if plan.request.start_clock is not None:
        clock = Clock(plan.request.start_clock)
        be_emptied += f", {clock.time_of_day(0)} to {clock.time_of_day(deadline_s)}"
    match plan.status:
        case Status.OPTIMAL | Status.FEASIBLE:
            yield from _yes(plan, hosts)
        case Status.INFEASIBLE:
            yield f"No: {be_emptied}."
            if plan.infeasibility is not None:
                yield from reason_lines(plan.infeasibility)
        case Status.UNKNOWN if plan.odds is not None:
            yield (
                f"Not known: {hosts} can be emptied within {format_duration(deadline_s)} if all goes by the inventory,"
                f" but no plan was found that is in time in {percent_words(plan.odds.promised)} of real nights."
            )
            yield f"The best that was found is in time in {probability_words(plan.odds)} of {plan.odds.runs:,} nights."
            yield SURER
        case Status.UNKNOWN:
            limit_s = plan.solver.time_limit_s if plan.solver else None
            limit = f" of {format_duration(limit_s)}" if limit_s is not None else ""
            yield (
                f"Not known: within the time limit{limit} neither a plan was found nor proof that"
                f" {hosts} cannot be emptied within {format_duration(deadline_s)}."
            )
            yield LONGER
    if plan.advice is not None:
        yield from advice_lines(plan.advice, plan.request)
    if plan.infeasibility is not None and not (plan.advice and plan.advice.choices):
        yield from mend_lines(plan)


def _yes(plan: Plan, hosts: str) -> Iterator[str]:
    if not plan.moves:
        yield f"Yes: nothing runs on {hosts}, there is nothing to move."
        return
    yield f"Yes: {hosts} can be empty {finish_sentence(plan)}."
    total_s = sum(move.downtime_s for move in plan.moves)
    longest = max(plan.moves, key=lambda move: move.downtime_s)
    yield (
        f"{plural(len({move.vm for move in plan.moves}), 'VM')} would move{_to_make_room(plan)}"
        f" with {format_duration(total_s)} of downtime in all,"
        f" at most {format_duration(longest.downtime_s)} each ({longest.vm})."
    )
    if plan.verification is not None and plan.verification.ok:
        yield f"The plan behind this answer was replayed and passed {plural(len(plan.verification.checks), 'check')}."
    if plan.status is Status.OPTIMAL:
        yield f"It is {status_sentence(plan)}"
    else:
        yield "`evac plan` looks for the least downtime; this answer did not."


def _to_make_room(plan: Plan) -> str:
    """Return how many of the VMs move to make room, or nothing where none does."""
    evacuated = set(plan.request.evacuate)
    arrived = {move.vm for move in plan.moves if move.source in evacuated}
    others = {move.vm for move in plan.moves} - arrived
    return f", {len(others)} of them to make room," if others else ""


def reason_lines(infeasibility: Infeasibility) -> Iterator[str]:
    """Yield the reasons of a no and the proof."""
    reasons = infeasibility.reasons
    for prose in map(describe, reasons[:_SHOWN]):
        yield f"- {prose.what}"
    if len(reasons) > _SHOWN:
        yield f"- and {plural(len(reasons) - _SHOWN, 'more reason')}; --format json lists them all."
    if len(reasons) > 1:
        yield "Each of these alone is enough for the no."
    yield PROOFS[infeasibility.proof]


def mend_lines(plan: Plan) -> Iterator[str]:
    """Yield what could be done about the reasons of a no, as far as it can be told without trying."""
    if plan.infeasibility is None:
        return
    reasons = plan.infeasibility.reasons
    yield "What could be done:"
    for mend in dict.fromkeys(describe(reason).mend for reason in reasons[:_SHOWN]):
        yield f"- {mend}"
    if plan.advice is None:
        if plan.request.make_room == "never" and ROOM_COULD_HELP.intersection(reason.kind for reason in reasons):
            yield "- Let VMs of other hosts move to make room: --make-room auto."
        yield "- Ask `evac check` what would help: it names changes that a verified plan backs."
