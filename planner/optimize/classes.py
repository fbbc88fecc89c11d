"""Destination classes: targets that look the same from the network and from the movers' rules.

The program decides by class; hosts within a class are chosen afterwards. Hosts of different racks are of one class
when the routes to them have the same capacities and part ways only in their last two links, or in links that can never
be short: the trunk is the part that a source's routes to all hosts of a class share, the tail is the rest. A class can
be split into its hosts where the choice of hosts turns out to be impossible, down to one host a class, where nothing is
relaxed any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from planner.optimize.problem import Bools, Floats, Ints, Problem

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
        or none at all; shape (S, H, 2), or more where hosts of one class part ways earlier.
    """

    members: tuple[tuple[int, ...], ...]
    trunk: tuple[tuple[tuple[int, ...] | None, ...], ...]
    tail: Ints

    @cached_property
    def tails(self) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """The links of `tail`, nested by source and target."""
        kinds: dict[bytes, tuple[tuple[int, ...], ...]] = {}
        for row in self.tail:
            if row.tobytes() not in kinds:
                kinds[row.tobytes()] = tuple(tuple(link for link in links if link >= 0) for links in row.tolist())
        return tuple(kinds[row.tobytes()] for row in self.tail)

    def allowed(self, problem: Problem) -> Bools:
        """Return whether a mover may go to at least one host of a class, shape (M, C)."""
        columns = [problem.allowed[:, list(hosts)].any(axis=1) for hosts in self.members]
        return np.stack(columns, axis=1) if columns else np.zeros((len(problem.movers), 0), dtype=np.bool_)

    def example(self, source: int, klass: int) -> int:
        """Return a host of a class to which the route from a source is as long as to any."""
        hosts = self.members[klass]
        return hosts[int((self.tail[source, list(hosts)] >= 0).sum(axis=1).argmax())]

    def links(self, source: int, klass: int, host: int) -> tuple[int, ...]:
        """Return the directed links of the route from a source to a host of a class."""
        return (*(self.trunk[source][klass] or ()), *(link for link in self.tail[source, host].tolist() if link >= 0))


@lru_cache(maxsize=4)
def coarse_classes(problem: Problem) -> Classes:
    """Return the classes of targets with equal routes but for their tails, equal limits and equal permissions."""
    wanted = frozenset(label for vm in problem.movers for label in vm.requires)
    shapes = _shapes(problem)
    groups: dict[object, list[int]] = {}
    for h, host in enumerate(problem.targets):
        limits = (int(problem.max_in[h]), float(problem.ready_s[h]))
        key = (shapes[h].tobytes(), limits, wanted.intersection(host.labels))
        groups.setdefault(key, []).append(h)
    return make_classes(problem, [tuple(hosts) for hosts in groups.values()])


def _shapes(problem: Problem) -> Ints:
    """Return a row for each target, equal for those to which the routes are but for their tails, shape (H, ...).

    A row has for one source of each kind the links before the tail, and what the links in the tail carry. A link before
    the tail that can never be short is told by what it carries, too.
    """
    network, routes = problem.network, problem.routes
    limits = np.stack([network.capacity_bytes_per_s, network.move_bytes_per_s, network.flow_bytes_per_s], axis=1)
    carries = np.unique(limits, axis=0, return_inverse=True)[1].reshape(-1)
    links, length = routes.links[routes.examples], routes.length[routes.examples]
    # The first link is no part of the tail: it is the source's, and limits what leaves it side by side.
    head = np.maximum(1, length - TAIL)[:, :, None]
    place = np.arange(links.shape[2])
    told = (place == 0) | ((place < head) & np.append(_short(problem), False)[links])
    shape = np.where(told, links, -2 - np.append(carries, 0)[links])
    shape[place >= length[:, :, None]] = -1
    most = np.append(limits[:, 1:], [[np.inf, np.inf]], axis=0)[links].min(axis=2)
    _take_in_own_racks(problem, shape, most)
    return np.moveaxis(shape, 1, 0).reshape(shape.shape[1], shape.shape[0] * shape.shape[2])


def _short(problem: Problem) -> Bools:
    """Return which directed links may be short: the first links of the sources that use them carry more."""
    routes, capacity = problem.routes, problem.network.capacity_bytes_per_s
    fed = np.zeros(len(capacity))
    for links in routes.links:
        # The last entry stands for "no link".
        first, later = (np.zeros(len(capacity) + 1, dtype=np.bool_) for _ in range(2))
        first[links[:, 0]] = later[links[:, 1:]] = True
        fed[later[:-1]] += capacity[first[:-1]].sum()
    short: Bools = fed > capacity * (1 + 1e-12)
    return short


def _take_in_own_racks(problem: Problem, shapes: Ints, most: Floats) -> None:
    """Give targets next to a source the shape of those further away, where the links between racks are never short.

    A move to the own rack does without these links. Before the tail none of them is short; of those in the tails all
    together carry what all sources send.

    Parameters
    ----------
    shapes
        Shape of the route from a source of each kind to each target, shape (K, H, L).
    most
        The most that a move may have on the way, with several flows and with one, shape (K, H, 2) [bytes/s].
    """
    routes, capacity = problem.routes, problem.network.capacity_bytes_per_s
    first = np.unique(routes.links[:, :, 0])
    sent = float(capacity[first[first >= 0]].sum())
    for shape, source, limit in zip(shapes, routes.examples, most, strict=True):
        links, length = routes.links[source], routes.length[source]
        near, far = np.flatnonzero(length == TAIL), np.flatnonzero(length > TAIL)
        ends = shape[far, length[far] - 1]
        for start, end in np.unique(shape[near, :TAIL], axis=0).tolist():
            alike = far[(ends == end) & (shape[far, 0] == start)]
            mine = near[(shape[near, 0] == start) & (shape[near, 1] == end)]
            if not len(alike):
                continue
            example, count = alike[0], int(length[alike[0]])
            shared = [np.unique(links[alike, level]) for level in range(max(1, count - TAIL), count - 1)]
            if (
                (shape[alike] == shape[example]).all()
                and (shape[example, 1:] < 0).all()
                and all(capacity[here].sum() >= sent for here in shared)
                and (limit[mine] == limit[example]).all()
            ):
                shape[mine] = shape[example]


def make_classes(problem: Problem, members: list[tuple[int, ...]]) -> Classes:
    """Return the classes with the given members, whose routes may differ in their tails."""
    routes = problem.routes
    deepest = TAIL
    trunks: list[list[tuple[int, ...] | None]] = []
    shares: list[Ints] = []
    for hosts in members:
        links, length = routes.links[:, list(hosts)], routes.length[:, list(hosts)]
        # With one host everything but the last link is trunk; with several, what all have in common.
        common = np.cumprod((links == links[:, :1]).all(axis=1), axis=1).sum(axis=1)
        shared = np.minimum(length.min(axis=1) - 1, common)
        firsts = zip(links[:, 0].tolist(), shared.tolist(), strict=True)
        trunks.append([tuple(path[:count]) if count >= 0 else None for path, count in firsts])
        shares.append(shared)
        deepest = max(deepest, int((length - shared[:, None])[shared >= 0].max(initial=0)))
    tail = np.full((len(problem.sources), len(problem.targets), deepest), -1, dtype=np.int64)
    for hosts, shared in zip(members, shares, strict=True):
        links, length = routes.links[:, list(hosts)], routes.length[:, list(hosts)]
        for back in range(1, deepest + 1):
            s, h = np.nonzero((shared[:, None] >= 0) & (length - shared[:, None] >= back))
            tail[s, np.array(hosts)[h], deepest - back] = links[s, h, length[s, h] - back]
    return Classes(tuple(members), tuple(zip(*trunks, strict=True)) or ((),) * len(problem.sources), tail)


def split(problem: Problem, classes: Classes, which: set[int]) -> Classes:
    """Return the classes with some of them split into single hosts."""
    members: list[tuple[int, ...]] = []
    for c, hosts in enumerate(classes.members):
        members += [(h,) for h in hosts] if c in which else [hosts]
    return make_classes(problem, members)
