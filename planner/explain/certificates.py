"""Cheap proofs that no plan exists, made before any solver runs. Each names the culprit with its numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.inventory.models import VM, Inventory, Separate, Together, rule_name
from planner.optimize.options import Columns, Tables
from planner.optimize.problem import Floats, Problem
from planner.plan.models import Reason, ReasonKind


def deadline_of(problem: Problem) -> float:
    """Return the deadline as it was asked for, without the room for rounding, to the microsecond [s]."""
    return round(problem.deadline_s, 6)


def pinned(inventory: Inventory, evacuate: set[str]) -> Iterator[Reason]:
    """VMs that may not move stand on an evacuated host."""
    by_host: dict[str, list[str]] = {}
    for vm in inventory.vms:
        if vm.pinned and vm.host in evacuate:
            by_host.setdefault(vm.host, []).append(vm.name)
    for host, names in by_host.items():
        yield Reason(kind=ReasonKind.PINNED, vms=tuple(names), hosts=(host,))


def nowhere_to_go(inventory: Inventory, problem: Problem) -> Iterator[Reason]:
    """VMs that no single target may receive, with what shuts the last of them out."""
    if not problem.movers:
        return
    if not problem.targets:
        yield Reason(kind=ReasonKind.NO_TARGET, hosts=tuple(host.name for host in problem.sources))
        return
    together = {v: group for group in problem.together for v in group}
    for group in dict.fromkeys(together.get(v, (v,)) for v in np.flatnonzero(~problem.allowed.any(axis=1)).tolist()):
        alone = [reason for v in group if (reason := _why_not_alone(inventory, problem, v)) is not None]
        yield from alone or [_not_together(inventory, problem, group)]


def _why_not_alone(inventory: Inventory, problem: Problem, v: int) -> Reason | None:
    """Return why no target may take a VM, whatever becomes of the VMs that move with it; None if one may."""
    vm = problem.movers[v]
    labelled = np.array([set(vm.requires) <= set(host.labels) for host in problem.targets])
    if not labelled.any():
        return Reason(kind=ReasonKind.LABELS, vms=(vm.name,), labels=_missing_labels(vm, problem))
    memory, vcpus = problem.free_memory[labelled].max(), problem.free_vcpus[labelled].max()
    if problem.memory[v] > memory:
        return _short(ReasonKind.NO_HOST_FITS, vm, float(problem.memory[v]), float(memory), "bytes")
    if problem.vcpus[v] > vcpus:
        return _short(ReasonKind.NO_HOST_FITS, vm, float(problem.vcpus[v]), float(vcpus), "count")
    reached = np.array([problem.network.route(vm.host, host.name) is not None for host in problem.targets])
    if not (labelled & reached).any():
        return Reason(kind=ReasonKind.UNREACHABLE, vms=(vm.name,), hosts=(vm.host,))
    fits = labelled & reached & (problem.memory[v] <= problem.free_memory) & (problem.vcpus[v] <= problem.free_vcpus)
    if not fits.any():
        # Each target falls out for another of the reasons above: size here, labels there.
        return Reason(kind=ReasonKind.NO_HOST_FITS, vms=(vm.name,))
    return _separated(inventory, problem, vm, {problem.targets[h].name for h in np.flatnonzero(fits).tolist()})


def _separated(inventory: Inventory, problem: Problem, vm: VM, hosts: set[str]) -> Reason | None:
    """Return the reason if on each of some hosts a VM stays that a rule keeps apart from this one."""
    moving = {other.name for other in problem.movers}
    stays = {other.name: other.host for other in inventory.vms if other.name not in moving}
    shut: dict[str, set[str]] = {}
    for rule in inventory.rules:
        if isinstance(rule, Separate) and vm.name in rule.members:
            shut[rule_name(rule)] = hosts.intersection(stays[name] for name in rule.members if name in stays)
    if hosts - set().union(*shut.values()):
        return None
    rules = "; ".join(name for name, struck in shut.items() if struck)
    return Reason(kind=ReasonKind.SEPARATED, vms=(vm.name,), rule=rules)


def _not_together(inventory: Inventory, problem: Problem, group: tuple[int, ...]) -> Reason:
    """Name the rules that bind a group, and what it needs where that is more than any host has."""
    names = {problem.movers[v].name for v in group}
    rules = [
        rule_name(rule)
        for rule in inventory.rules
        if (isinstance(rule, Together) and names.intersection(rule.members))
        or (isinstance(rule, Separate) and len(names.intersection(rule.members)) >= 2)
    ]
    reason = Reason(kind=ReasonKind.TOGETHER, vms=tuple(sorted(names)), rule="; ".join(rules))
    sizes = ((problem.memory, problem.free_memory, "bytes"), (problem.vcpus, problem.free_vcpus, "count"))
    for size, free, unit in sizes:
        needed, available = float(size[list(group)].sum()), float(free.max())
        if needed > available:
            return reason.model_copy(update={"needed": needed, "available": available, "unit": unit})
    return reason


def _missing_labels(vm: VM, problem: Problem) -> tuple[str, ...]:
    """Return the required labels that no target has, or all of them where each is found somewhere."""
    everywhere = {label for host in problem.targets for label in host.labels}
    return tuple(label for label in vm.requires if label not in everywhere) or vm.requires


def _short(kind: ReasonKind, vm: VM, needed: float, available: float, unit: str) -> Reason:
    return Reason.model_validate(
        {"kind": kind, "vms": (vm.name,), "needed": needed, "available": available, "unit": unit}
    )


def too_slow(problem: Problem, tables: Tables) -> Iterator[Reason]:
    """VMs that no approach moves within the deadline, after a target is ready and before the source switches off."""
    tail_s = problem.tail_s
    for v, vm in enumerate(problem.movers):
        menus = np.unique(tables.menu_of[problem.source_of[v], problem.allowed[v]]).tolist()
        if not menus:
            continue  # it has no target at all, which another certificate says
        offered = tables.offered(v, menus)
        if not offered.any():
            yield Reason(kind=ReasonKind.NO_APPROACH, vms=(vm.name,))
            continue
        least = np.where(offered, tables.time_s[v], np.inf).min()
        fastest = float(least + tail_s[v])
        if problem.ready_s.any():
            fastest = min(_from_menu(problem, tables, v, menu) for menu in menus) + float(tail_s[v])
        if fastest > problem.deadline_s:
            yield _short(ReasonKind.TOO_SLOW, vm, fastest, deadline_of(problem), "s")


def _from_menu(problem: Problem, tables: Tables, v: int, menu: int) -> float:
    """Return when a VM may have ended at the earliest on the targets with a menu of bandwidths [s]."""
    here = problem.allowed[v] & (tables.menu_of[problem.source_of[v]] == menu)
    least = np.where(tables.offered(v, [menu]), tables.time_s[v], np.inf).min()
    return float(problem.ready_s[here].min() + least)


def too_late_off(inventory: Inventory, evacuate: set[str], deadline_s: float) -> Iterator[Reason]:
    """Hosts that take longer to switch off than there is time."""
    for host in inventory.hosts:
        if host.name in evacuate and host.shutdown_time > deadline_s:
            yield Reason(
                kind=ReasonKind.SHUTDOWN,
                vms=tuple(vm.name for vm in inventory.vms if vm.host == host.name),
                hosts=(host.name,),
                needed=host.shutdown_time,
                available=round(deadline_s, 6),
                unit="s",
            )


def short_of_room(problem: Problem) -> Iterator[Reason]:
    """All targets together lack memory or vCPUs for all movers."""
    if not problem.targets:
        return
    for kind, size, free, unit in (
        (ReasonKind.MEMORY, problem.memory, problem.free_memory, "bytes"),
        (ReasonKind.VCPUS, problem.vcpus, problem.free_vcpus, "count"),
    ):
        needed, available = float(size.sum()), float(np.maximum(free, 0).sum())
        if needed > available:
            hosts = tuple(host.name for host in problem.targets)
            yield Reason.model_validate(
                {"kind": kind, "hosts": hosts, "needed": needed, "available": available, "unit": unit}
            )


def groups_too_large(inventory: Inventory, problem: Problem) -> Iterator[Reason]:
    """Separate groups with more members than hosts that may take one (pigeonhole)."""
    for group in problem.separate:
        hosts = np.flatnonzero(problem.allowed[list(group)].any(axis=0))
        if 0 < len(hosts) < len(group):
            names = {problem.movers[v].name for v in group}
            rule = next(rule for rule in inventory.rules if isinstance(rule, Separate) and names <= set(rule.members))
            yield Reason(
                kind=ReasonKind.SEPARATE,
                vms=tuple(problem.movers[v].name for v in group),
                hosts=tuple(problem.targets[h].name for h in hosts.tolist()),
                rule=rule_name(rule),
                needed=float(len(group)),
                available=float(len(hosts)),
                unit="count",
            )


def volumes(problem: Problem, columns: Columns) -> Iterator[Reason]:
    """The links out of a source, or its migration slots, cannot carry its VMs within the deadline."""
    least_time, least_volume = least_of_each(problem, columns)
    for s, host in enumerate(problem.sources):
        mine = np.flatnonzero(problem.source_of == s)
        near = problem.network.attachment(host.name)
        links = [problem.network.link_index(host.name, neighbour) for neighbour in near]
        out = float(problem.network.capacity_bytes_per_s[[link for link in links if link is not None]].sum())
        names = tuple(problem.movers[v].name for v in mine.tolist())
        seconds = float(least_volume[mine].sum()) / out if len(mine) else 0.0
        if seconds > problem.deadline_s:
            single = len(near) == 1
            yield Reason(
                kind=ReasonKind.LINK if single else ReasonKind.CUT,
                vms=names,
                hosts=(host.name,),
                link=(host.name, near[0]) if single else None,
                links=() if single else tuple((host.name, neighbour) for neighbour in near),
                needed=seconds,
                available=deadline_of(problem),
                unit="s",
            )
        busy = float(least_time[mine].sum()) / float(problem.max_out[s]) if len(mine) else 0.0
        if busy > problem.deadline_s:
            yield Reason(
                kind=ReasonKind.OUTGOING,
                vms=names,
                hosts=(host.name,),
                needed=busy,
                available=deadline_of(problem),
                unit="s",
            )


def least_of_each(problem: Problem, columns: Columns) -> tuple[Floats, Floats]:
    """Return the least time [s] and the least volume [bytes] of each mover, infinite where it has no choice."""
    time, volume = np.full(len(problem.movers), np.inf), np.full(len(problem.movers), np.inf)
    np.minimum.at(time, columns.mover, columns.time_s)
    np.minimum.at(volume, columns.mover, columns.time_s * columns.rate)
    return time, volume


def sequences(inventory: Inventory, problem: Problem, columns: Columns) -> Iterator[Reason]:
    """Groups that must move one after the other and take longer than the deadline even so."""
    least, _ = least_of_each(problem, columns)
    index = {vm.name: v for v, vm in enumerate(problem.movers)}
    for rule in inventory.rules:
        kind = {"not_at_once": ReasonKind.NOT_AT_ONCE, "before": ReasonKind.BEFORE}.get(rule_name(rule).split(" ")[0])
        moving = [index[name] for name in rule.members if name in index]
        seconds = float(least[moving].sum())
        if kind is not None and len(moving) > 1 and seconds > problem.deadline_s:
            yield Reason(
                kind=kind,
                vms=tuple(problem.movers[v].name for v in moving),
                rule=rule_name(rule),
                needed=seconds,
                available=deadline_of(problem),
                unit="s",
            )
