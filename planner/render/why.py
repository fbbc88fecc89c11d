"""Why a plan is as it is, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from planner.plan.models import Aim, Plan
from planner.plan.why import Costly, Load, Start, Why, WhyMove
from planner.render.clock import Clock
from planner.render.tables import Column, Fitting, folded, pairs
from planner.render.why_vm import why_move_parts, why_stay_line
from planner.render.why_words import blocked_words, longer_words, resource_words, waited_words, way_words, when
from planner.render.words import finish_sentence, how_words, listing, percent, plain, plural, status_sentence
from planner.units import format_duration

MOST_NEXT = 3
"""Resources that are told of beside the bottleneck [count]."""
MOST_LINKS = 12
"""Moves of the critical chain that are shown, the last ones [count]."""


def why_text(why: Why) -> RenderableType:
    """Return why a plan is as it is, or why some VMs move as they do."""
    clock = Clock(why.plan.request.start_clock)
    parts: list[RenderableType] = []
    if why.asked:
        for one in why.asked:
            parts += [Text()] if parts else []
            parts += (
                why_move_parts(one, why.plan, clock) if isinstance(one, WhyMove) else [folded(why_stay_line(one, why))]
            )
        return Group(*parts)
    parts += [_title(why.plan), Text(), pairs(_summary(why))]
    parts += [Text(), Text("What decides the end", style="bold"), *_chain(why, clock)]
    if why.costly:
        parts += [Text(), Text("Most of the downtime", style="bold"), *map(folded, _costly_lines(why, clock))]
    parts += [Text(), *_moves(why, clock)]
    return Group(*parts)


def why_json(why: Why) -> str:
    """Return the same for programs, units in the names; the times are from the start of the plan."""
    document = {
        "status": why.plan.status,
        "loads": [asdict(load) for load in why.loads],
        "chain": [asdict(link) for link in why.chain],
        "costly": [asdict(one) for one in why.costly],
        "starts": [{"vm": why.plan.moves[number].vm} | asdict(start) for number, start in why.starts.items()],
        "asked": [{"moves": isinstance(one, WhyMove)} | asdict(one) for one in why.asked],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _title(plan: Plan) -> Text:
    text = f"{plan.inventory.name}: why the plan to evacuate {listing(plan.request.evacuate)} is as it is"
    return Text(plain(text), style="bold")


def _summary(why: Why) -> Iterator[tuple[str, str]]:
    if why.loads:
        first = why.loads[0]
        users = ", ".join(f"{use.vm} ({percent(use.share)})" for use in first.users[:MOST_NEXT])
        yield (
            "Bottleneck",
            f"{resource_words(first.resource)}: used {_rounded(first.until_deadline)} of what there is until the"
            f" deadline, {_rounded(first.until_finish)} until the last move ends; by {plural(first.moves, 'move')},"
            f" most by {users}",
        )
        for load in why.loads[1 : MOST_NEXT + 1]:
            yield "Next", _load_words(load)
    yield "Finish", finish_sentence(why.plan)
    yield "Status", status_sentence(why.plan)


def _load_words(load: Load) -> str:
    return f"{resource_words(load.resource)}: {_rounded(load.until_deadline)} until the deadline"


def _rounded(share: float) -> str:
    """Return a share as a percentage; less than all of it is never told as 100%."""
    return "over 99%" if 0.995 <= share < 1 - 1e-6 else percent(min(share, 1.0))


def _chain(why: Why, clock: Clock) -> list[RenderableType]:
    shown = why.chain[-MOST_LINKS:]
    rows = []
    for place, link in enumerate(shown):
        waited = waited_words(link.waited_for) if link.waited_for else "nothing: it starts at once"
        if link.slack_s:
            waited = f"nothing: it could start {format_duration(link.slack_s)} sooner"
        rows.append([when(clock, link.start_s), link.vm, when(clock, link.end_s), waited])
        if place == 0 and len(shown) < len(why.chain):
            rows[-1][-1] += f" (after {plural(len(why.chain) - len(shown), 'more move')})"
    columns = [Column("start"), Column("VM"), Column("end"), Column("waited for")]
    return [Fitting(columns, rows)]


def _costly_lines(why: Why, clock: Clock) -> Iterator[str]:
    for one in why.costly:
        yield f"- {one.vm}: {format_duration(one.downtime_s)}, {_rounded(one.share)} of the weighted downtime, by" + (
            f" {how_words(one.approach, one.switch_point)}. {_no_less(one, clock, why.plan.request.objective)}"
        )


def _no_less(one: Costly, clock: Clock, aim: Aim) -> str:
    """Return why a VM does not have less downtime, in a sentence."""
    other = one.cheaper
    if other is None or other.downtime_s is None or other.time_s is None:
        return "No way to its target that it may use has less."
    longer_s = other.time_s - one.time_s
    text = f"{way_words(other)} has {format_duration(other.downtime_s)} {longer_words(longer_s)}"
    text = text[0].upper() + text[1:]
    if other.start_s is not None:
        fits = f"{text}, and would fit at {when(clock, other.start_s)}, all else as it is"
        return f"{fits}: the plan is not the best there is." if aim == "downtime" else f"{fits}; the {aim} comes first."
    if one.load is not None and one.needed_s > one.free_s:
        return (
            f"{text}: {format_duration(one.needed_s)} more of {resource_words(one.load.resource)}, of which"
            f" {format_duration(one.free_s)} are free until the deadline."
        )
    reason = blocked_words(other.blocked[0], clock) if other.blocked else "something is in the way at every start"
    often = "" if other.everywhere else ", or something else at other starts"
    return f"{text}, and fits at no start beside the others: {reason}{often}."


def _moves(why: Why, clock: Clock) -> list[RenderableType]:
    columns = [
        Column("#", "right"),
        Column("start"),
        Column("VM"),
        Column("to"),
        Column("approach"),
        Column("downtime", "right", optional=True),
        Column("starts then because"),
    ]
    rows = []
    for place, (number, start) in enumerate(why.starts.items(), start=1):
        move = why.plan.moves[number]
        rows.append(
            [
                str(place),
                when(clock, move.start_s),
                move.vm,
                move.target,
                how_words(move.approach, move.switch_point),
                format_duration(move.downtime_s),
                _because(start, clock),
            ]
        )
    left = len(why.plan.moves) - len(rows)
    more = [Text(f"... and {plural(left, 'more move')}: evac explain --vm NAME tells of each.")] if left else []
    return [Fitting(columns, rows), *more]


def _because(start: Start, clock: Clock) -> str:
    if start.tried_s is None:
        return "it starts at once"
    if start.sooner_s is not None:
        return f"no need: it could start at {when(clock, start.sooner_s)}"
    return "; ".join(waited_words(blocked) for blocked in start.blocked[:2])
