"""What each approach would cost each VM, as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from planner.predict.table import PredictionRow
from planner.render.tables import Column, Fitting
from planner.render.words import APPROACH_WORDS, percent, plain
from planner.units import format_duration, format_rate, format_size

_COLUMNS = (
    Column("VM"),
    Column("bandwidth", "right"),
    Column("approach"),
    Column("time", "right"),
    Column("downtime", "right"),
    Column("data", "right", optional=True),
    Column("pre-copied", "right", optional=True),
    Column("passes", "right", optional=True),
    Column("allowed"),
)


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
    return Group(
        Fitting(_COLUMNS, cells),
        Text(),
        Text("Times are the model's at that bandwidth; pre-copied is the share of the image sent before the switch."),
        *(Text(plain(f"({number}) {reason}")) for number, reason in enumerate(reasons, start=1)),
    )


def predictions_json(rows: Sequence[PredictionRow]) -> str:
    """Return predictions for programs, units in the names."""
    return json.dumps([asdict(row) for row in rows], indent=2)


def _cells(row: PredictionRow) -> list[str]:
    approach = APPROACH_WORDS[row.approach]
    if row.time_s is None or row.downtime_s is None or row.transferred_bytes is None or row.precopy_share is None:
        return [approach, "-", "-", "-", "-", "-"]
    return [
        approach,
        format_duration(row.time_s),
        format_duration(row.downtime_s),
        format_size(row.transferred_bytes),
        percent(row.precopy_share),
        str(row.passes + 1) if row.precopy_share > 0 else "-",
    ]
