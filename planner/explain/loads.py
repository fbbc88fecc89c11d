"""How much of everything a plan uses: directed links, slots, groups, chains; each as a share of what there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from planner.explain.occupancy import Occupancy
from planner.inventory.models import Before, rule_name
from planner.plan.why import Kind, Load, Resource, Use

MOST_USERS = 5
"""How many users of a resource are named [count]."""


def loads(occupancy: Occupancy) -> tuple[Load, ...]:
    """Return the load of all that moves hold while they run, and of before rules; the highest until the deadline first.

    The load is the use integrated over a time, divided by the capacity times that time. A before rule is used while one
    of its members moves: it lets one at a time.
    """
    used = _used(occupancy)
    found = [_load(occupancy, resource, amounts) for resource, amounts in used.items()]
    return tuple(sorted(found, key=lambda load: (-load.until_deadline, load.resource)))


def loads_of(every: Iterable[Load], occupancy: Occupancy, number: int) -> tuple[Load, ...]:
    """Return the loads of what a move uses, highest first."""
    mine = {resource for resource, _ in occupancy.during(occupancy.moves[number])}
    return tuple(load for load in every if load.resource in mine)


def profile(occupancy: Occupancy, resource: Resource) -> tuple[tuple[float, float, float], ...]:
    """Return how much of a resource is used when: since and until when [s], and the share of its capacity [1]."""
    changes: defaultdict[float, float] = defaultdict(float)
    for number, amount in _used(occupancy)[resource].items():
        move = occupancy.moves[number]
        changes[move.start_s] += amount
        changes[move.end_s] -= amount
    moments, held, capacity = sorted(changes), 0.0, occupancy.capacity(resource)
    found = []
    for since_s, until_s in pairwise(moments):
        held += changes[since_s]
        found.append((since_s, until_s, max(0.0, held / capacity)))
    return tuple(found)


def finish_s(occupancy: Occupancy) -> float:
    """Return when the last move ends [s]."""
    return max((move.end_s for move in occupancy.moves), default=0.0)


def _used(occupancy: Occupancy) -> dict[Resource, dict[int, float]]:
    """Return for each resource which moves use how much of it."""
    used = {resource: {number: hold.amount for number, hold in holds} for resource, holds in occupancy.holds.items()}
    for rule in occupancy.inventory.rules:
        if isinstance(rule, Before):
            numbers = [number for name in rule.members for number in occupancy.numbers_of.get(name, ())]
            if len(numbers) > 1:
                used[Resource(Kind.BEFORE, rule=rule_name(rule))] = dict.fromkeys(numbers, 1.0)
    return used


def _load(occupancy: Occupancy, resource: Resource, amounts: dict[int, float]) -> Load:
    by_vm: defaultdict[str, float] = defaultdict(float)
    for number, amount in amounts.items():
        move = occupancy.moves[number]
        by_vm[move.vm] += amount * move.duration_s
    whole = sum(by_vm.values())
    capacity = occupancy.capacity(resource)
    users = sorted(by_vm.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_USERS]
    return Load(
        resource=resource,
        until_deadline=_share(whole, capacity * occupancy.plan.request.deadline_s),
        until_finish=_share(whole, capacity * finish_s(occupancy)),
        moves=len(amounts),
        users=tuple(Use(vm, _share(used, whole)) for vm, used in users),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
