"""The routes from all sources to all targets, as arrays.

Hosts with the same switches as neighbours, over links that carry the same, are of one kind: between two kinds all
routes cross the same switches. So one route is looked for per pair of kinds, and the others are read off it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Host
from planner.network import Network

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Routes:
    """Routes between S sources and H targets.

    Parameters
    ----------
    links
        Directed links of each route in order, -1 behind the last, shape (S, H, L).
    length
        Number of links of each route, 0 where there is none, shape (S, H).
    source_kind
        Kind of each source, shape (S,). Routes to a target from sources of one kind differ in their first link alone,
        and their first links carry the same.
    """

    links: Ints
    length: Ints
    source_kind: Ints

    @property
    def examples(self) -> list[int]:
        """The first source of each kind."""
        examples: list[int] = np.unique(self.source_kind, return_index=True)[1].tolist()
        return examples


def find_routes(network: Network, sources: Sequence[Host], targets: Sequence[Host]) -> Routes:
    """Return the routes from all sources to all targets; from a host to itself there is none."""
    starts, ends = [host.name for host in sources], [host.name for host in targets]
    hosts = {*starts, *ends}
    source_kind = _kinds(network, starts, hosts, outwards=True)
    target_kind = _kinds(network, ends, hosts, outwards=False)
    leaving, arriving = _members(source_kind), _members(target_kind)
    blocks: list[tuple[Ints, Ints, NDArray[np.int64]]] = []
    for mine in leaving:
        for theirs in arriving:
            pairs = ((starts[s], ends[h]) for s in mine[:2] for h in theirs[:2] if starts[s] != ends[h])
            pair = next(pairs, None)
            route = None if pair is None else network.route(*pair)
            if route is None:
                continue
            links = np.tile(np.array(route.links, dtype=np.int64), (len(mine), len(theirs), 1))
            links[:, :, 0] = _index(network, [(starts[s], route.path[1]) for s in mine.tolist()])[:, None]
            if len(route.links) > 1:
                links[:, :, -1] = _index(network, [(route.path[-2], ends[h]) for h in theirs.tolist()])
            blocks.append((mine, theirs, links))
    table = np.full((len(starts), len(ends), max((block.shape[2] for *_, block in blocks), default=1)), -1)
    length = np.zeros((len(starts), len(ends)), dtype=np.int64)
    for mine, theirs, links in blocks:
        table[np.ix_(mine, theirs, np.arange(links.shape[2]))] = links
        length[np.ix_(mine, theirs)] = links.shape[2]
    if len(hosts) < len(starts) + len(ends):
        itself = np.array(starts)[:, None] == np.array(ends)
        table[itself], length[itself] = -1, 0
    return Routes(table, length, source_kind)


def _kinds(network: Network, names: Sequence[str], hosts: set[str], *, outwards: bool) -> Ints:
    """Return the kind of each host as it sends or receives; one with another host as its neighbour is like no other."""
    limits = np.stack([network.capacity_bytes_per_s, network.move_bytes_per_s, network.flow_bytes_per_s], axis=1)
    index: dict[object, int] = {}
    kinds = []
    for name in names:
        near = network.attachment(name)
        links = _index(network, [(name, node) if outwards else (node, name) for node in near])
        alone = name if hosts.intersection(near) else None
        kinds.append(index.setdefault((near, limits[links].tobytes(), alone), len(index)))
    return np.array(kinds, dtype=np.int64)


def _index(network: Network, ends: Sequence[tuple[str, str]]) -> Ints:
    """Return the indices of directed links that exist."""
    return np.array([network.link_index(a, b) for a, b in ends], dtype=np.int64)


def _members(kinds: Ints) -> list[Ints]:
    return [np.flatnonzero(kinds == kind) for kind in range(int(kinds.max(initial=-1)) + 1)]
