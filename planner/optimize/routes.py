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
from planner.network import Network, Route

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
    hosts = {host.name for host in (*sources, *targets)}
    start = _Ends(network, [host.name for host in sources], hosts, outwards=True)
    end = _Ends(network, [host.name for host in targets], hosts, outwards=False)
    found = {
        (i, j): route
        for i, ours in enumerate(start.examples)
        for j, theirs in enumerate(end.examples)
        if (route := _route(network, ours, theirs)) is not None
    }
    longest = max((len(route.links) for route in found.values()), default=1)
    between = np.full((len(start.examples), len(end.examples), longest), -1, dtype=np.int64)
    length, first, last = (np.zeros(between.shape[:2], dtype=np.int64) for _ in range(3))
    for (i, j), route in found.items():
        between[i, j, : len(route.links)] = route.links
        length[i, j] = len(route.links)
        first[i, j], last[i, j] = start.place(i, route.path[1]), end.place(j, route.path[-2])
    pairs = np.ix_(start.kind, end.kind)
    links, length, first, last = between[pairs], length[pairs], first[pairs], last[pairs]
    s, h = np.nonzero(length)
    links[s, h, 0] = start.links[s, first[s, h]]
    links[s, h, length[s, h] - 1] = end.links[h, last[s, h]]
    if len(hosts) < len(sources) + len(targets):
        itself = np.array(start.names)[:, None] == np.array(end.names)
        links[itself], length[itself] = -1, 0
    return Routes(links, length, start.kind)


def _route(network: Network, starts: Sequence[str], ends: Sequence[str]) -> Route | None:
    """Return the route of one of some pairs of hosts, but of no host with itself."""
    pairs = [(a, b) for a in starts for b in ends if a != b]
    return network.route(*pairs[0]) if pairs else None


class _Ends:
    """Hosts as they send (outwards) or receive.

    Attributes
    ----------
    names
        Their names.
    kind
        Kind of each.
    examples
        Up to two hosts of each kind.
    links
        Links of each host to its neighbours, in the order of `Network.attachment`, -1 behind the last.
    """

    def __init__(self, network: Network, names: Sequence[str], hosts: set[str], *, outwards: bool) -> None:
        self.names = names
        near = [network.attachment(name) for name in names]
        self.links = np.full((len(names), max(map(len, near), default=0)), -1, dtype=np.int64)
        for row, (name, nodes) in enumerate(zip(names, near, strict=True)):
            for place, node in enumerate(nodes):
                index = network.link_index(name, node) if outwards else network.link_index(node, name)
                self.links[row, place] = -1 if index is None else index
        limits = np.stack([network.capacity_bytes_per_s, network.move_bytes_per_s, network.flow_bytes_per_s], axis=1)
        self._near: list[tuple[str, ...]] = []
        self.examples: list[list[str]] = []
        index_of: dict[object, int] = {}
        kind: list[int] = []
        for name, nodes, links in zip(names, near, self.links.tolist(), strict=True):
            # A host with another as its neighbour is like no other.
            alone = name if hosts.intersection(nodes) else None
            key = (nodes, limits[links[: len(nodes)]].tobytes(), alone)
            if key not in index_of:
                index_of[key] = len(index_of)
                self._near.append(nodes)
                self.examples.append([])
            kind.append(index_of[key])
            if len(self.examples[kind[-1]]) < 2:
                self.examples[kind[-1]].append(name)
        self.kind: Ints = np.array(kind, dtype=np.int64)

    def place(self, kind: int, node: str) -> int:
        """Return which neighbour of the hosts of a kind a node is."""
        return self._near[kind].index(node)
