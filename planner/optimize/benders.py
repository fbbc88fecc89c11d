"""Proof by conflicts: the assignment program proposes, the exact schedule disposes (logic-based Benders cuts).

An assignment that fits no schedule is reduced to a few moves that conflict, and all choices at least as demanding
as those are forbidden together. The program's optimum stays a lower bound after every cut, and when its
assignment fits a schedule, that is the optimum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.optimize.classes import Classes
from planner.optimize.exact import Item, Resource, conflict, schedule
from planner.optimize.model import Cut
from planner.optimize.options import Columns
from planner.optimize.problem import Ints, Problem

CONFLICT_NODES = 20_000
"""Steps of the exact search within the reduction of a conflict."""

PLACE_BOUND = frozenset(("link", "in"))
"""Kinds of resources that depend on the destination."""


class CutMaker:
    """Turns assignments without a schedule into cuts. Classes must be single hosts.

    Parameters
    ----------
    problem, classes, columns
        What the assignments speak of.
    """

    def __init__(self, problem: Problem, classes: Classes, columns: Columns) -> None:
        self._problem = problem
        self._columns = columns
        # Directed links and incoming slots that each column uses.
        self._footprint: list[frozenset[Resource]] = []
        for v, c in zip(columns.mover.tolist(), columns.klass.tolist(), strict=True):
            s, h = int(problem.source_of[v]), classes.members[c][0]
            links = classes.links(s, c, h)
            self._footprint.append(frozenset([*(("link", link) for link in links), ("in", h)]))
        self._ready_s = problem.ready_s[[classes.members[c][0] for c in columns.klass.tolist()]]
        self._of = [np.flatnonzero(columns.mover == v) for v in range(len(problem.movers))]

    def cut(self, items: list[Item], choice: Ints, window_s: float) -> Cut:
        """Return a cut that the items, which fit no schedule within the window, violate."""
        before = self._problem.before
        members = conflict(items, before, window_s, CONFLICT_NODES)
        for i, item in enumerate(members):
            for looser in self._looser(item):
                trial = [*members[:i], looser, *members[i + 1 :]]
                answer = schedule(trial, before, window_s, CONFLICT_NODES)
                if answer.starts is None and answer.complete:
                    members = trial
                    break
        parts = [self._as_demanding(item, int(choice[item.mover])) for item in members]
        return Cut(np.concatenate(parts), len(members) - 1)

    def _looser(self, item: Item) -> list[Item]:
        """Return the move with fewer resources, the loosest first: what all its destinations share, then the trunk."""
        footprints = [self._footprint[k] for k in self._of[item.mover].tolist()]
        common = frozenset.intersection(*footprints)
        placed = [resource for resource, _ in item.uses if resource[0] in PLACE_BOUND]
        # The last link and the incoming slot are the ones that the fewest choices share.
        fewest = min(sum(resource in footprint for footprint in footprints) for resource in placed)
        trunk = {r for r in placed if sum(r in footprint for footprint in footprints) > fewest}
        return [
            replace(item, uses=tuple(use for use in item.uses if use[0] in keep or use[0][0] not in PLACE_BOUND))
            for keep in (common, trunk)
        ]

    def _as_demanding(self, item: Item, chosen: int) -> Ints:
        """Return the choices of a mover that take at least the time, rate and resources of an item, and as late."""
        own = self._of[item.mover]
        columns = self._columns
        late = self._ready_s[own] >= item.head_s
        needs = {resource for resource, _ in item.uses if resource[0] in PLACE_BOUND}
        covers = np.array([needs <= self._footprint[k] for k in own.tolist()], dtype=np.bool_)
        demanding: Ints = own[
            covers
            & late
            & (columns.time_s[own] >= columns.time_s[chosen])
            & (columns.rate[own] >= columns.rate[chosen])
        ]
        return demanding
