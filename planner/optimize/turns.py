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
NODES = 2000
"""Nodes after which it stops: unlike seconds they do not depend on what else the machine does [count]."""


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
    made = TurnsProgram(time_s, cost, turns, window_s)
    count = len(made.move)
    found = Session(made.program, seed=seed).solve(gap=GAP, nodes=NODES, time_limit_s=time_limit_s)
    if found.values is None:
        return None
    chosen = np.flatnonzero(found.values[:count] > 0.5)
    chosen = chosen[np.argsort(made.move[chosen])]
    lane, option = made.lane[chosen], made.option[chosen]
    load = np.bincount(lane, weights=time_s[made.move[chosen], lane, option], minlength=made.lanes)
    used_s = sum(float(load[list(lanes)].max()) for lanes in turns)
    return Packing(lane, option, max(0.0, used_s - window_s))


class TurnsProgram:
    """The program of lanes that take turns.

    Parameters
    ----------
    time_s, cost, turns, window_s
        See `take_turns`.
    more
        Continuous columns for further rows, behind the others [count].

    Attributes
    ----------
    program
        Columns are the choices, the lengths of the turns, and what they exceed the window by.
    move, lane, option
        Of each choice.
    lanes
        Number of lanes.
    excess
        Column of what the turns exceed the window by; further columns follow.
    """

    def __init__(
        self, time_s: Floats, cost: Floats, turns: Sequence[Sequence[int]], window_s: float, more: int = 0
    ) -> None:
        self.move, self.lane, self.option = np.nonzero(np.isfinite(time_s))
        moves, self.lanes = time_s.shape[:2]
        count, lengths = len(self.move), len(turns)
        turn_of = np.zeros(self.lanes, dtype=np.int64)
        for turn, lanes in enumerate(turns):
            turn_of[list(lanes)] = turn
        seconds = time_s[self.move, self.lane, self.option]
        price = cost[self.move, self.lane, self.option]
        dear = DEAR * max(1e-6, float(price.max(initial=0.0))) * moves / window_s
        self.program = Program(
            np.concatenate([price, np.zeros(lengths), [dear], np.zeros(more)]),
            np.concatenate([np.ones(count), np.full(lengths + 1 + more, float(seconds.sum()))]),
            np.arange(count + lengths + 1 + more) < count,
        )
        every, ones = np.arange(count), np.ones(moves)
        self.program.add_block("choice", list(range(moves)), self.move, every, np.ones(count), lower=ones, upper=ones)
        self.program.add_block(
            "lane",
            list(range(self.lanes)),
            np.concatenate([self.lane, np.arange(self.lanes)]),
            np.concatenate([every, count + turn_of]),
            np.concatenate([seconds, -np.ones(self.lanes)]),
            upper=np.zeros(self.lanes),
        )
        self.excess = count + lengths
        ends = count + np.arange(lengths + 1)
        self.program.add_row("window", None, ends, np.append(np.ones(lengths), -1.0), upper=window_s)
