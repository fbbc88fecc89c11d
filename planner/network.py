"""The network as a networkx graph: hosts, switches, full-duplex links, routes.

Routing. Traffic crosses switches and links, never a third host. Of all paths from a host to another the one
with the fewest links is taken; of these, one with the largest bottleneck; of these, when there are several, one
by a hash of the two ends' attachments (the sorted names of their neighbours), so that different racks spread
over equal spines while all hosts of one pair of racks share a path. The choice depends on names alone: it is
the same in every run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Inventory


@dataclass(frozen=True, slots=True)
class Route:
    """A path between two hosts.

    Parameters
    ----------
    path
        Node names from source to target, both included.
    links
        Indices of the directed links along the path, in order.
    bottleneck_bytes_per_s
        The smallest capacity along the path.
    """

    path: tuple[str, ...]
    links: tuple[int, ...]
    bottleneck_bytes_per_s: float


class Network:
    """Hosts, switches and directed link capacities of an inventory.

    Attributes
    ----------
    graph
        Undirected networkx graph; nodes carry ``kind`` (``host`` or ``switch``), edges ``capacity_bytes_per_s``.
    directed
        The directed links, as pairs of names; a full-duplex link is two of them.
    capacity_bytes_per_s
        Capacity of each directed link, shape ``(len(directed),)``.
    """

    def __init__(self, inventory: Inventory) -> None:
        graph = nx.Graph()
        graph.add_nodes_from((host.name for host in inventory.hosts), kind="host")
        graph.add_nodes_from(inventory.switches, kind="switch")
        directed: list[tuple[str, str]] = []
        capacity: list[float] = []
        for link in inventory.links:
            a, b = link.between
            graph.add_edge(a, b, capacity_bytes_per_s=link.capacity_bytes_per_s)
            directed += [(a, b), (b, a)]
            capacity += [link.capacity_bytes_per_s] * 2
        self.graph = graph
        self.directed = tuple(directed)
        self.capacity_bytes_per_s: NDArray[np.float64] = np.array(capacity, dtype=np.float64)
        self._index = {ends: i for i, ends in enumerate(self.directed)}
        self._switches = graph.subgraph(inventory.switches)
        self._attachment = {host.name: tuple(sorted(graph.neighbors(host.name))) for host in inventory.hosts}
        self._routes: dict[tuple[str, str], Route | None] = {}
        self._trunks: dict[tuple[str, str], list[tuple[str, ...]]] = {}

    def link_index(self, a: str, b: str) -> int | None:
        """Return the index of the directed link from a to b, or None where there is none."""
        return self._index.get((a, b))

    def attachment(self, host: str) -> tuple[str, ...]:
        """Return the sorted names of a host's neighbours."""
        return self._attachment[host]

    def route(self, source: str, target: str) -> Route | None:
        """Return the route that a migration takes, or None if the hosts are not connected.

        Parameters
        ----------
        source, target
            Names of two different hosts.
        """
        key = (source, target)
        if key not in self._routes:
            self._routes[key] = self._find_route(source, target)
        return self._routes[key]

    def make_route(self, path: Iterable[str]) -> Route | None:
        """Return the route along a given path, or None if one of its links does not exist."""
        nodes = tuple(path)
        links = tuple(self._index.get(ends, -1) for ends in pairwise(nodes))
        if not links or -1 in links:
            return None
        return Route(nodes, links, float(self.capacity_bytes_per_s[list(links)].min()))

    def _find_route(self, source: str, target: str) -> Route | None:
        direct = self.make_route((source, target))
        if direct is not None:
            return direct
        trunks = [
            trunk
            for first in self._attachment[source]
            for last in self._attachment[target]
            for trunk in self._shortest_trunks(first, last)
        ]
        if not trunks:
            return None
        fewest = min(len(trunk) for trunk in trunks)
        routes = [self.make_route((source, *trunk, target)) for trunk in trunks if len(trunk) == fewest]
        found = [route for route in routes if route is not None]
        widest = max(route.bottleneck_bytes_per_s for route in found)
        equal = sorted(
            (route for route in found if route.bottleneck_bytes_per_s == widest), key=lambda route: route.path
        )
        seed = " ".join((*self._attachment[source], ">", *self._attachment[target]))
        return equal[zlib.crc32(seed.encode()) % len(equal)]

    def _shortest_trunks(self, first: str, last: str) -> list[tuple[str, ...]]:
        """Return all shortest paths through switches only, from one switch to another."""
        key = (first, last)
        if key not in self._trunks:
            paths: list[tuple[str, ...]] = []
            if first in self._switches and last in self._switches and nx.has_path(self._switches, first, last):
                paths = [tuple(path) for path in nx.all_shortest_paths(self._switches, first, last)]
            self._trunks[key] = paths
        return self._trunks[key]
