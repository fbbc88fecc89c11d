"""From a schedule to the moves of a plan."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from planner.optimize.problem import Floats, Problem
from planner.optimize.state import Incumbent
from planner.plan.chain import Interval, predecessors
from planner.plan.models import Move, PathShare
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.ways import predict_way


def moves_of(problem: Problem, incumbent: Incumbent) -> tuple[Move, ...]:
    """Return the moves of a schedule in order of start, each with those whose end it waits for."""
    schedule, columns = incumbent.schedule, incumbent.columns
    share, sent = _sent(problem, incumbent)
    paths = _paths(problem, incumbent)
    waits = _waits(problem, incumbent, paths)
    moves = []
    for v in np.lexsort((np.arange(len(problem.movers)), schedule.start_s)).tolist():
        vm, k = problem.movers[v], int(schedule.choice[v])
        way = problem.ways[int(columns.approach[k])]
        ways = problem.network.unfold(paths[v])
        moves.append(
            Move(
                vm=vm.name,
                source=vm.host,
                target=problem.targets[int(schedule.host[v])].name,
                approach=way.approach,
                switch_point=way.switch_point,
                precopy_share=float(share[v]),
                bandwidth_bytes_per_s=float(columns.rate[k]),
                path=ways[0],
                paths=tuple(PathShare(path=way, share=1 / len(ways)) for way in ways) if len(ways) > 1 else (),
                start_s=float(schedule.start_s[v]),
                duration_s=float(columns.time_s[k]),
                downtime_s=float(columns.downtime_s[k]),
                transferred_bytes=float(sent[v]),
                memory_bytes=vm.memory,
                disk_bytes=vm.disk,
                weight=vm.weight,
                after=tuple(problem.movers[u].name for u in waits[v]),
            )
        )
    return tuple(moves)


def _sent(problem: Problem, incumbent: Incumbent) -> tuple[Floats, Floats]:
    """Return pre-copied share and bytes sent of each mover, shape (M,)."""
    choice, columns = incumbent.schedule.choice, incumbent.columns
    model = model_for(problem.settings)
    share, sent = np.zeros(len(choice)), np.zeros(len(choice))
    for a, way in enumerate(problem.ways):
        here = np.flatnonzero(columns.approach[choice] == a)
        if len(here):
            rate = columns.rate[choice[here]][:, None]
            workload = workload_of([problem.movers[v] for v in here.tolist()])
            prediction = predict_way(model, way, workload, rate, thresholds(problem.settings, rate))
            share[here], sent[here] = prediction.precopy_share[:, 0], prediction.transferred_bytes[:, 0]
    return share, sent


def _paths(problem: Problem, incumbent: Incumbent) -> list[tuple[str, ...]]:
    directed, classes = problem.network.directed, incumbent.classes
    paths = []
    for v, k in enumerate(incumbent.schedule.choice.tolist()):
        s, h = int(problem.source_of[v]), int(incumbent.schedule.host[v])
        links = classes.links(s, int(incumbent.columns.klass[k]), h)
        paths.append((directed[links[0]][0], *(directed[link][1] for link in links)))
    return paths


def _waits(problem: Problem, incumbent: Incumbent, paths: list[tuple[str, ...]]) -> list[tuple[int, ...]]:
    schedule, columns, network = incumbent.schedule, incumbent.columns, problem.network
    capacity: dict[Hashable, float] = {
        ("link", link): float(room) for link, room in enumerate(network.capacity_bytes_per_s.tolist())
    }
    capacity |= {("out", s): float(n) for s, n in enumerate(problem.max_out.tolist())}
    capacity |= {("in", h): float(n) for h, n in enumerate(problem.max_in.tolist())}
    capacity |= {("group", g): 1.0 for g in range(len(problem.not_at_once))}
    first: list[list[int]] = [[] for _ in problem.movers]
    for a, b in problem.before:
        first[b].append(a)
    groups: list[list[int]] = [[] for _ in problem.movers]
    for g, group in enumerate(problem.not_at_once):
        for v in group:
            groups[v].append(g)
    intervals = []
    for v, k in enumerate(schedule.choice.tolist()):
        rate = float(columns.rate[k])
        uses: dict[Hashable, float] = {
            ("link", network.link_index(a, b)): rate for a, b in zip(paths[v], paths[v][1:], strict=False)
        }
        uses[("out", int(problem.source_of[v]))] = 1.0
        uses[("in", int(schedule.host[v]))] = 1.0
        uses |= {("group", g): 1.0 for g in groups[v]}
        intervals.append(Interval(float(schedule.start_s[v]), float(schedule.end_s[v]), uses, first[v]))
    return predecessors(intervals, capacity)
