"""The commands as functions: what the command line does, a program can do with these."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from planner.calibrate import Calibration, read_log
from planner.calibrate import calibrate as fit_to_log
from planner.errors import InputError, Problem, StalePlanError
from planner.inventory.models import Inventory
from planner.inventory.select import select_hosts
from planner.plan.models import Aim, IfInfeasible, Plan, Request, Verification
from planner.plan.progress import ProgressSink
from planner.plan.snapshot import inventory_of
from planner.plan.why import Why
from planner.plan.windows import Window
from planner.predict.front import Front, fronts
from planner.predict.table import PredictionRow, prediction_rows
from planner.simulate.simulation import Simulation
from planner.simulate.simulation import simulate as play
from planner.verify import staleness, verify_plan

__all__ = ["calibrate", "check", "explain", "front", "plan", "predict", "simulate", "verify", "window"]

SHARE_OF_ADVICE = 0.1
SHARE_OF_ADVICE_ON_MANY = 0.25
"""Shares of the time limit that are kept for advice, where it is asked for, on few or many moving VMs [1]."""
MANY = 60
"""Moving VMs that are many [count]."""


def plan(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Aim = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
    make_room: Literal["auto", "never"] = "auto",
    extra_move_price_s: float | None = None,
    confidence: float | None = None,
    if_infeasible: IfInfeasible = "refuse",
    progress: ProgressSink | None = None,
) -> Plan:
    """Plan the evacuation of some hosts.

    Parameters
    ----------
    inventory
        A checked inventory.
    evacuate
        Names of the hosts to empty; ``@label`` stands for all hosts that have the label.
    deadline_s
        When they must be empty, from the start of the plan [s].
    objective
        What is minimised once everything is out in time: weighted ``downtime``, the ``finish``, or the weighted sum of
        ``ends``.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time after which the best plan so far is returned [s].
    start_clock
        Time of day of the start, HH:MM, for those who read the plan.
    make_room
        ``auto``: VMs of other hosts move where there is no plan without that, or where it saves its price; ``never``:
        they stay.
    extra_move_price_s
        What each such move counts beside its own downtime, in weighted downtime [s]; the settings' price where None.
    confidence
        Probability with which all are to be out by the deadline in a real night, above 0 and below 1 [1]; the plan then
        has its odds. None to reckon with the inventory's rates alone.
    if_infeasible
        What to do where not all can leave in time. ``refuse``: say why. ``triage``: save the most weight, shut down the
        others in time, and say who is left.
    progress
        Is told how a long solve goes.

    Returns
    -------
    Plan
        Verified, where it has moves. Its status says what is proven.

    Raises
    ------
    InputError
        If the request does not fit the inventory.
    RejectedPlanError
        If the replay rejects what the optimiser found: a bug, never a plan.
    """
    price_s = inventory.settings.extra_move_price if extra_move_price_s is None else extra_move_price_s
    request = _request(
        inventory, evacuate, deadline_s, objective, start_clock, make_room, price_s, confidence, if_infeasible
    )
    # The solver takes a second to import, which those who only verify or predict need not wait for.
    if confidence is not None:
        from planner.advice.confidence import plan_with_confidence

        return plan_with_confidence(inventory, request, seed=seed, time_limit_s=time_limit_s, progress=progress)
    from planner.planned import planned

    return planned(inventory, request, seed=seed, time_limit_s=time_limit_s, progress=progress)


def check(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    objective: Aim = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    start_clock: str | None = None,
    make_room: Literal["auto", "never"] = "auto",
    extra_move_price_s: float | None = None,
    advise: bool = False,
    progress: ProgressSink | None = None,
) -> Plan:
    """Tell whether an evacuation can be done in time, as soon as that is proven; a yes carries a verified plan.

    Takes, returns and raises what `plan` does; the plan of a yes need not be the best one. With `advise` it also has in
    `Plan.advice` how much time it takes and, of a no, the smallest conflict and what would help; a tenth of the time
    limit is kept for that, a quarter where many VMs move.
    """
    price_s = inventory.settings.extra_move_price if extra_move_price_s is None else extra_move_price_s
    request = _request(inventory, evacuate, deadline_s, objective, start_clock, make_room, price_s)
    from planner.advice.advise import advise as ask
    from planner.planned import planned

    many = sum(vm.host in request.evacuate for vm in inventory.vms) > MANY
    advice_s = (SHARE_OF_ADVICE_ON_MANY if many else SHARE_OF_ADVICE) * time_limit_s if advise else 0.0
    found = planned(
        inventory, request, seed=seed, time_limit_s=time_limit_s - advice_s, progress=progress, first_only=True
    )
    if not advise:
        return found
    return found.model_copy(update={"advice": ask(inventory, found, seed=seed, limit_s=advice_s, progress=progress)})


def verify(inventory: Inventory, plan: Plan) -> Verification:
    """Replay a plan, from anyone, against an inventory.

    Raises
    ------
    StalePlanError
        If the inventory is not the one that the plan was made for.
    """
    changes = staleness(inventory, plan)
    if changes:
        raise StalePlanError(changes)
    return verify_plan(inventory, plan)


def explain(plan: Plan, vms: Sequence[str] | None = None, *, inventory: Inventory | None = None) -> Why:
    """Explain why a plan is as it is, or why some VMs move in it as they do.

    Parameters
    ----------
    plan
        A plan with moves, from anyone.
    vms
        Names of the VMs that are asked about; the plan as a whole where None.
    inventory
        What it was made for; the inventory that the plan carries where None.

    Returns
    -------
    Why
        As data; `planner.render.why` has the words.

    Raises
    ------
    InputError
        If a VM is unknown, the plan has no moves and no inventory, or the verifier rejects it.
    StalePlanError
        If the inventory is not the one that the plan was made for.
    """
    from planner.explain.why import why

    inventory = inventory_of(plan) if inventory is None else inventory
    if not plan.moves:
        raise InputError.single("no-moves", "the plan has no moves that could be explained", "give a plan with moves")
    found = verify(inventory, plan)
    if not found.ok:
        raise InputError(
            [
                Problem(violation.check, violation.message, "the verifier rejects the plan: see evac verify")
                for violation in found.violations
            ]
        )
    return why(inventory, plan, vms)


def simulate(plan: Plan, inventory: Inventory | None = None, *, runs: int = 1000, seed: int = 0) -> Simulation:
    """Play a plan in many nights that differ from the inventory.

    Parameters
    ----------
    plan
        A plan with moves.
    inventory
        Rates, spreads and capacities; those that the plan was made for if None.
    runs
        How many nights are played, at least 1 [count].
    seed
        Seed of the nights, 0 or more.

    Returns
    -------
    Simulation
        How likely all are out in time, when, at which downtime, and which VMs make nights late.

    Raises
    ------
    InputError
        If the plan has no moves, has no inventory in it where none is given, or does not fit the inventory; if
        there are no nights to play.
    """
    if runs < 1 or seed < 0:
        raise InputError.single(
            "no-nights", f"{runs} nights with the seed {seed}", "give 1 or more, and a seed of 0 or more"
        )
    return play(inventory_of(plan) if inventory is None else inventory, plan, runs, seed)


def predict(
    inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None
) -> list[PredictionRow]:
    """Predict time and downtime of each approach.

    Parameters
    ----------
    vms
        Names of VMs; all where None.
    rate_bytes_per_s
        Bandwidth [bytes/s]; the fastest link of each VM's host where None.

    Raises
    ------
    InputError
        If a VM does not exist.
    """
    return prediction_rows(inventory, vms, rate_bytes_per_s)


def front(inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None) -> list[Front]:
    """Find for each VM the ways to move that no other is as good as in time and downtime, over all switch points.

    Parameters
    ----------
    inventory
        A checked inventory.
    vms
        Names of the VMs; all of them if None.
    rate_bytes_per_s
        Bandwidth [bytes/s]; the fastest link of each VM's host if None.

    Returns
    -------
    list of Front
        One a VM; its ``best`` are ever slower, with ever less downtime.

    Raises
    ------
    InputError
        If a VM is unknown, or its host has no link and no bandwidth is given.
    """
    return fronts(inventory, vms, rate_bytes_per_s)


def calibrate(log: str, inventory: Inventory | None = None) -> Calibration:
    """Fit the terms of links to a log of past migrations.

    Parameters
    ----------
    log
        A CSV file; docs/calibration.md has its columns.
    inventory
        Its settings hold beside what is fitted, and VMs that the log names are looked up in it.

    Returns
    -------
    Calibration
        The terms by class of link, and how far predictions are off on a half that was not fitted on.

    Raises
    ------
    InputError
        If the file is no such log, or has too few migrations.
    """
    return fit_to_log(read_log(log, inventory), None if inventory is None else inventory.settings)


def window(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    *,
    first_clock: str,
    within_s: float = 86_400.0,
    step_s: float = 3600.0,
    objective: Aim = "downtime",
    seed: int = 0,
    time_limit_s: float = 60.0,
    make_room: Literal["auto", "never"] = "auto",
    extra_move_price_s: float | None = None,
    tell: Callable[[str, int, int], None] | None = None,
) -> Window:
    """Find the time of day to start at, where rates differ by hour of day.

    Parameters
    ----------
    inventory
        A checked inventory; some of its VMs or links have something by hour.
    evacuate, deadline_s, objective, seed, make_room, extra_move_price_s
        As for `plan`; the deadline counts from each start.
    first_clock
        Time of day of the first start, HH:MM; then each whole step of the clock is tried.
    within_s, step_s
        How long after it starts are tried, at most a day, and how far they are apart [s].
    time_limit_s
        Wall time for all starts together [s].
    tell
        Is told which start is planned, its number and how many there are.

    Returns
    -------
    Window
        For each start the best plan that was found, verified against the inventory as it is reckoned with then.

    Raises
    ------
    InputError
        If the request does not fit the inventory, or nothing in it differs by hour.
    """
    from planner.advice.window import starts_of
    from planner.advice.window import window as find_window
    from planner.optimize.clock import Clock
    from planner.planned import planned

    price_s = inventory.settings.extra_move_price if extra_move_price_s is None else extra_move_price_s
    request = _request(inventory, evacuate, deadline_s, objective, first_clock, make_room, price_s)
    hours, minutes = map(int, first_clock.split(":"))
    starts_s = starts_of(hours * 3600.0 + minutes * 60.0, within_s, step_s)

    def ask(changed: Inventory, until_s: float, limit_s: float, clock: str) -> Plan:
        asked = request.model_copy(update={"deadline_s": until_s, "start_clock": clock})
        return planned(changed, asked, seed=seed, time_limit_s=limit_s)

    return find_window(
        inventory,
        deadline_s,
        starts_s,
        ask,
        evacuate=request.evacuate,
        aim=objective,
        clock=Clock(time_limit_s),
        tell=tell,
    )


def _request(
    inventory: Inventory,
    evacuate: Sequence[str],
    deadline_s: float,
    objective: Aim,
    start_clock: str | None,
    make_room: Literal["auto", "never"],
    price_s: float,
    confidence: float | None = None,
    if_infeasible: IfInfeasible = "refuse",
) -> Request:
    """Check the request against the inventory; all problems in one report."""
    problems: list[Problem] = []
    chosen: tuple[str, ...] = ()
    try:
        chosen = select_hosts(inventory, evacuate)
    except InputError as error:
        problems += error.problems
    if not deadline_s > 0:
        problems.append(Problem("no-time", "the deadline must lie after the start", "give a positive duration"))
    if not (price_s > 0 and math.isfinite(price_s)):
        problems.append(
            Problem("no-price", "the price of an extra move must be a time above 0", "give a positive duration")
        )
    if confidence is not None and if_infeasible == "triage":
        message, mend = "a confidence is promised of plans in which all VMs leave", "leave out one of the two"
        problems.append(Problem("confidence-in-triage", message, mend))
    if confidence is not None and not 0 < confidence < 1:
        problems.append(Problem("no-confidence", "a confidence lies between 0 and 1", "give one such as 0.95"))
    if problems:
        raise InputError(problems)
    return Request(
        evacuate=chosen,
        deadline_s=deadline_s,
        objective=objective,
        start_clock=start_clock,
        make_room=make_room,
        extra_move_price_s=price_s if make_room == "auto" else 0.0,
        confidence=confidence,
        if_infeasible=if_infeasible,
    )
