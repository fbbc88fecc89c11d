"""A plan as a picture: its moves over time, and below them the load of the bottleneck. Needs the extra plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.plan.models import Move
from planner.plan.why import Why
from planner.render.plots import COLOURS, INK, WARNING, picture, unit_of
from planner.render.why_words import resource_words
from planner.render.words import APPROACH_WORDS, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40
"""Moves up to which each has a row of its own; more are packed into lanes [count]."""
MOST_LANES = 120
"""Lanes that have their full height; more are drawn thinner [count]."""
ROW_INCHES = 0.26


def plan_svg(why: Why) -> str:
    """Return a picture of a plan, as SVG: a bar for each move, coloured by approach, and the load of the bottleneck.

    Up to `MOST_ROWS` moves have a row each, with their names. More are packed into as few lanes as moves run at once.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    moves = sorted(why.plan.moves, key=lambda move: (move.start_s, move.vm))
    deadline_s = why.plan.request.deadline_s
    unit, length = unit_of(deadline_s)
    named = len(moves) <= MOST_ROWS
    rows = list(range(len(moves))) if named else lanes(moves)
    count = max(rows) + 1
    height = max(1.2, min(count, MOST_LANES) * (ROW_INCHES if named else ROW_INCHES / 2))
    with picture(9.0, height + 2.8) as (figure, out):
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(height, 1.3))
        _bars(above, moves, rows, length)
        above.set_yticks(range(count) if named else [])
        if named:
            above.set_yticklabels([plain(f"{move.vm} to {move.target}") for move in moves], fontsize=8)
        above.set_ylim(count - 0.4, -0.6)
        above.grid(visible=False, axis="y")
        above.set_title(plain(f"{why.plan.inventory.name}: {len(moves)} moves"))
        _profile(below, why, length)
        below.set_xlabel(f"time from the start of the plan [{unit}]")
        below.set_xlim(0, deadline_s / length * 1.03)
        for axes in (above, below):
            axes.axvline(deadline_s / length, color=WARNING, ls="--", lw=1.2)
        below.text(
            deadline_s / length, 113, "deadline ", color=WARNING, ha="right", va="center", fontsize=8, parse_math=False
        )
        _legend(above, moves)
    return out.getvalue()


def lanes(moves: Sequence[Move]) -> list[int]:
    """Return for moves in order of start a lane each, so that no two overlap in one: the first that is free."""
    free_s: list[float] = []
    found = []
    for move in moves:
        lane = next((n for n, end_s in enumerate(free_s) if end_s <= move.start_s), len(free_s))
        if lane == len(free_s):
            free_s.append(0.0)
        free_s[lane] = move.end_s
        found.append(lane)
    return found


def _bars(axes: Axes, moves: Sequence[Move], rows: Sequence[int], length: float) -> None:
    axes.barh(
        rows,
        [move.duration_s / length for move in moves],
        left=[move.start_s / length for move in moves],
        height=0.72,
        color=[COLOURS[move.approach] for move in moves],
        edgecolor="white",
        linewidth=0.3,
    )


def _legend(axes: Axes, moves: Sequence[Move]) -> None:
    from matplotlib.patches import Patch

    used = [approach for approach in COLOURS if any(move.approach is approach for move in moves)]
    handles = [Patch(color=COLOURS[approach], label=APPROACH_WORDS[approach]) for approach in used]
    axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False, fontsize=8)
    axes.set_title(axes.get_title(), loc="right")
    axes.set_title("", loc="center")


def _profile(axes: Axes, why: Why, length: float) -> None:
    profile = why.profile
    edges = [profile[0][0], *(until_s for _, until_s, _ in profile)]
    axes.stairs(
        [share * 100 for _, _, share in profile], [edge / length for edge in edges], fill=True, color=INK, alpha=0.6
    )
    axes.set_ylim(0, 125)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("used [%]")
    load = why.loads[0]
    words = f"{resource_words(load.resource)}: {load.until_deadline:.0%} of what there is until the deadline"
    axes.set_title(plain(words), loc="left", fontsize=9)
