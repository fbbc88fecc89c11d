"""The Bitbrains example: a made-up summary always, the real one where it is at hand."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from planner.inventory.load import load_inventory
from planner.inventory.models import Inventory

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "bitbrains.py"
DATA = Path(os.environ.get("EVAC_DATA", ROOT.parent / "shared" / "data"))
SUMMARY = DATA / "bitbrains" / "summary_2013-7.csv"

# Made up: the columns of the summary that the example reads, and one that it does not.
HEADER = "vm,rows,cores,mem_cap_MiB,dread_mean_MiBps,dread_p95_MiBps,dwrite_mean_MiBps,dwrite_p95_MiBps"
ROWS = ["1,10,4,8192,0.5,2,0.25,1", "2,10,1,1023.5,0,0,0,0", "7,10,2,4096,1e-3,0,2e-3,0.5", "9,10,8,16384,3,4,5,6"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLE, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture(scope="module")
def example() -> Callable[[Sequence[str]], int]:
    """The example's main function, for the cases that need no process of their own."""
    main: Callable[[Sequence[str]], int] = runpy.run_path(str(EXAMPLE))["main"]
    return main


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    path = tmp_path / "summary.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


def memory_used(inventory: Inventory) -> dict[str, float]:
    used: Counter[str] = Counter()
    for vm in inventory.vms:
        used[vm.host] += vm.memory
    return {host.name: used[host.name] / host.memory for host in inventory.hosts}


def test_a_small_summary(summary: Path, tmp_path: Path) -> None:
    result = run(summary, "-o", tmp_path / "out.yaml", "--hosts", "3", "--rate-factor", "10")
    assert (result.returncode, result.stderr) == (0, "")
    assert "4 VMs on 3 hosts" in result.stdout
    inventory = load_inventory(tmp_path / "out.yaml")
    assert [(vm.name, vm.vcpus, vm.memory // 2**20) for vm in inventory.vms] == [
        ("vm-1", 4, 8192), ("vm-2", 1, 1024), ("vm-7", 2, 4096), ("vm-9", 8, 16384),
    ]  # fmt: skip
    assert inventory.vms[0].read_rate == pytest.approx(5 * 2**20, abs=500)
    assert inventory.vms[0].write_rate == pytest.approx(2.5 * 2**20, abs=500)
    assert len(inventory.hosts) == 3
    assert max(memory_used(inventory).values()) < 0.75


def test_the_other_statistic(summary: Path, tmp_path: Path) -> None:
    assert run(summary, "-o", tmp_path / "out.yaml", "--rates", "p95", "--rate-factor", "1").returncode == 0
    (first, *_) = load_inventory(tmp_path / "out.yaml").vms
    assert (first.read_rate, first.write_rate) == pytest.approx((2 * 2**20, 2**20), abs=500)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["vm,cores"], "columns mem_cap_MiB"),
        ([], "columns vm"),
        ([HEADER, "1,10,many,8192,0,0,0,0"], "summary.csv:2"),
        ([HEADER, ROWS[0], "2,10,1"], "summary.csv:3"),
        ([HEADER, ROWS[0], ROWS[0]], "summary.csv:3"),
        ([HEADER, "1,10,1,nan,0,0,0,0"], "summary.csv:2"),
        ([HEADER, "1,10,1,8192,-1,0,0,0"], "summary.csv:2"),
        ([HEADER, "a b,10,1,8192,0,0,0,0"], "summary.csv:2"),
        ([HEADER, f'"{"x" * 200_000}"'], "no CSV"),
    ],
)
def test_what_is_no_summary(
    tmp_path: Path,
    example: Callable[[Sequence[str]], int],
    capsys: pytest.CaptureFixture[str],
    lines: list[str],
    word: str,
) -> None:
    path = tmp_path / "summary.csv"
    path.write_text("\n".join(lines))
    assert example([str(path), "-o", str(tmp_path / "out.yaml")]) == 2
    assert word in capsys.readouterr().err
    assert not (tmp_path / "out.yaml").exists()


@pytest.mark.parametrize("arguments", [["--hosts", "0"], ["--rate-factor", "-1"], ["--rate-factor", "nan"]])
def test_what_makes_no_cluster(
    summary: Path,
    example: Callable[[Sequence[str]], int],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        example([str(summary), *arguments])
    assert caught.value.code == 2
    assert "must be" in capsys.readouterr().err


@pytest.mark.skipif(not SUMMARY.exists(), reason="the Bitbrains summary is not at hand; EVAC_DATA says where data are")
def test_the_real_summary(tmp_path: Path) -> None:
    result = run(SUMMARY, "-o", tmp_path / "out.yaml")
    assert result.returncode == 0, result.stderr
    inventory = load_inventory(tmp_path / "out.yaml")
    assert (len(inventory.hosts), len(inventory.vms)) == (25, 500)
    used = memory_used(inventory)
    assert max(used.values()) < 0.75
    rest = sorted(used.values())[:-1]
    assert rest[-1] - rest[0] < 0.05
