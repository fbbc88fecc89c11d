"""Why a VM goes to its target: every other host, tried in its place."""

from __future__ import annotations

from planner.explain.occupancy import Occupancy
from planner.explain.why_approach import SAME, most_of, rerouted
from planner.inventory.models import Host
from planner.plan.models import Move
from planner.plan.why import Elsewhere, Fate


def elsewhere(occupancy: Occupancy, number: int) -> tuple[Elsewhere, ...]:
    """Return for each other host what the move would be like if it led there, approach and bandwidth as planned.

    All other moves stay as they are. A host does as well if the move fits there at its planned start; failing that, it
    may do so at another start. None for moves after which the VM goes on to yet another host.
    """
    move = occupancy.moves[number]
    if number != occupancy.numbers_of[move.vm][-1]:
        return ()
    return tuple(_fate(occupancy, number, host) for host in occupancy.inventory.hosts if host.name != move.target)


def _fate(occupancy: Occupancy, number: int, host: Host) -> Elsewhere:
    move, vm = occupancy.moves[number], occupancy.vm(occupancy.moves[number].vm)
    if host.name == move.source:
        return Elsewhere(host.name, Fate.SOURCE)
    if host.name in occupancy.replay.evacuated:
        return Elsewhere(host.name, Fate.EVACUATED)
    if not host.accepts:
        return Elsewhere(host.name, Fate.REFUSES)
    lacking = tuple(label for label in vm.requires if label not in host.labels)
    if lacking:
        return Elsewhere(host.name, Fate.LABELS, labels=lacking)
    route = occupancy.network.route(move.source, host.name)
    if route is None:
        return Elsewhere(host.name, Fate.NO_ROUTE)
    flows = occupancy.inventory.settings.flows(move.approach, vm.disk)
    if move.bandwidth_bytes_per_s > most_of(occupancy, route, flows) * (1 + SAME):
        return Elsewhere(host.name, Fate.SLOWER)
    return _tried(occupancy, number, rerouted(occupancy, move, host.name, route))


def _tried(occupancy: Occupancy, number: int, move: Move) -> Elsewhere:
    trial = occupancy.trial(number, move)
    if trial.fits(move.start_s):
        return Elsewhere(move.target, Fate.AS_WELL)
    blocked, start_s = trial.at(move.start_s), trial.first_fit()
    return Elsewhere(move.target, Fate.BUSY if start_s is None else Fate.LATER, blocked, start_s=start_s)
