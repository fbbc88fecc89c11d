"""When to start, for people and for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from planner.plan.models import Aim, Status
from planner.plan.windows import StartTried, Window
from planner.render.clock import Clock
from planner.render.tables import Column, Fitting, folded
from planner.render.words import listing, plain, plural
from planner.units import format_duration

BAR = 30
"""Width of the longest bar [characters]."""
VALUES: dict[Aim, str] = {
    "downtime": "weighted downtime",
    "finish": "time until it is done",
    "ends": "weighted sum of ends",
}
"""What requests minimise, in words."""
_DAY_S = 86_400


def window_text(window: Window) -> RenderableType:
    """Return the starts as a table with bars, and the best of them in a sentence."""
    title = (
        f"{window.name}: when to start, to evacuate {listing(window.evacuate)} within"
        f" {format_duration(window.deadline_s)}"
    )
    lines = [Text(plain(title), style="bold"), Text(), *map(folded, window_lines(window)), Text()]
    return Group(*lines, _table(window))


def window_lines(window: Window) -> Iterator[str]:
    """Yield what the best start is, and what is proven."""
    first = window.starts[0]
    if window.best is None:
        if window.proven:
            yield f"No: from none of the {plural(len(window.starts), 'start')} that were tried is it done in time."
        else:
            yield "Not known: no plan was found from any start, and not all are proven to have none."
        return
    best = window.starts[window.best]
    text = f"Start at {start_words(best, first)}: {_cost(best, window.aim)} by {_done(best)}"
    if window.best == 0:
        yield f"{text}. No later start that was tried has a better plan."
    else:
        yield f"{text}; starting at {first.clock} {_instead(first, window.aim)}."
    below = sum(one.bound_s < (best.value_s or 0.0) - 1e-6 * max(1.0, best.value_s or 0.0) for one in window.starts)
    if window.proven:
        yield "Proven: from no start that was tried is there a better plan."
    else:
        yield (
            f"Not proven: {plural(below, 'start')} may have a better plan that was not found. Give the planner longer"
            " with --time-limit."
        )


def window_json(window: Window) -> str:
    """Return the same for programs; times are in seconds."""
    document = {
        "evacuate": window.evacuate,
        "deadline_s": window.deadline_s,
        "objective": window.aim,
        "best": None if window.best is None else window.starts[window.best].clock,
        "proven": window.proven,
        "starts": [
            {
                "start_clock": one.clock,
                "offset_s": one.offset_s,
                "status": one.status,
                "value_s": one.value_s,
                "lower_bound_s": one.bound_s if math.isfinite(one.bound_s) else None,
                "weighted_downtime_s": _objective(one, "weighted_downtime_s"),
                "finish_s": _objective(one, "finish_s"),
            }
            for one in window.starts
        ],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def start_words(one: StartTried, first: StartTried) -> str:
    """Return a start: its time of day, with ``+1d`` after midnight."""
    hours, minutes = map(int, first.clock.split(":"))
    return f"{one.clock} +1d" if hours * 3600 + minutes * 60 + one.offset_s >= _DAY_S else one.clock


def _cost(best: StartTried, aim: Aim) -> str:
    """Return what the best start costs, to be followed by when it is done."""
    value = format_duration(best.value_s or 0.0)
    return f"done after {value}," if aim == "finish" else f"{value} of {VALUES[aim]}, done"


def _done(one: StartTried) -> str:
    """Return when a start's plan is done, as a time of day to the minute, rounded up."""
    finish_s = _objective(one, "finish_s") or 0.0
    return Clock(one.clock).time_of_day(math.ceil(finish_s / 60 - 1e-9) * 60)[:5]


def _instead(first: StartTried, aim: Aim) -> str:
    match first.status:
        case Status.INFEASIBLE:
            return "it cannot be done in time"
        case Status.UNKNOWN:
            return "no plan was found"
        case _:
            return f"would {'take' if aim == 'finish' else 'cost'} {format_duration(first.value_s or 0.0)}"


def _objective(one: StartTried, field: str) -> float | None:
    if one.plan is None or one.plan.objective is None:
        return None
    value: float = getattr(one.plan.objective, field)
    return value


def _table(window: Window) -> RenderableType:
    most = max((one.value_s for one in window.starts if one.value_s is not None), default=0.0)
    rows = []
    for number, one in enumerate(window.starts):
        done = _objective(one, "finish_s")
        rows.append(
            [
                start_words(one, window.starts[0]),
                {Status.INFEASIBLE: "no", Status.UNKNOWN: "not known"}.get(one.status, str(one.status)),
                "-" if one.value_s is None else format_duration(one.value_s),
                "-" if done is None else format_duration(done),
                _bar(one, most) + (" <- best" if number == window.best else ""),
            ]
        )
    columns = [
        Column("start"),
        Column("status"),
        Column(VALUES[window.aim], "right"),
        Column("done after", "right"),
        Column(""),
    ]
    return Fitting(columns, rows)


def _bar(one: StartTried, most: float) -> str:
    if one.value_s is None or most <= 0:
        return ""
    return "#" * max(1, round(BAR * one.value_s / most))
