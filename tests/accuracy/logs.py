"""Data sets of measured migrations as logs that ``evac calibrate`` reads; the data themselves stay where they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.calibrate.log import Log, parse_log

Row = Mapping[str, str]


@dataclass(frozen=True)
class DataSet:
    """A data set, what its columns are taken to mean, and what is never on both sides of the split.

    Parameters
    ----------
    name, reading, split
        For people: which data, how its columns are read, and what the halves are made of.
    path
        Below the directory of the data.
    cells
        Makes the line of a log of a row.
    """

    name: str
    reading: str
    split: str
    path: str
    cells: Callable[[Row], Mapping[str, str]]

    def log(self, data: Path) -> Log:
        """Read the data set."""
        with (data / self.path).open(encoding="utf-8", newline="") as file:
            return log_of([self.cells(row) for row in csv.DictReader(file)], self.name)

    def at_hand(self, data: Path) -> bool:
        """Whether the data are there."""
        return (data / self.path).is_file()


def log_of(lines: Iterable[Mapping[str, str]], name: str) -> Log:
    """Return lines as a log, by way of the text that a user would give."""
    lines = list(lines)
    text = io.StringIO()
    writer = csv.DictWriter(text, lines[0])
    writer.writeheader()
    writer.writerows(lines)
    return parse_log(text.getvalue(), name)


def _grid(group: str, writes: Mapping[str, str]) -> Callable[[Row], Mapping[str, str]]:
    """Return how a row of the Grid'5000 set is read; its runs of a plan are repeats."""
    return lambda row: {
        "group": row[group],
        "vm": f"{row['plan']}/{row['vm']}",
        "memory_mb": row["memory_mb"],
        "bandwidth_mbit_s": row["bandwidth_mbit_s"],
        "duration_s": row["duration_s"],
        **{column: given.format(**row) for column, given in writes.items()},
    }


def _openstack(group: str) -> Callable[[Row], Mapping[str, str]]:
    """Return how a row of the OpenStack set is read: with block storage all of the disk moves, and one wire is used."""

    def cells(row: Row) -> Mapping[str, str]:
        storage = "block" if "block_storage" in row["file"] else "shared"
        return {
            "group": row[group],
            "vm": row["flavor"],
            "class": f"{storage} storage, tunnel {row['tunneling']}",
            "memory_mib": row["ram_MiB"],
            "disk_gib": row["disk_GB"] if storage == "block" else "0",
            "bandwidth_gbit_s": "10",
            "duration_s": row["duration_s"],
        }

    return cells


GRID_PATH, OPENSTACK_PATH = "grid5000/migrations_plans_01-25.csv", "openstack/migrations_odd_iterations.csv"
STEADY = {"write_rate": "{cold_dirty_mb_s} MB/s"}
STATED = {
    "hot_memory": "{hot_dirty_mb} MB",
    "hot_duration": "{hot_dirty_duration_s} s",
    "cold_write_rate": "{cold_dirty_mb_s} MB/s",
}
GRID_STEADY = DataSet("Grid'5000", "steady writes only", "plans", GRID_PATH, _grid("plan", STEADY))
GRID_STATED = DataSet("Grid'5000", "hot set rewritten as stated", "plans", GRID_PATH, _grid("plan", STATED))
OPENSTACK = DataSet("OpenStack", "", "iterations", OPENSTACK_PATH, _openstack("iteration"))
JUDGED = (GRID_STEADY, GRID_STATED, OPENSTACK)
"""What is judged, each with the one split that counts."""
CHECKS = (
    DataSet("Grid'5000", "steady writes only", "VMs", GRID_PATH, _grid("vm", STEADY)),
    DataSet("OpenStack", "", "VMs", OPENSTACK_PATH, _openstack("vm")),
)
"""The same with halves of another kind, to see how much the split matters."""
