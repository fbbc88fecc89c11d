"""Exchanging choices over a full link: up to four moves change at once, so that what one gains another gives.

Near the deadline a second of a link is worth much, and a choice that saves downtime takes a little more time than there
is left. Such choices fit if others give way by just as much. Of the changes that lose least by the prices of the linear
relaxation, all pairs are formed, and of these all pairs again, in numpy; the best is made, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.clock import Clock
from planner.optimize.problem import Floats, Ints

POOLS = (200, 500)
"""Changes from which those of a round are drawn, those that lose least first; rounds take turns [count]."""
SINGLES = 100
"""Changes of a round [count]."""
PAIRS = 1000
"""Pairs of changes of a round that are paired again [count]."""
AT_ONCE = 250
"""Pairs that are paired with all others at once, for the sake of memory [count]."""
OVERFLOW = 50.0
"""Price of a second too much, in the highest price of the relaxation [1]."""
PATIENCE = 2
"""Rounds without gain after which the search begins anew at the best, with one choice changed."""
HOLD = 4
"""Rounds in which that choice stays as it is [count]."""


@dataclass(frozen=True)
class Choices:
    """What each move could do over a link whose lanes of one rate are one pool.

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


def exchange(
    choices: Choices, chosen: Ints, prices: Floats, *, rng: np.random.Generator, rounds: int, clock: Clock
) -> Ints:
    """Return better choices of all moves.

    Parameters
    ----------
    choices
        All choices.
    chosen
        The choice of each move to begin with, shape (n,).
    prices
        Worth of a second of each pool by the linear relaxation, shape (K,) [1/s].
    rng
        Source of the draws.
    rounds
        Rounds at the most [count].
    clock
        Ends the search before that when it has expired.
    """
    move, count, pools = choices.move, len(choices.move), len(choices.room_s)
    use = np.zeros((count, pools))
    use[np.arange(count), choices.pool] = choices.time_s
    worth = choices.cost + prices[choices.pool] * choices.time_s
    dear = OVERFLOW * max(float(prices.max()), 1e-6 * float(choices.cost.max()))

    def value(chosen: Ints) -> float:
        over_s = np.maximum(use[chosen].sum(axis=0) - choices.room_s, 0.0).sum()
        return float(choices.cost[chosen].sum() + dear * over_s)

    best, chosen, failed = chosen, chosen.copy(), 0
    least, held, held_for = value(best), -1, 0
    for turn in range(rounds):
        if clock.expired:
            break
        now = chosen[move]
        others = np.flatnonzero((np.arange(count) != now) & (move != held))
        loss = worth - worth[now]
        pool = others[np.argsort(loss[others], kind="stable")[: POOLS[turn % len(POOLS)]]]
        singles = rng.permutation(pool)[:SINGLES]
        left_s = choices.room_s - use[chosen].sum(axis=0)
        found = _best(choices, singles, now, use, loss, left_s, dear, rng)
        held_for -= 1
        if held_for == 0:
            held = -1
        if found is not None:
            failed = 0
            chosen[move[found]] = found
            reached = value(chosen)
            if reached < least - 1e-9:
                best, least = chosen.copy(), reached
            continue
        failed += 1
        if failed > PATIENCE:
            chosen, failed = best.copy(), 0
            held, held_for = _kick(choices, chosen, rng), HOLD
    return best


def _kick(choices: Choices, chosen: Ints, rng: np.random.Generator) -> int:
    """Give one move another choice, dear ones first, and return it."""
    cost = choices.cost[chosen]
    least = np.full(len(chosen), np.inf)
    np.minimum.at(least, choices.move, choices.cost)
    chance = cost - least + 1e-9
    v = int(rng.choice(len(chosen), p=chance / chance.sum()))
    cheaper = np.flatnonzero((choices.move == v) & (choices.cost < cost[v]))
    if len(cheaper):
        chosen[v] = int(rng.choice(cheaper))
    return v


def _best(
    choices: Choices,
    singles: Ints,
    now: Ints,
    use: Floats,
    loss: Floats,
    left_s: Floats,
    dear: float,
    rng: np.random.Generator,
) -> Ints | None:
    """Return the best of all sets of up to four changes that were formed, or None where none gains."""
    first, second = np.triu_indices(len(singles), 1)
    apart = choices.move[singles[first]] != choices.move[singles[second]]
    pairs = np.stack([singles[first[apart]], singles[second[apart]]], axis=1)
    # A change alone is a pair with nothing, and there is the pair of nothing twice.
    changes = np.concatenate([[[-1, -1]], np.stack([singles, np.full(len(singles), -1)], axis=1), pairs])
    real = changes >= 0
    keep = np.argsort(np.where(real, loss[changes], 0.0).sum(axis=1) * rng.uniform(0.5, 1.5, len(changes)))[:PAIRS]
    changes, real = changes[keep], real[keep]
    gain = np.where(real, choices.cost[changes] - choices.cost[now[changes]], 0.0).sum(axis=1)
    more_s = np.where(real[:, :, None], use[changes] - use[now[changes]], 0.0).sum(axis=1)
    # Nothing clashes with nothing.
    movers = np.where(real, choices.move[changes], np.array([-1, -2])[None, :])
    # What is too much already costs as much without any change.
    best, arg = dear * float(np.maximum(-left_s, 0.0).sum()) - 1e-6, None
    for begin in range(0, len(changes), AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        value = gain[some, None] + gain[None, :]
        for k in range(len(left_s)):
            value += dear * np.maximum(more_s[some, k, None] + more_s[None, :, k] - left_s[k], 0.0)
        for a in range(2):
            for b in range(2):
                clash = movers[some, a, None] == movers[None, :, b]
                value[clash & (movers[some, a, None] >= 0)] = np.inf
        z = int(value.argmin())
        if value.flat[z] < best:
            best, arg = float(value.flat[z]), (begin + z // len(changes), z % len(changes))
    if arg is None:
        return None
    found = np.concatenate([changes[arg[0]], changes[arg[1]]])
    return found[found >= 0]
