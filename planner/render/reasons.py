"""Words for the reasons of a no: what makes it impossible, with figures, and what could be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planner.plan.models import Reason, ReasonKind
from planner.render.words import listing, plain, plural
from planner.units import format_duration, format_size


@dataclass(frozen=True, slots=True)
class Prose:
    """A reason in words.

    Parameters
    ----------
    what
        What makes it impossible, with figures, as a sentence.
    mend
        What could be done, as a sentence.
    """

    what: str
    mend: str


def describe(reason: Reason) -> Prose:
    """Return a reason in words."""
    prose = _WRITERS[reason.kind](reason)
    return Prose(plain(prose.what), plain(prose.mend))


def amount(value: float | None, unit: str) -> str:
    """Return a figure of a reason with its unit, ``some`` where it is not known."""
    if value is None:
        return "some"
    match unit:
        case "bytes":
            return format_size(value)
        case "s":
            return format_duration(value)
        case _:
            return f"{value:g}"


def _needed(reason: Reason) -> str:
    return amount(reason.needed, reason.unit)


def _available(reason: Reason) -> str:
    return amount(reason.available, reason.unit)


def _figures(reason: Reason, text: str) -> str:
    """Return a clause with both figures, or nothing where one is not known; exact where rounded they read the same."""
    if reason.needed is None or reason.available is None:
        return ""
    needed, available = _needed(reason), _available(reason)
    if needed == available and reason.unit in ("bytes", "s"):
        needed, available = (f"{_exact(value)} {reason.unit}" for value in (reason.needed, reason.available))
    return text.format(needed=needed, available=available)


def _exact(value: float) -> str:
    return f"{value:,.9f}".rstrip("0").rstrip(".")


def _vms(reason: Reason) -> str:
    if not reason.vms:
        return "the VMs that must move"
    return f"{'VM' if len(reason.vms) == 1 else 'VMs'} {listing(reason.vms)}"


def _hosts(reason: Reason) -> str:
    return f"{'host' if len(reason.hosts) == 1 else 'hosts'} {listing(reason.hosts)}" if reason.hosts else ""


def _begin(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rule(reason: Reason) -> str:
    return f"the rule {reason.rule}" if reason.rule else "a rule"


def _pinned(reason: Reason) -> Prose:
    one = len(reason.vms) == 1
    return Prose(
        f"{_begin(_vms(reason))} {'is' if one else 'are'} pinned to"
        f" {_hosts(reason) or 'a host that is to be emptied'} and may not move.",
        f"Take the pin off, shut {'it' if one else 'them'} down and leave {'it' if one else 'them'} out of the"
        " inventory, or do not evacuate that host.",
    )


def _labels(reason: Reason) -> Prose:
    return Prose(
        f"No host that may take {_vms(reason)} has what it requires: {listing(reason.labels) or 'its labels'}.",
        "Give a host that really has it the label, free a host that has it, or drop the requirement.",
    )


def _no_host_fits(reason: Reason) -> Prose:
    kind = "vCPUs" if reason.unit == "count" else "memory"
    clause = _figures(reason, f": it needs {{needed}}{_of(kind)}, the roomiest one that may take it has {{available}}")
    return Prose(
        f"{_begin(_vms(reason))} fits on no host{clause}.",
        f"Free {kind} on a target, let a larger host accept VMs, or shrink the VM.",
    )


def _of(kind: str) -> str:
    return f" {kind}" if kind == "vCPUs" else f" of {kind}"


def _no_target(reason: Reason) -> Prose:
    return Prose(
        f"No host is left to take {_vms(reason)}: every host is to be emptied or accepts none.",
        "Evacuate fewer hosts at once, or let a host accept VMs.",
    )


def _separated(reason: Reason) -> Prose:
    return Prose(
        f"{_begin(_rule(reason))} keeps {_vms(reason)} from every host that could take it.",
        "Free a host of the group's other VMs, or loosen the rule.",
    )


def _unreachable(reason: Reason) -> Prose:
    where = f" from {_hosts(reason)}" if reason.hosts else ""
    return Prose(
        f"There is no route{where} to any host that could take {_vms(reason)}.",
        "Add the missing links or switches to the inventory, or repair the network.",
    )


def _no_approach(reason: Reason) -> Prose:
    clause = _figures(reason, ": at best {needed} of downtime, and it bears {available}")
    return Prose(
        f"No approach that {_vms(reason)} may use converges on any path within its longest downtime{clause}.",
        "Allow it more approaches or a longer max_downtime, lower its load, or give it a faster link;"
        " `evac predict` shows what each approach would cost.",
    )


def _too_slow(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed}, and the deadline is {available}")
    return Prose(
        f"Even the fastest move that {_vms(reason)} may make outlasts the deadline{clause}.",
        "Give more time, a faster link, or allow it a faster approach such as cold or post-copy.",
    )


def _shutdown(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed}, and the deadline is {available}")
    return Prose(
        f"Once {_vms(reason)} would have left, switching off {_hosts(reason) or 'the host'} alone outlasts the"
        f" deadline{clause}.",
        "Give more time, or set the host's shutdown_time to 0 if it may stay on.",
    )


def _memory(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed} are needed, {available} are free")
    return Prose(
        f"{_targets(reason)} too little free memory for {_vms(reason)}{clause}.",
        "Free memory on the targets, add a target, or evacuate fewer hosts at once.",
    )


def _vcpus(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed} are needed, {available} are free")
    return Prose(
        f"{_targets(reason)} too few free vCPUs for {_vms(reason)}{clause}.",
        "Raise the hosts' cpus if they may be overcommitted further, add a target, or evacuate fewer hosts at once.",
    )


def _targets(reason: Reason) -> str:
    if not reason.hosts:
        return "The hosts that may take VMs have"
    return f"{_begin(_hosts(reason))} {'has' if len(reason.hosts) == 1 else 'have'}"


def _link(reason: Reason) -> Prose:
    if reason.link:
        name = f"The link {reason.link[0]} -> {reason.link[1]} is"
    else:
        name = f"The links of {_hosts(reason)} are" if reason.hosts else "A link is"
    if reason.unit == "s":
        clause = _figures(
            reason, ": however they move, they keep it busy for at least {needed}, and the deadline is {available}"
        )
    else:
        clause = _figures(reason, ": at least {needed} must cross it, and it carries {available} by the deadline")
    return Prose(
        f"{name} too slow for {_vms(reason)}{clause}.",
        "Give more time, a faster link or a larger usable share of it, or evacuate fewer hosts at once.",
    )


def _cut(reason: Reason) -> Prose:
    clause = _figures(
        reason, ": however they move, they keep all of them busy for at least {needed}, and there is {available}"
    )
    names = f" {listing([f'{a} -> {b}' for a, b in reason.links])}" if reason.links else ""
    return Prose(
        f"The links{names} together are too narrow for {_vms(reason)}{clause}.",
        "Give more time, faster links or a larger usable share of them, or evacuate fewer hosts at once.",
    )


def _pieces(reason: Reason) -> Prose:
    kind, unit = ("vCPUs", "count") if reason.each_of == "vcpus" else ("memory", "bytes")
    clause = _figures(reason, ": {needed} such VMs, {available} fit")
    each = f"{amount(reason.each, unit)}{_of(kind)}"
    free = "free vCPUs" if kind == "vCPUs" else "free memory"
    return Prose(
        f"{_begin(_hosts(reason)) or 'The hosts that may take VMs'} have their {free} in pieces too small for"
        f" {_vms(reason)}, which need at least {each} each{clause}.",
        f"Free more {kind} on one of the targets, or add a target.",
    )


def _slots(reason: Reason, direction: str, setting: str) -> Prose:
    clause = _figures(
        reason, ": with as many at once as it allows they take at least {needed}, and the deadline is {available}"
    )
    where = _begin(_hosts(reason)) if reason.hosts else "A host"
    lets = "let" if len(reason.hosts) > 1 else "lets"
    return Prose(
        f"{where} {lets} too few migrations {direction} at once for {_vms(reason)}{clause}.",
        f"Raise {setting}, or give more time.",
    )


def _outgoing(reason: Reason) -> Prose:
    return _slots(reason, "out", "max_outgoing")


def _incoming(reason: Reason) -> Prose:
    return _slots(reason, "in", "max_incoming")


def _separate(reason: Reason) -> Prose:
    if reason.needed is not None and reason.available is not None:
        hosts = plural(round(reason.available), "host")
        clause = f": {_needed(reason)} hosts are needed, {hosts} could take them"
    else:
        clause = ""
    return Prose(
        f"{_begin(_rule(reason))} cannot be kept for {_vms(reason)}{clause}.",
        "Let more hosts accept VMs, or make the group smaller.",
    )


def _together(reason: Reason) -> Prose:
    kind = "vCPUs" if reason.unit == "count" else "memory"
    clause = _figures(reason, f": they need {{needed}}{_of(kind)}, the roomiest host has {{available}}")
    return Prose(
        f"{_begin(_rule(reason))} cannot be kept: no one host can take {_vms(reason)}{clause}.",
        f"Free {kind} on one target, or split the group.",
    )


def _before(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed} at least, and the deadline is {available}")
    return Prose(
        f"{_begin(_rule(reason))} makes {_vms(reason)} move one after another, which outlasts the deadline{clause}.",
        "Give more time, or shorten the chain.",
    )


def _not_at_once(reason: Reason) -> Prose:
    clause = _figures(reason, ": {needed} at least, and the deadline is {available}")
    return Prose(
        f"{_begin(_rule(reason))} lets {_vms(reason)} move only one at a time, which outlasts the deadline{clause}.",
        "Give more time, or make the group smaller.",
    )


def _cycle(reason: Reason) -> Prose:
    rules = f" ({reason.rule})" if reason.rule else ""
    return Prose(
        f"The before rules form a cycle{rules}: each of {_vms(reason)} waits for another of them.",
        "Take one VM out of one of these rules.",
    )


def _combination(reason: Reason) -> Prose:
    parts = [_vms(reason)]
    parts += [_hosts(reason)] if reason.hosts else []
    parts += [f"link {reason.link[0]} -> {reason.link[1]}"] if reason.link else []
    parts += [_rule(reason)] if reason.rule else []
    clause = _figures(reason, ": {needed} are needed, {available} are available")
    return Prose(
        f"No one limit alone forbids it, but all limits together do; they concern {'; '.join(parts)}{clause}.",
        "Give more time, free memory on the targets, or loosen a rule, and check again.",
    )


_WRITERS: dict[ReasonKind, Callable[[Reason], Prose]] = {
    ReasonKind.PINNED: _pinned,
    ReasonKind.LABELS: _labels,
    ReasonKind.NO_HOST_FITS: _no_host_fits,
    ReasonKind.NO_TARGET: _no_target,
    ReasonKind.SEPARATED: _separated,
    ReasonKind.UNREACHABLE: _unreachable,
    ReasonKind.NO_APPROACH: _no_approach,
    ReasonKind.TOO_SLOW: _too_slow,
    ReasonKind.SHUTDOWN: _shutdown,
    ReasonKind.MEMORY: _memory,
    ReasonKind.VCPUS: _vcpus,
    ReasonKind.PIECES: _pieces,
    ReasonKind.LINK: _link,
    ReasonKind.CUT: _cut,
    ReasonKind.OUTGOING: _outgoing,
    ReasonKind.INCOMING: _incoming,
    ReasonKind.SEPARATE: _separate,
    ReasonKind.TOGETHER: _together,
    ReasonKind.BEFORE: _before,
    ReasonKind.NOT_AT_ONCE: _not_at_once,
    ReasonKind.RULE_CYCLE: _cycle,
    ReasonKind.COMBINATION: _combination,
}
