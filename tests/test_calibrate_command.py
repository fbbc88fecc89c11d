"""``evac calibrate`` as somebody uses it: what it says, what it writes, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from planner import api
from planner.calibrate.log import parse_log
from planner.cli.main import main
from planner.inventory.load import parse_inventory
from tests.test_calibrate import INVENTORY, TRUE, made, text_of


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [*made(TRUE), *made(TRUE.model_copy(update={"fixed_time": 5.0}), rates_mbit=[10_000.0])]
    rows[3]["duration_s"] = "9999"
    rows[3]["downtime_ms"] = "300"
    path = tmp_path / "log.csv"
    path.write_text(text_of([{**row, "rack": "r1"} for row in rows]))
    return path


def test_the_report(log: Path) -> None:
    result = run(log)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "log.csv: 32 migrations" in result.stdout
    assert "up to 10 Gbit/s" in result.stdout
    assert "saturating, calibrated" in result.stdout
    assert "image over bandwidth (V/mu)" in result.stdout
    assert "set aside as outliers, though judged like all others: line 5." in result.stdout
    assert "fault_latency: fewer than 4 downtimes of post-copy or hybrid are logged" in result.stdout
    assert "Columns left unread: rack." in result.stdout
    assert "\nsettings:\n  model: saturating\n  link_efficiency: " in result.stdout


def test_the_block_is_ready_to_paste(log: Path, tmp_path: Path) -> None:
    output = tmp_path / "settings.yaml"
    result = run(log, "-o", output)
    assert (result.exit_code, result.stderr) == (0, f"Wrote the settings block to {output}\n")
    assert "settings:" not in result.stdout
    block = output.read_text()
    assert "32 migrations" in block
    assert "on average" in block
    settings = parse_inventory(INVENTORY.replace("hosts:", f"{block}hosts:", 1)).settings
    assert settings.model == "saturating"
    assert [one.up_to for one in settings.link_classes] == [125e6, 1.25e9]
    assert [one.link_efficiency for one in settings.link_classes] == pytest.approx([0.83, 0.83], rel=0.02)
    assert [one.fixed_time for one in settings.link_classes] == pytest.approx([2.2, 5.0], rel=0.1)
    assert [one.fault_latency for one in settings.link_classes] == [None, None]


def test_classes_of_one_bandwidth_are_written_to_choose_from(tmp_path: Path) -> None:
    rows = [{**row, "class": "plain"} for row in made(TRUE)]
    rows += [{**row, "class": "tunnel"} for row in made(TRUE.model_copy(update={"link_efficiency": 0.3}), repeats=3)]
    path, output = tmp_path / "log.csv", tmp_path / "settings.yaml"
    path.write_text(text_of(rows))
    assert run(path, "-o", output, "-q").exit_code == 0
    block = output.read_text()
    assert parse_inventory(INVENTORY.replace("hosts:", f"{block}hosts:", 1)).settings.link_efficiency > 0.8
    other = block[block.index("# tunnel: 12 migrations") :]
    assert "\n  # link_efficiency: 0." in other
    assert "\n  link_efficiency" not in other


def test_json_for_programs(log: Path) -> None:
    result = run(log, "--format", "json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["migrations"], found["unread_columns"]) == (0, 32, ["rack"])
    assert [one["outlier_lines"] for one in found["classes"]] == [[5], []]
    assert set(found["all"]["held_out"]) == {"calibrated", "saturating", "factor", "nominal", "paper", "btrplace"}
    assert found["settings"]["model"] == "saturating"
    assert len(found["settings"]["link_classes"]) == 2


def test_the_inventory_says_the_rest(log: Path, tmp_path: Path) -> None:
    inventory = tmp_path / "rack.yaml"
    inventory.write_text(INVENTORY.replace("hosts:", "settings: {fault_latency: 9 ms}\nhosts:"))
    result = run(log, "--inventory", inventory, "--format", "json")
    assert json.loads(result.stdout)["settings"]["fault_latency"] == pytest.approx(0.009)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory,bandwidth\n1,2\n", "there is no column duration"),
        ("memory,bandwidth,duration\n8 GiB,1 Gbit/s,-4 s\n", "log.csv:2: duration"),
        ("\0", "binary"),
    ],
)
def test_junk_is_one_report_and_exit_2(tmp_path: Path, text: str, words: str) -> None:
    path, output = tmp_path / "log.csv", tmp_path / "settings.yaml"
    path.write_text(text)
    result = run(path, "-o", output)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert "1 problem:" in result.stderr
    assert not output.exists()


def test_no_log_and_a_log_that_would_be_replaced(log: Path, tmp_path: Path) -> None:
    assert "no such file" in run(tmp_path / "none.csv").stderr
    before = log.read_text()
    assert run(log, "-o", log).exit_code == 2
    assert log.read_text() == before


def test_from_python(log: Path) -> None:
    found = api.calibrate(str(log))
    assert found.migrations == len(parse_log(log.read_text(), "x").migrations) == 32
