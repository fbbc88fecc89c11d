"""Packing moves into lanes that take turns: which lane each takes, with which choice, and how long each turn lasts.

A host's own link carries one move at full rate, or two at half of it. Where the host must send nearly all of the time,
its moves are sorted into turns: first one after the other at full rate, then side by side, so that the slow ones have
company all the time. There are few moves a host: an integer program finds the best way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from planner.optimize.backend import Session
from planner.optimize.pack import Packing
from planner.optimize.problem import Floats
from planner.optimize.program import Program

DEAR = 1000.0
"""Price of a second beyond the window, in costs of the dearest choices of all moves a window [1]."""
GAP = 1e-4
"""Relative gap at which the program stops [1]."""


def take_turns(
    time_s: Floats, cost: Floats, turns: Sequence[Sequence[int]], window_s: float, *, seed: int, time_limit_s: float
) -> Packing | None:
    """Pack moves into lanes that take turns at the least cost.

    Parameters
    ----------
    time_s, cost
        Of each move in each lane with each option, shape (n, L, O) [s, any]; inf where there is no such option.
    turns
        The lanes of each turn.
    window_s
        Length that all turns together should not exceed [s].
    seed
        Seed of the solver.
    time_limit_s
        Wall time [s].

    Returns
    -------
    Packing or None
        None where nothing was found in time.
    """
    move, lane, option = np.nonzero(np.isfinite(time_s))
    count, lengths = len(move), len(turns)
    turn_of = np.zeros(time_s.shape[1], dtype=np.int64)
    for p, lanes in enumerate(turns):
        turn_of[list(lanes)] = p
    seconds, price = time_s[move, lane, option], cost[move, lane, option]
    # Behind the choices the lengths of the turns, and what they exceed the window by.
    dear = DEAR * max(1e-6, float(price.max(initial=0.0))) * len(time_s) / window_s
    most_s = float(seconds.sum())
    program = Program(
        np.concatenate([price, np.zeros(lengths), [dear]]),
        np.concatenate([np.ones(count), np.full(lengths + 1, most_s)]),
        np.arange(count + lengths + 1) < count,
    )
    every = np.arange(count)
    ones = np.ones(len(time_s))
    program.add_block("choice", list(range(len(time_s))), move, every, np.ones(count), lower=ones, upper=ones)
    lanes_count = time_s.shape[1]
    program.add_block(
        "lane",
        list(range(lanes_count)),
        np.concatenate([lane, np.arange(lanes_count)]),
        np.concatenate([every, count + turn_of]),
        np.concatenate([seconds, -np.ones(lanes_count)]),
        upper=np.zeros(lanes_count),
    )
    program.add_row("window", None, count + np.arange(lengths + 1), np.append(np.ones(lengths), -1.0), upper=window_s)
    found = Session(program, seed=seed).solve(gap=GAP, time_limit_s=time_limit_s)
    if found.values is None:
        return None
    chosen = np.flatnonzero(found.values[:count] > 0.5)
    chosen = chosen[np.argsort(move[chosen])]
    load = np.bincount(lane[chosen], weights=seconds[chosen], minlength=lanes_count)
    used_s = sum(float(load[list(lanes)].max()) for lanes in turns)
    return Packing(lane[chosen], option[chosen], max(0.0, used_s - window_s))
