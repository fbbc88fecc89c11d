"""From what each VM does to moves that compete for flows and stocks, and what a finished schedule costs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimize.room_problem import Legs, Room
from planner.optimize.room_program import Hops
from planner.optimize.room_schedule import Flow, Stock, Task

NOTHING: Mapping[int, float] = {}
"""No columns with other times."""


@dataclass(frozen=True)
class Timed:
    """A schedule with extra moves.

    Parameters
    ----------
    ways
        What each VM does.
    starts
        Start of each move of each VM [s].
    cost_s
        Weighted downtime and price [s].
    finish_s
        When the last move ends [s].
    """

    ways: tuple[Hops, ...]
    starts: tuple[tuple[float, ...], ...]
    cost_s: float
    finish_s: float


class Ways:
    """Turns what VMs do into tasks of a schedule.

    Parameters
    ----------
    room, legs
        What is spoken of.
    """

    def __init__(self, room: Room, legs: Legs) -> None:
        self.room, self.legs = room, legs
        self._apart = [[g for g, group in enumerate(room.separate) if v in group.members] for v in range(len(room.vms))]
        self._groups = [[g for g, group in enumerate(room.not_at_once) if v in group] for v in range(len(room.vms))]

    def stocks(self, v: int, h: int) -> tuple[tuple[Stock, int], ...]:
        """Return what a VM takes of a host's stocks while it is there; nothing on hosts that nobody may enter."""
        if not self.room.open[h]:
            return ()
        vm = self.room.vms[v]
        return (
            (("memory", 0, h), vm.memory),
            (("vcpus", 0, h), vm.vcpus),
            *((("separate", g, h), 1) for g in self._apart[v]),
        )

    def free(self, vms: Collection[int]) -> dict[Stock, int]:
        """Return what there is of each stock before anything moves, where only some of the VMs are there."""
        room = self.room
        free: dict[Stock, int] = {}
        for h in room.targets:
            free["memory", 0, h], free["vcpus", 0, h] = room.memory[h], room.vcpus[h]
            for g, group in enumerate(room.separate):
                free["separate", g, h] = int(h not in group.taken)
        for v in vms:
            for stock, amount in self.stocks(v, room.home[v]):
                free[stock] -= amount
        return free

    def task(self, k: int, after: tuple[int, ...], least: Mapping[int, float] = NOTHING) -> Task:
        """Return the task of a column; without flows and with another time where one is given [s]."""
        legs, columns = self.legs, self.legs.columns
        leg = int(columns.mover[k])
        v, s, h = int(legs.vm[leg]), int(legs.source[leg]), int(legs.target[k])
        capacity = legs.problem.network.capacity_bytes_per_s
        flows: list[tuple[Flow, float]] = [
            (("link", link), float(columns.rate[k] / capacity[link])) for link in legs.links(k)
        ]
        flows.append((("out", s), 1.0 / float(legs.problem.max_out[int(legs.problem.source_of[leg])])))
        flows.append((("in", h), 1.0 / float(legs.problem.max_in[int(columns.klass[k])])))
        flows += [(("group", g), 1.0) for g in self._groups[v]]
        if k in least:
            flows = []
        return Task(
            v,
            least.get(k, float(columns.time_s[k])),
            tuple(flows),
            self.stocks(v, h),
            self.stocks(v, s),
            after,
            float(legs.problem.ready_s[int(columns.klass[k])]),
            float(legs.problem.off_s[int(legs.problem.source_of[leg])]),
        )

    def tasks(self, ways: Sequence[Hops], vms: Collection[int], least: Mapping[int, float] = NOTHING) -> list[Task]:
        """Return the tasks of some VMs, hop after hop of VM after VM; see `task` for `least`."""
        moving = [v for v in vms if ways[v]]
        at: dict[int, int] = {}
        count = 0
        for v in moving:
            at[v] = count
            count += len(ways[v])
        tasks: list[Task] = []
        for v in moving:
            first = [at[a] + len(ways[a]) - 1 for a, b in self.room.before if b == v and a in at]
            for number, k in enumerate(ways[v]):
                tasks.append(self.task(k, (len(tasks) - 1,) if number else tuple(first), least))
        return tasks

    def as_cheap(self, k: int) -> list[int]:
        """Return the columns of a column's leg and host that cost no more, the quickest first."""
        columns, cost = self.legs.columns, self.legs.cost_s
        alike = (columns.mover == columns.mover[k]) & (self.legs.target == self.legs.target[k])
        found = np.flatnonzero(alike & (cost <= cost[k] * (1 + 1e-12)))
        quickest_first: list[int] = found[np.argsort(columns.time_s[found], kind="stable")].tolist()
        return quickest_first

    def same(self, other: Legs, k: int) -> int:
        """Return the column that is the same choice as one of other legs of this room."""
        mine, theirs = self.legs.columns, other.columns
        alike = (
            (self.legs.vm[mine.mover] == other.vm[theirs.mover[k]])
            & (self.legs.source[mine.mover] == other.source[theirs.mover[k]])
            & (self.legs.target == other.target[k])
            & (mine.approach == theirs.approach[k])
            & (mine.rate == theirs.rate[k])
        )
        return int(np.flatnonzero(alike)[0])

    def detours(self, v: int, end: int) -> list[Hops]:
        """Return the ways of a VM to a target by way of each other one, with the cheapest and quickest choices."""
        columns, legs = self.legs.columns, self.legs
        mine = np.flatnonzero(legs.vm[columns.mover] == v)
        order = mine[np.lexsort((columns.time_s[mine], legs.cost_s[mine]))]
        first: dict[int, int] = {}
        onward: dict[int, int] = {}
        for k in order.tolist():
            if legs.parked[columns.mover[k]]:
                onward.setdefault(int(legs.source[columns.mover[k]]), k)
            elif int(columns.klass[k]) != end:
                first.setdefault(int(legs.target[k]), k)
        return [(k, onward[p]) for p, k in first.items() if p in onward]

    def cost_s(self, ways: Sequence[Hops]) -> float:
        """Return the weighted downtime and the price of what the VMs do [s]."""
        return float(sum(self.legs.cost_s[k] for way in ways for k in way))

    def timed(self, ways: Sequence[Hops], starts: Sequence[float]) -> Timed:
        """Return the schedule in which the tasks of all VMs start at these times."""
        left = iter(starts)
        by_vm = tuple(tuple(next(left) for _ in way) for way in ways)
        finish_s = max(
            (
                start + float(self.legs.columns.time_s[k])
                for way, times in zip(ways, by_vm, strict=True)
                for k, start in zip(way, times, strict=True)
            ),
            default=0.0,
        )
        return Timed(tuple(ways), by_vm, self.cost_s(ways), finish_s)

    def end_host(self, v: int, way: Hops) -> int:
        """Return where a VM ends."""
        return int(self.legs.target[way[-1]]) if way else self.room.home[v]

    def keeps_rules(self, ways: Sequence[Hops]) -> bool:
        """Return whether those that must be apart or together in the end are."""
        room = self.room
        ends = [self.end_host(v, way) for v, way in enumerate(ways)]
        for apart in room.separate:
            hosts = [ends[v] for v in apart.members if room.open[ends[v]]]
            if len(set(hosts)) < len(hosts) or apart.taken.intersection(hosts):
                return False
        for joined in room.together:
            moved = {ends[v] for v in joined.members if ways[v]}
            homes = {ends[v] for v in joined.members if not ways[v]} | joined.homes
            if len(moved) > 1 or (homes and not moved <= homes):
                return False
        return True

    def overfull(self, ways: Sequence[Hops]) -> list[int]:
        """Return the VMs that end on a host with more of them than fit, in whole bytes; none where all fit."""
        room = self.room
        ends = np.array([self.end_host(v, way) for v, way in enumerate(ways)])
        for h in room.targets:
            here = np.flatnonzero(ends == h).tolist()
            if (
                sum(room.vms[v].memory for v in here) > room.memory[h]
                or sum(room.vms[v].vcpus for v in here) > room.vcpus[h]
            ):
                return here
        return []
