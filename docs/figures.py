"""Draw the figures of docs/paper-figures.md from the code: run as ``python docs/figures.py``; needs the extra plot."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach, Settings
from planner.predict import Workload
from planner.predict.paper import PaperModel
from planner.predict.protocol import Prediction
from planner.predict.saturating import SaturatingModel
from planner.render.front_svg import LOOKS, PAPER
from planner.render.plots import STYLE
from planner.render.words import APPROACH_WORDS

IMAGES = Path(__file__).resolve().parent / "images"
V, MU, LIMIT, ALPHA, FIXED_RATE = 11264.0, 12.5, 1000.0, 0.3, 3.0
"""The example of the paper: image [MB], rate [MB/s], stop threshold [MB], background efficiency [1], and the rate that
Fig. 2 keeps for reading and Fig. 3 for writing [MB/s]."""
MB = 1e6
APPROACHES = (Approach.PRECOPY, Approach.POSTCOPY, Approach.HYBRID)
RATES = ((3.0, 3.0), (3.0, 9.0), (9.0, 9.0))
"""Reads and writes for which the curves over switch points are drawn [MB/s]."""
SHADES = ("#3f86c6", "#2f9e6c", "#d9822b")

Floats = NDArray[np.float64]


def paper(approach: Approach, read: Floats | float, write: Floats | float) -> Prediction:
    """Return what the paper's formulas say of its example at some rates [MB/s]; times are in seconds."""
    workload = Workload(np.array([V]), np.atleast_1d(np.float64(read)), np.atleast_1d(np.float64(write)))
    return PaperModel(ALPHA).predict(approach, workload, np.array([MU]), np.array([LIMIT]))


def paper_at_share(share: Floats, read: float, write: float) -> tuple[Floats, Floats]:
    """Return Tm and Td [s] of the paper's hybrid at any share, with a number of passes that need not be whole.

    Then v_n = l, T1 = (phi V - x l)/(mu - w) and T2 = l/mu: both times are linear in the share, from l/V on.
    """
    iterate_s = (share * V - write / MU * LIMIT) / (MU - write)
    fetch_s = (1.0 - share) * V / (ALPHA * MU + (1.0 - ALPHA) * read)
    return iterate_s + LIMIT / MU + fetch_s, LIMIT / MU + read * fetch_s / MU


def gentle_share_from(read: float) -> float:
    """Return w*, the write rate up to which pre-copy alone is quicker than any share of it [MB/s]."""
    return (1.0 - ALPHA) * (MU - read)


def curve(read: float, write: float, points: Floats) -> tuple[Floats, Floats]:
    """Return Tm and Td [s] of the same example by the model saturating, over switch points [passes].

    Nothing but copying takes time, and the writes go over all of the memory.
    """
    model = SaturatingModel(
        Settings(
            model="saturating",
            background_efficiency=ALPHA,
            stop_threshold=int(LIMIT * MB),
            link_efficiency=1.0,
            fixed_time=0.0,
            switch_time=0.0,
            fault_latency=0.0,
        )
    )
    rates = Workload(np.array([[V * MB]]), np.array([[read * MB]]), np.array([[write * MB]]))
    found = model.curve(rates, np.array([[MU * MB]]), np.array([[LIMIT * MB]]), tuple(points.tolist()))
    return np.array([one.time_s.item() for one in found]), np.array([one.downtime_s.item() for one in found])


def _over_rates(figure: Any, name: str, rates: Floats, predictions: dict[Approach, Prediction]) -> None:
    time, down = figure.subplots(1, 2)
    for approach, found in predictions.items():
        colour, marker = LOOKS[approach]
        for axes, values in ((time, found.time_s), (down, found.downtime_s)):
            axes.plot(rates, np.broadcast_to(values, rates.shape), color=colour, label=APPROACH_WORDS[approach], lw=1.6)
            whole = np.isclose(rates % 2, 0)
            axes.plot(rates[whole], np.broadcast_to(values, rates.shape)[whole], marker, color=colour, ms=5)
    time.set_yscale("log")
    time.set_yticks([1000, 2000, 5000, 10000], ["1,000", "2,000", "5,000", "10,000"])
    time.minorticks_off()
    time.set_ylabel("migration time [s]")
    down.set_ylabel("downtime [s]")
    for axes in (time, down):
        axes.set_xlabel(f"{name} rate [MB/s]")
    time.legend(frameon=False, labelcolor=STYLE["text.color"])


def _over_shares(figure: Any) -> None:
    axes = figure.subplots(1, 2)
    shares = np.linspace(LIMIT / V, 1.0, 50)
    for (read, write), colour in zip(RATES, SHADES, strict=True):
        for panel, values in zip(axes, paper_at_share(shares, read, write), strict=True):
            panel.plot(shares * 100, values, color=colour, lw=1.6, label=f"r = {read:g}, w = {write:g} MB/s")
        own = np.array([write / (read + write)])
        for panel, values in zip(axes, paper_at_share(own, read, write), strict=True):
            panel.plot(own * 100, values, PAPER[1], color=PAPER[0], ms=8)
    _finish(axes, "share sent by pre-copy [%]")


def _over_switch_points(figure: Any) -> None:
    axes = figure.subplots(1, 2)
    points = np.linspace(0.0, 4.0, 161)
    for (read, write), colour in zip(RATES, SHADES, strict=True):
        for panel, values in zip(axes, curve(read, write, points), strict=True):
            panel.plot(points, values, color=colour, lw=1.6, label=f"r = {read:g}, w = {write:g} MB/s")
        own = np.array([write / (read + write)])
        for panel, values in zip(axes, curve(read, write, own), strict=True):
            panel.plot(own, values, PAPER[1], color=PAPER[0], ms=8)
    _finish(axes, "switch point [passes]")


def _finish(axes: Any, label: str) -> None:
    axes[0].set_ylabel("migration time [s]")
    axes[1].set_ylabel("downtime [s]")
    for panel in axes:
        panel.set_xlabel(label)
        panel.set_ylim(bottom=0)
    axes[1].plot([], [], PAPER[1], color=PAPER[0], ms=8, label="the paper's share w/(r+w)")
    axes[1].legend(frameon=False, labelcolor=STYLE["text.color"])


def draw(folder: Path) -> list[Path]:
    """Draw all figures into a folder and return the files."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    writes, reads = np.linspace(0.0, 12.0, 481), np.linspace(0.0, MU, 501)
    over_writes = {approach: paper(approach, FIXED_RATE, writes) for approach in APPROACHES}
    over_reads = {approach: paper(approach, reads, FIXED_RATE) for approach in APPROACHES}
    makers = {
        "paper-fig2.svg": lambda figure: _over_rates(figure, "write", writes, over_writes),
        "paper-fig3.svg": lambda figure: _over_rates(figure, "read", reads, over_reads),
        "paper-share.svg": _over_shares,
        "switch-points.svg": _over_switch_points,
    }
    written = []
    with mpl.rc_context(STYLE):
        for name, make in makers.items():
            figure = Figure(figsize=(9.0, 3.6), layout="constrained")
            make(figure)
            written.append(folder / name)
            figure.savefig(written[-1], metadata={"Date": None, "Creator": None})
    return written


if __name__ == "__main__":
    for path in draw(IMAGES):
        print(path.name)
    sys.exit(0)
