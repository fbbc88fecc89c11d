"""Which VMs to save: the assignment program in which each mover may stay, solved for the most weight that moves.

Every schedule that moves some of the movers in time gives a solution, so that the optimum bounds the weight that any of
them saves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np

from planner.menu import FEW
from planner.optimize.arena import MASTER_GAP, SMALL
from planner.optimize.backend import INTEGRALITY_GAP, Outcome, Session
from planner.optimize.classes import coarse_classes
from planner.optimize.clock import Clock
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import NO_LANES, build_columns, build_tables
from planner.optimize.problem import Floats, Ints, Problem
from planner.optimize.program import Program

ALL_PAIRS = 12
"""Members of a together group up to which each pair is held together; beyond that only neighbours are [count]."""
STEPS = (1, 2, 4, 5, 10, 20, 100, 1000)
"""Parts of 1 of which all weights may be multiples, tried in this order [1]."""
NO_SHARES: Mapping[int, float] = {}
"""Every link may be filled."""
COUNT_SHARE = 0.25
"""Part of the time of a choice that is kept for making it the one with the most VMs; that takes no longer than the
choice itself where VMs are many [1]."""
COUNT_GAP = 1e-3
"""Relative gap at which that ends where VMs are many [1]."""


class SavingModel(AssignmentModel):
    """The assignment program in which each mover may stay, and the rules bind those that move."""

    def _one_choice_each(self, program: Program) -> None:
        """Each mover takes one choice at the most."""
        movers = len(self.problem.movers)
        ones = np.ones(len(self.columns))
        every = np.arange(len(self.columns))
        program.add_block("choice", list(range(movers)), self.columns.mover, every, ones, upper=np.ones(movers))

    def _together(self, program: Program) -> None:
        """Two members of a together group that both move choose the same class: y[a,c] + all other y[b] <= 1."""
        for g, group in enumerate(self.problem.together):
            for a, b in combinations(group, 2) if len(group) <= ALL_PAIRS else pairwise(group):
                ours, theirs = (np.flatnonzero(self.columns.mover == v) for v in (a, b))
                for c in np.unique(self.columns.klass[ours]).tolist():
                    here = ours[self.columns.klass[ours] == c]
                    elsewhere = theirs[self.columns.klass[theirs] != c]
                    both = np.concatenate([here, elsewhere])
                    program.add_row("together", g, both, np.ones(len(both)), upper=1.0)

    def _before(self, program: Program, aim: Aim) -> None:
        """Order rules: where b moves, its start >= start of a + T of a, which is 0 where a stays."""
        for a, b in self.problem.before:
            ours, theirs = (np.flatnonzero(self.columns.mover == v) for v in (a, b))
            columns = np.concatenate([ours, [self._start(a), self._start(b)], theirs])
            values = np.concatenate([self.columns.time_s[ours], [1.0, -1.0], np.full(len(theirs), aim.window_s)])
            program.add_row("before", (a, b), columns, values, upper=aim.window_s)


@dataclass(frozen=True)
class Choice:
    """A set of movers that the program would save.

    Parameters
    ----------
    movers
        Their indices, or None where no solution was found.
    most_weight
        No schedule saves more weight [1].
    """

    movers: tuple[int, ...] | None
    most_weight: float


class Selection:
    """Chooses movers to save, again and again with other shares of links and sets that are ruled out.

    Parameters
    ----------
    problem
        The evacuation, compiled so that each mover may stay.
    seed
        Seed of the solver.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self._seed = seed
        classes = coarse_classes(problem)
        tables = build_tables(problem, classes)
        columns = build_columns(problem, classes, tables)
        self.large = len(columns) > SMALL
        if self.large:
            columns = build_columns(problem, classes, tables, lean=True)
        self.columns = columns
        self._model = SavingModel(problem, classes, columns, lanes=NO_LANES, side_by_side=not self.large)
        self.ruled_out: list[tuple[int, ...]] = []
        self.grain = grain_of(problem.weight)

    @property
    def able(self) -> Ints:
        """Movers that have a choice at all."""
        found: Ints = np.unique(self.columns.mover)
        return found

    def least_downtime_s(self, movers: Collection[int]) -> float:
        """Return a weighted downtime that no schedule of these movers undercuts, each taken by itself [s]."""
        least_s = np.full(len(self.problem.movers), np.inf)
        np.minimum.at(least_s, self.columns.mover, self.columns.downtime_s)
        return float(sum(self.problem.weight[v] * least_s[v] for v in movers))

    def rule_out(self, movers: Collection[int]) -> None:
        """Take note that these movers cannot all be saved, whatever the others do."""
        self.ruled_out.append(tuple(sorted(movers)))

    def choose(self, time_limit_s: float, shares: Mapping[int, float] = NO_SHARES, *, quick: bool = False) -> Choice:
        """Return the movers of the most weight, of those the most, of those with little downtime.

        Parameters
        ----------
        time_limit_s
            Wall time [s].
        shares
            Share of each link that may be filled; the bound holds for all schedules only where there are none.
        quick
            Whether to decide in whole numbers only on those movers that the linear relaxation splits or leaves.
        """
        clock = Clock(time_limit_s)
        weight, columns = self.problem.weight, self.columns
        total = float(weight[self.able].sum())
        if not len(columns):
            return Choice((), 0.0)
        program = self._program(shares)
        gain = np.zeros(len(program.cost))
        gain[: len(columns)] = weight[columns.mover]
        program.add_row("saved", None, np.arange(len(columns)), gain[: len(columns)])
        gap = MASTER_GAP if self.large else INTEGRALITY_GAP
        most = total
        if quick or self.large:
            relaxed = Session(program, seed=self._seed, linear=True).solve(cost=-gain, time_limit_s=clock.left_s)
            if relaxed.values is None:
                return Choice(None, total)
            most = min(total, self.rounded(-relaxed.bound)) if math.isfinite(relaxed.bound) else total
            program = self._model.settle(program, relaxed.values) if quick else program
        session = Session(program, seed=self._seed)
        first = session.solve(cost=-gain, gap=gap, time_limit_s=clock.left_s * (1 - COUNT_SHARE))
        if math.isfinite(first.bound) and not quick:
            most = min(most, self.rounded(-first.bound))
        if first.values is None:
            return Choice(None, most)
        values = first.values
        saved = float(gain @ values)
        lower = np.array(program.lower)
        lower[-1] = saved - (self.grain / 4 if self.grain > 0 else saved * 1e-9)
        down_s = columns.downtime_s * weight[columns.mover]
        cost = np.zeros(len(program.cost))
        # All downtime together counts less than one VM.
        cost[: len(columns)] = down_s / (1.0 + 2.0 * down_s.max(initial=0.0) * len(weight)) - 1.0
        many = len(weight) > FEW
        limit_s = min(clock.left_s, clock.elapsed_s) if many else clock.left_s
        second = session.solve(
            lower=lower, cost=cost, start=values, gap=COUNT_GAP if many else gap, time_limit_s=limit_s
        )
        values = values if second.values is None else second.values
        chosen = np.unique(columns.mover[values[: len(columns)] > 0.5])
        return Choice(tuple(chosen.tolist()), most)

    def most_with(self, movers: Collection[int], time_limit_s: float) -> dict[int, float]:
        """Return for movers the most weight that a schedule with each of them can save, as far as the time allows [1].

        Where VMs are many it is the bound of the linear relaxation; negative where there is no such schedule.
        """
        if not movers:
            return {}
        program = self._program(NO_SHARES)
        gain = np.zeros(len(program.cost))
        gain[: len(self.columns)] = self.problem.weight[self.columns.mover]
        # The rows of the choices follow each other, one a mover.
        first = program.families.index("choice")
        session = Session(program, seed=self._seed, linear=len(self.problem.movers) > FEW)
        least = np.array(program.lower)
        found: dict[int, float] = {}
        clock = Clock(time_limit_s)
        for v in movers:
            lower = least.copy()
            lower[first + v] = 1.0
            solution = session.solve(lower=lower, cost=-gain, time_limit_s=clock.left_s)
            if clock.expired:
                break
            if math.isfinite(solution.bound):
                found[v] = max(0.0, self.rounded(-solution.bound))
            elif solution.outcome is Outcome.INFEASIBLE:
                found[v] = -1.0
        return found

    def rounded(self, weight: float) -> float:
        """Return the largest sum of weights that a bound allows, as far as it is plain of what they are multiples."""
        if self.grain <= 0:
            return weight
        return self.grain * math.floor(weight / self.grain + 1e-6)

    def _program(self, shares: Mapping[int, float]) -> Program:
        program = self._model.program(Aim(self.problem.deadline_s, shares=shares))
        for movers in self.ruled_out:
            here = np.flatnonzero(np.isin(self.columns.mover, movers))
            program.add_row("cut", None, here, np.ones(len(here)), upper=len(movers) - 1)
        return program


def grain_of(weights: Floats) -> float:
    """Return the largest number of which all weights are multiples, where it is 1/1000 or more; else 0."""
    for parts in STEPS:
        scaled = weights * parts
        whole = np.round(scaled)
        if (np.abs(scaled - whole) < 1e-9).all():
            divisor = math.gcd(*(int(one) for one in whole))
            return float(Fraction(divisor, parts))
    return 0.0
