"""Small evacuations for the tests of the optimiser, and a naive scheduler that shares nothing with it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import numpy as np

from planner.inventory.models import VM, Approach, Host, Inventory, Link, Rule, Settings
from planner.lanes import Division
from planner.network import Network
from planner.optimize.classes import Classes, coarse_classes, make_classes
from planner.optimize.dispatch import Schedule
from planner.optimize.options import NO_LANES, Columns, Tables, build_columns, build_tables
from planner.optimize.problem import Problem, compile_problem
from tests.truth.inventories import Case

GIB = 2**30
FAST = 1e9
"""What a link carries where nothing else is said [bytes/s]."""

Wire = tuple[str, str, float]
"""The two ends of a link and what it carries [bytes/s]."""


def host(name: str, memory: int = 1000 * GIB, cpus: int = 1000, **fields: Any) -> Host:
    return Host(name=name, memory=memory, cpus=cpus, **fields)


def vm(name: str, on: str = "src", memory: int = 10**9, vcpus: int = 1, **fields: Any) -> VM:
    """Return a VM that is idle where nothing else is said, so that all its times are plain."""
    return VM(name=name, host=on, memory=memory, vcpus=vcpus, **({"read_rate": 0.0, "write_rate": 0.0} | fields))


def inventory(
    hosts: Iterable[Host],
    wires: Iterable[Wire],
    vms: Iterable[VM],
    rules: Iterable[Rule] = (),
    **settings: Any,
) -> Inventory:
    """Return an inventory; ends of links that are no hosts are switches."""
    hosts = tuple(hosts)
    links = tuple(Link(between=(a, b), bandwidth=rate) for a, b, rate in wires)
    names = {host.name for host in hosts}
    switches = dict.fromkeys(end for link in links for end in link.between if end not in names)
    return Inventory(
        format="evac/inventory/1",
        name="small",
        settings=Settings(**settings),
        hosts=hosts,
        switches=tuple(switches),
        links=links,
        vms=tuple(vms),
        rules=tuple(rules),
    )


def star(
    hosts: Iterable[Host],
    vms: Iterable[VM],
    rules: Iterable[Rule] = (),
    rates: Mapping[str, float] | None = None,
    **settings: Any,
) -> Inventory:
    """Return an inventory with one switch; `rates` gives what the links of some hosts carry [bytes/s]."""
    hosts = tuple(hosts)
    wires = [(host.name, "leaf", (rates or {}).get(host.name, FAST)) for host in hosts]
    return inventory(hosts, wires, vms, rules, **settings)


@dataclass(frozen=True)
class Compiled:
    """An evacuation as the optimiser sees it."""

    problem: Problem
    classes: Classes
    tables: Tables

    def columns(self, *, lean: bool = False, lanes: Mapping[int, Division] = NO_LANES) -> Columns:
        return build_columns(self.problem, self.classes, self.tables, lean=lean, lanes=lanes)


def compiled(inventory: Inventory, evacuate: Sequence[str], deadline_s: float, *, single: bool = False) -> Compiled:
    """Compile an evacuation with coarse classes, or with one host a class."""
    problem = compile_problem(inventory, Network(inventory), evacuate, deadline_s)
    hosts: list[tuple[int, ...]] = [(h,) for h in range(len(problem.targets))]
    classes = make_classes(problem, hosts) if single else coarse_classes(problem)
    return Compiled(problem, classes, build_tables(problem, classes))


def compiled_case(case: Case, *, single: bool = False) -> Compiled:
    return compiled(case.inventory, case.evacuate, case.deadline_s, single=single)


def shared_link_case(seed: int) -> Case:
    """Return two or three VMs that must share links of unlike capacity: what random clusters rarely have."""
    rng = np.random.default_rng(seed)

    def pick[T](options: Sequence[T]) -> T:
        return options[int(rng.integers(len(options)))]

    speeds = [1e8 * factor for factor in (1.0, 1.0, 1.5, 2.0, 2.3, 3.0)]
    sources = ["src", "src2"][: pick((1, 1, 2))]
    targets = ["t1", "t2", "t3"][: pick((1, 2, 2, 3))]
    ends = [*sources, *targets]
    nic = {name: pick(speeds) for name in ends}
    shape = pick(("star", "star", "leaves", "racks", "direct"))
    if shape == "star":
        wires = [(name, "leaf", nic[name]) for name in ends]
    elif shape == "racks":
        leaves = {name: f"leaf{pick((1, 2))}" for name in targets} | dict.fromkeys(sources, "leaf0")
        wires = [(name, leaves[name], nic[targets[0]]) for name in ends]
        wires += [(leaf, "spine", pick((1e8, 1e8, 1.5e8, 2.3e8))) for leaf in sorted(set(leaves.values()))]
    elif shape == "leaves":
        wires = [(name, "near", nic[name]) for name in sources] + [(name, "far", nic[name]) for name in targets]
        wires.append(("near", "far", pick(speeds)))
    else:
        speed = pick(speeds)
        wires = [(a, b, speed) for a in sources for b in targets] + [(name, "leaf", nic[name]) for name in ends]
    count = pick((2, 3, 3))
    vms = [
        vm(
            f"vm{i}",
            pick(sources) if i else "src",
            memory=pick((10**9, 10**9, 2 * 10**9, 700_000_000)),
            read_rate=1e7 * pick((0, 0, 1, 4)),
            write_rate=1e7 * pick((0, 0, 1, 4)),
            approaches=pick((None, None, (Approach.COLD,), (Approach.PRECOPY,), (Approach.POSTCOPY,))),
            weight=pick((1.0, 1.0, 2.0)),
        )
        for i in range(count)
    ]
    case = inventory(
        [host(name) for name in ends], wires, vms, max_outgoing=pick((1, 2, 3)), max_incoming=pick((1, 2, 3))
    )
    one_by_one_s = sum(each.memory for each in vms) / 1e8
    return Case(case, tuple(sources), one_by_one_s * pick((0.3, 0.4, 0.5, 0.6, 0.67, 0.75, 0.9, 1.1, 1.5)))


@dataclass(frozen=True)
class Task:
    """A move for the naive scheduler: what it takes of each resource, whose limits are 1."""

    name: Hashable
    time_s: float
    uses: dict[Hashable, float] = field(default_factory=dict)


def task_of(problem: Problem, mover: int, target: int, rate: float, time_s: float) -> Task:
    """Return a move as a task, read from the network and not from the optimiser's classes."""
    source, goal = problem.movers[mover].host, problem.targets[target].name
    route = problem.network.route(source, goal)
    assert route is not None
    uses: dict[Hashable, float] = {
        ("link", link): rate / float(problem.network.capacity_bytes_per_s[link]) for link in route.links
    }
    leaves = int(problem.source_of[mover])
    uses["out", leaves] = 1 / float(problem.max_out[leaves])
    uses["in", target] = 1 / float(problem.max_in[target])
    uses |= {("group", g): 1.0 for g, group in enumerate(problem.not_at_once) if mover in group}
    return Task(mover, time_s, uses)


def naive_starts(tasks: Sequence[Task], before: Iterable[tuple[Hashable, Hashable]] = ()) -> dict[Hashable, float]:
    """Return the starts of a schedule that ends first: all orders, each task as early as it fits beside the others."""
    before = [(a, b) for a, b in before if {a, b} <= {task.name for task in tasks}]
    best: dict[Hashable, float] = {}
    best_s = np.inf
    for order in permutations(tasks):
        place = {task.name: i for i, task in enumerate(order)}
        if any(place[a] > place[b] for a, b in before):
            continue
        placed: list[tuple[Task, float, float]] = []
        for task in order:
            ready = max((end for other, _, end in placed if (other.name, task.name) in before), default=0.0)
            for start in sorted({ready, *(end for _, _, end in placed if end > ready)}):
                if _fits(task, start, placed):
                    break
            placed.append((task, start, start + task.time_s))
        finish = max((end for _, _, end in placed), default=0.0)
        if finish < best_s:
            best, best_s = {task.name: start for task, start, _ in placed}, finish
    return best


def naive_finish(tasks: Sequence[Task], before: Iterable[tuple[Hashable, Hashable]] = ()) -> float:
    """Return the earliest finish of all schedules of some tasks [s]."""
    starts = naive_starts(tasks, before)
    return max((starts[task.name] + task.time_s for task in tasks), default=0.0)


def overfilled(tasks: Sequence[Task], starts: Mapping[Any, float]) -> list[tuple[Hashable, float]]:
    """Return the resources that a schedule overfills, and when."""
    found = []
    for at in {starts[task.name] for task in tasks}:
        running = [task for task in tasks if starts[task.name] <= at < starts[task.name] + task.time_s]
        for resource in {resource for task in running for resource in task.uses}:
            if sum(task.uses.get(resource, 0.0) for task in running) > 1 + 1e-9:
                found.append((resource, at))
    return found


def _fits(task: Task, start: float, placed: Sequence[tuple[Task, float, float]]) -> bool:
    end = start + task.time_s
    beside = [(other, since, until) for other, since, until in placed if since < end and until > start]
    for moment in {start, *(since for _, since, _ in beside if since > start)}:
        running = [other for other, since, until in beside if since <= moment < until]
        for resource, amount in task.uses.items():
            if amount + sum(other.uses.get(resource, 0.0) for other in running) > 1 + 1e-9:
                return False
    return True


def check(made: Compiled, columns: Columns, schedule: Schedule) -> None:
    """Replay a schedule against the network and the rules."""
    problem, choice, home = made.problem, schedule.choice, schedule.host
    assert (schedule.end_s == schedule.start_s + columns.time_s[choice]).all()
    tasks = [
        task_of(problem, v, int(home[v]), float(columns.rate[k]), float(columns.time_s[k]))
        for v, k in enumerate(choice.tolist())
    ]
    assert overfilled(tasks, dict(enumerate(schedule.start_s.tolist()))) == []
    assert all(schedule.end_s[a] <= schedule.start_s[b] for a, b in problem.before)
    assert all(int(home[v]) in made.classes.members[int(columns.klass[k])] for v, k in enumerate(choice.tolist()))
    assert problem.allowed[np.arange(len(home)), home].all()
    for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
        assert all(size[home == h].sum() <= free[h] for h in range(len(free)))
    assert all(len({int(home[v]) for v in group}) == len(group) for group in problem.separate)
    assert all(len({int(home[v]) for v in group}) == 1 for group in problem.together)
