"""BtrPlace's published instances, where they are at hand: set EVAC_BTRPLACE to their directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks.btrplace import Row, _by_number, head, line, main, measure
from tests.btrplace_samples import instance, write

DIRECTORY = os.environ.get("EVAC_BTRPLACE", "")
INSTANCES = sorted(Path(DIRECTORY).glob("*.json"), key=_by_number) if DIRECTORY else []


@pytest.mark.skipif(not INSTANCES, reason="EVAC_BTRPLACE names no directory with instances of BtrPlace")
@pytest.mark.parametrize("file", INSTANCES, ids=lambda file: file.stem)
def test_published_instances_are_solved_near_their_bounds(file: Path) -> None:
    row = measure(file)
    assert row.ok
    assert row.finish[0] <= row.finish[1] * 1.01
    assert row.ends[0] <= row.ends[1] * 1.02


def test_the_benchmark_measures_an_instance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(write(tmp_path, instance()))
    path.rename(tmp_path / "decommissioning_vms_scale_x1_9.json")
    assert main([str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == head()[0]
    assert printed[2].startswith("| decommissioning_vms_scale_x1_9 | 5 | 5 | 211 | 211.0 | 0.00% | 824 |")
    assert printed[2].count("|") == printed[0].count("|") == printed[1].count("|")


def test_a_line_says_whether_the_seconds_are_within_a_fifth() -> None:
    row = Row("x", "vms", 1, 96, 72, (407.0, 405.8), (23600.0, 23577.0), (0.1, 0.05, 0.09, 0.01), True)
    assert row.allowed_s == pytest.approx(0.08)
    assert line(row).endswith("| 0.08 | no |")
    slow = Row("x", "vms", 2, 96, 72, (407.0, 405.8), (23600.0, 23577.0), (0.1, 0.05, 0.09, 0.01), True)
    assert slow.allowed_s is None
    assert line(slow).endswith("|  |  |")


def test_a_directory_without_instances_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path)])


def test_names_are_sorted_by_their_numbers() -> None:
    names = [Path(f"a_x{n}_1.json") for n in (10, 2, 1)]
    assert [path.stem for path in sorted(names, key=_by_number)] == ["a_x1_1", "a_x2_1", "a_x10_1"]
