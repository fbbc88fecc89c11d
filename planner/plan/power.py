"""Hosts that are switched on before they receive and off once they are empty, as steps of a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from planner.inventory.models import Inventory
from planner.plan.models import Move, PowerStep, Shutdown


def power_steps(
    inventory: Inventory,
    evacuate: Collection[str],
    moves: Sequence[Move],
    shutdowns: Sequence[Shutdown] = (),
    staying_on: Collection[str] = (),
) -> tuple[PowerStep, ...]:
    """Return the steps that a plan's hosts need: on at once where something moves to them, off once they are empty.

    Parameters
    ----------
    evacuate
        Names of the hosts that are emptied.
    moves, shutdowns
        The moves of the plan, and the VMs that it shuts down.
    staying_on
        Names of the evacuated hosts that are not switched off.

    Returns
    -------
    tuple of PowerStep
        In the order of their starts; none for hosts that are ready at once or take no time to switch off.
    """
    leaving, targets = set(evacuate).difference(staying_on), {move.target for move in moves}
    left_s: dict[str, float] = {}
    for move in moves:
        left_s[move.source] = max(left_s.get(move.source, 0.0), move.end_s)
    for shutdown in shutdowns:
        left_s[shutdown.host] = max(left_s.get(shutdown.host, 0.0), shutdown.end_s)
    steps = [
        PowerStep(host=host.name, turn="on", start_s=0.0, duration_s=host.ready_after)
        for host in inventory.hosts
        if host.ready_after > 0 and host.name in targets
    ]
    steps += [
        PowerStep(host=host.name, turn="off", start_s=left_s.get(host.name, 0.0), duration_s=host.shutdown_time)
        for host in inventory.hosts
        if host.shutdown_time > 0 and host.name in leaving
    ]
    return tuple(sorted(steps, key=lambda step: step.start_s))
