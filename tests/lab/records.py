"""A measured migration with all that a model needs to predict it, as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.grid import Cell, Part
from tests.lab.guest import PAGE_BYTES, pages
from tests.lab.migrate import Approach, Seen, Task
from tests.lab.network import TCP_SHARE


@dataclass(frozen=True)
class Given:
    """What a model may know beforehand; sizes in bytes, rates in bytes/s, times in seconds.

    Parameters
    ----------
    approach
        How it moves.
    memory_bytes, nonzero_bytes
        Memory of the guest, and how much of it is not zero when the migration starts.
    zero_pages
        Pages that are.
    wire_bytes
        What one pass over all of it sends.
    link_rate
        What the link carries, headers and all.
    write_rate, read_rate
        Pages written and read a second times 4096 bytes; each access is of one page, drawn at random.
    write_set, read_set
        Bytes of the pages that are written and read.
    downtime_limit_s, auto_converge
        QEMU's settings.
    after_passes, at_share
        A hybrid's switch point, as it was asked for.
    """

    approach: Approach
    memory_bytes: int
    nonzero_bytes: int
    zero_pages: int
    wire_bytes: int
    link_rate: float
    write_rate: float
    write_set: int
    read_rate: float
    read_set: int
    downtime_limit_s: float
    auto_converge: bool
    after_passes: int | None
    at_share: float | None

    @classmethod
    def of(cls, task: Task) -> Given:
        """What is known of a migration that is to be done."""
        load, all_pages = task.load, pages(task.memory_mib)
        return cls(
            approach=task.approach,
            memory_bytes=task.memory_mib << 20,
            nonzero_bytes=task.full_pages * PAGE_BYTES,
            zero_pages=task.zero_pages,
            wire_bytes=task.wire_bytes,
            link_rate=task.link_rate,
            write_rate=float(load.write * PAGE_BYTES),
            write_set=(load.write_set or all_pages) * PAGE_BYTES,
            read_rate=float(load.read * PAGE_BYTES),
            read_set=(load.read_set or all_pages) * PAGE_BYTES,
            downtime_limit_s=task.downtime_limit_ms / 1e3,
            auto_converge=task.auto_converge,
            after_passes=task.after_passes,
            at_share=task.at_share,
        )


@dataclass(frozen=True)
class Record:
    """One measurement of a cell.

    Parameters
    ----------
    cell
        The cell's name.
    part
        Whether it may be fitted on.
    repeat
        Which measurement of this cell it is, from 0.
    disturbed
        Whether the machine was busy with something else, so that the measurement was made again; see `is_disturbed`.
    given, seen
        What was known, and what came of it.
    """

    cell: str
    part: Part
    repeat: int
    disturbed: bool
    given: Given
    seen: Seen

    @classmethod
    def of(cls, cell: Cell, repeat: int, seen: Seen) -> Record:
        """A measurement that has just been made."""
        return cls(cell.name, cell.part, repeat, is_disturbed(cell.task, seen), Given.of(cell.task), seen)


def is_disturbed(task: Task, seen: Seen) -> bool:
    """Whether something else than the migration slowed it.

    That is so if the guest missed beats before it, or lost service that neither the pause nor faults nor a throttle
    explain, or if much less went over the link than it carries.
    """
    unexplained = 0.0 if seen.throttle_percent else seen.unexplained_s
    return (
        abs(seen.idle_lost_share) > 0.03
        or unexplained > 0.05 + 0.02 * seen.total_s
        or seen.wire_bytes < 0.94 * TCP_SHARE * task.link_rate * seen.total_s
    )


def write(record: Record, path: Path) -> None:
    """Append a record to a file, whole and at once."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(record)) + "\n")


def read(path: Path) -> Iterator[Record]:
    """The records of a file, in order; none if it is not there."""
    if not path.exists():
        return
    for line in path.read_text("utf-8").splitlines():
        fields = json.loads(line)
        given = fields["given"]
        given["approach"] = Approach(given["approach"])
        fields |= {"part": Part(fields["part"]), "given": Given(**given), "seen": Seen(**fields["seen"])}
        yield Record(**fields)
