"""What single changes are tried where there is no plan, those that ask for least first.

What is tried comes from the members of a conflict: a change that leaves all of them as they are cannot help. Where a
change has a size, there is a case for each size, in steps that people order and configure in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from planner.advice.changes import Ends, with_links
from planner.inventory.models import ALL_APPROACHES, Host, Inventory
from planner.inventory.without import without_vms
from planner.network import Network
from planner.plan.advice import ChoiceKind, Conflict, Member, MemberKind
from planner.plan.models import Request

GBIT = 1e9 / 8
SPEEDS = tuple(GBIT * speed for speed in (1, 2.5, 5, 10, 20, 25, 40, 50, 80, 100, 200, 400, 800))
"""Speeds of links that there are to buy [bytes/s]."""
GIB = 2**30
MOST_OF_A_KIND = 4
"""How many hosts, links, rules or VMs are tried for one kind of change [count]."""
SLOTS = (1, 2, 4, 8)
"""How many more migrations at once are tried [count]."""

Case = tuple[Inventory, Request]


@dataclass
class Trial:
    """A change to try.

    Parameters
    ----------
    kind
        What it changes.
    cases
        The changed inventory and request for each size, the smallest first, with what the choice then says.
    """

    kind: ChoiceKind
    cases: Sequence[tuple[Callable[[], Case], dict[str, Any]]] = field(default_factory=list)


def trials(inventory: Inventory, request: Request, conflict: Conflict | None) -> Iterator[Trial]:
    """Yield what to try, what asks for least first."""
    members = conflict.members if conflict is not None else ()
    of_kind: dict[MemberKind, list[Member]] = {}
    for member in members:
        of_kind.setdefault(member.kind, []).append(member)

    def some(kind: MemberKind) -> list[Member]:
        return of_kind.get(kind, [])[:MOST_OF_A_KIND]

    if request.make_room == "never":
        price_s = inventory.settings.extra_move_price
        roomy = request.model_copy(update={"make_room": "auto", "extra_move_price_s": price_s})
        yield Trial(ChoiceKind.MAKE_ROOM, [(lambda: (inventory, roomy), {})])
    leaving = [member.vm for member in of_kind.get(MemberKind.VM, []) if member.vm is not None]
    yield from _of_links(inventory, request, [member.link for member in some(MemberKind.LINK) if member.link])
    yield from _of_slots(inventory, request, some(MemberKind.OUTGOING) + some(MemberKind.INCOMING))
    yield from _of_approaches(inventory, request, leaving)
    yield from _of_vms(inventory, request, of_kind)
    for member in some(MemberKind.RULE):
        if member.rule_index is not None:
            yield _without_rule(inventory, request, member.rule_index, member.rule)
    yield from _of_times(inventory, request, some(MemberKind.READY) + some(MemberKind.SHUTDOWN))
    yield from _of_room(inventory, request, some(MemberKind.MEMORY), some(MemberKind.VCPUS), leaving)
    yield from _one_more_host(inventory, request)
    if len(request.evacuate) > 1:
        for name in request.evacuate[:MOST_OF_A_KIND]:
            rest = tuple(host for host in request.evacuate if host != name)
            if not any(vm.host in rest for vm in inventory.vms):
                continue
            yield Trial(
                ChoiceKind.KEEP_HOST,
                [(_later(inventory, request.model_copy(update={"evacuate": rest})), {"host": name})],
            )
    yield from _leave(inventory, request, leaving)


def _later(inventory: Inventory, request: Request) -> Callable[[], Case]:
    return lambda: (inventory, request)


def _of_links(inventory: Inventory, request: Request, links: Iterable[Ends]) -> Iterator[Trial]:
    """Yield more of single links: all of what there is, or faster ones."""
    network = Network(inventory)
    for ends in links:
        pairs = set(network.bundle(*ends))
        there = [link for link in inventory.links if pairs & {link.between, link.between[::-1]}]
        rate = max((max(link.bandwidths_bytes_per_s) for link in there), default=0.0)
        if any(_usable(link.usable) < 1 for link in there):
            yield Trial(
                ChoiceKind.USE_WHOLE_LINK,
                [
                    (
                        _with_link(inventory, request, ends, lambda r, share: (r, 1.0)),
                        {"link": ends, "amount": 1.0, "unit": "1"},
                    )
                ],
            )
        cases = [
            (
                _with_link(inventory, request, ends, lambda r, share, speed=speed: (max(r, speed), share)),
                {"link": ends, "amount": speed, "unit": "bytes/s"},
            )
            for speed in SPEEDS
            if speed > rate * (1 + 1e-9)
        ]
        yield Trial(ChoiceKind.WIDER_LINK, cases)


def _usable(usable: float | tuple[float, float]) -> float:
    return min(usable) if isinstance(usable, tuple) else usable


def _with_link(
    inventory: Inventory, request: Request, ends: Ends, change: Callable[..., tuple[float, float]]
) -> Callable[[], Case]:
    def case() -> Case:
        # A cable is faster in both directions.
        links = with_links(inventory, [ends, (ends[1], ends[0])], change)
        return inventory.model_copy(update={"links": links}), request

    return case


def _host_with(inventory: Inventory, request: Request, name: str, **fields: Any) -> Callable[[], Case]:
    def case() -> Case:
        hosts = tuple(host.model_copy(update=fields) if host.name == name else host for host in inventory.hosts)
        return inventory.model_copy(update={"hosts": hosts}), request

    return case


def _vms_with(inventory: Inventory, request: Request, names: Sequence[str], **fields: Any) -> Callable[[], Case]:
    def case() -> Case:
        vms = tuple(vm.model_copy(update=fields) if vm.name in names else vm for vm in inventory.vms)
        return inventory.model_copy(update={"vms": vms}), request

    return case


def _of_slots(inventory: Inventory, request: Request, members: Iterable[Member]) -> Iterator[Trial]:
    settings = inventory.settings
    hosts = {host.name: host for host in inventory.hosts}
    for member in members:
        if member.host is None:
            continue
        host, out = hosts[member.host], member.kind is MemberKind.OUTGOING
        now = (host.max_outgoing or settings.max_outgoing) if out else (host.max_incoming or settings.max_incoming)
        key = "max_outgoing" if out else "max_incoming"
        cases = [
            (
                _host_with(inventory, request, host.name, **{key: now + more}),
                {"host": host.name, "amount": float(now + more), "unit": "count"},
            )
            for more in SLOTS
        ]
        yield Trial(ChoiceKind.MORE_OUTGOING if out else ChoiceKind.MORE_INCOMING, cases)


def _of_approaches(inventory: Inventory, request: Request, leaving: Sequence[str]) -> Iterator[Trial]:
    """Yield all approaches for one VM, or for all of those that lack some."""
    narrow = [
        vm
        for vm in inventory.vms
        if vm.name in leaving and set(vm.approaches or inventory.settings.approaches) < set(ALL_APPROACHES)
    ]
    everything = inventory.model_copy(
        update={
            "settings": inventory.settings.model_copy(update={"approaches": ALL_APPROACHES}),
            "vms": tuple(
                vm if vm.approaches is not None else vm.model_copy(update={"approaches": inventory.settings.approaches})
                for vm in inventory.vms
            ),
        }
    )
    # The largest first: what takes longest is most likely what is in the way.
    narrow.sort(key=lambda vm: -vm.image_bytes)
    for vm in narrow[:MOST_OF_A_KIND]:
        yield Trial(
            ChoiceKind.ALLOW_APPROACHES,
            [(_vms_with(everything, request, (vm.name,), approaches=None), {"vms": (vm.name,)})],
        )
    if len(narrow) > 1:
        names = tuple(vm.name for vm in narrow)
        yield Trial(
            ChoiceKind.ALLOW_APPROACHES, [(_vms_with(everything, request, names, approaches=None), {"vms": names})]
        )


def _of_vms(inventory: Inventory, request: Request, of_kind: dict[MemberKind, list[Member]]) -> Iterator[Trial]:
    """Yield what single VMs are asked to keep to, left out."""
    for kind, choice, fields in (
        (MemberKind.MAX_DOWNTIME, ChoiceKind.BEAR_DOWNTIME, {"max_downtime": None}),
        (MemberKind.LABELS, ChoiceKind.DROP_LABELS, {"requires": ()}),
        (MemberKind.PIN, ChoiceKind.TAKE_PIN_OFF, {"pinned": False}),
    ):
        for member in of_kind.get(kind, [])[:MOST_OF_A_KIND]:
            if member.vm is not None:
                yield Trial(choice, [(_vms_with(inventory, request, (member.vm,), **fields), {"vms": (member.vm,)})])


def _without_rule(inventory: Inventory, request: Request, index: int, name: str | None) -> Trial:
    rules = tuple(rule for number, rule in enumerate(inventory.rules) if number != index)
    case = inventory.model_copy(update={"rules": rules})
    return Trial(ChoiceKind.DROP_RULE, [(_later(case, request), {"rule": name})])


def _of_times(inventory: Inventory, request: Request, members: Iterable[Member]) -> Iterator[Trial]:
    for member in members:
        if member.host is not None:
            ready = member.kind is MemberKind.READY
            fields = {"ready_after": 0.0} if ready else {"shutdown_time": 0.0}
            kind = ChoiceKind.READY_AT_ONCE if ready else ChoiceKind.STAY_ON
            yield Trial(kind, [(_host_with(inventory, request, member.host, **fields), {"host": member.host})])


def _of_room(
    inventory: Inventory, request: Request, memory: Sequence[Member], vcpus: Sequence[Member], leaving: Sequence[str]
) -> Iterator[Trial]:
    """Yield more memory or vCPUs on one host, as much as the largest, or some, or all of the VMs need."""
    vms = sorted((vm for vm in inventory.vms if vm.name in leaving), key=lambda vm: vm.memory)
    hosts = {host.name: host for host in inventory.hosts}
    for members, key, unit, kind in (
        (memory, "memory", "bytes", ChoiceKind.MORE_MEMORY),
        (vcpus, "cpus", "count", ChoiceKind.MORE_VCPUS),
    ):
        need = sum(vm.memory if key == "memory" else vm.vcpus for vm in vms)
        for member in members:
            if member.host is None:
                continue
            now: int = getattr(hosts[member.host], key)
            cases = [
                (
                    _host_with(inventory, request, member.host, **{key: size}),
                    {"host": member.host, "amount": float(size), "unit": unit},
                )
                for size in _sizes(now, need, GIB if key == "memory" else 1)
            ]
            yield Trial(kind, cases)


def _sizes(now: int, need: int, step: int) -> list[int]:
    """Return ever larger sizes up to what is needed more in all, each an eighth of it larger, in whole steps."""
    steps = math.ceil(need / step)
    return [now + step * math.ceil(steps * part / 8) for part in range(1, 9)] if steps else []


def _one_more_host(inventory: Inventory, request: Request) -> Iterator[Trial]:
    """Yield one more host like the largest that may receive, with the same links."""
    targets = [host for host in inventory.hosts if host.accepts and host.name not in request.evacuate]
    if targets:
        like = max(targets, key=lambda host: (len(host.labels), host.memory, host.cpus))
        yield Trial(
            ChoiceKind.ONE_MORE_HOST, [(lambda: (with_host_like(inventory, like), request), {"host": like.name})]
        )


def with_host_like(inventory: Inventory, like: Host) -> Inventory:
    """Return the inventory with one more host, empty and ready at once, that is attached as another is."""
    taken = {host.name for host in inventory.hosts} | set(inventory.switches)
    name = next(f"{like.name}-more{n}" for n in range(1, len(taken) + 2) if f"{like.name}-more{n}" not in taken)
    links = tuple(
        link.model_copy(update={"between": tuple(name if end == like.name else end for end in link.between)})
        for link in inventory.links
        if like.name in link.between
    )
    host = like.model_copy(update={"name": name, "ready_after": 0.0})
    return inventory.model_copy(update={"hosts": (*inventory.hosts, host), "links": (*inventory.links, *links)})


def _leave(inventory: Inventory, request: Request, leaving: Sequence[str]) -> Iterator[Trial]:
    """Yield single VMs that are left behind or shut down, those that weigh least first."""
    vms = sorted((vm for vm in inventory.vms if vm.name in leaving), key=lambda vm: (vm.weight, -vm.image_bytes))
    for vm in vms[:MOST_OF_A_KIND]:
        yield Trial(ChoiceKind.LEAVE_VMS, [(_later(without_vms(inventory, (vm.name,)), request), {"vms": (vm.name,)})])
