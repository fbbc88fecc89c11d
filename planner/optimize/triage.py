"""Triage: which VMs to save where not all can leave in time, and when they move.

The program proposes a set of VMs, the ordinary search disposes: on the inventory without the others, because a change
is an inventory. A set for which that proves that there is no schedule is ruled out, and the program is asked again;
where the VMs are few that ends with the most weight that any schedule saves. Of many VMs those that a schedule brings
out in time are kept, and links are filled less until all are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import chain, islice
from typing import Literal

import numpy as np

from planner.inventory.models import Inventory
from planner.inventory.without import without_vms
from planner.network import Network
from planner.optimize.arena import Arena
from planner.optimize.classes import Classes, coarse_classes
from planner.optimize.clock import Clock
from planner.optimize.dispatch import Schedule
from planner.optimize.options import Columns, build_tables
from planner.optimize.problem import Problem, compile_problem
from planner.optimize.publish import moves_of
from planner.optimize.room_problem import movable, relax
from planner.optimize.search import EXACT_MOVERS, search
from planner.optimize.state import Incumbent, State
from planner.optimize.triage_dispatch import heavy_first, place
from planner.optimize.triage_program import NO_SHARES, Selection
from planner.optimize.triage_result import GOOD, Saved, Triaged
from planner.plan.models import Move, Why, WhyKind
from planner.plan.progress import Progress, ProgressSink

SHARE_OF_CHOICE = 0.4
"""Share of the time left that one choice of VMs by the program may take [1]."""
SHARE_OF_ATTEMPT = 0.5
"""Share of the time left that the search for a schedule of a proposed set may take [1]."""
SHARE_OF_FIRST = 0.75
"""Share of the time left that the search for a schedule of the first set may take where VMs are many [1]."""
TRIES = 12
"""Rules of priority tried on each assignment, each with guides and without [count]."""
ROUNDS = 30
"""Sets proposed at the most where VMs are many [count]."""
PATIENCE = 6
"""Rounds without more weight saved after which that ends [count]."""
LOOSEN = 0.4
"""Part of what was taken from a link's share that it gets back once all of a set have landed in time [1]."""

Verdict = Literal["impossible", "unknown"]
Attempt = Callable[[frozenset[str], Clock], tuple[Move, ...] | Verdict]
"""Looks for moves of exactly these VMs; ``impossible`` is a proof."""


class Triage:
    """A triage of one evacuation.

    Parameters
    ----------
    inventory
        The cluster; the pinned VMs of evacuated hosts may be in it.
    network
        Its network.
    evacuate, deadline_s
        What is asked for; the deadline is that of the request [s].
    seed
        Seed of all random choices.
    sink
        Is told how it goes.

    Attributes
    ----------
    best
        What is saved so far; nothing at first.
    """

    def __init__(
        self,
        inventory: Inventory,
        network: Network,
        evacuate: Collection[str],
        deadline_s: float,
        *,
        seed: int,
        sink: ProgressSink | None = None,
    ) -> None:
        self._leaving = frozenset(evacuate)
        self._pinned = frozenset(vm.name for vm in inventory.vms if vm.pinned and vm.host in self._leaving)
        here = [vm for vm in inventory.vms if vm.host in self._leaving]
        self._all = [vm.name for vm in here]
        self._total = float(sum(vm.weight for vm in here))
        self._inventory = without_vms(inventory, self._pinned)
        self._network = network
        self._evacuate = tuple(evacuate)
        self._deadline_s = deadline_s
        self._seed = seed
        self._sink = sink
        self.problem = self._compile(self._inventory, each_may_stay=True)
        self._name = [vm.name for vm in self.problem.movers]
        self._weight = {vm.name: vm.weight for vm in self.problem.movers}
        self.best = Saved(frozenset(), 0.0, ())

    def roomy(self) -> Problem | None:
        """Return the evacuation without the VMs that may make room, each mover free to stay; None where none may."""
        optional = movable(self._inventory, self._evacuate)
        if not optional or not self._name:
            return None
        without, _ = relax(self._inventory, self._network, self._evacuate, self._deadline_s, optional)
        return self._compile(without, each_may_stay=True)

    def reduced(self, saved: Collection[str]) -> Inventory:
        """Return the inventory without those VMs of evacuated hosts that are not saved.

        Hosts that take longer to switch off than there is save nobody, and are not switched off.
        """
        fewer = without_vms(self._inventory, frozenset(self._name).difference(saved))
        late = [host.name in self._leaving and host.shutdown_time > self._deadline_s for host in fewer.hosts]
        if not any(late):
            return fewer
        hosts = tuple(
            host.model_copy(update={"shutdown_time": 0.0}) if stays_on else host
            for host, stays_on in zip(fewer.hosts, late, strict=True)
        )
        return fewer.model_copy(update={"hosts": hosts})

    def scheduled(self, names: frozenset[str], clock: Clock) -> tuple[Move, ...] | Verdict:
        """Look for a schedule of exactly these VMs, with those of other hosts where they are: an `Attempt`.

        Of schedules that end too late those are kept that land in time.
        """
        problem = self._compile(self.reduced(names))

        def watch(classes: Classes, columns: Columns, schedule: Schedule) -> None:
            self._keep(problem, classes, columns, schedule)

        result = search(problem, seed=self._seed, clock=clock, first_only=True, watch=watch)
        if result.incumbent is not None:
            return moves_of(problem, result.incumbent)
        return "impossible" if result.infeasible else "unknown"

    def reasons(self, selection: Selection, most_weight: float, clock: Clock) -> dict[str, Why]:
        """Return why each VM that is not saved does not move, in the order of the inventory.

        Parameters
        ----------
        selection
            The program whose bounds hold for every plan.
        most_weight
            No plan saves more [1].
        """
        problem = selection.problem
        able = set(selection.able.tolist())
        unsaved = [v for v, name in enumerate(self._name) if name not in self.best.names]
        most = selection.most_with([v for v in unsaved if v in able], clock.left_s)
        found = dict.fromkeys(self._pinned, Why(kind=WhyKind.PINNED))
        for v in unsaved:
            if not problem.allowed[v].any():
                why = Why(kind=WhyKind.NOWHERE)
            elif v not in able or most.get(v, 0.0) < 0:
                why = Why(kind=WhyKind.TOO_SLOW)
            else:
                weight = min(most[v], most_weight) if v in most else None
                why = Why(kind=WhyKind.OUTWEIGHED, most_weight=weight)
            found[self._name[v]] = why
        return {name: found[name] for name in self._all if name in found}

    def least_downtime_s(self, selection: Selection) -> float:
        """Return a weighted downtime that no plan which saves the same VMs undercuts [s]."""
        return selection.least_downtime_s([v for v, name in enumerate(self._name) if name in self.best.names])

    def result(self, unmoved: Mapping[str, Why], most_weight: float) -> Triaged:
        """Return who is saved and who is not."""
        return Triaged(self.best.weight, self._total, most_weight, unmoved)

    def take(self, names: Collection[str], moves: tuple[Move, ...]) -> bool:
        """Keep what is saved if it is more than before: by weight, then by number; return whether it is."""
        if not self._better(names):
            return False
        self.best = Saved(frozenset(names), sum(self._weight[name] for name in names), moves)
        return True

    def _better(self, names: Collection[str]) -> bool:
        weight = sum(self._weight[name] for name in names)
        slack = GOOD * max(1.0, weight)
        if weight > self.best.weight + slack:
            return True
        return weight >= self.best.weight - slack and len(names) > len(self.best.names)

    def _reaches(self, most: float, count: int) -> bool:
        """Return whether what is saved is as much as a bound and as many as a choice."""
        return self.best.weight >= most * (1 - GOOD) and len(self.best.names) >= count

    def exactly(self, selection: Selection, attempt: Attempt, clock: Clock) -> float:
        """Propose sets and rule out those that are impossible, until one is not; return the bound that is proven [1].

        It ends with a set that was neither scheduled nor proven impossible, too.
        """
        most = float(selection.problem.weight.sum())
        while not clock.expired:
            self._tell("choosing whom to save", clock)
            choice = selection.choose(clock.part(SHARE_OF_CHOICE).left_s)
            most = min(most, choice.most_weight)
            if not choice.movers or self._reaches(most, len(choice.movers)):
                break
            names = frozenset(self._name[v] for v in choice.movers)
            found = attempt(names, clock.part(SHARE_OF_ATTEMPT))
            if found == "unknown":
                break
            if isinstance(found, tuple):
                self.take(names, found)
                break
            selection.rule_out(self._shrunk(choice.movers, attempt, clock))
        return most

    def attempt(self, selection: Selection, attempt: Attempt, clock: Clock) -> float:
        """Propose one set, keep it if a schedule of it is found, and return the bound that is proven [1]."""
        choice = selection.choose(clock.part(SHARE_OF_CHOICE).left_s)
        if choice.movers and not clock.expired and self.best.weight < choice.most_weight * (1 - GOOD):
            self._try(frozenset(self._name[v] for v in choice.movers), attempt, clock)
        return choice.most_weight

    def _try(self, names: frozenset[str], attempt: Attempt, clock: Clock) -> None:
        found = attempt(names, clock)
        if isinstance(found, tuple):
            self.take(names, found)

    def _shrunk(self, movers: tuple[int, ...], attempt: Attempt, clock: Clock) -> tuple[int, ...]:
        """Return a part of an impossible set that is impossible, too, and from which nothing can be taken."""
        kept = list(movers)
        for v in movers:
            fewer = frozenset(self._name[u] for u in kept if u != v)
            if fewer and attempt(fewer, clock.part(SHARE_OF_ATTEMPT)) == "impossible":
                kept.remove(v)
        return tuple(kept)

    def roughly(
        self, selection: Selection, clock: Clock, *, attempt: Attempt | None = None, patience: int = PATIENCE
    ) -> float:
        """Propose sets, dispatch them and keep what lands in time; return the bound that is proven [1].

        Parameters
        ----------
        attempt
            Looks harder for a schedule of the first set, which none can better; None where that is done elsewhere.
        patience
            Rounds without more saved after which it ends [count].
        """
        shares = dict(NO_SHARES)
        most, count = float(selection.problem.weight.sum()), len(self._name)
        stale = 0
        for step in range(ROUNDS):
            if clock.expired or stale > patience or self._reaches(most, count):
                break
            self._tell(f"choosing whom to save, round {step + 1}", clock)
            choice = selection.choose(clock.part(SHARE_OF_CHOICE).left_s, shares, quick=step > 0)
            if step == 0:
                most, count = choice.most_weight, len(choice.movers or self._name)
            if choice.movers is None and step == 0:
                continue
            if not choice.movers:
                break
            before = self.best
            names = frozenset(self._name[v] for v in choice.movers)
            shares = self._dispatched(names, shares, clock)
            if step == 0 and attempt is not None and not self._reaches(most, count):
                self._try(names, attempt, clock.part(SHARE_OF_FIRST))
            stale = 0 if self.best is not before else stale + 1
        return most

    def _dispatched(self, names: Collection[str], shares: dict[int, float], clock: Clock) -> dict[int, float]:
        """Schedule a set, keep those that land in time, and return the shares of links for the next one."""
        problem = self._compile(self.reduced(names))
        classes = coarse_classes(problem)
        state = State(problem, build_tables(problem, classes), clock, self._seed, None)
        arena = Arena.of_all(state, classes)
        arena.shares = shares
        placed = place(arena, state)
        if placed is None:
            # It does not fit host by host: ask for less of everything.
            everywhere = dict.fromkeys(range(len(self._network.directed)), 1.0)
            return {link: share * 0.97 for link, share in (everywhere | shares).items()}
        arena, assignment = placed
        latest: Schedule | None = None
        for schedule in chain(heavy_first(arena, problem, assignment), islice(arena.schedules(assignment), 2 * TRIES)):
            if latest is None or schedule.finish_s < latest.finish_s:
                latest = schedule
            self._keep(problem, arena.classes, arena.columns, schedule)
            if schedule.finish_s <= problem.deadline_s or clock.expired:
                break
        assert latest is not None
        if latest.finish_s > problem.deadline_s:
            arena.tighten(latest)
        else:
            arena.loosen(LOOSEN)
        return arena.shares

    def _keep(self, problem: Problem, classes: Classes, columns: Columns, schedule: Schedule) -> None:
        """Keep those of a schedule that land in time, without the others: these held things only later."""
        in_time = np.flatnonzero(schedule.end_s + schedule.tail_s <= problem.deadline_s)
        names = [problem.movers[v].name for v in in_time.tolist()]
        if not self._better(names):
            return
        fewer = self._compile(self.reduced(names))
        part = Schedule(
            schedule.choice[in_time],
            schedule.start_s[in_time],
            schedule.end_s[in_time],
            schedule.host[in_time],
            schedule.tail_s[in_time],
        )
        downtime_s = float(fewer.weight @ columns.downtime_s[part.choice])
        self.take(names, moves_of(fewer, Incumbent(classes, columns, part, downtime_s)))

    def _compile(self, inventory: Inventory, *, each_may_stay: bool = False) -> Problem:
        return compile_problem(inventory, self._network, self._evacuate, self._deadline_s, each_may_stay=each_may_stay)

    def _tell(self, phase: str, clock: Clock) -> None:
        if self._sink is not None:
            self._sink(Progress(phase, clock.elapsed_s))


def few(problem: Problem) -> bool:
    """Return whether the VMs are so few that sets can be proven impossible by their schedules."""
    return len(problem.movers) <= EXACT_MOVERS
