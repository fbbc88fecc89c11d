"""The scripts that measure accuracy on data sets, on small data of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.accuracy.__main__ import PART, report
from tests.accuracy.logs import GRID_STATED, GRID_STEADY, OPENSTACK
from tests.accuracy.page import PAGE, put

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Made up in the form of the data sets: 1 s and 110 MB/s, and 5 s and 500 MB/s."""
    grid, openstack = tmp_path / GRID_STEADY.path, tmp_path / OPENSTACK.path
    grid.parent.mkdir()
    lines = ["plan,run,vm,bandwidth_mbit_s,memory_mb,hot_dirty_mb,hot_dirty_duration_s,cold_dirty_mb_s,duration_s"]
    lines += [
        f"{plan},{run},{vm},1000,{size},96,2,2.0,{1 + size / 110 + 0.1 * run}"
        for plan in (1, 2, 3)
        for run in (1, 2)
        for vm, size in ((0, 2000), (1, 3000))
    ]
    grid.write_text("\n".join(lines) + "\n")
    openstack.parent.mkdir()
    lines = ["file,flavor,tunneling,ram_MiB,disk_GB,iteration,vm,duration_s"]
    lines += [
        f"x_{kind}_storage,small,off,{size},{size // 100},{turn},VM1,{5 + size / 500 * (11 if kind == 'block' else 1)}"
        for kind in ("block", "shared")
        for size in (4096, 8192)
        for turn in (1, 3, 5, 7)
    ]
    openstack.write_text("\n".join(lines) + "\n")
    return tmp_path


def test_columns_are_read_as_said(data: Path) -> None:
    first = GRID_STATED.log(data).migrations[0]
    assert (first.vm.memory, first.rate_bytes_per_s, first.group) == (2_000_000_000, 125e6, "1")
    assert (first.vm.hot_memory, first.vm.hot_duration, first.vm.cold_write_rate) == (96_000_000, 2.0, 2e6)
    assert GRID_STEADY.log(data).migrations[0].vm.write_rate == 2e6
    block, shared = OPENSTACK.log(data).migrations[0], OPENSTACK.log(data).migrations[-1]
    assert (block.link_class, block.vm.disk) == ("block storage, tunnel off", 40 * 2**30)
    assert (shared.link_class, shared.vm.disk) == ("shared storage, tunnel off", 0)


def test_the_tables(data: Path) -> None:
    text = "\n".join(report(data))
    assert "| Grid'5000, steady writes only | plans | 4 |" in text
    assert "| OpenStack | iterations | 8 |" in text
    assert text.count("| OpenStack | block storage, tunnel off |") == 1


def test_data_that_are_not_there(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.accuracy", tmp_path], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "none of the data sets" in run.stderr


def test_the_page_has_room_for_the_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "accuracy.md"
    copy.write_text(PAGE.read_text("utf-8"), "utf-8")
    monkeypatch.setattr("tests.accuracy.page.PAGE", copy)
    put(PART, "other tables\n")
    before, after = PAGE.read_text("utf-8"), copy.read_text("utf-8")
    assert "| OpenStack |" in before
    assert "| OpenStack |" not in after
    assert "other tables" in after
    assert before.split("## In the lab")[1] == after.split("## In the lab")[1]
    with pytest.raises(ValueError, match="0 places"):
        put("elsewhere", "")
