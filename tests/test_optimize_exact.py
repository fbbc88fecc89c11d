"""The exact schedule of few moves against all orders, and conflicts from which nothing can be taken."""

from __future__ import annotations

import numpy as np
import pytest

from planner.inventory.models import Before, NotAtOnce
from planner.optimize.exact import Answer, Item, conflict, items_of, schedule
from tests.optimize_support import Task, compiled, host, naive_finish, overfilled, star, task_of, vm

NODES = 100_000
Pairs = tuple[tuple[int, int], ...]


def random_items(seed: int, most: int = 5) -> tuple[list[Item], Pairs]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, most + 1))
    items = []
    for v in range(count):
        uses = [
            (("link", r), float(rng.choice([1.0, 0.75, 0.5, 1 / 3, 0.25, 0.3])))
            for r in range(3)
            if rng.random() < (0.8, 0.5, 0.3)[r]
        ]
        if rng.random() < 0.3:
            uses.append((("group", 0), 1.0))
        items.append(Item(v, float(rng.choice([1.0, 2.0, 3.0, rng.uniform(0.1, 4.0)])), tuple(uses)))
    order = rng.permutation(count).tolist()
    before = tuple((a, b) for i, a in enumerate(order) for b in order[i + 1 :] if rng.random() < 0.2)
    return items, before


def tasks(items: list[Item]) -> list[Task]:
    return [Task(item.mover, item.time_s, dict(item.uses)) for item in items]


def check(answer: Answer, items: list[Item], before: Pairs, limit_s: float) -> float:
    """Check a schedule and return when it ends [s]."""
    starts = answer.starts
    assert starts is not None
    assert sorted(starts) == sorted(item.mover for item in items)
    ends = {item.mover: starts[item.mover] + item.time_s for item in items}
    assert overfilled(tasks(items), starts) == []
    assert [(a, b) for a, b in before if a in starts and b in starts and ends[a] > starts[b]] == []
    finish = max(ends.values(), default=0.0)
    assert finish <= limit_s
    return finish


@pytest.mark.parametrize("seed", range(60))
def test_shortest_schedule_ends_as_early_as_the_best_of_all_orders(seed: int) -> None:
    items, before = random_items(seed)
    best = naive_finish(tasks(items), before)
    answer = schedule(items, before, best * 3, NODES, shortest=True)
    assert answer.complete
    assert check(answer, items, before, best * 3) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_a_schedule_is_found_where_one_fits_and_proven_absent_where_none_does(seed: int) -> None:
    items, before = random_items(seed)
    best = naive_finish(tasks(items), before)
    enough = schedule(items, before, best * (1 + 1e-9), NODES)
    check(enough, items, before, best * (1 + 1e-9))
    assert schedule(items, before, best * (1 - 1e-6), NODES) == Answer(None, complete=True)


@pytest.mark.parametrize("shortest", [False, True])
def test_a_limit_of_steps_proves_nothing(shortest: bool) -> None:
    items = [Item(v, 1.0 + v, ((("link", 0), 0.6),)) for v in range(6)]
    best = naive_finish(tasks(items))
    assert schedule(items, (), best * 0.999, 10, shortest=shortest) == Answer(None, complete=False)
    late = schedule(items, (), best * 0.999, NODES, shortest=shortest)
    assert late == Answer(None, complete=True)


def test_steps_that_run_out_after_a_first_schedule_leave_it_unproven() -> None:
    items = [Item(v, 1.0 + v % 3, ((("link", 0), (0.6, 0.4, 0.3)[v % 3]),)) for v in range(7)]
    few = schedule(items, (), 100.0, 8, shortest=True)
    assert not few.complete
    check(few, items, (), 100.0)


def test_nothing_to_schedule_is_a_schedule() -> None:
    assert schedule([], (), 1.0, 1) == Answer({}, complete=True)


def test_order_holds_among_those_who_share_nothing() -> None:
    items = [Item(v, 2.0, ((("link", v), 1.0),)) for v in range(3)]
    answer = schedule(items, ((2, 1), (1, 0), (7, 0)), 6.0, NODES, shortest=True)
    assert answer.starts == {2: 0.0, 1: 2.0, 0: 4.0}


@pytest.mark.parametrize("seed", range(40))
def test_a_conflict_fits_no_schedule_and_any_part_of_it_does(seed: int) -> None:
    items, before = random_items(seed)
    limit_s = 0.8 * naive_finish(tasks(items), before)
    members = conflict(items, before, limit_s, NODES)
    assert members
    assert {item.mover for item in members} <= {item.mover for item in items}
    assert naive_finish(tasks(members), before) > limit_s
    for item in members:
        assert naive_finish(tasks([other for other in members if other is not item]), before) <= limit_s


def test_a_conflict_leaves_out_who_has_nothing_to_do_with_it() -> None:
    busy = [Item(v, 2.0, ((("link", 0), 0.9),)) for v in (3, 5)]
    idle = [Item(v, 3.0, ((("link", 1), 0.2),)) for v in (1, 4, 6)]
    assert {item.mover for item in conflict([*busy, *idle], (), 3.5, NODES)} == {3, 5}


def test_a_conflict_that_cannot_be_proven_smaller_stays_as_it_is() -> None:
    items = [Item(v, 1.0 + v, ((("link", 0), 0.6),)) for v in range(6)]
    assert conflict(items, (), naive_finish(tasks(items)) * 0.999, 3) == items


def test_items_take_what_the_route_and_the_rules_say() -> None:
    case = compiled(
        star(
            [host("src", max_outgoing=3), host("t1", max_incoming=4)],
            [vm("a"), vm("b"), vm("c")],
            [NotAtOnce(not_at_once=("a", "c")), Before(before=("b", "c"))],
            {"src": 2e9, "t1": 1e9},
        ),
        ["src"],
        100.0,
        single=True,
    )
    problem, columns = case.problem, case.columns()
    choice = np.array([int(np.flatnonzero(columns.mover == v)[-1]) for v in range(3)])
    items = items_of(problem, case.classes, columns, choice, columns.klass[choice])
    for item, k in zip(items, choice.tolist(), strict=True):
        task = task_of(problem, item.mover, 0, float(columns.rate[k]), float(columns.time_s[k]))
        assert dict(item.uses) == pytest.approx(task.uses)
        assert item.time_s == task.time_s
    assert [("group", 0) in dict(item.uses) for item in items] == [True, False, True]
