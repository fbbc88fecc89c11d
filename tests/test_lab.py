"""Real migrations of a small guest, one of each approach, beside what is predicted of them.

Measured time over predicted time is what is tested here, and no speed of ours. docs/lab.md says how the lab works.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.calibrate import Link, waiting_rate
from tests.lab.grid import MIB, Cell, Part, cells, task
from tests.lab.guest import Load
from tests.lab.migrate import Approach, Seen, lost_service
from tests.lab.needs import missing
from tests.lab.network import SEND_BUFFER_BYTES, TCP_SHARE
from tests.lab.predictions import predicted
from tests.lab.records import Given, Record, is_disturbed
from tests.lab.records import read as read_records
from tests.lab.records import write as write_record
from tests.lab.runner import TRIES, left, measure

LINK_MIB_S = 32
LIMIT_S = 0.060
RATE = LINK_MIB_S * MIB * TCP_SHARE
LINK = Link(RATE, 0.0, SEND_BUFFER_BYTES / RATE)
"""The link as it must be: a fault waits until all has gone out that the sender had in hand."""
SWITCH_WITHIN_S = 0.25
"""After the switch the guest's first tick waits for the pages that it touches."""


def small(approach: Approach, *, after_passes: int | None = None, at_share: float | None = None) -> Cell:
    how = task(
        approach,
        48,
        LINK_MIB_S,
        write=12,
        read=0.25,
        limit_ms=round(LIMIT_S * 1e3),
        after_passes=after_passes,
        at_share=at_share,
    )
    return Cell(Part.HELD_OUT, how)


CELLS = {
    "cold": small(Approach.COLD),
    "pre-copy": small(Approach.PRE_COPY),
    "post-copy": small(Approach.POST_COPY),
    "hybrid after a pass": small(Approach.HYBRID, after_passes=1),
    "hybrid in the first pass": small(Approach.HYBRID, at_share=0.5),
}


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """One record for each cell, measured once however many processes the tests run in, and never two at a time."""
    if lacks := missing():
        pytest.skip(f"no migration lab here: {lacks}")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = shared / "lab.jsonl"
    with (shared / "lab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        list(measure(list(CELLS.values()), path))
    last = {record.cell: record for record in read_records(path)}
    return {name: last[cell.name] for name, cell in CELLS.items()}


@pytest.mark.parametrize("name", CELLS)
def test_time_and_bytes_are_as_predicted(measured: dict[str, Record], name: str) -> None:
    seen, expected = measured[name].seen, predicted(measured[name].given, LINK)
    assert seen.status == "completed"
    assert seen.total_s == pytest.approx(expected.total_s, rel=0.10)
    assert seen.wire_bytes == pytest.approx(expected.wire_bytes, rel=0.05)


@pytest.mark.parametrize("name", CELLS)
def test_lost_service_is_as_predicted(measured: dict[str, Record], name: str) -> None:
    seen, expected = measured[name].seen, predicted(measured[name].given, LINK)
    assert seen.lost_s == pytest.approx(expected.lost_s, rel=0.25, abs=0.10)


def test_downtime_keeps_its_bounds(measured: dict[str, Record]) -> None:
    assert measured["cold"].seen.blackout_s == pytest.approx(measured["cold"].seen.total_s, rel=0.10)
    assert measured["pre-copy"].seen.blackout_s <= LIMIT_S + 0.05
    for name in ("post-copy", "hybrid after a pass", "hybrid in the first pass"):
        assert measured[name].seen.blackout_s <= SWITCH_WITHIN_S


def test_approaches_are_in_the_order_that_is_predicted(measured: dict[str, Record]) -> None:
    seen = [measured[name].seen for name in CELLS]
    cold, pre_copy, post_copy, hybrid, early = seen
    assert cold.wire_bytes * 1.01 > post_copy.wire_bytes
    assert pre_copy.total_s > hybrid.total_s > early.total_s > post_copy.total_s
    assert pre_copy.wire_bytes > hybrid.wire_bytes > early.wire_bytes > post_copy.wire_bytes
    assert cold.lost_s > post_copy.lost_s > early.lost_s > hybrid.lost_s > pre_copy.lost_s
    assert cold.blackout_s > 5 * max(one.blackout_s for one in seen[1:])


ENDLESS = """
import sys, time
from pathlib import Path
from tests.lab.guest import Load, build
from tests.lab.network import Cable
from tests.lab.qemu import Machine

with Cable(1 << 25) as cable, Machine(build(Path(sys.argv[1])), 32, Load(), cable.source.prefix) as machine:
    machine.wait_until_ready()
    print(machine.process.pid, cable.source.holder.pid, cable.target.holder.pid, flush=True)
    time.sleep(600)
"""


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path: Path) -> None:
    if lacks := missing():
        pytest.skip(f"no migration lab here: {lacks}")
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen([sys.executable, "-c", ENDLESS, tmp_path], cwd=root, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        started = [int(pid) for pid in run.stdout.readline().split()]
        run.kill()
    assert len(started) == 3
    patience = time.monotonic() + 10
    while any(map(runs, started)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not [pid for pid in started if runs(pid)]


def runs(pid: int) -> bool:
    """Whether there is such a process and it is no zombie that nobody waits for."""
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text("utf-8")
    except FileNotFoundError:
        return False


def test_no_cell_is_both_fitted_and_held_out() -> None:
    grid = cells()
    assert {cell.part for cell in grid} == set(Part)
    assert len({cell.name for cell in grid}) == len(grid)


def test_the_first_pass_sends_zero_pages_as_their_address() -> None:
    full = task(Approach.COLD, 192, 32)
    part = task(Approach.COLD, 192, 32, fill=48)
    assert full.full_pages - part.full_pages == part.zero_pages - full.zero_pages == 142 * 256
    assert full.wire_bytes - part.wire_bytes == 142 * 256 * (4104 - 9)


def test_command_line_leaves_out_what_the_guest_knows() -> None:
    line = Load(write=7, read_set=3).command_line()
    assert line.split() == ["write=7", "write_from=0", "read=0", "read_set=3", "read_from=0", "sequential=0", "busy=0"]


def test_lost_service_is_what_beats_do_not_account_for() -> None:
    tick = 4773 / 1193182
    beats = [index * tick for index in range(100)]
    late = [at if at < 0.2 else at + 0.5 for at in beats]
    assert lost_service(beats, 0.1, 0.3) == pytest.approx(0.0)
    assert lost_service(late, 0.1, 0.8) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="before and after"):
        lost_service(beats, 0.1, 5.0)


STOOD_STILL = Seen(
    status="completed",
    total_s=1.55,
    downtime_s=0.0,
    blackout_s=1.56,
    longest_gap_s=1.56,
    lost_s=1.56,
    idle_lost_share=0.0,
    wire_bytes=46 << 20,
    precopy_bytes=0,
    downtime_bytes=48 << 20,
    postcopy_bytes=0,
    full_pages=12288,
    zero_pages=0,
    passes=3,
    faults=0,
    fault_wait_s=0.0,
    throttle_percent=0,
)


@pytest.mark.parametrize(
    ("seen", "disturbed"),
    [
        (STOOD_STILL, False),
        (replace(STOOD_STILL, lost_s=1.7), True),
        (replace(STOOD_STILL, lost_s=1.7, fault_wait_s=0.19), False),
        (replace(STOOD_STILL, idle_lost_share=0.1), True),
        (replace(STOOD_STILL, wire_bytes=40 << 20), True),
    ],
)
def test_a_measurement_is_disturbed_when_service_is_lost_for_no_reason(seen: Seen, disturbed: bool) -> None:
    assert is_disturbed(CELLS["cold"].task, seen) is disturbed


def test_waiting_rate_is_the_inverse_of_lost_share() -> None:
    assert waiting_rate(0.0) == pytest.approx(0.0)
    assert waiting_rate(0.5) == pytest.approx(2.5129, rel=1e-4)
    with pytest.raises(ValueError, match="no share"):
        waiting_rate(1.0)


def test_a_benchmark_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "lab.jsonl"
    record = Record.of(CELLS["cold"], 0, STOOD_STILL)
    write_record(record, path)
    assert list(read_records(path)) == [record]
    assert record.given == Given.of(CELLS["cold"].task)
    grid = [CELLS["cold"], CELLS["pre-copy"]]
    assert [cell.name for cell, _ in left(grid, read_records(path))] == [CELLS["pre-copy"].name]
    for _ in range(TRIES):
        write_record(Record(CELLS["pre-copy"].name, Part.HELD_OUT, 0, True, record.given, record.seen), path)
    assert not list(left(grid, read_records(path)))
