"""Why a plan is as it is, and why a VM moves as it does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from planner.explain.loads import loads, loads_of, profile
from planner.explain.occupancy import Occupancy
from planner.explain.why_approach import alternatives, cheaper, options, tried
from planner.explain.why_start import critical_chain, why_start
from planner.explain.why_target import elsewhere
from planner.inventory.models import Inventory
from planner.plan.models import Move, Plan
from planner.plan.why import Alternative, Costly, Load, Why, WhyMove, WhyStay
from planner.predict.choice import chosen_vms

MOST_LOADS = 8
"""How many loads are told of a plan [count]."""
MOST_COSTLY = 5
"""How many VMs with much downtime are told of a plan [count]."""
MOST_STARTS = 40
"""Of how many moves it is told what their start waits for [count]."""


def why(inventory: Inventory, plan: Plan, vms: Sequence[str] | None = None) -> Why:
    """Explain a plan, or how some VMs move in it.

    Parameters
    ----------
    inventory
        What the plan was made for; the verifier accepts the plan for it.
    plan
        A plan with moves, from anyone.
    vms
        Names of the VMs that are asked about; the plan as a whole where None.

    Raises
    ------
    InputError
        If a VM is unknown.
    """
    asked = [vm.name for vm in chosen_vms(inventory, vms)] if vms else []
    occupancy = Occupancy(inventory, plan)
    every = loads(occupancy)
    if asked:
        told = tuple(_whys(occupancy, every, asked))
        return Why(plan, every[:MOST_LOADS], asked=told, profile=profile(occupancy, every[0].resource))
    order = sorted(range(len(plan.moves)), key=lambda number: plan.moves[number].start_s)
    return Why(
        plan,
        every[:MOST_LOADS],
        critical_chain(occupancy),
        _costly(occupancy, every),
        {number: why_start(occupancy, number) for number in order[:MOST_STARTS]},
        profile=profile(occupancy, every[0].resource),
    )


def _whys(occupancy: Occupancy, every: Sequence[Load], names: Sequence[str]) -> list[WhyMove | WhyStay]:
    found: list[WhyMove | WhyStay] = []
    for name in names:
        numbers = occupancy.numbers_of.get(name, [])
        found += [_why_move(occupancy, every, number) for number in numbers]
        if not numbers:
            found.append(WhyStay(name, occupancy.vm(name).host))
    return found


def _why_move(occupancy: Occupancy, every: Sequence[Load], number: int) -> WhyMove:
    move, vm = occupancy.moves[number], occupancy.vm(occupancy.moves[number].vm)
    return WhyMove(
        vm=move.vm,
        source=move.source,
        target=move.target,
        start_s=move.start_s,
        end_s=move.end_s,
        downtime_s=move.downtime_s,
        approach=move.approach,
        switch_point=move.switch_point,
        bandwidth_bytes_per_s=move.bandwidth_bytes_per_s,
        extra=occupancy.is_extra(number),
        makes_room_for=move.makes_room_for,
        last=number == occupancy.numbers_of[move.vm][-1],
        start=why_start(occupancy, number),
        alternatives=alternatives(occupancy, number),
        elsewhere=elsewhere(occupancy, number),
        weight=vm.weight,
        max_downtime_s=vm.max_downtime,
        loads=loads_of(every, occupancy, number),
    )


def _costly(occupancy: Occupancy, every: Sequence[Load]) -> tuple[Costly, ...]:
    """Return the VMs with most weighted downtime, each with another way that has less, tried in the plan."""
    weighted: defaultdict[str, float] = defaultdict(float)
    for move in occupancy.moves:
        weighted[move.vm] += occupancy.vm(move.vm).weight * move.downtime_s
    whole = sum(weighted.values())
    found = []
    for name, weighted_s in sorted(weighted.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_COSTLY]:
        if weighted_s <= 0:
            break
        number = max(occupancy.numbers_of[name], key=lambda n: occupancy.moves[n].downtime_s)
        move = occupancy.moves[number]
        less = _nearest(occupancy, number)
        load = next(iter(loads_of(every, occupancy, number)), None)
        needed_s, free_s = _room_for(occupancy, load, move, less) if less and load else (0.0, 0.0)
        found.append(
            Costly(
                vm=name,
                approach=move.approach,
                switch_point=move.switch_point,
                downtime_s=move.downtime_s,
                weighted_s=weighted_s,
                share=weighted_s / whole,
                time_s=move.duration_s,
                cheaper=less,
                load=load,
                needed_s=needed_s,
                free_s=free_s,
            )
        )
    return tuple(found)


def _nearest(occupancy: Occupancy, number: int) -> Alternative | None:
    """Return of the ways with less downtime the best one that fits; where none does, the quickest."""
    move = occupancy.moves[number]
    less = [tried(occupancy, number, one) for one in cheaper(tuple(options(occupancy, move)), move)]
    fitting = [one for one in less if one.start_s is not None]
    return min(fitting, key=lambda one: one.downtime_s or 0.0) if fitting else next(iter(less), None)


def _room_for(occupancy: Occupancy, load: Load, move: Move, other: Alternative) -> tuple[float, float]:
    """Return how much more of a resource another way needs, and how much is free, in time of all of it [s]."""
    capacity = occupancy.capacity(load.resource)
    amount = dict(occupancy.during(move))[load.resource]
    changed = move.model_copy(update={"bandwidth_bytes_per_s": other.bandwidth_bytes_per_s})
    then = dict(occupancy.during(changed))[load.resource]
    needed = then * (other.time_s or 0.0) - amount * move.duration_s
    free_s = (1.0 - load.until_deadline) * occupancy.plan.request.deadline_s
    return needed / capacity, max(0.0, free_s)
