"""The list schedule of moves that may wait for each other's room: event by event, what fits starts, most urgent first.

A move waits on the first flow or stock that it finds short and is looked at again when that is given back.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from planner.optimize.order import Order
from planner.optimize.room_schedule import FIT_TOLERANCE, Flow, Stock, Task


def dispatch(
    tasks: Sequence[Task], free: Mapping[Stock, int], rank: Sequence[float], line: Sequence[float] | None = None
) -> tuple[float | None, ...]:
    """Return the starts of a schedule [s]; None for moves that wait for each other's room in a circle.

    Parameters
    ----------
    tasks, free
        See `planner.optimize.room_schedule.schedule`.
    rank
        The smallest goes first.
    line
        Nobody takes of a stock for which one with a smaller number here still waits. Slower, and free of circles
        where each task has room once those before it are done. None: no such line.
    """
    return _Run(tasks, free, rank, line).starts()


class _Run:
    """One pass."""

    def __init__(
        self, tasks: Sequence[Task], free: Mapping[Stock, int], rank: Sequence[float], line: Sequence[float] | None
    ) -> None:
        self._tasks = tasks
        self._rank = rank
        self._stock = dict(free)
        self._used: dict[Flow, float] = {flow: 0.0 for task in tasks for flow, _ in task.flows}
        followers: list[list[int]] = [[] for _ in tasks]
        for i, task in enumerate(tasks):
            for j in task.after:
                followers[j].append(i)
        self._order = Order(followers)
        self._start: list[float | None] = [None] * len(tasks)
        self._waiting: dict[object, list[int]] = {}
        self._line: dict[Stock, list[int]] = {}
        for i in sorted(range(len(tasks)), key=line.__getitem__) if line is not None else ():
            for stock, _ in tasks[i].takes:
                self._line.setdefault(stock, []).append(i)

    def starts(self) -> tuple[float | None, ...]:
        ready = self._order.free()
        running: list[tuple[float, int]] = []
        # Times at which hosts become ready count as events.
        heads = sorted({task.head_s for task in self._tasks if task.head_s > 0}, reverse=True)
        now = 0.0
        while True:
            fresh = sorted(ready, key=self._rank.__getitem__)
            while fresh:
                again: list[int] = []
                for i in fresh:
                    blocker = self._blocker(i, now)
                    if blocker is not None:
                        self._waiting.setdefault(blocker, []).append(i)
                        continue
                    again += self._begin(i, now)
                    heapq.heappush(running, (now + self._tasks[i].time_s, i))
                fresh = sorted(again, key=self._rank.__getitem__)
            if not running and not heads:
                break
            now = min([*heads[-1:], *(end for end, _ in running[:1])])
            ready = []
            while heads and heads[-1] <= now:
                ready += self._waiting.pop(("ready", heads.pop()), [])
            while running and running[0][0] == now:
                ready += self._finish(heapq.heappop(running)[1])
        return tuple(self._start)

    def _blocker(self, i: int, now: float) -> object | None:
        """Return what keeps a task from starting now, or None."""
        task = self._tasks[i]
        if task.head_s > now:
            return ("ready", task.head_s)
        for flow, share in task.flows:
            if self._used[flow] + share > 1.0 + FIT_TOLERANCE:
                return flow
        for stock, amount in task.takes:
            if self._stock.get(stock, amount) < amount:
                return stock
            line = self._line.get(stock)
            if line and line[0] != i:
                return ("line", stock)
        return None

    def _begin(self, i: int, now: float) -> list[int]:
        """Start a task and return those that may look again."""
        task = self._tasks[i]
        self._start[i] = now
        for flow, share in task.flows:
            self._used[flow] += share
        woken: list[int] = []
        for stock, amount in task.takes:
            if stock in self._stock:
                self._stock[stock] -= amount
            line = self._line.get(stock)
            if line:
                line.remove(i)
                woken += self._waiting.pop(("line", stock), [])
        return woken

    def _finish(self, i: int) -> list[int]:
        task = self._tasks[i]
        woken: list[int] = []
        for flow, share in task.flows:
            self._used[flow] = max(0.0, self._used[flow] - share)
            woken += self._waiting.pop(flow, [])
        for stock, amount in task.gives:
            if stock in self._stock:
                self._stock[stock] += amount
                woken += self._waiting.pop(stock, [])
        return woken + self._order.end(i)
