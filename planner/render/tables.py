"""Plain tables for terminals and pipes: no frames, no markup read from names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from planner.render.words import plain


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, how its cells stand, and whether it may be left out where there is no room."""

    heading: str
    justify: Literal["left", "right"] = "left"
    optional: bool = False


class Fitting:
    """A table that leaves out optional columns, the last first, until it fits."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        self._columns, self._rows = columns, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = list(range(len(self._columns)))
        optional = [i for i in shown if self._columns[i].optional]
        gap = 2
        while True:
            rows = [[row[i] for i in shown] for row in self._rows]
            table = plain_table([self._columns[i] for i in shown], rows, gap)
            needed = console.measure(table, options=options.update(max_width=100_000)).maximum
            if needed <= options.max_width or not optional:
                yield table
                return
            if gap > 1:
                gap = 1
            else:
                shown.remove(optional.pop())


def plain_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], gap: int = 2) -> Table:
    """Return a table without frames; cells are taken literally."""
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(Text(column.heading), justify=column.justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    return table


def folded(line: str) -> RenderableType:
    """Return a line that is folded where it is too long; an item of a list keeps its indent."""
    if not line.startswith("- "):
        return Text(plain(line))
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row(Text("-"), Text(plain(line[2:])))
    return grid


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Return what stands as ``name  value`` lines."""
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(plain(value)))
    return table
