"""Words for what moves share and for what stands in the way of one."""

from __future__ import annotations

from planner.plan.why import Alternative, Blocked, Kind, Refusal, Resource
from planner.render.clock import Clock
from planner.render.words import how_words, listing, plural
from planner.units import format_duration, format_rate, format_size

REFUSALS = {
    Refusal.WRITES: "does not converge: the VM dirties memory at least as fast as the link sends",
    Refusal.READS: "does not converge: the VM reads memory faster than the link sends",
    Refusal.NO_MODEL: "not predicted by the model of the settings",
    Refusal.TUNNELLED: "not possible through libvirt's tunnel",
    Refusal.DISK_WRITES: "does not converge: the VM writes to its disk at least as fast as the link sends",
    Refusal.SETTINGS: "not among the approaches of the settings",
    Refusal.VM: "not among the approaches of the VM",
    Refusal.MAX_DOWNTIME: "longer down than the VM bears",
    Refusal.FLOWS: "faster than its TCP flows may be",
    Refusal.TOO_LONG: "takes longer than there is until the deadline",
}
"""Why a way is not to be had at all."""

NAMED = 4
"""How many VMs or hosts are named in a sentence [count]."""


def when(clock: Clock, seconds: float) -> str:
    """Return a moment: the time of day where the start is known, else the time since the start."""
    return clock.time_of_day(seconds) or clock.offset(seconds)


def way_words(one: Alternative) -> str:
    """Return a way in words: ``pre-copy at 10 Gbit/s``."""
    return f"{how_words(one.approach, one.switch_point)} at {format_rate(one.bandwidth_bytes_per_s)}"


def resource_words(resource: Resource) -> str:
    """Return what a resource is: ``link hv01 -> sw1``, ``outgoing slots of hv01``."""
    name = resource.names[0] if resource.names else ""
    match resource.kind:
        case Kind.LINK:
            return f"link {' -> '.join(resource.names)}"
        case Kind.OUTGOING | Kind.INCOMING:
            return f"{resource.kind} slots of {name}"
        case Kind.MEMORY:
            return f"memory of {name}"
        case Kind.VCPUS:
            return f"vCPUs of {name}"
        case Kind.CHAIN:
            return f"other move of {name}"
        case Kind.READY:
            return f"{name} being ready"
        case Kind.DEADLINE:
            return "deadline"
        case Kind.SHUTDOWN:
            return f"time to switch off {name}"
        case _:
            return resource.rule


def blocked_words(blocked: Blocked, clock: Clock) -> str:
    """Return what stands in the way, as a clause: ``link hv01 -> sw1 has 0 B/s free, 800 Mbit/s are needed``."""
    resource, until = blocked.resource, _until(blocked, clock)
    name = resource.names[0] if resource.names else ""
    who = listing(blocked.holders, NAMED)
    match resource.kind:
        case Kind.LINK:
            free, needed = format_rate(blocked.available or 0.0), format_rate(blocked.needed or 0.0)
            by = f"; {who} {_hold(blocked)} the rest{until}" if who else ""
            return f"link {' -> '.join(resource.names)} has {free} free, {needed} are needed{by}"
        case Kind.OUTGOING | Kind.INCOMING:
            return f"no {resource.kind} slot of {name} is free; {who} {_hold(blocked)} them{until}"
        case Kind.MEMORY:
            return _room(blocked, f"{name} has {format_size(int(blocked.available or 0))} of memory free", until)
        case Kind.VCPUS:
            return _room(blocked, f"{name} has {plural(int(blocked.available or 0), 'vCPU')} free", until)
        case Kind.SEPARATE:
            there = who or "one that stays"
            return f"{there} {'is' if len(blocked.holders) < 2 else 'are'} on {name}{until}, against {resource.rule}"
        case Kind.TOGETHER:
            return f"{who} {'ends' if len(blocked.holders) < 2 else 'end'} elsewhere, against {resource.rule}"
        case Kind.NOT_AT_ONCE:
            return f"{who} {'is' if len(blocked.holders) < 2 else 'are'} in migration{until}, against {resource.rule}"
        case Kind.BEFORE if blocked.until_s is not None:
            return f"{who} has to land first, which it does at {when(clock, blocked.until_s)} ({resource.rule})"
        case Kind.BEFORE:
            at = when(clock, blocked.since_s or 0.0)
            return f"it has to land before {who} starts at {at} ({resource.rule})"
        case Kind.CHAIN if blocked.until_s is not None:
            return f"its move before ends at {when(clock, blocked.until_s)}"
        case Kind.CHAIN:
            return f"it has to land before it moves on at {when(clock, blocked.since_s or 0.0)}"
        case Kind.READY:
            return f"{name} is ready at {when(clock, blocked.available or 0.0)}"
        case Kind.SHUTDOWN:
            return f"{name} would not be off by the deadline"
        case Kind.DEADLINE:
            late_s = (blocked.needed or 0.0) - (blocked.available or 0.0)
            return f"it would end {format_duration(late_s)} after the deadline"


def waited_words(blocked: Blocked) -> str:
    """Return what a start waited for, in a table: ``link hv01 -> sw1, held by db-1``."""
    words = resource_words(blocked.resource)
    if not blocked.holders:
        return words
    return f"{words}{': ' if blocked.resource.rule else ', held by '}{listing(blocked.holders, NAMED)}"


def longer_words(longer_s: float) -> str:
    """Return how much longer another way takes: ``but takes 12 min 00 s longer``."""
    if longer_s >= 0:
        return f"but takes {format_duration(longer_s)} longer"
    return f"and takes {format_duration(-longer_s)} less time"


def _until(blocked: Blocked, clock: Clock) -> str:
    return "" if blocked.until_s is None else f" until {when(clock, blocked.until_s)}"


def _hold(blocked: Blocked) -> str:
    return "holds" if len(blocked.holders) == 1 else "hold"


def _room(blocked: Blocked, free: str, until: str) -> str:
    needed = format_size(int(blocked.needed or 0)) if blocked.unit == "bytes" else str(int(blocked.needed or 0))
    text = f"{free}{until}, {needed} are needed"
    if blocked.holders:
        text += f"; {listing(blocked.holders, NAMED)} {'is' if len(blocked.holders) == 1 else 'are'} there then"
    return text
