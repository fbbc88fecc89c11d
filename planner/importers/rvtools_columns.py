"""Cells of RVTools' sheets as values: sizes, counts, truths; what is none is a problem with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.errors import Problem
from planner.importers.rvtools_names import NEEDED, columns_of, plain
from planner.importers.rvtools_sheets import Formula, Row, Sheet
from planner.inventory.places import clip

MAX_MIB = 2**30
"""Largest size accepted [MiB]: one PiB; more was written in another unit."""
MAX_COUNT = 1_000_000
MAX_MBIT_PER_S = 10_000_000

_COUNT = re.compile(r"(?:[0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.0{1,6})?")
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


class Table:
    """A sheet with its columns found; problems of its cells are collected.

    Parameters
    ----------
    sheet
        The sheet, or None where the export has none of that name.
    problems
        Where problems go.
    """

    def __init__(self, name: str, sheet: Sheet | None, problems: list[Problem]) -> None:
        self._sheet, self._problems = sheet, problems
        names = columns_of(name)
        known = {} if sheet is None else sheet.columns
        self._keys = {
            ours: next((plain(theirs) for theirs in choice if plain(theirs) in known), None)
            for ours, choice in names.items()
        }
        lacking = [names[ours][0] for ours in NEEDED.get(name, ()) if self._keys[ours] is None]
        if sheet is not None and lacking:
            message = f"{name} has no column {', '.join(lacking)}"
            mend = "export the sheet with all its columns, their names in English"
            problems.append(Problem("no-column", message, mend, sheet.place(None)))

    def __iter__(self) -> Iterator[Row]:
        return iter(() if self._sheet is None else self._sheet.rows)

    def has(self, ours: str) -> bool:
        """Return whether the sheet has a column."""
        return self._keys[ours] is not None

    def text(self, row: Row, ours: str) -> str:
        """Return a cell as text; empty where there is none."""
        key = self._keys[ours]
        found = "" if key is None else row.cells.get(key, "")
        if isinstance(found, Formula):
            mend = "export it again; RVTools writes none"
            self.wrong(row, ours, "formula", f"a formula stands where a value is expected: {clip(found)}", mend)
            return ""
        return found

    def mib(self, row: Row, ours: str) -> int | None:
        """Return a cell as a size [MiB]; None where it is empty or wrong."""
        return self._whole(row, ours, MAX_MIB, "MiB")

    def count(self, row: Row, ours: str) -> int | None:
        """Return a cell as a count; None where it is empty or wrong."""
        return self._whole(row, ours, MAX_COUNT, "")

    def mbit(self, row: Row, ours: str) -> int | None:
        """Return a cell as a speed [Mbit/s]; None where it is empty or wrong."""
        return self._whole(row, ours, MAX_MBIT_PER_S, "Mbit/s")

    def _whole(self, row: Row, ours: str, most: int, unit: str) -> int | None:
        text = self.text(row, ours)
        if text == "":
            return None
        number = int(text.partition(".")[0].replace(",", "")) if _COUNT.fullmatch(text) else -1
        if 0 <= number <= most:
            return number
        kind = f"a whole number of {unit} without its unit" if unit else "a count"
        message = f"{kind} from 0 to {most} is expected, got {clip(text)!r}"
        self.wrong(row, ours, "no-number", message, "correct the cell, or export it again")
        return None

    def yes(self, row: Row, ours: str) -> bool:
        """Return whether a cell says True; an empty one says False."""
        text = self.text(row, ours)
        if text.casefold() not in _TRUE + _FALSE:
            message = f"True or False is expected, got {clip(text)!r}"
            self.wrong(row, ours, "no-truth", message, "correct the cell, or export it again")
        return text.casefold() in _TRUE

    def wrong(self, row: Row, ours: str, code: str, message: str, mend: str) -> None:
        """Note a problem of a cell."""
        assert self._sheet is not None  # there are rows
        column = self._sheet.columns.get(self._keys[ours] or "", ours)
        self._problems.append(Problem(code, message, mend, self._sheet.place(row, column)))
