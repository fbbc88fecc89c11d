"""The evacuation as arrays: who must move, who may receive, and what holds between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import VM, Approach, Before, Host, Inventory, NotAtOnce, Separate, Settings, Together
from planner.network import Network
from planner.optimize.routes import Routes, find_routes
from planner.predict.registry import model_for
from planner.predict.ways import Way, ways_of

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""Share of the deadline by which sums of durations may miss it in floating point and still keep it [1]."""
MOST_ROUNDING_S = 1e-7
"""The same as a time at the most, well within what the replay tolerates [s]."""


@dataclass(frozen=True, eq=False)
class Problem:
    """An evacuation, compiled. Movers, sources and targets are referred to by their index.

    Parameters
    ----------
    settings
        The inventory's settings.
    network
        Its network.
    deadline_s
        When the sources must be empty, with room for rounding [s].
    movers
        The VMs of the evacuated hosts, in inventory order; M of them.
    sources, targets
        Evacuated hosts, and hosts that may receive; S and H of them.
    source_of
        Source of each mover, shape (M,).
    memory, vcpus, weight
        Of each mover, shape (M,) [bytes, count, 1].
    free_memory, free_vcpus
        What each target has left beside the VMs that stay, shape (H,) [bytes, count].
    max_out, max_in
        Concurrent migrations out of each source, shape (S,), and into each target, shape (H,).
    allowed
        Whether a mover may go to a target by labels, size, rules with VMs that stay, and routes, shape (M, H).
    separate, together, not_at_once
        Groups of movers, two or more in each.
    before
        Pairs (a, b): a has landed before b starts.
    ready_s
        When each target can receive, shape (H,) [s].
    off_s
        Time that each source takes to switch off once it is empty, shape (S,) [s].
    """

    settings: Settings
    network: Network
    deadline_s: float
    movers: tuple[VM, ...]
    sources: tuple[Host, ...]
    targets: tuple[Host, ...]
    source_of: Ints
    memory: Ints
    vcpus: Ints
    weight: Floats
    free_memory: Ints
    free_vcpus: Ints
    max_out: Ints
    max_in: Ints
    allowed: Bools
    separate: tuple[tuple[int, ...], ...]
    together: tuple[tuple[int, ...], ...]
    not_at_once: tuple[tuple[int, ...], ...]
    before: tuple[tuple[int, int], ...]
    ready_s: Floats
    off_s: Floats

    @property
    def tail_s(self) -> Floats:
        """How long before the deadline each mover must have ended, for its source to switch off, shape (M,) [s]."""
        tail: Floats = self.off_s[self.source_of]
        return tail

    @cached_property
    def routes(self) -> Routes:
        """The routes from all sources to all targets."""
        return find_routes(self.network, self.sources, self.targets)

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """The ways in which VMs may move by the model of the settings, in the order that all tables have."""
        return ways_of(model_for(self.settings))

    def approaches_of(self, vm: VM) -> tuple[Approach, ...]:
        """Return the approaches that the settings and the VM both allow."""
        allowed = self.settings.approaches
        return allowed if vm.approaches is None else tuple(a for a in allowed if a in vm.approaches)


def compile_problem(
    inventory: Inventory,
    network: Network,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    each_may_stay: bool = False,
) -> Problem:
    """Compile the evacuation of some hosts.

    Parameters
    ----------
    inventory
        A checked inventory.
    network
        Its network.
    evacuate
        Names of the hosts to empty; they exist.
    deadline_s
        When they must be empty [s].
    each_may_stay
        Whether the rules are to bind those movers only that do move: groups of `together` as each rule has them, and in
        `before` each pair of a rule.
    """
    leaving = set(evacuate)
    settings = inventory.settings
    sources = tuple(host for host in inventory.hosts if host.name in leaving)
    targets = tuple(host for host in inventory.hosts if host.name not in leaving and host.accepts)
    movers = tuple(vm for vm in inventory.vms if vm.host in leaving)
    source_index = {host.name: i for i, host in enumerate(sources)}
    source_of = np.array([source_index[vm.host] for vm in movers], dtype=np.int64)
    free_memory, free_vcpus = _free(inventory, targets)
    memory = np.array([vm.memory for vm in movers], dtype=np.int64)
    vcpus = np.array([vm.vcpus for vm in movers], dtype=np.int64)
    groups = _Groups(inventory, movers, each_may_stay=each_may_stay)
    allowed = (
        _labels_fit(movers, targets)
        & (memory[:, None] <= free_memory[None, :])
        & (vcpus[:, None] <= free_vcpus[None, :])
    )
    problem = Problem(
        settings=settings,
        network=network,
        deadline_s=deadline_s + min(deadline_s * ROUNDING, MOST_ROUNDING_S),
        movers=movers,
        sources=sources,
        targets=targets,
        source_of=source_of,
        memory=memory,
        vcpus=vcpus,
        weight=np.array([vm.weight for vm in movers], dtype=np.float64),
        free_memory=free_memory,
        free_vcpus=free_vcpus,
        max_out=np.array([host.max_outgoing or settings.max_outgoing for host in sources], dtype=np.int64),
        max_in=np.array([host.max_incoming or settings.max_incoming for host in targets], dtype=np.int64),
        allowed=allowed,
        separate=tuple(groups.separate),
        together=tuple(groups.together),
        not_at_once=tuple(groups.not_at_once),
        before=tuple(groups.before),
        ready_s=np.array([host.ready_after for host in targets], dtype=np.float64),
        off_s=np.array([host.shutdown_time for host in sources], dtype=np.float64),
    )
    allowed &= problem.routes.length[source_of] > 0
    groups.apply_stayers(allowed, {host.name: i for i, host in enumerate(targets)})
    if not each_may_stay:
        _fit_blocks(allowed, groups.together, (memory, vcpus), (free_memory, free_vcpus))
        _part_blocks(allowed, groups.together, groups.separate)
    return problem


def _free(inventory: Inventory, targets: Sequence[Host]) -> tuple[Ints, Ints]:
    used_memory = dict.fromkeys((host.name for host in inventory.hosts), 0)
    used_vcpus = dict(used_memory)
    for vm in inventory.vms:
        used_memory[vm.host] += vm.memory
        used_vcpus[vm.host] += vm.vcpus
    return (
        np.array([host.memory - used_memory[host.name] for host in targets], dtype=np.int64),
        np.array([host.cpus - used_vcpus[host.name] for host in targets], dtype=np.int64),
    )


def _labels_fit(movers: Sequence[VM], targets: Sequence[Host]) -> Bools:
    """Return which targets have the labels that each mover requires, shape (M, H)."""
    labels = [frozenset(host.labels) for host in targets]
    rows: dict[frozenset[str], Bools] = {}
    result = np.ones((len(movers), len(targets)), dtype=np.bool_)
    for v, vm in enumerate(movers):
        wanted = frozenset(vm.requires)
        if wanted:
            if wanted not in rows:
                rows[wanted] = np.array([wanted <= have for have in labels], dtype=np.bool_)
            result[v] = rows[wanted]
    return result


class _Groups:
    """The rules, reduced to what binds movers among each other and to VMs that stay."""

    def __init__(self, inventory: Inventory, movers: Sequence[VM], *, each_may_stay: bool) -> None:
        index = {vm.name: v for v, vm in enumerate(movers)}
        host_of = {vm.name: vm.host for vm in inventory.vms}
        self.separate: list[tuple[int, ...]] = []
        self.together: list[tuple[int, ...]] = []
        self.not_at_once: list[tuple[int, ...]] = []
        self.before: list[tuple[int, int]] = []
        self._apart: list[tuple[tuple[int, ...], set[str]]] = []
        self._join: list[tuple[tuple[int, ...], set[str]]] = []
        for rule in inventory.rules:
            moving = tuple(index[name] for name in rule.members if name in index)
            staying = {host_of[name] for name in rule.members if name not in index}
            match rule:
                case Separate():
                    self._apart.append((moving, staying))
                    self._keep(self.separate, moving)
                case Together():
                    self._join.append((moving, staying))
                    self.together.append(moving)
                case NotAtOnce():
                    self._keep(self.not_at_once, moving)
                case Before() if each_may_stay:
                    self.before += list(itertools.combinations(moving, 2))
                case Before():
                    self.before += list(itertools.pairwise(moving))
        if each_may_stay:
            self.together = [group for group in self.together if len(group) >= 2]
        else:
            self.together = _merge_overlapping(self.together)

    @staticmethod
    def _keep(groups: list[tuple[int, ...]], moving: tuple[int, ...]) -> None:
        if len(moving) >= 2:
            groups.append(moving)

    def apply_stayers(self, allowed: Bools, target_index: dict[str, int]) -> None:
        """Strike what the rules forbid because of VMs that stay."""
        for moving, staying in self._apart:
            columns = [target_index[name] for name in staying if name in target_index]
            allowed[np.ix_(moving, columns)] = False
        for moving, staying in self._join:
            if staying:
                keep = np.zeros(allowed.shape[1], dtype=np.bool_)
                keep[[target_index[name] for name in staying if name in target_index]] = True
                allowed[list(moving)] &= keep


def _merge_overlapping(groups: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Join groups that share a member: together is transitive. Groups of one are dropped."""
    merged: list[set[int]] = []
    for group in groups:
        members = set(group)
        apart = []
        for other in merged:
            if other & members:
                members |= other
            else:
                apart.append(other)
        merged = [*apart, members]
    return [tuple(sorted(members)) for members in merged if len(members) >= 2]


def _fit_blocks(
    allowed: Bools, together: list[tuple[int, ...]], sizes: tuple[Ints, Ints], free: tuple[Ints, Ints]
) -> None:
    """Strike targets that a group which stays together does not fit on as a whole."""
    for group in together:
        members = list(group)
        common = allowed[members].all(axis=0)
        for size, room in zip(sizes, free, strict=True):
            common &= size[members].sum() <= room
        allowed[members] = common


def _part_blocks(allowed: Bools, together: list[tuple[int, ...]], separate: list[tuple[int, ...]]) -> None:
    """Strike all targets of a group that stays together if two of its members must be separate."""
    for group in together:
        if any(len(set(group).intersection(apart)) >= 2 for apart in separate):
            allowed[list(group)] = False
