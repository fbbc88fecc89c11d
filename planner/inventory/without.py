"""An inventory without some of its VMs."""

from __future__ import annotations

from collections.abc import Collection

from planner.inventory.models import Inventory, rule_kind


def without_vms(inventory: Inventory, gone: Collection[str]) -> Inventory:
    """Return the inventory without some VMs, and without them in its rules; a rule of one VM is dropped.

    Parameters
    ----------
    gone
        Their names.
    """
    if not gone:
        return inventory
    names = frozenset(gone)
    rules = []
    for rule in inventory.rules:
        left = tuple(name for name in rule.members if name not in names)
        if len(left) == len(rule.members):
            rules.append(rule)
        elif len(left) > 1:
            rules.append(rule.model_copy(update={rule_kind(rule): left}))
    vms = tuple(vm for vm in inventory.vms if vm.name not in names)
    return inventory.model_copy(update={"vms": vms, "rules": tuple(rules)})
