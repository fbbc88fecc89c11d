"""A plan for people: the table of moves, the totals, and what the status means."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from planner.plan.models import Aim, Objective, Plan, Status
from planner.render.answer import answer_lines
from planner.render.clock import Clock
from planner.render.odds import odds_lines
from planner.render.room import price_words, room_notes, vms_moved
from planner.render.tables import Column, Fitting, folded, pairs
from planner.render.triage import not_all_lines, stayers, triage_totals
from planner.render.words import (
    finish_sentence,
    gap_percent,
    how_words,
    listing,
    plain,
    status_sentence,
    verification_sentence,
)
from planner.units import format_duration, format_rate, format_size


def plan_text(plan: Plan) -> RenderableType:
    """Return a plan as text: its moves in the order of start and its totals, or why there is none."""
    parts: list[RenderableType] = [_title(plan), Text()]
    if plan.triaged:
        parts += [*(folded(line) for line in not_all_lines(plan)), Text()]
    if plan.moves:
        parts += [_moves(plan), Text()]
    elif not plan.triaged:
        parts += [*(folded(line) for line in answer_lines(plan)), Text()]
    for heading, table in stayers(plan):
        parts += [Text(heading), table, Text()]
    parts.append(pairs(_totals(plan)))
    return Group(*parts)


def _title(plan: Plan) -> Text:
    request, clock = plan.request, Clock(plan.request.start_clock)
    text = f"{plan.inventory.name}: evacuate {listing(request.evacuate)} within {format_duration(request.deadline_s)}"
    if request.start_clock is not None:
        text += f", {clock.time_of_day(0)} to {clock.time_of_day(request.deadline_s)}"
    return Text(plain(text), style="bold")


def _moves(plan: Plan) -> RenderableType:
    clock = Clock(plan.request.start_clock)
    when = clock.offset if plan.request.start_clock is None else clock.time_of_day
    columns = [
        Column("#", "right"),
        Column("start"),
        Column("VM"),
        Column("from", optional=True),
        Column("to"),
        Column("approach"),
        Column("bandwidth", "right", optional=True),
        Column("duration", "right"),
        Column("downtime", "right"),
        Column("end", optional=True),
    ]
    notes = room_notes(plan)
    if any(notes):
        columns.append(Column("why"))
    rows = [
        [
            str(number),
            when(move.start_s),
            move.vm,
            move.source,
            move.target,
            how_words(move.approach, move.switch_point),
            format_rate(move.bandwidth_bytes_per_s),
            format_duration(move.duration_s),
            format_duration(move.downtime_s),
            when(move.end_s),
            *([notes[number - 1]] if any(notes) else []),
        ]
        for number, move in enumerate(sorted(plan.moves, key=lambda move: move.start_s), start=1)
    ]
    return Fitting(columns, rows)


def _totals(plan: Plan) -> Iterator[tuple[str, str]]:
    found = plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    if plan.moves and found:
        yield "VMs moved", vms_moved(plan)
        yield "Finish", finish_sentence(plan)
        yield "Downtime", _downtime(plan)
        if price_words(plan):
            yield "Extra moves", price_words(plan)
        yield "Data moved", format_size(sum(move.transferred_bytes for move in plan.moves))
        if plan.objective is not None:
            if plan.objective.weighted_ends_s is not None:
                yield "Ends", _ends(plan, plan.objective.weighted_ends_s)
            those = "for the VMs that leave: " if plan.triaged else ""
            yield "Lower bound", f"{those}{_bound(plan.objective, plan.request.objective)}"
    yield from triage_totals(plan)
    if plan.odds is not None:
        yield from odds_lines(plan, plan.odds)
    yield "Status", status_sentence(plan)
    if plan.moves or found:
        yield "Verified", verification_sentence(plan.verification)
    if plan.solver is not None:
        yield "Planned in", f"{format_duration(plan.solver.seconds)} by {plan.solver.name} {plan.solver.version}"


def _ends(plan: Plan, weighted_s: float) -> str:
    """Return when VMs are out in the mean, by their weights."""
    weight = sum(move.weight for move in plan.moves)
    mean = f", {format_duration(weighted_s / weight)} in the weighted mean" if weight > 0 else ""
    return f"{format_duration(weighted_s)} weighted and in all{mean}"


def _bound(objective: Objective, aim: Aim = "downtime") -> str:
    if aim != "downtime":
        bound_s = objective.sides(aim)[1]
        what = {"finish": "of finish", "ends": "of weighted ends"}[aim]
        return f"{format_duration(bound_s or 0.0)} {what}, gap {gap_percent(objective.gap)}"
    bound = format_duration(objective.lower_bound_weighted_downtime_s)
    price = " with the price of extra moves" if objective.extra_moves else ""
    text = f"{bound} of weighted downtime{price}, gap {gap_percent(objective.gap)}"
    if objective.lower_bound_finish_s is not None:
        text += f"; no plan with as little ends before {format_duration(objective.lower_bound_finish_s)}"
    return text


def _downtime(plan: Plan) -> str:
    total_s = sum(move.downtime_s for move in plan.moves)
    weighted_s = sum(move.weight * move.downtime_s for move in plan.moves)
    longest = max(plan.moves, key=lambda move: move.downtime_s)
    return (
        f"{format_duration(total_s)} in all, {format_duration(weighted_s)} weighted;"
        f" the longest {format_duration(longest.downtime_s)} ({longest.vm})"
    )
