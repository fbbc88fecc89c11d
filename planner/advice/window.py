"""When to start, where rates differ by hour of day: each start is planned, and the one that costs least is named.

A plan from a start ends within some number of hours. For each such number there is an inventory, which has the worst of
these hours, and a deadline, which is their end or the deadline that was asked for; a plan for them holds in every hour
that it touches. The least over these numbers is the least for the start. Where one more hour changes nothing, the two
are one question; and where two starts ask the same, it is put once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner.advice.hours import DAY_S, HOUR_S, hours_touched, in_hours, require_hours
from planner.errors import InputError
from planner.inventory.load import check_inventory
from planner.inventory.models import Inventory
from planner.optimize.clock import Clock
from planner.plan.models import Aim, Plan, Status
from planner.plan.windows import StartTried, Window

MOST_STARTS = 300
"""How many starts are tried, at most [count]."""
SAME = 1e-6
"""Values that differ by no more than this, relative or in seconds, are one."""

Ask = Callable[[Inventory, float, float, str], Plan]
"""Plans an inventory by a deadline [s] within a time limit [s] from a time of day."""
Tell = Callable[[str, int, int], None]
"""Is told which start is planned, its number and how many there are."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One way in which a start may be planned: an inventory, its digest, and a deadline [s]."""

    inventory: Inventory
    sha256: str
    deadline_s: float


def starts_of(first_s: float, within_s: float, step_s: float) -> list[float]:
    """Return the starts to try: the first, then each whole step of the clock within a time [s after a midnight].

    Raises
    ------
    InputError
        If the step is no whole number of minutes, the time longer than a day, or the starts are too many.
    """
    if step_s % 60 or step_s <= 0:
        raise InputError.single("step", "the step must be a whole number of minutes", "give one such as 30 min or 1h")
    if not 0 < within_s <= DAY_S:
        raise InputError.single("within", "rates repeat after a day", "give at most 24h to look for a start in")
    if within_s / step_s > MOST_STARTS:
        mend = "give a longer step, or less time to look in"
        raise InputError.single("too-many-starts", f"that is more than {MOST_STARTS} starts", mend)
    following = (math.floor(first_s / step_s) + 1) * step_s
    found = [first_s]
    while following < first_s + within_s:
        found.append(following)
        following += step_s
    return found


def window(
    inventory: Inventory,
    deadline_s: float,
    starts_s: Sequence[float],
    ask: Ask,
    *,
    evacuate: tuple[str, ...],
    aim: Aim,
    clock: Clock,
    tell: Tell | None = None,
) -> Window:
    """Plan each of some starts and name the best.

    Parameters
    ----------
    inventory
        Something in it differs by hour of day.
    deadline_s
        Time from the start by which the hosts must be empty [s].
    starts_s
        The starts, in seconds after a midnight; see `starts_of`.
    ask
        The planner.
    evacuate, aim
        What is asked.
    clock
        The time for all of it; each plan gets an equal share of what is left.
    tell
        Is told which start is planned.

    Raises
    ------
    InputError
        If nothing in the inventory differs by hour.
    """
    require_hours(inventory)
    questions = [_questions(inventory, start_s, deadline_s) for start_s in starts_s]
    left = {(one.sha256, one.deadline_s) for asked in questions for one in asked}
    known: dict[tuple[str, float], Plan] = {}
    tried = []
    for number, (start_s, asked) in enumerate(zip(starts_s, questions, strict=True), start=1):
        if tell is not None:
            tell(clock_of(start_s), number, len(starts_s))
        answers = []
        for one in asked:
            key = (one.sha256, one.deadline_s)
            if key not in known:
                known[key] = ask(one.inventory, one.deadline_s, clock.left_s / len(left), clock_of(start_s))
                left.discard(key)
            answers.append(_at(known[key], start_s))
        tried.append(_best_of(starts_s[0], start_s, asked, answers, aim))
    best = _least(tried)
    return Window(inventory.name, evacuate, deadline_s, aim, tuple(tried), best, _proven(tried, best))


def clock_of(moment_s: float) -> str:
    """Return the time of day of a moment in seconds after a midnight, HH:MM."""
    minutes = int(moment_s // 60)
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _questions(inventory: Inventory, start_s: float, deadline_s: float) -> list[_Question]:
    """Return in which ways a start may be planned, the shortest time first; of two that are alike the longer."""
    found: list[_Question] = []
    end_s = (math.floor(start_s / HOUR_S) + 1) * HOUR_S
    while True:
        until_s = min(end_s - start_s, deadline_s)
        hours = hours_touched(start_s, start_s + until_s)
        changed = in_hours(inventory, hours)
        sha256 = changed.sha256()
        if found and found[-1].sha256 == sha256:
            found.pop()
        else:
            check_inventory(changed)
        found.append(_Question(changed, sha256, until_s))
        if until_s >= deadline_s:
            return found
        # After a day all hours have been touched.
        end_s = start_s + deadline_s if len(hours) == DAY_S / HOUR_S else end_s + HOUR_S


def _at(plan: Plan, start_s: float) -> Plan:
    """Return a plan as one from another time of day: nothing else in it depends on that."""
    return plan.model_copy(update={"request": plan.request.model_copy(update={"start_clock": clock_of(start_s)})})


def _best_of(
    first_s: float, start_s: float, asked: Sequence[_Question], answers: Sequence[Plan], aim: Aim
) -> StartTried:
    """Return what is known of a start from the answers to its questions."""
    sides = [_sides(plan, aim) for plan in answers]
    found = [place for place, (value, _) in enumerate(sides) if value is not None]
    bound_s = min(bound for _, bound in sides)
    if not found:
        no = all(plan.status is Status.INFEASIBLE for plan in answers)
        status = Status.INFEASIBLE if no else Status.UNKNOWN
        return StartTried(start_s - first_s, clock_of(start_s), status, None, bound_s)
    best = min(found, key=lambda place: sides[place][0] or 0.0)
    value_s = sides[best][0] or 0.0
    status = Status.OPTIMAL if bound_s >= value_s - _slack(value_s) else Status.FEASIBLE
    plan = answers[best]
    return StartTried(
        start_s - first_s, clock_of(start_s), status, value_s, min(bound_s, value_s), plan, asked[best].inventory
    )


def _sides(plan: Plan, aim: Aim) -> tuple[float | None, float]:
    """Return what a plan costs, None where there is none, and below what no plan can be [s]."""
    if plan.objective is None:
        return None, math.inf if plan.status is Status.INFEASIBLE else 0.0
    value_s, bound_s = plan.objective.sides(aim)
    return value_s, bound_s or 0.0


def _least(tried: Sequence[StartTried]) -> int | None:
    """Return the number of the start that costs least, the earliest of several."""
    values = [one.value_s for one in tried if one.value_s is not None]
    if not values:
        return None
    enough_s = min(values) + _slack(min(values))
    return next(n for n, one in enumerate(tried) if one.value_s is not None and one.value_s <= enough_s)


def _proven(tried: Sequence[StartTried], best: int | None) -> bool:
    if best is None:
        return all(one.status is Status.INFEASIBLE for one in tried)
    value_s = tried[best].value_s or 0.0
    return all(one.bound_s >= value_s - _slack(value_s) for one in tried)


def _slack(value_s: float) -> float:
    return SAME * max(1.0, value_s)
