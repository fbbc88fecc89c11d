"""The network as a networkx graph: hosts, switches, full-duplex links, routes.

Links that do not carry the migration network are not part of it.

Routing. Traffic crosses switches and links, never a third host. Of all paths from a host to another those with the
fewest links are taken. `equal_cost_paths` says which of them:

hash
    One of those on which a single move may have most; of these, of those with the largest capacity; of these, when
    there are several, one by a hash of the two ends' attachments (the sorted names of their neighbours), so that
    different racks spread over equal spines while all hosts of one pair of racks share a path. The choice depends on
    names alone: it is the same in every run.
split
    All of them, evenly. Switches that are alike are folded into one node, and the links between two such nodes into one
    with the sum of their capacities, which holds exactly what can be split evenly over them. A route's path then names
    groups of switches, and `Network.unfold` gives the paths that it stands for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from planner.inventory.folding import Folding
from planner.inventory.models import Inventory, Link


@dataclass(frozen=True, slots=True)
class Route:
    """A path between two hosts.

    Parameters
    ----------
    path
        Node names from source to target, both included; groups of switches where paths are split.
    links
        Indices of the directed links along the path, in order.
    bottleneck_bytes_per_s
        The most that one move may have along the path.
    """

    path: tuple[str, ...]
    links: tuple[int, ...]
    bottleneck_bytes_per_s: float


class Network:
    """Hosts, switches and directed link capacities of an inventory.

    Attributes
    ----------
    graph
        Undirected networkx graph; nodes carry ``kind`` (``host`` or ``switch``), edges ``capacity_bytes_per_s``, the
        less of their two directions.
    directed
        The directed links, as pairs of names; a full-duplex link is two of them.
    capacity_bytes_per_s
        Capacity of each directed link, shape ``(len(directed),)``.
    move_bytes_per_s
        The most that one move may have on each directed link if it has as many TCP flows as the settings give to
        the best, shape ``(len(directed),)``.
    flow_bytes_per_s
        The same if it has one flow.
    """

    def __init__(self, inventory: Inventory) -> None:
        settings = inventory.settings
        links = [link for link in inventory.links if link.carries(settings.migration_network)]
        hosts = [host.name for host in inventory.hosts]
        self._fold = _Fold(hosts, inventory.switches, links, split=settings.equal_cost_paths == "split")
        graph = nx.Graph()
        graph.add_nodes_from(hosts, kind="host")
        graph.add_nodes_from(self._fold.switches, kind="switch")
        directed: list[tuple[str, str]] = []
        limits: list[tuple[float, float, float]] = []
        for (a, b), (link, count) in self._fold.links.items():
            graph.add_edge(a, b, capacity_bytes_per_s=link.capacity_bytes_per_s * count)
            directed += [(a, b), (b, a)]
            for capacity in link.capacities_bytes_per_s:
                several, one = (_most(capacity, link, count, flows) for flows in (settings.multifd_channels, 1))
                limits.append((capacity * count, several, one))
        self.graph = graph
        self.directed = tuple(directed)
        columns = np.array(limits, dtype=np.float64).reshape(len(directed), 3)
        self.capacity_bytes_per_s: NDArray[np.float64] = columns[:, 0].copy()
        self.move_bytes_per_s: NDArray[np.float64] = columns[:, 1].copy()
        self.flow_bytes_per_s: NDArray[np.float64] = columns[:, 2].copy()
        self._index = {ends: i for i, ends in enumerate(self.directed)}
        # A copy: a view would test each node and link that a search comes by.
        self._switches = graph.subgraph(self._fold.switches).copy()
        self._attachment = {name: tuple(sorted(graph.neighbors(name))) for name in hosts}
        self._routes: dict[tuple[str, str], Route | None] = {}
        self._trunks: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        self._towards: dict[str, dict[str, list[str]]] = {}

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
        return Route(nodes, links, float(self.move_bytes_per_s[list(links)].min()))

    def unfold(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """Return the paths over real switches that a route's path stands for; traffic is spread evenly over them."""
        return self._fold.paths(path)

    def bundle(self, a: str, b: str) -> tuple[tuple[str, str], ...]:
        """Return the real links that a directed link of the network stands for, as pairs of names."""
        return tuple((path[0], path[1]) for path in self._fold.paths((a, b)))

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
        widest = max(self._width(route) for route in found)
        equal = sorted((route for route in found if self._width(route) == widest), key=lambda route: route.path)
        seed = " ".join((*self._attachment[source], ">", *self._attachment[target]))
        return equal[zlib.crc32(seed.encode()) % len(equal)]

    def _width(self, route: Route) -> tuple[float, float]:
        """Return what one move may have on a route, and what all may have together [bytes/s]."""
        return route.bottleneck_bytes_per_s, float(self.capacity_bytes_per_s[list(route.links)].min())

    def _shortest_trunks(self, first: str, last: str) -> list[tuple[str, ...]]:
        """Return all shortest paths through switches only, from one switch to another."""
        key = (first, last)
        if key not in self._trunks:
            if first not in self._towards:
                inside = first in self._switches
                self._towards[first] = nx.predecessor(self._switches, first) if inside else {}
            self._trunks[key] = list(_paths(self._towards[first], last))
        return self._trunks[key]


def _paths(before: Mapping[str, Sequence[str]], last: str) -> Iterator[tuple[str, ...]]:
    """Yield all paths to a node, given the nodes that come before each; none where it is not reached."""
    if last not in before:
        return
    if not before[last]:
        yield (last,)
    for node in before[last]:
        for path in _paths(before, node):
            yield (*path, last)


def _most(capacity: float, link: Link, count: int, flows: int) -> float:
    """Return the most that a move of so many TCP flows may have over equal links side by side [bytes/s].

    With fewer flows than links nothing keeps them all off one link; the same goes for a link's members.
    """
    if flows < count:
        return capacity * link.share_of(flows)
    return capacity * count * link.share_of(flows // count)


class _Fold:
    """The nodes and links that routes are made of: those of the inventory, or with switches that are alike as one.

    Attributes
    ----------
    switches
        Names of the switches, or of their groups.
    links
        By their two ends one link, and how many equal ones it stands for.
    """

    def __init__(self, hosts: list[str], switches: tuple[str, ...], links: list[Link], *, split: bool) -> None:
        self._members: dict[str, tuple[str, ...]] = {}
        self._joined: dict[str, set[str]] = {}
        self.links: dict[tuple[str, str], tuple[Link, int]] = {}
        name_of = {name: name for name in (*hosts, *switches)}
        if split:
            for names in Folding(hosts, switches, links).groups:
                name_of |= dict.fromkeys(names, _group_name(names))
                self._members[_group_name(names)] = names
        self.switches = tuple(dict.fromkeys(name_of[name] for name in switches))
        for link in links:
            a, b = link.between
            self._joined.setdefault(a, set()).add(b)
            self._joined.setdefault(b, set()).add(a)
            ends, back = (name_of[a], name_of[b]), (name_of[b], name_of[a])
            if ends[0] == ends[1]:
                continue  # between switches that are alike no shortest path goes
            key = back if back in self.links else ends
            first, count = self.links.get(key, (link, 0))
            self.links[key] = (first, count + 1)

    def paths(self, path: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        ways: list[tuple[str, ...]] = [()]
        for group in path:
            ways = [
                (*way, name)
                for way in ways
                for name in self._members.get(group, (group,))
                if not way or name in self._joined[way[-1]]
            ]
        return tuple(ways)


def _group_name(names: tuple[str, ...]) -> str:
    """Name a group of switches: ``spine1 + spine2``, ``spine1 + 15 more``. No switch has a space in its name."""
    if len(names) <= 3:
        return " + ".join(names)
    return f"{names[0]} + {len(names) - 1} more"
