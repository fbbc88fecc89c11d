"""Plain tables for terminals and pipes: no frames, no markup read from names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.table import Table
from rich.text import Text

from planner.render.words import plain


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading and how its cells stand."""

    heading: str
    justify: Literal["left", "right"] = "left"


def plain_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Table:
    """Return a table without frames; cells are taken literally."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(Text(column.heading), justify=column.justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Return what stands as ``name  value`` lines."""
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(plain(value)))
    return table
