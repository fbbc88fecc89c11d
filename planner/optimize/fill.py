"""Filling pools of lanes one after the other, each to the brim.

To hit the lengths of all pools at once takes more luck with every pool. One after the other is easy: what a pool takes
beside the relaxation's choice costs what the others lose by it, and the relaxation, solved again after each pool, tells
how much that is. A few changes of its choice fill a pool to some hundredths of a second (`joins.py`), and the last pool
is a knapsack for the solver. Then, over and over, some pools are emptied and filled again in another order, or a few
choices in two or three of them are traded for cheaper ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.backend import Session
from planner.optimize.clock import Clock
from planner.optimize.favourites import favourites
from planner.optimize.joins import Changes, join
from planner.optimize.problem import Bools, Floats, Ints
from planner.optimize.program import Program

SINGLES = 200
"""Changes that are looked at, those that lose least [count]."""
NOISE = 0.3
"""By how much what they lose is blurred, so that the search does not run in circles [1]."""
BAND = 0.5
"""What of a pool may be left over when it is filled, in what that is worth [any]."""
TRADE_BAND = 2.0
"""The same of the first pool of a trade [any]."""
NODES = 300
"""Nodes of the last pool's program [count]."""
GAP = 1e-4
"""Relative gap at which that program stops [1]."""


@dataclass(frozen=True)
class Choices:
    """What each move could do over a link whose lanes are pools.

    Parameters
    ----------
    move, pool
        Of each choice, shape (N,).
    time_s, cost
        Of each choice, shape (N,) [s, any].
    room_s
        Length of all lanes of each pool, shape (K,) [s].
    """

    move: Ints
    pool: Ints
    time_s: Floats
    cost: Floats
    room_s: Floats


class Filler:
    """Fills the pools of a link.

    Parameters
    ----------
    choices
        All choices.
    moves
        How many moves there are [count].
    rng
        Source of the draws.
    clock
        Ends the search when it has expired.
    """

    def __init__(self, choices: Choices, moves: int, *, rng: np.random.Generator, clock: Clock) -> None:
        self._of, self._rng, self._clock = choices, rng, clock
        self._moves = moves
        self._relaxed = Session(_program(choices, moves, integer=False), linear=True)
        self._whole = Session(_program(choices, moves, integer=True))

    def bound(self) -> float:
        """Return the least cost of the relaxation; inf where there is none [any]."""
        found = self._relaxed.solve(time_limit_s=self._clock.left_s)
        return np.inf if found.values is None else found.bound

    def fill(self, chosen: Ints, order: list[int]) -> Ints | None:
        """Empty some pools and fill them again; return the choice of each move, or None where that fails.

        Parameters
        ----------
        chosen
            The choice of each move, shape (n,); -1 for none yet.
        order
            The pools, in the order in which they are filled.
        """
        of = self._of
        free = (chosen < 0) | np.isin(of.pool[chosen], order)
        chosen = np.where(free, -1, chosen)
        for number, pool in enumerate(order[:-1]):
            live = free[of.move] & np.isin(of.pool, order[number:])
            relaxed = self._relax(chosen, live)
            if relaxed is None:
                return None
            values, prices = relaxed
            taken = self._settle(pool, live, values, of.cost + prices[of.pool] * of.time_s, float(prices[pool]))
            if taken is None:
                return None
            chosen[of.move[taken]] = taken
            free[of.move[taken]] = False
        bound = self._only(chosen, free[of.move] & (of.pool == order[-1]))
        whole = self._whole.solve(bound=bound, gap=GAP, nodes=NODES, time_limit_s=self._clock.left_s)
        if whole.values is None:
            return None
        columns = np.flatnonzero(whole.values > 0.5)
        chosen[of.move[columns]] = columns
        return chosen

    def trade(self, chosen: Ints, pools: list[int]) -> Ints | None:
        """Change up to six choices within some pools so that they cost less; None where none were found."""
        of, rng = self._of, self._rng
        free = np.isin(of.pool[chosen], pools)
        live = free[of.move] & np.isin(of.pool, pools)
        relaxed = self._relax(np.where(free, -1, chosen), live)
        if relaxed is None:
            return None
        prices = relaxed[1]
        worth = of.cost + prices[of.pool] * of.time_s
        to = np.flatnonzero(live)
        to = to[chosen[of.move[to]] != to]
        now = chosen[of.move[to]]
        seconds = [np.where(of.pool[k] == np.array(pools)[:, None], of.time_s[k], 0.0).T for k in (to, now)]
        changes = Changes(of.move[to], seconds[0] - seconds[1], of.cost[to] - of.cost[now], worth[to] - worth[now])
        kept = self._likely(changes.loss)
        left_s = (of.room_s - np.bincount(of.pool[chosen], weights=of.time_s[chosen], minlength=len(of.room_s)))[pools]
        band_s = TRADE_BAND / max(float(prices[pools[0]]), 1e-9)
        found = join(changes.of(kept), left_s, band_s, below=-1e-9, rng=rng)
        if found is None:
            return None
        chosen = chosen.copy()
        chosen[of.move[to[kept[found]]]] = to[kept[found]]
        return chosen

    def _relax(self, chosen: Ints, live: Bools) -> tuple[Floats, Floats] | None:
        """Return the relaxation's values, and its price of a second of each pool, where some choices are settled."""
        found = self._relaxed.solve(bound=self._only(chosen, live), time_limit_s=self._clock.left_s)
        if found.values is None:
            return None
        return found.values, np.maximum(self._relaxed.prices()[self._moves :], 0.0)

    def _only(self, chosen: Ints, live: Bools) -> Floats:
        """Return how much there may be of each choice: of those settled and of those open one, else none."""
        bound = live.astype(np.float64)
        bound[chosen[chosen >= 0]] = 1.0
        return bound

    def _likely(self, loss: Floats) -> Ints:
        """Return the changes that lose least, about."""
        blurred = loss * self._rng.uniform(1 - NOISE, 1 + NOISE, len(loss))
        found: Ints = np.argsort(blurred, kind="stable")[:SINGLES]
        return found

    def _settle(self, pool: int, live: Bools, values: Floats, worth: Floats, price: float) -> Ints | None:
        """Return choices that fill a pool, at the least loss to the moves that are left for the others."""
        of = self._of
        here, there = np.flatnonzero(live & (of.pool == pool)), np.flatnonzero(live & (of.pool != pool))
        elsewhere = np.full(self._moves, np.inf)
        np.minimum.at(elsewhere, of.move[there], worth[there])
        favourite = here[favourites(of.move[here], values[here])]
        inside = favourite[(values[favourite] > 0.5) | np.isinf(elsewhere[of.move[favourite]])]
        start = np.full(self._moves, -1, dtype=np.int64)
        start[of.move[inside]] = inside
        # A change brings a move in or gives it another choice here, or it sends one elsewhere.
        enter = here[start[of.move[here]] != here]
        now = start[of.move[enter]]
        leave = inside[np.isfinite(elsewhere[of.move[inside]])]
        to = np.concatenate([enter, np.full(len(leave), -1)])
        move = of.move[np.concatenate([enter, leave])]
        more_s = np.concatenate([of.time_s[enter] - np.where(now < 0, 0.0, of.time_s[now]), -of.time_s[leave]])
        before = np.where(now < 0, elsewhere[of.move[enter]], worth[now])
        loss = np.concatenate([worth[enter] - before, elsewhere[of.move[leave]] - worth[leave]])
        kept = self._likely(loss)
        changes = Changes(move, more_s[:, None], loss, loss).of(kept)
        left_s = np.array([of.room_s[pool] - of.time_s[inside].sum()])
        found = join(changes, left_s, BAND / max(price, 1e-9), price=price, rng=self._rng)
        if found is None:
            # Of few moves none may fill it as well as that.
            found = join(changes, left_s, float(of.room_s[pool]), price=price, rng=self._rng)
        if found is None:
            return None
        start[move[kept[found]]] = to[kept[found]]
        return start[start >= 0]


def _program(choices: Choices, moves: int, *, integer: bool) -> Program:
    """Return the program in which each move takes a choice and the pools hold."""
    count, pools = len(choices.move), len(choices.room_s)
    every, ones = np.arange(count), np.ones(moves)
    program = Program(choices.cost, np.ones(count), np.full(count, integer, dtype=np.bool_))
    program.add_block("choice", list(range(moves)), choices.move, every, np.ones(count), lower=ones, upper=ones)
    program.add_block("pool", list(range(pools)), choices.pool, every, choices.time_s, upper=choices.room_s)
    return program
