"""Local search: gives moves of the best schedule a choice with less downtime, as long as the schedule holds."""

from __future__ import annotations

import numpy as np

from planner.optimize.dispatch import Dispatcher
from planner.optimize.options import Columns, build_columns
from planner.optimize.problem import Ints, Problem
from planner.optimize.spread import Spreader
from planner.optimize.state import State
from planner.optimize.urgency import urgencies

TRIES = 4
"""Rules of priority tried on each changed assignment."""
SHARE_OF_TIME = 0.4
"""Share of the time left that the search may take [1]."""
PATIENCE = 150
"""Changes that fail in a row after which the search ends."""


def improve(state: State) -> None:
    """Improve the incumbent until no single change helps, the gap is closed or the time is up."""
    if state.incumbent is None or state.over():
        return
    problem, classes = state.problem, state.incumbent.classes
    columns = build_columns(problem, classes, state.tables)
    choice = _translate(state.incumbent.columns, state.incumbent.schedule.choice, columns)
    home = state.incumbent.schedule.host
    spreader = Spreader(problem, classes, columns, state.seed)
    dispatcher = Dispatcher(problem, classes, columns)
    until = state.clock.left_s * (1.0 - SHARE_OF_TIME)
    better, failed = True, 0
    while better and not state.over():
        better = False
        for v, k in _savings(problem, columns, choice):
            if state.over() or failed > PATIENCE or state.clock.left_s < until:
                return
            failed += 1
            changed = choice.copy()
            changed[v] = k
            place: Ints | None = home
            if columns.klass[k] != columns.klass[choice[v]]:
                place, _ = spreader.spread(changed, min(1.0, state.clock.left_s))
            if place is None or not _together(problem, columns, changed):
                continue
            rules = urgencies(problem, columns, changed, state.rng)
            for _ in range(TRIES):
                schedule = dispatcher.run(changed, place, next(rules))
                if state.offer(classes, columns, schedule):
                    choice, home, better, failed = changed, schedule.host, True, 0
                    state.tell("improving")
                    break
            if better:
                break


def _translate(old: Columns, choice: Ints, new: Columns) -> Ints:
    """Return the same choices as indices into a larger set of columns."""
    index = {
        key: i
        for i, key in enumerate(
            zip(new.mover.tolist(), new.klass.tolist(), new.approach.tolist(), new.rate_index.tolist(), strict=True)
        )
    }
    keys = zip(
        old.mover[choice].tolist(),
        old.klass[choice].tolist(),
        old.approach[choice].tolist(),
        old.rate_index[choice].tolist(),
        strict=True,
    )
    return np.array([index[key] for key in keys], dtype=np.int64)


def _savings(problem: Problem, columns: Columns, choice: Ints) -> list[tuple[int, int]]:
    """Return the changes (mover, column) that lower the weighted downtime, the largest saving first."""
    now = columns.downtime_s[choice][columns.mover]
    saving = problem.weight[columns.mover] * (now - columns.downtime_s)
    found = np.flatnonzero(saving > 1e-9)
    found = found[np.argsort(-saving[found], kind="stable")]
    return list(zip(columns.mover[found].tolist(), found.tolist(), strict=True))


def _together(problem: Problem, columns: Columns, choice: Ints) -> bool:
    """Return whether all together groups still share a class."""
    return all(len(set(columns.klass[choice[list(group)]].tolist())) == 1 for group in problem.together)
