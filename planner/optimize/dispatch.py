"""The list schedule: an event-driven dispatcher that starts what fits, most urgent first.

A move waits on the first resource that it finds busy and is looked at again only when that resource is freed.
The host within a destination class is bound late: a move may take another host of its class than the one
reserved for it if that host is free now and has room, or can swap reservations with a move not yet started.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import le

import numpy as np

from planner.optimize.classes import Classes
from planner.optimize.options import Columns
from planner.optimize.order import Order
from planner.optimize.problem import Floats, Ints, Problem

RATE_TOLERANCE = 1e-10
"""Share of a link's capacity by which rounding may overfill it [1]; the replay allows 1e-9."""


@dataclass(frozen=True)
class Schedule:
    """When and where each mover goes.

    Parameters
    ----------
    choice
        Column of each mover, shape (M,).
    start_s, end_s
        Shape (M,) [s]; end is start + time in floating point.
    host
        Target of each mover, shape (M,).
    tail_s
        Time that each mover's source takes to switch off, shape (M,) [s].
    """

    choice: Ints
    start_s: Floats
    end_s: Floats
    host: Ints
    tail_s: Floats

    @property
    def finish_s(self) -> float:
        """When the last move has ended and its source is off [s]."""
        return float((self.end_s + self.tail_s).max(initial=0.0))


@dataclass(frozen=True)
class Urgency:
    """How the next move is chosen: the smallest key goes first.

    Parameters
    ----------
    key
        Fixed part of the key of each mover, shape (M,); larger is more urgent.
    by_source
        Whether the source with the most work left goes first, before the key.
    """

    key: Floats
    by_source: bool


@dataclass(frozen=True)
class Guide:
    """What may run side by side on a link: a start that fits none of the patterns waits.

    Parameters
    ----------
    rates
        The link's rates, descending [bytes/s].
    patterns
        How many moves at each rate or more, one tuple a pattern.
    """

    rates: tuple[float, ...]
    patterns: tuple[tuple[int, ...], ...]


class Dispatcher:
    """Schedules assignments of one problem.

    Parameters
    ----------
    problem, classes, columns
        What the assignments speak of.
    """

    def __init__(self, problem: Problem, classes: Classes, columns: Columns) -> None:
        self._problem = problem
        self._classes = classes
        self._columns = columns
        movers = range(len(problem.movers))
        self._groups: list[list[int]] = [[] for _ in movers]
        for g, group in enumerate(problem.not_at_once):
            for v in group:
                self._groups[v].append(g)
        self._next: list[list[int]] = [[] for _ in movers]
        for a, b in problem.before:
            self._next[a].append(b)
        grouped = {v for group in (*problem.together, *problem.separate) for v in group}
        self._bound_early = [v in grouped for v in movers]
        self._allowed = problem.allowed
        self._max_out: list[int] = problem.max_out.tolist()
        self._max_in: list[int] = problem.max_in.tolist()
        self._not_ready = [(ready, h) for h, ready in enumerate(problem.ready_s.tolist()) if ready > 0]
        self._capacity: list[float] = problem.network.capacity_bytes_per_s.tolist()
        # Where links in front of hosts are shared, the end of any move may open a host of any class.
        shared = bool((classes.tail[:, :, :-1] >= 0).any())
        self._pool = [-1 if shared else c for c in range(len(classes.members))]
        self._pool_of_host = {h: self._pool[c] for c, hosts in enumerate(classes.members) for h in hosts}
        self._source: list[int] = problem.source_of.tolist()
        self._memory, self._vcpus = problem.memory.tolist(), problem.vcpus.tolist()
        self._tail = classes.tails

    def run(
        self,
        choice: Ints,
        home: Ints,
        urgency: Urgency,
        guides: Mapping[int, Guide] | None = None,
        lanes: Sequence[tuple[int, ...]] | None = None,
    ) -> Schedule:
        """Schedule one assignment.

        Parameters
        ----------
        choice
            Column of each mover, shape (M,).
        home
            Host reserved for each mover, shape (M,).
        urgency
            Who goes first.
        guides
            Patterns to keep to, by link; none where absent.
        lanes
            Numbers of the lanes that each mover takes; moves in one lane follow each other.
        """
        return _Run(self, choice, home, urgency, guides or {}, lanes).schedule()


class _Run:
    """One pass of the dispatcher."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        choice: Ints,
        home: Ints,
        urgency: Urgency,
        guides: Mapping[int, Guide],
        lanes: Sequence[tuple[int, ...]] | None,
    ) -> None:
        self._guides = guides
        self._counts = {link: [0] * len(guide.rates) for link, guide in guides.items()}
        self._d = dispatcher
        problem, columns = dispatcher._problem, dispatcher._columns
        self._choice = choice
        self._time: list[float] = columns.time_s[choice].tolist()
        self._rate: list[float] = columns.rate[choice].tolist()
        self._class: list[int] = columns.klass[choice].tolist()
        self._home: list[int] = home.tolist()
        trunk = dispatcher._classes.trunk
        self._trunk: list[tuple[int, ...]] = [
            trunk[s][c] or () for s, c in zip(dispatcher._source, self._class, strict=True)
        ]
        self._rank: list[int] = np.argsort(np.argsort(-urgency.key, kind="stable"), kind="stable").tolist()
        self._by_source = urgency.by_source
        self._free = list(dispatcher._capacity)
        self._slack = [capacity * RATE_TOLERANCE for capacity in dispatcher._capacity]
        self._out = list(dispatcher._max_out)
        self._in = list(dispatcher._max_in)
        # A lane is one more group of which one is in migration at a time; their numbers follow those of the rules.
        rules = len(problem.not_at_once)
        self._groups = dispatcher._groups
        if lanes is not None:
            self._groups = [
                [*groups, *(rules + lane for lane in mine)] for groups, mine in zip(self._groups, lanes, strict=True)
            ]
        self._busy_group = [False] * (rules + 1 + max((max(mine, default=-1) for mine in lanes or ()), default=-1))
        count = len(problem.movers)
        self._order = Order(dispatcher._next)
        self._work = np.bincount(
            problem.source_of, weights=columns.time_s[choice] * columns.rate[choice], minlength=len(problem.sources)
        ).tolist()
        # Room that no reservation claims, and who is reserved where.
        self._spare_memory: list[int] = (
            problem.free_memory - _sum_at(home, problem.memory, len(problem.targets))
        ).tolist()
        self._spare_vcpus: list[int] = (
            problem.free_vcpus - _sum_at(home, problem.vcpus, len(problem.targets))
        ).tolist()
        self._reserved: list[set[int]] = [set() for _ in problem.targets]
        for v, host in enumerate(self._home):
            self._reserved[host].add(v)
        self._waiting: dict[Hashable, list[int]] = {}
        self._start = [0.0] * count
        # A move that never starts, because no pattern has a place for it, never ends.
        self._end = [math.inf] * count

    def schedule(self) -> Schedule:
        ready = self._order.free()
        # Hosts that get ready stand in the queue of events behind the movers.
        count = len(self._end)
        running = [(ready, count + h) for ready, h in self._d._not_ready]
        heapq.heapify(running)
        for _, h in self._d._not_ready:
            self._in[h] = 0
        now = 0.0
        while True:
            for v in self._by_urgency(ready):
                blocker = self._blocker(v)
                if blocker is not None:
                    self._waiting.setdefault(blocker, []).append(v)
                    continue
                self._begin(v, now)
                heapq.heappush(running, (self._end[v], v))
            if not running:
                break
            now = running[0][0]
            ready = []
            while running and running[0][0] == now:
                which = heapq.heappop(running)[1]
                ready += self._finish(which) if which < count else self._get_ready(which - count)
        return Schedule(
            self._choice,
            np.array(self._start),
            np.array(self._end),
            np.array(self._home, dtype=np.int64),
            self._d._problem.tail_s,
        )

    def _by_urgency(self, ready: list[int]) -> list[int]:
        """Return the moves in the order in which they may start."""
        ready.sort(key=self._rank.__getitem__)
        if self._by_source:
            # The sort is stable: within a source the rank decides.
            work, source = self._work, self._d._source
            ready.sort(key=lambda v: -work[source[v]])
        return ready

    def _blocker(self, v: int) -> Hashable | None:
        """Return the first resource that keeps a move from starting now, or None; binds its host if none does."""
        source, rate = self._d._source[v], self._rate[v]
        if self._out[source] == 0:
            return ("out", source)
        for group in self._groups[v]:
            if self._busy_group[group]:
                return ("group", group)
        for link in self._trunk[v]:
            if rate > self._free[link] + self._slack[link]:
                return link
        for link in self._trunk[v] if self._guides else ():
            if not self._in_pattern(link, rate):
                return link
        return None if self._bind(v) else ("class", self._d._pool[self._class[v]])

    def _in_pattern(self, link: int, rate: float) -> bool:
        """Return whether a link's guide has a pattern for what runs and one more move at a rate."""
        guide = self._guides.get(link)
        if guide is None:
            return True
        counts = self._counts[link]
        more = [count + (rate >= step) for count, step in zip(counts, guide.rates, strict=True)]
        return any(all(map(le, more, pattern)) for pattern in guide.patterns)

    def _count(self, link: int, rate: float, change: int) -> None:
        guide = self._guides.get(link)
        if guide is not None:
            counts = self._counts[link]
            for r, step in enumerate(guide.rates):
                if rate >= step:
                    counts[r] += change

    def _open(self, v: int, host: int) -> bool:
        """Return whether a host can take in a move now."""
        if self._in[host] == 0:
            return False
        rate = self._rate[v]
        return all(rate <= self._free[link] + self._slack[link] for link in self._d._tail[self._d._source[v]][host])

    def _bind(self, v: int) -> bool:
        """Settle the host of a move that starts now; False if none of its class is open to it."""
        if self._open(v, self._home[v]):
            return True
        if self._d._bound_early[v]:
            return False
        for host in self._d._classes.members[self._class[v]]:
            if self._d._allowed[v, host] and self._open(v, host) and (self._take(v, host) or self._swap(v, host)):
                return True
        return False

    def _take(self, v: int, host: int) -> bool:
        """Move the reservation to a host with room that nobody claims."""
        memory, vcpus = self._d._memory[v], self._d._vcpus[v]
        if self._spare_memory[host] < memory or self._spare_vcpus[host] < vcpus:
            return False
        self._rebook(v, host)
        return True

    def _swap(self, v: int, host: int) -> bool:
        """Exchange reservations with a move that has not started, if both then fit."""
        mine, d = self._home[v], self._d
        for other in self._reserved[host]:
            if d._bound_early[other] or not d._allowed[other, mine]:
                continue
            more_memory, more_vcpus = d._memory[v] - d._memory[other], d._vcpus[v] - d._vcpus[other]
            if (
                more_memory <= self._spare_memory[host]
                and -more_memory <= self._spare_memory[mine]
                and more_vcpus <= self._spare_vcpus[host]
                and -more_vcpus <= self._spare_vcpus[mine]
            ):
                self._rebook(other, mine)
                self._rebook(v, host)
                return True
        return False

    def _rebook(self, v: int, host: int) -> None:
        memory, vcpus, old = self._d._memory[v], self._d._vcpus[v], self._home[v]
        self._spare_memory[old] += memory
        self._spare_vcpus[old] += vcpus
        self._spare_memory[host] -= memory
        self._spare_vcpus[host] -= vcpus
        self._reserved[old].discard(v)
        self._reserved[host].add(v)
        self._home[v] = host

    def _woken(self, resource: Hashable) -> list[int]:
        """Return the moves that a freed resource lets look again; those too fast for what is free of a link wait on."""
        waiting = self._waiting.pop(resource, None)
        if waiting is None:
            return []
        if not isinstance(resource, int):
            return waiting
        room, rate = self._free[resource] + self._slack[resource], self._rate
        still = [v for v in waiting if rate[v] > room]
        if still:
            self._waiting[resource] = still
            return [v for v in waiting if rate[v] <= room]
        return waiting

    def _begin(self, v: int, now: float) -> None:
        source, rate, host = self._d._source[v], self._rate[v], self._home[v]
        self._start[v] = now
        self._end[v] = now + self._time[v]
        self._out[source] -= 1
        self._in[host] -= 1
        self._work[source] -= self._time[v] * rate
        self._reserved[host].discard(v)
        for link in (*self._trunk[v], *self._d._tail[source][host]):
            self._free[link] -= rate
            self._count(link, rate, 1)
        for group in self._groups[v]:
            self._busy_group[group] = True

    def _get_ready(self, host: int) -> list[int]:
        """Open a host that can receive from now on, and return the moves that waited for such a one."""
        self._in[host] = self._d._max_in[host]
        return self._woken(("class", self._d._pool_of_host[host]))

    def _finish(self, v: int) -> list[int]:
        """Free what a move held and return the moves that waited for it."""
        source, rate, host = self._d._source[v], self._rate[v], self._home[v]
        freed: list[Hashable] = [("out", source), ("class", self._d._pool[self._class[v]])]
        self._out[source] += 1
        self._in[host] += 1
        for link in (*self._trunk[v], *self._d._tail[source][host]):
            self._free[link] += rate
            self._count(link, rate, -1)
            freed.append(link)
        for group in self._groups[v]:
            self._busy_group[group] = False
            freed.append(("group", group))
        return [*(waiter for resource in freed for waiter in self._woken(resource)), *self._order.end(v)]


def _sum_at(home: Ints, size: Ints, hosts: int) -> Ints:
    total = np.zeros(hosts, dtype=np.int64)
    np.add.at(total, home, size)
    return total
