"""What every schedule must spend, whatever it chooses: bounds on the finish and on the sum of ends by volumes.

Each mover takes some time at least, and some seconds of each link and migration slot that all of its choices use. Two
relaxations follow. For the *finish*: what must pass through a resource passes between the first time that a target
is ready and the last that a source may be left. For the *ends*: a move's mean busy time is its end less half its
duration, and on one resource the weighted sum of mean busy times is least by Smith's rule, the most weight a second
first, even if moves could be cut into pieces and run at any share. The weight of a mover is split over its resources,
every split gives a bound, and a subgradient ascent looks for the best split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimize.classes import Classes
from planner.optimize.problem import Floats, Ints, Problem

ROUNDS = 300
"""Steps of the ascent at the most [count]."""
PACE = 2.0
"""How far the first step goes, for differences as large as their mean [1]."""
LOOK_EVERY = 20
"""Steps after which the ascent ends if they brought too little [count]."""
TOO_LITTLE = 2e-4
"""Relative rise of the bound that is too little [1]."""
LEAN_TO_BUSY = 3.0
"""How much the first split prefers busy resources [1]."""
MOST_STEPS = 8
"""Distinct heads or tails up to which all are tried as the ends of a window [count]."""


Part = tuple[str, int, float]
"""What moves use: its kind, its number and, for slots, how many there are."""


@dataclass(frozen=True)
class Least:
    """What every schedule spends at least. M movers, R resources, N uses of them.

    Parameters
    ----------
    time_s, head_s, tail_s, weight
        Of each mover: duration, when its first target is ready, the time that its source takes to switch off [s], and
        what its end counts [1]; shape (M,).
    mover, resource, seconds
        Of each use: who, what, and the seconds for which a whole resource would be taken [s]; shape (N,), sorted by
        resource.
    resources
        R [count].
    """

    time_s: Floats
    head_s: Floats
    tail_s: Floats
    weight: Floats
    mover: Ints
    resource: Ints
    seconds: Floats
    resources: int


def least_of(
    problem: Problem, classes: Classes, options: Sequence[tuple[int, ...]], time: Floats, volume: Floats
) -> Least:
    """Return what every schedule spends at least.

    Parameters
    ----------
    options
        Classes that each mover may go to, ascending; at least one.
    time, volume
        The least time and the least time x rate of each mover's choices, shape (M,) [s, bytes].
    """
    ready = np.array([problem.ready_s[list(hosts)].min() for hosts in classes.members], dtype=np.float64)
    capacity: list[float] = problem.network.capacity_bytes_per_s.tolist()
    groups: list[list[Part]] = [[] for _ in options]
    for g, group in enumerate(problem.not_at_once):
        for v in group:
            groups[v].append(("group", g, 1.0))
    number: dict[tuple[str, int], int] = {}
    uses: list[tuple[int, int, float]] = []
    common: dict[tuple[int, tuple[int, ...]], list[Part]] = {}
    for v, (s, mine, seconds, sent) in enumerate(
        zip(problem.source_of.tolist(), options, time.tolist(), volume.tolist(), strict=True)
    ):
        if (s, mine) not in common:
            common[s, mine] = _common(problem, classes, s, mine)
        for kind, which, room in (*common[s, mine], *groups[v]):
            spent = sent / capacity[which] if kind == "link" else seconds / room
            uses.append((number.setdefault((kind, which), len(number)), v, spent))
    uses.sort()
    parts = np.array(uses, dtype=np.float64).reshape(len(uses), 3)
    return Least(
        time,
        np.array([ready[list(mine)].min() for mine in options], dtype=np.float64),
        problem.tail_s,
        problem.weight,
        parts[:, 1].astype(np.int64),
        parts[:, 0].astype(np.int64),
        parts[:, 2],
        len(number),
    )


def _common(problem: Problem, classes: Classes, source: int, options: tuple[int, ...]) -> list[Part]:
    """Return what all moves from a source to some classes use."""
    paths = []
    for c in options:
        hosts = classes.members[c]
        path = classes.links(source, c, hosts[0]) if len(hosts) == 1 else classes.trunk[source][c] or ()
        paths.append(frozenset(path))
    found: list[Part] = [("link", link, 1.0) for link in sorted(frozenset.intersection(*paths))]
    found.append(("out", source, float(problem.max_out[source])))
    if len(options) == 1 and len(classes.members[options[0]]) == 1:
        host = classes.members[options[0]][0]
        found.append(("in", host, float(problem.max_in[host])))
    return found


def finish_bound(least: Least) -> float:
    """Return a finish that no schedule beats [s]."""
    alone = float((least.head_s + least.time_s + least.tail_s).max(initial=0.0))
    if not len(least.mover):
        return alone
    head, tail = least.head_s[least.mover], least.tail_s[least.mover]
    best = np.zeros(least.resources)
    for first in _steps(least.head_s):
        for last in _steps(least.tail_s):
            inside = (head >= first) & (tail >= last)
            sums = np.bincount(least.resource[inside], least.seconds[inside], minlength=least.resources)
            best = np.maximum(best, np.where(sums > 0, first + sums + last, 0.0))
    return max(alone, float(best.max(initial=0.0)))


def _steps(values: Floats) -> list[float]:
    distinct = np.unique(values)
    return [float(x) for x in (distinct if len(distinct) <= MOST_STEPS else distinct[:1])]


def ends_bound(least: Least) -> float:
    """Return a weighted sum of ends that no schedule beats [s]."""
    return _Split(least).best_s


class _Split:
    """The ascent over splits of the weights. The first M parts are the movers' own, with nothing to wait for."""

    def __init__(self, least: Least) -> None:
        movers = len(least.time_s)
        self._seconds, self._resource = least.seconds, least.resource
        self._mover = np.concatenate([np.arange(movers), least.mover])
        self._alone = least.head_s + least.time_s / 2
        self._starts = np.searchsorted(least.resource, np.arange(least.resources))
        head = np.full(least.resources, np.inf)
        np.minimum.at(head, least.resource, least.head_s[least.mover])
        self._head = head[least.resource]
        weight = least.weight
        half = float(weight @ least.time_s) / 2
        load = np.bincount(least.resource, least.seconds, minlength=least.resources)
        lean = load[least.resource] / max(float(load.max(initial=0.0)), 1e-300)
        split = self._normal(np.concatenate([np.full(movers, 1e-3), np.exp(LEAN_TO_BUSY * lean)]), movers)
        self.best_s, told = 0.0, 0.0
        for step in range(ROUNDS):
            mean = self._means(split * weight[self._mover])
            self.best_s = max(self.best_s, half + float((split * weight[self._mover]) @ mean))
            if step % LOOK_EVERY == LOOK_EVERY - 1:
                if self.best_s <= told * (1 + TOO_LITTLE):
                    break
                told = self.best_s
            scale = PACE / np.sqrt(step + 1) / max(float(mean.mean() - mean.min()), 1e-300)
            middle = np.bincount(self._mover, split * mean, minlength=movers)
            split = self._normal(split * np.exp(np.clip(scale * (mean - middle[self._mover]), -30.0, 30.0)), movers)

    def _normal(self, split: Floats, movers: int) -> Floats:
        split = np.maximum(split, 1e-12)
        whole: Floats = split / np.bincount(self._mover, split, minlength=movers)[self._mover]
        return whole

    def _means(self, weight: Floats) -> Floats:
        """Return the mean busy time of each part, where each resource goes by the most weight a second first [s]."""
        movers = len(self._alone)
        first = np.lexsort((-weight[movers:] / self._seconds, self._resource))
        seconds = self._seconds[first]
        until = np.cumsum(seconds)
        before = np.concatenate([[0.0], until])[self._starts][self._resource]
        mean = np.empty(len(weight))
        mean[:movers] = self._alone
        mean[movers:][first] = self._head + until - before - seconds / 2
        return mean
