"""Cuts forbid only what fits no schedule, and always the assignment from which they were made."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import product

import numpy as np
import pytest

from planner.inventory.models import Approach
from planner.optimize.benders import CutMaker
from planner.optimize.exact import items_of, schedule
from planner.optimize.model import Cut
from planner.optimize.options import Columns
from planner.optimize.problem import Ints
from tests.optimize_support import (
    Compiled,
    compiled,
    compiled_case,
    host,
    naive_finish,
    shared_link_case,
    star,
    task_of,
    vm,
)
from tests.truth.inventories import Case, random_case

MOST_TRIED = 60
"""Assignments of a cut that are tried, at random where there are more."""
CASES = [("random", seed) for seed in range(24)] + [("shared", seed) for seed in range(24)]


def case_of(kind: str, seed: int) -> Case:
    return random_case(seed, max_movers=4) if kind == "random" else shared_link_case(seed)


def finish_of(made: Compiled, columns: Columns, chosen: dict[int, int]) -> float:
    """Return the earliest finish of some movers with the columns chosen for them [s]."""
    problem = made.problem
    tasks = [
        task_of(problem, v, made.classes.members[columns.klass[k]][0], float(columns.rate[k]), float(columns.time_s[k]))
        for v, k in chosen.items()
    ]
    before: list[tuple[Hashable, Hashable]] = list(problem.before)
    return naive_finish(tasks, before)


def random_assignments(columns: Columns, movers: int, seed: int, count: int) -> list[Ints]:
    rng = np.random.default_rng(seed)
    own = [np.flatnonzero(columns.mover == v) for v in range(movers)]
    if not all(len(choices) for choices in own):
        return []
    return [np.array([rng.choice(choices) for choices in own]) for _ in range(count)]


def violations(cut: Cut, columns: Columns, seed: int) -> list[dict[int, int]]:
    """Return choices of movers, one each, that a cut forbids together."""
    by_mover: dict[int, list[int]] = {}
    for k in cut.columns.tolist():
        by_mover.setdefault(int(columns.mover[k]), []).append(k)
    assert len(by_mover) == cut.most + 1, "one more mover than may keep its choice"
    ways = np.prod([len(own) for own in by_mover.values()])
    if ways <= MOST_TRIED:
        return [dict(zip(by_mover, way, strict=True)) for way in product(*by_mover.values())]
    rng = np.random.default_rng(seed)
    return [{v: int(rng.choice(own)) for v, own in by_mover.items()} for _ in range(MOST_TRIED)]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_what_a_cut_forbids_fits_no_schedule(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed), single=True)
    problem, columns = made.problem, made.columns()
    maker = CutMaker(problem, made.classes, columns)
    for choice in random_assignments(columns, len(problem.movers), seed, 3):
        window_s = 0.8 * finish_of(made, columns, dict(enumerate(choice.tolist())))
        items = items_of(problem, made.classes, columns, choice, columns.klass[choice])
        cut = maker.cut(items, choice, window_s)
        assert np.isin(choice, cut.columns).sum() > cut.most, "the assignment itself is not cut off"
        for chosen in violations(cut, columns, seed):
            assert finish_of(made, columns, chosen) > window_s


@pytest.mark.parametrize(("kind", "seed"), CASES[::2])
def test_every_assignment_fits_or_is_cut_off(kind: str, seed: int) -> None:
    """The loop that proves: an assignment has a schedule within the window, or a cut that it violates."""
    made = compiled_case(case_of(kind, seed), single=True)
    problem, columns = made.problem, made.columns()
    maker = CutMaker(problem, made.classes, columns)
    for choice in random_assignments(columns, len(problem.movers), seed, 3):
        items = items_of(problem, made.classes, columns, choice, columns.klass[choice])
        finish = finish_of(made, columns, dict(enumerate(choice.tolist())))
        answer = schedule(items, problem.before, problem.deadline_s, 100_000)
        assert answer.complete
        assert (answer.starts is not None) == (finish <= problem.deadline_s)
        if answer.starts is None:
            cut = maker.cut(items, choice, problem.deadline_s)
            assert np.isin(choice, cut.columns).sum() > cut.most


def test_a_cut_covers_the_destinations_that_make_no_difference() -> None:
    """Two VMs that fill the link of their source cannot go in the time of one, wherever they go."""
    hosts = [host(name, max_incoming=9) for name in ("src", "t1", "t2", "t3")]
    cluster = star(hosts, [vm("a"), vm("b")], approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 1.5, single=True)
    columns = made.columns()
    choice = np.array([np.flatnonzero((columns.mover == v) & (columns.klass == 0))[0] for v in range(2)])
    items = items_of(made.problem, made.classes, columns, choice, columns.klass[choice])
    cut = CutMaker(made.problem, made.classes, columns).cut(items, choice, 1.5)
    assert cut.most == 1
    assert {int(c) for c in columns.klass[cut.columns]} == {0, 1, 2}


def test_a_cut_spares_the_destinations_that_help() -> None:
    """Two VMs from two sources collide at the one target only."""
    hosts = [host(name) for name in ("src", "src2", "t1", "t2")]
    cluster = star(hosts, [vm("a"), vm("b", "src2")], approaches=[Approach.COLD])
    made = compiled(cluster, ["src", "src2"], 1.5, single=True)
    columns = made.columns()
    choice = np.array([np.flatnonzero((columns.mover == v) & (columns.klass == 0))[0] for v in range(2)])
    items = items_of(made.problem, made.classes, columns, choice, columns.klass[choice])
    cut = CutMaker(made.problem, made.classes, columns).cut(items, choice, 1.5)
    assert cut.most == 1
    assert {int(c) for c in columns.klass[cut.columns]} == {0}


def test_a_cut_spares_what_is_quicker() -> None:
    """At half the rate one VM outlasts the window by itself; at the full rate it does not."""
    cluster = star([host("src"), host("t1")], [vm("a"), vm("b")], approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 10.0, single=True)
    columns = made.columns()
    slow = [int(np.flatnonzero((columns.mover == v) & (columns.time_s == 2.0))[0]) for v in range(2)]
    choice = np.array(slow)
    items = items_of(made.problem, made.classes, columns, choice, columns.klass[choice])
    cut = CutMaker(made.problem, made.classes, columns).cut(items, choice, 1.5)
    assert cut.most == 0
    assert columns.time_s[cut.columns].min() >= 2.0
    assert len({int(v) for v in columns.mover[cut.columns]}) == 1
