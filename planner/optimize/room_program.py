"""The program of room-making: which VM takes which way, by way of which parking place, with final room and volumes.

A column is a choice of a leg. A VM takes at most one choice of its first leg, and one of a further leg only from
where the first has led. Every schedule gives a solution of this program, so its optimum bounds them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program
from planner.optimize.room_problem import Joined, Legs, Room

Hops = tuple[int, ...]
"""The columns that a VM takes, in order; none where it stays."""


@dataclass
class Expression:
    """A sum of columns with coefficients, and a constant."""

    terms: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    constant: float = 0.0

    def add(self, columns: Iterable[int], factor: float) -> None:
        """Add a multiple of the sum of some columns."""
        for column in columns:
            self.terms[column] += factor

    def plus(self, other: Expression, factor: float = 1.0) -> None:
        """Add a multiple of another."""
        for column, value in other.terms.items():
            self.terms[column] += factor * value
        self.constant += factor * other.constant


class RoomProgram:
    """Builds the program of a room and reads its solutions.

    Parameters
    ----------
    room, legs
        What is decided upon.

    Attributes
    ----------
    cuts
        Expressions that no schedule lets exceed a limit; added to by those who prove.
    """

    def __init__(self, room: Room, legs: Legs) -> None:
        self.room, self.legs = room, legs
        self.cuts: list[tuple[Expression, float]] = []
        columns = legs.columns
        vm = legs.vm[columns.mover]
        further = legs.parked[columns.mover]
        source = legs.source[columns.mover]
        self._first: list[list[int]] = [[] for _ in room.vms]
        self._to: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._first_to: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        self._on_from: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for k, (v, more, s, h) in enumerate(
            zip(vm.tolist(), further.tolist(), source.tolist(), legs.target.tolist(), strict=True)
        ):
            self._to[v, h].append(k)
            if more:
                self._on_from[v, s].append(k)
            else:
                self._first[v].append(k)
                self._first_to[v, h].append(k)

    @property
    def possible(self) -> bool:
        """Whether each VM that must move has a choice."""
        return all(self._first[: self.room.forced])

    def program(self, window_s: float | None = None) -> Program:
        """Return the program with all cuts so far, for another window than the deadline where one is given [s]."""
        count = len(self.legs.columns)
        program = Program(self.legs.cost_s.copy(), np.ones(count), np.ones(count, dtype=np.bool_))
        for v, first in enumerate(self._first):
            forced = v < self.room.forced
            _row(program, "choice", v, _sum(first), lower=1.0 if forced else -np.inf, upper=1.0)
        for (v, p), onward in self._on_from.items():
            expression = _sum(onward)
            expression.add(self._first_to[v, p], -1.0)
            _row(program, "onward", (v, p), expression, upper=0.0)
        self._places(program)
        for g, group in enumerate(self.room.together):
            self._joined(program, g, group)
        self._volumes(program, self.room.deadline_s if window_s is None else window_s)
        for expression, most in self.cuts:
            _row(program, "cut", None, expression, upper=most)
        return program

    def ways(self, values: Floats) -> list[Hops]:
        """Read what each VM does out of a solution."""
        chosen = np.flatnonzero(values > 0.5).tolist()
        ways: list[list[int]] = [[] for _ in self.room.vms]
        # First legs come before further ones.
        for k in sorted(chosen, key=lambda k: bool(self.legs.parked[self.legs.columns.mover[k]])):
            ways[int(self.legs.vm[self.legs.columns.mover[k]])].append(k)
        return [tuple(way) for way in ways]

    def stays(self, v: int) -> Expression:
        """Return 1 where a VM stays, else 0."""
        expression = _sum(self._first[v], -1.0)
        expression.constant = 1.0
        return expression

    def takes(self, v: int, hops: Hops, least: Mapping[int, float]) -> tuple[Expression, int]:
        """Return what reaches a number only where a VM does what is at least as demanding, and the number.

        Parameters
        ----------
        least
            Columns of which the time alone counts, with the least that does [s]; of others time and rate count.
        """
        if not hops:
            return self.stays(v), 1
        expression = _sum(self._as_demanding(hops[0], least))
        if len(hops) > 1:
            expression.plus(_sum(self._as_demanding(hops[1], least)))
        else:
            expression.add(self._on_from[v, int(self.legs.target[hops[0]])], -1.0)
        return expression, len(hops)

    def alike(self, k: int) -> Ints:
        """Return the choices of a column's leg and host."""
        columns = self.legs.columns
        return np.flatnonzero((columns.mover == columns.mover[k]) & (self.legs.target == self.legs.target[k]))

    def _as_demanding(self, k: int, least: Mapping[int, float]) -> list[int]:
        columns, alike = self.legs.columns, self.alike(k)
        if k in least:
            keep = columns.time_s[alike] >= least[k]
        else:
            keep = (columns.time_s[alike] >= columns.time_s[k]) & (columns.rate[alike] >= columns.rate[k])
        found: list[int] = alike[keep].tolist()
        return found

    def _ends_at(self, v: int, h: int, *, moved: bool = False) -> Expression:
        """Return 1 where a VM ends on a host, else 0; with `moved` not where it has stayed there."""
        expression = _sum(self._to[v, h])
        expression.add(self._on_from[v, h], -1.0)
        if h == self.room.home[v] and not moved:
            expression.plus(self.stays(v))
        return expression

    def _places(self, program: Program) -> None:
        """What ends on each host fits there: memory, vCPUs, and one member of each separate group."""
        room = self.room
        for h in room.targets:
            ends = [self._ends_at(v, h) for v in range(len(room.vms))]
            for family, sizes, free in (
                ("memory", [vm.memory for vm in room.vms], room.memory[h]),
                ("vcpus", [vm.vcpus for vm in room.vms], room.vcpus[h]),
            ):
                scale = 1.0 / max(free, 1)
                total = Expression()
                for end, size in zip(ends, sizes, strict=True):
                    total.plus(end, size * scale)
                _row(program, family, h, total, upper=free * scale)
            for g, group in enumerate(room.separate):
                if h not in group.taken:
                    total = Expression()
                    for v in group.members:
                        total.plus(ends[v])
                    _row(program, "separate", (g, h), total, upper=1.0)

    def _joined(self, program: Program, g: int, group: Joined) -> None:
        """Those that move end on one host, where one stays that of one that stays."""
        home = self.room.home
        for h in self.room.targets:
            at_home = Expression()
            for c in group.members:
                if home[c] == h and c >= self.room.forced:
                    at_home.plus(self.stays(c))
            for a in group.members:
                ends = self._ends_at(a, h, moved=True)
                for b in group.members:
                    if b == a:
                        continue
                    same = _copy(ends)
                    same.plus(self._ends_at(b, h, moved=True), -1.0)
                    if b >= self.room.forced:
                        same.plus(self.stays(b), -1.0)
                    _row(program, "together", g, same, upper=0.0)
                    if b >= self.room.forced and h not in group.homes and not group.homes:
                        joins = _copy(ends)
                        joins.plus(self.stays(b))
                        joins.plus(at_home, -1.0)
                        _row(program, "together", g, joins, upper=1.0)
                if group.homes and h not in group.homes:
                    joins = _copy(ends)
                    joins.plus(at_home, -1.0)
                    _row(program, "together", g, joins, upper=0.0)

    def _volumes(self, program: Program, window_s: float) -> None:
        """Seconds of use of each link, slot and not_at_once group fit into the deadline."""
        room, legs = self.room, self.legs
        columns, problem = legs.columns, legs.problem
        uses: defaultdict[object, Expression] = defaultdict(Expression)
        capacity = problem.network.capacity_bytes_per_s
        groups = [[g for g, group in enumerate(room.not_at_once) if v in group] for v in range(len(room.vms))]
        for k, leg in enumerate(columns.mover.tolist()):
            time_s = float(columns.time_s[k])
            volume = time_s * float(columns.rate[k])
            for link in legs.links(k):
                uses["link", link].terms[k] += volume / float(capacity[link])
            s, t = int(problem.source_of[leg]), int(columns.klass[k])
            uses["outgoing", s].terms[k] += time_s / float(problem.max_out[s])
            uses["incoming", t].terms[k] += time_s / float(problem.max_in[t])
            for g in groups[int(legs.vm[leg])]:
                uses["not_at_once", g].terms[k] += time_s
        for key, expression in uses.items():
            _row(program, "volume", key, expression, upper=window_s)


def _sum(columns: Sequence[int], factor: float = 1.0) -> Expression:
    expression = Expression()
    expression.add(columns, factor)
    return expression


def _copy(expression: Expression) -> Expression:
    copied = Expression()
    copied.plus(expression)
    return copied


def _row(
    program: Program, family: str, key: object, expression: Expression, *, lower: float = -np.inf, upper: float
) -> None:
    """Add a row; its constant goes to the limits."""
    terms: Mapping[int, float] = {k: value for k, value in expression.terms.items() if value != 0.0}
    if not terms and lower - expression.constant <= 0.0 <= upper - expression.constant:
        return
    indices: Ints = np.array(list(terms) or [0], dtype=np.int64)
    values: Floats = np.array(list(terms.values()) or [0.0], dtype=np.float64)
    program.add_row(family, key, indices, values, lower=lower - expression.constant, upper=upper - expression.constant)
