"""Room-making as arrays: who must move, who may, what each could do leg by leg, and what room there is.

A *leg* is a VM on a host from which it could move: its home, and for a VM that may be parked every other open host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.inventory.models import VM, Before, Host, Inventory, NotAtOnce, Separate, Together, rule_kind
from planner.menu import with_lanes
from planner.network import Network
from planner.optimize.classes import Classes, make_classes
from planner.optimize.options import Columns, Tables, build_columns, build_tables
from planner.optimize.problem import Bools, Floats, Ints, Problem, compile_problem


@dataclass(frozen=True)
class Apart:
    """A separate rule: VMs by index, and the hosts on which a member stays for good."""

    members: tuple[int, ...]
    taken: frozenset[int]


@dataclass(frozen=True)
class Joined:
    """A together rule: VMs by index, and the hosts on which a member stays for good."""

    members: tuple[int, ...]
    homes: frozenset[int]


@dataclass(frozen=True)
class Room:
    """An evacuation in which other VMs may move, too.

    Parameters
    ----------
    base
        The evacuation without extra moves.
    relaxed_inventory, relaxed
        Inventory and evacuation without the VMs that may move: what no extra move can help.
    price_s
        What an extra move counts in weighted downtime [s].
    vms
        VMs that must move, F of them, then those that may.
    forced
        F.
    hosts
        All hosts; `home`, `memory` and the rest refer to them by index.
    home
        Host of each VM.
    open
        Which hosts may receive.
    memory, vcpus
        What each host has beside the VMs that stay for good.
    separate, together
        The rules on places, with the VMs that may move.
    not_at_once, before
        Groups of VMs; pairs (a, b): where both move, a has landed before b starts.
    """

    base: Problem
    relaxed_inventory: Inventory
    relaxed: Problem
    price_s: float
    vms: tuple[VM, ...]
    forced: int
    hosts: tuple[Host, ...]
    home: tuple[int, ...]
    open: tuple[bool, ...]
    memory: tuple[int, ...]
    vcpus: tuple[int, ...]
    separate: tuple[Apart, ...]
    together: tuple[Joined, ...]
    not_at_once: tuple[tuple[int, ...], ...]
    before: tuple[tuple[int, int], ...]

    @property
    def network(self) -> Network:
        """The network."""
        return self.base.network

    @property
    def deadline_s(self) -> float:
        """When everything must have ended, with room for rounding [s]."""
        return self.base.deadline_s

    @cached_property
    def targets(self) -> tuple[int, ...]:
        """Hosts that may receive, by index."""
        return tuple(h for h, open_ in enumerate(self.open) if open_)

    @property
    def off_s(self) -> Floats:
        """Time that each host takes to switch off once it is empty, 0 where it is not evacuated [s]."""
        leaving = {host.name for host in self.base.sources}
        return np.array([host.shutdown_time if host.name in leaving else 0.0 for host in self.hosts])


def movable(inventory: Inventory, evacuate: Sequence[str]) -> tuple[VM, ...]:
    """Return the VMs that may make room: not pinned, on a host that stays and accepts VMs."""
    leaving = set(evacuate)
    fixed = leaving | {host.name for host in inventory.hosts if not host.accepts}
    return tuple(vm for vm in inventory.vms if vm.host not in fixed and not vm.pinned)


def compile_room(
    inventory: Inventory, base: Problem, optional: Sequence[VM], relaxed: tuple[Inventory, Problem], price_s: float
) -> Room:
    """Compile an evacuation in which some other VMs may move.

    Parameters
    ----------
    base
        The evacuation without them.
    optional
        VMs that may move; all others of hosts that are not evacuated stay.
    relaxed
        Inventory and evacuation without the VMs that may move.
    price_s
        Price of an extra move [s].
    """
    hosts = inventory.hosts
    index = {host.name: h for h, host in enumerate(hosts)}
    vms = (*base.movers, *optional)
    number = {vm.name: v for v, vm in enumerate(vms)}
    stays = {vm.name: index[vm.host] for vm in inventory.vms if vm.name not in number}
    memory, vcpus = [host.memory for host in hosts], [host.cpus for host in hosts]
    for vm in inventory.vms:
        if vm.name in stays:
            memory[index[vm.host]] -= vm.memory
            vcpus[index[vm.host]] -= vm.vcpus
    targets = {host.name for host in base.targets}
    separate: list[Apart] = []
    together: list[Joined] = []
    not_at_once: list[tuple[int, ...]] = []
    before: list[tuple[int, int]] = []
    for rule in inventory.rules:
        members = tuple(number[name] for name in rule.members if name in number)
        homes = frozenset(stays[name] for name in rule.members if name in stays)
        match rule:
            case Separate():
                separate.append(Apart(members, homes))
            case Together():
                together.append(Joined(members, homes))
            case NotAtOnce():
                not_at_once.append(members)
            case Before():
                before += [(a, b) for i, a in enumerate(members) for b in members[i + 1 :]]
    return Room(
        base=base,
        relaxed_inventory=relaxed[0],
        relaxed=relaxed[1],
        price_s=price_s,
        vms=vms,
        forced=len(base.movers),
        hosts=hosts,
        home=tuple(index[vm.host] for vm in vms),
        open=tuple(host.name in targets for host in hosts),
        memory=tuple(memory),
        vcpus=tuple(vcpus),
        separate=tuple(group for group in separate if group.members),
        together=tuple(group for group in together if group.members),
        not_at_once=tuple(group for group in not_at_once if len(group) > 1),
        before=tuple(dict.fromkeys(before)),
    )


def relax(
    inventory: Inventory, network: Network, evacuate: Sequence[str], deadline_s: float, optional: Sequence[VM]
) -> tuple[Inventory, Problem]:
    """Return the evacuation without the VMs that may move: whatever extra moves can do, it can do as well."""
    without = _without(inventory, evacuate, optional)
    return without, compile_problem(without, network, evacuate, deadline_s)


def unhindered(inventory: Inventory, evacuate: Sequence[str]) -> Inventory:
    """Return the inventory without the VMs that may move to make room."""
    return _without(inventory, evacuate, movable(inventory, evacuate))


def _without(inventory: Inventory, evacuate: Sequence[str], optional: Sequence[VM]) -> Inventory:
    gone = {vm.name for vm in optional}
    leaving = set(evacuate)
    host_of = {vm.name: vm.host for vm in inventory.vms}
    rules = []
    for rule in inventory.rules:
        left = tuple(name for name in rule.members if name not in gone)
        if isinstance(rule, Together) and len(left) < len(rule.members):
            # One that may move may also stay, and its host then takes the others.
            left = tuple(name for name in left if host_of[name] in leaving)
        if len(left) > 1:
            rules.append(rule.model_copy(update={rule_kind(rule): left}))
    vms = tuple(vm for vm in inventory.vms if vm.name not in gone)
    return inventory.model_copy(update={"vms": vms, "rules": tuple(rules)})


@dataclass(frozen=True)
class Legs:
    """What every VM could do from every host at which it could stand.

    Parameters
    ----------
    problem
        The legs as movers of a problem; its sources are all hosts, its targets those that may receive.
    vm, source
        VM and host of each leg, shape (L,).
    parked
        Whether a leg is a further one, shape (L,).
    classes, tables, columns
        Single hosts as classes, predictions and all choices worth offering; `columns.mover` is a leg.
    target
        Host to which each column leads, shape (N,).
    cost_s
        Weighted downtime and price of each column, shape (N,) [s].
    """

    problem: Problem
    vm: Ints
    source: Ints
    parked: Bools
    classes: Classes
    tables: Tables
    columns: Columns
    target: Ints
    cost_s: Floats

    def links(self, column: int) -> tuple[int, ...]:
        """Return the directed links that a column uses."""
        leg, klass = int(self.columns.mover[column]), int(self.columns.klass[column])
        return self.classes.links(int(self.problem.source_of[leg]), klass, self.classes.members[klass][0])


def make_legs(room: Room, *, parking: bool, only: Mapping[int, int] | None = None) -> Legs:
    """Return what the VMs of a room could do.

    Parameters
    ----------
    parking
        Whether VMs that may move can go on from each host that may receive.
    only
        Target at which each VM ends, by indices of VMs and of targets, where they are settled already.
    """
    legs = [(v, home, False) for v, home in enumerate(room.home)]
    if parking:
        legs += [(v, p, True) for v in range(room.forced, len(room.vms)) for p in room.targets if p != room.home[v]]
    problem = leg_problem(room, [(v, s) for v, s, _ in legs])
    if only is not None:
        every = np.arange(len(room.targets))
        problem.allowed[:] &= np.array(
            [(every == only[v]) | (parking and v >= room.forced and not more) for v, _, more in legs]
        )
    vm, source, parked = (np.array(part) for part in zip(*legs, strict=True))
    classes, tables = leg_tables(room, problem)
    columns = build_columns(problem, classes, tables)
    extra = (vm >= room.forced) | parked
    return Legs(
        problem=problem,
        vm=vm,
        source=source,
        parked=parked,
        classes=classes,
        tables=tables,
        columns=columns,
        target=np.array(room.targets, dtype=np.int64)[columns.klass],
        cost_s=problem.weight[columns.mover] * columns.downtime_s + room.price_s * extra[columns.mover],
    )


def leg_tables(room: Room, problem: Problem) -> tuple[Classes, Tables]:
    """Return single hosts as classes, and the predictions of legs for the menus of the evacuation."""
    classes = make_classes(problem, [(t,) for t in range(len(room.targets))])
    return classes, build_tables(problem, classes, lanes=with_lanes(len(room.base.movers)))


def leg_problem(room: Room, legs: Sequence[tuple[int, int]]) -> Problem:
    """Return legs, given by VM and host, as movers of a problem."""
    allowed = np.zeros((len(legs), len(room.targets)), dtype=np.bool_)
    of_vm = np.array([_open_to(room, v) for v in range(len(room.vms))], dtype=np.bool_)
    targets = np.array(room.targets)
    for leg, (v, s) in enumerate(legs):
        allowed[leg] = of_vm[v] & (targets != s) & (targets != room.home[v])
    settings = room.base.settings
    problem = replace(
        room.base,
        movers=tuple(room.vms[v] for v, _ in legs),
        sources=room.hosts,
        targets=tuple(room.hosts[h] for h in room.targets),
        source_of=np.array([s for _, s in legs], dtype=np.int64),
        memory=np.array([room.vms[v].memory for v, _ in legs], dtype=np.int64),
        vcpus=np.array([room.vms[v].vcpus for v, _ in legs], dtype=np.int64),
        weight=np.array([room.vms[v].weight for v, _ in legs], dtype=np.float64),
        free_memory=np.array([room.memory[h] for h in room.targets], dtype=np.int64),
        free_vcpus=np.array([room.vcpus[h] for h in room.targets], dtype=np.int64),
        max_out=np.array([host.max_outgoing or settings.max_outgoing for host in room.hosts], dtype=np.int64),
        max_in=np.array([room.hosts[h].max_incoming or settings.max_incoming for h in room.targets], dtype=np.int64),
        allowed=allowed,
        separate=(),
        together=(),
        not_at_once=(),
        before=(),
        ready_s=np.array([room.hosts[h].ready_after for h in room.targets], dtype=np.float64),
        off_s=room.off_s,
    )
    allowed &= problem.routes.length[problem.source_of] > 0
    return problem


def _open_to(room: Room, v: int) -> list[bool]:
    """Return which targets may ever take a VM: by labels, by size beside what stays for good, by separate rules."""
    vm = room.vms[v]
    taken = frozenset().union(*(group.taken for group in room.separate if v in group.members))
    return [
        set(vm.requires) <= set(room.hosts[h].labels)
        and vm.memory <= room.memory[h]
        and vm.vcpus <= room.vcpus[h]
        and h not in taken
        for h in room.targets
    ]
