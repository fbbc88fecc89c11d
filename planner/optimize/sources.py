"""What the moves of one host cost at least, whatever all others do, where a host sends two moves at once at the most.

A move that no other fits beside on the host's link runs alone. In the time that is left the others run on two machines,
as it were: the choices of all of them must divide into two lanes of that length. The assignment program sees only the
sum of both lanes. Beside that hold its rows of what fits side by side.
"""

from __future__ import annotations

import numpy as np

from planner.optimize.backend import Session
from planner.optimize.options import Columns
from planner.optimize.patterns import add_patterns, patterns
from planner.optimize.problem import Bools, Floats, Ints, Problem
from planner.optimize.turns import TurnsProgram

MOST_SLOTS = 2
"""Moves at once of one host up to which its cost is bounded this way [count]."""
MOST_MOVERS = 40
"""Movers of one host up to which it is [count]."""
GAP = 1e-4
"""Relative gap at which the program stops [1]."""
ROUNDING = 1e-9
"""Share of a link by which sums of rates may miss it in floating point [1]."""


def source_bound(
    problem: Problem, columns: Columns, link: int, users: Ints, *, seed: int, time_limit_s: float
) -> tuple[int, float] | None:
    """Return a host and a proven lower bound on the weighted downtime of all its moves [s], or None.

    Parameters
    ----------
    columns
        Choices of which none was dropped for its volume.
    link
        A directed link.
    users
        The columns that use it, ascending.
    seed
        Seed of the solver.
    time_limit_s
        Wall time [s].

    Returns
    -------
    tuple or None
        None where the link is not one host's, or the host sends too many moves. The bound is inf where the host cannot
        be emptied in time.
    """
    movers = np.unique(columns.mover[users])
    source = np.unique(problem.source_of[movers])
    if len(source) != 1 or len(movers) > MOST_MOVERS or problem.max_out[source[0]] > MOST_SLOTS:
        return None
    if np.isin(columns.mover, movers).sum() > len(users):
        # Some of its moves have another way.
        return None
    # Classes do not matter here: of the choices that differ in nothing else, one is enough.
    kinds = (columns.mover[users], columns.approach[users], columns.rate_index[users])
    users = users[np.sort(np.unique(np.stack(kinds), axis=1, return_index=True)[1])]
    capacity = float(problem.network.capacity_bytes_per_s[link])
    rate = columns.rate[users] / capacity
    accompanied = rate + rate.min() <= 1 + ROUNDING
    if problem.max_out[source[0]] < MOST_SLOTS:
        accompanied[:] = False
    row = np.searchsorted(movers, columns.mover[users])
    option = np.concatenate([np.arange(n) for n in np.bincount(row).tolist()])
    seconds = columns.time_s[users]
    price = problem.weight[columns.mover[users]] * columns.downtime_s[users]
    time_s, cost = _table(row, option, seconds, price, accompanied)
    rates = np.unique(columns.rate[users])[::-1]
    places = patterns(rates, capacity, int(problem.max_out[source[0]]))
    if places is None:
        return None
    made = TurnsProgram(time_s, cost, [[0], [1, 2]], problem.deadline_s, sum(places.shape))
    # Nothing may exceed the window.
    made.program.bound[made.excess] = 0.0
    which = np.zeros(time_s.shape, dtype=np.int64)
    which[row, :, option] = np.searchsorted(-rates, -columns.rate[users])[:, None]
    here = made.move, made.lane, made.option
    add_patterns(made.program, link, np.arange(len(made.move)), which[here], time_s[here], places, made.excess + 1)
    tau = made.excess + 1 + np.arange(len(places))
    made.program.add_row("patterns", link, tau, np.ones(len(places)), upper=problem.deadline_s)
    found = Session(made.program, seed=seed).solve(gap=GAP, time_limit_s=time_limit_s)
    return int(source[0]), found.bound


def _table(row: Ints, option: Ints, seconds: Floats, price: Floats, accompanied: Bools) -> tuple[Floats, Floats]:
    """Return time and cost of what each mover can do alone and in either of two lanes, shape (n, 3, O)."""
    time_s = np.full((int(row.max()) + 1, 3, int(option.max()) + 1), np.inf)
    cost = np.full_like(time_s, np.inf)
    cost[row, :, option] = price[:, None]
    time_s[row, 0, option] = seconds
    time_s[row[accompanied], 1, option[accompanied]] = seconds[accompanied]
    time_s[row[accompanied], 2, option[accompanied]] = seconds[accompanied]
    return time_s, cost
