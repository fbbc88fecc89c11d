"""A plan laid over its inventory: what every check looks at, prepared once.

A plan may come from anyone, so nothing is taken for granted: what does not exist is None here, and the checks
that need it pass over the move; others report it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from planner.inventory.models import VM, Host, Inventory
from planner.plan.models import Move, Plan

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
    source
        The host on which the inventory has the VM; for an unknown VM the source that the plan names, if it exists.
    target
        The target, or None if there is no such host.
    end_s
        When the move ends [s].
    held_until_s
        When what it holds is free again: the end, less the time tolerance [s].
    links
        The directed links of its path that exist.
    """

    move: Move
    vm: VM | None
    source: Host | None
    target: Host | None
    end_s: float
    held_until_s: float
    links: tuple[tuple[str, str], ...]


class Replay:
    """A plan laid over its inventory.

    Attributes
    ----------
    inventory, plan
        What is compared.
    hosts, vms
        By name.
    capacity_bytes_per_s
        Capacity of each directed link, by its two ends; a full-duplex link is two of them [bytes/s].
    evacuated
        Names of the hosts to empty.
    steps
        The moves in the order of the plan.
    steps_of
        The steps of each VM that moves, by name; more than one where the plan is wrong.
    """

    def __init__(self, inventory: Inventory, plan: Plan) -> None:
        self.inventory = inventory
        self.plan = plan
        self.hosts = {host.name: host for host in inventory.hosts}
        self.vms = {vm.name: vm for vm in inventory.vms}
        self.capacity_bytes_per_s = {
            ends: link.capacity_bytes_per_s
            for link in inventory.links
            for ends in (link.between, (link.between[1], link.between[0]))
        }
        self.evacuated = frozenset(plan.request.evacuate)
        self.steps = tuple(self._step(move) for move in plan.moves)
        steps_of: defaultdict[str, list[Step]] = defaultdict(list)
        for step in self.steps:
            steps_of[step.move.vm].append(step)
        self.steps_of = dict(steps_of)

    def _step(self, move: Move) -> Step:
        vm = self.vms.get(move.vm)
        end_s = move.start_s + move.duration_s
        return Step(
            move=move,
            vm=vm,
            source=self.hosts.get(move.source if vm is None else vm.host),
            target=self.hosts.get(move.target),
            end_s=end_s,
            held_until_s=max(move.start_s, end_s - TIME_TOLERANCE_S),
            links=tuple(ends for ends in pairwise(move.path) if ends in self.capacity_bytes_per_s),
        )

    def presence(self, vm: VM) -> dict[str, tuple[float, float]]:
        """Return when a VM takes up room on which host: one interval [s] for each host, -inf and inf included.

        It is on its source until its move ends and on its target from its start.
        """
        steps = self.steps_of.get(vm.name)
        if not steps:
            return {vm.host: (-math.inf, math.inf)}
        where = {vm.host: (-math.inf, max(step.held_until_s for step in steps))}
        for step in steps:
            since, _ = where.get(step.move.target, (math.inf, math.inf))
            where[step.move.target] = (min(since, step.move.start_s), math.inf)
        return where
