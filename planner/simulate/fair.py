"""How running moves share links that have less than they reserve: max-min fairly, none above its reservation."""

from __future__ import annotations

import numpy as np

from planner.predict.protocol import Floats, Ints

SLACK = 1e-9
"""By how much more than a link has may be taken before it counts as full, for rounding [1]."""


def fair_rates(run: Ints, link: Ints, share: Floats, room: Floats, most: Floats) -> Floats:
    """Return the rate of each of E moves that run, shape (E,) [bytes/s].

    All rates rise together. A move stops at its reservation, or where one of its links is full.

    Parameters
    ----------
    run
        In which night each runs, ascending, shape (E,).
    link, share
        Its links, and the share of its rate that it has on each, shape (E, K) [1]. Places that are not used have the
        share 0 and any link.
    room
        What the links have, shape (R, L) [bytes/s].
    most
        Bandwidth that each has reserved, shape (E,) [bytes/s].
    """
    links, flat = room.shape[1], room.reshape(-1)
    key = run[:, None] * links + link
    taken = np.bincount(key.reshape(-1), (share * most[:, None]).reshape(-1), minlength=flat.size)
    full = taken > flat * (1 + SLACK)
    if not full.any():
        return most
    narrow = full.reshape(room.shape).any(axis=1)[run]
    rate = most.copy()
    rate[narrow] = _filled(run[narrow], link[narrow], share[narrow], room, most[narrow])
    return rate


def _filled(run: Ints, link: Ints, share: Floats, room: Floats, most: Floats) -> Floats:
    """Raise all rates together until each has stopped.

    In each round those stop whose reservation is reached before any link of their night is full; where there are none,
    those on the first link that is.
    """
    night = np.cumsum(np.diff(run, prepend=run[:1]) > 0)
    left = room[run[np.flatnonzero(np.diff(run, prepend=-1))]].reshape(-1)
    key, rate = night[:, None] * room.shape[1] + link, np.zeros(len(most))
    rising = np.arange(len(most))
    while rising.size:
        at, parts_of, here = key[rising], share[rising], night[rising]
        parts = np.bincount(at.reshape(-1), parts_of.reshape(-1), minlength=len(left))
        full_at = np.divide(left, parts, out=np.full(len(left), np.inf), where=parts > 0)
        stops = np.where(parts_of > 0, full_at[at], np.inf).min(axis=1)
        first = np.flatnonzero(np.diff(here, prepend=-1))
        count = np.diff(first, append=len(here))
        level = np.repeat(np.minimum.reduceat(stops, first), count)
        reached = most[rising] <= level
        some = np.repeat(np.logical_or.reduceat(reached, first), count)
        now = np.where(some, reached, stops <= level * (1 + 1e-12))
        rate[rising[now]] = np.minimum(stops, most[rising])[now]
        taken = parts_of[now] * rate[rising[now], None]
        left = np.maximum(left - np.bincount(at[now].reshape(-1), taken.reshape(-1), minlength=len(left)), 0.0)
        rising = rising[~now]
    return rate
