"""What each start costs, as a picture. Needs the extra plot."""

from __future__ import annotations

from planner.inventory.models import Approach
from planner.plan.models import Status
from planner.plan.windows import Window
from planner.render.plots import COLOURS, INK, WARNING, picture, unit_of
from planner.render.window import VALUES, start_words
from planner.render.words import listing, plain
from planner.units import format_duration

MOST_TICKS = 26
"""Starts that are named below the axis, at most [count]."""


def window_svg(window: Window) -> str:
    """Return a picture with a bar for each start, as SVG: the best one in colour, those that cannot be done marked.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    starts = window.starts
    values = [one.value_s or 0.0 for one in starts]
    unit, length = unit_of(max(values))
    ticks = range(0, len(starts), -(-len(starts) // MOST_TICKS))
    with picture(9.0, 3.6) as (figure, out):
        axes = figure.subplots()
        best, others = COLOURS[Approach.PRECOPY], f"{INK}99"
        axes.bar(
            range(len(starts)),
            [value / length for value in values],
            width=0.8,
            color=[best if number == window.best else others for number in range(len(starts))],
        )
        for number, one in enumerate(starts):
            mark = {Status.INFEASIBLE: "no", Status.UNKNOWN: "?"}.get(one.status)
            if mark is not None:
                axes.text(number, 0, mark, color=WARNING, ha="center", va="bottom", fontsize=8, parse_math=False)
        if window.best is not None:
            cost = format_duration(values[window.best])
            place = (window.best, values[window.best] / length)
            axes.annotate(cost, place, (0, 3), textcoords="offset points", color=best, ha="center", fontsize=9)
        axes.set_xticks(list(ticks))
        axes.set_xticklabels(
            [start_words(starts[number], starts[0]) for number in ticks], rotation=60, fontsize=8, ha="right"
        )
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("start")
        axes.set_ylabel(f"{VALUES[window.aim]} [{unit}]")
        axes.set_title(plain(f"{window.name}: evacuate {listing(window.evacuate)}"))
    return out.getvalue()
