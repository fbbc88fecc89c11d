"""The assignment program: approach, bandwidth and destination of every mover, with the order relaxed to volumes.

Every schedule that keeps the deadline D gives a solution of this program, so that its optimum bounds the
downtime of all of them from below. Each constraint family is one short function; rows in time are scaled to
seconds of use of a resource, which must not exceed D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, pairwise

import numpy as np

from planner.lanes import Division
from planner.optimize.classes import Classes
from planner.optimize.dispatch import Guide
from planner.optimize.options import NO_LANES, Columns
from planner.optimize.patterns import add_patterns, patterns
from planner.optimize.problem import Bools, Floats, Ints, Problem
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
    shares
        Share of a directed link that may be filled, for schedules that cannot pack it to the brim [1]; 1 if absent.
    floors
        Weighted downtime that all moves of a source together are proven to take at the least, by source [s].
    """

    window_s: float
    finish: bool = False
    downtime_limit_s: float | None = None
    shares: Mapping[int, float] = field(default_factory=dict)
    floors: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shift:
    """A directed link and what fits side by side on it.

    Parameters
    ----------
    link
        Its index.
    columns
        Choices that use it.
    rates
        Their distinct rates, descending [bytes/s].
    patterns
        See `planner.optimize.patterns.patterns`, shape (P, R).
    """

    link: int
    columns: Ints
    rates: Floats
    patterns: Ints


class AssignmentModel:
    """Builds the program for given classes and columns, with different aims.

    Parameters
    ----------
    problem, classes, columns
        What is decided upon.
    cuts
        Choices known to fit no schedule.
    lanes
        Directed links that are divided into lanes.
    side_by_side
        Whether to look at what fits side by side on links that can be short.
    """

    def __init__(
        self,
        problem: Problem,
        classes: Classes,
        columns: Columns,
        cuts: tuple[Cut, ...] = (),
        *,
        lanes: Mapping[int, Division] = NO_LANES,
        side_by_side: bool = True,
    ) -> None:
        self._lanes = lanes
        self._look_side_by_side = side_by_side
        self.problem = problem
        self.classes = classes
        self.columns = columns
        self.cuts = cuts
        # Movers with an order rule have a continuous start each, behind the choices; the window is the last column.
        self._starts = {v: i for i, v in enumerate(sorted(set(chain.from_iterable(problem.before))))}
        self._window = len(columns) + len(self._starts)
        self.shifts = self._shifts_of()
        # What is used by a choice is idle until its target is ready, and again while its source switches off.
        ready = np.array([problem.ready_s[list(hosts)].min() for hosts in classes.members], dtype=np.float64)
        self._head_s: Floats = ready[columns.klass] if len(columns) else np.zeros(0)
        self._tail_s: Floats = problem.tail_s[columns.mover]

    def program(self, aim: Aim) -> Program:
        """Return the program for an aim."""
        count = self._window + 1 + sum(len(shift.patterns) + len(shift.rates) for shift in self.shifts)
        cost = np.zeros(count)
        bound = np.full(count, aim.window_s)
        # Time left over adds up over as many moves as run side by side.
        bound[self._window + 1 :] *= max((int(shift.patterns.max()) for shift in self.shifts), default=1)
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
        self._side_by_side(program, aim)
        self._incoming(program, aim)
        self._room(program)
        self._apart(program)
        self._together(program)
        self._not_at_once(program, aim)
        self._before(program, aim)
        self._in_window(program, aim)
        if aim.finish:
            self._durations(program)
        if aim.downtime_limit_s is not None:
            everything = np.arange(len(self.columns))
            program.add_row("downtime", None, everything, weighted, upper=aim.downtime_limit_s)
        for source, least in aim.floors.items():
            here = np.flatnonzero(self.problem.source_of[self.columns.mover] == source)
            program.add_row("floor", source, here, weighted[here], lower=least)
        for cut in self.cuts:
            program.add_row("cut", None, cut.columns, np.ones(len(cut.columns)), upper=cut.most)
        return program

    def choices(self, values: Floats) -> Ints:
        """Read the column of each mover out of a solution of the integer program, shape (M,)."""
        choice = np.full(len(self.problem.movers), -1, dtype=np.int64)
        chosen = np.flatnonzero(values[: len(self.columns)] > 0.5)
        choice[self.columns.mover[chosen]] = chosen
        return choice

    def guides(self, values: Floats) -> dict[int, Guide]:
        """Read the patterns that a solution uses, by link."""
        base = self._window + 1
        guides = {}
        for shift in self.shifts:
            tau = values[base : base + len(shift.patterns)]
            base += len(tau) + len(shift.rates)
            guides[shift.link] = Guide(
                tuple(shift.rates.tolist()), tuple(map(tuple, shift.patterns[tau > 1e-6].tolist()))
            )
        return guides

    def settle(self, program: Program, values: Floats) -> Program:
        """Return the program with the choice fixed of every mover that a linear solution does not split."""
        count = len(self.columns)
        whole = np.zeros(len(self.problem.movers), dtype=np.bool_)
        whole[self.columns.mover[values[:count] > 1.0 - 1e-6]] = True
        bound = program.bound.copy()
        bound[:count] = np.where(whole[self.columns.mover] & (values[:count] < 0.5), 0.0, 1.0)
        return replace(program, bound=bound)

    def _time_rows(
        self,
        program: Program,
        aim: Aim,
        family: str,
        keys: list[object],
        cells: tuple[Ints, Ints, Floats],
        idle: tuple[Floats, Bools] | None = None,
    ) -> None:
        """Add rows of seconds that must fit into the window: a constant, or the window's column.

        What a row is idle at the ends of the window is lost: by the choices that use it, or as given.
        """
        if not keys:
            return
        rows, columns, seconds = cells
        share = np.array([aim.shares.get(_link_of(family, key), 1.0) for key in keys])
        idle_s, sure = idle or self._idle(rows, columns, len(keys))
        upper = share * np.maximum(0.0, aim.window_s - idle_s)
        if not aim.finish:
            program.add_block(family, keys, rows, columns, seconds, upper=upper)
            return
        if not sure.all():
            # A row that nothing uses loses nothing, however short the window becomes: there, as long as it may be.
            program.add_block(family, keys, rows, columns, seconds, upper=upper)
        rows = np.concatenate([rows, np.arange(len(keys))])
        columns = np.concatenate([columns, np.full(len(keys), self._window)])
        seconds = np.concatenate([seconds, -share])
        program.add_block(family, keys, rows, columns, seconds, upper=-share * np.where(sure, idle_s, 0.0))

    def _idle(self, rows: Ints, columns: Ints, count: int) -> tuple[Floats, Bools]:
        """Return how long each row is idle before its first target is ready and after its last source is left.

        And for which rows that is sure, because some mover has no choice beside them.
        """
        idle, sure = np.zeros(count), np.ones(count, dtype=np.bool_)
        if not (self._head_s.any() or self._tail_s.any()):
            return idle, sure
        head, tail = np.full(count, np.inf), np.full(count, np.inf)
        np.minimum.at(head, rows, self._head_s[columns])
        np.minimum.at(tail, rows, self._tail_s[columns])
        used = np.isfinite(head)
        idle[used] = (head + tail)[used]
        movers = len(self.problem.movers)
        pairs, choices = np.unique(rows * movers + self.columns.mover[columns], return_counts=True)
        row, mover = np.divmod(pairs, movers)
        sure[:] = False
        sure[row[choices == np.bincount(self.columns.mover, minlength=movers)[mover]]] = True
        return idle, sure | (idle == 0.0)

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
        """Volume over each directed link: sum of T mu <= capacity x window; tails are summed over a class."""
        columns, classes = self.columns, self.classes
        if not len(columns):
            return
        volume = columns.time_s * columns.rate
        pair = self.problem.source_of[columns.mover] * len(classes.members) + columns.klass
        row_of: dict[object, int] = {}
        cells: list[tuple[Ints, Ints, Floats]] = []
        order = np.argsort(pair, kind="stable")
        present, first = np.unique(pair[order], return_index=True)
        for block, which in zip(np.split(order, first[1:]), present.tolist(), strict=True):
            s, c = divmod(which, len(classes.members))
            for key, links in self._uses(s, c):
                row = row_of.setdefault(key, len(row_of))
                room = float(self.problem.network.capacity_bytes_per_s[links].sum())
                cells.append((np.full(len(block), row), block, volume[block] / room))
        if cells:
            rows, indices, seconds = (np.concatenate(part) for part in zip(*cells, strict=True))
            self._time_rows(program, aim, "link", list(row_of), (rows, indices, seconds))

    def _uses(self, s: int, c: int) -> list[tuple[object, Ints]]:
        """Return the rows in which a source's moves to a class count, each with the links whose capacity it sums."""
        uses: list[tuple[object, Ints]] = [
            (("trunk", link), np.array([link])) for link in self.classes.trunk[s][c] or ()
        ]
        tails = self.classes.tail[s, list(self.classes.members[c])]
        for level in range(tails.shape[1]):
            links = np.unique(tails[:, level])
            if links[0] >= 0:
                uses.append((("tail", (c, links.tobytes())), links))
        if (tails[:, -2] >= 0).all():
            # Classes that differ in labels only share the links in front of their hosts.
            uses.append((("tails", None), self._shared_tails))
        return uses

    @cached_property
    def _shared_tails(self) -> Ints:
        """Return all directed links in front of the last ones of all classes."""
        links = np.unique(self.classes.tail[:, :, -2])
        return links[links >= 0]

    def _outgoing(self, program: Program, aim: Aim) -> None:
        """Time in migration out of each source: sum of T <= max_outgoing x window."""
        source = self.problem.source_of[self.columns.mover]
        seconds = self.columns.time_s / self.problem.max_out[source]
        keys: list[object] = list(range(len(self.problem.sources)))
        self._time_rows(program, aim, "outgoing", keys, (source, np.arange(len(self.columns)), seconds))

    @cached_property
    def users(self) -> dict[int, Ints]:
        """Return the columns that use the first link of each source and each trunk link, ascending, by link."""
        users: dict[int, list[Ints]] = {}
        if not len(self.columns):
            return {}
        pair = self.problem.source_of[self.columns.mover] * len(self.classes.members) + self.columns.klass
        order = np.argsort(pair, kind="stable")
        present, first = np.unique(pair[order], return_index=True)
        for which, here in zip(present.tolist(), np.split(order, first[1:]), strict=True):
            s, c = divmod(which, len(self.classes.members))
            hosts = self.classes.members[c]
            for link in self.classes.trunk[s][c] or self.classes.links(s, c, hosts[0])[: len(hosts) == 1]:
                users.setdefault(link, []).append(here)
        return {link: np.sort(np.concatenate(parts)) for link, parts in sorted(users.items())}

    def _shifts_of(self) -> list[Shift]:
        """Return what fits side by side on the first link of each source and on each trunk link that can be short."""
        capacity = self.problem.network.capacity_bytes_per_s
        shifts = []
        for link, here in self.users.items():
            lanes = self._lanes.get(link)
            if lanes is None and not self._look_side_by_side:
                continue
            sources = np.unique(self.problem.source_of[self.columns.mover[here]])
            slots = int(self.problem.max_out[sources].sum())
            rates = np.unique(self.columns.rate[here])[::-1]
            if lanes is not None:
                places = [
                    [sum(rate <= lane * (1 + 1e-9) for lane in turn) for rate in rates.tolist()] for turn in lanes
                ]
                shifts.append(Shift(link, here, rates, np.array(places, dtype=np.int64)))
            elif float(rates[0]) * slots > capacity[link]:
                found = patterns(rates, float(capacity[link]), slots)
                if found is not None:
                    shifts.append(Shift(link, here, rates, found))
        return shifts

    def _side_by_side(self, program: Program, aim: Aim) -> None:
        """What a link carries at any moment is a pattern of rates, and the patterns share the window."""
        base = self._window + 1
        for shift in self.shifts:
            which = np.searchsorted(-shift.rates, -self.columns.rate[shift.columns])
            seconds = self.columns.time_s[shift.columns]
            add_patterns(program, shift.link, shift.columns, which, seconds, shift.patterns, base)
            count, steps = shift.patterns.shape
            cells = (np.zeros(count, dtype=np.int64), base + np.arange(count), np.ones(count))
            idle = self._idle(np.zeros(len(shift.columns), dtype=np.int64), shift.columns, 1)
            self._time_rows(program, aim, "patterns", [shift.link], cells, idle)
            base += count + steps

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

    def _before(self, program: Program, aim: Aim) -> None:
        """Order rules: start of b >= start of a + T of a, in any window."""
        del aim
        for a, b in self.problem.before:
            mine = np.flatnonzero(self.columns.mover == a)
            columns = np.concatenate([mine, [self._start(a), self._start(b)]])
            values = np.concatenate([self.columns.time_s[mine], [1.0, -1.0]])
            program.add_row("before", (a, b), columns, values, upper=0.0)

    def _in_window(self, program: Program, aim: Aim) -> None:
        """Of movers with an order rule: start + T <= window."""
        for v in self._starts:
            mine = np.flatnonzero(self.columns.mover == v)
            columns = np.concatenate([mine, [self._start(v)]])
            values = np.concatenate([self.columns.time_s[mine], [1.0]])
            cells = (np.zeros(len(columns), dtype=np.int64), columns, values)
            # Starts are counted from the time at which the first target is ready.
            idle_s = (self._head_s.min() if len(self._head_s) else 0.0) + self.problem.tail_s[[v]]
            self._time_rows(program, aim, "before-end", [v], cells, (idle_s, np.ones(1, dtype=np.bool_)))

    def _start(self, mover: int) -> int:
        return len(self.columns) + self._starts[mover]

    def _durations(self, program: Program) -> None:
        """Each move fits into the window, after its target is ready and before its source switches off."""
        movers = len(self.problem.movers)
        rows = np.concatenate([self.columns.mover, np.arange(movers)])
        columns = np.concatenate([np.arange(len(self.columns)), np.full(movers, self._window)])
        times = self._head_s + self.columns.time_s + self._tail_s
        values = np.concatenate([times, np.full(movers, -1.0)])
        program.add_block("duration", list(range(movers)), rows, columns, values, upper=np.zeros(movers))


def _link_of(family: str, key: object) -> int:
    """Return the directed link of a row in time, or -1 for a row of another kind."""
    match family, key:
        case "link", ("trunk", int(link)):
            return link
        case "patterns", int(link):
            return link
    return -1
