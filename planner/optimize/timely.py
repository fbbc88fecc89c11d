"""Evacuations in which time comes first: the earliest finish, or the least weighted sum of ends.

The destination is settled first: by labels where each mover has a single one, otherwise by the assignment program for
the shortest window. Each move then takes its fastest choice there, and what is left is the order, without any solver.
Both aims have bounds by volumes that hold for every choice and order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.optimize.classes import coarse_classes
from planner.optimize.clock import Clock
from planner.optimize.direct import Assigned, single_targets
from planner.optimize.dispatch import Schedule
from planner.optimize.ends import least_ends
from planner.optimize.jobs import Jobs, jobs_of
from planner.optimize.least import ends_bound, finish_bound, least_of
from planner.optimize.options import Columns, Tables, build_tables
from planner.optimize.problem import Bools, Ints, Problem
from planner.optimize.squeaky import earliest
from planner.optimize.state import Incumbent
from planner.plan.progress import Progress, ProgressSink

Aim = Literal["finish", "ends"]
ENOUGH_FINISH = 5e-3
"""Relative distance to the bound at which the search for an earlier finish ends [1]."""
ENOUGH_ENDS = 1.75e-2
"""Relative distance to the bound at which the search for a smaller sum of ends ends [1]."""


@dataclass(frozen=True)
class Timely:
    """What was found.

    Parameters
    ----------
    incumbent
        The best schedule that keeps the deadline, or None.
    finish_bound_s, ends_bound_s
        No schedule ends sooner, or has a smaller weighted sum of ends [s].
    downtime_bound_s
        No schedule has less weighted downtime [s].
    """

    incumbent: Incumbent | None
    finish_bound_s: float
    ends_bound_s: float
    downtime_bound_s: float


def timely(problem: Problem, aim: Aim, *, seed: int, clock: Clock, sink: ProgressSink | None = None) -> Timely | None:
    """Look for a schedule that keeps the deadline and is early.

    Parameters
    ----------
    aim
        finish: when the last source is off; ends: the weighted sum of ends.
    seed
        Seed of all random choices.
    clock
        The time given.
    sink
        Is told how it goes.

    Returns
    -------
    Timely or None
        None where a mover can do nothing, or no destinations were found.
    """
    if sink is not None:
        sink(Progress("scheduling", clock.elapsed_s))
    found = single_targets(problem) or _by_program(problem, seed, clock)
    if found is None:
        return None
    jobs = jobs_of(problem, found.classes, found.columns, found.choice, found.host)
    finish_s, ends_s = finish_bound(found.least), 0.0
    starts: list[float] | None
    if aim == "finish":
        starts = earliest(jobs, finish_s, clock, seed=seed, enough=ENOUGH_FINISH)
    else:
        ends_s = ends_bound(found.least)
        starts = _small_ends(jobs, ends_s, finish_s, problem.deadline_s, clock, seed)
    incumbent: Incumbent | None = None
    if starts is not None and jobs.finish_s(starts) <= problem.deadline_s:
        start, columns = np.array(starts, dtype=np.float64), found.columns
        end = start + columns.time_s[found.choice]
        schedule = Schedule(found.choice, start, end, found.host, problem.tail_s)
        cost_s = float(problem.weight @ columns.downtime_s[found.choice])
        incumbent = Incumbent(found.classes, columns, schedule, cost_s)
    return Timely(incumbent, finish_s, ends_s, found.downtime_s)


def _small_ends(
    jobs: Jobs, ends_s: float, finish_s: float, deadline_s: float, clock: Clock, seed: int
) -> list[float] | None:
    """Return starts with a small sum of ends; where the deadline is near, from a schedule with an early finish on."""
    starts = least_ends(jobs, ends_s, deadline_s, clock, seed=seed, enough=ENOUGH_ENDS)
    if starts is None:
        early = earliest(jobs, max(finish_s, deadline_s), clock, seed=seed)
        starts = least_ends(jobs, ends_s, deadline_s, clock, seed=seed, start=early, enough=ENOUGH_ENDS)
    return starts


def _fastest(columns: Columns, among: Bools, movers: int) -> Ints:
    """Return the fastest of some columns of each mover, with the least downtime among equals, shape (M,)."""
    index = np.flatnonzero(among)
    order = index[np.lexsort((columns.downtime_s[index], columns.time_s[index], columns.mover[index]))]
    first = np.searchsorted(columns.mover[order], np.arange(movers))
    choice: Ints = order[first]
    return choice


def _by_program(problem: Problem, seed: int, clock: Clock) -> Assigned | None:
    """Return the assignment of the program for the shortest window, each move at its fastest there."""
    # The solver is imported only where it is asked.
    from planner.optimize.arena import Arena
    from planner.optimize.model import Aim as ModelAim
    from planner.optimize.state import State

    classes = coarse_classes(problem)
    tables = build_tables(problem, classes, lanes=False)
    arena = Arena(State(problem, tables, clock, seed, None), classes)
    columns, movers = arena.columns, len(problem.movers)
    if not (np.bincount(columns.mover, minlength=movers) > 0).all():
        return None
    solution = arena.solve(ModelAim(problem.deadline_s, finish=True))
    placed = None if solution.values is None else arena.place(solution)[0]
    if placed is None:
        return None
    among = columns.klass == columns.klass[placed.choice][columns.mover]
    time, volume = np.full(movers, np.inf), np.full(movers, np.inf)
    np.minimum.at(time, columns.mover, columns.time_s)
    np.minimum.at(volume, columns.mover, columns.time_s * columns.rate)
    options: list[set[int]] = [set() for _ in range(movers)]
    for v, c in zip(columns.mover.tolist(), columns.klass.tolist(), strict=True):
        options[v].add(c)
    least = least_of(problem, arena.classes, [tuple(sorted(mine)) for mine in options], time, volume)
    downtime_s = _least_downtime(problem, tables)
    return Assigned(arena.classes, columns, _fastest(columns, among, movers), placed.home, least, downtime_s)


def _least_downtime(problem: Problem, tables: Tables) -> float:
    """Return the sum of the least downtimes that the movers could have [s]."""
    least = np.where(tables.usable, tables.downtime_s, np.inf).min(axis=(1, 2), initial=np.inf)
    return float(problem.weight @ np.where(np.isfinite(least), least, 0.0))
