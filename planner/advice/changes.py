"""An inventory and a request without some of what they ask for.

A change is an inventory: so the planner, the verifier and a brute force need not know that anything was changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from planner.inventory.models import VM, Host, Inventory, Link, rule_name
from planner.inventory.without import without_vms
from planner.network import Network
from planner.plan.advice import Member, MemberKind
from planner.plan.models import Request

LONG_S = 30 * 86400.0
"""A deadline that is none [s]."""
WIDE = 1000.0
"""How many times as wide as the widest a link is whose bandwidth is not asked about [1]."""
BOUNDLESS_MEMORY_BYTES = 2**50
BOUNDLESS_VCPUS = 1_000_000
BOUNDLESS_SLOTS = 10_000
"""Nothing is short with that; the sums over all hosts can still be counted."""

Ends = tuple[str, str]
LinkChange = Callable[[float, float], tuple[float, float]]
"""From bandwidth and usable share to others [bytes/s, 1]."""


def members_of(inventory: Inventory, request: Request) -> tuple[Member, ...]:
    """Return all that could be left out of what is asked for, but for what concerns no VM that must leave."""
    return (*(_of_vms(inventory, request)), *_of_hosts(inventory, request), *_of_links(inventory, request))


def _of_vms(inventory: Inventory, request: Request) -> Iterator[Member]:
    moving = {vm.name for vm in inventory.vms if vm.host in request.evacuate}
    yield Member(kind=MemberKind.DEADLINE)
    for vm in inventory.vms:
        if vm.name in moving:
            yield Member(kind=MemberKind.VM, vm=vm.name)
            for kind, asked in (
                (MemberKind.LABELS, bool(vm.requires)),
                (MemberKind.APPROACHES, vm.approaches is not None),
                (MemberKind.MAX_DOWNTIME, vm.max_downtime is not None),
                (MemberKind.PIN, vm.pinned),
            ):
                if asked:
                    yield Member(kind=kind, vm=vm.name)
    for number, rule in enumerate(inventory.rules):
        if moving.intersection(rule.members):
            yield Member(kind=MemberKind.RULE, rule=rule_name(rule), rule_index=number)


def _of_hosts(inventory: Inventory, request: Request) -> Iterator[Member]:
    for host in inventory.hosts:
        if host.name in request.evacuate:
            yield Member(kind=MemberKind.OUTGOING, host=host.name)
            if host.shutdown_time > 0:
                yield Member(kind=MemberKind.SHUTDOWN, host=host.name)
        elif host.accepts:
            for kind in (MemberKind.INCOMING, MemberKind.MEMORY, MemberKind.VCPUS):
                yield Member(kind=kind, host=host.name)
            if host.ready_after > 0:
                yield Member(kind=MemberKind.READY, host=host.name)


def _of_links(inventory: Inventory, request: Request) -> Iterator[Member]:
    network = Network(inventory)
    targets = [host.name for host in inventory.hosts if host.accepts and host.name not in request.evacuate]
    used: Counter[int] = Counter()
    for source, vms in Counter(vm.host for vm in inventory.vms if vm.host in request.evacuate).items():
        for target in targets:
            route = network.route(source, target)
            used.update(dict.fromkeys(route.links if route is not None else (), vms))
    # The most used first: a short answer rather names the link that all take than all links that one of them ends in.
    for link, _ in used.most_common():
        yield Member(kind=MemberKind.LINK, link=network.directed[link])


def without(inventory: Inventory, request: Request, left_out: Collection[Member]) -> tuple[Inventory, Request]:
    """Return what is asked for without some members.

    Parameters
    ----------
    left_out
        Members of this inventory and request.

    Notes
    -----
    A VM that need not leave is taken out, as if it were shut down. A link whose bandwidth is not asked about is so
    wide that only the rest of each path limits a move.
    """
    by_kind: dict[MemberKind, list[Member]] = {}
    for member in left_out:
        by_kind.setdefault(member.kind, []).append(member)

    def names(kind: MemberKind) -> set[str | None]:
        return {member.vm or member.host for member in by_kind.get(kind, ())}

    gone = {name for name in names(MemberKind.VM) if name is not None}
    fields: dict[str, Mapping[MemberKind, Mapping[str, Any]]] = {
        "vms": {
            MemberKind.LABELS: {"requires": ()},
            MemberKind.APPROACHES: {"approaches": None},
            MemberKind.MAX_DOWNTIME: {"max_downtime": None},
            MemberKind.PIN: {"pinned": False},
        },
        "hosts": {
            MemberKind.OUTGOING: {"max_outgoing": BOUNDLESS_SLOTS},
            MemberKind.INCOMING: {"max_incoming": BOUNDLESS_SLOTS},
            MemberKind.MEMORY: {"memory": BOUNDLESS_MEMORY_BYTES},
            MemberKind.VCPUS: {"cpus": BOUNDLESS_VCPUS},
            MemberKind.READY: {"ready_after": 0.0},
            MemberKind.SHUTDOWN: {"shutdown_time": 0.0},
        },
    }

    def changed[T: (VM, Host)](entry: T, changes: Mapping[MemberKind, Mapping[str, Any]]) -> T:
        update: dict[str, Any] = {}
        for kind, values in changes.items():
            if kind in by_kind and entry.name in names(kind):
                update |= values
        return entry.model_copy(update=update) if update else entry

    loose = {member.rule_index for member in by_kind.get(MemberKind.RULE, ())}
    rules = [rule for number, rule in enumerate(inventory.rules) if number not in loose]
    wide = [member.link for member in by_kind.get(MemberKind.LINK, ()) if member.link is not None]
    boundless = WIDE * widest(inventory)
    relaxed = inventory.model_copy(
        update={
            "vms": tuple(changed(vm, fields["vms"]) for vm in inventory.vms),
            "hosts": tuple(changed(host, fields["hosts"]) for host in inventory.hosts),
            "rules": tuple(rules),
            "links": with_links(inventory, wide, lambda rate, share: (boundless, 1.0)) if wide else inventory.links,
        }
    )
    if MemberKind.DEADLINE in by_kind:
        request = request.model_copy(update={"deadline_s": max(request.deadline_s, LONG_S)})
    return without_vms(relaxed, gone), request


def staying(request: Request) -> Request:
    """Return the request with VMs of other hosts where they are."""
    return request.model_copy(update={"make_room": "never", "extra_move_price_s": 0.0})


def widest(inventory: Inventory) -> float:
    """Return the bandwidth of the widest link [bytes/s]."""
    return max((max(link.bandwidths_bytes_per_s) for link in inventory.links), default=1.0)


def with_links(inventory: Inventory, directed: Sequence[Ends], change: LinkChange) -> tuple[Link, ...]:
    """Return the links, with another bandwidth and usable share for some directed ones.

    Parameters
    ----------
    directed
        Directed links as the network names them; equal ones side by side are all changed.
    change
        From bandwidth and share to bandwidth and share [bytes/s, 1].
    """
    network = Network(inventory)
    ends = {pair for link in directed for pair in network.bundle(*link)}
    return tuple(_with(link, ends, change) for link in inventory.links)


def _with(link: Link, ends: set[Ends], change: LinkChange) -> Link:
    a, b = link.between
    if (a, b) not in ends and (b, a) not in ends:
        return link
    shares = link.usable if isinstance(link.usable, tuple) else (link.usable, link.usable)
    both = zip(((a, b), (b, a)), link.bandwidths_bytes_per_s, shares, strict=True)
    (there, share), (back, share_back) = (
        change(rate, use) if pair in ends else (rate, use) for pair, rate, use in both
    )
    return link.model_copy(update={"bandwidth": (there, back), "usable": (share, share_back)})
