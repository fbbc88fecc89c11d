"""What each approach would cost each VM, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from planner.inventory.models import Approach
from planner.predict.protocol import Outside
from planner.predict.remedy import Remedy
from planner.predict.table import PredictionRow
from planner.render.tables import Column, Fitting
from planner.render.words import APPROACH_WORDS, percent, plain, plural
from planner.units import format_duration, format_rate, format_size

_COLUMNS = (
    Column("VM"),
    Column("bandwidth", "right"),
    Column("approach"),
    Column("time", "right"),
    Column("downtime", "right"),
    Column("blackout", "right", optional=True),
    Column("stall", "right", optional=True),
    Column("slowed", "right", optional=True),
    Column("data", "right", optional=True),
    Column("pre-copied", "right", optional=True),
    Column("passes", "right", optional=True),
    Column("allowed"),
)


_PARTS = {"blackout": 5, "stall": 6, "slowed": 7}
_MOST_REMEDIES = 10
"""VMs for which the text says what would make them converge; all of them are in the JSON [count]."""


def predictions_text(rows: Sequence[PredictionRow]) -> RenderableType:
    """Return predictions as a table, the VM and bandwidth only in the first line of each VM; reasons stand below."""
    if not rows:
        return Text("The inventory has no VMs.")
    reasons = list(dict.fromkeys(row.reason for row in rows if not row.allowed))
    cells: list[list[str]] = []
    for (vm, rate), group in groupby(rows, key=lambda row: (row.vm, row.rate_bytes_per_s)):
        for i, row in enumerate(group):
            head = [vm, format_rate(rate)] if i == 0 else ["", ""]
            allowed = "yes" if row.allowed else f"no ({reasons.index(row.reason) + 1})"
            cells.append([*head, *_cells(row), allowed])
    idle = {_PARTS["stall"]} if not any(row.stall_s for row in rows) else set()
    idle |= {_PARTS["slowed"]} if not any(row.slowed_s for row in rows) else set()
    kept = [i for i in range(len(_COLUMNS)) if i not in idle and (len(idle) < 2 or i != _PARTS["blackout"])]
    return Group(
        Fitting([_COLUMNS[i] for i in kept], [[line[i] for i in kept] for line in cells]),
        Text(),
        Text("Times are the model's at that bandwidth; pre-copied is the share of the image sent before the switch."),
        *(Text(plain(f"({number}) {reason}")) for number, reason in enumerate(reasons, start=1)),
        *(Text(plain(line)) for line in _remedy_lines(rows)),
    )


def predictions_json(rows: Sequence[PredictionRow]) -> str:
    """Return predictions for programs, units in the names."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def _cells(row: PredictionRow) -> list[str]:
    approach = APPROACH_WORDS[row.approach]
    if row.time_s is None or row.transferred_bytes is None or row.precopy_share is None:
        return [approach, *["-"] * 8]
    seconds = (row.time_s, row.downtime_s, row.blackout_s, row.stall_s, row.slowed_s)
    return [
        approach,
        *("-" if value is None else format_duration(value) for value in seconds),
        format_size(row.transferred_bytes),
        percent(row.precopy_share),
        str(row.passes + 1) if row.precopy_share > 0 else "-",
    ]


def _remedy_lines(rows: Sequence[PredictionRow]) -> list[str]:
    """Return for each VM whose pre-copy does not converge what would make it."""
    reason = Outside.WRITES_OUTRUN_LINK.reason
    never = [row for row in rows if row.approach is Approach.PRECOPY and row.reason == reason]
    lines = [
        f"{row.vm} at {format_rate(row.rate_bytes_per_s)}: {_remedy(row.remedy)}"
        for row in never[:_MOST_REMEDIES]
        if row.remedy is not None
    ]
    more = len(never) - len(lines)
    return [*lines, f"... and {plural(more, 'more VM')}: see --vm, or --format json."] if more else lines


def _remedy(remedy: Remedy) -> str:
    stops = f"the {format_size(remedy.stops_at_bytes)} with which the VM is stopped"
    left = f"the passes of pre-copy do not shrink to {stops}"
    if remedy.settles_at_bytes is not None:
        left = f"pre-copy settles at {format_size(remedy.settles_at_bytes)} left to send, above {stops}"
    helps = []
    if remedy.least_bandwidth_bytes_per_s is not None:
        helps.append(f"from {format_rate(remedy.least_bandwidth_bytes_per_s)} on")
    if remedy.least_downtime_limit_s is not None:
        helps.append(f"with a downtime limit of {format_duration(remedy.least_downtime_limit_s)}")
    if remedy.auto_converge_slowed_s is not None:
        helps.append(f"with auto_converge, which takes {format_duration(remedy.auto_converge_slowed_s)} of vCPU time")
    return f"{left}. It converges {', or '.join(helps)}." if helps else f"{left}."
