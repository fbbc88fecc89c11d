"""How a VM may move and how long it may be down."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.models import Approach
from planner.verify.findings import Finding, say_time
from planner.verify.replay import RELATIVE_TOLERANCE, Replay


def check_approach(replay: Replay) -> Iterator[Finding]:
    """Check that the approach is one that the settings and the VM allow."""
    settings = replay.inventory.settings
    for step in replay.steps:
        move, vm = step.move, step.vm
        if move.approach not in settings.approaches:
            yield Finding(f"{move.vm} moves by {move.approach}, which the settings exclude", (move.vm,), move.start_s)
        elif vm is not None and vm.approaches is not None and move.approach not in vm.approaches:
            allowed = ", ".join(vm.approaches)
            yield Finding(f"{vm.name} moves by {move.approach}; it may use only {allowed}", (vm.name,), move.start_s)


def check_switch_point(replay: Replay) -> Iterator[Finding]:
    """Check that only hybrids have a switch point, and one that the settings offer."""
    settings = replay.inventory.settings
    for step in replay.steps:
        move = step.move
        if move.switch_point is None:
            continue
        said = f"{move.vm} switches to post-copy after {move.switch_point:g} passes"
        if move.approach is not Approach.HYBRID:
            yield Finding(f"{said}, but {move.approach} has no switch point", (move.vm,), move.start_s)
        elif settings.model != "saturating":
            yield Finding(f"{said}; the model {settings.model} has no switch points", (move.vm,), move.start_s)
        elif settings.hybrid_switch != "front" and move.switch_point != settings.hybrid_switch:
            yield Finding(f"{said}; the settings have hybrid_switch {settings.hybrid_switch}", (move.vm,), move.start_s)


def check_max_downtime(replay: Replay) -> Iterator[Finding]:
    """Check that no VM is down longer than it bears."""
    for step in replay.steps:
        if step.vm is None or step.vm.max_downtime is None:
            continue
        longest_s = step.vm.max_downtime
        if step.move.downtime_s > longest_s * (1 + RELATIVE_TOLERANCE):
            yield Finding(
                f"{step.vm.name} is down for {say_time(step.move.downtime_s)},"
                f" {say_time(step.move.downtime_s - longest_s)} more than its {say_time(longest_s)}",
                (step.vm.name,),
                step.move.start_s,
            )
