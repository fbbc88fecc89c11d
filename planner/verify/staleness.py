"""What has changed in the inventory since a plan was made for it."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.models import Inventory
from planner.plan.models import Move, Plan
from planner.units import format_size

SECTIONS = {
    "name": "the inventory has another name",
    "settings": "the settings have changed",
    "hosts": "the hosts have changed",
    "links": "the switches or links have changed",
    "vms": "the VMs have changed",
    "rules": "the rules have changed",
}
"""What a differing digest of each section means, in words."""


def staleness(inventory: Inventory, plan: Plan) -> list[str]:
    """Return what has changed since the plan was made, one sentence each; nothing if it still fits.

    Parameters
    ----------
    inventory
        The inventory as it is now.
    plan
        A plan. One without a digest (written by hand) was made for no state in particular and is never stale.
    """
    then = plan.inventory
    if then.sha256 is None or then.sha256 == inventory.sha256():
        return []
    now = inventory.sections()
    changes = [
        text + (_which_settings(inventory, plan) if key == "settings" else "")
        for key, text in SECTIONS.items()
        if key in then.sections and then.sections[key] != now[key]
    ]
    changes += _moved(inventory, plan)
    return changes or ["the inventory's content is not the one that the plan was made for"]


def _which_settings(inventory: Inventory, plan: Plan) -> str:
    """Return which settings differ, where the plan tells them."""
    if "settings" not in plan.model_fields_set:
        return ""
    then, now = plan.settings.model_dump(), inventory.settings.model_dump()
    return ": " + ", ".join(key for key in now if then[key] != now[key])


def _moved(inventory: Inventory, plan: Plan) -> Iterator[str]:
    """Tell what became of the VMs that the plan moves, and which it does not know."""
    vms = {vm.name: vm for vm in inventory.vms}
    seen: set[str] = set()
    for move in sorted(plan.moves, key=lambda move: move.start_s):
        if move.vm in seen:
            continue
        seen.add(move.vm)
        vm = vms.get(move.vm)
        if vm is None:
            yield f"{move.vm} is gone"
            continue
        if vm.host != move.source:
            yield f"{move.vm} now runs on {vm.host}, not on {move.source}"
        yield from _resized(move, "memory", "memory_bytes", vm.memory)
        yield from _resized(move, "disk", "disk_bytes", vm.disk)
    if plan.moves:
        planned = {move.vm for move in plan.moves}
        evacuated = set(plan.request.evacuate)
        for vm in inventory.vms:
            if vm.host in evacuated and vm.name not in planned:
                yield f"{vm.name} runs on {vm.host} and is not in the plan"


def _resized(move: Move, what: str, field: str, now_bytes: int) -> Iterator[str]:
    then_bytes: int = getattr(move, field)
    if field in move.model_fields_set and then_bytes != now_bytes:
        grown = "more" if now_bytes > then_bytes else "less"
        yield f"{move.vm} has {grown} {what} than when the plan was made: {format_size(now_bytes)} now"
