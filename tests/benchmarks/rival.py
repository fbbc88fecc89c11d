"""What CP-SAT is given, and what its answer is worth: the same choices, network and deadline as the planner has.

The file for `tests.benchmarks.cpsat` holds the planner's own table of choices (VM, approach, bandwidth, class of
destinations) with their times and downtimes, and every resource that the choices use. The starts and choices that come
back are given hosts within their classes, and replayed with their true times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import ALL_APPROACHES
from planner.network import Network
from planner.optimize.classes import Classes, coarse_classes, split
from planner.optimize.options import Columns, build_columns, build_tables
from planner.optimize.problem import Problem, compile_problem
from tests.benchmarks.decisions import Decision
from tests.benchmarks.generator import Instance

Form = Literal["classes", "hosts"]
"""Whether equal destinations are one class, or each host is one."""
SPREAD_TRIES = 200
"""Orders of preference of hosts that are tried on an answer by classes [count]."""


@dataclass(frozen=True)
class Task:
    """An evacuation as the planner sees it.

    Parameters
    ----------
    problem, classes, columns
        See `planner.optimize`; the columns are all that are worth offering.
    """

    problem: Problem
    classes: Classes
    columns: Columns


def task_of(instance: Instance, deadline_s: float, form: Form) -> Task:
    """Return the evacuation with the planner's own choices.

    Raises
    ------
    ValueError
        If the instance has rules, which the rival's model does not know.
    """
    problem = compile_problem(instance.inventory, Network(instance.inventory), instance.evacuate, deadline_s)
    if problem.separate or problem.together or problem.not_at_once or problem.before:
        raise ValueError(f"{instance.inventory.name} has rules")
    classes = coarse_classes(problem)
    if form == "hosts":
        classes = split(problem, classes, set(range(len(classes.members))))
    return Task(problem, classes, build_columns(problem, classes, build_tables(problem, classes)))


def document(task: Task) -> dict[str, Any]:
    """Return what the rival is given, in base units."""
    problem, classes, columns = task.problem, task.classes, task.columns
    members = [list(hosts) for hosts in classes.members]
    return {
        "deadline_s": problem.deadline_s,
        "weight": problem.weight.tolist(),
        "memory": problem.memory.tolist(),
        "vcpus": problem.vcpus.tolist(),
        "free_memory": [int(problem.free_memory[hosts].sum()) for hosts in members],
        "free_vcpus": [int(problem.free_vcpus[hosts].sum()) for hosts in members],
        "choices": {
            "mover": columns.mover.tolist(),
            "klass": columns.klass.tolist(),
            "rate": columns.rate.tolist(),
            "time_s": columns.time_s.tolist(),
            "downtime_s": columns.downtime_s.tolist(),
        },
        "links": _links(task),
        "slots": _slots(task),
    }


def _links(task: Task) -> list[dict[str, Any]]:
    """Return the links that can be short, each with its capacity [bytes/s] and the choices that use it."""
    problem, classes, columns = task.problem, task.classes, task.columns
    room = problem.network.capacity_bytes_per_s
    uses: defaultdict[tuple[int, ...], set[tuple[int, int]]] = defaultdict(set)
    for s in range(len(problem.sources)):
        for c, hosts in enumerate(classes.members):
            for link in classes.trunk[s][c] or ():
                uses[(link,)].add((s, c))
            tails = classes.tail[s, list(hosts)]
            for level in range(tails.shape[1]):
                links = tuple(sorted({link for link in tails[:, level].tolist() if link >= 0}))
                if links:
                    uses[links].add((s, c))
    source = problem.source_of[columns.mover]
    found = []
    for links, pairs in uses.items():
        here = np.zeros(len(columns), dtype=np.bool_)
        for s, c in pairs:
            here |= (source == s) & (columns.klass == c)
        if not here.any():
            continue
        capacity = float(room[list(links)].sum())
        senders = sorted({s for s, _ in pairs})
        if columns.rate[here].max() * problem.max_out[senders].sum() > capacity:
            found.append({"capacity": capacity, "choices": np.flatnonzero(here).tolist()})
    return found


def _slots(task: Task) -> list[dict[str, Any]]:
    """Return how many migrations each source and each class may have at once, with the choices that count."""
    problem, classes, columns = task.problem, task.classes, task.columns
    source = problem.source_of[columns.mover]
    out = [(int(problem.max_out[s]), source == s) for s in range(len(problem.sources))]
    into = [
        (int(problem.max_in[list(hosts)].sum()), columns.klass == c)
        for c, hosts in enumerate(classes.members)
        if problem.max_in[list(hosts)].sum() < problem.max_out.sum()
    ]
    return [{"capacity": limit, "choices": np.flatnonzero(here).tolist()} for limit, here in (*out, *into)]


def decisions_of(task: Task, choices: Sequence[int], starts_s: Sequence[float], seed: int = 0) -> list[Decision] | None:
    """Return an answer with hosts, or None where no hosts were found within the classes.

    Parameters
    ----------
    choices, starts_s
        Of each mover, which choice [index] and when [s].
    """
    draw = np.random.default_rng(seed)
    hosts = task.problem.targets
    for attempt in range(SPREAD_TRIES):
        bias = draw.random(len(hosts)) if attempt else np.zeros(len(hosts))
        found = _spread(task, choices, starts_s, bias)
        if found is not None:
            columns = task.columns
            return [
                Decision(
                    task.problem.movers[v].name,
                    hosts[found[v]].name,
                    ALL_APPROACHES[int(columns.approach[k])],
                    float(columns.rate[k]),
                    starts_s[v],
                )
                for v, k in enumerate(choices)
            ]
    return None


def _spread(
    task: Task, choices: Sequence[int], starts_s: Sequence[float], bias: NDArray[np.float64]
) -> list[int] | None:
    """Bind hosts in the order of the starts, each move to the allowed host of its class with most memory left."""
    problem, columns = task.problem, task.columns
    memory, vcpus = problem.free_memory.copy(), problem.free_vcpus.copy()
    largest = float(problem.free_memory.max())
    capacity = problem.network.capacity_bytes_per_s
    running: list[tuple[float, int, int, list[int]]] = []
    used, slots = np.zeros(len(capacity)), problem.max_in.copy()
    host_of = [-1] * len(choices)
    for v in np.argsort(np.array(starts_s), kind="stable").tolist():
        for ended in [entry for entry in running if entry[0] <= starts_s[v]]:
            running.remove(ended)
            _, u, host, links = ended
            used[links] -= columns.rate[choices[u]]
            slots[host] += 1
        k, source = choices[v], int(problem.source_of[v])
        rate = float(columns.rate[k])
        best, worth = -1, -np.inf
        for h in task.classes.members[int(columns.klass[k])]:
            links = [link for link in task.classes.tail[source, h].tolist() if link >= 0]
            fits = (
                problem.allowed[v, h]
                and slots[h] > 0
                and memory[h] >= problem.memory[v]
                and vcpus[h] >= problem.vcpus[v]
                and np.all(used[links] + rate <= capacity[links] * (1 + 1e-12))
            )
            value = memory[h] / largest + bias[h]
            if fits and value > worth:
                best, worth = h, value
        if best < 0:
            return None
        links = list(task.classes.links(source, int(columns.klass[k]), best))
        used[links] += rate
        slots[best] -= 1
        memory[best] -= problem.memory[v]
        vcpus[best] -= problem.vcpus[v]
        host_of[v] = best
        running.append((starts_s[v] + float(columns.time_s[k]), v, best, links))
    return host_of
