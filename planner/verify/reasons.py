"""Holds the reasons of a no against the inventory, one small function for each kind.

A function returns what does not hold, or nothing. It knows the reason and the grounds, not how the reason was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

from planner.inventory.models import Before, Inventory, NotAtOnce, Rule, Separate, rule_name
from planner.plan.models import Infeasibility, Reason, ReasonKind, Request
from planner.verify.grounds import Grounds, without_others

CLOSE = 1e-6
"""Relative difference by which a figure may differ from what is found here [1]."""
WITHOUT_FIGURES = {
    ReasonKind.PINNED,
    ReasonKind.LABELS,
    ReasonKind.NO_HOST_FITS,
    ReasonKind.NO_TARGET,
    ReasonKind.SEPARATED,
    ReasonKind.UNREACHABLE,
    ReasonKind.NO_APPROACH,
    ReasonKind.TOGETHER,
    ReasonKind.RULE_CYCLE,
}
"""Kinds that show by themselves that there is no plan, without figures."""

Complaint = str | None


def check_reasons(inventory: Inventory, request: Request, infeasibility: Infeasibility) -> Iterator[tuple[Reason, str]]:
    """Yield the reasons that do not hold, with what is wrong.

    Where VMs of other hosts may move, a reason must hold even if all of those were gone; but room that is short on all
    targets together is short however VMs move among them. After the proof that no room can be made it must hold as
    the cluster stands.
    """
    stands = Grounds(inventory, request)
    roomy = request.make_room == "auto" and infeasibility.proof != "no-room"
    emptier = Grounds(without_others(inventory, request.evacuate), request) if roomy else stands
    for reason in infeasibility.reasons:
        if infeasibility.proof in ("relaxation", "exhausted") or _of_a_program(reason):
            continue
        in_all = reason.kind in (ReasonKind.MEMORY, ReasonKind.VCPUS) and not reason.vms
        wrong = complaint(reason, stands if in_all else emptier)
        if wrong is not None:
            yield reason, wrong


def _of_a_program(reason: Reason) -> bool:
    """Return whether a reason only names what a program without solution is about."""
    return reason.kind is ReasonKind.COMBINATION or (reason.needed is None and reason.kind not in WITHOUT_FIGURES)


def complaint(reason: Reason, grounds: Grounds) -> Complaint:
    """Return what is wrong with a reason, or None if it holds and forbids every plan."""
    unknown = [name for name in reason.vms if name not in grounds.movers]
    unknown += [name for name in reason.hosts if name not in grounds.hosts]
    if unknown:
        return f"{unknown[0]} is no VM that must leave and no host"
    if _of_a_program(reason):
        return "it has no figures, and only a solver could show it"
    return _CHECKS[reason.kind](reason, grounds)


def _figures(reason: Reason, needed: float, available: float) -> Complaint:
    """Return whether figures differ, or do not show that anything is short."""
    for said, found, what in ((reason.needed, needed, "needed"), (reason.available, available, "available")):
        if said is not None and not math.isclose(said, found, rel_tol=CLOSE, abs_tol=CLOSE):
            return f"{said:.12g} are said to be {what}, {found:.12g} are found"
    if not needed > available:
        return f"{needed:.12g} are needed and {available:.12g} are available, which is enough"
    return None


def _movers(reason: Reason, grounds: Grounds) -> tuple[str, ...]:
    return reason.vms or tuple(grounds.movers)


def _window(names: tuple[str, ...], targets: set[str], grounds: Grounds) -> float:
    """Return the time that some movers have between their first ready target and the end [s]."""
    head = min((grounds.hosts[host].ready_after for host in targets), default=0.0)
    tail = min((grounds.hosts[grounds.movers[name].host].shutdown_time for name in names), default=0.0)
    return grounds.request.deadline_s - head - tail


def _targets(names: tuple[str, ...], grounds: Grounds) -> set[str]:
    return set().union(*(grounds.open_to(name) for name in names)) if names else set()


def _time(name: str, grounds: Grounds) -> float:
    """Return the least time of a mover that ends by the deadline, over all targets that are open to it [s]."""
    return min((grounds.least(name, host).time_s for host in grounds.open_to(name)), default=math.inf)


def _volume(name: str, grounds: Grounds) -> float:
    """Return the least that a mover sends if it ends by the deadline [bytes]."""
    return min((grounds.least(name, host).volume_bytes for host in grounds.open_to(name)), default=math.inf)


def _pinned(reason: Reason, grounds: Grounds) -> Complaint:
    free = [name for name in reason.vms if not grounds.movers[name].pinned]
    return f"{free[0]} is not pinned" if free or not reason.vms else None


def _labels(reason: Reason, grounds: Grounds) -> Complaint:
    for name in reason.vms:
        wanted = set(grounds.movers[name].requires)
        having = [host for host in grounds.targets.values() if wanted <= set(host.labels)]
        if having:
            return f"{having[0].name} has all labels that {name} requires"
    return None if reason.vms else "no VM is named"


def _no_target(reason: Reason, grounds: Grounds) -> Complaint:
    return f"{next(iter(grounds.targets))} may receive VMs" if grounds.targets else None


def _nowhere(reason: Reason, grounds: Grounds) -> Complaint:
    for name in reason.vms:
        if not grounds.open_to(name):
            return _nowhere_figures(reason, grounds)
        return f"{min(grounds.open_to(name))} may receive {name}"
    return "no VM is named"


def _nowhere_figures(reason: Reason, grounds: Grounds) -> Complaint:
    """Hold the figures of VMs that go nowhere for their size against the roomiest host."""
    if reason.needed is None or reason.available is None:
        return None
    which = 0 if reason.unit == "bytes" else 1
    needed = sum((grounds.movers[name].memory, grounds.movers[name].vcpus)[which] for name in reason.vms)
    labelled = [
        host.name
        for host in grounds.targets.values()
        if reason.kind is ReasonKind.TOGETHER
        or all(set(grounds.movers[name].requires) <= set(host.labels) for name in reason.vms)
    ]
    return _figures(reason, float(needed), float(max((grounds.free[host][which] for host in labelled), default=0)))


def _no_approach(reason: Reason, grounds: Grounds) -> Complaint:
    for name in reason.vms:
        if any(math.isfinite(grounds.least(name, host).ever_s) for host in grounds.open_to(name)):
            return f"{name} has a way to move"
    return None if reason.vms else "no VM is named"


def _too_slow(reason: Reason, grounds: Grounds) -> Complaint:
    if len(reason.vms) != 1:
        return "one VM must be named"
    return _figures(reason, grounds.soonest(reason.vms[0]), grounds.request.deadline_s)


def _shutdown(reason: Reason, grounds: Grounds) -> Complaint:
    if len(reason.hosts) != 1 or reason.hosts[0] not in grounds.request.evacuate:
        return "one host that is evacuated must be named"
    return _figures(reason, grounds.hosts[reason.hosts[0]].shutdown_time, grounds.request.deadline_s)


def _room(reason: Reason, grounds: Grounds) -> Complaint:
    names = _movers(reason, grounds)
    which = 0 if reason.kind is ReasonKind.MEMORY else 1
    hosts = set(reason.hosts) & set(grounds.targets)
    elsewhere = (_targets(names, grounds) if reason.vms else set(grounds.targets)) - hosts
    if elsewhere:
        return f"{min(elsewhere)} may receive them, too"
    needed = sum((grounds.movers[name].memory, grounds.movers[name].vcpus)[which] for name in names)
    return _figures(reason, float(needed), float(sum(max(0, grounds.free[host][which]) for host in hosts)))


def _pieces(reason: Reason, grounds: Grounds) -> Complaint:
    which = 0 if reason.each_of == "memory" else 1
    hosts = set(reason.hosts) & set(grounds.targets)
    elsewhere = _targets(reason.vms, grounds) - hosts
    if elsewhere:
        return f"{min(elsewhere)} may receive them, too"
    sizes = [(grounds.movers[name].memory, grounds.movers[name].vcpus)[which] for name in reason.vms]
    if not reason.each or min(sizes, default=0) < reason.each:
        return "a VM needs less than each is said to need"
    places = sum(max(0, grounds.free[host][which]) // int(reason.each) for host in hosts)
    return _figures(reason, float(len(sizes)), float(places))


def _links(reason: Reason, grounds: Grounds) -> Complaint:
    """Check that every way of the VMs crosses one of the links, which together carry too little."""
    links = set(reason.links) | ({reason.link} if reason.link is not None else set())
    if not links or not reason.vms:
        return "links and VMs must be named"
    for name in reason.vms:
        for host in grounds.open_to(name):
            route = grounds.network.route(grounds.movers[name].host, host)
            if route is not None and not links.intersection(pairwise(route.path)):
                return f"{name} reaches {host} over none of the links"
    index = [grounds.network.link_index(a, b) for a, b in links]
    room = sum(float(grounds.network.capacity_bytes_per_s[link]) for link in index if link is not None)
    volume = sum(_volume(name, grounds) for name in reason.vms)
    window_s = _window(reason.vms, _targets(reason.vms, grounds), grounds)
    said = grounds.request.deadline_s if reason.available is None else reason.available
    # A reason may give more time than there is, never less.
    return _figures(reason, volume / room, max(window_s, min(said, grounds.request.deadline_s)))


def _outgoing(reason: Reason, grounds: Grounds) -> Complaint:
    if len(reason.hosts) != 1:
        return "one host must be named"
    host = grounds.hosts[reason.hosts[0]]
    astray = [name for name in reason.vms if grounds.movers[name].host != host.name]
    if astray:
        return f"{astray[0]} is not on {host.name}"
    slots = host.max_outgoing or grounds.inventory.settings.max_outgoing
    needed = sum(_time(name, grounds) for name in reason.vms) / slots
    return _figures(reason, needed, grounds.request.deadline_s)


def _incoming(reason: Reason, grounds: Grounds) -> Complaint:
    elsewhere = _targets(reason.vms, grounds) - set(reason.hosts)
    if elsewhere:
        return f"{min(elsewhere)} may receive them, too"
    default = grounds.inventory.settings.max_incoming
    slots = sum(grounds.hosts[host].max_incoming or default for host in reason.hosts)
    if not slots:
        return "no host is named"
    needed = sum(_time(name, grounds) for name in reason.vms) / slots
    return _figures(reason, needed, _window(reason.vms, set(reason.hosts), grounds))


def _rules_named(reason: Reason, grounds: Grounds, kind: type[Rule]) -> list[Rule]:
    named = set((reason.rule or "").split("; "))
    return [rule for rule in grounds.inventory.rules if isinstance(rule, kind) and rule_name(rule) in named]


def _separate(reason: Reason, grounds: Grounds) -> Complaint:
    rules = _rules_named(reason, grounds, Separate)
    if not any(set(reason.vms) <= set(rule.members) for rule in rules):
        return "no such rule keeps them apart"
    return _figures(reason, float(len(reason.vms)), float(len(_targets(reason.vms, grounds))))


def _one_by_one(reason: Reason, grounds: Grounds) -> Complaint:
    kind = Before if reason.kind is ReasonKind.BEFORE else NotAtOnce
    if not any(set(reason.vms) <= set(rule.members) for rule in _rules_named(reason, grounds, kind)):
        return "no such rule makes them move one after the other"
    needed = sum(_time(name, grounds) for name in reason.vms)
    return _figures(reason, needed, grounds.request.deadline_s)


def _cycle(reason: Reason, grounds: Grounds) -> Complaint:
    after = {pair for rule in grounds.inventory.rules if isinstance(rule, Before) for pair in pairwise(rule.members)}
    left = set(reason.vms)
    while left:
        first = {name for name in left if not any((other, name) in after for other in left)}
        if not first:
            return None
        left -= first
    return "the rules leave an order"


_CHECKS: dict[ReasonKind, Callable[[Reason, Grounds], Complaint]] = {
    ReasonKind.PINNED: _pinned,
    ReasonKind.LABELS: _labels,
    ReasonKind.NO_HOST_FITS: _nowhere,
    ReasonKind.NO_TARGET: _no_target,
    ReasonKind.SEPARATED: _nowhere,
    ReasonKind.UNREACHABLE: _nowhere,
    ReasonKind.NO_APPROACH: _no_approach,
    ReasonKind.TOO_SLOW: _too_slow,
    ReasonKind.SHUTDOWN: _shutdown,
    ReasonKind.MEMORY: _room,
    ReasonKind.VCPUS: _room,
    ReasonKind.PIECES: _pieces,
    ReasonKind.LINK: _links,
    ReasonKind.CUT: _links,
    ReasonKind.OUTGOING: _outgoing,
    ReasonKind.INCOMING: _incoming,
    ReasonKind.SEPARATE: _separate,
    ReasonKind.TOGETHER: _nowhere,
    ReasonKind.BEFORE: _one_by_one,
    ReasonKind.NOT_AT_ONCE: _one_by_one,
    ReasonKind.RULE_CYCLE: _cycle,
}
"""The check of each kind of reason that needs no solver."""
