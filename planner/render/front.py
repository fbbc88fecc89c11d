"""The ways to move a VM that no other is as good as, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from planner.inventory.models import Approach
from planner.predict.front import Front, FrontPoint
from planner.render.tables import Column, Fitting
from planner.render.words import APPROACH_WORDS, after_passes, percent, plain
from planner.units import format_duration, format_rate, format_size

_COLUMNS = (
    Column("VM"),
    Column("bandwidth", "right", optional=True),
    Column("approach"),
    Column("switch to post-copy"),
    Column("time", "right"),
    Column("downtime", "right"),
    Column("blackout", "right", optional=True),
    Column("stall", "right"),
    Column("slowed", "right"),
    Column("data", "right", optional=True),
)
_SLOWED = 8


def front_text(fronts: Sequence[Front]) -> RenderableType:
    """Return the fronts as a table: what plans may use, and the paper's share beside it."""
    if not fronts:
        return Text("The inventory has no VMs.")
    rows: list[list[str]] = []
    slowed = any(point.slowed_s for front in fronts for point in front.points)
    for front in fronts:
        shown = shown_points(front)
        for i, point in enumerate(shown):
            head = [front.vm, format_rate(front.rate_bytes_per_s)] if i == 0 else ["", ""]
            rows.append([*head, *_cells(point)])
        if not shown:
            rows.append([front.vm, format_rate(front.rate_bytes_per_s), "none", *["-"] * (len(_COLUMNS) - 3)])
    kept = [i for i in range(len(_COLUMNS)) if slowed or i != _SLOWED]
    return Group(
        Fitting([_COLUMNS[i] for i in kept], [[row[i] for i in kept] for row in rows]),
        Text(),
        *(Text(line) for line in _notes(fronts, slowed=slowed)),
    )


def front_json(fronts: Sequence[Front]) -> str:
    """Return the fronts for programs, units in the names: all points that are not beaten, and the paper's share."""
    return json.dumps(
        [
            {
                "vm": front.vm,
                "rate_bytes_per_s": front.rate_bytes_per_s,
                "points": [asdict(point) for point in front.points if point.paper_share or not point.beaten],
            }
            for front in fronts
        ],
        indent=2,
    )


def shown_points(front: Front) -> list[FrontPoint]:
    """Return the points that people are shown: those of the front that plans may use, and the paper's share."""
    return [point for point in front.points if point.paper_share or (point.offered and not point.beaten)]


def switch_words(switch_point: float) -> str:
    """Return a switch point in words: ``50% of the first pass``, ``after 2 passes``."""
    if switch_point < 1:
        return f"{percent(switch_point)} of the first pass"
    return after_passes(switch_point)


def _cells(point: FrontPoint) -> list[str]:
    switch = ""
    if point.approach is Approach.HYBRID and point.switch_point is not None:
        share = f"paper's share, {percent(point.switch_point)}{', beaten' if point.beaten else ''}"
        switch = share if point.paper_share else switch_words(point.switch_point)
    seconds = (point.time_s, point.downtime_s, point.blackout_s, point.stall_s, point.slowed_s)
    approach = APPROACH_WORDS[point.approach]
    return [plain(approach), switch, *map(format_duration, seconds), format_size(point.transferred_bytes)]


def _notes(fronts: Sequence[Front], *, slowed: bool) -> list[str]:
    notes = ["From quick to gentle: what is not here is slower than something here, for next to no less downtime."]
    takes = ", slowed the vCPU time that auto-converge takes" if slowed else ""
    notes.append(
        f"Blackout is the part of the downtime in which the VM stands still, stall that in which it waits{takes}."
    )
    points = [point for front in fronts for point in front.points]
    if any(point.paper_share and not point.offered for point in points):
        notes.append("The paper's share w/(r+w) is for comparison; plans have it with settings.hybrid_switch: paper.")
    if any(not point.offered and not point.paper_share for point in points):
        notes.append("Switch points between these: --format json, --plot FILE.svg.")
    return notes
