"""Clean shutdowns of VMs that cannot leave in time, as steps of a plan: as late as can be, in the order of rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise

from planner.inventory.models import VM, Before, Inventory
from planner.plan.models import Left, Move, Shutdown, Why, WhyKind

SAME_S = 1e-7
"""Time by which rounding may miss the end [s]."""


def staying_on(inventory: Inventory, evacuate: Collection[str], deadline_s: float, left: Sequence[Left]) -> set[str]:
    """Return the evacuated hosts that a triage does not switch off: a VM is left there, or there is no time for it."""
    late = {host.name for host in inventory.hosts if host.name in evacuate and host.shutdown_time > deadline_s}
    return late | {one.host for one in left}


def shutdown_steps(
    inventory: Inventory,
    evacuate: Collection[str],
    deadline_s: float,
    moves: Sequence[Move],
    unmoved: Mapping[str, Why],
) -> tuple[tuple[Shutdown, ...], tuple[Left, ...]]:
    """Return the shutdowns of VMs that do not move, and those for which no time is left.

    A shutdown ends by the deadline less the time that its host takes to switch off, and starts once every earlier
    member of its `before` rules has landed or is down. Within that each is as late as it can be.

    Parameters
    ----------
    evacuate
        Names of the hosts that are emptied.
    deadline_s
        When they must be empty [s].
    moves
        The moves of the plan.
    unmoved
        The VMs of those hosts that do not move, by name, and why.

    Returns
    -------
    tuple of Shutdown, tuple of Left
        By start, and in the order of the inventory.
    """
    work = _Work(inventory, evacuate, deadline_s, moves, unmoved)
    behind: dict[str, Why] = {}
    earliest_s: dict[str, float] = {}
    order = tuple(TopologicalSorter(work.earlier).static_order())
    for name in order:
        why = work.late(name, earliest_s, behind)
        if why is None:
            earliest_s[name] = work.ready_s(name, earliest_s) + work.duration_s[name]
        else:
            behind[name] = why
    end_s = {name: work.cutoff_s[name] for name in earliest_s}
    start_s: dict[str, float] = {}
    for name in reversed(order):
        if name in earliest_s:
            # Never before what it waits for has ended, whatever rounding says.
            since_s = earliest_s[name] - work.duration_s[name]
            start_s[name] = max(0.0, since_s, end_s[name] - work.duration_s[name])
            for other in work.earlier[name]:
                end_s[other] = min(end_s[other], start_s[name])
    vms = [vm for vm in inventory.vms if vm.name in unmoved]
    shutdowns = [
        Shutdown(
            vm=vm.name,
            host=vm.host,
            start_s=start_s[vm.name],
            duration_s=work.duration_s[vm.name],
            weight=vm.weight,
            after=tuple(sorted(work.earlier[vm.name] | work.landing[vm.name])),
            why=unmoved[vm.name],
        )
        for vm in vms
        if vm.name in start_s
    ]
    left = [
        Left(vm=vm.name, host=vm.host, weight=vm.weight, why=behind[vm.name], unmoved=unmoved[vm.name])
        for vm in vms
        if vm.name in behind
    ]
    return tuple(sorted(shutdowns, key=lambda one: one.start_s)), tuple(left)


def shutdown_time_s(inventory: Inventory, vm: VM) -> float:
    """Return the time that the clean shutdown of a VM may take [s]."""
    return inventory.settings.vm_shutdown_time if vm.shutdown_time is None else vm.shutdown_time


class _Work:
    """What the shutdowns have to keep.

    Attributes
    ----------
    duration_s, cutoff_s
        What each takes, and when it must be down [s].
    earlier
        Of each, those that a rule puts right before it among those that do not move.
    landing
        Of each, those that a rule puts right before it among those that move.
    """

    def __init__(
        self,
        inventory: Inventory,
        evacuate: Collection[str],
        deadline_s: float,
        moves: Sequence[Move],
        unmoved: Collection[str],
    ) -> None:
        off_s = {host.name: host.shutdown_time for host in inventory.hosts if host.name in evacuate}
        vms = [vm for vm in inventory.vms if vm.name in unmoved]
        self.duration_s = {vm.name: shutdown_time_s(inventory, vm) for vm in vms}
        self.cutoff_s = {vm.name: deadline_s - off_s[vm.host] for vm in vms}
        self.earlier: dict[str, set[str]] = {vm.name: set() for vm in vms}
        self.landing: dict[str, set[str]] = {vm.name: set() for vm in vms}
        # When the last of the earlier members that move has landed, and which that is.
        self._landed: dict[str, tuple[float, str]] = {}
        landed_s: dict[str, float] = {}
        for move in moves:
            landed_s[move.vm] = max(landed_s.get(move.vm, 0.0), move.end_s)
        for rule in inventory.rules:
            if not isinstance(rule, Before):
                continue
            for a, b in pairwise(name for name in rule.members if name in self.earlier):
                self.earlier[b].add(a)
            last = (0.0, "")
            for name in rule.members:
                if name in landed_s:
                    last = max(last, (landed_s[name], name))
                elif name in self.earlier:
                    self._landed[name] = max(last, self._landed.get(name, (0.0, "")))
                    self.landing[name] |= {last[1]} - {""}

    def ready_s(self, name: str, down_s: Mapping[str, float]) -> float:
        """Return when all that a VM waits for have landed or are down at the earliest [s]."""
        landed_s, _ = self._landed.get(name, (0.0, ""))
        return max((landed_s, *(down_s[other] for other in self.earlier[name])))

    def late(self, name: str, down_s: Mapping[str, float], left: Collection[str]) -> Why | None:
        """Return why a VM cannot be shut down in time, or None where it can."""
        needed_s, cutoff_s = self.duration_s[name], max(0.0, self.cutoff_s[name])
        if needed_s > self.cutoff_s[name] + SAME_S:
            return Why(kind=WhyKind.SHUTDOWN_TOO_LONG, needed_s=needed_s, available_s=cutoff_s)
        never = tuple(sorted(other for other in self.earlier[name] if other in left))
        if never:
            return Why(kind=WhyKind.BEHIND_LATE, vms=never, needed_s=needed_s, available_s=0.0)
        ready_s = self.ready_s(name, down_s)
        if ready_s + needed_s <= self.cutoff_s[name] + SAME_S:
            return None
        landed_s, mover = self._landed.get(name, (0.0, ""))
        last = mover if landed_s == ready_s else max(self.earlier[name], key=lambda other: (down_s[other], other))
        return Why(kind=WhyKind.BEHIND_LATE, vms=(last,), needed_s=needed_s, available_s=max(0.0, cutoff_s - ready_s))
