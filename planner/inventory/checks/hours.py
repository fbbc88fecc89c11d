"""What is given by hour of day does not contradict what holds all day."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding

STEADY = ("dirty_vector", "hot_memory", "cold_write_rate")
"""Fields that say how a VM writes its memory at any time of day."""


def check_hours_of_writes(draft: Draft) -> Iterator[Finding]:
    """A VM whose write rate differs by hour is not also told to write in one way all day."""
    for vm in draft.vms:
        if not vm.has("write_rate_by_hour") or vm.value.write_rate_by_hour is None:
            continue
        at = ("vms", vm.index, "write_rate_by_hour")
        for field in STEADY:
            if vm.has(field) and getattr(vm.value, field):
                yield Finding(
                    "writes-by-hour-and-all-day",
                    f"write_rate_by_hour and {field} are both given; it is not said how {field} differs by hour",
                    f"leave one out, or give a working_set in place of {field}",
                    at,
                )
        if vm.has("dirty_sets", "write_rate") and vm.value.dirty_sets and vm.value.write_rate == 0:
            yield Finding(
                "writes-by-hour-of-nothing",
                "the rates of dirty_sets rise and fall with write_rate, which is 0",
                "give the write_rate to which the rates of dirty_sets belong",
                at,
            )


def check_hours_of_links(draft: Draft) -> Iterator[Finding]:
    """A link with a usable share by hour, which is that of both directions, has one share for both all day."""
    for link in draft.links:
        if link.has("usable", "usable_by_hour") and link.value.usable_by_hour and isinstance(link.value.usable, tuple):
            yield Finding(
                "usable-by-hour-and-direction",
                "usable differs by direction, and usable_by_hour does not",
                "give one usable share for both directions, or leave usable_by_hour out",
                ("links", link.index, "usable_by_hour"),
            )
