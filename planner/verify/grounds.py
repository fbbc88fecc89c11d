"""What may go where, and what it takes at least: the grounds of a no, worked out from the inventory alone."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.inventory.models import RULE_KINDS, VM, Host, Inventory, Rule, Separate, Together, rule_kind
from planner.menu import bandwidth_menu, with_lanes
from planner.network import Network
from planner.plan.models import Request
from planner.predict.protocol import DOWNTIME_TOLERANCE, Outside
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.ways import ways_of


@dataclass(frozen=True, slots=True)
class Least:
    """What a mover takes at least, over all ways and bandwidths on offer; infinite where there is none.

    Parameters
    ----------
    ever_s
        Time, whatever the deadline is [s].
    time_s, volume_bytes
        Time [s] and time x bandwidth [bytes] of the ways that end by the deadline.
    """

    ever_s: float
    time_s: float
    volume_bytes: float


NO_WAY = Least(math.inf, math.inf, math.inf)


class Grounds:
    """An evacuation as the reasons of a no speak of it.

    Attributes
    ----------
    inventory, request
        What is asked.
    hosts, vms
        By name.
    movers
        The VMs that must leave.
    targets
        The hosts that may receive.
    """

    def __init__(self, inventory: Inventory, request: Request) -> None:
        self.inventory, self.request = inventory, request
        self.hosts = {host.name: host for host in inventory.hosts}
        self.vms = {vm.name: vm for vm in inventory.vms}
        self.movers = {vm.name: vm for vm in inventory.vms if vm.host in request.evacuate}
        self.targets = {
            host.name: host for host in inventory.hosts if host.accepts and host.name not in request.evacuate
        }
        self.network = Network(inventory)
        self._least: dict[object, Least] = {}
        self._open: dict[str, frozenset[str]] = {}

    @cached_property
    def free(self) -> dict[str, tuple[int, int]]:
        """Memory [bytes] and vCPUs that each host has beside all VMs on it."""
        memory: defaultdict[str, int] = defaultdict(int)
        vcpus: defaultdict[str, int] = defaultdict(int)
        for vm in self.inventory.vms:
            memory[vm.host] += vm.memory
            vcpus[vm.host] += vm.vcpus
        return {name: (host.memory - memory[name], host.cpus - vcpus[name]) for name, host in self.hosts.items()}

    @cached_property
    def blocks(self) -> dict[str, tuple[str, ...]]:
        """For each mover those that must end where it does, itself among them."""
        block_of = {name: {name} for name in self.movers}
        for rule in self.inventory.rules:
            if isinstance(rule, Together):
                joined = set().union(*(block_of[name] for name in rule.members if name in self.movers))
                block_of |= dict.fromkeys(joined, joined)
        return {name: tuple(sorted(block)) for name, block in block_of.items()}

    def open_to(self, name: str) -> frozenset[str]:
        """Return the targets that may receive a mover, with those that must end where it does, and no others."""
        if name not in self._open:
            block = self.blocks[name]
            common = frozenset.intersection(*(self._open_alone(self.movers[one]) for one in block))
            memory = sum(self.movers[one].memory for one in block)
            vcpus = sum(self.movers[one].vcpus for one in block)
            fitting = (host for host in common if memory <= self.free[host][0] and vcpus <= self.free[host][1])
            apart = any(
                len(set(block) & set(rule.members)) >= 2 for rule in self.inventory.rules if isinstance(rule, Separate)
            )
            found = frozenset() if apart else frozenset(fitting)
            self._open |= dict.fromkeys(block, found)
        return self._open[name]

    def _open_alone(self, vm: VM) -> frozenset[str]:
        return frozenset(host.name for host in self.targets.values() if self.may_enter(vm, host))

    def may_enter(self, vm: VM, host: Host) -> bool:
        """Return whether a target may receive a mover, whatever becomes of the other movers."""
        memory, vcpus = self.free[host.name]
        fits = vm.memory <= memory and vm.vcpus <= vcpus and set(vm.requires) <= set(host.labels)
        return fits and not self.kept_out(vm, host) and self.network.route(vm.host, host.name) is not None

    def kept_out(self, vm: VM, host: Host) -> bool:
        """Return whether rules keep a mover from a host because of VMs that stay."""
        for rule in self.inventory.rules:
            if vm.name not in rule.members or not isinstance(rule, Separate | Together):
                continue
            homes = {self.vms[name].host for name in rule.members if name not in self.movers}
            if isinstance(rule, Separate) and host.name in homes:
                return True
            if isinstance(rule, Together) and homes and host.name not in homes:
                return True
        return False

    def least(self, name: str, host: str) -> Least:
        """Return what a mover takes at least on the way to a host."""
        vm = self.movers[name]
        route = self.network.route(vm.host, host)
        if route is None:
            return NO_WAY
        links = list(route.links)
        capacities = tuple(sorted(self.network.capacity_bytes_per_s[links].tolist()))
        flow = float(self.network.flow_bytes_per_s[links].min())
        window_s = self.request.deadline_s - self.hosts[host].ready_after - self.hosts[vm.host].shutdown_time
        key = (name, capacities, route.bottleneck_bytes_per_s, flow, window_s)
        if key not in self._least:
            self._least[key] = self._least_of(vm, capacities, route.bottleneck_bytes_per_s, flow, window_s)
        return self._least[key]

    def _least_of(
        self, vm: VM, capacities: tuple[float, ...], most: float, of_one_flow: float, window_s: float
    ) -> Least:
        settings = self.inventory.settings
        menu = bandwidth_menu(capacities, most, of_one_flow, lanes=with_lanes(len(self.movers)))
        rates = np.array(menu, dtype=np.float64)[None, :]
        model, workload, limits = model_for(settings), workload_of([vm]), thresholds(settings, rates)
        least = NO_WAY
        for way in ways_of(model):
            offered = settings.approaches if vm.approaches is None else vm.approaches
            if way.approach not in settings.approaches or way.approach not in offered:
                continue
            point = None if way.switch_point is None else np.array(way.switch_point)
            found = model.predict(way.approach, workload, rates, limits, point)
            flow = most if settings.flows(way.approach, vm.disk) > 1 else of_one_flow
            good = (found.outside == Outside.INSIDE) & (rates <= flow * (1 + 1e-9))
            if vm.max_downtime is not None:
                good &= np.nan_to_num(found.downtime_s, nan=np.inf) <= vm.max_downtime * (1 + DOWNTIME_TOLERANCE)
            for time_s, rate in zip(found.time_s[good].tolist(), rates[good].tolist(), strict=True):
                in_time = time_s <= window_s * (1 + DOWNTIME_TOLERANCE)
                least = Least(
                    min(least.ever_s, time_s),
                    min(least.time_s, time_s if in_time else math.inf),
                    min(least.volume_bytes, time_s * rate if in_time else math.inf),
                )
        return least

    def soonest(self, name: str) -> float:
        """Return when a mover can have left at the soonest, and its source be off [s]."""
        ends = (self.hosts[host].ready_after + self.least(name, host).ever_s for host in self.open_to(name))
        return min(ends, default=math.inf) + self.hosts[self.movers[name].host].shutdown_time


def without_others(inventory: Inventory, evacuate: Collection[str]) -> Inventory:
    """Return the inventory without the VMs that may move to make room, as if there were none in the way."""
    accepting = {host.name for host in inventory.hosts if host.accepts and host.name not in evacuate}
    gone = {vm.name for vm in inventory.vms if vm.host in accepting and not vm.pinned}
    home = {vm.name: vm.host for vm in inventory.vms}
    rules: list[Rule] = []
    for rule in inventory.rules:
        members = [name for name in rule.members if name not in gone]
        if isinstance(rule, Together) and len(members) < len(rule.members):
            # Those that would stay may as well go where the others go.
            members = [name for name in members if home[name] in evacuate]
        if len(members) >= 2:
            rules.append(RULE_KINDS[rule_kind(rule)].model_validate({rule_kind(rule): tuple(members)}))
    vms = tuple(vm for vm in inventory.vms if vm.name not in gone)
    return inventory.model_copy(update={"vms": vms, "rules": tuple(rules)})
