"""The exact schedule of few moves that may wait for each other's room.

Moves compete for two kinds of things. A *flow* is held while a move runs: bandwidth of a directed link, a migration
slot, the right to run of a not_at_once group. A *stock* is taken at a start and given back at an end that may be
another's: memory and vCPUs of a host, the one place that a separate group has there.

Moves are placed in the order of their starts, each as early as what is already placed allows. That is complete for
the earliest finish with stocks, too: nothing placed later starts earlier, so behind the last start the use of flows
and stocks only falls, and the earliest start at which a move fits is the last start or an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FIT_TOLERANCE = 1e-10
"""Share of a flow by which rounding may overfill it [1]."""

Flow = tuple[str, int]
"""``("link", directed link)``, ``("out", host)``, ``("in", host)`` or ``("group", not_at_once)``."""
Stock = tuple[str, int, int]
"""``("memory", 0, host)``, ``("vcpus", 0, host)`` or ``("separate", rule, host)``."""


@dataclass(frozen=True)
class Task:
    """A move.

    Parameters
    ----------
    vm
        Its VM, by index.
    time_s
        Its duration [s].
    flows
        Share of each flow that it holds while it runs [1].
    takes, gives
        What it takes of stocks at its start and gives back at its end.
    after
        Tasks, by index, that have ended before it starts.
    head_s, tail_s
        When its target is ready, and the time that its source takes to switch off after it [s].
    """

    vm: int
    time_s: float
    flows: tuple[tuple[Flow, float], ...]
    takes: tuple[tuple[Stock, int], ...]
    gives: tuple[tuple[Stock, int], ...]
    after: tuple[int, ...]
    head_s: float = 0.0
    tail_s: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What the search found.

    Parameters
    ----------
    starts
        Start of each task [s], or None if none was found.
    complete
        Whether the search was not cut short: without starts, the proof that none exists; with starts, that they
        reach the earliest finish.
    """

    starts: tuple[float, ...] | None
    complete: bool


def schedule(
    tasks: Sequence[Task], free: Mapping[Stock, int], limit_s: float, nodes: int, *, any_will_do: bool
) -> Answer:
    """Search a schedule that ends within a limit, the earliest or any.

    Parameters
    ----------
    tasks
        The moves.
    free
        What there is of each stock before anything moves; stocks that are absent have no limit.
    limit_s
        When all must have ended [s].
    nodes
        Steps after which the search gives up.
    any_will_do
        Whether the first schedule found ends the search.
    """
    return _Search(tasks, free, limit_s, nodes, any_will_do).run()


class _Search:
    """Depth-first search over the order of starts."""

    def __init__(
        self, tasks: Sequence[Task], free: Mapping[Stock, int], limit_s: float, nodes: int, any_will_do: bool
    ) -> None:
        self._tasks = tasks
        self._limit = limit_s
        self._nodes = nodes
        self._any = any_will_do
        self._best: tuple[float, ...] | None = None
        self._starts: list[float | None] = [None] * len(tasks)
        self._free = free
        self._users: dict[Flow, list[tuple[int, float]]] = {}
        self._takers: dict[Stock, list[tuple[int, int]]] = {}
        self._givers: dict[Stock, list[tuple[int, int]]] = {}
        for i, task in enumerate(tasks):
            for flow, share in task.flows:
                self._users.setdefault(flow, []).append((i, share))
            for stock, amount in task.takes:
                self._takers.setdefault(stock, []).append((i, amount))
            for stock, amount in task.gives:
                self._givers.setdefault(stock, []).append((i, amount))
        # The longest first finds good schedules early.
        self._order = sorted(range(len(tasks)), key=lambda i: -tasks[i].time_s)
        self._rank = {i: rank for rank, i in enumerate(self._order)}

    def run(self) -> Answer:
        complete = self._extend(0, 0.0, -1)
        return Answer(self._best, complete)

    def _extend(self, placed: int, last: float, last_rank: int) -> bool:
        """Place one more; return whether the subtree was searched to its end, or the search may stop."""
        if placed == len(self._tasks):
            self._best = tuple(start for start in self._starts if start is not None)
            ends = (s + task.time_s + task.tail_s for s, task in zip(self._best, self._tasks, strict=True))
            self._limit = max(ends, default=0.0)
            return True
        if not self._can_still_fit(last):
            return True
        for i in self._order:
            if self._starts[i] is not None:
                continue
            if self._nodes <= 0:
                return False
            self._nodes -= 1
            start = self._earliest(i, last)
            if start is None or (start == last and self._rank[i] < last_rank):
                continue
            end = start + self._tasks[i].time_s + self._tasks[i].tail_s
            if end > self._limit or (self._best is not None and end >= self._limit):
                continue
            self._starts[i] = start
            complete = self._extend(placed + 1, start, self._rank[i])
            self._starts[i] = None
            if not complete:
                return False
            if self._best is not None and self._any:
                return True
        return True

    def _end(self, i: int) -> float | None:
        start = self._starts[i]
        return None if start is None else start + self._tasks[i].time_s

    def _earliest(self, i: int, last: float) -> float | None:
        """Return the earliest start not before `last` at which a task fits, or None where there is none yet."""
        floor = max(last, self._tasks[i].head_s)
        for j in self._tasks[i].after:
            end = self._end(j)
            if end is None:
                return None
            floor = max(floor, end)
        ends = {end for j in range(len(self._tasks)) if (end := self._end(j)) is not None and end > floor}
        return next((at for at in sorted({floor, *ends}) if self._fits(i, at)), None)

    def _fits(self, i: int, at: float) -> bool:
        for flow, share in self._tasks[i].flows:
            used = share
            for j, other in self._users[flow]:
                end = self._end(j)
                if end is not None and at < end:
                    used += other
            if used > 1.0 + FIT_TOLERANCE:
                return False
        for stock, amount in self._tasks[i].takes:
            if stock not in self._free:
                continue
            left = self._free[stock] - amount
            left -= sum(other for j, other in self._takers[stock] if self._starts[j] is not None)
            for j, other in self._givers.get(stock, ()):
                end = self._end(j)
                if end is not None and end <= at:
                    left += other
            if left < 0:
                return False
        return True

    def _can_still_fit(self, last: float) -> bool:
        """Return whether what is left, which starts at `last` or later, fits each flow by volume."""
        for users in self._users.values():
            volume = 0.0
            for i, share in users:
                end = self._end(i)
                volume += share * (self._tasks[i].time_s if end is None else max(0.0, end - last))
            if volume > (self._limit - last) * (1.0 + 1e-9) + 1e-9:
                return False
        return True
