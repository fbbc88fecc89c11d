"""From classes to hosts: room and rules are kept, and a packing is found wherever there is one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from planner.inventory.models import Host, Rule, Separate, Together
from planner.optimize import spread as module
from planner.optimize.backend import Solution, solve
from planner.optimize.problem import Ints, Problem
from planner.optimize.program import Program
from planner.optimize.spread import Spreader
from tests.optimize_support import GIB, Compiled, compiled, host, star, vm

LONG_S = 60.0


def made(hosts: list[Host], sizes: list[tuple[int, int]], rules: tuple[Rule, ...] = ()) -> Compiled:
    """Return an evacuation of VMs of some sizes (memory in GiB, vCPUs), each on a source of its own."""
    sources = [host(f"src{i}") for i in range(len(sizes))]
    vms = [vm(f"vm{i}", f"src{i}", memory=gib * GIB, vcpus=vcpus) for i, (gib, vcpus) in enumerate(sizes)]
    return compiled(star([*sources, *hosts], vms, rules), [source.name for source in sources], 1e4)


def room(name: str, gib: int, cpus: int = 100, **fields: object) -> Host:
    return host(name, memory=gib * GIB, cpus=cpus, **fields)


def choose(case: Compiled, klass: list[int]) -> Ints:
    """Return a column of each mover in the class wanted for it."""
    columns = case.columns()
    return np.array([np.flatnonzero((columns.mover == v) & (columns.klass == c))[0] for v, c in enumerate(klass)])


def spread(case: Compiled, klass: list[int]) -> tuple[Ints | None, set[int]]:
    spreader = Spreader(case.problem, case.classes, case.columns(), seed=0)
    return spreader.spread(choose(case, klass), LONG_S)


def fits(problem: Problem, home: tuple[int, ...]) -> bool:
    """Return whether an assignment to hosts keeps room and rules."""
    where = np.array(home)
    for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
        if any(size[where == h].sum() > free[h] for h in range(len(free))):
            return False
    return (
        all(bool(problem.allowed[v, h]) for v, h in enumerate(home))
        and all(len({home[v] for v in group}) == len(group) for group in problem.separate)
        and all(len({home[v] for v in group}) == 1 for group in problem.together)
    )


def random_case(seed: int) -> Compiled:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 7))
    sizes = [(int(rng.choice([2, 3, 4, 5, 6, 7])), int(rng.choice([1, 2, 4]))) for _ in range(count)]
    largest, third = max(gib for gib, _ in sizes), sum(gib for gib, _ in sizes) / 3
    rooms = [max(largest, round(third * rng.uniform(0.9, 1.3))) for _ in range(3)]
    hosts = [room(f"t{h}", rooms[h], int(rng.choice([4, 8, 8, 100]))) for h in range(3)]
    rules: list[Rule] = []
    names = [f"vm{i}" for i in rng.permutation(count).tolist()]
    if rng.random() < 0.5 and count >= 3:
        rules.append(Separate(separate=tuple(names[: 2 + int(rng.integers(2))])))
    if rng.random() < 0.4 and count >= 5:
        rules.append(Together(together=tuple(names[3:5])))
    return made(hosts, sizes, tuple(rules))


@pytest.mark.parametrize("seed", range(40))
def test_hosts_are_found_exactly_where_there_are_some(seed: int) -> None:
    case = random_case(seed)
    assert len(case.classes.members) == 1
    if not case.classes.allowed(case.problem).all():
        return
    movers = len(case.problem.movers)
    home, failed = spread(case, [0] * movers)
    possible = any(fits(case.problem, way) for way in product(range(3), repeat=movers))
    assert (home is not None) == possible
    assert failed == (set() if possible else {0})
    if home is not None:
        assert fits(case.problem, tuple(home.tolist()))


def test_the_random_cases_are_of_both_kinds() -> None:
    cases = [case for case in map(random_case, range(20)) if case.classes.allowed(case.problem).all()]
    found = [spread(case, [0] * len(case.problem.movers))[0] is not None for case in cases]
    assert 3 < sum(found) < len(found) - 3


def test_the_solver_finds_a_packing_that_simple_rules_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(program: Program, *, seed: int, time_limit_s: float) -> Solution:
        asked.append(program.row_count)
        return solve(program, seed=seed, time_limit_s=time_limit_s)

    monkeypatch.setattr(module, "solve", counted)
    case = made([room("t1", 12), room("t2", 12)], [(6, 1), (4, 1), (4, 1), (4, 1), (3, 1), (3, 1)])
    home, failed = spread(case, [0] * 6)
    assert asked, "a simple rule found it: the case tells nothing"
    assert not failed
    assert home is not None
    assert fits(case.problem, tuple(home.tolist()))


def test_the_class_that_failed_is_named_and_the_others_are_not() -> None:
    hosts = [room("t1", 50), room("t2", 50), room("t3", 10, max_incoming=3), room("t4", 10, max_incoming=3)]
    case = made(hosts, [(6, 1), (6, 1), (6, 1), (6, 1)])
    wide, tight = 0, 1
    assert case.classes.members == ((0, 1), (2, 3))
    assert spread(case, [tight, tight, tight, wide]) == (None, {tight})
    home, failed = spread(case, [tight, tight, wide, wide])
    assert failed == set()
    assert home is not None
    assert sorted(home[:2].tolist()) == [2, 3]
    assert set(home[2:].tolist()) <= {0, 1}


def test_a_byte_too_few_is_too_few() -> None:
    """The solver takes a ten-billionth for nothing."""
    case = made([host("t1", memory=10 * GIB - 1)], [(5, 1), (5, 1)])
    assert spread(case, [0, 0]) == (None, {0})
    assert spread(made([host("t1", memory=10 * GIB)], [(5, 1), (5, 1)]), [0, 0])[1] == set()


def test_vcpus_count_like_memory() -> None:
    case = made([room("t1", 100, 4), room("t2", 100, 4)], [(1, 3), (1, 3), (1, 1), (1, 1)])
    home, _ = spread(case, [0] * 4)
    assert home is not None
    assert fits(case.problem, tuple(home.tolist()))
    assert spread(made([room("t1", 100, 4), room("t2", 100, 4)], [(1, 3)] * 3), [0] * 3) == (None, {0})


def test_a_group_that_stays_together_is_placed_as_one_and_one_that_parts_is_parted() -> None:
    hosts = [room("t1", 10), room("t2", 10), room("t3", 10)]
    rules = (Together(together=("vm0", "vm1")), Separate(separate=("vm1", "vm2", "vm3")))
    case = made(hosts, [(2, 1), (2, 1), (2, 1), (2, 1)], rules)
    home, _ = spread(case, [0] * 4)
    assert home is not None
    assert home[0] == home[1]
    assert len({int(h) for h in home[1:]}) == 3


def test_the_load_is_shared_out_where_there_is_room() -> None:
    case = made([room(f"t{i}", 100) for i in range(4)], [(5, 1)] * 4)
    home, _ = spread(case, [0] * 4)
    assert home is not None
    assert len(set(home.tolist())) == 4


def test_no_time_is_no_hosts_and_no_wrong_ones() -> None:
    case = made([room("t1", 12), room("t2", 12)], [(6, 1), (4, 1), (4, 1), (4, 1), (3, 1), (3, 1)])
    spreader = Spreader(case.problem, case.classes, case.columns(), seed=0)
    assert spreader.spread(choose(case, [0] * 6), 0.0) == (None, {0})
