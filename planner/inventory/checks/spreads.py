"""How far a night may be from the inventory: ranges that hold their median, and one spread for each class of VMs."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding
from planner.units import format_rate

RANGES = (("write_rate", "write_rate_range"), ("read_rate", "read_rate_range"))
"""Fields of a VM with a median rate, and with its 5th and 95th percentile."""


def check_rate_ranges(draft: Draft) -> Iterator[Finding]:
    """A rate lies between its 5th and its 95th percentile, and a range is one of rates above 0."""
    for vm in draft.vms:
        for rate_field, range_field in RANGES:
            median, given = getattr(vm.value, rate_field), getattr(vm.value, range_field)
            if given is None or not vm.has(rate_field, range_field):
                continue
            low, high = given
            place = ("vms", vm.index, range_field)
            if low > high:
                yield Finding(
                    "range-reversed",
                    f"{range_field} goes from {format_rate(low)} down to {format_rate(high)}",
                    "give the 5th percentile first, then the 95th",
                    place,
                )
            elif not low <= median <= high:
                yield Finding(
                    "median-outside-range",
                    f"{rate_field} is {format_rate(median)}, and {range_field} from {format_rate(low)} to"
                    f" {format_rate(high)}",
                    f"{rate_field} is the median of the nights: give one within the range",
                    place,
                )
            elif low <= 0 < high:
                yield Finding(
                    "range-from-nothing",
                    f"{range_field} begins at 0",
                    "give a 5th percentile above 0; nights differ by a factor",
                    place,
                )


def check_spreads(draft: Draft) -> Iterator[Finding]:
    """Each class of VMs has one spread."""
    if draft.settings is None or not draft.settings.has("spreads"):
        return
    seen: dict[str | None, int] = {}
    for index, spread in enumerate(draft.settings.value.spreads):
        first = seen.setdefault(spread.workload, index)
        if first != index:
            whose = "no workload" if spread.workload is None else f"the workload {spread.workload}"
            yield Finding(
                "duplicate-spread",
                f"spreads[{first}] is of {whose} too",
                "keep one of the two",
                ("settings", "spreads", index),
            )
