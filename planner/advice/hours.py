"""An inventory as it is in some hours of the day: rates at their highest, usable shares at their least."""

from __future__ import annotations

import math
from collections.abc import Collection

from planner.errors import InputError
from planner.inventory.models import HOURS, VM, Inventory, Link

HOUR_S = 3600.0
DAY_S = HOURS * HOUR_S


def differs_by_hour(inventory: Inventory) -> bool:
    """Return whether anything in an inventory is given by hour of day."""
    by_vm = any(vm.read_rate_by_hour is not None or vm.write_rate_by_hour is not None for vm in inventory.vms)
    return by_vm or any(link.usable_by_hour is not None for link in inventory.links)


def require_hours(inventory: Inventory) -> None:
    """See that something is given by hour of day.

    Raises
    ------
    InputError
        If nothing is.
    """
    if not differs_by_hour(inventory):
        raise InputError.single(
            "nothing-by-hour",
            "no VM and no link has anything by hour of day, so each start is as good as another",
            "give write_rate_by_hour, read_rate_by_hour or usable_by_hour, 24 values each",
        )


def hours_touched(start_s: float, until_s: float) -> frozenset[int]:
    """Return the hours of day that a time touches, both moments in seconds after a midnight; the end is not in it."""
    first, last = math.floor(start_s / HOUR_S), max(math.floor(start_s / HOUR_S), math.ceil(until_s / HOUR_S) - 1)
    return frozenset(hour % HOURS for hour in range(first, min(last, first + HOURS - 1) + 1))


def in_hours(inventory: Inventory, hours: Collection[int]) -> Inventory:
    """Return the inventory with what it says of some hours of the day, whichever of them is the worst.

    Rates are the highest of these hours, usable shares the least, each by itself. What is not given by hour stays, and
    nothing is by hour any more.
    """
    return inventory.model_copy(
        update={
            "vms": tuple(_vm(vm, hours) for vm in inventory.vms),
            "links": tuple(_link(link, hours) for link in inventory.links),
        }
    )


def _vm(vm: VM, hours: Collection[int]) -> VM:
    changed: dict[str, object] = {}
    if vm.read_rate_by_hour is not None:
        rate = max(vm.read_rate_by_hour[hour] for hour in hours)
        changed |= {"read_rate": rate, "read_rate_by_hour": None}
        changed |= {"read_rate_range": _range(vm.read_rate_range, vm.read_rate, rate)}
    if vm.write_rate_by_hour is not None:
        rate = max(vm.write_rate_by_hour[hour] for hour in hours)
        changed |= {"write_rate": rate, "write_rate_by_hour": None}
        changed |= {"write_rate_range": _range(vm.write_rate_range, vm.write_rate, rate)}
        if vm.dirty_sets is not None and vm.write_rate > 0:
            times = rate / vm.write_rate
            sets = tuple(one.model_copy(update={"rate": one.rate * times}) for one in vm.dirty_sets)
            changed |= {"dirty_sets": sets}
    return vm.model_copy(update=changed) if changed else vm


def _range(pair: tuple[float, float] | None, was: float, rate: float) -> tuple[float, float] | None:
    """Return the percentiles of a rate that takes the place of another: as far from it, by factors."""
    return None if pair is None or was <= 0 else (pair[0] * rate / was, pair[1] * rate / was)


def _link(link: Link, hours: Collection[int]) -> Link:
    if link.usable_by_hour is None:
        return link
    least = min(link.usable_by_hour[hour] for hour in hours)
    return link.model_copy(update={"usable": least, "usable_by_hour": None})
