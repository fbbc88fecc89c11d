"""Moves as they are published: the route, the model's numbers, and whom each waits for."""

from __future__ import annotations

from dataclasses import astuple
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from planner.optimize.dispatch import Dispatcher
from planner.optimize.publish import moves_of
from planner.optimize.spread import Spreader
from planner.optimize.state import Incumbent
from planner.optimize.urgency import urgencies
from planner.plan.models import Move
from planner.predict import predict_vm
from tests.optimize_support import Compiled, compiled_case, overfilled, shared_link_case, task_of
from tests.truth.inventories import random_case

LONG_S = 60.0
CASES = [("random", seed) for seed in range(24)] + [("shared", seed) for seed in range(12)]


@cache
def published(kind: str, seed: int) -> tuple[Compiled, Incumbent, tuple[Move, ...]] | None:
    """Return the moves of a schedule of random choices, or None where a mover has no choice or finds no host."""
    made = compiled_case(random_case(seed) if kind == "random" else shared_link_case(seed))
    columns, rng = made.columns(), np.random.default_rng(seed)
    own = [np.flatnonzero(columns.mover == v) for v in range(len(made.problem.movers))]
    if not all(len(here) for here in own) or made.problem.together:
        return None
    choice = np.array([rng.choice(here) for here in own])
    home, _ = Spreader(made.problem, made.classes, columns, seed).spread(choice, LONG_S)
    if home is None:
        return None
    rule = next(urgencies(made.problem, columns, choice, rng))
    schedule = Dispatcher(made.problem, made.classes, columns).run(choice, home, rule)
    incumbent = Incumbent(made.classes, columns, schedule, 0.0)
    return made, incumbent, moves_of(made.problem, incumbent)


def test_the_cases_are_not_all_none() -> None:
    assert sum(published(*case) is not None for case in CASES) > len(CASES) / 3


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_moves_say_what_the_schedule_and_the_model_say(kind: str, seed: int) -> None:
    found = published(kind, seed)
    if found is None:
        return
    made, incumbent, moves = found
    problem, schedule, columns = made.problem, incumbent.schedule, incumbent.columns
    assert [move.start_s for move in moves] == sorted(schedule.start_s.tolist())
    assert sorted(move.vm for move in moves) == sorted(mover.name for mover in problem.movers)
    for move in moves:
        v = [mover.name for mover in problem.movers].index(move.vm)
        mover, k = problem.movers[v], int(schedule.choice[v])
        route = problem.network.route(mover.host, problem.targets[int(schedule.host[v])].name)
        assert route is not None
        assert (move.source, move.target, move.path) == (mover.host, route.path[-1], route.path)
        assert (move.start_s, move.bandwidth_bytes_per_s) == (schedule.start_s[v], columns.rate[k])
        assert move.end_s == schedule.end_s[v]
        assert (move.approach, move.switch_point) == astuple(problem.ways[int(columns.approach[k])])
        prediction = predict_vm(problem.settings, mover, move.approach, move.bandwidth_bytes_per_s, move.switch_point)
        numbers = (move.duration_s, move.downtime_s, move.transferred_bytes, move.precopy_share)
        assert numbers == (
            prediction.time_s[0, 0],
            prediction.downtime_s[0, 0],
            prediction.transferred_bytes[0, 0],
            prediction.precopy_share[0, 0],
        )
        assert (move.memory_bytes, move.disk_bytes, move.weight) == (mover.memory, mover.disk, mover.weight)


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_whoever_waits_for_those_named_overfills_nothing(kind: str, seed: int) -> None:
    found = published(kind, seed)
    if found is None:
        return
    made, incumbent, moves = found
    problem, columns = made.problem, incumbent.columns
    index = {mover.name: v for v, mover in enumerate(problem.movers)}
    by_name = {move.vm: move for move in moves}
    for move in moves:
        assert all(by_name[other].end_s <= move.start_s for other in move.after)
    for factor in (1.0, 3.0, 0.2):
        rng = np.random.default_rng(seed)
        lasts = {move.vm: move.duration_s * (1 + rng.uniform(0, 1) * (factor - 1)) for move in moves}
        starts: dict[int, float] = {}
        for move in moves:  # by start: those that a move waits for stand before it
            starts[index[move.vm]] = max((starts[index[other]] + lasts[other] for other in move.after), default=0.0)
        tasks = [
            task_of(
                problem,
                index[move.vm],
                int(incumbent.schedule.host[index[move.vm]]),
                float(columns.rate[incumbent.schedule.choice[index[move.vm]]]),
                lasts[move.vm],
            )
            for move in moves
        ]
        assert overfilled(tasks, starts) == []
        for a, b in problem.before:
            assert starts[a] + lasts[problem.movers[a].name] <= starts[b]


def test_moves_of_one_start_stand_in_the_order_of_the_inventory() -> None:
    for case in CASES:
        found = published(*case)
        if found is not None:
            made, _, moves = found
            index = {mover.name: v for v, mover in enumerate(made.problem.movers)}
            for one, two in pairwise(moves):
                assert (one.start_s, index[one.vm]) < (two.start_s, index[two.vm])
