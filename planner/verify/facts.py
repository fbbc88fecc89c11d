"""What a plan repeats from its inventory must be so there."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import Replay, Step


def check_facts(replay: Replay) -> Iterator[Finding]:
    """Check that the VMs exist and run where the plan says, and that what it repeats is what the inventory says.

    What a plan written by hand leaves out (settings, memory, disk, weight) is not compared.
    """
    plan, inventory = replay.plan, replay.inventory
    if plan.inventory.name != inventory.name:
        yield Finding(f"the plan is for the inventory {plan.inventory.name}, not for {inventory.name}")
    if "settings" in plan.model_fields_set and plan.settings != inventory.settings:
        stated, actual = plan.settings.model_dump(), inventory.settings.model_dump()
        wrong = ", ".join(key for key in actual if stated[key] != actual[key])
        yield Finding(f"the plan's settings differ from the inventory's: {wrong}")
    for step in replay.steps:
        yield from _facts_of(step)


def _facts_of(step: Step) -> Iterator[Finding]:
    move, vm = step.move, step.vm
    if vm is None:
        yield Finding(f"the inventory has no VM {move.vm}", (move.vm,), move.start_s)
        return
    if step.earlier is None and vm.host != move.source:
        yield Finding(
            f"{vm.name} runs on {vm.host}, not on {move.source}", (vm.name, vm.host, move.source), move.start_s
        )
    repeated = (
        ("memory_bytes", vm.memory, "memory in bytes"),
        ("disk_bytes", vm.disk, "disk in bytes"),
        ("weight", vm.weight, "weight"),
    )
    for field, actual, what in repeated:
        stated = getattr(move, field)
        if field in move.model_fields_set and stated != actual:
            yield Finding(f"the {what} of {vm.name} is {actual}, the plan says {stated}", (vm.name,), move.start_s)
