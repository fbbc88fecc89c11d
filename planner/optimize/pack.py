"""Packing moves into the lanes of a link: which lane each takes, and with which choice, so that no lane overflows.

A local search that looks at two lanes at once: of all ways to change up to one move in each (hand it over, swap, or
give it another choice) it takes the best, in one sweep of numpy. Overflow costs a price a second, which falls while all
lanes hold and rises while they do not, so that the search walks along the border of what fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.clock import FOREVER, Clock
from planner.optimize.problem import Bools, Floats, Ints

LOOKED_AT = 0.7
"""Share of the changes looked at in each step, drawn anew each time, so that the search does not run in circles [1]."""
FIRST = 100.0
"""Price of a second too much to begin with, in costs a window [1]."""
CHEAPER, DEARER = 0.97, 1.1
"""Factors of the price while all lanes hold, and while one has overflown for a while [1]."""
PATIENCE = 20
"""Steps with an overflow after which it gets dearer."""
CALM = 100
"""Steps without a better packing after which worse ones are accepted now and then."""
RETURN = 600
"""Steps without a better packing after which the search goes back to the best one."""
WORSE = 0.002
"""Share of the cost by which an accepted step may be worse [1]."""


@dataclass(frozen=True)
class Packing:
    """Moves in lanes.

    Parameters
    ----------
    lane, option
        Of each move, shape (n,).
    overflow_s
        By how much lanes are longer than the window, and hosts busier than they should be, in all [s].
    """

    lane: Ints
    option: Ints
    overflow_s: float


@dataclass(frozen=True)
class Hosts:
    """What the moves take of the hosts that send them, which should not be busier than they can be with all lanes.

    Parameters
    ----------
    of
        Host of each move, counted from 0, shape (n,).
    busy_s
        What each move takes of its host's time in each lane with each option, shape (n, L, O) [s].
    room_s
        Time that each host has for these moves, shape (H,) [s].
    """

    of: Ints
    busy_s: Floats
    room_s: Floats


def pack(
    time_s: Floats,
    cost: Floats,
    lane: Ints,
    option: Ints,
    window_s: float,
    *,
    hosts: tuple[Hosts, ...] = (),
    rng: np.random.Generator,
    steps: int,
    clock: Clock = FOREVER,
) -> Packing:
    """Pack moves into lanes at the least cost, from a given start.

    Parameters
    ----------
    time_s, cost
        Of each move in each lane with each option, shape (n, L, O) [s, any]; inf where there is no such option.
    lane, option
        The start, shape (n,).
    window_s
        Length that no lane should exceed [s].
    hosts
        What the moves take of their hosts, by each way of reckoning that matters.
    rng
        Source of the draws.
    steps
        Steps of the search [count].
    clock
        Ends the search before that when it has expired.
    """
    bins = _Bins(time_s, cost, hosts, lane.copy(), option.copy(), window_s)
    best = bins.packing()
    if time_s.shape[1] < 2 or not len(lane):
        return best
    best_cost = bins.cost if best.overflow_s <= 0 else np.inf
    # The first aim is that all lanes hold; then the price falls.
    least = max(bins.cost, 1e-6) / window_s
    price, overfull, since = FIRST * least, 0, 0
    for _ in range(steps):
        if clock.expired:
            break
        accept = WORSE * bins.cost * (since % CALM) / CALM if since > CALM and rng.random() < 0.5 else 0.0
        bins.step(rng, price, accept)
        since += 1
        overflow = bins.overflow_s
        if overflow <= 0:
            price, overfull = max(price * CHEAPER, 0.01 * least), 0
            if bins.cost < best_cost - 1e-9:
                best, best_cost, since = bins.packing(), bins.cost, 0
        else:
            overfull += 1
            if overfull > PATIENCE:
                price = min(price * DEARER, 1e5 * least)
            if best_cost == np.inf and overflow < best.overflow_s:
                best = bins.packing()
        if since == RETURN:
            bins = _Bins(time_s, cost, hosts, best.lane.copy(), best.option.copy(), window_s)
            since = 0
    return best


class _Bins:
    """The moves in their lanes while the search goes on."""

    def __init__(
        self, time_s: Floats, cost: Floats, hosts: tuple[Hosts, ...], lane: Ints, option: Ints, window_s: float
    ) -> None:
        self._time, self._cost, self._hosts = time_s, cost, hosts
        self._lane, self._option = lane, option
        self._window = window_s
        self._every = np.arange(len(lane))
        self._pairs = [(i, j) for i in range(time_s.shape[1]) for j in range(i)]
        self._count()

    def _count(self) -> None:
        self._time_now = self._time[self._every, self._lane, self._option]
        self._cost_now = self._cost[self._every, self._lane, self._option]
        self._over = np.bincount(self._lane, weights=self._time_now, minlength=self._time.shape[1]) - self._window
        self.cost = float(self._cost_now.sum())
        self._busy_now = [hosts.busy_s[self._every, self._lane, self._option] for hosts in self._hosts]
        self._too_busy = [
            np.bincount(hosts.of, weights=busy, minlength=len(hosts.room_s)) - hosts.room_s
            for hosts, busy in zip(self._hosts, self._busy_now, strict=True)
        ]

    @property
    def overflow_s(self) -> float:
        """By how much lanes are longer than the window, and hosts busier than they should be, in all [s]."""
        return float(sum(np.maximum(over, 0.0).sum() for over in (self._over, *self._too_busy)))

    def packing(self) -> Packing:
        return Packing(self._lane.copy(), self._option.copy(), self.overflow_s)

    def step(self, rng: np.random.Generator, price: float, accept: float) -> None:
        """Make the best change of two lanes that was looked at, if it makes things worse by `accept` at the most."""
        i, j = self._pairs[int(rng.integers(len(self._pairs)))]
        mine, yours = np.flatnonzero(self._lane == i), np.flatnonzero(self._lane == j)
        less_i, more_j, cost_i, which_i = self._changes(mine, i, j, rng, price)
        less_j, more_i, cost_j, which_j = self._changes(yours, j, i, rng, price)
        over_i = np.maximum(self._over[i] + less_i[:, None] + more_i[None, :], 0.0)
        over_j = np.maximum(self._over[j] + more_j[:, None] + less_j[None, :], 0.0)
        value = cost_i[:, None] + cost_j[None, :] + price * (over_i + over_j)
        now = price * (max(self._over[i], 0.0) + max(self._over[j], 0.0))
        value[0, 0] = np.inf
        k = int(value.argmin())
        if float(value.flat[k]) - now < (accept or -1e-9):
            a, b = divmod(k, value.shape[1])
            self._apply(mine, int(which_i[a]), j)
            self._apply(yours, int(which_j[b]), i)
            self._count()

    def _changes(
        self, members: Ints, here: int, there: int, rng: np.random.Generator, price: float
    ) -> tuple[Floats, Floats, Floats, Ints]:
        """Return what changing one move of a lane does to this lane, the other lane and the cost; first nothing at all.

        The members' options follow in this lane, then in the other.
        """
        time, cost = self._time_now[members, None], self._cost_now[members, None]
        stay, go = self._time[members, here], self._time[members, there]
        nothing = np.zeros(1)
        on_here = np.concatenate([nothing, (stay - time).ravel(), np.broadcast_to(-time, go.shape).ravel()])
        on_there = np.concatenate([nothing, np.zeros(stay.size), go.ravel()])
        on_cost = np.concatenate(
            [nothing]
            + [
                (self._cost[members, lane] - cost + price * self._busier(members, lane)).ravel()
                for lane in (here, there)
            ]
        )
        looked_at: Bools = rng.random(len(on_here)) < LOOKED_AT
        looked_at[0] = True
        looked_at &= np.isfinite(on_here) & np.isfinite(on_there)
        return on_here[looked_at], on_there[looked_at], on_cost[looked_at], np.flatnonzero(looked_at)

    def _busier(self, members: Ints, lane: int) -> Floats:
        """Return by how much more hosts are too busy if one of some moves goes into a lane, shape (members, O) [s]."""
        more = np.zeros((len(members), self._time.shape[2]))
        for hosts, busy, too_busy in zip(self._hosts, self._busy_now, self._too_busy, strict=True):
            at_present = too_busy[hosts.of[members], None]
            then = at_present - busy[members, None] + hosts.busy_s[members, lane]
            more += np.maximum(then, 0.0) - np.maximum(at_present, 0.0)
        return more

    def _apply(self, members: Ints, which: int, there: int) -> None:
        if which == 0:
            return
        options = self._time.shape[2]
        v, o = divmod((which - 1) % (len(members) * options), options)
        if which - 1 >= len(members) * options:
            self._lane[members[v]] = there
        self._option[members[v]] = o
