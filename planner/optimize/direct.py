"""Evacuations in which every mover has a single target: only the choices on one route each are looked at.

Nothing is then worth a table over all sources and targets, nor a class of hosts that look the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.menu import bandwidth_menu
from planner.optimize.classes import TAIL, Classes
from planner.optimize.least import Least, least_of
from planner.optimize.options import Columns, predict_all, several_flows
from planner.optimize.problem import Bools, Floats, Ints, Problem
from planner.optimize.routes import Routes


@dataclass(frozen=True)
class Assigned:
    """Column and target of each mover, shape (M,), with what all choices spend at least.

    Parameters
    ----------
    classes, columns, choice, host
        What is chosen.
    least
        What every schedule spends.
    downtime_s
        No schedule has less weighted downtime [s].
    """

    classes: Classes
    columns: Columns
    choice: Ints
    host: Ints
    least: Least
    downtime_s: float


@dataclass(frozen=True)
class SingleHosts(Classes):
    """One class a host, whose links are read off the routes.

    Parameters
    ----------
    routes
        The routes.
    """

    routes: Routes

    def links(self, source: int, klass: int, host: int) -> tuple[int, ...]:
        """Return the directed links of the route from a source to a host."""
        return tuple(self.routes.links[source, host, : self.routes.length[source, host]].tolist())


def single_targets(problem: Problem) -> Assigned | None:
    """Return the fastest choice of each mover, or None where one has several targets or none, or there is no room."""
    movers = np.arange(len(problem.movers))
    if problem.separate or problem.together or not (problem.allowed.sum(axis=1) == 1).all():
        return None
    host = problem.allowed.argmax(axis=1)
    for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
        taken = np.zeros_like(free)
        np.add.at(taken, host, size)
        if (taken > free).any():
            return None
    rates, offered = _offered(problem, host)
    time_s, downtime_s, usable, _ = predict_all(problem, rates)
    usable &= offered
    time = np.where(usable, time_s, np.inf)
    fastest = time.min(axis=(1, 2), initial=np.inf)
    if not np.isfinite(fastest).all():
        return None
    # The fastest, and of those the one with the least downtime.
    down = np.where(time == fastest[:, None, None], downtime_s, np.inf).reshape(len(movers), -1)
    approach, rate_index = np.divmod(down.argmin(axis=1), len(rates))
    columns = Columns(
        movers,
        host,
        approach,
        rate_index,
        rates[rate_index],
        time_s[movers, approach, rate_index],
        downtime_s[movers, approach, rate_index],
    )
    count = len(problem.targets)
    nothing = np.full((0, count, TAIL), -1, dtype=np.int64)
    classes = SingleHosts(tuple((h,) for h in range(count)), (), nothing, problem.routes)
    volume = np.where(usable, time_s * rates, np.inf).min(axis=(1, 2), initial=np.inf)
    least = least_of(problem, classes, [(h,) for h in host.tolist()], fastest, volume)
    least_down = np.where(usable, downtime_s, np.inf).min(axis=(1, 2), initial=np.inf)
    return Assigned(classes, columns, movers, host, least, float(problem.weight @ least_down))


def _offered(problem: Problem, host: Ints) -> tuple[Floats, Bools]:
    """Return all rates on the menus of the movers' routes, and which of them each mover has, shape (M, A, R)."""
    network, routes = problem.network, problem.routes
    links, length = routes.links[problem.source_of, host], routes.length[problem.source_of, host]
    # What the links of a route carry, to all and to one flow, decides its menu; behind the last link nothing does.
    carries = np.append(network.capacity_bytes_per_s, np.inf)[links]
    moves = np.append(network.move_bytes_per_s, np.inf)[links].min(axis=1)
    flows = np.append(network.flow_bytes_per_s, np.inf)[links].min(axis=1)
    kinds, kind_of = np.unique(np.column_stack([np.sort(carries, axis=1), moves, flows]), axis=0, return_inverse=True)
    menus = [
        bandwidth_menu(tuple(x for x in row[:-2] if np.isfinite(x)), row[-2], row[-1], lanes=False)
        if np.isfinite(row[-1])
        else ()
        for row in kinds.tolist()
    ]
    rates = np.array(sorted({rate for menu in menus for rate in menu}, reverse=True), dtype=np.float64)
    on_menu = np.array([[rate in menu for rate in rates.tolist()] for menu in menus], dtype=np.bool_)
    mine = on_menu.reshape(len(menus), len(rates))[kind_of.reshape(-1)] & (length > 0)[:, None]
    one_flow = rates[None, :] <= flows[:, None] * (1 + 1e-12)
    return rates, mine[:, None, :] & (one_flow[:, None, :] | several_flows(problem)[:, :, None])
