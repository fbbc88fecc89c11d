"""What is known of a VM's memory and of how it is written: parts that fit the whole, and one way of writing only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding
from planner.units import format_duration, format_size

WAYS = ("dirty_vector", "dirty_sets", "working_set", "hot_memory")
"""Fields that say how a VM writes its memory; the first says most."""


def check_one_way_of_writing(draft: Draft) -> Iterator[Finding]:
    """A VM's writes are told in one way: a measured vector, sets, one working set, or hot memory."""
    for vm in draft.vms:
        given = [way for way in WAYS if vm.has(way) and getattr(vm.value, way)]
        for other in given[1:]:
            yield Finding(
                "two-ways-of-writing",
                f"{given[0]} and {other} are both given, and say in two ways how the VM writes its memory",
                "keep the one that was measured",
                ("vms", vm.index, other),
            )


def check_parts_of_memory(draft: Draft) -> Iterator[Finding]:
    """Memory that is not zero, and a working set, are parts of a VM's memory."""
    for vm in draft.vms:
        for field, part in (("nonzero_memory", vm.value.nonzero_memory), ("working_set", vm.value.working_set)):
            if vm.has(field, "memory") and part is not None and part > vm.value.memory:
                yield Finding(
                    "larger-than-memory",
                    f"{field} is {format_size(part)}, and memory {format_size(vm.value.memory)}",
                    "give the part of the memory that is meant, or correct the memory",
                    ("vms", vm.index, field),
                )


def check_dirty_sets(draft: Draft) -> Iterator[Finding]:
    """A VM's sets fit its memory together."""
    for vm in draft.vms:
        sets = vm.value.dirty_sets
        if sets is None or not vm.has("dirty_sets", "memory"):
            continue
        whole = sum(one.size for one in sets)
        if whole > vm.value.memory:
            yield Finding(
                "larger-than-memory",
                f"the sets have {format_size(whole)} together, and memory {format_size(vm.value.memory)}",
                "give sets that do not overlap, or correct the memory",
                ("vms", vm.index, "dirty_sets"),
            )


def check_dirty_vector(draft: Draft) -> Iterator[Finding]:
    """A VM's dirty vector goes forward in time, and what is dirty does not become less, nor more than its memory."""
    for vm in draft.vms:
        points = vm.value.dirty_vector
        if points is None or not vm.has("dirty_vector"):
            continue
        at = ("vms", vm.index, "dirty_vector")
        for index, (before, after) in enumerate(pairwise(points), start=1):
            if after.after <= before.after:
                yield Finding(
                    "not-in-order",
                    f"{format_duration(after.after)} comes after {format_duration(before.after)}",
                    "give the points in order of time, each time once",
                    (*at, index, "after"),
                )
            elif after.dirtied < before.dirtied:
                yield Finding(
                    "not-in-order",
                    f"less is dirty after {format_duration(after.after)} than after {format_duration(before.after)}",
                    "give what has been written since the same start, once or more often",
                    (*at, index, "dirtied"),
                )
        if vm.has("memory") and points[-1].dirtied > vm.value.memory:
            yield Finding(
                "larger-than-memory",
                f"{format_size(points[-1].dirtied)} are dirty in the end, and memory is {format_size(vm.value.memory)}",
                "count memory that was written more than once only once, or correct the memory",
                (*at, len(points) - 1, "dirtied"),
            )


def check_disk_writes(draft: Draft) -> Iterator[Finding]:
    """Only a disk that moves with its VM has writes that count."""
    for vm in draft.vms:
        if vm.has("disk", "disk_write_rate") and vm.value.disk_write_rate > 0 and vm.value.disk == 0:
            yield Finding(
                "disk-writes-without-disk",
                "disk_write_rate is given, and no disk that moves with the VM",
                "give the disk, or leave disk_write_rate out where storage is shared",
                ("vms", vm.index, "disk_write_rate"),
            )
