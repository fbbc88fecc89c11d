"""The dispatcher's schedules keep every capacity and rule; patterns are kept to where they are given."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from planner.inventory.models import Approach, Before, NotAtOnce, Rule, Separate, Together
from planner.inventory.synthesize import synthesize
from planner.optimize.backend import solve
from planner.optimize.dispatch import Dispatcher, Guide, Schedule, Urgency
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import Columns
from planner.optimize.problem import Ints
from planner.optimize.spread import Spreader
from planner.optimize.urgency import urgencies
from tests.optimize_support import (
    GIB,
    Compiled,
    check,
    compiled,
    compiled_case,
    host,
    naive_finish,
    shared_link_case,
    star,
    task_of,
    vm,
)
from tests.truth.inventories import random_case

LONG_S = 60.0
CASES = [
    *(("random", seed) for seed in range(20)),
    *(("shared", seed) for seed in range(16)),
    *(("tight", seed) for seed in range(20)),
    *(("cluster", seed) for seed in range(4)),
]


def tight_case(seed: int) -> Compiled:
    """Return many VMs and few hosts of one class, with little room and one move at a time into each."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 10))
    sizes = rng.choice([1, 2, 3, 4, 6], size=count).tolist()
    vcpus = rng.choice([1, 2, 4], size=count).tolist()
    hosts = [host("src", max_outgoing=9), host("src2", max_outgoing=9)]
    for h in range(3):
        memory = max(6, round(sum(sizes) / 3 * rng.uniform(0.9, 1.4)))
        cpus = max(4, round(sum(vcpus) / 3 * rng.uniform(0.9, 1.6)))
        hosts.append(host(f"t{h}", memory=memory * GIB, cpus=cpus, max_incoming=1))
    vms = [vm(f"vm{i}", str(rng.choice(["src", "src2"])), memory=sizes[i] * GIB, vcpus=vcpus[i]) for i in range(count)]
    vms.append(vm("stays", "t0", memory=1))
    names = [f"vm{i}" for i in rng.permutation(count).tolist()]
    rules: list[Rule] = [Before(before=(names[0], names[2])), Before(before=(names[1], names[2]))]
    rules.append(Separate(separate=(names[0], "stays")))
    if rng.random() < 0.5:
        rules.append(Together(together=(names[3], names[4])))
    if rng.random() < 0.5:
        partners = [each.name for each in vms if each.host != vms[0].host][:1]
        rules += [Separate(separate=(vms[0].name, *partners))] if partners else []
    return compiled(star(hosts, vms, rules, {"src": 1e10, "src2": 1e10}), ["src", "src2"], 1e5)


@cache
def case_of(kind: str, seed: int) -> Compiled:
    if kind == "tight":
        return tight_case(seed)
    if kind == "cluster":
        cluster = synthesize(40, 200, seed)
        return compiled(cluster, [each.name for each in cluster.hosts[:2]], 1e5)
    return compiled_case(random_case(seed) if kind == "random" else shared_link_case(seed))


def assignment(made: Compiled, columns: Columns, seed: int) -> tuple[Ints, Ints] | None:
    """Return a random choice for each mover that leaves together who belongs together, and hosts for it."""
    rng = np.random.default_rng(seed)
    movers = len(made.problem.movers)
    for _ in range(3):
        if not made.classes.members:
            return None
        klass = rng.integers(len(made.classes.members), size=movers)
        for group in made.problem.together:
            klass[list(group)] = klass[group[0]]
        own = [np.flatnonzero((columns.mover == v) & (columns.klass == klass[v])) for v in range(movers)]
        own = [here if len(here) else np.flatnonzero(columns.mover == v) for v, here in enumerate(own)]
        if not all(len(here) for here in own):
            return None
        choice = np.array([rng.choice(here) for here in own])
        if any(len(set(columns.klass[choice[list(group)]].tolist())) > 1 for group in made.problem.together):
            continue
        home, _ = Spreader(made.problem, made.classes, columns, seed).spread(choice, LONG_S)
        if home is not None:
            return choice, home
    return None


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_schedules_keep_every_capacity_and_rule(kind: str, seed: int) -> None:
    made = case_of(kind, seed)
    columns = made.columns()
    found = assignment(made, columns, seed)
    if found is None:
        return
    choice, home = found
    dispatcher = Dispatcher(made.problem, made.classes, columns)
    rules = urgencies(made.problem, columns, choice, np.random.default_rng(seed))
    for _ in range(6):
        schedule = dispatcher.run(choice, home, next(rules))
        assert schedule.choice.tolist() == choice.tolist()
        check(made, columns, schedule)
        ends = {0.0, *schedule.end_s.tolist()}
        assert all(start in ends for start in schedule.start_s.tolist()), "a start for which nothing was waited"


def test_the_assignments_are_not_all_none() -> None:
    found = [assignment(case_of(*case), case_of(*case).columns(), 0) is not None for case in CASES]
    assert sum(found) > len(CASES) / 3


@pytest.mark.parametrize("seed", range(16))
def test_no_schedule_ends_before_the_earliest_of_all(seed: int) -> None:
    made = case_of("shared", seed)
    columns = made.columns()
    found = assignment(made, columns, seed)
    if found is None:
        return
    choice, home = found
    rules = urgencies(made.problem, columns, choice, np.random.default_rng(seed))
    dispatcher = Dispatcher(made.problem, made.classes, columns)
    for _ in range(8):
        schedule = dispatcher.run(choice, home, next(rules))
        tasks = [
            task_of(made.problem, v, int(schedule.host[v]), float(columns.rate[k]), float(columns.time_s[k]))
            for v, k in enumerate(choice.tolist())
        ]
        assert schedule.finish_s >= naive_finish(tasks) * (1 - 1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_run_twice_is_the_same(seed: int) -> None:
    made = case_of("cluster", seed)
    columns = made.columns()
    found = assignment(made, columns, seed)
    assert found is not None
    choice, home = found
    rule = next(urgencies(made.problem, columns, choice, np.random.default_rng(seed)))
    before = choice.tolist(), home.tolist()
    one, two = (Dispatcher(made.problem, made.classes, columns).run(choice, home, rule) for _ in range(2))
    assert (one.start_s.tolist(), one.host.tolist()) == (two.start_s.tolist(), two.host.tolist())
    assert (choice.tolist(), home.tolist()) == before


def test_the_most_urgent_goes_first() -> None:
    cluster = star(map(host, ("src", "t1")), [vm(name) for name in "abc"], approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 100.0)
    columns = made.columns()
    choice = np.array([int(np.flatnonzero((columns.mover == v) & (columns.time_s == 1.0))[0]) for v in range(3)])
    dispatcher, home = Dispatcher(made.problem, made.classes, columns), np.zeros(3, dtype=np.int64)
    for key, starts in (([1.0, 3.0, 2.0], [2.0, 0.0, 1.0]), ([5.0, 3.0, 4.0], [0.0, 2.0, 1.0])):
        assert dispatcher.run(choice, home, Urgency(np.array(key), False)).start_s.tolist() == starts


def test_who_has_landed_first_goes_first_whatever_is_urgent() -> None:
    vms = [vm(name) for name in "abc"]
    cluster = star(map(host, ("src", "t1")), vms, [Before(before=("c", "b", "a"))], approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 100.0)
    columns = made.columns()
    choice = np.array([int(np.flatnonzero((columns.mover == v) & (columns.time_s == 1.0))[0]) for v in range(3)])
    schedule = Dispatcher(made.problem, made.classes, columns).run(
        choice, np.zeros(3, dtype=np.int64), Urgency(np.array([3.0, 2.0, 1.0]), False)
    )
    assert schedule.start_s.tolist() == [2.0, 1.0, 0.0]


def test_a_move_takes_another_host_of_its_class_when_its_own_is_busy() -> None:
    rates = {"src": 2e9, "t1": 1e9, "t2": 1e9}
    cluster = star(map(host, rates), [vm("a"), vm("b")], rates=rates, approaches=[Approach.COLD])
    made = compiled(cluster, ["src"], 100.0)
    columns = made.columns()
    assert made.classes.members == ((0, 1),)
    choice = np.array([int(np.flatnonzero((columns.mover == v) & (columns.time_s == 1.0))[0]) for v in range(2)])
    schedule = Dispatcher(made.problem, made.classes, columns).run(
        choice, np.zeros(2, dtype=np.int64), Urgency(np.ones(2), False)
    )
    assert schedule.finish_s == 1.0
    assert sorted(schedule.host.tolist()) == [0, 1]


@pytest.mark.parametrize(("kind", "seed"), [("shared", seed) for seed in range(0, 16, 2)] + [("cluster", 1)])
def test_guides_are_kept_to(kind: str, seed: int) -> None:
    made = case_of(kind, seed)
    columns = made.columns()
    model = AssignmentModel(made.problem, made.classes, columns)
    found = solve(model.program(Aim(made.problem.deadline_s)), seed=seed, time_limit_s=LONG_S)
    if found.values is None:
        return
    choice, guides = model.choices(found.values), model.guides(found.values)
    home, _ = Spreader(made.problem, made.classes, columns, seed).spread(choice, LONG_S)
    if home is None:
        return
    rules = urgencies(made.problem, columns, choice, np.random.default_rng(seed))
    for _ in range(4):
        schedule = Dispatcher(made.problem, made.classes, columns).run(choice, home, next(rules), guides)
        check(made, columns, schedule)
        for link, guide in guides.items():
            for counts in running(made, columns, schedule, link, guide):
                assert any(fits(counts, pattern) for pattern in guide.patterns)


def test_a_pattern_keeps_apart_what_the_link_could_carry() -> None:
    rates = {"src": 1.5e9, "t1": 1e9, "t2": 1e9}
    hosts = [host(name, max_outgoing=9, max_incoming=9) for name in rates]
    made = compiled(star(hosts, [vm(name) for name in "abcd"], rates=rates, approaches=[Approach.COLD]), ["src"], 100.0)
    columns = made.columns()
    choice = np.array([int(np.flatnonzero((columns.mover == v) & (columns.rate == 5e8))[0]) for v in range(4)])
    link = made.problem.network.link_index("src", "leaf")
    assert link is not None
    dispatcher, home = Dispatcher(made.problem, made.classes, columns), np.array([0, 0, 1, 1])
    rule, guide = Urgency(np.ones(4), False), Guide((1e9, 5e8), ((1, 2), (0, 1)))
    assert dispatcher.run(choice, home, rule).start_s.tolist() == [0.0, 0.0, 0.0, 2.0]
    assert dispatcher.run(choice, home, rule, {link: guide}).start_s.tolist() == [0.0, 0.0, 2.0, 2.0]


def running(made: Compiled, columns: Columns, schedule: Schedule, link: int, guide: Guide) -> list[tuple[int, ...]]:
    """Return, for each start, how many moves run at each rate or more over a link."""
    over = [
        v
        for v, k in enumerate(schedule.choice.tolist())
        if link in (made.classes.trunk[int(made.problem.source_of[v])][int(columns.klass[k])] or ())
    ]
    rate, counts = columns.rate[schedule.choice], []
    for at in schedule.start_s[over].tolist():
        here = [v for v in over if schedule.start_s[v] <= at < schedule.end_s[v]]
        counts.append(tuple(int((rate[here] >= step).sum()) for step in guide.rates))
    return counts


def fits(counts: tuple[int, ...], pattern: tuple[int, ...]) -> bool:
    return all(count <= most for count, most in zip(counts, pattern, strict=True))


def test_a_move_that_no_pattern_lets_start_never_ends() -> None:
    made = compiled(star(map(host, ("src", "t1")), [vm("a"), vm("b")], approaches=[Approach.COLD]), ["src"], 100.0)
    columns = made.columns()
    choice = np.array([int(np.flatnonzero(columns.mover == v)[0]) for v in range(2)])
    link = made.problem.network.link_index("src", "leaf")
    assert link is not None
    schedule = Dispatcher(made.problem, made.classes, columns).run(
        choice, np.zeros(2, dtype=np.int64), Urgency(np.ones(2), False), {link: Guide((1e9,), ((0,),))}
    )
    assert schedule.finish_s == math.inf


def lanes_of(movers: int, seed: int) -> list[tuple[int, ...]]:
    """Return random lanes of movers: none, one, or one over each of two links."""
    rng = np.random.default_rng([seed, 5])
    first, second = rng.integers(3, size=movers).tolist(), (3 + rng.integers(2, size=movers)).tolist()
    return [((), (a,), (a, b))[int(rng.integers(3))] for a, b in zip(first, second, strict=True)]


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_moves_in_one_lane_follow_each_other_and_keep_every_capacity_and_rule(kind: str, seed: int) -> None:
    made = case_of(kind, seed)
    columns = made.columns()
    found = assignment(made, columns, seed)
    if found is None:
        return
    choice, home = found
    lanes = lanes_of(len(choice), seed)
    rules = urgencies(made.problem, columns, choice, np.random.default_rng(seed))
    for _ in range(4):
        schedule = Dispatcher(made.problem, made.classes, columns).run(choice, home, next(rules), None, lanes)
        check(made, columns, schedule)
        for lane in range(5):
            inside = sorted((v for v, mine in enumerate(lanes) if lane in mine), key=schedule.start_s.__getitem__)
            assert all(schedule.end_s[a] <= schedule.start_s[b] for a, b in pairwise(inside))


def test_lanes_keep_apart_what_fits_side_by_side_and_rules_go_on_to_hold() -> None:
    rules = [NotAtOnce(not_at_once=("a", "b"))]
    cluster = star(
        [host("src", max_outgoing=9), host("t1", max_incoming=9)],
        [vm(name) for name in "abcd"],
        rules,
        {"src": 1e10, "t1": 1e10},
        approaches=[Approach.COLD],
    )
    made = compiled(cluster, ["src"], 100.0)
    columns = made.columns()
    choice = np.array([int(np.flatnonzero((columns.mover == v) & (columns.rate == 2.5e9))[0]) for v in range(4)])
    dispatcher, home = Dispatcher(made.problem, made.classes, columns), np.zeros(4, dtype=np.int64)
    rule = Urgency(np.array([4.0, 3.0, 2.0, 1.0]), False)
    for lanes, starts in (
        (None, [0.0, 0.4, 0.0, 0.0]),
        ([(), (), (), ()], [0.0, 0.4, 0.0, 0.0]),
        ([(0,), (1,), (0,), (0,)], [0.0, 0.4, 0.4, 0.8]),
        ([(0,), (1,), (1,), (0, 1)], [0.0, 0.4, 0.0, 0.8]),
    ):
        assert dispatcher.run(choice, home, rule, None, lanes).start_s.tolist() == pytest.approx(starts)
