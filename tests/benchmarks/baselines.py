"""What operators do today: maintenance modes and simple rules, run to the end whether that is in time or not.

Each host sends its VMs one after the other, or N at a time. The approach is pre-copy where that converges at the
migration's rate, else post-copy, else cold. A VM whose turn it is waits until a target has room, a free slot and
bandwidth; hosts that wait are served in turn.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import VM, Approach, Inventory
from planner.predict import model_for, workload_of
from planner.predict.registry import thresholds
from tests.benchmarks.decisions import Decision
from tests.benchmarks.generator import HOSTS_PER_LEAF, Instance

PREFERRED = (Approach.PRECOPY, Approach.POSTCOPY, Approach.COLD)
"""Approaches in the order in which they are taken where they converge."""
ROUNDING = 1e-12
"""Share of a link by which sums of rates may miss its capacity in floating point [1]."""


@dataclass(frozen=True)
class Policy:
    """A rule of operation.

    Parameters
    ----------
    name
        How it is called in records.
    order
        Which VM of a host goes first.
    at_once
        Migrations out of a host at once, N; the inventory's own limit is raised to it where that is lower.
    fit
        Which of the targets that have room takes it: the one with most memory free, or with least.
    rate
        ``full``: NIC / N, and wait where a link is full. ``fair``: the share of each link that is left when all
        hosts of the leaf send at once, so that no link is ever full.
    """

    name: str
    order: Literal["inventory", "largest", "shortest"]
    at_once: int
    fit: Literal["emptiest", "tightest"]
    rate: Literal["full", "fair"]


POLICIES = (
    *(
        Policy(f"maintenance-{n}-{rate}", "inventory", n, "emptiest", rate)
        for n in (1, 2, 4)
        for rate in ("full", "fair")
    ),
    *(Policy(f"largest-{rate}", "largest", 2, "emptiest", rate) for rate in ("full", "fair")),
    Policy("shortest-best-fit", "shortest", 1, "tightest", "full"),
)


def allowed_to(instance: Instance, policy: Policy) -> Inventory:
    """Return the inventory with the limits on migrations at once raised to what a policy uses."""
    settings = instance.inventory.settings
    raised = {
        "max_outgoing": max(policy.at_once, settings.max_outgoing),
        "max_incoming": max(policy.at_once, settings.max_incoming),
    }
    return instance.inventory.model_copy(update={"settings": settings.model_copy(update=raised)})


def operate(instance: Instance, policy: Policy) -> list[Decision]:
    """Return what happens when the hosts of an instance are emptied by a policy.

    Raises
    ------
    ValueError
        If VMs are left that fit nowhere.
    """
    return _Operation(instance, policy).run()


class _Costs:
    """Approach and duration of each mover within the leaf and between leaves, shape (2, M)."""

    def __init__(self, inventory: Inventory, movers: list[VM], rates: tuple[float, float]) -> None:
        model, workload = model_for(inventory.settings), workload_of(movers)
        self.approach = np.full((2, len(movers)), -1)
        self.time_s = np.full((2, len(movers)), np.inf)
        for far, rate in enumerate(rates):
            mu = np.array([[rate]])
            for a, approach in reversed(list(enumerate(PREFERRED))):
                time = model.predict(approach, workload, mu, thresholds(inventory.settings, mu)).time_s[:, 0]
                found = np.isfinite(time)
                self.approach[far] = np.where(found, a, self.approach[far])
                self.time_s[far] = np.where(found, time, self.time_s[far])


class _Operation:
    """The state while hosts are emptied: what is used of every host and link."""

    def __init__(self, instance: Instance, policy: Policy) -> None:
        self._policy = policy
        inventory = allowed_to(instance, policy)
        self._hosts = [host.name for host in inventory.hosts]
        index = {name: i for i, name in enumerate(self._hosts)}
        leaving = set(instance.evacuate)
        self._movers = [vm for vm in inventory.vms if vm.host in leaving]
        self._source = [index[vm.host] for vm in self._movers]
        self._leaf = np.arange(len(self._hosts)) // HOSTS_PER_LEAF
        self._nic = inventory.links[0].capacity_bytes_per_s
        self._uplink = inventory.links[-1].capacity_bytes_per_s
        sources = [index[name] for name in instance.evacuate]
        self._rates = self._rates_of(int(np.bincount(self._leaf[sources]).max()))
        self._costs = _Costs(inventory, self._movers, self._rates)
        staying = [vm for vm in inventory.vms if vm.host not in leaving]
        at = [index[vm.host] for vm in staying]
        size = len(self._hosts)
        self._memory = np.array([host.memory for host in inventory.hosts]) - _sums(
            [vm.memory for vm in staying], at, size
        )
        self._vcpus = np.array([host.cpus for host in inventory.hosts]) - _sums([vm.vcpus for vm in staying], at, size)
        self._target = np.ones(size, dtype=np.bool_)
        self._target[sources] = False
        self._has_targets = np.bincount(self._leaf[self._target], minlength=int(self._leaf.max()) + 1) > 0
        self._slots = np.full(size, inventory.settings.max_incoming)
        self._in = np.zeros(size)
        self._out = np.zeros(size)
        self._up = np.zeros(int(self._leaf.max()) + 1)
        self._down = np.zeros(int(self._leaf.max()) + 1)
        self._queues = {source: deque(self._ordered(source)) for source in sources}
        self._running: list[tuple[float, int, int]] = []
        self._busy = dict.fromkeys(sources, 0)

    def _rates_of(self, senders: int) -> tuple[float, float]:
        """Return the rate within a leaf and between leaves [bytes/s]."""
        near = self._nic / self._policy.at_once
        if self._policy.rate == "full":
            return near, min(near, self._uplink)
        return near, min(near, self._uplink / (senders * self._policy.at_once))

    def _ordered(self, source: int) -> list[int]:
        """Return the movers of a host in the order of the policy."""
        mine = [v for v, home in enumerate(self._source) if home == source]
        match self._policy.order:
            case "largest":
                return sorted(mine, key=lambda v: -self._movers[v].memory)
            case "shortest":
                return sorted(mine, key=lambda v: float(self._costs.time_s[1, v]))
        return mine

    def run(self) -> list[Decision]:
        """Empty the hosts."""
        decisions: list[Decision] = []
        waiting = deque(self._queues)
        now = 0.0
        while waiting or self._running:
            blocked: deque[int] = deque()
            while waiting:
                source = waiting.popleft()
                if not self._queues[source] or self._busy[source] == self._policy.at_once:
                    continue
                v = self._queues[source][0]
                place = self._place(v)
                if place is None:
                    blocked.append(source)
                    continue
                self._queues[source].popleft()
                decisions.append(self._start(v, place, now))
                waiting.append(source)
            waiting = blocked
            if not self._running:
                if blocked:
                    raise ValueError(f"{self._policy.name}: VMs are left that fit nowhere")
                break
            now = self._running[0][0]
            while self._running and self._running[0][0] <= now:
                _, v, target = heapq.heappop(self._running)
                self._use(v, target, -1)
                if self._source[v] not in waiting:
                    waiting.append(self._source[v])
        return decisions

    def _place(self, v: int) -> int | None:
        """Return the target that takes a mover now, or None."""
        vm, source = self._movers[v], self._source[v]
        near_rate, far_rate = self._rates
        leaf, limit = int(self._leaf[source]), 1.0 + ROUNDING
        sent = float(self._out[source])
        near_ok = self._has_targets[leaf] and sent + near_rate <= self._nic * limit
        far_ok = sent + far_rate <= self._nic * limit and self._up[leaf] + far_rate <= self._uplink * limit
        if not (near_ok or far_ok):
            return None
        near = self._leaf == leaf
        rate = np.where(near, near_rate, far_rate)
        down_ok = self._down[self._leaf] + far_rate <= self._uplink * limit
        room = (
            self._target
            & (self._slots > 0)
            & (self._memory >= vm.memory)
            & (self._vcpus >= vm.vcpus)
            & (self._in + rate <= self._nic * limit)
            & np.where(near, near_ok, far_ok & down_ok)
        )
        candidates = np.flatnonzero(room)
        if not len(candidates):
            return None
        free = self._memory[candidates]
        return int(candidates[free.argmax() if self._policy.fit == "emptiest" else free.argmin()])

    def _start(self, v: int, target: int, now: float) -> Decision:
        far = int(self._leaf[self._source[v]] != self._leaf[target])
        self._use(v, target, 1)
        heapq.heappush(self._running, (now + float(self._costs.time_s[far, v]), v, target))
        approach = PREFERRED[self._costs.approach[far, v]]
        return Decision(self._movers[v].name, self._hosts[target], approach, self._rates[far], now)

    def _use(self, v: int, target: int, sign: int) -> None:
        """Take what a move holds, or give it back; memory and vCPUs of the target are kept."""
        source, vm = self._source[v], self._movers[v]
        far = self._leaf[source] != self._leaf[target]
        rate = sign * self._rates[int(far)]
        self._out[source] += rate
        self._in[target] += rate
        self._slots[target] -= sign
        self._busy[source] += sign
        if far:
            self._up[self._leaf[source]] += rate
            self._down[self._leaf[target]] += rate
        if sign > 0:
            self._memory[target] -= vm.memory
            self._vcpus[target] -= vm.vcpus


def _sums(values: list[int], at: list[int], size: int) -> NDArray[np.int64]:
    total = np.zeros(size, dtype=np.int64)
    np.add.at(total, at, values)
    return total
