"""Plain tables for terminals and pipes: no frames, no markup read from names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
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
        rows = [[plain(cell) for cell in row] for row in self._rows]
        widths = [
            max(map(cell_len, (column.heading, *cells))) for column, *cells in zip(self._columns, *rows, strict=True)
        ]
        gap = 2
        while True:
            columns = [self._columns[i] for i in shown]
            kept = [[row[i] for i in shown] for row in rows]
            if sum(widths[i] for i in shown) + gap * (len(shown) - 1) <= options.max_width:
                yield _in_lines(columns, kept, [widths[i] for i in shown], gap)
                return
            if not optional:
                yield plain_table(columns, kept, gap)
                return
            if gap > 1:
                gap = 1
            else:
                shown.remove(optional.pop())


def _in_lines(columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], gap: int) -> Text:
    """Return a table that needs no folding; much quicker than a table that could fold."""
    right = [column.justify == "right" for column in columns]
    text = Text(no_wrap=True, overflow="ignore")
    for number, row in enumerate(([column.heading for column in columns], *rows)):
        cells = [
            " " * (width - cell_len(cell)) + cell if to_right else cell + " " * (width - cell_len(cell))
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ]
        text.append("\n" if number else "")
        text.append((" " * gap).join(cells).rstrip(), style="" if number else "bold")
    return text


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
