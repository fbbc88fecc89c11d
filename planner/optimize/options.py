"""What each VM could do: approaches and bandwidths with their times and downtimes, all at once in numpy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from planner.lanes import Division, Lanes
from planner.menu import bandwidth_menu, with_lanes
from planner.optimize.classes import Classes
from planner.optimize.dominance import undominated
from planner.optimize.problem import Bools, Floats, Ints, Problem
from planner.predict.protocol import Outside
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.ways import predict_ways
from planner.predict.worth import worth_offering

NO_LANES: Mapping[int, Division] = {}
"""No link divided into lanes."""


@dataclass(frozen=True)
class Tables:
    """Predictions for every mover, way and rate; NaN where not offered.

    Parameters
    ----------
    rates
        All rates on any menu, shape (R,) [bytes/s].
    menu_of
        Menu of each source and target, shape (S, H); -1 where there is no route.
    menus
        For each menu the indices of its rates.
    most_of_one_flow
        For each menu the most that a move of one flow may have on the path [bytes/s]; inf where the menu has no more.
    several_flows
        Whether a move has more flows than one, by mover and way, shape (M, A).
    time_s, downtime_s
        Shape (M, A, R) with ways in the order of `Problem.ways` [s].
    usable
        Whether the model holds, the VM and the settings allow the way, its max_downtime is kept and the way is worth
        offering; the deadline is not looked at. Shape (M, A, R).
    inside
        Whether the model holds, shape (M, A, R).
    """

    rates: Floats
    menu_of: Ints
    menus: tuple[tuple[int, ...], ...]
    most_of_one_flow: tuple[float, ...]
    several_flows: Bools
    time_s: Floats
    downtime_s: Floats
    usable: Bools
    inside: Bools

    def offered(self, mover: int, menus: Iterable[int]) -> Bools:
        """Return the ways and rates that a mover may use on paths with some menus, shape (A, R)."""
        offered = np.zeros(self.usable.shape[1:], dtype=np.bool_)
        for menu in menus:
            rates = list(self.menus[menu])
            slow = self.rates[rates] <= self.most_of_one_flow[menu] * (1 + 1e-12)
            offered[:, rates] |= slow | self.several_flows[mover][:, None]
        found: Bools = offered & self.usable[mover]
        return found


def build_tables(problem: Problem, classes: Classes, *, lanes: bool | None = None) -> Tables:
    """Predict all movers on all menus in one sweep; menus have rates of lanes where movers are many, or as given."""
    lanes = with_lanes(len(problem.movers)) if lanes is None else lanes
    menu_of, menus, most_of_one_flow, rates = _menus(problem, classes, lanes)
    several = several_flows(problem)
    return Tables(rates, menu_of, menus, most_of_one_flow, several, *predict_all(problem, rates))


def predict_all(problem: Problem, rates: Floats) -> tuple[Floats, Floats, Bools, Bools]:
    """Return time, downtime [s], what is usable and where the model holds, as in `Tables`, shape (M, A, R).

    Parameters
    ----------
    rates
        Shape (R,) [bytes/s].
    """
    model = model_for(problem.settings)
    workload = workload_of(problem.movers)
    limit = thresholds(problem.settings, rates)
    shape = (len(problem.movers), len(problem.ways), len(rates))
    time, down = np.full(shape, np.nan), np.full(shape, np.nan)
    inside, usable = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    permitted = _permitted(problem)
    for a, prediction in enumerate(predict_ways(model, problem.ways, workload, rates[None, :], limit[None, :])):
        time[:, a], down[:, a] = prediction.time_s, prediction.downtime_s
        inside[:, a] = prediction.outside == Outside.INSIDE
        usable[:, a] = inside[:, a] & permitted[:, a : a + 1]
    bearable = np.array([np.inf if vm.max_downtime is None else vm.max_downtime for vm in problem.movers])
    with np.errstate(invalid="ignore"):
        usable &= down <= bearable[:, None, None]
    return time, down, worth_offering(problem.ways, usable, time, down), inside


def _permitted(problem: Problem) -> Bools:
    """Return the ways allowed for each mover, shape (M, A)."""
    rows = [[way.approach in problem.approaches_of(vm) for way in problem.ways] for vm in problem.movers]
    return np.array(rows, dtype=np.bool_).reshape(len(problem.movers), len(problem.ways))


def several_flows(problem: Problem) -> Bools:
    """Return whether a move has more flows than one, by mover and way, shape (M, A)."""
    rows = [[problem.settings.flows(way.approach, vm.disk) > 1 for way in problem.ways] for vm in problem.movers]
    return np.array(rows, dtype=np.bool_).reshape(len(problem.movers), len(problem.ways))


def _menus(
    problem: Problem, classes: Classes, lanes: bool
) -> tuple[Ints, tuple[tuple[int, ...], ...], tuple[float, ...], Floats]:
    """Return the menu of each source and target, the menus, the most that one flow may have, and the rates."""
    network, routes = problem.network, problem.routes
    known: dict[tuple[tuple[float, ...], float], int] = {}
    # Routes from sources of one kind carry the same, and so do those to all hosts of a class.
    of_pair: dict[tuple[int, int], int] = {}
    by_class = np.full((len(problem.sources), len(classes.members)), -1, dtype=np.int64)
    for s, kind in enumerate(routes.source_kind.tolist()):
        for c, trunk in enumerate(classes.trunk[s]):
            if trunk is None:
                continue
            if (kind, c) not in of_pair:
                path = [link for link in routes.links[s, classes.example(s, c)].tolist() if link >= 0]
                one_flow = float(network.flow_bytes_per_s[path].min())
                menu = bandwidth_menu(
                    tuple(network.capacity_bytes_per_s[path].tolist()),
                    float(network.move_bytes_per_s[path].min()),
                    one_flow,
                    lanes=lanes,
                )
                of_pair[kind, c] = known.setdefault((menu, one_flow if one_flow < menu[0] else np.inf), len(known))
            by_class[s, c] = of_pair[kind, c]
    menu_of = np.full((len(problem.sources), len(problem.targets)), -1, dtype=np.int64)
    for c, hosts in enumerate(classes.members):
        menu_of[:, list(hosts)] = by_class[:, c : c + 1]
    rates = sorted({rate for menu, _ in known for rate in menu}, reverse=True)
    index = {rate: i for i, rate in enumerate(rates)}
    menus = tuple(tuple(index[rate] for rate in menu) for menu, _ in known)
    return menu_of, menus, tuple(most for _, most in known), np.array(rates, dtype=np.float64)


@dataclass(frozen=True)
class Columns:
    """The choices of the program: one column a mover, class, way and rate. All arrays have one length N.

    Parameters
    ----------
    mover, klass, approach, rate_index
        What is chosen; approach indexes `Problem.ways`, rate_index indexes `Tables.rates`.
    rate
        The rate [bytes/s].
    time_s, downtime_s
        What it takes [s].
    """

    mover: Ints
    klass: Ints
    approach: Ints
    rate_index: Ints
    rate: Floats
    time_s: Floats
    downtime_s: Floats

    def __len__(self) -> int:
        return len(self.mover)


def build_columns(
    problem: Problem,
    classes: Classes,
    tables: Tables,
    *,
    lean: bool = False,
    lanes: Mapping[int, Division] = NO_LANES,
) -> Columns:
    """Return the choices worth offering: those that no other is as good as in time, downtime and rate.

    That loses no schedule. Less time x rate at a higher rate would not do instead: the faster move may not fit
    beside others where the slower one does.

    Parameters
    ----------
    lean
        Drop also what another is as good as in time, downtime and time x rate. That loses nothing where only volumes
        and times count, but not all that is dropped fits side by side with less; what is left is a third.
    lanes
        Directed links that are divided into lanes: over those divided for good only the rates of their lanes are
        offered. This is not lossless.
    """
    allowed = classes.allowed(problem)
    idle_s = _idle(problem, classes)
    parts: list[tuple[Ints, ...]] = []
    variant_of, variants = _variants(problem, classes, tables, lanes)
    for m, (menu, most_of_one_flow) in enumerate(variants):
        keep = _undominated(problem, tables, menu, most_of_one_flow, by_volume=lean)
        movers, choices = np.nonzero(keep)
        approaches, rates = np.divmod(choices, len(menu))
        rate_index = np.array(menu, dtype=np.int64)[rates]
        for c in range(len(classes.members)):
            here = (variant_of[problem.source_of[movers], c] == m) & allowed[movers, c]
            if idle_s.any():
                here &= tables.time_s[movers, approaches, rate_index] <= problem.deadline_s - idle_s[movers, c]
            count = int(here.sum())
            if count:
                parts.append((movers[here], np.full(count, c), approaches[here], rate_index[here]))
    if parts:
        stacked = np.stack([np.concatenate(column) for column in zip(*parts, strict=True)])
        mover, klass, approach, rate_index = stacked[:, np.lexsort(stacked[::-1])]
    else:
        mover = klass = approach = rate_index = np.zeros(0, dtype=np.int64)
    return Columns(
        mover,
        klass,
        approach,
        rate_index,
        tables.rates[rate_index],
        tables.time_s[mover, approach, rate_index],
        tables.downtime_s[mover, approach, rate_index],
    )


Variant = tuple[tuple[int, ...], float]
"""A menu, and its `Tables.most_of_one_flow`."""


def _idle(problem: Problem, classes: Classes) -> Floats:
    """Return what of the deadline is lost until a class is ready and while a source switches off, shape (M, C) [s]."""
    ready = np.array([problem.ready_s[list(hosts)].min() for hosts in classes.members], dtype=np.float64)
    idle: Floats = problem.tail_s[:, None] + ready[None, :]
    return idle


def _variants(
    problem: Problem, classes: Classes, tables: Tables, lanes: Mapping[int, Division]
) -> tuple[Ints, list[Variant]]:
    """Return the menu of each source and class, shape (S, C), thinned out where the path has lanes, and the menus."""
    variant_of = np.full((len(problem.sources), len(classes.members)), -1, dtype=np.int64)
    index: dict[Variant, int] = {}
    for s, c in np.ndindex(*variant_of.shape):
        first = classes.members[c][0]
        if tables.menu_of[s, first] < 0:
            continue
        menu = tables.menus[tables.menu_of[s, first]]
        for link in lanes.keys() & set(classes.trunk[s][c] or ()):
            if len(lanes[link]) == 1:
                menu = tuple(r for r in menu if _is_one_of(float(tables.rates[r]), lanes[link][0])) or menu
        most = tables.most_of_one_flow[tables.menu_of[s, first]]
        variant_of[s, c] = index.setdefault((menu, most), len(index))
    return variant_of, list(index)


def _is_one_of(rate: float, lanes: Lanes) -> bool:
    return any(math.isclose(rate, lane, rel_tol=1e-9) for lane in lanes)


def _undominated(
    problem: Problem, tables: Tables, menu: tuple[int, ...], most_of_one_flow: float, *, by_volume: bool
) -> Bools:
    """Return which of a menu's choices no other is at least as good as in all respects, shape (M, A x len(menu)).

    Faster than a flow may be are only moves of several. The respects are time, downtime and rate, or time x rate
    instead of the rate if `by_volume`.
    """
    index = list(menu)
    shape = (len(problem.movers), len(problem.ways) * len(menu))
    time, down = tables.time_s[:, :, index].reshape(shape), tables.downtime_s[:, :, index].reshape(shape)
    usable = tables.usable[:, :, index].reshape(shape) & (np.nan_to_num(time, nan=np.inf) <= problem.deadline_s)
    rate = np.broadcast_to(tables.rates[index], (len(problem.ways), len(menu))).reshape(-1)
    if most_of_one_flow < np.inf:
        several = np.repeat(tables.several_flows, len(menu), axis=1)
        usable &= several | (rate <= most_of_one_flow * (1 + 1e-12))
    third = time * rate if by_volume else np.broadcast_to(rate, shape)
    return undominated(usable, time, down, third)
