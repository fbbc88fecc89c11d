"""The parts of room-making: exact schedule and dispatcher with stocks, the greedy, the program of places, the proof."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from planner import api
from planner.inventory.models import Inventory
from planner.inventory.synthesize import synthesize
from planner.network import Network
from planner.optimize.clock import Clock
from planner.optimize.problem import compile_problem
from planner.optimize.room import RoomMaking
from planner.optimize.room_dispatch import dispatch
from planner.optimize.room_greedy import Greedy, least_costs
from planner.optimize.room_places import find_places
from planner.optimize.room_problem import Room, compile_room, leg_problem, leg_tables, make_legs
from planner.optimize.room_program import RoomProgram
from planner.optimize.room_prove import Proof
from planner.optimize.room_schedule import Flow, Stock, Task, schedule
from planner.optimize.room_ways import Ways
from planner.plan.models import Status
from tests.optimize_support import host, star, vm

GB = 10**9


def memory(at: int) -> Stock:
    return ("memory", 0, at)


def random_tasks(seed: int) -> tuple[list[Task], dict[Stock, int]]:
    """Return moves of three VMs between three hosts, sometimes in two hops, over one flow."""
    rng = np.random.default_rng(seed)
    tasks: list[Task] = []
    free = {memory(h): int(rng.integers(0, 4)) for h in range(3)}
    for v in range(3):
        at, size = int(rng.integers(3)), int(rng.integers(1, 4))
        after: tuple[int, ...] = ()
        for _ in range(int(rng.integers(1, 3))):
            to = int(rng.choice([h for h in range(3) if h != at]))
            flows: tuple[tuple[Flow, float], ...] = ((("link", 0), float(rng.choice([0.3, 0.5, 1.0]))),)
            time_s = float(rng.integers(1, 6))
            tasks.append(Task(v, time_s, flows, ((memory(to), size),), ((memory(at), size),), after))
            at, after = to, (len(tasks) - 1,)
    return tasks, free


def naive_finish(tasks: list[Task], free: dict[Stock, int]) -> float | None:
    """Return the earliest finish over all orders of starts, by trying every start that is an end."""
    best: float | None = None
    for order in permutations(range(len(tasks))):
        starts: dict[int, float] = {}
        last = 0.0
        for i in order:
            ends = {j: starts[j] + tasks[j].time_s for j in starts}
            if any(j not in starts for j in tasks[i].after):
                break
            floor = max([last, *(ends[j] for j in tasks[i].after)])
            at = next(
                (t for t in sorted({floor, *ends.values()}) if t >= floor and fits(tasks, i, t, ends, free)), None
            )
            if at is None:
                break
            starts[i] = last = at
        else:
            finish = max(starts[i] + tasks[i].time_s for i in starts)
            best = finish if best is None else min(best, finish)
    return best


def fits(tasks: list[Task], i: int, at: float, ends: dict[int, float], free: dict[Stock, int]) -> bool:
    load = tasks[i].flows[0][1] + sum(tasks[j].flows[0][1] for j in ends if ends[j] > at)
    (stock, size), level = tasks[i].takes[0], 0
    level = free[stock] - sum(n for j in ends for s, n in tasks[j].takes if s == stock)
    level += sum(n for j in ends if ends[j] <= at for s, n in tasks[j].gives if s == stock)
    return load <= 1 + 1e-9 and level >= size


@pytest.mark.parametrize("seed", range(120))
def test_the_exact_schedule_ends_as_early_as_any(seed: int) -> None:
    tasks, free = random_tasks(seed)
    answer, truth = schedule(tasks, free, 1e9, 10**6, any_will_do=False), naive_finish(tasks, free)
    assert answer.complete
    assert (answer.starts is None) == (truth is None)
    if answer.starts is not None:
        assert max(s + t.time_s for s, t in zip(answer.starts, tasks, strict=True)) == truth


@pytest.mark.parametrize("seed", range(120))
def test_what_the_dispatcher_starts_fits_and_what_it_leaves_waits_in_a_circle(seed: int) -> None:
    tasks, free = random_tasks(seed)
    starts = dispatch(tasks, free, list(range(len(tasks))))
    done = {i: start for i, start in enumerate(starts) if start is not None}
    ends = {i: start + tasks[i].time_s for i, start in done.items()}
    for i, start in done.items():
        before = {j: ends[j] for j in done if done[j] < start or (done[j] == start and j < i)}
        load = tasks[i].flows[0][1] + sum(tasks[j].flows[0][1] for j in before if ends[j] > start)
        assert load <= 1 + 1e-9
        assert all(ends[j] <= start for j in tasks[i].after)
    for stock, amount in free.items():
        for at in done.values():
            taken = sum(n for j in done if done[j] <= at for s, n in tasks[j].takes if s == stock)
            given = sum(n for j in done if ends[j] <= at for s, n in tasks[j].gives if s == stock)
            assert amount - taken + given >= 0
    if len(done) == len(tasks):
        truth = naive_finish(tasks, free)
        assert truth is not None
        assert max(ends.values()) >= truth


def test_a_circle_is_told() -> None:
    """Two VMs that fill their hosts would change places."""
    tasks = [
        Task(0, 1.0, (), ((memory(1), 2),), ((memory(0), 2),), ()),
        Task(1, 1.0, (), ((memory(0), 2),), ((memory(1), 2),), ()),
    ]
    assert dispatch(tasks, {memory(0): 0, memory(1): 1}, [0, 1]) == (None, None)
    assert schedule(tasks, {memory(0): 0, memory(1): 1}, 9.0, 1000, any_will_do=True).starts is None
    assert dispatch(tasks, {memory(0): 0, memory(1): 2}, [0, 1]) == (0.0, 1.0)


def test_in_line_nobody_takes_the_room_of_one_before() -> None:
    """The second could start at once, but then the first would wait for room that only the second's way can give."""
    tasks = [
        Task(0, 1.0, (), ((memory(0), 2),), (), ()),
        Task(1, 5.0, (), ((memory(0), 2),), ((memory(1), 2),), ()),
        Task(2, 1.0, (), ((memory(1), 2),), ((memory(0), 2),), ()),
    ]
    free = {memory(0): 2, memory(1): 0}
    assert dispatch(tasks, free, [1, 0, 2]) == (6.0, 0.0, 5.0)
    assert dispatch(tasks, free, [1, 0, 2], [0, 1, 2]) == (0.0, None, None)


def room_of(inventory: Inventory, price_s: float = 10.0) -> Room:
    base = compile_problem(inventory, Network(inventory), ["src"], 1000.0)
    making = RoomMaking.of(inventory, base, ["src"], 1000.0, price_s)
    assert making is not None
    return compile_room(inventory, base, making.optional, (making.relaxed_inventory, making.relaxed), price_s)


def costs_of(room: Room) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    problem = leg_problem(room, list(enumerate(room.home)))
    return least_costs(room, problem, leg_tables(room, problem)[1])


def chain() -> Inventory:
    hosts = [host("src"), host("a", memory=8 * GB, labels=("x",)), host("b", memory=6 * GB), host("c", memory=4 * GB)]
    vms = [vm("m", memory=8 * GB, requires=("x",)), vm("o", "a", memory=6 * GB), vm("p", "b", memory=4 * GB)]
    return star(hosts, vms)


def test_the_greedy_ejects_who_is_in_the_way_of_one_that_is_ejected() -> None:
    room = room_of(chain())
    steps = Greedy(room, costs_of(room)).run()
    assert steps is not None
    told = [(room.vms[step.vm].name, room.hosts[room.targets[step.target]].name) for step in steps]
    assert told == [("p", "c"), ("o", "b"), ("m", "a")]


def test_the_program_of_places_finds_as_much_and_bounds_it() -> None:
    room = room_of(chain())
    costs = costs_of(room)
    places = find_places(room, costs, [], seed=0, time_limit_s=10)
    assert places.steps is not None
    assert sum(step.vm >= room.forced for step in places.steps) == 2
    least = sum(float(costs[s.vm, s.target]) + 10.0 * (s.vm >= room.forced) for s in places.steps)
    assert places.bound_s <= least * (1 + 1e-9)
    assert places.bound_s >= 20.0


def test_the_program_of_places_proves_that_nothing_helps() -> None:
    hosts = [host("src"), host("a", memory=8 * GB, labels=("x",)), host("b", memory=6 * GB)]
    vms = [vm("m", memory=8 * GB, requires=("x",)), vm("o", "a", memory=6 * GB), vm("p", "b", memory=4 * GB)]
    room = room_of(star(hosts, vms))
    places = find_places(room, costs_of(room), [], seed=0, time_limit_s=10)
    assert places.steps is None
    assert places.bound_s == np.inf


def test_a_proof_ends_with_a_plan_whose_cost_is_the_bound() -> None:
    room = room_of(chain())
    legs = make_legs(room, parking=True)
    proof = Proof(Ways(room, legs), RoomProgram(room, legs), seed=0)
    proof.run(Clock(20.0), np.inf, lambda phase: None)
    assert proof.best is not None
    assert proof.best.cost_s == pytest.approx(proof.bound_s)
    assert sum(len(way) for way in proof.best.ways) == 3


def crowded(hosts: int, vms: int, evacuated: int, spare: float) -> tuple[Inventory, list[str]]:
    """Return a synthetic cluster whose hosts are full but for fragments: in all `spare` times what has to move."""
    inventory = synthesize(hosts, vms, 7)
    names = [each.name for each in inventory.hosts[:evacuated]]
    used = dict.fromkeys((each.name for each in inventory.hosts), 0)
    for each in inventory.vms:
        used[each.host] += each.memory
    need = sum(each.memory for each in inventory.vms if each.host in names)
    share = np.random.default_rng(7).dirichlet(np.full(hosts - evacuated, 2.0)) * need * spare
    sizes = iter(share.tolist())
    full = tuple(
        each if each.name in names else each.model_copy(update={"memory": used[each.name] + int(next(sizes)) + 2**30})
        for each in inventory.hosts
    )
    return inventory.model_copy(update={"hosts": full}), names


def test_a_crowded_cluster_is_emptied() -> None:
    inventory, evacuate = crowded(20, 150, 1, 1.3)
    assert api.plan(inventory, evacuate, 3600.0, make_room="never").status is Status.INFEASIBLE
    plan = api.plan(inventory, evacuate, 3600.0, time_limit_s=20)
    assert plan.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert plan.objective is not None
    assert 0 < plan.objective.extra_moves < 20
    assert plan.objective.gap < 0.2
