"""What must hold between the entries of an inventory. One small function a check; each finding has its mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from planner.inventory.checks.capacity import check_capacity
from planner.inventory.checks.hours import check_hours_of_links, check_hours_of_writes
from planner.inventory.checks.memory import (
    check_dirty_sets,
    check_dirty_vector,
    check_disk_writes,
    check_one_way_of_writing,
    check_parts_of_memory,
)
from planner.inventory.checks.names import check_duplicate_links, check_duplicate_names
from planner.inventory.checks.network import check_migration_network, check_reachability, check_split_paths
from planner.inventory.checks.quantities import check_hot_memory, check_units
from planner.inventory.checks.references import check_link_ends, check_rule_members, check_vm_hosts
from planner.inventory.checks.rules import check_before_cycles, check_repeated_members, check_separated_at_start
from planner.inventory.checks.settings import check_approaches, check_link_classes, check_thresholds, check_tunnel
from planner.inventory.checks.spreads import check_rate_ranges, check_spreads
from planner.inventory.draft import Draft
from planner.inventory.places import MAX_PROBLEMS
from planner.inventory.translate import Finding

CHECKS: tuple[Callable[[Draft], Iterator[Finding]], ...] = (
    check_thresholds,
    check_link_classes,
    check_tunnel,
    check_spreads,
    check_units,
    check_hot_memory,
    check_one_way_of_writing,
    check_parts_of_memory,
    check_dirty_sets,
    check_dirty_vector,
    check_disk_writes,
    check_hours_of_writes,
    check_hours_of_links,
    check_rate_ranges,
    check_duplicate_names,
    check_duplicate_links,
    check_link_ends,
    check_migration_network,
    check_reachability,
    check_split_paths,
    check_vm_hosts,
    check_approaches,
    check_capacity,
    check_rule_members,
    check_repeated_members,
    check_separated_at_start,
    check_before_cycles,
)
"""All checks, in the order of the file's sections."""


def cross_check(draft: Draft) -> list[Finding]:
    """Return what is wrong between the entries, as far as the draft tells; of each check, no more than are reported."""
    return [finding for check in CHECKS for finding in islice(check(draft), MAX_PROBLEMS + 1)]
