"""Who goes first: the rules of priority that the dispatcher is tried with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.optimize.dispatch import Urgency
from planner.optimize.options import Columns
from planner.optimize.order import Order
from planner.optimize.problem import Floats, Ints, Problem


def urgencies(problem: Problem, columns: Columns, choice: Ints, rng: np.random.Generator) -> Iterator[Urgency]:
    """Yield rules of priority without end: a few that tend to be good, then random variations of them.

    Parameters
    ----------
    choice
        Column of each mover, shape (M,).
    """
    time = columns.time_s[choice]
    tail = _tails(problem, time)
    rate = columns.rate[choice]
    rules = [
        Urgency(tail, by_source=True),
        Urgency(tail, by_source=False),
        Urgency(rate * 1e-3 * tail.max(initial=1.0) / rate.max(initial=1.0) * 1e3 + tail * 1e-3, by_source=True),
        Urgency(tail * rate, by_source=False),
    ]
    yield from rules
    spread = 0.05
    while True:
        base = rules[int(rng.integers(len(rules)))]
        yield Urgency(base.key * np.exp(rng.normal(0.0, spread, len(time))), by_source=bool(rng.random() < 0.7))
        spread = min(1.0, spread * 1.05)


def _tails(problem: Problem, time: Floats) -> Floats:
    """Return how long it takes at least from the start of each mover until all that wait for it have ended [s]."""
    tail: list[float] = time.tolist()
    followers: list[list[int]] = [[] for _ in tail]
    for a, b in problem.before:
        followers[a].append(b)
    for v in reversed(_in_order(followers)):
        tail[v] += max((tail[b] for b in followers[v]), default=0.0)
    result = np.array(tail)
    for group in problem.not_at_once:
        members = list(group)
        result[members] = np.maximum(result[members], time[members].sum())
    return result


def _in_order(followers: list[list[int]]) -> list[int]:
    """Return the movers with each before those that wait for it."""
    waiting = Order(followers)
    ready, order = waiting.free(), []
    while ready:
        v = ready.pop()
        order.append(v)
        ready += waiting.end(v)
    return order
