"""The most weight that can be saved, by trying every set of VMs with brute force."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain, combinations

from planner.inventory.models import VM, Inventory, rule_kind
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from tests.truth.brute import brute_force, menu_choices
from tests.truth.brute_room import RoomTruth
from tests.truth.inventories import Case
from tests.truth.room_cases import RoomCase


def without(inventory: Inventory, gone: set[str]) -> Inventory:
    """Return the inventory without some VMs, and its rules without them."""
    rules = []
    for rule in inventory.rules:
        left = tuple(name for name in rule.members if name not in gone)
        if len(left) > 1:
            rules.append(rule.model_copy(update={rule_kind(rule): left}))
    vms = tuple(vm for vm in inventory.vms if vm.name not in gone)
    return inventory.model_copy(update={"vms": vms, "rules": tuple(rules)})


def most_saved(case: Case) -> tuple[VM, ...]:
    """Return the VMs of the most weight, of those the most, that can leave in time together."""
    leaving = [vm for vm in case.inventory.vms if vm.host in case.evacuate]
    sets = chain.from_iterable(combinations(leaving, count) for count in range(len(leaving) + 1))
    for kept in sorted(sets, key=lambda kept: (-sum(vm.weight for vm in kept), -len(kept))):
        if any(vm.pinned for vm in kept):
            continue
        if not kept or _can_leave(without(case.inventory, {vm.name for vm in leaving if vm not in kept}), case):
            return kept
    raise AssertionError("nobody has to leave for nobody to be saved")


def most_saved_with_room(case: RoomCase) -> float:
    """Return the most weight that can leave in time where VMs of other hosts may make room [1].

    Raises
    ------
    TooMuch
        If there is too much to try.
    """
    network = Network(case.inventory)

    def menu(route: Route) -> tuple[float, ...]:
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    leaving = [vm for vm in case.inventory.vms if vm.host in case.evacuate]
    sets = chain.from_iterable(combinations(leaving, count) for count in range(1, len(leaving) + 1))
    for kept in sorted(sets, key=lambda kept: -sum(vm.weight for vm in kept)):
        if any(vm.pinned for vm in kept):
            continue
        inventory = without(case.inventory, {vm.name for vm in leaving if vm not in kept})
        truth = RoomTruth(inventory, case.evacuate, case.deadline_s, case.price_s, menu)
        if math.isfinite(truth.least_cost_s()):
            return sum(vm.weight for vm in kept)
    return 0.0


def _can_leave(inventory: Inventory, case: Case) -> bool:
    network = Network(inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    choices = menu_choices(inventory, case.evacuate, menu)
    return brute_force(inventory, case.evacuate, case.deadline_s, choices) is not None
