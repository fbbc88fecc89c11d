"""A linear or integer program as arrays, before any solver sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from planner.optimize.problem import Bools, Floats, Ints


@dataclass
class Program:
    """Minimise cost x subject to lower <= A x <= upper and 0 <= x <= bound, some x integer.

    Rows are added in blocks of coordinates; each block has the name of its constraint family, so that a conflict
    can be told by family. Columns are fixed when the program is made.

    Parameters
    ----------
    cost
        Objective, shape (n,).
    bound
        Upper bound of each column, shape (n,).
    integer
        Which columns are integer, shape (n,).
    """

    cost: Floats
    bound: Floats
    integer: Bools
    families: list[str] = field(default_factory=list)
    keys: list[object] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    _rows: list[Ints] = field(default_factory=list)
    _columns: list[Ints] = field(default_factory=list)
    _values: list[Floats] = field(default_factory=list)

    @property
    def row_count(self) -> int:
        """Number of rows so far."""
        return len(self.lower)

    def add_row(
        self,
        family: str,
        key: object,
        columns: Ints,
        values: Floats,
        *,
        lower: float = -np.inf,
        upper: float = np.inf,
    ) -> None:
        """Add one row."""
        self._rows.append(np.full(len(columns), self.row_count, dtype=np.int64))
        self._columns.append(np.asarray(columns, dtype=np.int64))
        self._values.append(np.asarray(values, dtype=np.float64))
        self._head(family, key, lower, upper)

    def add_block(
        self,
        family: str,
        keys: list[object],
        rows: Ints,
        columns: Ints,
        values: Floats,
        *,
        lower: Floats | None = None,
        upper: Floats | None = None,
    ) -> None:
        """Add len(keys) rows at once, given as coordinates with rows counted from 0 within the block."""
        self._rows.append(rows + self.row_count)
        self._columns.append(columns)
        self._values.append(values)
        for i, key in enumerate(keys):
            self._head(
                family,
                key,
                -np.inf if lower is None else float(lower[i]),
                np.inf if upper is None else float(upper[i]),
            )

    def _head(self, family: str, key: object, lower: float, upper: float) -> None:
        self.families.append(family)
        self.keys.append(key)
        self.lower.append(lower)
        self.upper.append(upper)

    def relaxed(self, dropped: Bools, *, linear: bool) -> Program:
        """Return the program without some rows, and without integrality if `linear`; the rows keep their numbers.

        Parameters
        ----------
        dropped
            Which rows to drop, shape (rows,).
        """
        lower = np.where(dropped, -np.inf, np.array(self.lower)).tolist()
        upper = np.where(dropped, np.inf, np.array(self.upper)).tolist()
        integer = np.zeros_like(self.integer) if linear else self.integer
        return replace(self, lower=lower, upper=upper, integer=integer)

    def part(self, rows: Ints) -> Program:
        """Return the program of some rows, in their order, and of the columns in them.

        It has a solution if and only if these rows have one; its columns are numbered anew.
        """
        starts, columns, values = self.matrix()
        cells = np.concatenate([np.arange(starts[row], starts[row + 1]) for row in rows.tolist()] or [rows])
        used, column = np.unique(columns[cells], return_inverse=True)
        part = Program(self.cost[used], self.bound[used], self.integer[used])
        part.families, part.keys = [self.families[row] for row in rows], [self.keys[row] for row in rows]
        part.lower, part.upper = [self.lower[row] for row in rows], [self.upper[row] for row in rows]
        part._rows = [np.repeat(np.arange(len(rows)), np.diff(starts)[rows])]
        part._columns, part._values = [column.astype(np.int64)], [values[cells]]
        return part

    def matrix(self) -> tuple[Ints, Ints, Floats]:
        """Return the matrix by rows, columns ascending: starts, shape (rows + 1,), column indices and values.

        What was given twice for one row and column is summed.
        """
        starts = np.zeros(self.row_count + 1, dtype=np.int64)
        if not self._rows:
            return starts, np.zeros(0, dtype=np.int64), np.zeros(0)
        cells = np.concatenate(self._rows) * len(self.cost) + np.concatenate(self._columns)
        values = np.concatenate(self._values)
        order = np.argsort(cells, kind="stable")
        cells, values = cells[order], values[order]
        first = np.flatnonzero(np.diff(cells, prepend=-1))
        if len(first) < len(cells):
            cells, values = cells[first], np.add.reduceat(values, first)
        rows, columns = np.divmod(cells, max(1, len(self.cost)))
        np.cumsum(np.bincount(rows, minlength=self.row_count), out=starts[1:])
        return starts, columns, values
