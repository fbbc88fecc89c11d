"""Who moves: every VM of an evacuated host, and what the request allows besides."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import Replay


def check_request(replay: Replay) -> Iterator[Finding]:
    """Check that the hosts to empty exist."""
    for name in sorted(replay.evacuated - replay.hosts.keys()):
        yield Finding(f"the inventory has no host {name} to evacuate", (name,))


def check_coverage(replay: Replay) -> Iterator[Finding]:
    """Check that every VM of an evacuated host moves, or in a triage is said to be shut down or left."""
    told: frozenset[str] = replay.not_moving if replay.triage else frozenset()
    for vm in replay.inventory.vms:
        if vm.host in replay.evacuated and vm.name not in replay.steps_of and vm.name not in told:
            yield Finding(f"{vm.name} stays on {vm.host}, which is to be evacuated", (vm.name, vm.host))


def check_extra_moves(replay: Replay) -> Iterator[Finding]:
    """Check that moves which make room are allowed: by the request, and none from a host that accepts no VMs.

    Such moves are those of VMs whose host is not evacuated, and those of a VM after its first.
    """
    allowed = replay.plan.request.make_room == "auto"
    for vm in replay.inventory.vms:
        count = len(replay.steps_of.get(vm.name, ()))
        stays = vm.host not in replay.evacuated
        if count and stays and not allowed:
            yield Finding(
                f"{vm.name} moves, but its host {vm.host} is not evacuated and the request allows no extra moves",
                (vm.name, vm.host),
            )
        elif count and stays and not replay.hosts[vm.host].accepts:
            yield Finding(
                f"{vm.name} moves, but its host {vm.host} is not evacuated and accepts no VMs:"
                " nobody could use the room",
                (vm.name, vm.host),
            )
        elif count > 1 and not allowed:
            yield Finding(f"{vm.name} moves {count} times; the request allows no extra moves", (vm.name,))
