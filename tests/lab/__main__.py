"""The benchmark of the lab: ``python -m tests.lab run --out lab.jsonl``, then ``report lab.jsonl [--write]``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.accuracy.page import PAGE, put
from tests.lab import records
from tests.lab.calibrate import calibrate
from tests.lab.grid import MIB, cells
from tests.lab.needs import missing
from tests.lab.report import compare, lines
from tests.lab.rivals import tables
from tests.lab.runner import left, measure


def run(out: Path) -> int:
    """Measure what `out` does not hold yet."""
    if lacks := missing():
        print(f"The lab cannot run here: {lacks}.", file=sys.stderr)
        return 2
    grid = cells()
    todo = len(list(left(grid, records.read(out))))
    began = time.monotonic()
    for count, record in enumerate(measure(grid, out), 1):
        seen = record.seen
        print(
            f"{count:3}/{todo} {time.monotonic() - began:5.0f} s  {record.part:8} {record.cell}: {seen.status}, "
            f"{seen.total_s:.2f} s, {seen.wire_bytes / MIB:.1f} MiB, pause {seen.blackout_s:.3f} s, "
            f"lost {seen.lost_s:.2f} s{', disturbed' if record.disturbed else ''}",
            flush=True,
        )
    return 0


def report(path: Path, *, write: bool) -> int:
    """Print what calibration finds, and what was measured beside what is predicted; write it into the page too."""
    measured = list(records.read(path))
    if not measured:
        print(f"{path} holds no measurements.", file=sys.stderr)
        return 2
    links = calibrate(measured)
    cells = compare(measured, links)
    text = "\n".join((*tables(cells, links), *lines(measured, links, cells))) + "\n"
    print(text, end="")
    if write:
        put("lab", text)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="measure (a quarter of an hour)").add_argument("--out", type=Path, required=True)
    told = commands.add_parser("report", help="say what was measured")
    told.add_argument("records", type=Path)
    told.add_argument("--write", action="store_true", help=f"write the tables into {PAGE.name}")
    asked = parser.parse_args()
    return run(asked.out) if asked.command == "run" else report(asked.records, write=asked.write)


if __name__ == "__main__":
    sys.exit(main())
