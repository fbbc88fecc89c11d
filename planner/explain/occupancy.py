"""What a plan holds when: directed links, slots, memory, vCPUs, groups; and what another move would need beside that.

One structure for all that is said of a plan. It takes the verifier's replay, so that both mean the same by a hold: a
move holds what it needs in [start, end), less the verifier's tolerance at the end.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import numpy as np

from planner.explain.claims import Bound, Claim, Floats, Need, Never, Trial
from planner.inventory.models import VM, Before, Inventory, NotAtOnce, Rule, Separate, Together, rule_name
from planner.network import Network
from planner.plan.models import Move, Plan
from planner.plan.why import Kind, Resource
from planner.verify.replay import Replay
from planner.verify.sweep import Hold
from planner.verify.ways import shares_of

Numbered = tuple[int, Hold]
"""The number of a move in the plan, and what it holds."""


class Occupancy:
    """A plan over its inventory, and what it holds when.

    Attributes
    ----------
    inventory, plan
        What is looked at; the plan is one that the verifier accepts.
    moves
        The moves of the plan.
    holds
        By resource that moves hold while they run: which move holds how much.
    rules_of
        The rules that name a VM.
    """

    def __init__(self, inventory: Inventory, plan: Plan) -> None:
        self.inventory, self.plan, self.moves = inventory, plan, plan.moves
        self.replay = Replay(inventory, plan)
        self.rules_of: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in inventory.rules:
            for name in dict.fromkeys(rule.members):
                self.rules_of[name].append(rule)
        self.numbers_of: defaultdict[str, list[int]] = defaultdict(list)
        for number in sorted(range(len(self.moves)), key=lambda n: self.moves[n].start_s):
            self.numbers_of[self.moves[number].vm].append(number)
        self.movers = frozenset(self.numbers_of)
        self.holds: defaultdict[Resource, list[Numbered]] = defaultdict(list)
        for number, step in enumerate(self.replay.steps):
            for resource, amount in self.during(step.move):
                self.holds[resource].append((number, Hold(step.move.vm, step.move.start_s, step.held_until_s, amount)))
        self._ends = np.unique([0.0, *(step.end_s for step in self.replay.steps)])

    @cached_property
    def network(self) -> Network:
        """The network of the inventory."""
        return Network(self.inventory)

    @cached_property
    def _there(self) -> dict[str, list[tuple[VM, float, float]]]:
        """Which VMs are ever on a host, since and until when."""
        there: defaultdict[str, list[tuple[VM, float, float]]] = defaultdict(list)
        for vm in self.inventory.vms:
            for host, since, until in self.replay.presence(vm):
                there[host].append((vm, since, until))
        return there

    def vm(self, name: str) -> VM:
        """Return a VM by its name."""
        return self.replay.vms[name]

    def is_extra(self, number: int) -> bool:
        """Return whether a move makes room."""
        return self.replay.is_extra(self.replay.steps[number])

    def during(self, move: Move) -> Iterator[tuple[Resource, float]]:
        """Yield what a move holds while it runs, and how much."""
        for ends, share in shares_of(move).items():
            yield Resource(Kind.LINK, ends), move.bandwidth_bytes_per_s * share
        yield Resource(Kind.OUTGOING, (move.source,)), 1.0
        yield Resource(Kind.INCOMING, (move.target,)), 1.0
        for rule in self.rules_of.get(move.vm, ()):
            if isinstance(rule, NotAtOnce):
                yield Resource(Kind.NOT_AT_ONCE, rule=rule_name(rule)), 1.0

    def capacity(self, resource: Resource) -> float:
        """Return how much there is of what moves hold while they run: bytes/s of links, else a count."""
        match resource.kind:
            case Kind.LINK:
                return self.replay.capacity_bytes_per_s.get((resource.names[0], resource.names[1]), 0.0)
            case Kind.OUTGOING:
                own = self.replay.hosts[resource.names[0]].max_outgoing
                return float(self.inventory.settings.max_outgoing if own is None else own)
            case Kind.INCOMING:
                own = self.replay.hosts[resource.names[0]].max_incoming
                return float(self.inventory.settings.max_incoming if own is None else own)
            case _:
                return 1.0

    def trial(self, number: int, move: Move) -> Trial:
        """Return the trial of a move in place of a planned one, all others as they are; its own start does not count.

        Parameters
        ----------
        number
            Number of the planned move.
        move
            Another move of the same VM from the same source.
        """
        claims: tuple[Claim, ...] = (
            *self._bounds(number, move),
            *self._together(number, move),
            *self._room(number, move),
            *self._while_it_runs(number, move),
        )
        ready_s = self.replay.hosts[move.target].ready_after
        events: Floats = np.unique(np.append(self._ends, ready_s)) if ready_s > 0 else self._ends
        return Trial(move.duration_s, claims, events, self.movers)

    def _while_it_runs(self, number: int, move: Move) -> Iterator[Need]:
        for resource, amount in self.during(move):
            others = [hold for other, hold in self.holds.get(resource, ()) if other != number]
            if others or amount > self.capacity(resource):
                unit = "bytes/s" if resource.kind is Kind.LINK else "count"
                yield Need(resource, others, amount, self.capacity(resource), unit)

    def _room(self, number: int, move: Move) -> Iterator[Need]:
        """Yield what it needs of both its hosts: memory, vCPUs, and that no VM is there that it must be apart from."""
        numbers = self.numbers_of[move.vm]
        place = numbers.index(number)
        until_s = self.replay.steps[numbers[place + 1]].held_until_s if place + 1 < len(numbers) else math.inf
        since_s = self.moves[numbers[place - 1]].start_s if place else -math.inf
        for name, span, edge_s in ((move.target, "from", until_s), (move.source, "until", since_s)):
            host, vm = self.replay.hosts[name], self.vm(move.vm)
            others = [entry for entry in self._there.get(name, ()) if entry[0].name != vm.name]
            # Where all fit that are ever there, those fit that are there at once.
            if vm.memory + sum(other.memory for other, _, _ in others) > host.memory:
                holds = [Hold(other.name, since, until, other.memory) for other, since, until in others]
                yield Need(Resource(Kind.MEMORY, (name,)), holds, vm.memory, host.memory, "bytes", span, edge_s)
            if vm.vcpus + sum(other.vcpus for other, _, _ in others) > host.cpus:
                holds = [Hold(other.name, since, until, other.vcpus) for other, since, until in others]
                yield Need(Resource(Kind.VCPUS, (name,)), holds, vm.vcpus, host.cpus, "count", span, edge_s)
            for rule in self.rules_of.get(vm.name, ()):
                if isinstance(rule, Separate):
                    apart = [Hold(o.name, since, until) for o, since, until in others if o.name in rule.members]
                    if apart:
                        resource = Resource(Kind.SEPARATE, (name,), rule_name(rule))
                        yield Need(resource, apart, 1, 1, "count", span, edge_s)

    def _bounds(self, number: int, move: Move) -> Iterator[Bound]:
        source, target = self.replay.hosts[move.source], self.replay.hosts[move.target]
        deadline_s = self.plan.request.deadline_s
        yield Bound(Resource(Kind.DEADLINE), deadline_s, of_end=True)
        if source.name in self.replay.evacuated and source.shutdown_time > 0:
            yield Bound(Resource(Kind.SHUTDOWN, (source.name,)), deadline_s - source.shutdown_time, of_end=True)
        if target.ready_after > 0:
            yield Bound(Resource(Kind.READY, (target.name,)), target.ready_after, of_end=False)
        numbers = self.numbers_of[move.vm]
        place = numbers.index(number)
        if place:
            end_s = self.replay.steps[numbers[place - 1]].end_s
            yield Bound(Resource(Kind.CHAIN, (move.vm,)), end_s, of_end=False, holders=(move.vm,))
        if place + 1 < len(numbers):
            start_s = self.moves[numbers[place + 1]].start_s
            yield Bound(Resource(Kind.CHAIN, (move.vm,)), start_s, of_end=True, holders=(move.vm,))
        for rule in self.rules_of.get(move.vm, ()):
            if isinstance(rule, Before):
                yield from self._before(rule, move.vm)

    def _before(self, rule: Before, vm: str) -> Iterator[Bound]:
        resource, place = Resource(Kind.BEFORE, rule=rule_name(rule)), rule.members.index(vm)
        earlier = [
            self.replay.steps[number] for name in rule.members[:place] for number in self.numbers_of.get(name, ())
        ]
        later = [
            self.replay.steps[number] for name in rule.members[place + 1 :] for number in self.numbers_of.get(name, ())
        ]
        if earlier:
            last = max(earlier, key=lambda step: step.end_s)
            yield Bound(resource, last.end_s, of_end=False, holders=(last.move.vm,))
        if later:
            first = min(later, key=lambda step: step.move.start_s)
            yield Bound(resource, first.move.start_s, of_end=True, holders=(first.move.vm,))

    def _together(self, number: int, move: Move) -> Iterator[Never]:
        """Yield the together rules that its target would break; only where a VM goes last counts."""
        if number != self.numbers_of[move.vm][-1]:
            return
        for rule in self.rules_of.get(move.vm, ()):
            if not isinstance(rule, Together):
                continue
            others = [name for name in dict.fromkeys(rule.members) if name != move.vm and name in self.replay.vms]
            elsewhere = [
                name
                for name in others
                if name in self.movers and self.moves[self.numbers_of[name][-1]].target != move.target
            ]
            stay = [name for name in others if name not in self.movers]
            if stay and all(self.vm(name).host != move.target for name in stay):
                elsewhere += stay
            if elsewhere:
                yield Never(Resource(Kind.TOGETHER, rule=rule_name(rule)), tuple(elsewhere))
