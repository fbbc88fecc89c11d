"""What moves take of the network, link by link, as docs/concepts.md has it; for the brute force.

Which of several equal paths a move takes where each takes one is the planner's own choice (`Network.route`). All else
is reckoned here anew.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import networkx as nx

from planner.inventory.models import VM, Approach, Inventory
from planner.network import Network

Ends = tuple[str, str]


class Fabric:
    """The links of an inventory that carry migrations."""

    def __init__(self, inventory: Inventory) -> None:
        self.settings = inventory.settings
        self.network = Network(inventory)
        self.capacity: dict[Ends, float] = {}
        self.members: dict[Ends, int] = {}
        self.graph = nx.Graph()
        self.graph.add_nodes_from([*(host.name for host in inventory.hosts), *inventory.switches])
        self.hosts = {host.name for host in inventory.hosts}
        wanted = inventory.settings.migration_network
        for link in inventory.links:
            if wanted and link.networks is not None and wanted not in link.networks:
                continue
            self.graph.add_edge(*link.between)
            for number, ends in enumerate((link.between, link.between[::-1])):
                bandwidth = link.bandwidth[number] if isinstance(link.bandwidth, tuple) else link.bandwidth
                usable = link.usable[number] if isinstance(link.usable, tuple) else link.usable
                self.capacity[ends] = bandwidth * usable
                self.members[ends] = link.members

    def ways(self, source: str, target: str) -> tuple[tuple[str, ...], ...]:
        """Return the paths of a move, among which it is spread evenly; none where there is no way."""
        if self.settings.equal_cost_paths == "hash":
            route = self.network.route(source, target)
            return () if route is None else (route.path,)
        open_to_it = self.graph.subgraph(set(self.graph) - self.hosts | {source, target})
        if not nx.has_path(open_to_it, source, target):
            return ()
        return tuple(sorted(tuple(way) for way in nx.all_shortest_paths(open_to_it, source, target)))

    def shares(self, source: str, target: str) -> dict[Ends, float]:
        """Return the share of its bandwidth that a move takes on each link."""
        ways = self.ways(source, target)
        used = Counter(ends for way in ways for ends in pairwise(way))
        return {ends: count / len(ways) for ends, count in used.items()}

    def most(self, vm: VM, approach: Approach, source: str, target: str) -> float:
        """Return the most that one move may have by its flows [bytes/s]."""
        multifd = approach in (Approach.COLD, Approach.PRECOPY) and not vm.disk
        flows = self.settings.multifd_channels if multifd else 1
        least = float("inf")
        for ends, share in self.shares(source, target).items():
            side_by_side = round(1 / share)
            links = side_by_side if flows >= side_by_side else 1
            wires = self.members[ends] if flows // links >= self.members[ends] else 1
            least = min(least, self.capacity[ends] / self.members[ends] * wires * links)
        return least
