"""Who makes room for whom, host by host: largest first, ejecting residents where that costs less than going elsewhere.

Each decision rests on room that is free or was freed by earlier decisions, so that carried out in their order they
never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimize.options import Tables
from planner.optimize.problem import Bools, Floats, Ints, Problem
from planner.optimize.room_problem import Room

DEPTH = 2
"""Ejections that may follow from one another [count]."""
WIDTH = 12
"""Hosts tried for one that is ejected with further ejections [count]."""
RESIDENTS = 4
"""Residents tried alone on such a host [count]."""


def least_costs(room: Room, problem: Problem, tables: Tables) -> Floats:
    """Return the least weighted downtime of each VM going from its home to each target, shape (V, T) [s].

    Infinite where it may not go.

    Parameters
    ----------
    problem, tables
        The first legs of all VMs.
    """
    usable = tables.usable & (np.nan_to_num(tables.time_s, nan=np.inf) <= room.deadline_s)
    down = np.where(usable, np.nan_to_num(tables.downtime_s, nan=np.inf), np.inf)
    menus = len(tables.menus)
    by_menu = np.full((len(room.vms), menus + 1), np.inf)
    for m, menu in enumerate(tables.menus):
        rates = np.array(menu)
        flows = tables.rates[rates] <= tables.most_of_one_flow[m] * (1 + 1e-12)
        offered = tables.several_flows[:, :, None] | flows[None, None, :]
        by_menu[:, m] = np.where(offered, down[:, :, rates], np.inf).min(axis=(1, 2), initial=np.inf)
    menu_of = tables.menu_of[problem.source_of]
    with np.errstate(invalid="ignore"):  # no way at all, and no weight
        costs = by_menu[np.arange(len(room.vms))[:, None], menu_of] * problem.weight[:, None]
    return np.where(problem.allowed, np.nan_to_num(costs, nan=np.inf, posinf=np.inf), np.inf)


@dataclass(frozen=True)
class Step:
    """One VM goes to one target, by index."""

    vm: int
    target: int


class Greedy:
    """Chooses hosts and ejections.

    Parameters
    ----------
    room
        All VMs that must and may move.
    cost_s
        See `least_costs`.
    rng
        Shakes the order of the VMs, where given.
    """

    def __init__(self, room: Room, cost_s: Floats, rng: np.random.Generator | None = None) -> None:
        self._room = room
        self._rng = rng
        vms = room.vms
        self._memory: Ints = np.array([vm.memory for vm in vms], dtype=np.int64)
        self._vcpus: Ints = np.array([vm.vcpus for vm in vms], dtype=np.int64)
        self._cost = cost_s.copy()
        self._cost[room.forced :] += room.price_s
        index = {h: t for t, h in enumerate(room.targets)}
        self._home = [index.get(h, -1) for h in room.home]
        self._free_memory: Ints = np.array([room.memory[h] for h in room.targets], dtype=np.int64)
        self._free_vcpus: Ints = np.array([room.vcpus[h] for h in room.targets], dtype=np.int64)
        self._here: list[set[int]] = [set() for _ in room.targets]
        for v, t in enumerate(self._home):
            if t >= 0:
                self._add(v, t)
        together = {v for group in room.together for v in group.members}
        self._fixed = [v < room.forced or v in together for v in range(len(vms))]
        self._rivals: list[set[int]] = [set() for _ in vms]
        for group in room.separate:
            for v in group.members:
                self._rivals[v] |= set(group.members) - {v}
        # A rival counts on the host that it leaves as well: so none waits for the other's way.
        self._left: list[set[int]] = [set() for _ in room.targets]
        self._load = np.zeros(len(room.targets))

    def run(self) -> list[Step] | None:
        """Return who goes where in the order of the decisions, or None where someone finds no place."""
        steps: list[Step] = []
        for block in self._blocks():
            found = self._settle(block)
            if found is None:
                return None
            steps += found
        return steps

    def _blocks(self) -> list[tuple[int, ...]]:
        """Return the VMs that must move, those that stay together as one, the largest first."""
        base = self._room.base
        grouped = {v: tuple(group) for group in base.together for v in group}
        blocks = list(dict.fromkeys(grouped.get(v, (v,)) for v in range(self._room.forced)))
        noise = np.ones(len(blocks)) if self._rng is None else np.exp(self._rng.normal(0.0, 0.5, len(blocks)))
        size = [float(self._memory[list(block)].sum()) * n for block, n in zip(blocks, noise.tolist(), strict=True)]
        return [block for _, block in sorted(zip(size, blocks, strict=True), key=lambda pair: (-pair[0], pair[1]))]

    def _settle(self, block: tuple[int, ...]) -> list[Step] | None:
        """Find the cheapest place of a block, with what has to leave for it, and book it."""
        members = list(block)
        cost = self._cost[members].sum(axis=0)
        cost = np.where(self._joins(members), cost, np.inf)
        best: list[Step] | None = None
        best_s = np.inf
        fits = self._fits(members) & np.isfinite(cost)
        if fits.any():
            least = cost[fits].min()
            alike = np.flatnonzero(fits & (cost <= least + 1e-9))
            t = int(alike[np.argmin(self._load[alike])])
            best, best_s = [Step(v, t) for v in members], float(cost[t])
        for depth in range(1, DEPTH + 1):
            for t in np.argsort(cost, kind="stable").tolist():
                if not cost[t] + self._room.price_s < best_s:
                    break
                if fits[t]:
                    continue
                out = self._clear(members, t, depth, frozenset(members))
                if out is not None and cost[t] + self._price(out) < best_s:
                    best, best_s = [*out, *(Step(v, t) for v in members)], float(cost[t] + self._price(out))
            if best is not None:
                break
        for step in best or ():
            self._book(step)
        return best

    def _joins(self, members: list[int]) -> Bools:
        """Return on which targets the rules that hold VMs together let a block end, shape (T,)."""
        allowed = np.ones(len(self._room.targets), dtype=np.bool_)
        index = {h: t for t, h in enumerate(self._room.targets)}
        for group in self._room.together:
            if not set(members) & set(group.members):
                continue
            homes = {index[h] for h in group.homes if h in index}
            homes |= {self._home[v] for v in group.members if v >= self._room.forced}
            if homes or group.homes:
                allowed &= np.isin(np.arange(len(allowed)), list(homes))
        return allowed

    def _price(self, steps: Sequence[Step]) -> float:
        return float(sum(self._cost[step.vm, step.target] for step in steps))

    def _fits(self, members: list[int]) -> Bools:
        """Return which targets take VMs as they are now, shape (T,)."""
        fits = (self._free_memory >= self._memory[members].sum()) & (self._free_vcpus >= self._vcpus[members].sum())
        rivals = set().union(*(self._rivals[v] for v in members))
        if rivals:
            for t in np.flatnonzero(fits).tolist():
                fits[t] = not rivals & (self._here[t] | self._left[t])
        return np.asarray(fits, dtype=np.bool_)

    def _clear(self, members: list[int], t: int, depth: int, moving: frozenset[int]) -> list[Step] | None:
        """Return who leaves a target, and where to, so that VMs fit there; None where nothing is found."""
        rivals = set().union(*(self._rivals[v] for v in members)) & self._here[t]
        if any(self._fixed[v] or v in moving for v in rivals) or not self._can_leave(rivals):
            return None
        memory = int(self._memory[members].sum()) - int(self._free_memory[t])
        vcpus = int(self._vcpus[members].sum()) - int(self._free_vcpus[t])
        for chosen in self._sets(t, sorted(rivals), memory, vcpus, moving):
            steps = self._rehouse(chosen, t, depth, moving)
            if steps is not None:
                return steps
        return None

    def _can_leave(self, vms: set[int]) -> bool:
        return all(np.isfinite(self._cost[v]).any() for v in vms)

    def _sets(self, t: int, must: list[int], memory: int, vcpus: int, moving: frozenset[int]) -> Iterator[list[int]]:
        """Yield residents whose leaving gives enough room: one alone, cheapest first, then the largest till it does."""
        memory -= int(self._memory[must].sum())
        vcpus -= int(self._vcpus[must].sum())
        if memory <= 0 and vcpus <= 0:
            yield must
            return
        stay = [v for v in self._here[t] if not self._fixed[v] and v not in moving and v not in must]
        stay = [v for v in stay if self._home[v] == t]
        alone = [v for v in stay if self._memory[v] >= memory and self._vcpus[v] >= vcpus]
        alone.sort(key=lambda v: (round(float(self._cost[v].min()), 6), int(self._memory[v]), v))
        for v in alone[:RESIDENTS]:
            yield [*must, v]
        stay.sort(key=lambda v: (-int(self._memory[v]), v))
        for first in range(min(len(stay), RESIDENTS)):
            chosen, more, cores = list(must), memory, vcpus
            for v in stay[first:]:
                if more <= 0 and cores <= 0:
                    break
                chosen.append(v)
                more -= int(self._memory[v])
                cores -= int(self._vcpus[v])
            if more <= 0 and cores <= 0 and len(chosen) > len(must) + 1:
                yield chosen

    def _rehouse(self, vms: Sequence[int], t: int, depth: int, moving: frozenset[int]) -> list[Step] | None:
        """Return where VMs that leave a target go, one by one; None where one of them finds nothing."""
        steps: list[Step] = []
        booked: list[Step] = []
        moving |= frozenset(vms)
        try:
            for v in vms:
                found = self._new_home(v, t, depth, moving)
                if found is None:
                    return None
                for step in found:
                    self._book(step)
                    booked.append(step)
                steps += found
            return steps
        finally:
            for step in reversed(booked):
                self._unbook(step)

    def _new_home(self, v: int, t: int, depth: int, moving: frozenset[int]) -> list[Step] | None:
        cost = self._cost[v]
        fits = self._fits([v]) & np.isfinite(cost)
        fits[t] = False
        if fits.any():
            least = cost[fits].min()
            alike = np.flatnonzero(fits & (cost <= least + 1e-9))
            # The tightest hole, so that wide ones are left for the large.
            return [Step(v, int(alike[np.argmin(self._free_memory[alike])]))]
        if depth <= 1:
            return None
        order = [h for h in np.argsort(cost, kind="stable").tolist() if np.isfinite(cost[h]) and h != t]
        for h in order[:WIDTH]:
            out = self._clear([v], h, depth - 1, moving)
            if out is not None and all(step.target != t for step in out):
                return [*out, Step(v, h)]
        return None

    def _add(self, v: int, t: int) -> None:
        self._free_memory[t] -= self._memory[v]
        self._free_vcpus[t] -= self._vcpus[v]
        self._here[t].add(v)

    def _remove(self, v: int, t: int) -> None:
        self._free_memory[t] += self._memory[v]
        self._free_vcpus[t] += self._vcpus[v]
        self._here[t].discard(v)

    def _book(self, step: Step) -> None:
        home = self._home[step.vm]
        if home >= 0:
            self._remove(step.vm, home)
            self._left[home].add(step.vm)
        self._add(step.vm, step.target)
        self._load[step.target] += float(self._memory[step.vm])

    def _unbook(self, step: Step) -> None:
        self._remove(step.vm, step.target)
        self._load[step.target] -= float(self._memory[step.vm])
        home = self._home[step.vm]
        if home >= 0:
            self._add(step.vm, home)
            self._left[home].discard(step.vm)
