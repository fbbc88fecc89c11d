"""Brute force: the true optimum of a tiny case, over all assignments and all orders.

Only VMs of evacuated hosts move and evacuated hosts are no targets, so a target only gains VMs: memory, vCPUs,
labels, separate and together are settled by the assignment alone. What is left for the schedule is links,
concurrency, not_at_once and before: a project with renewable resources and precedences. Placing moves one by one, each
as early as it fits, in all orders, reaches every active schedule, and one of those ends earliest.

Nothing of this is shared with the optimiser or with the verifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from planner.inventory.models import VM, Before, Inventory, NotAtOnce, Separate, Settings, Together
from planner.network import Network, Route
from planner.plan.models import InventoryRef, Move, Objective, PathShare, Plan, Request, Status
from planner.predict import model_for, predict_vm
from planner.predict.ways import Way, ways_of
from tests.truth.fabric import Fabric

TIE = 1e-9
"""Weighted downtimes, and finishes, that differ by no more than this, relative, are equal [1]."""
LATE_S = 1e-6
"""An end that is later than the deadline by no more than this is in time, as for the verifier [s]."""

Choice = tuple[Way, float, str]
"""One way to move a VM: approach and switch point, bandwidth [bytes/s], target."""


@dataclass(frozen=True)
class Job:
    """A choice with its numbers and the resources that it holds while it runs."""

    vm: VM
    way: Way
    bandwidth: float
    route: Route
    duration_s: float
    downtime_s: float
    transferred_bytes: float
    precopy_share: float
    demands: dict[object, float]
    ready_s: float
    off_s: float
    ways: tuple[tuple[str, ...], ...]

    @property
    def target(self) -> str:
        return self.route.path[-1]

    @property
    def cost(self) -> float:
        return self.vm.weight * self.downtime_s


@dataclass(frozen=True)
class Optimum:
    """The least weighted downtime [s], the earliest finish with that [s], and moves that reach both."""

    weighted_downtime_s: float
    finish_s: float
    moves: tuple[Move, ...]


def menu_choices(
    inventory: Inventory, evacuate: Sequence[str], menu: Callable[[VM, Route], Iterable[float]]
) -> dict[str, list[Choice]]:
    """Return all choices of each mover, given the bandwidths [bytes/s] of each VM on each route."""
    network = Network(inventory)
    return {
        vm.name: [
            (way, rate, host.name)
            for host in inventory.hosts
            if host.name not in evacuate and (route := network.route(vm.host, host.name)) is not None
            for rate in menu(vm, route)
            for way in offered_ways(inventory.settings, vm, rate)
        ]
        for vm in inventory.vms
        if vm.host in evacuate
    }


def offered_ways(settings: Settings, vm: VM, rate: float) -> list[Way]:
    """Return the ways on offer: of switch points only those that save 2% and 25 ms over all quicker ways."""
    allowed = set(settings.approaches) & set(settings.approaches if vm.approaches is None else vm.approaches)
    found = []
    for way in ways_of(model_for(settings)):
        numbers = predict_vm(settings, vm, way.approach, rate, way.switch_point)
        bearable = vm.max_downtime is None or numbers.downtime_s[0, 0] <= vm.max_downtime
        if way.approach in allowed and not numbers.outside[0, 0] and bearable:
            found.append((float(numbers.time_s[0, 0]), float(numbers.downtime_s[0, 0]), way))
    several = sum(way.switch_point is not None for way in ways_of(model_for(settings))) > 1
    kept, least_s = [], math.inf
    for _, down_s, way in sorted(found, key=lambda one: one[0]):
        saves = down_s <= least_s * 0.98 and down_s <= least_s - 0.025
        if way.switch_point is None or not several or saves:
            kept.append(way)
            least_s = min(least_s, down_s)
    return kept


def shares_menu(*shares: float) -> Callable[[VM, Route], list[float]]:
    """Return a menu of shares of the route's bottleneck."""
    return lambda vm, route: [route.bottleneck_bytes_per_s * share for share in shares]


def brute_force(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    choices: Mapping[str, Iterable[Choice]],
    *,
    any_will_do: bool = False,
) -> Optimum | None:
    """Return the plan with the least weighted downtime and, of those, the earliest finish; None if there is none.

    Parameters
    ----------
    inventory, evacuate, deadline_s
        What is asked. Meant for five movers at most.
    choices
        Of each mover, by name, what it could do. What the contract forbids is sorted out here.
    any_will_do
        Return the first plan found.
    """
    return _Search(inventory, tuple(evacuate), deadline_s, choices, any_will_do).run()


def as_plan(inventory: Inventory, evacuate: Sequence[str], deadline_s: float, optimum: Optimum) -> Plan:
    """Return the plan of an optimum, whole enough to be verified."""
    return Plan(
        format="evac/plan/1",
        inventory=InventoryRef(name=inventory.name, sha256=inventory.sha256(), sections=inventory.sections()),
        request=Request(evacuate=tuple(evacuate), deadline_s=deadline_s),
        settings=inventory.settings,
        status=Status.OPTIMAL,
        objective=Objective(
            downtime_s=sum(move.downtime_s for move in optimum.moves),
            weighted_downtime_s=optimum.weighted_downtime_s,
            finish_s=optimum.finish_s,
            lower_bound_weighted_downtime_s=optimum.weighted_downtime_s,
            gap=0.0,
        ),
        moves=optimum.moves,
    )


@dataclass
class _Search:
    """Depth first over the movers; each partial assignment must itself be schedulable in time."""

    inventory: Inventory
    evacuate: tuple[str, ...]
    deadline_s: float
    choices: Mapping[str, Iterable[Choice]]
    any_will_do: bool = False
    best: tuple[float, float] = (math.inf, math.inf)
    plan: dict[str, float] | None = None
    jobs: tuple[Job, ...] = ()
    limits: dict[object, float] = field(default_factory=dict)
    precedes: set[tuple[str, str]] = field(default_factory=set)

    def run(self) -> Optimum | None:
        movers = [vm for vm in self.inventory.vms if vm.host in self.evacuate]
        self.moving = {vm.name for vm in movers}
        self.network = Network(self.inventory)
        self.fabric = Fabric(self.inventory)
        self.hosts = {host.name: host for host in self.inventory.hosts}
        self._read_rules()
        self._read_limits()
        # Evacuated hosts without VMs are switched off at once.
        full = {vm.host for vm in movers}
        self.idle_off_s = max(
            (self.hosts[name].shutdown_time for name in self.evacuate if name not in full), default=0.0
        )
        if self.idle_off_s > self.deadline_s + LATE_S:
            return None
        options = [self._options(vm) for vm in movers]
        options.sort(key=len)
        depths = range(len(options) + 1)
        self.cheapest = [sum(min((job.cost for job in jobs), default=0.0) for jobs in options[k:]) for k in depths]
        self.least_use = [[_least_use(jobs, resource) for resource in self.limits] for jobs in options]
        self._assign(options, ())
        if self.plan is None:
            return None
        moves = sorted((self._move(job, self.plan[job.vm.name]) for job in self.jobs), key=lambda move: move.start_s)
        return Optimum(*self.best, tuple(moves))

    def _read_rules(self) -> None:
        self.separate: list[set[str]] = []
        self.together: list[set[str]] = []
        self.not_at_once: list[set[str]] = []
        for rule in self.inventory.rules:
            match rule:
                case Separate():
                    self.separate.append(set(rule.members))
                case Together():
                    self.together.append(set(rule.members))
                case NotAtOnce():
                    self.not_at_once.append(set(rule.members))
                case Before():
                    order = [name for name in rule.members if name in self.moving]
                    self.precedes |= {(a, b) for i, a in enumerate(order) for b in order[i + 1 :]}

    def _read_limits(self) -> None:
        settings = self.inventory.settings
        for ends, capacity in self.fabric.capacity.items():
            self.limits["link", ends] = capacity * (1 + 1e-9)
        for host in self.inventory.hosts:
            self.limits["out", host.name] = host.max_outgoing or settings.max_outgoing
            self.limits["in", host.name] = host.max_incoming or settings.max_incoming
        for number, _ in enumerate(self.not_at_once):
            self.limits["rule", number] = 1

    def _options(self, vm: VM) -> list[Job]:
        """Return what a mover may do, less what is no better than another on the same route in any respect."""
        jobs = [job for choice in self.choices[vm.name] if (job := self._job(vm, *choice)) is not None]
        jobs.sort(key=lambda job: (job.cost, job.duration_s, job.bandwidth))
        kept: list[Job] = []
        for job in jobs:
            if not any(
                other.target == job.target
                and other.cost <= job.cost
                and other.duration_s <= job.duration_s
                and other.bandwidth <= job.bandwidth
                for other in kept
            ):
                kept.append(job)
        return kept

    def _job(self, vm: VM, way: Way, rate: float, target: str) -> Job | None:
        """Return a choice as a job, or None where the contract forbids it by itself."""
        settings, host = self.inventory.settings, self.hosts[target]
        route = self.network.route(vm.host, target)
        allowed = set(settings.approaches) & set(settings.approaches if vm.approaches is None else vm.approaches)
        stays = {other.name for other in self.inventory.vms if other.host == target}
        if (
            route is None
            or vm.pinned
            or way.approach not in allowed
            or target in self.evacuate
            or not host.accepts
            or not set(vm.requires) <= set(host.labels)
            or any(vm.name in group and group & stays for group in self.separate)
            or any(vm.name in group and group - self.moving and not group & stays for group in self.together)
        ):
            return None
        found = predict_vm(settings, vm, way.approach, rate, way.switch_point)
        duration_s, downtime_s = float(found.time_s[0, 0]), float(found.downtime_s[0, 0])
        least_s = host.ready_after + duration_s + self.hosts[vm.host].shutdown_time
        too_long = vm.max_downtime is not None and downtime_s > vm.max_downtime
        if found.outside[0, 0] or too_long or not least_s <= self.deadline_s + LATE_S:
            return None
        if rate > self.fabric.most(vm, way.approach, vm.host, target) * (1 + 1e-9):
            return None
        shares = self.fabric.shares(vm.host, target)
        demands: dict[object, float] = {("link", ends): rate * share for ends, share in shares.items()}
        demands |= {("out", vm.host): 1, ("in", target): 1}
        demands |= {("rule", number): 1 for number, group in enumerate(self.not_at_once) if vm.name in group}
        if any(amount > self.limits[resource] for resource, amount in demands.items()):
            return None
        sent, share = float(found.transferred_bytes[0, 0]), float(found.precopy_share[0, 0])
        ways = self.fabric.ways(vm.host, target)
        off_s = self.hosts[vm.host].shutdown_time
        return Job(vm, way, rate, route, duration_s, downtime_s, sent, share, demands, host.ready_after, off_s, ways)

    def _assign(self, options: Sequence[Sequence[Job]], chosen: tuple[Job, ...]) -> None:
        if self.any_will_do and self.plan is not None:
            return
        depth = len(chosen)
        spent = sum(job.cost for job in chosen)
        least = spent + self.cheapest[depth]
        level, finish_s = self.best
        if least > level * (1 + TIE) + 1e-12:
            return
        only_ties = least >= level * (1 - TIE) - 1e-12
        limit_s = finish_s if only_ties else self.deadline_s + LATE_S
        if self._least_finish(chosen) > limit_s * (1 - TIE if only_ties else 1 + TIE):
            return
        complete = depth == len(options)
        schedule = earliest_finish(chosen, self.limits, self.precedes, limit_s, any_will_do=not complete)
        if schedule is None:
            return
        if complete:
            ends = (schedule[job.vm.name] + job.duration_s + job.off_s for job in chosen)
            end_s = max((self.idle_off_s, *ends))
            if not only_ties or end_s < finish_s:
                self.best, self.plan, self.jobs = (min(spent, level), end_s), schedule, chosen
            return
        for job in options[depth]:
            if self._compatible(job, chosen):
                self._assign(options, (*chosen, job))

    def _least_finish(self, chosen: Sequence[Job]) -> float:
        """Return how long the resources are busy at least with those chosen and the least of the others [s]."""
        rest = self.least_use[len(chosen) :]
        return max(
            (sum(_use(job, resource) for job in chosen) + sum(least[number] for least in rest)) / limit
            for number, (resource, limit) in enumerate(self.limits.items())
        )

    def _compatible(self, job: Job, chosen: Sequence[Job]) -> bool:
        """Return whether a job's target has room beside those chosen, and the rules on places hold."""
        beside = [other for other in chosen if other.target == job.target]
        stay = [vm for vm in self.inventory.vms if vm.host == job.target]
        host = self.hosts[job.target]
        arrivals = [*(other.vm for other in beside), job.vm]
        if sum(vm.memory for vm in (*stay, *arrivals)) > host.memory:
            return False
        if sum(vm.vcpus for vm in (*stay, *arrivals)) > host.cpus:
            return False
        for group in self.separate:
            if job.vm.name in group and any(other.vm.name in group for other in beside):
                return False
        return not any(
            job.vm.name in group and other.vm.name in group and other.target != job.target
            for group in self.together
            for other in chosen
        )

    def _move(self, job: Job, start_s: float) -> Move:
        return Move(
            vm=job.vm.name,
            source=job.vm.host,
            target=job.target,
            approach=job.way.approach,
            switch_point=job.way.switch_point,
            precopy_share=job.precopy_share,
            bandwidth_bytes_per_s=job.bandwidth,
            path=job.ways[0],
            paths=tuple(PathShare(path=way, share=1 / len(job.ways)) for way in job.ways) if len(job.ways) > 1 else (),
            start_s=start_s,
            duration_s=job.duration_s,
            downtime_s=job.downtime_s,
            transferred_bytes=job.transferred_bytes,
            memory_bytes=job.vm.memory,
            disk_bytes=job.vm.disk,
            weight=job.vm.weight,
        )


def _use(job: Job, resource: object) -> float:
    return job.demands.get(resource, 0) * job.duration_s


def _least_use(jobs: Sequence[Job], resource: object) -> float:
    return min((_use(job, resource) for job in jobs), default=0.0)


def earliest_finish(
    jobs: Sequence[Job],
    limits: Mapping[object, float],
    precedes: set[tuple[str, str]],
    limit_s: float,
    *,
    any_will_do: bool = False,
) -> dict[str, float] | None:
    """Return the starts [s] of a schedule that ends as early as any, or None if none ends by the limit.

    With any_will_do the first schedule found that ends by the limit is returned.
    """
    best: dict[str, float] | None = None
    best_s = limit_s

    def place(placed: dict[str, tuple[Job, float, float]], left: Sequence[Job]) -> bool:
        """Place the rest in all orders; return whether to stop."""
        nonlocal best, best_s
        if not left:
            end_s = max((end + job.off_s for job, _, end in placed.values()), default=0.0)
            if best is None or end_s < best_s:
                best, best_s = {name: start for name, (_, start, _) in placed.items()}, end_s
            return any_will_do
        waiting = {job.vm.name for job in left}
        for job in left:
            name = job.vm.name
            earlier = [a for a, b in precedes if b == name]
            if any(a in waiting for a in earlier):
                continue
            ready_s = max((placed[a][2] for a in earlier if a in placed), default=0.0)
            start_s = _earliest_start(job, max(ready_s, job.ready_s), list(placed.values()), limits)
            end_s = start_s + job.duration_s
            if end_s + job.off_s > best_s or (best is not None and end_s + job.off_s >= best_s):
                continue
            rest = [other for other in left if other is not job]
            if place({**placed, name: (job, start_s, end_s)}, rest):
                return True
        return False

    place({}, jobs)
    return best


def _earliest_start(
    job: Job, ready_s: float, placed: Sequence[tuple[Job, float, float]], limits: Mapping[object, float]
) -> float:
    """Return the earliest start from which a job fits beside those placed; what it waits for is always an end."""
    starts = sorted({ready_s, *(end for _, _, end in placed if end > ready_s)})
    return next(start for start in starts if _fits(job, start, placed, limits))


def _fits(job: Job, start_s: float, placed: Sequence[tuple[Job, float, float]], limits: Mapping[object, float]) -> bool:
    end_s = start_s + job.duration_s
    beside = [(other, since, until) for other, since, until in placed if since < end_s and until > start_s]
    for moment in {start_s, *(since for _, since, _ in beside if since > start_s)}:
        running = [other for other, since, until in beside if since <= moment < until]
        for resource, amount in job.demands.items():
            if amount + sum(other.demands.get(resource, 0) for other in running) > limits[resource]:
                return False
    return True
