"""A plan laid over its inventory: what every check looks at, prepared once.

A plan may come from anyone, so nothing is taken for granted: what does not exist is None here, and the checks
that need it pass over the move; others report it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from planner.inventory.models import VM, Host, Inventory, Link
from planner.plan.models import Move, Plan
from planner.verify.ways import Ways

TIME_TOLERANCE_S = 1e-6
"""Two moves that overlap by no more than this do not overlap; an end no later than this is in time [s]."""
RELATIVE_TOLERANCE = 1e-9
"""Relative tolerance of bandwidth sums, of predicted numbers and of the objective's sums [1]."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move with what the inventory says about it.

    Parameters
    ----------
    move
        The move as the plan has it.
    vm
        The VM, or None if the inventory has none of that name.
    earlier
        The VM's move before this one in order of start, or None.
    source
        The host on which the VM is then: where the inventory has it, or where the earlier move leads. For an unknown
        VM the source that the plan names, if it exists.
    target
        The target, or None if there is no such host.
    end_s
        When the move ends [s].
    held_until_s
        When what it holds is free again: the end, less the time tolerance [s].
    """

    move: Move
    vm: VM | None
    earlier: Move | None
    source: Host | None
    target: Host | None
    end_s: float
    held_until_s: float


class Replay:
    """A plan laid over its inventory.

    Attributes
    ----------
    inventory, plan
        What is compared.
    hosts, vms
        By name.
    joined
        The two ends of every link, in both directions.
    links
        The links that migrations may use, by their two ends; a full-duplex link is two of them.
    capacity_bytes_per_s
        Capacity of each of these [bytes/s].
    ways
        The shortest paths over them.
    evacuated
        Names of the hosts to empty.
    triage
        Whether the request lets VMs stay that cannot leave in time.
    not_moving
        The VMs that the plan says it shuts down or leaves, by name.
    steps
        The moves in the order of the plan.
    steps_of
        The steps of each VM that moves in order of start, by name.
    """

    def __init__(self, inventory: Inventory, plan: Plan) -> None:
        self.inventory = inventory
        self.plan = plan
        self.hosts = {host.name: host for host in inventory.hosts}
        self.vms = {vm.name: vm for vm in inventory.vms}
        self.joined = frozenset(ends for link in inventory.links for ends in permutations(link.between))
        self.links: dict[tuple[str, str], Link] = {}
        self.capacity_bytes_per_s: dict[tuple[str, str], float] = {}
        network = inventory.settings.migration_network
        for link in inventory.links:
            if network is None or link.networks is None or network in link.networks:
                a, b = link.between
                self.links |= {(a, b): link, (b, a): link}
                there, back = link.capacities_bytes_per_s
                self.capacity_bytes_per_s |= {(a, b): there, (b, a): back}
        self.ways = Ways(inventory.switches, self.links)
        self.evacuated = frozenset(plan.request.evacuate)
        self.triage = plan.request.if_infeasible == "triage"
        self.not_moving = frozenset((*(one.vm for one in plan.shutdowns), *(one.vm for one in plan.left)))
        order = sorted(range(len(plan.moves)), key=lambda number: plan.moves[number].start_s)
        steps_of: defaultdict[str, list[Step]] = defaultdict(list)
        made: dict[int, Step] = {}
        for number in order:
            move = plan.moves[number]
            before = steps_of[move.vm]
            made[number] = self._step(move, before[-1].move if before else None)
            before.append(made[number])
        self.steps = tuple(made[number] for number in range(len(plan.moves)))
        self.steps_of = dict(steps_of)

    def _step(self, move: Move, earlier: Move | None) -> Step:
        vm = self.vms.get(move.vm)
        end_s = move.start_s + move.duration_s
        at = move.source if vm is None else vm.host if earlier is None else earlier.target
        return Step(
            move=move,
            vm=vm,
            earlier=earlier,
            source=self.hosts.get(at),
            target=self.hosts.get(move.target),
            end_s=end_s,
            held_until_s=max(move.start_s, end_s - TIME_TOLERANCE_S),
        )

    def presence(self, vm: VM) -> Iterator[tuple[str, float, float]]:
        """Yield when a VM takes up room on which host: name, since and until [s], -inf and inf included.

        It is on each host of its way from the start of the move that brings it to the end of the one that takes it
        away. Times on one host do not overlap.
        """
        steps = self.steps_of.get(vm.name)
        if steps is None:
            yield vm.host, -math.inf, math.inf
            return
        until = [*(step.held_until_s for step in steps), math.inf]
        where: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        where[vm.host].append((-math.inf, until[0]))
        for step, end_s in zip(steps, until[1:], strict=True):
            times = where[step.move.target]
            since = step.move.start_s
            if times and since <= times[-1][1]:
                since, last = times.pop()
                end_s = max(last, end_s)
            times.append((since, end_s))
        for host, times in where.items():
            for since, end_s in times:
                yield host, since, end_s

    def is_extra(self, step: Step) -> bool:
        """Return whether a move makes room: of a VM whose host is not evacuated, or not the first of its VM."""
        return step.earlier is not None or (step.vm is not None and step.vm.host not in self.evacuated)
