"""Measures the grid: one migration at a time, a line a measurement, going on where it was stopped."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.lab import records
from tests.lab.grid import Cell
from tests.lab.guest import build
from tests.lab.migrate import migrate
from tests.lab.records import Record

TRIES = 3
"""How often a measurement is made again when something else disturbed it."""


def left(cells: Iterable[Cell], done: Iterable[Record]) -> Iterator[tuple[Cell, int]]:
    """The measurements that are not made yet: first one of each cell, then the repeats."""
    made, tried = Counter[str](), Counter[str]()
    for record in done:
        made[record.cell] += not record.disturbed
        tried[record.cell] += 1
    wanted = [
        (repeat, index, cell)
        for index, cell in enumerate(cells)
        for repeat in range(made[cell.name], cell.repeats)
        if tried[cell.name] < cell.repeats * TRIES
    ]
    for repeat, _, cell in sorted(wanted, key=lambda one: one[:2]):
        yield cell, repeat


def measure(cells: list[Cell], path: Path) -> Iterator[Record]:
    """Make the measurements that `path` does not hold, append each to it and yield it.

    A measurement that was disturbed is kept, marked as such, and made again.
    """
    with tempfile.TemporaryDirectory(prefix="evac-lab-") as folder:
        image = build(Path(folder))
        for cell, repeat in left(cells, records.read(path)):
            for _ in range(TRIES):
                record = Record.of(cell, repeat, migrate(cell.task, image))
                records.write(record, path)
                yield record
                if not record.disturbed:
                    break
