"""What docs/paper-figures.md says of the paper's claims is so, by its own formulas and by the saturating model."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import figures
import numpy as np
import pytest

from planner.inventory.models import Approach
from planner.predict import Outside

PAGE = Path(figures.__file__).parent / "paper-figures.md"
W, R = np.linspace(0.0, 12.4, 1241), np.linspace(0.0, 12.5, 1251)


def test_the_hybrids_time_falls_with_writes_at_first() -> None:
    time_s = figures.paper(Approach.HYBRID, 3.0, W).time_s
    least = int(np.argmin(time_s))
    assert W[least] == pytest.approx(2.46)
    assert time_s[least] == pytest.approx(1623.8, abs=0.1)
    assert time_s[0] == pytest.approx(1925.5, abs=0.1)


def test_the_hybrids_time_grows_with_reads_at_first() -> None:
    time_s = figures.paper(Approach.HYBRID, R, 3.0).time_s
    most = int(np.argmax(time_s))
    assert R[most] == pytest.approx(2.04)
    assert time_s[most] == pytest.approx(1656.5, abs=0.1)
    assert time_s[0] == pytest.approx(1249.3, abs=0.1)


def test_the_hybrids_downtime_does_depend_on_writes() -> None:
    downtime_s = {approach: figures.paper(approach, 3.0, W).downtime_s for approach in figures.APPROACHES}
    assert np.ptp(downtime_s[Approach.PRECOPY]) == 0
    assert np.ptp(downtime_s[Approach.POSTCOPY]) == 0
    assert downtime_s[Approach.HYBRID].max() == pytest.approx(500, abs=1)
    at_12 = figures.paper(Approach.HYBRID, 3.0, 12.0).downtime_s.item()
    assert at_12 == pytest.approx(172.4, abs=0.1)
    as_printed = figures.paper(Approach.HYBRID, 3.0, 0.0).downtime_s.item() + figures.LIMIT / figures.MU
    assert as_printed == pytest.approx(542.1, abs=0.1)


def test_at_equal_high_rates_the_hybrid_is_a_compromise() -> None:
    pre, post, hybrid = (figures.paper(approach, 9.0, 9.0) for approach in figures.APPROACHES)
    assert post.time_s < hybrid.time_s < pre.time_s
    assert pre.downtime_s < hybrid.downtime_s < post.downtime_s
    assert (hybrid.time_s.item(), hybrid.downtime_s.item()) == pytest.approx((2088.1, 483.5), abs=0.1)


def test_downtime_is_the_migration_time_for_postcopy_at_saturation_only() -> None:
    full, before = (figures.paper(Approach.POSTCOPY, read, 3.0) for read in (figures.MU, figures.MU - 0.1))
    assert full.downtime_s == pytest.approx(full.time_s)
    assert before.downtime_s.item() < before.time_s.item() * 0.995
    hybrid = figures.paper(Approach.HYBRID, figures.MU, 3.0)
    assert hybrid.downtime_s.item() < 0.8 * hybrid.time_s.item()


@pytest.mark.parametrize("write", [1.0, 3.0, 7.0, 11.0])
def test_the_last_pass_is_counted_twice(write: float) -> None:
    """Bytes sent once: passes 0 to n-1, then v_n at the stop."""
    left, sent = figures.V, 0.0
    while left > figures.LIMIT:
        sent, left = sent + left, left * write / figures.MU
    once_s = (sent + left) / figures.MU
    printed_s = figures.paper(Approach.PRECOPY, 3.0, write).time_s.item()
    assert printed_s - once_s == pytest.approx(figures.LIMIT / figures.MU)


# --- the share -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("read", "write"), figures.RATES)
def test_the_line_over_shares_goes_through_the_papers_own_where_passes_are_whole(
    read: float, write: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """l chosen so that the number of passes comes out whole; the printed formula then is the linear one."""
    share = write / (read + write)
    shrink = write / figures.MU
    limit = share * figures.V * shrink**3
    monkeypatch.setattr(figures, "LIMIT", limit)
    time_s, downtime_s = figures.paper_at_share(np.array([share]), read, write)
    printed = figures.paper(Approach.HYBRID, read, write)
    assert printed.passes.item() == 3
    assert time_s == pytest.approx(printed.time_s)
    assert downtime_s == pytest.approx(printed.downtime_s)


@pytest.mark.parametrize(("read", "write"), [*figures.RATES, (1.0, 5.0), (6.0, 2.0), (11.0, 12.0)])
def test_by_the_papers_formulas_the_best_share_is_at_an_end(read: float, write: float) -> None:
    shares = np.linspace(figures.LIMIT / figures.V, 1.0, 101)
    time_s, downtime_s = figures.paper_at_share(shares, read, write)
    np.testing.assert_allclose(np.diff(time_s), np.diff(time_s)[0], rtol=1e-6)
    np.testing.assert_allclose(np.diff(downtime_s), np.diff(downtime_s)[0], rtol=1e-6)
    assert (np.diff(downtime_s) < 0).all()
    edge = (1 - figures.ALPHA) * (figures.MU - read)
    assert figures.gentle_share_from(read) == edge
    assert (np.diff(time_s) < 0).all() == (write < edge)
    if write > edge:
        price = figures.MU * (write - edge) / (read * (figures.MU - write))
        assert -np.diff(time_s)[0] / np.diff(downtime_s)[0] == pytest.approx(price)


def test_the_papers_share_is_never_the_best_switch_point() -> None:
    points = np.concatenate([np.linspace(0.0, 1.0, 33), np.arange(2.0, 13.0)])
    rates = np.linspace(0.5, 24.0, 16)
    beaten = best = 0
    for read in rates:
        for write in rates:
            time_s, downtime_s = figures.curve(read, write, points)
            (own_s,), (own_down_s,) = figures.curve(read, write, np.array([write / (read + write)]))
            best += bool(own_s <= time_s.min() * (1 + 1e-9) or own_down_s <= downtime_s.min() * (1 + 1e-9))
            beaten += bool(((time_s < own_s * (1 - 1e-6)) & (downtime_s < own_down_s * (1 - 1e-6))).any())
    assert best == 0
    assert 110 < beaten < 128, "nearly half of 256"


def test_time_is_not_monotone_over_switch_points() -> None:
    points = np.linspace(0.0, 1.0, 101)
    time_s, _ = figures.curve(3.0, 9.0, points)
    assert points[np.argmin(time_s)] == pytest.approx(0.37)


# --- the pictures --------------------------------------------------------------------------------------------


def test_the_pictures_are_drawn_and_shown(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    text = PAGE.read_text("utf-8")
    for path in figures.draw(tmp_path):
        assert f"(images/{path.name})" in text
        assert (figures.IMAGES / path.name).is_file()
        words = {node.text for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")}
        assert {"migration time [s]", "downtime [s]"} <= words


def test_the_page_names_no_figure_outside_the_domain() -> None:
    for approach in figures.APPROACHES:
        assert (figures.paper(approach, 3.0, W).outside == Outside.INSIDE).all()
        assert (figures.paper(approach, R, 3.0).outside == Outside.INSIDE).all()
