"""Movers that may go to the same targets, or to some of them only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.optimize.problem import Bools, Problem

MOST_KINDS = 64
"""Sets of targets that are looked at, the smallest first [count]."""


def kinds_of_movers(problem: Problem) -> Iterator[tuple[Bools, Bools]]:
    """Yield sets of targets that all that some mover may go to, with the movers that may go nowhere else.

    Returns
    -------
    iterator of (movers, targets)
        Shapes (M,) and (H,); at least one of each, fewest targets first.
    """
    if not problem.movers:
        return
    rows = np.unique(problem.allowed, axis=0)
    rows = rows[rows.any(axis=1)]
    order = np.argsort(rows.sum(axis=1), kind="stable")[:MOST_KINDS]
    for targets in rows[order]:
        movers = problem.allowed.any(axis=1) & ~(problem.allowed & ~targets).any(axis=1)
        yield movers, targets
