"""The inventory that a plan carries with it."""

from __future__ import annotations

from planner.errors import InputError
from planner.inventory.load import check_inventory
from planner.inventory.models import Inventory
from planner.plan.models import Plan


def inventory_of(plan: Plan) -> Inventory:
    """Return the inventory that a plan was made for, from the plan itself.

    Raises
    ------
    InputError
        If the plan has none, or one that is wrong in itself or not the one that its digest names.
    """
    found = plan.snapshot
    if found is None:
        raise InputError.single(
            "no-snapshot",
            "the plan does not have the inventory in it that it was made for",
            "give the inventory with --inventory, or plan anew",
        )
    check_inventory(found)
    if plan.inventory.sha256 is not None and found.sha256() != plan.inventory.sha256:
        raise InputError.single(
            "other-snapshot",
            "the inventory in the plan is not the one that the plan says it was made for",
            "give the inventory with --inventory, or plan anew",
        )
    return found
