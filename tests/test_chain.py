"""Who waits for whom: whoever starts when those it waits for have ended never overfills anything."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pytest

from planner.plan.chain import Interval, predecessors
from tests.optimize_support import Task, overfilled

Capacity = dict[Hashable, float]
LINKS = [("link", number) for number in range(3)]
SHARES = [1.0, 0.5, 1 / 3, 0.3, 0.1, 1 / 7]


def random_schedule(seed: int) -> tuple[list[Interval], Capacity]:
    """Return moves placed one after the other at random, each at a moment from which it fits."""
    rng = np.random.default_rng(seed)
    capacity: Capacity = {link: float(rng.choice([1.0, 1.25e9, 3.0])) for link in LINKS}
    capacity |= {("out", 0): float(rng.integers(1, 4)), ("group", 0): 1.0}
    intervals: list[Interval] = []
    for _ in range(int(rng.integers(2, 12))):
        uses: dict[Hashable, float] = {}
        for resource, limit in capacity.items():
            if rng.random() < 0.6:
                uses[resource] = float(rng.choice(SHARES)) * limit if resource in LINKS else 1.0
        order = rng.random() < 0.3 and len(intervals) > 0
        after = [int(rng.integers(len(intervals)))] if order else []
        ready = max((intervals[i].end_s for i in after), default=0.0)
        length = float(rng.uniform(0.5, 5.0))
        starts = sorted({ready, *(i.end_s for i in intervals if i.end_s > ready), ready + float(rng.uniform(0, 3))})
        start = next(at for at in starts if fits(intervals, capacity, Interval(at, at + length, uses)))
        intervals.append(Interval(start, start + length, uses, after))
    shuffled = rng.permutation(len(intervals)).tolist()
    place = {old: new for new, old in enumerate(shuffled)}
    return [
        Interval(i.start_s, i.end_s, i.uses, [place[a] for a in i.after]) for i in (intervals[old] for old in shuffled)
    ], capacity


def fits(intervals: Sequence[Interval], capacity: Capacity, new: Interval) -> bool:
    everyone = [*intervals, new]
    starts = {i: interval.start_s for i, interval in enumerate(everyone)}
    ends = [interval.end_s for interval in everyone]
    return not overfilled(tasks(everyone, capacity, [end - starts[i] for i, end in enumerate(ends)]), starts)


def tasks(intervals: Sequence[Interval], capacity: Capacity, lasts: Sequence[float]) -> list[Task]:
    return [
        Task(i, lasts[i], {resource: amount / capacity[resource] for resource, amount in interval.uses.items()})
        for i, interval in enumerate(intervals)
    ]


def carried_out(waits: Sequence[Sequence[int]], lasts: Sequence[float], earliest: Sequence[float]) -> dict[int, float]:
    """Return the real starts of moves that take their real time and wait for nothing but what they must."""
    starts: dict[int, float] = {}
    while len(starts) < len(waits):
        ready = [i for i, wait in enumerate(waits) if i not in starts and all(j in starts for j in wait)]
        assert ready, "moves wait for each other in a circle"
        for i in ready:
            starts[i] = max([earliest[i], *(starts[j] + lasts[j] for j in waits[i])])
    return starts


@pytest.mark.parametrize("seed", range(60))
def test_capacities_hold_however_long_the_moves_take(seed: int) -> None:
    intervals, capacity = random_schedule(seed)
    waits = predecessors(intervals, capacity)
    rng = np.random.default_rng(seed)
    planned = [interval.end_s - interval.start_s for interval in intervals]
    for factors in (np.ones(len(planned)), rng.uniform(1, 4, len(planned)), rng.uniform(0.1, 4, len(planned))):
        lasts = (np.array(planned) * factors).tolist()
        for earliest in ([interval.start_s for interval in intervals], [0.0] * len(intervals)):
            starts = carried_out(waits, lasts, earliest)
            assert overfilled(tasks(intervals, capacity, lasts), starts) == []


@pytest.mark.parametrize("seed", range(60))
def test_nobody_waits_for_who_ends_later_nor_for_itself(seed: int) -> None:
    intervals, capacity = random_schedule(seed)
    for interval, wait in zip(intervals, predecessors(intervals, capacity), strict=True):
        assert list(wait) == sorted(set(wait))
        assert set(interval.after) <= set(wait)
        assert all(intervals[j].end_s <= interval.start_s for j in wait)


@pytest.mark.parametrize("seed", range(60))
def test_nobody_waits_for_who_shares_nothing(seed: int) -> None:
    intervals, capacity = random_schedule(seed)
    for interval, wait in zip(intervals, predecessors(intervals, capacity), strict=True):
        for j in set(wait) - set(interval.after):
            assert set(intervals[j].uses) & set(interval.uses)


def test_what_was_always_free_is_taken_first() -> None:
    half: Capacity = {"link": 0.5}
    intervals = [Interval(0, 4, half), Interval(4, 6, half), Interval(4, 6, half)]
    assert predecessors(intervals, {"link": 1.0}) == [(), (), (0,)]


def test_one_wait_serves_for_several_resources() -> None:
    """The second link could be had from either; the one that is waited for anyway is enough."""
    intervals = [
        Interval(0, 1, {"b": 1.0}),
        Interval(0, 2, {"a": 1.0, "b": 1.0}),
        Interval(2, 3, {"a": 1.0, "b": 1.0}),
    ]
    assert predecessors(intervals, {"a": 1.0, "b": 2.0})[2] == (1,)


def test_a_share_put_together_from_several_waits_for_all_of_them() -> None:
    third: Capacity = {"link": 1 / 3}
    intervals = [Interval(0, 1, third), Interval(0, 2, third), Interval(0, 3, third), Interval(3, 4, {"link": 1.0})]
    assert predecessors(intervals, {"link": 1.0})[3] == (0, 1, 2)


def test_crumbs_of_rounding_are_no_reason_to_wait() -> None:
    intervals = [
        Interval(0, 1, {"link": 0.1}),
        Interval(0, 1, {"link": 0.2}),
        Interval(0, 1, {"link": 0.7}),
        Interval(1, 2, {"link": 0.1 + 0.2}),
    ]
    assert predecessors(intervals, {"link": 1.0})[3] == (0, 1)


def test_who_waits_by_rule_waits_even_where_all_is_free() -> None:
    intervals = [Interval(0, 1, {}), Interval(5, 6, {}, after=(0,))]
    assert predecessors(intervals, {}) == [(), (0,)]
