"""From classes to hosts: gives every mover a host of its class that has room for it."""

from __future__ import annotations

import numpy as np

from planner.optimize.backend import Outcome, solve
from planner.optimize.classes import Classes
from planner.optimize.options import Columns
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.program import Program


class Spreader:
    """Places movers on hosts, class by class.

    Parameters
    ----------
    problem, classes, columns
        What the assignment speaks of.
    seed
        Seed of the solver, for the cases that the simple rules do not place.
    """

    def __init__(self, problem: Problem, classes: Classes, columns: Columns, seed: int) -> None:
        self._problem = problem
        self._classes = classes
        self._columns = columns
        self._seed = seed
        self._blocks = _blocks(problem)
        self._rivals = _rivals(problem)

    def spread(self, choice: Ints, time_limit_s: float) -> tuple[Ints | None, set[int]]:
        """Return the host of each mover, shape (M,), or None and the classes in which that failed.

        Parameters
        ----------
        choice
            Column chosen for each mover, shape (M,).
        time_limit_s
            Wall time for the solver in each class [s].
        """
        klass = self._columns.klass[choice]
        volume = self._columns.time_s[choice] * self._columns.rate[choice]
        # Bytes over each directed link in front of hosts; the last entry stands for "no link".
        self._load = np.zeros(len(self._problem.network.directed) + 1)
        home = np.full(len(self._problem.movers), -1, dtype=np.int64)
        failed: set[int] = set()
        by_class: dict[int, list[tuple[int, ...]]] = {}
        for block in self._blocks:
            by_class.setdefault(int(klass[block[0]]), []).append(block)
        for c, blocks in by_class.items():
            if not self._place(c, blocks, volume, home, time_limit_s):
                failed.add(c)
        return (None if failed else home), failed

    def _place(self, c: int, blocks: list[tuple[int, ...]], volume: Floats, home: Ints, time_limit_s: float) -> bool:
        largest_first = sorted(blocks, key=lambda block: (-int(self._problem.memory[list(block)].sum()), block))
        for spare_first in (True, False):
            placed = self._greedy(c, largest_first, volume, spare_first)
            if placed is not None:
                break
        else:
            placed = self._exact(c, largest_first, time_limit_s)
        for block, host in (placed or {}).items():
            home[list(block)] = host
        return placed is not None

    def _greedy(
        self, c: int, blocks: list[tuple[int, ...]], volume: Floats, spare_first: bool
    ) -> dict[tuple[int, ...], int] | None:
        """Place the largest first, on the least loaded host (spare_first) or on the fullest that still fits."""
        problem = self._problem
        hosts = np.array(self._classes.members[c], dtype=np.int64)
        memory, vcpus = problem.free_memory[hosts].copy(), problem.free_vcpus[hosts].copy()
        load = self._load.copy()
        at: dict[int, int] = {}
        placed: dict[tuple[int, ...], int] = {}
        for block in blocks:
            members = list(block)
            need = int(problem.memory[members].sum())
            need_vcpus = int(problem.vcpus[members].sum())
            fits = problem.allowed[np.ix_(members, hosts)].all(axis=0) & (memory >= need) & (vcpus >= need_vcpus)
            taken = [at[other] for v in block for other in self._rivals.get(v, ()) if other in at]
            fits[taken] = False
            if not fits.any():
                return None
            tail = self._classes.tail[problem.source_of[block[0]], hosts]
            key = np.where(fits, self._busiest(load, tail) if spare_first else memory, np.inf)
            best = int(np.argmin(key))
            memory[best] -= need
            vcpus[best] -= need_vcpus
            load[tail[best]] += volume[members].sum()
            at.update(dict.fromkeys(block, best))
            placed[block] = int(hosts[best])
        self._load = load
        return placed

    def _busiest(self, load: Floats, tail: Ints) -> Floats:
        """Return the time for which the busiest link in front of each host is taken, shape (hosts,) [s]."""
        capacity = np.append(self._problem.network.capacity_bytes_per_s, np.inf)
        seconds: Floats = (load / capacity)[tail]
        return seconds.max(axis=1) + 1e-3 * seconds[:, -1]

    def _exact(self, c: int, blocks: list[tuple[int, ...]], time_limit_s: float) -> dict[tuple[int, ...], int] | None:
        """Place by a feasibility program over the hosts of the class."""
        problem = self._problem
        hosts = np.array(self._classes.members[c], dtype=np.int64)
        fits = np.array([problem.allowed[np.ix_(list(block), hosts)].all(axis=0) for block in blocks])
        which, at = np.nonzero(fits)
        count = len(which)
        program = Program(np.zeros(count), np.ones(count), np.ones(count, dtype=np.bool_))
        ones, columns = np.ones(count), np.arange(count)
        keys: list[object] = list(range(len(blocks)))
        program.add_block("choice", keys, which, columns, ones, lower=np.ones(len(blocks)), upper=np.ones(len(blocks)))
        for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
            need = np.array([size[list(block)].sum() for block in blocks], dtype=np.float64)
            room = np.maximum(free[hosts].astype(np.float64), 1.0)
            program.add_block(
                "room", list(range(len(hosts))), at, columns, need[which] / room[at], upper=np.ones(len(hosts))
            )
        block_of = {v: b for b, block in enumerate(blocks) for v in block}
        for group in problem.separate:
            inside = [block_of[v] for v in group if v in block_of]
            for h in range(len(hosts)):
                here = columns[np.isin(which, inside) & (at == h)]
                if len(here) > 1:
                    program.add_row("separate", None, here, np.ones(len(here)), upper=1.0)
        solution = solve(program, seed=self._seed, time_limit_s=time_limit_s)
        if solution.outcome not in (Outcome.OPTIMAL, Outcome.FEASIBLE) or solution.values is None:
            return None
        chosen = np.flatnonzero(solution.values > 0.5)
        placed = {blocks[which[i]]: int(hosts[at[i]]) for i in chosen}
        return placed if self._fits(placed) else None

    def _fits(self, placed: dict[tuple[int, ...], int]) -> bool:
        """Check room in whole bytes: the solver's tolerance is not a guest's."""
        problem = self._problem
        for size, free in ((problem.memory, problem.free_memory), (problem.vcpus, problem.free_vcpus)):
            left = free.copy()
            for block, host in placed.items():
                left[host] -= size[list(block)].sum()
            if (left < 0).any():
                return False
        return True


def _blocks(problem: Problem) -> list[tuple[int, ...]]:
    """Return the movers in blocks that share a host: together groups, and everyone else alone."""
    grouped = {v for group in problem.together for v in group}
    return [*problem.together, *((v,) for v in range(len(problem.movers)) if v not in grouped)]


def _rivals(problem: Problem) -> dict[int, set[int]]:
    """Return for each mover those that must not share its host."""
    rivals: dict[int, set[int]] = {}
    for group in problem.separate:
        for v in group:
            rivals.setdefault(v, set()).update(other for other in group if other != v)
    return rivals
