"""The exact schedule of few moves, and the conflict among moves that no order reconciles.

All that moves compete for is one kind of thing here: a resource with a capacity, of which a move takes an amount
while it runs (bandwidth of a directed link, a migration slot of a host, the right to run of a not_at_once group).

The search starts moves in the order of their start times, each as early as what is already placed allows. That
is complete for the makespan: sorting any schedule by its starts and pushing each move to the left in that order
never makes one end later, and doing so again and again ends in a schedule that is in its own order.
"""

from __future__ import annotations

from dataclasses import dataclass

from planner.optimize.classes import Classes
from planner.optimize.options import Columns
from planner.optimize.problem import Ints, Problem

Resource = tuple[str, int]
"""A resource: ``("link", directed link)``, ``("out", source)``, ``("in", target)`` or ``("group", not_at_once)``."""

FIT_TOLERANCE = 1e-10
"""Share of a capacity by which rounding may overfill it [1]."""


@dataclass(frozen=True, slots=True)
class Item:
    """A move as the exact search sees it.

    Parameters
    ----------
    mover
        Its index.
    time_s
        Its duration [s].
    uses
        Resources it takes while it runs, with the share of their capacity [1].
    head_s, tail_s
        When its target is ready, and the time that its source takes to switch off after it [s].
    """

    mover: int
    time_s: float
    uses: tuple[tuple[Resource, float], ...]
    head_s: float = 0.0
    tail_s: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What the search found.

    Parameters
    ----------
    starts
        Start of each item [s], or None if none was found within the limit.
    complete
        Whether the search was not cut short: without starts, the proof that none exists; with starts, that
        they are the earliest finish, if that was asked for.
    """

    starts: dict[int, float] | None
    complete: bool


def items_of(problem: Problem, classes: Classes, columns: Columns, choice: Ints, host: Ints) -> list[Item]:
    """Return the moves of an assignment as items.

    Parameters
    ----------
    choice, host
        Column and target of each mover, shape (M,).
    """
    groups: list[list[Resource]] = [[] for _ in problem.movers]
    for g, group in enumerate(problem.not_at_once):
        for v in group:
            groups[v].append(("group", g))
    capacity = problem.network.capacity_bytes_per_s
    items = []
    for v, k in enumerate(choice.tolist()):
        s, c, h = int(problem.source_of[v]), int(columns.klass[k]), int(host[v])
        links = classes.links(s, c, h)
        uses: list[tuple[Resource, float]] = [
            (("link", link), float(columns.rate[k] / capacity[link])) for link in links
        ]
        uses.append((("out", s), 1.0 / float(problem.max_out[s])))
        uses.append((("in", h), 1.0 / float(problem.max_in[h])))
        uses += [(group, 1.0) for group in groups[v]]
        head_s, tail_s = float(problem.ready_s[h]), float(problem.off_s[s])
        items.append(Item(v, float(columns.time_s[k]), tuple(uses), head_s, tail_s))
    return items


def schedule(
    items: list[Item], before: tuple[tuple[int, int], ...], limit_s: float, nodes: int, *, shortest: bool = False
) -> Answer:
    """Search a schedule that ends within a limit.

    Parameters
    ----------
    items
        The moves.
    before
        Pairs of movers (a, b): a has ended before b starts; pairs that concern others are ignored.
    limit_s
        When all must have ended [s].
    nodes
        Steps after which the search gives up.
    shortest
        Go on to the earliest finish instead of stopping at the first schedule within the limit.
    """
    return _Search(items, before, limit_s, nodes, shortest).run()


class _Search:
    """Depth-first search over the order of starts."""

    def __init__(
        self, items: list[Item], before: tuple[tuple[int, int], ...], limit_s: float, nodes: int, shortest: bool
    ) -> None:
        self._items = sorted(items, key=lambda item: -item.time_s)
        here = {item.mover: i for i, item in enumerate(self._items)}
        self._after: list[list[int]] = [[] for _ in items]
        for a, b in before:
            if a in here and b in here:
                self._after[here[b]].append(here[a])
        self._limit = limit_s
        self._nodes = nodes
        self._shortest = shortest
        self._best: list[float] | None = None
        self._starts: list[float | None] = [None] * len(items)
        self._resources: dict[Resource, list[tuple[int, float]]] = {}
        for i, item in enumerate(self._items):
            for resource, amount in item.uses:
                self._resources.setdefault(resource, []).append((i, amount))

    def run(self) -> Answer:
        exhausted = self._extend(0, 0.0, -1)
        if self._best is None:
            return Answer(None, exhausted)
        return Answer({item.mover: start for item, start in zip(self._items, self._best, strict=True)}, exhausted)

    def _extend(self, placed: int, last: float, last_index: int) -> bool:
        """Place one more; return whether the subtree was searched to its end (or the search may stop)."""
        if placed == len(self._items):
            self._best = [start for start in self._starts if start is not None]
            ends = (s + i.time_s + i.tail_s for s, i in zip(self._best, self._items, strict=True))
            self._limit = max(ends, default=0.0)
            return True
        if not self._can_still_fit(last):
            return True
        for i, item in enumerate(self._items):
            if self._starts[i] is not None:
                continue
            if self._nodes <= 0:
                return False
            self._nodes -= 1
            start = self._earliest(i, last)
            if start is None or (start == last and i < last_index):
                continue
            end = start + item.time_s + item.tail_s
            if end > self._limit or (self._best is not None and end >= self._limit):
                continue
            self._starts[i] = start
            exhausted = self._extend(placed + 1, start, i)
            self._starts[i] = None
            if not exhausted:
                return False
            if self._best is not None and not self._shortest:
                return True
        return True

    def _earliest(self, i: int, last: float) -> float | None:
        """Return the earliest start of an item not before `last`, or None if a predecessor is not placed."""
        floor = max(last, self._items[i].head_s)
        for a in self._after[i]:
            start = self._starts[a]
            if start is None:
                return None
            floor = max(floor, start + self._items[a].time_s)
        ends = {floor}
        for j, start in enumerate(self._starts):
            if start is not None and start + self._items[j].time_s > floor:
                ends.add(start + self._items[j].time_s)
        return next(at for at in sorted(ends) if self._fits(i, at))

    def _fits(self, i: int, at: float) -> bool:
        """Return whether an item fits from a time on; nothing placed starts later, so use only falls."""
        for resource, amount in self._items[i].uses:
            used = amount
            for j, share in self._resources[resource]:
                start = self._starts[j]
                if start is not None and start <= at < start + self._items[j].time_s:
                    used += share
            if used > 1.0 + FIT_TOLERANCE:
                return False
        return True

    def _can_still_fit(self, last: float) -> bool:
        """Return whether what is left, which starts at `last` or later, fits each resource by volume."""
        for users in self._resources.values():
            volume = 0.0
            for i, amount in users:
                start = self._starts[i]
                if start is None:
                    volume += amount * self._items[i].time_s
                else:
                    volume += amount * max(0.0, start + self._items[i].time_s - last)
            if volume > (self._limit - last) * (1.0 + 1e-9) + 1e-9:
                return False
        return True


def conflict(items: list[Item], before: tuple[tuple[int, int], ...], limit_s: float, nodes: int) -> list[Item]:
    """Shrink moves that fit no schedule to a part that fits none either and from which nothing can be taken.

    Parameters
    ----------
    items
        Moves for which the search was exhausted without a schedule.
    """
    kept = list(items)
    for item in list(items):
        fewer = [other for other in kept if other is not item]
        answer = schedule(fewer, before, limit_s, nodes)
        if answer.starts is None and answer.complete:
            kept = fewer
    return kept
