"""Cuts through the network that are too narrow: what must cross them does not by the deadline.

Whatever targets, approaches and bandwidths are chosen, moves are a flow from the evacuated hosts to the targets that
loads each directed link with no more than its capacity times the time there is. The largest flow is the smallest cut:
where it is less than what must leave, the links of that cut are the reason, and the VMs behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx
import numpy as np

from planner.explain.kinds import kinds_of_movers
from planner.optimize.problem import Bools, Floats, Problem
from planner.plan.models import Reason, ReasonKind

MOST_PAIRS = 400_000
"""Pairs of sources and targets beyond which no cuts are looked for [count]."""
CERTAIN = 1e-9
"""Share by which what must cross exceeds what can, at the least [1]."""
MARGIN = 1e-6
"""Least time that is looked at, so that nothing is divided by none [s]."""


def cuts(problem: Problem, least_volume: Floats) -> Iterator[Reason]:
    """Yield cuts that are too narrow: for all movers, or else for those that may go to some targets only.

    Parameters
    ----------
    least_volume
        The least that each mover sends, whatever it chooses, shape (M,) [bytes]; infinite where it has no choice.
    """
    if len(problem.sources) * len(problem.targets) > MOST_PAIRS or not np.isfinite(least_volume).all():
        return
    found = _cut(problem, np.ones(len(problem.movers), dtype=np.bool_), least_volume) if problem.movers else None
    if found is not None:
        yield found
        return
    for movers, _ in kinds_of_movers(problem):
        found = _cut(problem, movers, least_volume)
        if found is not None:
            yield found


def _cut(problem: Problem, movers: Bools, least_volume: Floats) -> Reason | None:
    """Return the narrowest cut that some movers must cross, if it is too narrow."""
    targets = problem.allowed[movers].any(axis=0)
    if not targets.any():
        return None
    window_s = problem.deadline_s - problem.ready_s[targets].min() - problem.tail_s[movers].min()
    capacity = problem.network.capacity_bytes_per_s * max(window_s, MARGIN)
    leaving = np.bincount(problem.source_of[movers], weights=least_volume[movers], minlength=len(problem.sources))
    sources = np.flatnonzero(leaving > 0)
    graph = nx.DiGraph()
    start, end = 0, 1
    for s in sources.tolist():
        graph.add_edge(start, problem.sources[s].name, capacity=float(leaving[s]))
    used = np.unique(problem.routes.links[np.ix_(sources, np.flatnonzero(targets))])
    for link in used[used >= 0].tolist():
        a, b = problem.network.directed[link]
        graph.add_edge(a, b, capacity=float(capacity[link]))
    for h in np.flatnonzero(targets).tolist():
        graph.add_edge(problem.targets[h].name, end)
    if start not in graph:
        return None
    value, (near, _) = nx.minimum_cut(graph, start, end)
    if value >= leaving.sum() * (1 - CERTAIN):
        return None
    behind = movers & np.array([problem.sources[s].name in near for s in problem.source_of.tolist()])
    links = tuple((a, b) for a, b in graph.edges if a in near and b not in near and a != start)
    index = [problem.network.link_index(a, b) for a, b in links]
    room = float(problem.network.capacity_bytes_per_s[[link for link in index if link is not None]].sum())
    needed_s = float(least_volume[behind].sum()) / room
    if needed_s <= window_s:
        return None
    return Reason(
        kind=ReasonKind.LINK if len(links) == 1 else ReasonKind.CUT,
        vms=tuple(problem.movers[v].name for v in np.flatnonzero(behind).tolist()),
        hosts=tuple(dict.fromkeys(problem.movers[v].host for v in np.flatnonzero(behind).tolist())),
        link=links[0] if len(links) == 1 else None,
        links=links if len(links) > 1 else (),
        needed=needed_s,
        available=round(window_s, 6),
        unit="s",
    )
