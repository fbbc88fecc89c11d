"""What pictures share: colours, style, units of time, and how it is told that matplotlib is missing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from planner.errors import InputError
from planner.inventory.models import Approach

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#808080"
"""Text and axes: as far from white as from black."""
COLOURS = {
    Approach.POSTCOPY: "#d9822b",
    Approach.HYBRID: "#3f86c6",
    Approach.PRECOPY: "#2f9e6c",
    Approach.COLD: "#8b70d2",
}
WARNING = "#c2588f"
"""What ends something, such as the deadline."""
STYLE = {
    "svg.hashsalt": "evac",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.0,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#80808033",
    "xtick.color": INK,
    "ytick.color": INK,
    "savefig.transparent": True,
}
UNITS = (("ms", 1e-3, 1.0), ("s", 1.0, 600.0), ("min", 60.0, 36_000.0), ("h", 3600.0, float("inf")))
"""A unit, its length, and up to which largest value it is used [s]."""


def unit_of(largest_s: float) -> tuple[str, float]:
    """Return the unit of time for values up to this, and its length [s]."""
    return next((name, length) for name, length, most in UNITS if largest_s <= most)


@contextmanager
def picture(width: float, height: float) -> Iterator[tuple[Figure, io.StringIO]]:
    """Give a figure of a size in inches, and a text that is its SVG afterwards.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        mend = "install the extra: pip install 'evac[plot]'"
        raise InputError.single("plot", "plots need matplotlib, which is not installed", mend) from None
    out = io.StringIO()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, out
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
