"""How running moves share links that have less than they reserve: max-min fairly, none above its reservation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    rate[narrow] = _filled(run[narrow], key[narrow], share[narrow], flat, most[narrow])
    return rate


def _filled(run: Ints, key: Ints, share: Floats, flat: Floats, most: Floats) -> Floats:
    """Raise all rates together until each has stopped."""
    night, run = np.unique(run, return_inverse=True)
    place, key = np.unique(key, return_inverse=True)
    key = key.reshape(share.shape)
    room, rate = flat[place], np.zeros(len(most))
    active: NDArray[np.bool_] = np.ones(len(most), dtype=np.bool_)
    while active.any():
        taken = np.bincount(key.reshape(-1), (share * rate[:, None]).reshape(-1), minlength=len(room))
        parts = np.bincount(key.reshape(-1), (share * active[:, None]).reshape(-1), minlength=len(room))
        full_at = np.divide(np.maximum(room - taken, 0.0), parts, out=np.full(len(room), np.inf), where=parts > 0)
        stops = np.where(share > 0, full_at[key], np.inf).min(axis=1)
        stops = np.where(active, np.minimum(stops, most), np.inf)
        level = np.full(len(night), np.inf)
        np.minimum.at(level, run, stops)
        now = active & (stops <= level[run] * (1 + 1e-12))
        rate[now] = stops[now]
        active &= ~now
    return rate
