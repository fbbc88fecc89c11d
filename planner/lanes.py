"""Lanes of a saturated link: rates that fill it together, each kept for move after move.

A link that must carry bytes for nearly all of the deadline has no time for gaps between moves that do not fit side by
side. Lanes are such a division for the whole time: in each runs one move after the other at the lane's rate or less,
and where every lane is busy the link is full. A few lanes of the fastest rate serve the VMs that write much; what they
leave of the link is split into lanes of a rate, half of it and a quarter, in which the others fill the gaps.
"""

from __future__ import annotations

import math

Lanes = tuple[float, ...]
"""Rates of lanes side by side, descending [bytes/s]."""
Division = tuple[Lanes, ...]
"""How a link is divided: into the same lanes for the whole time, or into several sets of lanes that take turns."""

SHAPES = (
    (2, (1.0, 0.5, 0.5, 0.25)),
    (2, (1.0, 1.0, 0.5, 0.25)),
    (3, (1.0, 0.5, 0.5, 0.25, 0.25)),
    (2, (1.0, 1.0, 0.5, 0.5)),
    (2, (1.0, 0.75, 0.5)),
)
"""By how many lanes fewer than would overfill the link run at the fastest rate, and in what proportion lanes share the
rest [count, 1]. With lognormal memory and write rates on a 3:1 uplink the best of these was within 0.3% of the
relaxation's downtime at 1.03 times the least deadline, where equal lanes lost 30%. The last has few lanes, which are
filled best; its rates are those of others."""


def divisions(capacity: float, fastest: float) -> tuple[Division, ...]:
    """Return the divisions into lanes that are tried for a link that several moves at full rate share.

    Parameters
    ----------
    capacity
        What the link carries [bytes/s].
    fastest
        The most that one move may have of it [bytes/s].
    """
    whole = math.ceil(capacity / fastest * (1 - 1e-9))
    if whole < 2:
        return ()
    found: list[Division] = []
    for fewer, parts in SHAPES:
        first = max(0, whole - fewer)
        rate = (capacity - first * fastest) / sum(parts)
        if rate > fastest:
            # With so few lanes some bandwidth would be left over.
            continue
        lanes = (fastest,) * first + tuple(rate * part for part in parts)
        if (lanes,) not in found:
            found.append((lanes,))
    return tuple(found)


def turns(capacity: float) -> Division:
    """Return the division of a link that one move can fill: alone at full rate, or two at half of it."""
    return (capacity,), (capacity / 2, capacity / 2)
