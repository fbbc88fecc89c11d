"""Hosts that carry more than they can before anything moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from planner.inventory.checks.quantities import believed
from planner.inventory.draft import Draft
from planner.inventory.models import VM
from planner.inventory.translate import Finding
from planner.units import format_size


def check_capacity(draft: Draft) -> Iterator[Finding]:
    """Memory and vCPUs of the VMs on a host fit it; of a name given twice, the first VM counts."""
    carried: defaultdict[str, list[VM]] = defaultdict(list)
    memory: defaultdict[str, int] = defaultdict(int)
    vcpus: defaultdict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for item in draft.vms:
        vm = item.value
        if not item.has("name", "host") or vm.name in seen:
            continue
        seen.add(vm.name)
        carried[vm.host].append(vm)
        memory[vm.host] += vm.memory if item.has("memory") else 0
        vcpus[vm.host] += vm.vcpus if item.has("vcpus") else 0
    counted: set[str] = set()
    for entry in draft.hosts:
        host, at = entry.value, ("hosts", entry.index)
        if not entry.has("name") or host.name in counted:
            continue
        counted.add(host.name)
        if entry.has("memory") and believed(host.memory) and memory[host.name] > host.memory:
            largest = max(carried[host.name], key=lambda vm: vm.memory)
            over = memory[host.name] - host.memory
            yield Finding(
                "memory-exceeded",
                f"{host.name} has {format_size(host.memory)} of memory and its {len(carried[host.name])} VMs"
                f" have {format_size(memory[host.name])}, {format_size(over)} more",
                f"correct the host's memory or its VMs; the largest is {largest.name}, {format_size(largest.memory)}",
                (*at, "memory"),
            )
        if entry.has("cpus") and vcpus[host.name] > host.cpus:
            widest = max(carried[host.name], key=lambda vm: vm.vcpus)
            yield Finding(
                "vcpus-exceeded",
                f"{host.name} has {host.cpus} CPUs and its {len(carried[host.name])} VMs have {vcpus[host.name]} vCPUs",
                f"raise cpus to what the host may carry, overcommitment included, or correct its VMs;"
                f" the widest is {widest.name}, {widest.vcpus}",
                (*at, "cpus"),
            )
