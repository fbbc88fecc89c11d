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

SHAPES = ((2, (1, 2, 1)), (2, (2, 1, 1)), (3, (1, 2, 2)), (2, (2, 2, 0)))
"""By how many lanes fewer than would overfill the link run at the fastest rate, and how many lanes at a rate, half
and a quarter of it share the rest [count]. On 3:1 uplinks at 1.03 times the least deadline, with lognormal memory and
write rates, the relaxation with the best of these loses 0.2 to 4% of downtime, by the draw, with equal lanes 28 to
57%."""


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
    for fewer, (full, half, quarter) in SHAPES:
        first = max(0, whole - fewer)
        rate = (capacity - first * fastest) / (full + half / 2 + quarter / 4)
        if rate > fastest:
            # With so few lanes some bandwidth would be left over.
            continue
        lanes = (fastest,) * first + (rate,) * full + (rate / 2,) * half + (rate / 4,) * quarter
        if (lanes,) not in found:
            found.append((lanes,))
    return tuple(found)


def turns(capacity: float) -> Division:
    """Return the division of a link that one move can fill: alone at full rate, or two at half of it."""
    return (capacity,), (capacity / 2, capacity / 2)
