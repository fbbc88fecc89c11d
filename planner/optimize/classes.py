"""Destination classes: targets that look the same from the network and from the movers' rules.

The program decides by class; hosts within a class are chosen afterwards. Hosts of different racks are of one class
when the routes to them have the same capacities and part ways only in their last two links: the trunk is the
part that a source's routes to all hosts of a class share, the tail is the rest. A class can be split into its hosts
where the choice of hosts turns out to be impossible, down to one host a class, where nothing is relaxed any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.network import Route
from planner.optimize.problem import Bools, Ints, Problem

TAIL = 2
"""Last links of a route in which hosts of one class may differ [count]."""


@dataclass(frozen=True)
class Classes:
    """A partition of the targets.

    Parameters
    ----------
    members
        Targets of each class, C of them.
    trunk
        For each source and class the directed links that all routes to the class begin with; None where there
        is no route. Shape (S, C) as nested tuples.
    tail
        For each source and target the directed links that follow the trunk, -1 in front where there is only one,
        or none at all; shape (S, H, 2).
    """

    members: tuple[tuple[int, ...], ...]
    trunk: tuple[tuple[tuple[int, ...] | None, ...], ...]
    tail: Ints

    def allowed(self, problem: Problem) -> Bools:
        """Return whether a mover may go to at least one host of a class, shape (M, C)."""
        columns = [problem.allowed[:, list(hosts)].any(axis=1) for hosts in self.members]
        return np.stack(columns, axis=1) if columns else np.zeros((len(problem.movers), 0), dtype=np.bool_)

    def links(self, source: int, klass: int, host: int) -> tuple[int, ...]:
        """Return the directed links of the route from a source to a host of a class."""
        return (*(self.trunk[source][klass] or ()), *(link for link in self.tail[source, host].tolist() if link >= 0))


def coarse_classes(problem: Problem) -> Classes:
    """Return the classes of targets with equal routes but for their tails, equal limits and equal permissions."""
    wanted = frozenset(label for vm in problem.movers for label in vm.requires)
    examples = _source_kinds(problem)
    groups: dict[object, list[int]] = {}
    for h, host in enumerate(problem.targets):
        shapes = tuple(_shape(problem, problem.network.route(source, host.name)) for source in examples)
        key = (shapes, int(problem.max_in[h]), wanted.intersection(host.labels))
        groups.setdefault(key, []).append(h)
    return make_classes(problem, [tuple(hosts) for hosts in groups.values()])


def _source_kinds(problem: Problem) -> list[str]:
    """Return one source of each kind: with the same switches as neighbours, routes differ in their first link only."""
    hosts = {host.name for host in (*problem.sources, *problem.targets)}
    kinds: dict[object, str] = {}
    for source in problem.sources:
        near = problem.network.attachment(source.name)
        links = [problem.network.link_index(source.name, node) for node in near]
        limits = tuple(_limits(problem, [link for link in links if link is not None]))
        alone = source.name if hosts.intersection(near) else None
        kinds.setdefault((near, limits, alone), source.name)
    return list(kinds.values())


def _shape(problem: Problem, route: Route | None) -> object:
    """Return what hosts of a class have in common: the links before the tail, and the capacities in the tail."""
    if route is None:
        return None
    # The first link is no part of the tail: it is the source's, and limits what leaves it side by side.
    head = max(1, len(route.links) - TAIL)
    return route.links[:head], tuple(_limits(problem, list(route.links[head:])))


def _limits(problem: Problem, links: list[int]) -> list[tuple[float, float, float]]:
    """Return what each link carries, and what one move may have of it with several flows and with one [bytes/s]."""
    network = problem.network
    limits = (network.capacity_bytes_per_s, network.move_bytes_per_s, network.flow_bytes_per_s)
    return list(zip(*(limit[links].tolist() for limit in limits), strict=True))


def make_classes(problem: Problem, members: list[tuple[int, ...]]) -> Classes:
    """Return the classes with the given members, whose routes must differ in nothing but their tails."""
    trunk: list[tuple[tuple[int, ...] | None, ...]] = []
    tail = np.full((len(problem.sources), len(problem.targets), TAIL), -1, dtype=np.int64)
    for s, source in enumerate(problem.sources):
        row: list[tuple[int, ...] | None] = []
        for hosts in members:
            routes = [problem.network.route(source.name, problem.targets[h].name) for h in hosts]
            paths = [route.links for route in routes if route is not None]
            if len(paths) < len(hosts):
                row.append(None)
                continue
            # With one host everything but the last link is trunk; with several, what all have in common.
            shared = len(paths[0]) - 1
            while len({path[:shared] for path in paths}) > 1:
                shared -= 1
            row.append(paths[0][:shared])
            for h, path in zip(hosts, paths, strict=True):
                rest = path[shared:]
                tail[s, h, TAIL - len(rest) :] = rest
        trunk.append(tuple(row))
    return Classes(tuple(members), tuple(trunk), tail)


def split(problem: Problem, classes: Classes, which: set[int]) -> Classes:
    """Return the classes with some of them split into single hosts."""
    members: list[tuple[int, ...]] = []
    for c, hosts in enumerate(classes.members):
        members += [(h,) for h in hosts] if c in which else [hosts]
    return make_classes(problem, members)
