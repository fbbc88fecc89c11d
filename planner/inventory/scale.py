"""A VM in a night in which it writes and reads more, or less, than the inventory says: a change is an inventory."""

from __future__ import annotations

from planner.inventory.models import VM


def scaled(vm: VM, write_factor: float, read_factor: float) -> VM:
    """Return a VM that writes and reads so many times as fast; how much memory it reaches stays.

    All that says how it writes follows: rates of sets, of pages beside hot memory and of the disk are multiplied, and
    the times of a dirty vector and of hot memory divided, since the same pages are then written sooner.

    Parameters
    ----------
    write_factor, read_factor
        Above 0 [1].
    """
    hot_s = vm.hot_duration
    return vm.model_copy(
        update={
            "write_rate": vm.write_rate * write_factor,
            "read_rate": vm.read_rate * read_factor,
            "write_rate_range": _times(vm.write_rate_range, write_factor),
            "read_rate_range": _times(vm.read_rate_range, read_factor),
            "write_rate_by_hour": _each(vm.write_rate_by_hour, write_factor),
            "read_rate_by_hour": _each(vm.read_rate_by_hour, read_factor),
            "cold_write_rate": None if vm.cold_write_rate is None else vm.cold_write_rate * write_factor,
            "disk_write_rate": vm.disk_write_rate * write_factor,
            "hot_duration": None if hot_s is None else hot_s / write_factor,
            "dirty_sets": None
            if vm.dirty_sets is None
            else tuple(one.model_copy(update={"rate": one.rate * write_factor}) for one in vm.dirty_sets),
            "dirty_vector": None
            if vm.dirty_vector is None
            else tuple(one.model_copy(update={"after": one.after / write_factor}) for one in vm.dirty_vector),
        }
    )


def _times(pair: tuple[float, float] | None, factor: float) -> tuple[float, float] | None:
    return None if pair is None else (pair[0] * factor, pair[1] * factor)


def _each(rates: tuple[float, ...] | None, factor: float) -> tuple[float, ...] | None:
    return None if rates is None else tuple(rate * factor for rate in rates)
