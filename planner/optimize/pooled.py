"""Packing into pools of equal lanes: how much goes into the lanes of each rate, before the lanes are told apart."""

from __future__ import annotations

import numpy as np

from planner.optimize.backend import Session
from planner.optimize.clock import Clock
from planner.optimize.exchange import Choices, exchange
from planner.optimize.favourites import favourites
from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program

UNEVEN = 3e-5
"""Share of lanes of one rate that is left over because they cannot be equally long to the last second [1]."""
EVENINGS = 100
"""Exchanges between lanes of one rate, to even them out [count]."""


def pack_pools(
    time_s: Floats, cost: Floats, window_s: float, *, rng: np.random.Generator, rounds: int, clock: Clock
) -> tuple[Ints, Ints] | None:
    """Return the lane and the option of each move: good choices for each pool, then the longest first.

    Parameters
    ----------
    time_s, cost
        Of each move in each lane with each option, shape (n, L, O) [s, any]; inf where there is no such option.
    window_s
        Length of each lane [s].
    rng
        Source of the draws.
    rounds
        Rounds of exchanges [count].
    clock
        Ends the search when it has expired.

    Returns
    -------
    tuple or None
        Arrays of shape (n,); None where the relaxation has no solution.
    """
    pool_of, first = _pools(time_s)
    move, pool, option = np.nonzero(np.isfinite(time_s[:, first]))
    lane = first[pool]
    count = np.bincount(pool_of).astype(np.float64)
    room_s = window_s * count * np.where(count > 1, 1.0 - UNEVEN, 1.0)
    choices = Choices(move, pool, time_s[move, lane, option], cost[move, lane, option], room_s)
    relaxed = _relaxed(choices, len(time_s), clock.left_s)
    if relaxed is None:
        return None
    values, prices = relaxed
    chosen = exchange(choices, favourites(move, values), prices, rng=rng, rounds=rounds, clock=clock)
    seconds = choices.time_s[chosen]
    lanes = np.zeros(len(time_s), dtype=np.int64)
    for p in range(len(first)):
        mine = np.flatnonzero(pool[chosen] == p)
        lanes[mine] = np.flatnonzero(pool_of == p)[_even(seconds[mine], int((pool_of == p).sum()))]
    return lanes, option[chosen]


def _even(seconds: Floats, lanes: int) -> Ints:
    """Return the lane of each move so that the lanes are about equally long.

    The longest first, each into the shortest lane; then the longest lane and another exchange what evens them out best.
    """
    lane, load = np.zeros(len(seconds), dtype=np.int64), np.zeros(lanes)
    for v in np.argsort(-seconds, kind="stable").tolist():
        lane[v] = int(np.argmin(load))
        load[lane[v]] += seconds[v]
    for _ in range(EVENINGS if lanes > 1 and len(seconds) else 0):
        long = int(np.argmax(load))
        mine = np.flatnonzero(lane == long)
        gain, change = 1e-9, None
        for other in range(lanes):
            theirs = np.append(np.flatnonzero(lane == other), -1)
            back = np.where(theirs < 0, 0.0, seconds[theirs])
            if other == long or not len(mine):
                continue
            over = seconds[mine][:, None] - back[None, :]
            longer = np.maximum(load[long] - over, load[other] + over)
            k = int(longer.argmin())
            if load[long] - longer.flat[k] > gain:
                gain, change = (
                    float(load[long] - longer.flat[k]),
                    (mine[k // len(theirs)], theirs[k % len(theirs)], other),
                )
        if change is None:
            break
        given, taken, other = change
        lane[given] = other
        if taken >= 0:
            lane[taken] = long
        load = np.bincount(lane, weights=seconds, minlength=lanes)
    return lane


def _pools(time_s: Floats) -> tuple[Ints, Ints]:
    """Return the pool of each lane and the first lane of each pool: lanes in which all moves take the same."""
    pool_of, first = np.zeros(time_s.shape[1], dtype=np.int64), [0]
    for lane in range(1, time_s.shape[1]):
        same = [p for p, other in enumerate(first) if np.array_equal(time_s[:, lane], time_s[:, other])]
        pool_of[lane] = same[0] if same else len(first)
        if not same:
            first.append(lane)
    return pool_of, np.array(first, dtype=np.int64)


def _relaxed(choices: Choices, moves: int, time_limit_s: float) -> tuple[Floats, Floats] | None:
    """Return the linear relaxation's values of the choices, and its prices of a second of each pool."""
    count, pools = len(choices.move), len(choices.room_s)
    every, ones = np.arange(count), np.ones(moves)
    program = Program(choices.cost, np.ones(count), np.zeros(count, dtype=np.bool_))
    program.add_block("choice", list(range(moves)), choices.move, every, np.ones(count), lower=ones, upper=ones)
    program.add_block("pool", list(range(pools)), choices.pool, every, choices.time_s, upper=choices.room_s)
    session = Session(program)
    found = session.solve(time_limit_s=time_limit_s)
    if found.values is None:
        return None
    return found.values, np.maximum(session.prices()[moves:], 0.0)
