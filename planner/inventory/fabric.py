"""A leaf and spine network for hosts of which only the names are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from planner.inventory.models import Link

HOSTS_PER_LEAF = 10
LINK_GBIT = 10.0
OVERSUBSCRIPTION = 3.0
USABLE = 0.8


def leaf_and_spine(hosts: Sequence[str]) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """Join hosts by racks of at most ten, each host with 10 Gbit/s to the leaf of its rack.

    Each leaf hangs on the spine by a third of what its hosts have. All spines are taken as one, which stands for
    traffic that spreads over them evenly. A single rack has no spine. Migrations may use 80% of every link.

    Parameters
    ----------
    hosts
        Names of the hosts, rack by rack.

    Returns
    -------
    tuple
        Names of the switches, and the links.
    """
    racks = math.ceil(len(hosts) / HOSTS_PER_LEAF)
    bounds = [len(hosts) * rack // racks for rack in range(racks + 1)] if racks else [0]
    ends: list[tuple[str, str, float]] = []
    uplinks: list[tuple[str, str, float]] = []
    for rack in range(racks):
        members = hosts[bounds[rack] : bounds[rack + 1]]
        leaf = f"leaf{rack + 1}"
        ends += [(host, leaf, LINK_GBIT) for host in members]
        uplinks.append((leaf, "spine", round(len(members) * LINK_GBIT / OVERSUBSCRIPTION, 1)))
    leaves = tuple(leaf for leaf, _, _ in uplinks)
    if racks > 1:
        ends += uplinks
    links = tuple(Link(between=(a, b), bandwidth=gbit * 1e9 / 8, usable=USABLE) for a, b, gbit in ends)
    return (*leaves, "spine") if racks > 1 else leaves, links
