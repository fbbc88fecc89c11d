"""The assignment program: approach, bandwidth and destination of every mover, with the order relaxed to volumes.

Every schedule that keeps the deadline D gives a solution of this program, so that its optimum bounds the
downtime of all of them from below. Each constraint family is one short function; rows in time are scaled to
seconds of use of a resource, which must not exceed D.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from planner.optimize.classes import Classes
from planner.optimize.options import Columns
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.program import Program


@dataclass(frozen=True)
class Cut:
    """A set of choices that no schedule contains: at most `most` of them together.

    Parameters
    ----------
    columns
        Indices into `Columns`.
    most
        How many of them may be chosen at most.
    """

    columns: Ints
    most: int


@dataclass(frozen=True)
class Aim:
    """What the program minimises, and what it must keep.

    Parameters
    ----------
    finish
        False: weighted downtime within the window. True: the length of the window.
    window_s
        Length of the window [s]; where the finish is minimised, the longest that it may be.
    downtime_limit_s
        Weighted downtime that must not be exceeded, or None [s].
    share
        Share of links and migration slots that may be filled, for schedules that cannot pack them to the brim [1].
    """

    window_s: float
    finish: bool = False
    downtime_limit_s: float | None = None
    share: float = 1.0


@dataclass(frozen=True)
class Assignment:
    """One choice for every mover: indices into `Columns`, by mover, shape (M,)."""

    choice: Ints

    def weighted_downtime_s(self, problem: Problem, columns: Columns) -> float:
        """Return the weighted downtime [s]."""
        return float(problem.weight @ columns.downtime_s[self.choice])


class AssignmentModel:
    """Builds the program for given classes and columns, with different aims.

    Parameters
    ----------
    problem, classes, columns
        What is decided upon.
    cuts
        Choices known to fit no schedule.
    """

    def __init__(self, problem: Problem, classes: Classes, columns: Columns, cuts: tuple[Cut, ...] = ()) -> None:
        self.problem = problem
        self.classes = classes
        self.columns = columns
        self.cuts = cuts
        # Movers with an order rule have a continuous start each, behind the choices; the window is the last column.
        self._starts = {v: i for i, v in enumerate(sorted(set(chain.from_iterable(problem.before))))}
        self._window = len(columns) + len(self._starts)

    def program(self, aim: Aim) -> Program:
        """Return the program for an aim."""
        count = self._window + 1
        cost = np.zeros(count)
        bound = np.full(count, aim.window_s)
        bound[: len(self.columns)] = 1.0
        integer = np.zeros(count, dtype=np.bool_)
        integer[: len(self.columns)] = True
        weighted = self.problem.weight[self.columns.mover] * self.columns.downtime_s
        if aim.finish:
            cost[self._window] = 1.0
        else:
            cost[: len(self.columns)] = weighted
        program = Program(cost, bound, integer)
        self._one_choice_each(program)
        self._links(program, aim)
        self._outgoing(program, aim)
        self._incoming(program, aim)
        self._room(program)
        self._apart(program)
        self._together(program)
        self._not_at_once(program, aim)
        self._order(program, aim)
        if aim.finish:
            self._durations(program)
        if aim.downtime_limit_s is not None:
            everything = np.arange(len(self.columns))
            program.add_row("downtime", None, everything, weighted, upper=aim.downtime_limit_s)
        for cut in self.cuts:
            program.add_row("cut", None, cut.columns, np.ones(len(cut.columns)), upper=cut.most)
        return program

    def assignment(self, values: Floats) -> Assignment:
        """Read the choices out of a solution of the integer program."""
        choice = np.full(len(self.problem.movers), -1, dtype=np.int64)
        chosen = np.flatnonzero(values[: len(self.columns)] > 0.5)
        choice[self.columns.mover[chosen]] = chosen
        return Assignment(choice)

    def _time_rows(
        self, program: Program, aim: Aim, family: str, keys: list[object], cells: tuple[Ints, Ints, Floats]
    ) -> None:
        """Add rows of seconds that must fit into the window: a constant, or the window's column."""
        if not keys:
            return
        rows, columns, seconds = cells
        share = aim.share if family in ("link", "outgoing", "incoming") else 1.0
        if aim.finish:
            rows = np.concatenate([rows, np.arange(len(keys))])
            columns = np.concatenate([columns, np.full(len(keys), self._window)])
            seconds = np.concatenate([seconds, np.full(len(keys), -share)])
            upper = np.zeros(len(keys))
        else:
            upper = np.full(len(keys), share * aim.window_s)
        program.add_block(family, keys, rows, columns, seconds, upper=upper)

    def _one_choice_each(self, program: Program) -> None:
        """Each mover takes one choice."""
        movers = len(self.problem.movers)
        ones = np.ones(len(self.columns))
        program.add_block(
            "choice",
            list(range(movers)),
            self.columns.mover,
            np.arange(len(self.columns)),
            ones,
            lower=np.ones(movers),
            upper=np.ones(movers),
        )

    def _links(self, program: Program, aim: Aim) -> None:
        """Volume over each directed link: sum of T mu <= capacity x window; last links are summed over a class."""
        problem, classes, columns = self.problem, self.classes, self.columns
        volume = columns.time_s * columns.rate
        pair = problem.source_of[columns.mover] * len(classes.members) + columns.klass
        row_of: dict[tuple[str, object], int] = {}
        capacity: list[float] = []
        cells: list[tuple[Ints, Ints, Floats]] = []
        order = np.argsort(pair, kind="stable")
        present, first = np.unique(pair[order], return_index=True)
        for block, which in zip(np.split(order, first[1:]), present.tolist(), strict=True):
            s, c = divmod(which, len(classes.members))
            hosts = classes.members[c]
            uses: list[tuple[tuple[str, object], float]] = [
                (("trunk", link), float(problem.network.capacity_bytes_per_s[link]))
                for link in classes.trunk[s][c] or ()
            ]
            gate = problem.network.directed[int(classes.last_link[s, hosts[0]])][0]
            uses.append((("last", (c, gate)), float(classes.last_capacity[s, c]) * len(hosts)))
            for key, room in uses:
                if key not in row_of:
                    row_of[key] = len(row_of)
                    capacity.append(room)
                cells.append((np.full(len(block), row_of[key]), block, volume[block] / room))
        if cells:
            rows, indices, seconds = (np.concatenate(part) for part in zip(*cells, strict=True))
            self._time_rows(program, aim, "link", list(row_of), (rows, indices, seconds))

    def _outgoing(self, program: Program, aim: Aim) -> None:
        """Time in migration out of each source: sum of T <= max_outgoing x window."""
        source = self.problem.source_of[self.columns.mover]
        seconds = self.columns.time_s / self.problem.max_out[source]
        keys: list[object] = list(range(len(self.problem.sources)))
        self._time_rows(program, aim, "outgoing", keys, (source, np.arange(len(self.columns)), seconds))

    def _incoming(self, program: Program, aim: Aim) -> None:
        """Time in migration into each class: sum of T <= sum of max_incoming x window."""
        slots = np.array([self.problem.max_in[list(hosts)].sum() for hosts in self.classes.members], dtype=np.float64)
        seconds = self.columns.time_s / slots[self.columns.klass]
        keys: list[object] = list(range(len(slots)))
        self._time_rows(program, aim, "incoming", keys, (self.columns.klass, np.arange(len(self.columns)), seconds))

    def _room(self, program: Program) -> None:
        """Memory and vCPUs of each class, scaled to 1."""
        problem, columns = self.problem, self.columns
        for family, size, free in (
            ("memory", problem.memory, problem.free_memory),
            ("vcpus", problem.vcpus, problem.free_vcpus),
        ):
            room = np.array([free[list(hosts)].sum() for hosts in self.classes.members], dtype=np.float64)
            program.add_block(
                family,
                list(range(len(room))),
                columns.klass,
                np.arange(len(columns)),
                size[columns.mover] / np.maximum(room, 1.0)[columns.klass],
                upper=np.ones(len(room)),
            )

    def _apart(self, program: Program) -> None:
        """A separate group puts at most one member on each host of a class."""
        for g, group in enumerate(self.problem.separate):
            inside = np.flatnonzero(np.isin(self.columns.mover, group))
            for c in np.unique(self.columns.klass[inside]).tolist():
                here = inside[self.columns.klass[inside] == c]
                hosts = list(self.classes.members[c])
                usable = int(self.problem.allowed[np.ix_(group, hosts)].any(axis=0).sum())
                if usable < len(group):
                    program.add_row("separate", g, here, np.ones(len(here)), upper=usable)

    def _together(self, program: Program) -> None:
        """The members of a together group choose the same class."""
        for g, group in enumerate(self.problem.together):
            for a, b in pairwise(group):
                pair = np.flatnonzero(np.isin(self.columns.mover, (a, b)))
                for c in np.unique(self.columns.klass[pair]).tolist():
                    here = pair[self.columns.klass[pair] == c]
                    sign = np.where(self.columns.mover[here] == a, 1.0, -1.0)
                    program.add_row("together", g, here, sign, lower=0.0, upper=0.0)

    def _not_at_once(self, program: Program, aim: Aim) -> None:
        """The members of a not_at_once group follow each other: sum of T <= window."""
        for g, group in enumerate(self.problem.not_at_once):
            inside = np.flatnonzero(np.isin(self.columns.mover, group))
            cells = (np.zeros(len(inside), dtype=np.int64), inside, self.columns.time_s[inside])
            self._time_rows(program, aim, "not_at_once", [g], cells)

    def _order(self, program: Program, aim: Aim) -> None:
        """Order rules: start of b >= start of a + T of a, and start + T <= window."""
        for a, b in self.problem.before:
            mine = np.flatnonzero(self.columns.mover == a)
            columns = np.concatenate([mine, [self._start(a), self._start(b)]])
            values = np.concatenate([self.columns.time_s[mine], [1.0, -1.0]])
            program.add_row("before", (a, b), columns, values, upper=0.0)
        for v in self._starts:
            mine = np.flatnonzero(self.columns.mover == v)
            columns = np.concatenate([mine, [self._start(v)]])
            values = np.concatenate([self.columns.time_s[mine], [1.0]])
            cells = (np.zeros(len(columns), dtype=np.int64), columns, values)
            self._time_rows(program, aim, "before-end", [v], cells)

    def _start(self, mover: int) -> int:
        return len(self.columns) + self._starts[mover]

    def _durations(self, program: Program) -> None:
        """Each move fits into the window: T <= window."""
        movers = len(self.problem.movers)
        rows = np.concatenate([self.columns.mover, np.arange(movers)])
        columns = np.concatenate([np.arange(len(self.columns)), np.full(movers, self._window)])
        values = np.concatenate([self.columns.time_s, np.full(movers, -1.0)])
        program.add_block("duration", list(range(movers)), rows, columns, values, upper=np.zeros(movers))
