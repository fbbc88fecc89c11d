"""Packing moves into lanes: each lane is filled by itself, but the fastest ones together, which are told apart then."""

from __future__ import annotations

import numpy as np

from planner.optimize.clock import Clock
from planner.optimize.fill import Choices, Filler
from planner.optimize.joins import Changes, join
from planner.optimize.problem import Floats, Ints

UNEVEN = 1e-5
"""Share of lanes of one pool that is left over because they cannot be equally long to the last second [1]."""
TRADES = 3
"""Trades for each time that pools are emptied and filled again [count]."""
MOST_OPEN = 4
"""Pools that are emptied at once, beside the one that is filled last [count]."""
WORSE = 0.005
"""Share of the cost by which pools that were filled again may cost more for the search to go on from there [1]."""
PATIENCE = 25
"""Rounds without a better packing after which the search goes back to the best one [count]."""
ENOUGH = 1e-4
"""Relative distance to the relaxation at which the search ends [1]."""
MANY = 10
"""Moves by the number of lanes from which lanes can be made even afterwards [count]."""
LOOKED_AT = 200
"""Moves that may change lanes to even them out [count]."""


def pack_pools(
    time_s: Floats, cost: Floats, length_s: Floats, *, rng: np.random.Generator, rounds: int, clock: Clock
) -> tuple[Ints, Ints] | None:
    """Return the lane and the option of each move.

    Parameters
    ----------
    time_s, cost
        Of each move in each lane with each option, shape (n, L, O) [s, any]; inf where there is no such option.
    length_s
        Length of each lane, shape (L,) [s].
    rng
        Source of the draws.
    rounds
        Rounds of the search [count].
    clock
        Ends the search when it has expired.

    Returns
    -------
    tuple or None
        Arrays of shape (n,); None where none was found.
    """
    pools = _pools(time_s, length_s)
    first = np.array([lanes[0] for lanes in pools])
    move, pool, option = np.nonzero(np.isfinite(time_s[:, first]))
    count = np.array([len(lanes) for lanes in pools], dtype=np.float64)
    room_s = length_s[first] * count * np.where(count > 1, 1.0 - UNEVEN, 1.0)
    at = (move, first[pool], option)
    choices = Choices(move, pool, time_s[at], cost[at], room_s)
    found = _Search(choices, [len(lanes) for lanes in pools], float(length_s[0]), len(time_s), rng, clock).run(rounds)
    if found is None:
        return None
    chosen, within = found
    lane = np.array([pools[p][k] for p, k in zip(pool[chosen].tolist(), within.tolist(), strict=True)], dtype=np.int64)
    return lane, option[chosen]


class _Search:
    """Fills all pools, then empties and fills some of them again, and trades."""

    def __init__(
        self, choices: Choices, lanes: list[int], window_s: float, moves: int, rng: np.random.Generator, clock: Clock
    ) -> None:
        self._of, self._lanes, self._window_s = choices, lanes, window_s
        self._moves, self._rng, self._clock = moves, rng, clock
        self._filler = Filler(choices, moves, rng=rng, clock=clock)

    def run(self, rounds: int) -> tuple[Ints, Ints] | None:
        """Return the choice of each move and its lane within its pool."""
        rng, last = self._rng, len(self._lanes) - 1
        enough = self._filler.bound() * (1 + ENOUGH)
        best: tuple[Ints, Ints] | None = None
        now, cost, least, since = np.zeros(0, dtype=np.int64), np.inf, np.inf, 0
        for turn in range(rounds):
            if self._clock.expired or least <= enough:
                break
            others = rng.permutation(last).tolist()
            refill = turn % (TRADES + 1) == 0
            if best is None:
                # The slow ones first: of what they need there is little choice.
                order = list(range(last)) if turn == 0 else others
                found = self._filler.fill(np.full(self._moves, -1), [*order, last])
            elif refill:
                found = self._filler.fill(now, [*others[: 1 + int(rng.integers(MOST_OPEN))], last])
            else:
                found = self._filler.trade(now, [*others[: 1 + int(rng.integers(2))], last])
            since += 1
            lane = None if found is None else self._apart(found)
            if found is not None and lane is not None:
                reached = float(self._of.cost[found].sum())
                if reached < cost + (WORSE * least if refill and best is not None else 0.0):
                    now, cost = found, reached
                if reached < least - 1e-9:
                    best, least, since = (found, lane), reached, 0
            if since > PATIENCE and best is not None:
                now, cost, since = best[0], least, 0
        return best

    def _apart(self, chosen: Ints) -> Ints | None:
        """Return the lane of each move within its pool, or None where the lanes of one cannot be made even."""
        lane = np.zeros(self._moves, dtype=np.int64)
        for pool, count in enumerate(self._lanes):
            mine = np.flatnonzero(self._of.pool[chosen] == pool)
            if count > 1:
                found = divide(self._of.time_s[chosen[mine]], count, self._window_s, self._rng)
                if found is None:
                    return None
                lane[mine] = found
        return lane


def divide(seconds: Floats, lanes: int, length_s: float, rng: np.random.Generator) -> Ints | None:
    """Return a lane for each move, so that no lane is longer than it may be; None where that was not found.

    Parameters
    ----------
    seconds
        What each move takes, shape (n,) [s].
    lanes
        How many lanes there are [count].
    length_s
        How long a lane may be [s].
    rng
        Source of the draws.
    """
    lane = np.full(len(seconds), lanes - 1, dtype=np.int64)
    for number in range(lanes - 1):
        left = np.flatnonzero(lane == lanes - 1)
        others = lanes - 1 - number
        spare_s = (others + 1) * length_s - float(seconds[left].sum())
        if spare_s < 0:
            return None
        load_s = 0.0
        for v in rng.permutation(left).tolist():
            if load_s + seconds[v] / 2 < length_s:
                lane[v], load_s = number, load_s + seconds[v]
        some = rng.permutation(left)[:LOOKED_AT]
        more_s = np.where(lane[some] == number, -seconds[some], seconds[some])
        none = np.zeros(len(some))
        found = join(
            Changes(some, more_s[:, None], none, none), np.array([length_s - load_s]), spare_s / others, rng=rng
        )
        if found is None:
            return None
        changed = some[found]
        lane[changed] = np.where(lane[changed] == number, lanes - 1, number)
    return lane if seconds[lane == lanes - 1].sum() <= length_s else None


def _pools(time_s: Floats, length_s: Floats) -> list[list[int]]:
    """Return the lanes of each pool, the last of them all lanes like the first if moves are many, else that one."""
    moves, lanes, _ = time_s.shape
    last = [0]
    if moves >= MANY * lanes:
        last = [k for k in range(lanes) if length_s[k] == length_s[0] and np.array_equal(time_s[:, k], time_s[:, 0])]
    return [*([k] for k in reversed(range(lanes)) if k not in last), last]
