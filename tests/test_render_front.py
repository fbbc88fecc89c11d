"""Fronts as tables, JSON and pictures, and the commands that print them."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console, RenderableType

from planner.cli.main import main
from planner.errors import InputError
from planner.inventory.models import Approach
from planner.predict.front import Front, FrontPoint
from planner.render.front import front_json, front_text, switch_words
from planner.render.front_svg import MOST_PANELS, front_svg

DEMO = str(Path(__file__).resolve().parent.parent / "inventories" / "demo.yaml")

POST = FrontPoint(Approach.POSTCOPY, None, False, 97.1, 74.7, 0.1, 74.6, 0.0, 8.6e9, True)
HALF = FrontPoint(Approach.HYBRID, 0.5, False, 103.0, 37.4, 0.1, 37.3, 0.0, 9.2e9, True)
BETWEEN = FrontPoint(Approach.HYBRID, 0.8125, False, 112.0, 20.3, 0.1, 20.2, 0.0, 9.5e9, False)
SHARE = FrontPoint(Approach.HYBRID, 0.903, True, 120.0, 40.0, 0.1, 39.9, 0.0, 9.9e9, False, beaten=True)
ONE = FrontPoint(Approach.HYBRID, 1.0, False, 125.0, 12.3, 0.1, 12.2, 0.0, 1.0e10, True)
PRE = FrontPoint(Approach.PRECOPY, None, False, 129.0, 0.4, 0.4, 0.0, 0.0, 1.1e10, True)
COLD = FrontPoint(Approach.COLD, None, False, 98.0, 97.0, 97.0, 0.0, 0.0, 8.6e9, True, beaten=True)
FRONT = Front("app-1", 1e8, (POST, COLD, HALF, BETWEEN, SHARE, ONE, PRE))


def lines(renderable: RenderableType, width: int = 120) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(renderable)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_table_has_what_plans_may_use_and_the_papers_share() -> None:
    text = lines(front_text([FRONT]))
    assert [line.split()[:2] for line in text[1:6]] == [
        ["app-1", "800"],
        ["hybrid", "50%"],
        ["hybrid", "paper's"],
        ["hybrid", "after"],
        ["pre-copy", "2"],
    ]
    assert "paper's share, 90%, beaten" in text[3]
    assert "37.4 s" in text[2]
    assert "37.3 s" in text[2]
    assert "cold" not in "\n".join(text)
    assert "81%" not in "\n".join(text[:7])
    assert "slowed" not in text[0]


def test_the_table_fits_a_hundred_columns() -> None:
    slowed = replace(PRE, slowed_s=3600.0 * 9, downtime_s=3600.0 * 9)
    for front in (FRONT, replace(FRONT, vm="a-rather-long-name", points=(*FRONT.points, slowed))):
        table = lines(front_text([front]), 100)
        assert max(map(len, table)) <= 100
        assert "stall" in table[0]


def test_vcpu_time_that_is_taken_has_its_column() -> None:
    slowed = replace(PRE, slowed_s=75.0, downtime_s=75.4)
    text = lines(front_text([replace(FRONT, points=(POST, slowed))]))
    assert "slowed" in text[0]
    assert "75 s" in text[2]
    assert any("auto-converge" in line for line in text)


def test_a_vm_that_cannot_move_is_said_to() -> None:
    text = lines(front_text([Front("stuck", 1e8, ()), FRONT]))
    assert text[1].split()[:4] == ["stuck", "800", "Mbit/s", "none"]
    assert lines(front_text([])) == ["The inventory has no VMs."]


def test_the_json_has_the_whole_front_with_units_in_the_names() -> None:
    (found,) = json.loads(front_json([FRONT]))
    assert (found["vm"], found["rate_bytes_per_s"]) == ("app-1", 1e8)
    assert [point["switch_point"] for point in found["points"]] == [None, 0.5, 0.8125, 0.903, 1.0, None]
    assert found["points"][0] == {
        "approach": "postcopy",
        "switch_point": None,
        "paper_share": False,
        "time_s": 97.1,
        "downtime_s": 74.7,
        "blackout_s": 0.1,
        "stall_s": 74.6,
        "slowed_s": 0.0,
        "transferred_bytes": 8.6e9,
        "offered": True,
        "beaten": False,
    }


@pytest.mark.parametrize(
    ("switch_point", "words"),
    [
        (0.25, "25% of the first pass"),
        (0.0625, "6.2% of the first pass"),
        (0.8125, "81% of the first pass"),
        (0.0001, "<0.1% of the first pass"),
        (1.0, "after 1 pass"),
        (2.0, "after 2 passes"),
        (2.5, "after 2.5 passes"),
    ],
)
def test_switch_points_in_words(switch_point: float, words: str) -> None:
    assert switch_words(switch_point) == words


# --- the picture ---------------------------------------------------------------------------------------------


def words_of(svg: str) -> list[str]:
    """The texts of a picture, which is well-formed XML."""
    return [(node.text or "").strip() for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def drawn(fronts: Sequence[Front]) -> str:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    return front_svg(fronts)


def test_the_picture_says_what_is_drawn_and_in_which_units() -> None:
    words = words_of(drawn([FRONT]))
    assert {"app-1 at 800 Mbit/s", "migration time [s]", "downtime [s]"} <= set(words)
    assert {"post-copy, 74.7 s", "pre-copy, 400 ms", "after 1 pass", "the paper's share"} <= set(words)
    long = replace(FRONT, points=(replace(POST, time_s=7200.0), replace(PRE, time_s=9e4)))
    assert "migration time [h]" in words_of(drawn([long]))


def test_names_are_escaped_and_never_read_as_formulas() -> None:
    hostile = replace(FRONT, vm="<script>&$x_1$\n\\frac")
    svg = drawn([hostile])
    assert "<script>" not in svg
    assert any(word.startswith("<script>&$x_1$\\x0a\\frac") for word in words_of(svg))


def test_the_same_front_gives_the_same_bytes_and_no_date() -> None:
    assert drawn([FRONT, FRONT]) == drawn([FRONT, FRONT])
    assert "<dc:date>" not in drawn([FRONT])


def test_it_reads_on_light_and_dark_pages() -> None:
    svg = drawn([FRONT])
    assert "fill: #ffffff" not in svg
    assert "#000000" not in svg
    assert "#808080" in svg


def test_a_front_of_one_point_and_one_of_no_downtime_are_drawn() -> None:
    alone = Front("alone", 1e8, (replace(POST, downtime_s=0.0),))
    assert "alone at 800 Mbit/s" in words_of(drawn([alone, Front("none", 1e8, ()), FRONT]))


def test_too_many_vms_and_none_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit into one picture"):
        front_svg([FRONT] * (MOST_PANELS + 1))
    with pytest.raises(InputError, match="nothing to draw"):
        front_svg([Front("none", 1e8, ())])


# --- the command ---------------------------------------------------------------------------------------------


def evac(*words: str) -> Result:
    return CliRunner().invoke(main, ["predict", *words])


def test_front_prints_a_table_or_json() -> None:
    done = evac(DEMO, "--front", "--vm", "app-1,web-1", "--bandwidth", "1 Gbit/s")
    assert done.exit_code == 0
    assert done.stdout.count("1 Gbit/s") == 2
    assert "paper's share" in done.stdout
    found = json.loads(evac(DEMO, "--front", "--format", "json", "--vm", "app-1").stdout)
    assert [front["vm"] for front in found] == ["app-1"]


def test_plot_writes_a_file_and_implies_the_front(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    picture = tmp_path / "app-1.svg"
    done = evac(DEMO, "--vm", "app-1", "--plot", str(picture))
    assert done.exit_code == 0
    assert "switch to post-copy" in done.stdout
    assert done.stderr == f"Wrote the plot to {picture}\n"
    assert "app-1 at 800 Mbit/s" in words_of(picture.read_text())


def test_plot_without_matplotlib_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = evac(DEMO, "--vm", "app-1", "--plot", str(tmp_path / "app-1.svg"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "pip install 'evac[plot]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_plot_into_a_directory_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    done = evac(DEMO, "--vm", "app-1", "--plot", str(tmp_path / "none" / "app-1.svg"))
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr


def test_plot_into_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    done = evac(DEMO, "--vm", "app-1", "--plot", str(tmp_path / "app-1.png"))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "ends in .svg" in done.stderr


def test_the_table_of_approaches_says_what_would_make_a_vm_converge() -> None:
    done = evac(DEMO, "--vm", "db-1")
    assert "db-1 at 800 Mbit/s: the passes of pre-copy do not shrink" in done.stdout
    assert "It converges from 1.12 Gbit/s on." in done.stdout
