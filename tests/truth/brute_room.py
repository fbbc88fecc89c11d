"""Brute force with extra moves: the least cost of a tiny case over all ways, parking places, choices and orders.

VMs of evacuated hosts move once. Any other VM stays, goes, or goes by way of one other host. First the ways by hosts
are tried: what fits in the end, and in some order one move after the other, cheapest first; then approaches and
bandwidths; then all orders of starts, each move as early as it fits. Nothing is shared with optimiser and verifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product

from planner.inventory.models import VM, Approach, Before, Inventory, NotAtOnce, Separate, Together
from planner.network import Network, Route
from planner.predict import predict_vm
from tests.truth.brute import offered_ways

LATE_S = 1e-6
Menu = Callable[[Route], Sequence[float]]
Way = tuple[str, ...]
"""Hosts to which a VM goes, in order; none where it stays."""


class TooMuch(Exception):
    """The case has more to try than was allowed."""


@dataclass(frozen=True)
class Step:
    """A move with its numbers."""

    vm: str
    source: str
    target: str
    approach: Approach
    rate: float
    time_s: float
    downtime_s: float
    links: tuple[int, ...]


class RoomTruth:
    """The least cost of a case.

    Parameters
    ----------
    inventory, evacuate, deadline_s, price_s
        What is asked.
    menu
        Bandwidths of a route [bytes/s].
    patience
        Schedules that may be tried.
    """

    def __init__(
        self,
        inventory: Inventory,
        evacuate: Sequence[str],
        deadline_s: float,
        price_s: float,
        menu: Menu,
        patience: int = 2_000,
    ) -> None:
        self.inventory, self.evacuate = inventory, set(evacuate)
        self.deadline_s, self.price_s = deadline_s, price_s
        self.network = Network(inventory)
        self.hosts = {host.name: host for host in inventory.hosts}
        self.vms = {vm.name: vm for vm in inventory.vms}
        self.menu = menu
        self.patience = patience
        self._choices: dict[tuple[str, str, str], list[Step]] = {}

    def least_cost_s(self) -> float:
        """Return the least weighted downtime with the price of extra moves; infinite where no plan exists [s]."""
        best = math.inf
        found = sorted(self._host_level(), key=lambda pair: pair[0])
        for least, ways in found:
            if least >= best - 1e-9:
                break
            if self._some_order(ways):
                best = min(best, self._best_choices(ways, best))
        return best

    def _ways(self, vm: VM) -> list[Way]:
        forced = vm.host in self.evacuate
        if vm.pinned or (not forced and not self.hosts[vm.host].accepts):
            return [] if forced else [()]
        targets = [
            host.name
            for host in self.inventory.hosts
            if host.name not in self.evacuate
            and host.accepts
            and host.name != vm.host
            and set(vm.requires) <= set(host.labels)
        ]
        straight: list[Way] = [(target,) for target in targets]
        if forced:
            return straight
        return [(), *straight, *((p, t) for p in targets for t in targets if p != t)]

    def _host_level(self) -> Iterator[tuple[float, dict[str, Way]]]:
        """Yield ways of all VMs that fit in the end, with the least that they could cost."""
        names = list(self.vms)
        for ways in product(*(self._ways(vm) for vm in self.vms.values())):
            plan = dict(zip(names, ways, strict=True))
            if not self._ends_well(plan):
                continue
            cost = 0.0
            for name, way in plan.items():
                vm, at = self.vms[name], self.vms[name].host
                cost += self.price_s * (len(way) - (vm.host in self.evacuate)) if way else 0.0
                for target in way:
                    steps = self.steps(name, at, target)
                    cost += vm.weight * min((step.downtime_s for step in steps), default=math.inf)
                    at = target
            if cost < math.inf:
                yield cost, plan

    def _ends_well(self, plan: dict[str, Way]) -> bool:
        ends = {name: way[-1] if way else self.vms[name].host for name, way in plan.items()}
        for host in self.inventory.hosts:
            here = [self.vms[name] for name, end in ends.items() if end == host.name]
            if sum(vm.memory for vm in here) > host.memory or sum(vm.vcpus for vm in here) > host.cpus:
                return False
        for rule in self.inventory.rules:
            if isinstance(rule, Separate) and len({ends[name] for name in rule.members}) < len(rule.members):
                return False
            if isinstance(rule, Together):
                moved = {ends[name] for name in rule.members if plan[name]}
                homes = {ends[name] for name in rule.members if not plan[name]}
                if len(moved) > 1 or (homes and not moved <= homes):
                    return False
        return True

    def steps(self, name: str, source: str, target: str) -> list[Step]:
        """Return what a VM could do between two hosts, without what is no better than another in any respect."""
        key = (name, source, target)
        if key not in self._choices:
            self._choices[key] = self._make_steps(*key)
        return self._choices[key]

    def _make_steps(self, name: str, source: str, target: str) -> list[Step]:
        vm, route = self.vms[name], self.network.route(source, target)
        found: list[Step] = []
        for rate in self.menu(route) if route is not None else ():
            for way in offered_ways(self.inventory.settings, vm, rate):
                numbers = predict_vm(self.inventory.settings, vm, way.approach, rate, way.switch_point)
                time_s, down_s = float(numbers.time_s[0, 0]), float(numbers.downtime_s[0, 0])
                if numbers.outside[0, 0] or not time_s <= self.deadline_s + LATE_S:
                    continue
                if vm.max_downtime is None or down_s <= vm.max_downtime * (1 + 1e-9):
                    assert route is not None
                    found.append(Step(name, source, target, way.approach, rate, time_s, down_s, route.links))
        found.sort(key=lambda step: (step.downtime_s, step.time_s, step.rate))
        kept: list[Step] = []
        for step in found:
            if not any(o.time_s <= step.time_s and o.rate <= step.rate for o in kept):
                kept.append(step)
        return kept

    def _some_order(self, ways: dict[str, Way]) -> bool:
        """Return whether there is room at every step of some order, one move after the other."""
        hops = [(name, number) for name, way in ways.items() for number in range(len(way))]

        def go(at: dict[str, str], left: frozenset[tuple[str, int]]) -> bool:
            if not left:
                return True
            for name, number in sorted(left):
                if (name, number - 1) in left:
                    continue
                target = ways[name][number]
                if self._enters(at, name, target) and go({**at, name: target}, left - {(name, number)}):
                    return True
            return False

        return go({name: vm.host for name, vm in self.vms.items()}, frozenset(hops))

    def _enters(self, at: dict[str, str], name: str, target: str) -> bool:
        here = [self.vms[other] for other, host in at.items() if host == target]
        vm, host = self.vms[name], self.hosts[target]
        if sum(other.memory for other in here) + vm.memory > host.memory:
            return False
        if sum(other.vcpus for other in here) + vm.vcpus > host.cpus:
            return False
        names = {other.name for other in here}
        return not any(
            isinstance(rule, Separate) and name in rule.members and names & set(rule.members)
            for rule in self.inventory.rules
        )

    def _best_choices(self, ways: dict[str, Way], best: float) -> float:
        """Return the least cost of ways with a schedule in time, if it is below another; else that other [s]."""
        legs: list[tuple[float, list[Step]]] = []
        price = 0.0
        for name, way in ways.items():
            at = self.vms[name].host
            for target in way:
                legs.append((self.vms[name].weight, self.steps(name, at, target)))
                at = target
            price += self.price_s * (len(way) - (self.vms[name].host in self.evacuate)) if way else 0.0
        combinations = (
            sorted(
                (price + sum(weight * step.downtime_s for (weight, _), step in zip(legs, steps, strict=True)), i, steps)
                for i, steps in enumerate(product(*(steps for _, steps in legs)))
            )
            if math.prod(len(steps) for _, steps in legs) <= self.patience
            else None
        )
        if combinations is None:
            raise TooMuch
        for cost, _, steps in combinations:
            if cost >= best - 1e-9:
                return best
            self.patience -= 1
            if self.patience < 0:
                raise TooMuch
            if self._in_time(steps):
                return cost
        return best

    def _in_time(self, steps: Sequence[Step]) -> bool:
        """Return whether some order of starts ends in time; each move starts as early as it fits in its order."""
        limit = self.deadline_s + LATE_S
        if any(
            sum(step.time_s * step.rate for step in steps if link in step.links)
            > limit * float(self.network.capacity_bytes_per_s[link]) * (1 + 1e-9)
            for link in {link for step in steps for link in step.links}
        ):
            return False
        return any(
            self._serial(steps, order, limit)
            for order in permutations(range(len(steps)))
            if self._chained(steps, order)
        )

    @staticmethod
    def _chained(steps: Sequence[Step], order: Sequence[int]) -> bool:
        place = {i: n for n, i in enumerate(order)}
        pairs = ((i, i + 1) for i in range(len(steps) - 1) if steps[i].vm == steps[i + 1].vm)
        return all(place[i] < place[j] for i, j in pairs)

    def _serial(self, steps: Sequence[Step], order: Sequence[int], limit: float) -> bool:
        """Return whether moves that start in an order, each as early as it fits, end in time."""
        placed: list[tuple[Step, float, float]] = []
        last = 0.0
        for i in order:
            step = steps[i]
            starts = sorted({last, *(end for _, _, end in placed if end > last)})
            start = next((at for at in starts if self._fits(step, at, placed, steps)), None)
            if start is None or start + step.time_s > limit:
                return False
            placed.append((step, start, start + step.time_s))
            last = start
        return True

    def _fits(self, step: Step, at: float, placed: Sequence[tuple[Step, float, float]], steps: Sequence[Step]) -> bool:
        """Return whether a move can start beside those placed, of which none starts later."""
        running = [other for other, _, end in placed if end > at]
        landed = [other for other, _, end in placed if end <= at]
        if any(other.vm == step.vm for other in running):
            return False
        for link in step.links:
            load = sum(other.rate for other in running if link in other.links) + step.rate
            if load > float(self.network.capacity_bytes_per_s[link]) * (1 + 1e-9):
                return False
        settings, source, target = self.inventory.settings, self.hosts[step.source], self.hosts[step.target]
        if sum(other.source == step.source for other in running) >= (source.max_outgoing or settings.max_outgoing):
            return False
        if sum(other.target == step.target for other in running) >= (target.max_incoming or settings.max_incoming):
            return False
        for rule in self.inventory.rules:
            if step.vm not in rule.members:
                continue
            if isinstance(rule, NotAtOnce) and any(other.vm in rule.members for other in running):
                return False
            if isinstance(rule, Before):
                earlier = rule.members[: rule.members.index(step.vm)]
                if any(other.vm in earlier and other not in landed for other in steps):
                    return False
        # Who is on the target, or on the way to it or from it.
        here = {name for name, vm in self.vms.items() if vm.host == step.target}
        for other, _, end in sorted(placed, key=lambda part: part[1]):
            if other.target == step.target:
                here.add(other.vm)
            if other.source == step.target and end <= at:
                here.discard(other.vm)
        return self._enters(dict.fromkeys(here, step.target), step.vm, step.target)
