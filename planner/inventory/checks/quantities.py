"""Quantities so small that their unit was forgotten: a bare number is in bytes or bytes/s."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.places import Path
from planner.inventory.translate import Finding

LEAST_SIZE_BYTES = 2**20
"""Smallest memory or disk that is believed, but for 0 [bytes]: one MiB."""
LEAST_BANDWIDTH_BYTES_PER_S = 1e6 / 8
"""Smallest bandwidth that is believed [bytes/s]: 1 Mbit/s."""


def check_units(draft: Draft) -> Iterator[Finding]:
    """Memory, disks and bandwidths are as large as those of hosts, VMs and links can be."""
    for host in draft.hosts:
        if host.has("memory"):
            yield from _size(host.value.memory, ("hosts", host.index, "memory"))
    for link in draft.links:
        if link.has("bandwidth"):
            path: Path = ("links", link.index, "bandwidth")
            given = link.value.bandwidth
            if isinstance(given, tuple):
                for direction, rate in enumerate(given):
                    yield from _bandwidth(rate, (*path, direction))
            else:
                yield from _bandwidth(given, path)
    for vm in draft.vms:
        for field, size in (("memory", vm.value.memory), ("disk", vm.value.disk)):
            if vm.has(field):
                yield from _size(size, ("vms", vm.index, field))


def check_hot_memory(draft: Draft) -> Iterator[Finding]:
    """A VM's hot memory has the time within which it is dirtied, and is a part of its memory."""
    for vm in draft.vms:
        value = vm.value
        if not vm.has("hot_memory", "hot_duration", "memory"):
            continue
        if value.hot_memory > 0 and value.hot_duration is None:
            yield Finding(
                "hot-memory-without-duration",
                "hot_memory is given without the time within which it is dirtied",
                "give hot_duration, such as 2 s",
                ("vms", vm.index, "hot_memory"),
            )
        if value.hot_memory > value.memory:
            yield Finding(
                "hot-memory-too-large",
                "hot_memory is larger than memory",
                "give the part of the memory that is dirtied over and over",
                ("vms", vm.index, "hot_memory"),
            )


def believed(size_bytes: int) -> bool:
    """Return whether a size can be meant."""
    return size_bytes == 0 or size_bytes >= LEAST_SIZE_BYTES


def _bandwidth(rate_bytes_per_s: float, path: Path) -> Iterator[Finding]:
    if rate_bytes_per_s < LEAST_BANDWIDTH_BYTES_PER_S:
        number = f"{rate_bytes_per_s:.10g}"
        unit = "Gbit/s" if rate_bytes_per_s <= 400 else "Mbit/s"
        yield Finding(
            "implausibly-small",
            f"a bandwidth of {number} bytes/s is less than 1 Mbit/s",
            f"write its unit, such as {number} {unit}: a bare number is bytes/s",
            path,
        )


def _size(size_bytes: int, path: Path) -> Iterator[Finding]:
    if not believed(size_bytes):
        yield Finding(
            "implausibly-small",
            f"a {path[-1]} of {size_bytes} bytes is less than 1 MiB",
            f"write its unit, such as {size_bytes} {'MiB' if size_bytes >= 512 else 'GiB'}: a bare number is bytes",
            path,
        )
