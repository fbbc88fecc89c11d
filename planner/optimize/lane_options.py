"""What movers can do in the lanes of a link: their choices that fit each lane."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.optimize.options import Columns
from planner.optimize.pack import Packing
from planner.optimize.problem import Bools, Floats, Ints


@dataclass(frozen=True)
class LaneOptions:
    """What movers can do in the lanes of a link.

    Parameters
    ----------
    time_s, cost, column
        Shape (n, L, O) [s, s, index]; time and cost are inf where there is no such option.
    """

    time_s: Floats
    cost: Floats
    column: Ints

    def of(self, which: Bools) -> LaneOptions:
        """Return those of some movers, shape (n,)."""
        return LaneOptions(self.time_s[which], self.cost[which], self.column[which])

    def have(self, packing: Packing) -> bool:
        """Return whether the movers have the options that a packing gives them."""
        n, lanes, options = self.time_s.shape
        if len(packing.lane) != n or packing.lane.max(initial=0) >= lanes or packing.option.max(initial=0) >= options:
            return False
        return bool(np.isfinite(self.time_s[np.arange(n), packing.lane, packing.option]).all())


class LaneMenu:
    """Knows what fits a lane.

    Parameters
    ----------
    columns
        All choices.
    weight
        Weight of the downtime of each mover, shape (M,) [1].
    """

    def __init__(self, columns: Columns, weight: Floats) -> None:
        self._columns = columns
        self._weight = weight

    def options(self, choice: Ints, rates: list[float], settled: Bools) -> LaneOptions:
        """Return what some movers can do in the lanes of a link; what is settled keeps its choice.

        Parameters
        ----------
        choice, settled
            Column of each mover, and whether it is settled, shape (n,).
        rates
            Of the lanes [bytes/s].
        """
        columns, block = self._columns, self._blocks
        rows: list[list[list[int]]] = []
        for k, fixed in zip(choice.tolist(), settled.tolist(), strict=True):
            here = [k] if fixed else block[int(columns.mover[k]), int(columns.klass[k])]
            rows.append([self._undominated(here, rate) for rate in rates])
        most = max(len(options) for row in rows for options in row)
        column = np.array([[options + [-1] * (most - len(options)) for options in row] for row in rows], dtype=np.int64)
        none = column < 0
        cost = self._weight[columns.mover[column]] * columns.downtime_s[column]
        return LaneOptions(np.where(none, np.inf, columns.time_s[column]), np.where(none, np.inf, cost), column)

    @cached_property
    def _blocks(self) -> dict[tuple[int, int], list[int]]:
        """The columns of each mover and class."""
        blocks: dict[tuple[int, int], list[int]] = {}
        for k, key in enumerate(zip(self._columns.mover.tolist(), self._columns.klass.tolist(), strict=True)):
            blocks.setdefault(key, []).append(k)
        return blocks

    def _undominated(self, here: list[int], rate: float) -> list[int]:
        """Return the columns that a lane of a rate can take, less those that another is as good as."""
        columns = self._columns
        fitting = [k for k in here if columns.rate[k] <= rate * (1 + 1e-9)]
        fitting.sort(key=lambda k: (columns.time_s[k], columns.downtime_s[k]))
        kept: list[int] = []
        for k in fitting:
            if not kept or columns.downtime_s[k] < columns.downtime_s[kept[-1]]:
                kept.append(k)
        return kept


def spread_out(options: LaneOptions, choice: Ints) -> tuple[Ints, Ints]:
    """Return a start: the moves as chosen, the longest first, each in the lane that is then the shortest."""
    time = options.time_s
    n, lanes, _ = time.shape
    load = np.zeros(lanes)
    lane, option = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    same = options.column == choice[:, None, None]
    chosen_time = np.where(same, time, -np.inf).max(axis=(1, 2))
    for v in np.argsort(-chosen_time, kind="stable").tolist():
        # A choice that another is as good as in a lane is replaced by the fastest there.
        where = np.flatnonzero(same[v].any(axis=1)) if same[v].any() else np.flatnonzero(np.isfinite(time[v, :, 0]))
        best = int(where[np.argmin(load[where])])
        lane[v] = best
        option[v] = int(np.argmax(same[v, best])) if same[v, best].any() else 0
        load[best] += time[v, best, option[v]]
    return lane, option
