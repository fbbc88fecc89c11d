"""A plan that keeps its deadline in so many nights: margins fed back from simulation, the least that does.

docs/design/odds.md says why it is done so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planner.answer import Effort, find
from planner.inventory.models import ALL_APPROACHES, Approach, Inventory
from planner.optimize.clock import Clock
from planner.plan.models import Odds, Plan, Request, Status
from planner.plan.progress import Progress, ProgressSink
from planner.planned import draft, planned, verified
from planner.simulate.odds import quantile, share_of
from planner.simulate.simulation import Simulation, simulate

SHARE_OF_PLAIN = 0.3
"""Part of the time in which the plan without margin is looked for [1]."""
SHARE_OF_ROUND = 0.15
"""Part of the time that is left, in which a plan with a margin is looked for [1]."""
ROUNDS = 7
"""Margins that are tried for each set of VMs that lose an approach [count]."""
BOLDER = 1.5
"""So many times as large is each step to a larger margin, as long as none holds [1]."""
CLOSE = 0.005
"""Margins that differ by less of the deadline are one [1]."""
CELLS = 200_000
"""Moves times nights by which a plan is judged [count]."""
LEAST_RUNS, MOST_RUNS = 1000, 5000
TAIL_NIGHTS = 40
"""Nights in which the promise may be broken, at least: with fewer the interval would be as wide as they are [count]."""
OFTEN = 0.2
"""In a larger share of nights aborted on overrun, a VM's approach is called hopeless [1]."""
FRESH_TRIES = 4
"""Plans that are held against fresh nights, each against its own [count]."""
FEEDBACK_SEED, FRESH_SEED = 2_000_000_000, 1_000_000_000
"""Added to the request's seed: nights that choices are made by, and nights that only judge."""

Struck = Mapping[str, Approach]
"""VMs with an approach that they are not offered."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan, and what nights make of it.

    Parameters
    ----------
    plan
        Verified against the inventory and the deadline as they are.
    nights
        The nights that choices are made by.
    end_by_s
        The deadline that it was made for [s].
    struck
        Approaches that VMs were not offered.
    """

    plan: Plan
    nights: Simulation
    end_by_s: float
    struck: Struck

    @property
    def cost(self) -> tuple[float, float]:
        """What it costs, and when it ends [s]."""
        objective = self.plan.objective
        assert objective is not None
        value, _ = objective.sides(self.plan.request.objective)
        return value or 0.0, objective.finish_s


def plan_with_confidence(
    inventory: Inventory, request: Request, *, seed: int, time_limit_s: float, progress: ProgressSink | None = None
) -> Plan:
    """Find a plan that is in time with the request's confidence, at the least cost that was found.

    Parameters
    ----------
    inventory, request
        What is asked; the request has a confidence.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time after which the best so far is returned [s].
    progress
        Is told how the first solve goes.

    Returns
    -------
    Plan
        With its odds. ``unknown`` where no plan that was found keeps the promise; its odds are then the best that were
        reached.

    Raises
    ------
    RejectedPlanError
        If the replay rejects what was found.
    """
    clock = Clock(time_limit_s)
    without = request.model_copy(update={"confidence": None})
    plain = planned(inventory, without, seed=seed, time_limit_s=time_limit_s * SHARE_OF_PLAIN, progress=progress)
    if plain.status is Status.UNKNOWN:
        # Nothing to be made surer yet: what time there is goes to finding any plan.
        rest_s = clock.left_s * (1.0 - SHARE_OF_PLAIN)
        plain = planned(inventory, without, seed=seed, time_limit_s=rest_s, progress=progress)
    search = _Search(inventory, request, plain, seed, clock, progress)
    if not plain.moves:
        # Proven impossible, not found, or nothing to move: there is nothing to be sure of.
        return search.finished(plain.model_copy(update={"request": request}))
    return search.best()


class _Search:
    """The search for the least margin that keeps the promise."""

    def __init__(
        self,
        inventory: Inventory,
        request: Request,
        plain: Plan,
        seed: int,
        clock: Clock,
        progress: ProgressSink | None,
    ) -> None:
        self.inventory, self.request, self.plain, self.seed, self.clock = inventory, request, plain, seed, clock
        self.progress = progress
        # What playing a plan has taken at most: so much is kept for judging what a round finds, and for fresh nights.
        self.play_s = 0.0
        self.promised = request.confidence or 0.0
        by_cells = min(MOST_RUNS, max(LEAST_RUNS, CELLS // max(1, len(plain.moves))))
        self.runs = max(by_cells, math.ceil(TAIL_NIGHTS / (1.0 - self.promised)))
        # The least share of nights whose interval lies above the promise.
        least = next((n for n in range(self.runs + 1) if share_of(n, self.runs).low >= self.promised), self.runs)
        self.needed = least / self.runs
        self.tried: list[Candidate] = []

    def best(self) -> Plan:
        """Return the cheapest plan that fresh nights confirm, or what is known where there is none."""
        first = self.judged(self.plain, self.request.deadline_s, {})
        if not self.holds(first):
            self.descend(first, {})
            often = self.hopeless(first, OFTEN)
            more = self.hopeless(first, 1.0 - self.promised)
            for struck in ([often] if often else []) + ([more] if more != often else []):
                self.descend(first, struck)
        fresh: list[tuple[Candidate, Simulation]] = []
        while len(fresh) < FRESH_TRIES:
            open_ = [one for one in self.tried if self.holds(one) and all(one is not seen for seen, _ in fresh)]
            if not open_ or (fresh and self.clock.left_s <= self.play_s):
                break
            chosen = min(open_, key=lambda one: (*one.cost, -one.nights.in_time.share))
            nights = self.nights(chosen.plan, FRESH_SEED + 10 * self.seed + len(fresh))
            fresh.append((chosen, nights))
            if nights.in_time.low >= self.promised:
                return self.kept(chosen, nights, first)
        if not fresh:
            chosen = max(self.tried, key=lambda one: one.nights.in_time.share)
            nights = self.nights(chosen.plan, FRESH_SEED + 10 * self.seed)
            if nights.in_time.low >= self.promised:
                return self.kept(chosen, nights, first)
            fresh.append((chosen, nights))
        chosen, nights = max(fresh, key=lambda pair: pair[1].in_time.share)
        return self.broken(chosen, nights, first)

    def descend(self, first: Candidate, struck: Struck) -> None:
        """Try ever larger margins until one holds, then ones between it and the last that did not."""
        deadline_s, failed, bolder = self.request.deadline_s, first, 1.0
        # What has to end by the low does hold, or there is no such plan; what may end at the high does not hold.
        low_s, high_s = 0.0, deadline_s if struck else first.cost[1]
        end_by_s = deadline_s if struck else self.earlier(first, bolder)
        for _ in range(ROUNDS):
            if self.clock.left_s <= 2 * self.play_s:
                return
            found = self.candidate(end_by_s, struck)
            by_downtime = self.request.objective == "downtime"
            if by_downtime and found is not None and not self.holds(found) and found.cost[0] >= self.best_cost():
                return  # with an earlier end it would cost more still
            if found is None or self.holds(found):
                low_s = max(low_s, end_by_s)
            else:
                # Any deadline between its end and the one that it was made for gives this plan again.
                failed, high_s = found, min(high_s, found.cost[1], end_by_s)
                bolder *= BOLDER
            if high_s - low_s <= CLOSE * deadline_s:
                return
            nearer_s = min(self.earlier(failed, bolder), high_s - CLOSE * deadline_s)
            end_by_s = (low_s + high_s) / 2 if low_s > 0 else nearer_s

    def best_cost(self) -> float:
        """Return what the cheapest plan that holds costs so far, infinite where there is none."""
        return min((one.cost[0] for one in self.tried if self.holds(one)), default=math.inf)

    def earlier(self, failed: Candidate, bolder: float) -> float:
        """Return by when a plan has to end if its nights end as much later as those of one that failed [s].

        The step is made so many times as large, and is at most half of the plan.
        """
        finish_s, needs_s = failed.cost[1], quantile(failed.nights.each_finish_s, self.needed)
        return max(finish_s - bolder * (needs_s - self.request.deadline_s), finish_s / 2)

    def hopeless(self, candidate: Candidate, often: float) -> Struck:
        """Return the approaches of VMs that are aborted, or never out, in a larger share of nights."""
        nights, found = candidate.nights, {}
        vms = {vm.name: vm for vm in self.inventory.vms}
        for move in candidate.plan.moves:
            allowed = set(vms[move.vm].approaches or ALL_APPROACHES) & set(self.inventory.settings.approaches)
            if nights.fell_back[move.vm] + nights.gave_up[move.vm] > often and len(allowed) > 1:
                found[move.vm] = move.approach
        return found

    def candidate(self, end_by_s: float, struck: Struck) -> Candidate | None:
        """Return the plan for a deadline and with approaches struck, judged; None where none was found."""
        narrowed = _narrowed(self.inventory, struck)
        request = self.plain.request.model_copy(update={"deadline_s": end_by_s})
        limit = self.clock.before(2 * self.play_s).part(SHARE_OF_ROUND)
        self.tell("looking for a plan with a margin")
        found = find(narrowed, request, Effort(self.seed, limit, reasons=False))
        if found.moves is None:
            return None
        bounds = self.plain.objective
        assert bounds is not None
        # What bounds all plans is what was proven of plans without margins and with all approaches.
        found = replace(
            found,
            bound_s=bounds.lower_bound_weighted_downtime_s,
            finish_bound_s=bounds.lower_bound_finish_s if request.objective == "finish" else None,
            ends_bound_s=bounds.lower_bound_weighted_ends_s or 0.0,
        )
        plan = draft(self.inventory, self.plain.request, found, self.seed, self.clock.limit_s, self.clock)
        return self.judged(verified(self.inventory, plan), end_by_s, struck)

    def judged(self, plan: Plan, end_by_s: float, struck: Struck) -> Candidate:
        """Return a plan with its nights, and remember it."""
        known = next((one.nights for one in self.tried if one.plan.moves == plan.moves), None)
        found = Candidate(plan, known or self.nights(plan, FEEDBACK_SEED + self.seed), end_by_s, struck)
        self.tried.append(found)
        return found

    def nights(self, plan: Plan, seed: int) -> Simulation:
        """Play a plan."""
        self.tell("playing nights")
        began_s = self.clock.elapsed_s
        found = simulate(self.inventory, plan, self.runs, seed)
        self.play_s = max(self.play_s, self.clock.elapsed_s - began_s)
        return found

    def tell(self, phase: str) -> None:
        """Say what is being done, with the cheapest plan that holds so far."""
        if self.progress is None:
            return
        best = min((one for one in self.tried if self.holds(one)), key=lambda one: one.cost, default=None)
        objective = best.plan.objective if best is not None else None
        self.progress(
            Progress(
                phase,
                self.clock.elapsed_s,
                None if objective is None else objective.weighted_downtime_s,
                None if objective is None else objective.lower_bound_weighted_downtime_s,
                None if objective is None else objective.finish_s,
            )
        )

    def holds(self, candidate: Candidate) -> bool:
        """Return whether the nights that choices are made by keep the promise."""
        return candidate.nights.in_time.low >= self.promised

    def kept(self, chosen: Candidate, nights: Simulation, first: Candidate) -> Plan:
        """Return a plan with the promise that fresh nights confirm."""
        odds = self.odds(chosen, nights, first)
        return self.finished(
            verified(self.inventory, chosen.plan.model_copy(update={"request": self.request, "odds": odds}))
        )

    def broken(self, chosen: Candidate, nights: Simulation, first: Candidate) -> Plan:
        """Return that no plan was found that keeps the promise, with the best odds."""
        nothing = {"moves": (), "power": (), "objective": None, "verification": None}
        odds = self.odds(chosen, nights, first)
        return self.finished(
            chosen.plan.model_copy(update={"request": self.request, "status": Status.UNKNOWN, "odds": odds, **nothing})
        )

    def odds(self, chosen: Candidate, nights: Simulation, first: Candidate) -> Odds:
        plain = first.plan.objective
        assert plain is not None
        return Odds(
            promised=self.promised,
            probability=nights.in_time.share,
            low=nights.in_time.low,
            high=nights.in_time.high,
            runs=nights.runs,
            seed=nights.seed,
            finish_p50_s=_finite(nights.finish_s.p50),
            finish_p95_s=_finite(nights.finish_s.p95),
            margin_s=max(0.0, self.request.deadline_s - chosen.end_by_s),
            narrowed=tuple(sorted(chosen.struck)),
            plain_probability=first.nights.in_time.share,
            plain_weighted_downtime_s=plain.weighted_downtime_s,
            plain_finish_s=plain.finish_s,
        )

    def finished(self, plan: Plan) -> Plan:
        """Return a plan with the time that all took."""
        if plan.solver is None:
            return plan
        took = {"seconds": round(self.clock.elapsed_s, 3), "time_limit_s": self.clock.limit_s}
        return plan.model_copy(update={"solver": plan.solver.model_copy(update=took)})


def _narrowed(inventory: Inventory, struck: Struck) -> Inventory:
    """Return the inventory with approaches struck."""
    if not struck:
        return inventory

    def left(name: str, given: tuple[Approach, ...] | None) -> tuple[Approach, ...]:
        return tuple(one for one in given or ALL_APPROACHES if one is not struck[name])

    vms = tuple(
        vm.model_copy(update={"approaches": left(vm.name, vm.approaches)}) if vm.name in struck else vm
        for vm in inventory.vms
    )
    return inventory.model_copy(update={"vms": vms})


def _finite(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) else None
