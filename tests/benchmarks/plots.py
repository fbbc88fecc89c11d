"""The plots of docs/benchmarks.md: the same records give the same bytes, and they read on light and dark pages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from planner.render import plots
from planner.render.plots import INK
from tests.benchmarks.generator import SIZES
from tests.benchmarks.records import Record
from tests.benchmarks.summary import FAMILIES, Results, growth, kind_of
from tests.benchmarks.tables import MEASURES, bent, medians_by_size

COLOURS = ("#3f86c6", "#d9822b", "#2f9e6c", "#c2588f", "#8b70d2", "#a8892c", "#4f9fab")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SHADE = "#80808026"
STYLE = plots.STYLE | {
    "font.size": 10.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    # The powers of ten on logarithmic axes.
    "text.parse_math": True,
}
LEAST_GAP = 1e-3
"""Below this the axis of gaps is linear, so that a gap of nothing has its place [1]."""
NO_PLAN = 3.0
"""Where the axis of gaps shows the cases without a plan [1]."""
MANY_STEPS = 200.0
"""A logarithmic axis that spans more than this factor has numbers at powers of ten only [1]."""
FAR = 5.0
"""What ends later than this many times the deadline is drawn here [1]."""
CLOSE_KAPPA = 1.1
"""The comparison with the baselines is drawn at the kappa nearest to this [1]."""
MOST_PANELS = 4


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw all plots that the records are enough for, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for name, figure in (
            ("bench-gap.svg", gaps(results)),
            ("bench-baselines.svg", baselines(results)),
            ("bench-growth.svg", growths(results)),
        ):
            if figure is not None:
                path = folder / name
                figure.savefig(path, metadata={"Date": None, "Creator": None})
                written.append(path)
    return written


def gaps(results: Results) -> Figure | None:
    """Draw the gap of every case by kappa, in the colour of its size; cases without a plan stand above."""
    found = [(case, record) for case in results.cases if (record := results.ours(case)) and record.status != "failed"]
    if not found:
        return None
    kappas = sorted({case.kappa for case, _ in found})
    kinds = list(dict.fromkeys(kind_of(case).name for case, _ in found))
    figure = Figure(figsize=(8.0, 3.8), layout="constrained")
    axes = figure.subplots()
    for i, name in enumerate(kinds):
        mine = [(case, record) for case, record in found if kind_of(case).name == name]
        seeds = sorted({case.seed for case, _ in mine})
        x = [
            kappas.index(case.kappa) + _spot(i, len(kinds), 0.72) + _spot(seeds.index(case.seed), len(seeds), 0.06)
            for case, _ in mine
        ]
        y = [NO_PLAN if record.gap is None else record.gap for _, record in mine]
        axes.plot(x, y, MARKERS[i % len(MARKERS)], color=COLOURS[i % len(COLOURS)], alpha=0.85, ms=5.5, label=name)
    for odd in range(1, len(kappas), 2):
        axes.axvspan(odd - 0.5, odd + 0.5, color=SHADE, lw=0)
    axes.set_yscale("symlog", linthresh=LEAST_GAP, linscale=0.4)
    axes.set_ylim(-LEAST_GAP / 5, NO_PLAN * 1.5)
    axes.set_yticks([0.0, 0.001, 0.01, 0.1, 1.0, NO_PLAN], ["0%", "0.1%", "1%", "10%", "100%", "no plan"])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(range(len(kappas)), [f"{kappa:g}" for kappa in kappas])
    axes.set_xlim(-0.5, len(kappas) - 0.5)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("deadline over the fluid deadline (kappa)")
    axes.set_ylabel("gap: (plan − bound) / plan")
    _legend(figure, axes)
    return figure


def baselines(results: Results) -> Figure | None:
    """Draw downtime and finish of every method, one panel a size, at the kappa nearest to 1.1."""
    asked = [case for case in results.cases if any(results.family(methods, case) for methods in FAMILIES.values())]
    if not asked:
        return None
    kappa = min({case.kappa for case in asked}, key=lambda other: abs(other - CLOSE_KAPPA))
    groups = list(results.by_kind(case for case in asked if case.kappa == kappa).items())[-MOST_PANELS:]
    rows, columns = (len(groups) + 1) // 2, min(2, len(groups))
    figure = Figure(figsize=(8.0, 0.7 + 2.9 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, (kind, here) in zip(grid.flat, groups, strict=False):
        methods = {"evac": [results.ours(case) for case in here]}
        methods |= {name: [results.family(names, case) for case in here] for name, names in FAMILIES.items()}
        bounds = [None if (record := results.ours(case)) is None else record.bound_s for case in here]
        for i, (name, records) in enumerate(methods.items()):
            pairs = [_relative(record, bound) for record, bound in zip(records, bounds, strict=True)]
            points = [pair for pair in pairs if pair is not None]
            x, y = [point[0] for point in points], [point[1] for point in points]
            axes.plot(x, y, MARKERS[i], color=COLOURS[i], alpha=0.85, ms=6, label=name, zorder=3 if i else 4)
        axes.set_title(f"{kind.name}: {kind.vms:,} VMs, kappa {kappa:g}")
    corner = grid[0, 0]
    _logarithmic(corner, "x", least=(0.8, 1.1 * FAR))
    corner.set_xticks([1.0, 2.0, FAR], ["1", "2", f"{FAR:g} or more"])
    _logarithmic(corner, "y", least=(0.8, 2.5))
    late = corner.get_xlim()[1]
    for axes in grid.flat[: len(groups)]:
        axes.axvspan(1.0, late, color=SHADE, lw=0)
        axes.axvline(1.0, color=INK, lw=1)
        axes.set_xlabel("finish / deadline (shaded: late)")
        axes.set_ylabel("weighted downtime / bound")
    for axes in grid.flat[len(groups) :]:
        axes.set_visible(False)
    _legend(figure, corner, columns=3)
    return figure


def _relative(record: Record | None, bound: float | None) -> tuple[float, float] | None:
    """Return finish over deadline, cut at `FAR`, and downtime over bound."""
    if record is None or record.weighted_downtime_s is None or record.finish_s is None or not bound:
        return None
    return min(FAR, record.finish_s / record.deadline_s), record.weighted_downtime_s / bound


def growths(results: Results) -> Figure | None:
    """Draw seconds and memory against VMs, one panel a measure, with the fitted line through all kappas."""
    kappas = sorted({case.kappa for case in results.cases})
    if len(medians_by_size(results, lambda record: record.seconds, None)) < 2:
        return None
    figure = Figure(figsize=(8.0, 3.7), layout="constrained")
    for axes, (name, read) in zip(figure.subplots(1, len(MEASURES)), MEASURES.items(), strict=True):
        memory = name == "peak memory"
        unit = 2.0**20 if memory else 1.0
        for i, kappa in enumerate(kappas):
            points = medians_by_size(results, read, kappa)
            if points:
                x, y = zip(*points, strict=True)
                shown = [value / unit for value in y]
                axes.plot(x, shown, MARKERS[i], color=COLOURS[i], ms=5.5, alpha=0.85, label=f"kappa {kappa:g}")
        overall = medians_by_size(results, read, None)
        fitted = growth(*zip(*overall, strict=True)) if len(overall) > 1 else None
        title = name[0].upper() + name[1:]
        if fitted is not None:
            x, y = zip(*fitted.line, strict=True)
            axes.plot(x, [value / unit for value in y], "--", color=INK, lw=1.3, label="fitted to all")
            slopes = (
                f"VMs^{fitted.exponent:.2f}" if fitted.bend is None else "bends " + bent(fitted).replace(", ", ",\n")
            )
            axes.text(0.04, 0.97, slopes, transform=axes.transAxes, va="top", fontsize=9.5)
        axes.set_xscale("log")
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        _logarithmic(axes, "y", least=(low, max(high, 5 * low) * (max(high, 5 * low) / low) ** 0.3))
        axes.set_title(title.replace(" to the first", "\nto the first"))
        axes.set_xlabel("VMs")
        axes.set_ylabel("MiB" if memory else "s")
        sizes = [size.vms for size in SIZES.values() if any(case.size == size.name for case in results.cases)]
        axes.set_xticks(sizes, [_short(vms) for vms in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
    _legend(figure, figure.axes[0], columns=5)
    return figure


def _spot(index: int, count: int, width: float) -> float:
    """Return where the index-th of some stands within a width around 0."""
    return 0.0 if count < 2 else width * (index / (count - 1) - 0.5)


def _short(number: float) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else f"{number:g}"


def _logarithmic(axes: Any, which: str, least: tuple[float, float]) -> None:
    """Make an axis logarithmic that spans at least some range, with plain numbers at 1, 2, 5 or at powers of ten."""
    getattr(axes, f"set_{which}scale")("log")
    low, high = getattr(axes, f"get_{which}lim")()
    low, high = min(low, least[0]), max(high, least[1])
    getattr(axes, f"set_{which}lim")(low, high)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1.0, 2.0, 5.0) if high / low < MANY_STEPS else (1.0,)
    ticks = [tick for power in powers for step in steps if low <= (tick := step * 10.0**power) <= high]
    getattr(axes, f"set_{which}ticks")(ticks, [f"{tick:,g}" for tick in ticks])
    getattr(axes, f"{which}axis").set_minor_locator(NullLocator())


def _legend(figure: Figure, axes: Any, columns: int = 7) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(columns, len(labels)), fontsize=9.5)
