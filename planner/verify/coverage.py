"""Who moves: every VM of an evacuated host, exactly once, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import Replay


def check_request(replay: Replay) -> Iterator[Finding]:
    """Check that the hosts to empty exist."""
    for name in sorted(replay.evacuated - replay.hosts.keys()):
        yield Finding(f"the inventory has no host {name} to evacuate", (name,))


def check_coverage(replay: Replay) -> Iterator[Finding]:
    """Check that every VM of an evacuated host moves exactly once, and no other VM moves."""
    for vm in replay.inventory.vms:
        count = len(replay.steps_of.get(vm.name, ()))
        if vm.host in replay.evacuated:
            if count == 0:
                yield Finding(f"{vm.name} stays on {vm.host}, which is to be evacuated", (vm.name, vm.host))
            elif count > 1:
                yield Finding(f"{vm.name} moves {count} times instead of once", (vm.name,))
        elif count:
            yield Finding(f"{vm.name} moves, but its host {vm.host} is not evacuated", (vm.name, vm.host))
