"""What is known of links that are divided into lanes: the best packing of each, and what there is to gain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.lanes import Division

SMALL_PART = 0.1
"""Part of what can be gained at all links together that is too small to look for [1]."""


@dataclass(frozen=True)
class Record:
    """The best packing of a link that was found so far.

    Parameters
    ----------
    cost_s
        Weighted downtime of its moves [s].
    division
        How the link is divided.
    choice
        Class, approach and rate index of each of its movers.
    lane
        Lane of each of its movers, counted within the link.
    """

    cost_s: float
    division: Division
    choice: Mapping[int, tuple[int, int, int]]
    lane: Mapping[int, int]


@dataclass
class Records:
    """What is known of the links that are divided into lanes.

    Parameters
    ----------
    best
        Best packing of each link.
    least_s
        Weighted downtime of the moves of each link in the relaxations, the least of them [s].
    """

    best: dict[int, Record] = field(default_factory=dict)
    least_s: dict[int, float] = field(default_factory=dict)

    @property
    def cost_s(self) -> float:
        """Weighted downtime of the best packings of all links together [s]."""
        return sum(record.cost_s for record in self.best.values())

    def settled(self) -> frozenset[int]:
        """Return the links at which little can be gained: together a small part of what can be gained at all."""
        gains = {link: max(0.0, record.cost_s - self.least_s[link]) for link, record in self.best.items()}
        little, found = SMALL_PART * sum(gains.values()), set()
        for link in sorted(gains, key=gains.__getitem__):
            little -= gains[link]
            if little < 0:
                break
            found.add(link)
        return frozenset(found)
