"""VMs for tests of the model saturating, and its rule told once more, one pass after another, in plain Python."""

from __future__ import annotations

import math
from typing import NamedTuple

from planner.inventory.models import VM, Approach, Settings
from planner.predict import Outside, Prediction, predict_vm

MB = 10**6
GIB = 2**30
PAGE = 4096
HEADER = 8
NO_TERMS = {"link_efficiency": 1.0, "fixed_time": 0.0, "switch_time": 0.0, "fault_latency": 0.0}
"""Settings with which nothing but the copying takes time."""


def saturating(**values: object) -> Settings:
    return Settings.model_validate({"model": "saturating", **values})


def vm(**values: object) -> VM:
    facts = {"name": "vm", "host": "hv", "vcpus": 1, "memory": 8 * GIB, "read_rate": 2e7, "write_rate": 3e7}
    return VM.model_validate(facts | values)


class Figures(NamedTuple):
    """One prediction as plain numbers."""

    time_s: float
    blackout_s: float
    stall_s: float
    slowed_s: float
    transferred_bytes: float


def figures(found: Prediction) -> Figures | None:
    """Return the numbers of one prediction; None where it has none."""
    if found.outside.item() != Outside.INSIDE:
        assert math.isnan(found.time_s.item())
        return None
    parts = (found.time_s, found.blackout_s, found.stall_s, found.slowed_s, found.transferred_bytes)
    return Figures(*(part.item() for part in parts))


def predicted(
    machine: VM, approach: Approach, rate: float, settings: Settings, switch_point: float | None = None
) -> Figures | None:
    return figures(predict_vm(settings, machine, approach, rate, switch_point))


def dirtied_bytes(machine: VM, time_s: float) -> float:
    """D(t): from the most that is known of the VM [bytes]."""
    if machine.dirty_vector is not None:
        points = [(0.0, 0.0), *((point.after, float(point.dirtied)) for point in machine.dirty_vector)]
        after = next((i for i in range(1, len(points)) if points[i][0] >= time_s), len(points) - 1)
        (start_s, start), (end_s, end) = points[after - 1], points[after]
        found = start + (end - start) / (end_s - start_s) * (time_s - start_s)
    else:
        if machine.dirty_sets is not None:
            sets = [(float(own.size), own.rate) for own in machine.dirty_sets]
        else:
            sets = [(float(machine.working_set or machine.memory), machine.write_rate)]
        found = sum(-size * math.expm1(-rate * time_s / size) for size, rate in sets)
        found += (machine.cold_write_rate or 0.0) * time_s
    return min(found, float(machine.memory))


def reached_bytes(machine: VM) -> float:
    """What the writes ever reach [bytes]."""
    if machine.dirty_vector is not None or machine.cold_write_rate:
        return float(machine.memory)
    sets = machine.dirty_sets or ()
    sizes = sum(own.size for own in sets if own.rate > 0) if sets else (machine.working_set or machine.memory)
    return float(min(sizes, machine.memory))


def step_by_step(machine: VM, rate: float, settings: Settings, switch_point: float = math.inf) -> Figures | None:
    """Pre-copy until a switch point or the threshold, then post-copy; None where 2,000 passes are not enough."""
    weight = 1 + HEADER / PAGE
    wire = rate * settings.link_efficiency
    if settings.tunnelled:
        wire = min(wire, settings.tunnel_bandwidth)
    disk_writes = machine.disk_write_rate if machine.disk else 0.0
    mu = (wire - disk_writes) * settings.compression_ratio
    limit_s = 0.3 if settings.downtime_limit is None else settings.downtime_limit
    threshold = settings.stop_threshold or limit_s * (wire - disk_writes)
    nonzero = machine.memory if machine.nonzero_memory is None else machine.nonzero_memory
    first = nonzero * weight + (machine.memory - nonzero) / PAGE * HEADER
    reached = reached_bytes(machine) * weight

    left, clock, sent, slowed, passes = first, 0.0, 0.0, 0.0, 0
    taken, looks, seen_s, seen_dirty, seen_sent = 0.0, 0, 0.0, 0.0, 0.0
    while left > threshold + PAGE and passes < 2000 and passes + 1 <= switch_point:
        bytes_ = left - threshold
        took = bytes_ / mu
        among = first if passes == 0 else reached
        fresh = weight * dirtied_bytes(machine, took * (1 - taken)) * max(0.0, 1 - threshold / among)
        left, clock, sent, slowed, passes = (
            threshold + fresh,
            clock + took,
            sent + bytes_,
            slowed + took * taken,
            passes + 1,
        )
        seen_s, seen_dirty, seen_sent = seen_s + took, seen_dirty + fresh, seen_sent + bytes_
        if settings.auto_converge and seen_s >= 1.0:
            looks += seen_dirty > seen_sent / 2
            seen_s = seen_dirty = seen_sent = 0.0
            if looks == 2:
                looks = 0
                more = taken + settings.cpu_throttle_increment / 100 if taken else settings.cpu_throttle_initial / 100
                taken = min(more, settings.max_cpu_throttle / 100)
    fixed = max(settings.fixed_time, settings.switch_time)
    disk_s = machine.disk / (wire - disk_writes)
    if left <= threshold + PAGE and switch_point > 0:
        last = left / wire / settings.compression_ratio
        traffic = machine.disk + disk_writes * (disk_s + clock) + (sent + left) / settings.compression_ratio
        return Figures(fixed + disk_s + clock + last, settings.switch_time + last, 0.0, slowed, traffic)
    if switch_point == math.inf:
        return None
    unsent = 0.0
    if share := switch_point - passes:
        unsent = left - share * (left - threshold)
        took = share * (left - threshold) / mu
        among = first if passes == 0 else reached
        fresh = weight * dirtied_bytes(machine, took * (1 - taken)) * max(0.0, 1 - unsent / among)
        clock, sent, slowed, left = clock + took, sent + left - unsent, slowed + took * taken, unsent + fresh
    elif passes < 2:
        unsent = threshold if passes else left
    dirty, not_sent = (left - unsent, unsent / first) if switch_point <= 1 else (left, 0.0)
    touched = machine.read_rate * min(1.0, left / first)
    first_s = 1e-9 * machine.memory / (machine.write_rate or 1.0)
    touched += dirtied_bytes(machine, first_s) / first_s * min(1.0, not_sent + dirty / reached)
    alpha = settings.background_efficiency or 1.0
    per_byte = touched * (PAGE / wire + settings.fault_latency) / PAGE
    running = left / wire / alpha if per_byte == 0 else left / wire / per_byte * math.log1p(per_byte / alpha)
    waiting = left / wire - alpha * running
    traffic = machine.disk + disk_writes * (disk_s + clock) + sent / settings.compression_ratio + left
    return Figures(fixed + disk_s + clock + running + waiting, settings.switch_time, waiting, slowed, traffic)


def must(machine: VM, approach: Approach, rate: float, settings: Settings, point: float | None = None) -> Figures:
    """Return the numbers of one prediction that has some."""
    found = predicted(machine, approach, rate, settings, point)
    assert found is not None
    return found
