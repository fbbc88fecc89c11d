"""Destination classes: targets that look the same from the network and from the movers' rules.

The program decides by class; hosts within a class are chosen afterwards. A class can be split into its hosts
where that choice turns out to be impossible, down to one host a class, where nothing is relaxed any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Bools, Floats, Ints, Problem


@dataclass(frozen=True)
class Classes:
    """A partition of the targets.

    Parameters
    ----------
    members
        Targets of each class, C of them.
    trunk
        For each source and class the directed links of the route without its last, which differs by host;
        None where there is no route. Shape (S, C) as nested tuples.
    last_capacity
        Capacity of the last link into each host of the class [bytes/s], by source and class, shape (S, C);
        the same for all hosts of a class.
    last_link
        Index of the last directed link of the route from each source to each target, shape (S, H); -1 without route.
    """

    members: tuple[tuple[int, ...], ...]
    trunk: tuple[tuple[tuple[int, ...] | None, ...], ...]
    last_capacity: Floats
    last_link: Ints

    def allowed(self, problem: Problem) -> Bools:
        """Return whether a mover may go to at least one host of a class, shape (M, C)."""
        columns = [problem.allowed[:, list(hosts)].any(axis=1) for hosts in self.members]
        return np.stack(columns, axis=1) if columns else np.zeros((len(problem.movers), 0), dtype=np.bool_)


def coarse_classes(problem: Problem) -> Classes:
    """Return the classes of targets with equal attachments, link capacities, limits and permissions."""
    network = problem.network
    wanted = frozenset(label for vm in problem.movers for label in vm.requires)
    groups: dict[object, list[int]] = {}
    for h, host in enumerate(problem.targets):
        near = network.attachment(host.name)
        capacities = tuple(_capacity_into(problem, neighbour, host.name) for neighbour in near)
        key = (near, capacities, int(problem.max_in[h]), wanted.intersection(host.labels))
        groups.setdefault(key, []).append(h)
    return make_classes(problem, [tuple(hosts) for hosts in groups.values()])


def make_classes(problem: Problem, members: list[tuple[int, ...]]) -> Classes:
    """Return the classes with the given members, which must be equal in attachments and link capacities."""
    network = problem.network
    trunk: list[tuple[tuple[int, ...] | None, ...]] = []
    last_capacity = np.zeros((len(problem.sources), len(members)))
    last_link = np.full((len(problem.sources), len(problem.targets)), -1, dtype=np.int64)
    for s, source in enumerate(problem.sources):
        row: list[tuple[int, ...] | None] = []
        for c, hosts in enumerate(members):
            route = network.route(source.name, problem.targets[hosts[0]].name)
            if route is None:
                row.append(None)
                continue
            row.append(route.links[:-1])
            last_capacity[s, c] = network.capacity_bytes_per_s[route.links[-1]]
            gate = route.path[-2]
            for h in hosts:
                # A host linked straight to the source is reached over that link, not through the class's gate.
                name = problem.targets[h].name
                index = network.link_index(gate, name)
                last_link[s, h] = -1 if index is None else index
        trunk.append(tuple(row))
    return Classes(tuple(members), tuple(trunk), last_capacity, last_link)


def split(problem: Problem, classes: Classes, which: set[int]) -> Classes:
    """Return the classes with some of them split into single hosts."""
    members: list[tuple[int, ...]] = []
    for c, hosts in enumerate(classes.members):
        members += [(h,) for h in hosts] if c in which else [hosts]
    return make_classes(problem, members)


def _capacity_into(problem: Problem, neighbour: str, host: str) -> float:
    index = problem.network.link_index(neighbour, host)
    return 0.0 if index is None else float(problem.network.capacity_bytes_per_s[index])
