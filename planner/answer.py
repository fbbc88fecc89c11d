"""From a request to what is found: a plan with its bound, a proven no with its reason, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.explain import certify, explain_conflict, short_in_all, unnamed
from planner.inventory.models import Inventory
from planner.network import Network
from planner.optimize.clock import Clock
from planner.optimize.problem import Problem, compile_problem
from planner.optimize.publish import moves_of
from planner.optimize.room import RoomMaking, least_with_room, make_room
from planner.optimize.search import EXACT_MOVERS, Result, search, tables_and_columns
from planner.optimize.state import GAP_CLOSED
from planner.optimize.timely import timely
from planner.optimize.triage import Triage, Verdict, few
from planner.optimize.triage_program import Selection
from planner.optimize.triage_result import Triaged
from planner.plan.models import Infeasibility, Move, Objective, PowerStep, Request, Status
from planner.plan.progress import ProgressSink, relative_gap

EXPLAIN_LIMIT_S = 5.0
"""Wall time that shrinking a conflict may take [s]."""
SHARE_FOR_ALL = 0.5
"""Share of the time that the search for a plan in which all VMs leave may take where a triage would follow [1]."""
SHARE_FOR_CHOICE = 0.85
"""Share of the time left that the choice of the VMs to save may take; the rest is for a good plan of theirs [1]."""
SHARE_BEFORE_ROOM = 0.7
"""Share of the time for that choice that is for sets which need no room made, where VMs are many [1]."""
SHARE_OF_BOUND = 0.3
"""Share of the time for that choice that the bound with all room made may take [1]."""
FEW_ROUNDS = 1
"""Rounds without more saved that go before the exact choice where VMs are few [count]."""
SHARE_OF_REASONS = 0.3
"""Share of the time left that bounds with each VM that is not saved may take [1]."""
SHARE_WITHOUT_ROOM = 0.6
"""Share of the time that the search without extra moves may take where such moves open further targets [1]."""


@dataclass(frozen=True)
class Found:
    """What was found.

    Parameters
    ----------
    moves
        Moves of the best plan, or None.
    extra_moves
        How many of them make room.
    bound_s
        No plan has less weighted downtime, the price of its extra moves included [s].
    finish_bound_s
        No plan of that cost, or where time comes first no plan at all, ends sooner [s]; None where not known.
    ends_bound_s
        No plan has a smaller weighted sum of ends [s].
    infeasibility
        Why there is no plan, where that is proven; of a triage, why not all VMs can leave.
    triaged
        Of a triage: who is saved, and who is not.
    """

    moves: tuple[Move, ...] | None = None
    extra_moves: int = 0
    bound_s: float = 0.0
    finish_bound_s: float | None = None
    ends_bound_s: float = 0.0
    infeasibility: Infeasibility | None = None
    triaged: Triaged | None = None

    def objective(self, request: Request, power: Sequence[PowerStep] = ()) -> Objective | None:
        """Return what the plan costs, where there is one.

        Parameters
        ----------
        request
            What is asked for.
        power
            The hosts that are switched on and off with it.
        """
        if self.moves is None:
            return None
        weighted_s = sum(move.weight * move.downtime_s for move in self.moves)
        price_s = self.extra_moves * request.extra_move_price_s
        finish_s = max((*(move.end_s for move in self.moves), *(step.end_s for step in power)), default=0.0)
        by_ends = request.objective == "ends"
        ends_s = sum(move.weight * move.end_s for move in self.moves)
        # The solver's tolerances may lift its bound a hair above the value: a bound never exceeds what it bounds.
        found = Objective(
            downtime_s=sum(move.downtime_s for move in self.moves),
            weighted_downtime_s=weighted_s,
            finish_s=finish_s,
            extra_moves=self.extra_moves,
            extra_price_s=price_s,
            lower_bound_weighted_downtime_s=min(self.bound_s, weighted_s + price_s),
            gap=0.0,
            lower_bound_finish_s=None if self.finish_bound_s is None else min(self.finish_bound_s, finish_s),
            weighted_ends_s=ends_s if by_ends else None,
            lower_bound_weighted_ends_s=min(self.ends_bound_s, ends_s) if by_ends else None,
            **({} if self.triaged is None else self.triaged.weights()),
        )
        value_s, bound_s = found.sides(request.objective)
        return found.model_copy(update={"gap": relative_gap(value_s or 0.0, bound_s or 0.0)})

    def status(self, objective: Objective | None) -> Status:
        """Return the status word for what the plan costs, None where there is none."""
        if self.triaged is not None:
            return Status.OPTIMAL if self.triaged.proven else Status.FEASIBLE
        if self.infeasibility is not None:
            return Status.INFEASIBLE
        if objective is None:
            return Status.UNKNOWN
        return Status.OPTIMAL if objective.gap <= GAP_CLOSED else Status.FEASIBLE


@dataclass(frozen=True)
class Effort:
    """How an answer is looked for.

    Parameters
    ----------
    seed
        Seed of all random choices.
    clock
        The time given.
    sink
        Is told how a long solve goes.
    first_only
        Any plan will do.
    reasons
        Whether to look for the reasons of a no that only the solver proves; else it is told without names.
    """

    seed: int
    clock: Clock
    sink: ProgressSink | None = None
    first_only: bool = False
    reasons: bool = True


def find(inventory: Inventory, request: Request, effort: Effort) -> Found:
    """Find the best plan for what the request minimises.

    Parameters
    ----------
    inventory, request
        What is asked; they fit each other.
    effort
        How it is looked for.
    """
    evacuate, deadline_s = request.evacuate, request.deadline_s
    base = compile_problem(inventory, Network(inventory), evacuate, deadline_s)
    if request.objective == "downtime" or any(vm.pinned for vm in base.movers):
        return _least_downtime(inventory, request, base, effort)
    early = timely(base, request.objective, seed=effort.seed, clock=effort.clock, sink=effort.sink)
    if early is not None and early.incumbent is not None:
        moves = moves_of(base, early.incumbent)
        return Found(moves, 0, early.downtime_bound_s, early.finish_bound_s, early.ends_bound_s)
    # No destinations without making room, or no order in time: any plan is better than none.
    found = _least_downtime(inventory, request, base, effort)
    if found.moves is None or early is None or found.extra_moves:
        return replace(found, finish_bound_s=None)
    return replace(found, finish_bound_s=early.finish_bound_s, ends_bound_s=early.ends_bound_s)


def _least_downtime(inventory: Inventory, request: Request, base: Problem, effort: Effort) -> Found:
    """Find the plan of least weighted downtime, without extra moves, and with them where they could help."""
    evacuate, deadline_s = request.evacuate, request.deadline_s
    seed, clock, sink, first_only = effort.seed, effort.clock, effort.sink, effort.first_only
    making = None
    if request.make_room == "auto":
        making = RoomMaking.of(inventory, base, evacuate, deadline_s, request.extra_move_price_s)
    _, tables, columns = tables_and_columns(base)
    refusal = certify(inventory, evacuate, base, tables, columns)
    if making is None:
        if refusal is not None:
            return Found(infeasibility=refusal)
        result = search(base, seed=seed, clock=clock, sink=sink, first_only=first_only)
        if result.infeasible:
            return Found(infeasibility=_why(inventory, base, result, effort))
        return _without_extra(base, result, result.bound_s)
    if refusal is not None:
        # A no that rests on room must hold even where all VMs that may move were gone.
        _, tables, columns = tables_and_columns(making.relaxed)
        proven = short_in_all(base) or certify(making.relaxed_inventory, evacuate, making.relaxed, tables, columns)
        if proven is not None:
            return Found(infeasibility=proven)
    first: Result | None = None
    ahead_s = 0.0
    if refusal is None:
        if len(base.movers) > EXACT_MOVERS:
            # Known before the search takes all the time: its bound alone says nothing of plans with extra moves.
            ahead_s = least_with_room(making, seed=seed, clock=clock)
        part = clock.part(SHARE_WITHOUT_ROOM) if making.opens_targets and making.within_reach else clock
        first = search(base, seed=seed, clock=part, sink=sink, first_only=first_only)
    room = make_room(making, first, seed=seed, clock=clock, sink=sink, first_only=first_only, ahead_s=ahead_s)
    if room.infeasible:
        if room.relaxed is None:
            reasons = refusal if first is None else _why(inventory, base, first, effort)
            assert reasons is not None
            return Found(infeasibility=reasons.model_copy(update={"proof": "no-room"}))
        return Found(infeasibility=_why(making.relaxed_inventory, making.relaxed, room.relaxed, effort))
    if room.moves is not None:
        return Found(room.moves, room.extra_moves, room.bound_s)
    return Found() if first is None else _without_extra(base, first, room.bound_s)


def find_or_triage(inventory: Inventory, request: Request, effort: Effort) -> Found:
    """Find the best plan in which all VMs leave, or where none is found, and that is asked for, one of a triage.

    Takes what `find` does.
    """
    if request.if_infeasible == "refuse":
        return find(inventory, request, effort)
    found = find(inventory, request, replace(effort, clock=effort.clock.part(SHARE_FOR_ALL)))
    if found.moves is not None:
        return found
    return _triage(inventory, request, found, effort)


def _triage(inventory: Inventory, request: Request, refused: Found, effort: Effort) -> Found:
    """Save the most weight, then find a good plan for those that are saved."""
    seed, clock, sink, first_only = effort.seed, effort.clock, effort.sink, effort.first_only
    triage = Triage(inventory, Network(inventory), request.evacuate, request.deadline_s, seed=seed, sink=sink)
    base = Selection(triage.problem, seed)
    roomy = triage.roomy() if request.make_room == "auto" else None
    wide = base if roomy is None else Selection(roomy, seed)

    def with_room(names: frozenset[str], limit: Clock) -> tuple[Move, ...] | Verdict:
        asked = request.model_copy(update={"objective": "downtime"})
        found = find(triage.reduced(names), asked, Effort(seed, limit, first_only=True, reasons=False))
        if found.moves is not None:
            return found.moves
        return "unknown" if found.infeasibility is None else "impossible"

    attempt = triage.scheduled if roomy is None else with_room
    part = clock.part(SHARE_FOR_CHOICE)
    if few(triage.problem):
        triage.roughly(base, part.part(SHARE_OF_BOUND), patience=FEW_ROUNDS)
        most = triage.exactly(wide, attempt, part)
    elif roomy is None:
        most = triage.roughly(base, part, attempt=triage.scheduled)
    else:
        # A bound that is quick; if it is not reached, one in whole numbers.
        most = wide.choose(part.part(SHARE_OF_BOUND).left_s, quick=True).most_weight
        triage.roughly(base, part.part(SHARE_BEFORE_ROOM), attempt=triage.scheduled)
        if triage.best.weight < most:
            most = min(most, triage.attempt(wide, with_room, part))
    triaged = triage.result(triage.reasons(wide, most, clock.part(SHARE_OF_REASONS)), most)
    saved = triage.best
    best = Found(saved.moves, extra_moves(saved.moves, request), triage.least_downtime_s(wide))
    if saved.names and not first_only and not clock.expired:
        better = find(triage.reduced(saved.names), request, Effort(seed, clock, sink))
        best = best if better.moves is None else better
    if not triaged.unmoved and refused.infeasibility is None:
        # The search for all had only not found it.
        return best
    return replace(best, infeasibility=refused.infeasibility, triaged=triaged)


def extra_moves(moves: Sequence[Move], request: Request) -> int:
    """Return how many moves make room: all but the first of each VM of an evacuated host."""
    return len(moves) - len({move.vm for move in moves if move.source in request.evacuate})


def _why(inventory: Inventory, problem: Problem, result: Result, effort: Effort) -> Infeasibility:
    if not effort.reasons:
        return unnamed(problem, exhausted=result.exhausted)
    classes, _, columns = tables_and_columns(problem)
    limit_s = min(EXPLAIN_LIMIT_S, max(0.5, effort.clock.left_s))
    return explain_conflict(
        inventory, problem, classes, columns, exhausted=result.exhausted, seed=effort.seed, limit_s=limit_s
    )


def _without_extra(problem: Problem, result: Result, bound_s: float) -> Found:
    if result.incumbent is None:
        return Found()
    return Found(moves_of(problem, result.incumbent), 0, bound_s, result.finish_bound_s)
