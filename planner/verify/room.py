"""Memory and vCPUs on every host at all times, VMs that stay included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from planner.inventory.models import VM, Host
from planner.units import format_size
from planner.verify.findings import Finding
from planner.verify.replay import Replay
from planner.verify.sweep import Hold, Overload, first_overload


def check_memory(replay: Replay) -> Iterator[Finding]:
    """Check that the VMs' memory fits on each host at all times."""
    for host, over in _overloads(replay, lambda vm: vm.memory, lambda host: host.memory):
        excess = format_size(over.total - host.memory)
        yield _finding(host, over, f"has {format_size(host.memory)} of memory and would need {excess} more")


def check_vcpus(replay: Replay) -> Iterator[Finding]:
    """Check that the VMs' vCPUs fit on each host at all times."""
    for host, over in _overloads(replay, lambda vm: vm.vcpus, lambda host: host.cpus):
        yield _finding(host, over, f"has {host.cpus} vCPUs and would need {over.total - host.cpus:.0f} more")


def _overloads(
    replay: Replay, amount: Callable[[VM], int], limit: Callable[[Host], int]
) -> Iterator[tuple[Host, Overload]]:
    # Where all fit that are ever there, those fit that are there at once.
    ever: defaultdict[str, int] = defaultdict(int)
    for vm in replay.inventory.vms:
        for name, _, _ in replay.presence(vm):
            ever[name] += amount(vm)
    holds: dict[str, list[Hold]] = {host.name: [] for host in replay.inventory.hosts if ever[host.name] > limit(host)}
    for vm in replay.inventory.vms if holds else ():
        for name, since, until in replay.presence(vm):
            if name in holds:
                holds[name].append(Hold(vm.name, since, until, amount(vm)))
    for name, held in holds.items():
        over = first_overload(held, limit(replay.hosts[name]))
        if over is not None:
            yield replay.hosts[name], over


def _finding(host: Host, over: Overload, wrong: str) -> Finding:
    if over.at_s < 0:
        return Finding(f"{host.name} {wrong} before anything moves", (host.name,))
    arriving = ", ".join(over.newcomers)
    return Finding(f"{host.name} {wrong} with {arriving} arriving", (host.name, *over.newcomers), over.at_s)
