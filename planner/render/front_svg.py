"""The ways to move VMs as a picture: time to the right, downtime upwards, the front as a line. Needs the extra plot."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from planner.errors import InputError, Place
from planner.inventory.models import Approach
from planner.predict.front import Front, FrontPoint
from planner.render.front import shown_points, switch_words
from planner.render.plots import COLOURS, INK, STYLE, WARNING, unit_of
from planner.render.words import APPROACH_WORDS, plain
from planner.units import format_duration, format_rate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.transforms import Bbox

MOST_PANELS = 12
"""VMs in one picture, at most [count]."""
LOOKS = {
    Approach.POSTCOPY: (COLOURS[Approach.POSTCOPY], "s"),
    Approach.HYBRID: (COLOURS[Approach.HYBRID], "o"),
    Approach.PRECOPY: (COLOURS[Approach.PRECOPY], "^"),
    Approach.COLD: (COLOURS[Approach.COLD], "D"),
}
PAPER = (WARNING, "X")
CAPTION = "large: plans may use it; small: switch points between; pale: another is as good in both"
MANY_TIMES = 20.0
"""A downtime axis that spans more than this factor is logarithmic [1]."""
PLACES = ((6, 5, "left", "bottom"), (-6, -5, "right", "top"), (6, -5, "left", "top"), (-6, 5, "right", "bottom"))
"""Where the label of a point may stand, in the order of liking [points of type]."""


def front_svg(fronts: Sequence[Front]) -> str:
    """Return a picture with a panel for each VM, as SVG.

    Raises
    ------
    InputError
        If there are more VMs than `MOST_PANELS`, none that can move, or matplotlib is not installed.
    """
    drawn = [front for front in fronts if front.points]
    if not drawn or len(drawn) > MOST_PANELS:
        found = f"{len(drawn)} VMs do not fit into one picture" if drawn else "there is nothing to draw"
        raise InputError.single("plot", found, f"choose up to {MOST_PANELS} with --vm", Place(path="plot"))
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        mend = "install the extra: pip install 'evac[plot]'"
        raise InputError.single("plot", "plots need matplotlib, which is not installed", mend) from None
    columns = 1 if len(drawn) == 1 else 2
    rows = -(-len(drawn) // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0 if columns == 1 else 10.0, 0.3 + 4.2 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, front in zip(grid.flat, drawn, strict=False):
            _draw(axes, front)
        for axes in list(grid.flat)[len(drawn) :]:
            axes.set_axis_off()
        figure.supxlabel(CAPTION, fontsize=9)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        for axes, front in zip(grid.flat, drawn, strict=False):
            _label(axes, front, canvas.get_renderer())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _draw(axes: Axes, front: Front) -> None:
    times, downtimes = [point.time_s for point in front.points], [point.downtime_s for point in front.points]
    axes.set_title(plain(f"{front.vm} at {format_rate(front.rate_bytes_per_s)}"))
    (x_unit, x), (y_unit, y) = unit_of(max(times)), unit_of(max(downtimes))
    least = min((value for value in downtimes if value > 0), default=0.0)
    if least and max(downtimes) > MANY_TIMES * least:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel(f"migration time [{x_unit}]")
    axes.set_ylabel(f"downtime [{y_unit}]")
    best = front.best
    axes.step(
        [point.time_s / x for point in best], [point.downtime_s / y for point in best], where="post", color=INK, lw=1.0
    )
    for point in front.points:
        colour, marker = _look(point)
        axes.plot(
            point.time_s / x,
            point.downtime_s / y,
            marker,
            color=colour,
            ms=6.5 if point in shown_points(front) else 3.5,
            alpha=0.35 if point.beaten and not point.paper_share else 1.0,
        )
    axes.margins(0.12)
    axes.locator_params(axis="x", nbins=6)


def _label(axes: Axes, front: Front, renderer: RendererAgg) -> None:
    """Write at each point what it is, where there is room; first at the ends and at what is no hybrid."""
    shown = shown_points(front)
    ends = [shown[0], shown[-1]] if shown else []
    wanted = sorted(shown, key=lambda point: (point not in ends, point.approach is Approach.HYBRID, -_roundness(point)))
    x, y = unit_of(max(point.time_s for point in front.points))[1], unit_of(max(p.downtime_s for p in front.points))[1]
    frame = axes.get_window_extent(renderer)
    taken: list[Any] = [
        _around(axes.transData.transform((point.time_s / x, point.downtime_s / y))) for point in front.best
    ]
    for point in wanted:
        for right, up, horizontal, vertical in PLACES:
            text = axes.annotate(
                _words(point),
                (point.time_s / x, point.downtime_s / y),
                (right, up),
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize=9,
                color=_look(point)[0],
                parse_math=False,
            )
            box = text.get_window_extent(renderer)
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _around(spot: Any) -> Bbox:
    """Return what a point covers of the picture."""
    from matplotlib.transforms import Bbox

    return Bbox.from_bounds(spot[0] - 3, spot[1] - 3, 6, 6)


def _look(point: FrontPoint) -> tuple[str, str]:
    return PAPER if point.paper_share and point.switch_point is not None else LOOKS[point.approach]


def _roundness(point: FrontPoint) -> int:
    """Return how round a switch point is: whole passes before halves, halves before quarters; the paper's first."""
    at = point.switch_point or 0.0
    return 9 if point.paper_share else sum(at * parts % 1 == 0 for parts in (1, 2))


def _words(point: FrontPoint) -> str:
    if point.approach is not Approach.HYBRID or point.switch_point is None:
        return f"{APPROACH_WORDS[point.approach]}, {format_duration(point.downtime_s)}"
    return "the paper's share" if point.paper_share else switch_words(point.switch_point)
