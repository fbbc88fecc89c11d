"""What a triage says to people: why not all VMs leave, who is shut down when and why, who is left."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from planner.plan.models import Plan, Why, WhyKind
from planner.render.clock import Clock
from planner.render.reasons import describe
from planner.render.tables import Column, Fitting
from planner.render.words import listing, plain, plural
from planner.units import format_duration

_SHOWN = 3
"""Reasons told why not all can leave [count]."""


def why_words(why: Why, saved: float | None = None) -> str:
    """Return why a VM does not move, or is not shut down either, in a few words.

    Parameters
    ----------
    saved
        Weight that the plan saves, where it is known [1].
    """
    match why.kind:
        case WhyKind.PINNED:
            return "pinned: it may not move"
        case WhyKind.NOWHERE:
            return "no host may take it"
        case WhyKind.TOO_SLOW:
            return "no move of it ends in time"
        case WhyKind.OUTWEIGHED:
            return _outweighed(why.most_weight, saved)
        case WhyKind.SHUTDOWN_TOO_LONG:
            return f"its shutdown may take {_time(why.needed_s)}, and there are {_time(why.available_s)}"
        case WhyKind.BEHIND_LATE:
            there = f"{_time(why.available_s)} then" if why.available_s else "no time"
            return f"must wait for {listing(why.vms, 3)}; {there} for the {_time(why.needed_s)} that it may take"


def _outweighed(most: float | None, saved: float | None) -> str:
    if most is None or saved is None or most > saved * (1 + 1e-9):
        return "no time or room was found beside the others"
    if most >= saved * (1 - 1e-9):
        return "no time or room beside the others; in another's place no more weight is saved"
    return f"outweighed: with it at most {most:.6g} of weight is saved"


def _time(seconds: float | None) -> str:
    return format_duration(seconds or 0.0)


def not_all_lines(plan: Plan) -> Iterator[str]:
    """Yield why not all VMs can leave, a line each."""
    if plan.infeasibility is None:
        yield "No plan was found in which all VMs leave in time, nor a proof that there is none."
        return
    reasons = plan.infeasibility.reasons
    yield "Not all VMs can leave in time:"
    for reason in reasons[:_SHOWN]:
        yield f"- {describe(reason).what}"
    if len(reasons) > _SHOWN:
        yield f"- and {plural(len(reasons) - _SHOWN, 'more reason')}; --format json lists them all."


def stayers(plan: Plan) -> Iterator[tuple[str, RenderableType]]:
    """Yield the tables of the VMs that are shut down and of those that are left, each with what stands above it."""
    clock = Clock(plan.request.start_clock)
    when = clock.offset if plan.request.start_clock is None else clock.time_of_day
    saved = plan.objective.saved_weight if plan.objective is not None else None
    if plan.shutdowns:
        columns = [
            Column("start"),
            Column("VM"),
            Column("on", optional=True),
            Column("weight", "right"),
            Column("down by"),
            Column("why it does not move"),
        ]
        rows = [
            [when(one.start_s), one.vm, one.host, f"{one.weight:g}", when(one.end_s), why_words(one.why, saved)]
            for one in sorted(plan.shutdowns, key=lambda one: one.start_s)
        ]
        yield "Shut down:", Fitting(columns, rows)
    if plan.left:
        columns = [
            Column("VM"),
            Column("on", optional=True),
            Column("weight", "right"),
            Column("why it is not shut down"),
            Column("why it does not move", optional=True),
        ]
        rows = [
            [one.vm, one.host, f"{one.weight:g}", why_words(one.why), why_words(one.unmoved, saved)]
            for one in plan.left
        ]
        yield "LEFT RUNNING, with no time to shut them down cleanly:", Fitting(columns, rows)


def triage_totals(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield what a triage comes to: counts and weights."""
    if not plan.triaged:
        return
    yield "Shut down", plural(len(plan.shutdowns), "VM")
    if plan.left:
        yield "Left", plain(f"{plural(len(plan.left), 'VM')}: {listing([one.vm for one in plan.left])}")
    objective = plan.objective
    if objective is not None and objective.saved_weight is not None and objective.total_weight is not None:
        most = objective.upper_bound_saved_weight
        yield "Weight saved", weight_words(objective.saved_weight, objective.total_weight, most)


def weight_words(saved: float, total: float, most: float | None) -> str:
    """Return the weight that is saved, of how much, and how much could be."""
    bound = f"; no plan saves more than {most:.6g}" if most is not None else ""
    return f"{saved:.6g} of {total:.6g}{bound}"
