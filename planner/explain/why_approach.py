"""Why a VM moves in its way and not in another: every way at every bandwidth of the menu, tried in the plan."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from planner.explain.occupancy import Occupancy
from planner.inventory.models import ALL_APPROACHES, VM, Approach, Settings
from planner.menu import bandwidth_menu
from planner.network import Route
from planner.plan.models import Move, PathShare
from planner.plan.why import Alternative, Refusal
from planner.predict.protocol import DOWNTIME_TOLERANCE, Outside, Prediction
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.ways import Way, predict_ways
from planner.predict.worth import worth_offering

SAME = 1e-9
"""Bandwidths that differ by no more than this are one [1]."""
LEAST_SAVING_S = 1e-6
LEAST_SAVING = 1e-5
"""Less downtime than this is no saving [s], nor is less than this share of it [1]: both may be within the gap of an
optimal plan."""
OUTSIDE = {
    Outside.WRITES_OUTRUN_LINK: Refusal.WRITES,
    Outside.READS_OUTRUN_LINK: Refusal.READS,
    Outside.NOT_IN_MODEL: Refusal.NO_MODEL,
    Outside.TUNNELLED: Refusal.TUNNELLED,
    Outside.DISK_WRITES_OUTRUN_LINK: Refusal.DISK_WRITES,
}


def alternatives(occupancy: Occupancy, number: int) -> tuple[Alternative, ...]:
    """Return the ways to move a VM to its planned target, each that is to be had tried in place of the planned one.

    Hybrids that are not worth offering, because a quicker way has next to no more downtime, are left out. Those with
    least downtime come first, those that are not to be had last.
    """
    move = occupancy.moves[number]
    found = [tried(occupancy, number, one) for one in options(occupancy, move)]
    return tuple(
        sorted(found, key=lambda one: (one.refusal is not None, round(one.downtime_s or 0.0, 6), one.time_s or 0.0))
    )


def tried(occupancy: Occupancy, number: int, option: Alternative) -> Alternative:
    """Return an alternative with what came of trying it in the plan, the target and all other moves as they are."""
    if option.refusal is not None or option.chosen or option.time_s is None or option.downtime_s is None:
        return option
    move = occupancy.moves[number].model_copy(
        update={
            "approach": option.approach,
            "switch_point": option.switch_point,
            "bandwidth_bytes_per_s": option.bandwidth_bytes_per_s,
            "duration_s": option.time_s,
            "downtime_s": option.downtime_s,
        }
    )
    trial = occupancy.trial(number, move)
    start_s = trial.first_fit()
    blocked, everywhere = ((), False) if start_s is not None else trial.hindrances()
    return replace(option, tried=True, start_s=start_s, blocked=blocked, everywhere=everywhere)


def cheaper(found: tuple[Alternative, ...], move: Move) -> list[Alternative]:
    """Return the alternatives that are to be had and have less downtime than the planned way, the quickest first."""
    saving_s = max(LEAST_SAVING_S, LEAST_SAVING * move.downtime_s)
    less = [
        one
        for one in found
        if one.refusal is None and one.downtime_s is not None and one.downtime_s < move.downtime_s - saving_s
    ]
    return sorted(less, key=lambda one: one.time_s or 0.0)


def route_of(occupancy: Occupancy, move: Move) -> Route | None:
    """Return the route of a planned move: the path that it takes, or where moves are split, all of them."""
    network = occupancy.network
    if occupancy.inventory.settings.equal_cost_paths == "split":
        return network.route(move.source, move.target)
    return network.make_route(move.path)


def rerouted(occupancy: Occupancy, move: Move, target: str, route: Route) -> Move:
    """Return a move with another target."""
    ways = occupancy.network.unfold(route.path)
    shares = tuple(PathShare(path=way, share=1 / len(ways)) for way in ways) if len(ways) > 1 else ()
    return move.model_copy(update={"target": target, "path": ways[0], "paths": shares})


def most_of(occupancy: Occupancy, route: Route, flows: int) -> float:
    """Return the most that a move of so many flows may have on a route [bytes/s]."""
    network, links = occupancy.network, list(route.links)
    several = flows >= occupancy.inventory.settings.multifd_channels
    return float((network.move_bytes_per_s if several else network.flow_bytes_per_s)[links].min())


def options(occupancy: Occupancy, move: Move) -> list[Alternative]:
    """Return all ways to move a VM to its planned target, the planned one among them, untried."""
    vm, settings = occupancy.vm(move.vm), occupancy.inventory.settings
    route = route_of(occupancy, move)
    rates = _rates(occupancy, move, route)
    columns = np.array([rates], dtype=np.float64)
    model = model_for(settings)
    ways = _ways(model.switch_points, move)
    predicted = predict_ways(model, ways, workload_of([vm]), columns, thresholds(settings, columns))
    refusals = [
        [_refusal(occupancy, vm, way, one, r, rate, route) for r, rate in enumerate(rates)]
        for way, one in zip(ways, predicted, strict=True)
    ]
    usable = np.array([[refusal is None for refusal in row] for row in refusals], dtype=np.bool_)[None]
    time = np.stack([one.time_s[0] for one in predicted])[None]
    down = np.stack([one.downtime_s[0] for one in predicted])[None]
    offered = worth_offering(ways, usable, time, down)[0]
    found = []
    for (w, way), (r, rate) in product(enumerate(ways), enumerate(rates)):
        chosen = (way.approach, way.switch_point, rate) == (
            move.approach,
            move.switch_point,
            move.bandwidth_bytes_per_s,
        )
        if usable[0, w, r] and not offered[w, r] and not chosen:
            continue
        known = bool(np.isfinite(time[0, w, r]))
        found.append(
            Alternative(
                approach=way.approach,
                switch_point=way.switch_point,
                bandwidth_bytes_per_s=rate,
                time_s=float(time[0, w, r]) if known else None,
                downtime_s=float(down[0, w, r]) if known else None,
                chosen=chosen,
                refusal=None if chosen else refusals[w][r],
            )
        )
    if not any(one.chosen for one in found):
        found.append(_planned(move))
    return found


def _planned(move: Move) -> Alternative:
    return Alternative(
        approach=move.approach,
        switch_point=move.switch_point,
        bandwidth_bytes_per_s=move.bandwidth_bytes_per_s,
        time_s=move.duration_s,
        downtime_s=move.downtime_s,
        chosen=True,
    )


def _ways(switch_points: tuple[float, ...], move: Move) -> tuple[Way, ...]:
    """Return the ways of the model; the planned one among them, whoever planned it."""
    if not switch_points:
        return tuple(Way(approach) for approach in ALL_APPROACHES)
    hybrids = {*switch_points} | ({move.switch_point} if move.switch_point is not None else set())
    return (
        *(Way(Approach.HYBRID, point) for point in sorted(hybrids, reverse=True)),
        Way(Approach.COLD),
        Way(Approach.POSTCOPY),
        Way(Approach.PRECOPY),
    )


def _rates(occupancy: Occupancy, move: Move, route: Route | None) -> list[float]:
    """Return the bandwidths of the route's menu and the planned one, largest first."""
    planned = move.bandwidth_bytes_per_s
    if route is None:
        return [planned]
    network, links = occupancy.network, list(route.links)
    menu = bandwidth_menu(
        tuple(network.capacity_bytes_per_s[links].tolist()),
        float(network.move_bytes_per_s[links].min()),
        float(network.flow_bytes_per_s[links].min()),
    )
    return sorted([planned, *(rate for rate in menu if abs(rate - planned) > SAME * planned)], reverse=True)


def _refusal(
    occupancy: Occupancy, vm: VM, way: Way, found: Prediction, r: int, rate: float, route: Route | None
) -> Refusal | None:
    """Return why a way at a rate is not to be had at all, or None."""
    settings: Settings = occupancy.inventory.settings
    if way.approach not in settings.approaches:
        return Refusal.SETTINGS
    if vm.approaches is not None and way.approach not in vm.approaches:
        return Refusal.VM
    outside = Outside(int(found.outside[0, r]))
    if outside is not Outside.INSIDE:
        return OUTSIDE[outside]
    if route is not None and rate > most_of(occupancy, route, settings.flows(way.approach, vm.disk)) * (1 + SAME):
        return Refusal.FLOWS
    if vm.max_downtime is not None and float(found.downtime_s[0, r]) > vm.max_downtime * (1 + DOWNTIME_TOLERANCE):
        return Refusal.MAX_DOWNTIME
    if float(found.time_s[0, r]) > occupancy.plan.request.deadline_s:
        return Refusal.TOO_LONG
    return None
