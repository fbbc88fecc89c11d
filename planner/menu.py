"""The bandwidths on offer for a move.

The menu of a path with bottleneck B is B, B/2 and B/4 and, for each wider link C on it, C/n and C/2n with
n = ceil(C/B): rates of which a whole number fills that link. B is the most that one move may have: on a bond of
several wires that is less than the capacity, and less for moves of one TCP flow than for those of several; the menu
serves both. Where many VMs move, the rates of the lanes into which wider links may be divided are on it, too.
"""

from __future__ import annotations

import math
from itertools import chain

from planner.lanes import divisions

FRACTIONS = (1.0, 0.5, 0.25)
"""Shares of the bottleneck that are always on the menu [1]."""
FEW = 12
"""Movers up to which no rates of lanes are offered: so few fill no link for long [count]."""


def with_lanes(movers: int) -> bool:
    """Return whether so many moving VMs are offered the rates of lanes."""
    return movers > FEW


def bandwidth_menu(
    capacities_bytes_per_s: tuple[float, ...], *most_bytes_per_s: float, lanes: bool = False
) -> tuple[float, ...]:
    """Return the bandwidths offered on a path, largest first.

    Parameters
    ----------
    capacities_bytes_per_s
        Capacity of each link of the path [bytes/s].
    most_bytes_per_s
        The most that one move may have there, by its number of flows [bytes/s].
    lanes
        Whether to offer also the rates of the lanes into which the wider links may be divided.
    """
    narrowest = min(capacities_bytes_per_s)
    rates: set[float] = set()
    for bottleneck in {min(narrowest, most) for most in most_bytes_per_s or (narrowest,)}:
        rates |= {bottleneck * share for share in FRACTIONS}
        for capacity in set(capacities_bytes_per_s):
            fair = capacity / math.ceil(capacity / bottleneck * (1 - 1e-12))
            rates |= {min(fair, bottleneck), min(fair, bottleneck) / 2}
            if lanes and capacity > bottleneck:
                rates |= {rate for division in divisions(capacity, bottleneck) for rate in chain(*division)}
    return _distinct(sorted(rates, reverse=True))


def _distinct(rates: list[float]) -> tuple[float, ...]:
    """Drop rates that differ only by rounding; the largest of the alike stays."""
    kept: list[float] = []
    for rate in rates:
        if not kept or rate < kept[-1] * (1 - 1e-9):
            kept.append(rate)
    return tuple(kept)
