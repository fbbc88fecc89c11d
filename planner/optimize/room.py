"""Room-making: whether moves of other VMs could help, and the plan with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import VM, Inventory
from planner.optimize.arena import Arena
from planner.optimize.backend import Outcome, Session
from planner.optimize.classes import coarse_classes
from planner.optimize.clock import Clock
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.options import Columns, build_columns, build_tables
from planner.optimize.problem import Problem
from planner.optimize.room_problem import Room, compile_room, make_legs, movable, relax
from planner.optimize.room_program import RoomProgram
from planner.optimize.room_prove import Proof
from planner.optimize.room_publish import room_moves
from planner.optimize.room_quick import Quick
from planner.optimize.room_ways import Timed, Ways
from planner.optimize.search import EXACT_MOVERS, Result, search
from planner.optimize.state import State
from planner.plan.models import Move
from planner.plan.progress import Progress, ProgressSink

SMALL = 6000
"""Choices up to which the program with parking places is asked [count]."""
MOST_PAIRS = 1_000_000
"""Pairs of a host and a target beyond which no extra moves are looked for: listing what they could do takes minutes."""
SHARE_OF_PROOF = 0.7
"""Share of the time left that the proof for few choices may take [1]."""
SHARE_OF_TIME = 0.5
"""Share of the time left that the relaxed evacuation may take [1]."""
TIE = 1e-9
"""Relative saving that is none [1]."""


@dataclass(frozen=True)
class RoomResult:
    """What room-making brought.

    Parameters
    ----------
    moves
        Moves of a plan with extra moves, or None where none is better than the plan without.
    extra_moves
        How many of them are extra moves.
    cost_s
        Weighted downtime and price of those moves; infinite without [s].
    bound_s
        No plan costs less, with extra moves or without [s].
    infeasible
        Whether it is proven that there is no plan at all.
    relaxed
        Where already the evacuation without the VMs that may move is impossible: what its search brought.
    """

    moves: tuple[Move, ...] | None
    extra_moves: int
    cost_s: float
    bound_s: float
    infeasible: bool = False
    relaxed: Result | None = None


@dataclass(frozen=True)
class RoomMaking:
    """What may be moved to make room, and the evacuation without it.

    Parameters
    ----------
    inventory
        The inventory.
    base
        The evacuation without extra moves.
    optional
        VMs that may move.
    relaxed_inventory, relaxed
        Inventory and evacuation without those VMs.
    price_s
        Price of an extra move [s].
    """

    inventory: Inventory
    base: Problem
    optional: tuple[VM, ...]
    relaxed_inventory: Inventory
    relaxed: Problem
    price_s: float

    @classmethod
    def of(
        cls, inventory: Inventory, base: Problem, evacuate: Sequence[str], deadline_s: float, price_s: float
    ) -> RoomMaking | None:
        """Return what may be moved, or None where nothing may."""
        optional = movable(inventory, evacuate) if base.movers else ()
        if not optional:
            return None
        relaxed = relax(inventory, base.network, evacuate, deadline_s, optional)
        return cls(inventory, base, optional, *relaxed, price_s)

    @property
    def opens_targets(self) -> bool:
        """Whether a mover has a target that is shut without extra moves: the sign that they are worth their time."""
        return bool((self.relaxed.allowed & ~self.base.allowed).any())

    @property
    def within_reach(self) -> bool:
        """Whether the cluster is small enough to look for extra moves at all."""
        return len(self.inventory.hosts) * len(self.base.targets) <= MOST_PAIRS


def make_room(
    making: RoomMaking,
    result: Result | None,
    *,
    seed: int,
    clock: Clock,
    sink: ProgressSink | None = None,
    first_only: bool = False,
    ahead_s: float = 0.0,
) -> RoomResult:
    """Look for a plan with extra moves that is better than the one without.

    Parameters
    ----------
    result
        What the search without extra moves brought; None where there is no plan without them.
    ahead_s
        Weighted downtime that no plan undercuts whatever room is made, as far as it is known already [s].
    first_only
        Any plan will do.
    """
    best = None if result is None else result.incumbent
    known_s = math.inf if best is None else best.weighted_downtime_s
    without_s = math.inf if result is None or result.infeasible else result.bound_s
    if result is not None and result.roomless and not making.opens_targets:
        # The bound holds whatever room there is: with an extra move its price comes on top.
        ahead_s = max(ahead_s, without_s)
    with_s = making.price_s + ahead_s
    if known_s <= with_s * (1 + TIE) or (first_only and best is not None):
        return RoomResult(None, 0, math.inf, min(without_s, with_s))

    def tell(phase: str) -> None:
        if sink is not None:
            sink(Progress(phase, clock.elapsed_s, None if best is None else known_s, min(without_s, with_s)))

    if clock.expired:
        return RoomResult(None, 0, math.inf, min(without_s, with_s))
    tell("could other VMs make room")
    small = _size(making) <= SMALL
    relaxed = _relaxed_bound(making.relaxed, known_s - making.price_s, seed, clock, exact=small)
    if relaxed.infeasible:
        return RoomResult(None, 0, math.inf, without_s, infeasible=best is None, relaxed=relaxed)
    with_s = making.price_s + max(ahead_s, relaxed.bound_s)
    if known_s <= with_s * (1 + TIE) or not making.within_reach or clock.expired:
        return RoomResult(None, 0, math.inf, min(without_s, with_s))
    room = compile_room(
        making.inventory, making.base, making.optional, (making.relaxed_inventory, making.relaxed), making.price_s
    )
    found: tuple[Ways, Timed] | None = None
    bound_s = min(without_s, with_s)
    if small:
        legs = make_legs(room, parking=True)
        ways = Ways(room, legs)
        proof = Proof(ways, RoomProgram(room, legs), seed)
        proof.run(clock.part(SHARE_OF_PROOF), known_s, tell)
        if math.isinf(proof.bound_s) and best is None:
            return RoomResult(None, 0, math.inf, math.inf, infeasible=True)
        bound_s = max(bound_s, min(proof.bound_s, known_s))
        if proof.best is not None and proof.best.cost_s < known_s * (1 - TIE) - TIE:
            found = ways, proof.best
    if found is None and bound_s < known_s * (1 - TIE):
        tell("making room")
        narrowed = (making.relaxed_inventory, making.relaxed)

        def narrow(chosen: Sequence[int]) -> Room:
            vms = [room.vms[v] for v in chosen]
            return compile_room(making.inventory, making.base, vms, narrowed, making.price_s)

        quick = Quick(room, narrow, seed)
        found = quick.run(clock, known_s, first_only=first_only)
        if math.isinf(quick.bound_s) and best is None:
            return RoomResult(None, 0, math.inf, math.inf, infeasible=True)
        bound_s = max(bound_s, min(quick.bound_s, without_s))
    if found is None:
        return RoomResult(None, 0, math.inf, bound_s)
    moves = room_moves(*found)
    cost_s = found[1].cost_s
    return RoomResult(moves, len(moves) - room.forced, cost_s, min(bound_s, cost_s))


def least_with_room(making: RoomMaking, *, seed: int, clock: Clock) -> float:
    """Return a quick lower bound on the weighted downtime whatever room is made [s]; 0 where none is known.

    Parameters
    ----------
    seed
        Seed of the solver.
    clock
        The time given.
    """
    problem = making.relaxed
    classes = coarse_classes(problem)
    tables = build_tables(problem, classes)
    # Where only volumes and times count, dropping choices by volume loses nothing.
    columns = build_columns(problem, classes, tables, lean=True)
    program = AssignmentModel(problem, classes, columns, side_by_side=False).program(Aim(problem.deadline_s))
    bound_s = Session(program, seed=seed, linear=True).solve(time_limit_s=clock.left_s).bound
    return bound_s if math.isfinite(bound_s) else 0.0


def _size(making: RoomMaking) -> int:
    """Return about how many choices the program with parking places would have."""
    targets, optional = len(making.base.targets), len(making.optional)
    return 6 * targets * (len(making.base.movers) + optional * max(1, targets))


def _relaxed_bound(relaxed: Problem, enough_s: float, seed: int, clock: Clock, *, exact: bool) -> Result:
    """Bound the downtime whatever room is made, or show that none helps; a bound of `enough_s` suffices [s].

    With `exact` the schedule is looked at as well, where the VMs are few.
    """
    part = clock.part(SHARE_OF_TIME)
    if exact and len(relaxed.movers) <= EXACT_MOVERS:
        return search(relaxed, seed=seed, clock=part)
    classes = coarse_classes(relaxed)
    tables = build_tables(relaxed, classes)
    least_s = _least_downtime(relaxed, build_columns(relaxed, classes, tables))
    if least_s >= enough_s or not math.isfinite(least_s):
        return _bounded(least_s)
    solution = Arena(State(relaxed, tables, part, seed, None), classes).solve(Aim(relaxed.deadline_s))
    return _bounded(math.inf if solution.outcome is Outcome.INFEASIBLE else max(least_s, solution.bound))


def _bounded(bound_s: float) -> Result:
    return Result(None, bound_s, None, infeasible=math.isinf(bound_s), exhausted=False, solved=False)


def _least_downtime(problem: Problem, columns: Columns) -> float:
    """Return the sum of the least weighted downtimes, each VM by itself; infinite where one has no choice [s]."""
    least = np.full(len(problem.movers), np.inf)
    np.minimum.at(least, columns.mover, columns.downtime_s)
    if not np.isfinite(least).all():
        return math.inf
    return float(problem.weight @ least)
