"""The columns of a log of migrations: what each holds, and the units that its name may end with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from planner.errors import InputError, Place, Problem
from planner.units import parse_duration, parse_rate, parse_size

Kind = Literal["size", "rate", "duration", "number", "text"]

_BITS = {f"{prefix.lower()}bit_s": f"{prefix}bit/s" for prefix in ("", "k", "M", "G")}
_BYTES = {f"{prefix.lower()}b": f"{prefix}B" for prefix in ("k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti")}
SUFFIXES: Mapping[Kind, Mapping[str, str]] = {
    "size": {"bytes": "bytes", **_BYTES},
    "rate": {"bytes_s": "bytes/s", **_BITS, **{f"{suffix}_s": f"{unit}/s" for suffix, unit in _BYTES.items()}},
    "duration": {"ms": "ms", "s": "s", "min": "min", "h": "h"},
    "number": {},
    "text": {},
}
"""Endings of column names, and the units that they stand for: ``memory_mib``, ``bandwidth_gbit_s``, ``duration_s``."""

PARSERS: Mapping[Kind, Callable[[object], float]] = {
    "size": parse_size,
    "rate": parse_rate,
    "duration": parse_duration,
}
"""What reads a quantity, as inventories write it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a log may have.

    Parameters
    ----------
    name
        Its name, without a unit.
    kind
        What it holds.
    meaning
        For the documentation.
    of_vm
        Whether it is a field of a VM in an inventory, under the same name.
    required
        Whether there is no calibration without it.
    """

    name: str
    kind: Kind
    meaning: str
    of_vm: bool = False
    required: bool = False


COLUMNS = (
    Column("memory", "size", "Memory of the VM.", of_vm=True, required=True),
    Column("bandwidth", "rate", "Nominal bandwidth of the path, or what the migration was limited to.", required=True),
    Column("duration", "duration", "How long the migration took, from its start to its end.", required=True),
    Column("approach", "text", "cold, precopy, postcopy or hybrid; precopy where absent."),
    Column("class", "text", "A name for migrations that are alike: a tunnel, a rack. By bandwidth where absent."),
    Column("vm", "text", "The VM's name: tells repeats, and finds the VM in the inventory."),
    Column("source", "text", "Where it was: tells repeats."),
    Column("target", "text", "Where it went: tells repeats."),
    Column("group", "text", "What belongs together, such as a day: a group is fitted on or judged on, never both."),
    Column("nonzero_memory", "size", "Memory that is not zero.", of_vm=True),
    Column("disk", "size", "Disk that moved too.", of_vm=True),
    Column("disk_write_rate", "rate", "Rate at which it writes to that disk.", of_vm=True),
    Column("write_rate", "rate", "Rate at which it dirties its memory.", of_vm=True),
    Column("working_set", "size", "Memory that write_rate is spread over.", of_vm=True),
    Column("hot_memory", "size", "Pages that it dirties over and over.", of_vm=True),
    Column("hot_duration", "duration", "Time within which it dirties them once.", of_vm=True),
    Column("cold_write_rate", "rate", "Rate at which it dirties other pages.", of_vm=True),
    Column("read_rate", "rate", "Rate at which it reads its memory.", of_vm=True),
    Column("switch_point", "number", "Passes after which a hybrid switched."),
    Column("downtime", "duration", "Lost service: standing still, waiting for pages, and throttled."),
    Column("blackout", "duration", "The part of it in which the VM stood still."),
    Column("transferred", "size", "What went over the link."),
)
"""All columns; others are left unread, and named."""

_BY_NAME = {column.name: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a file: where it stands, what it holds, and the unit in its name, if any."""

    index: int
    column: Column
    unit: str | None


def read_headings(names: Sequence[str], file: str) -> tuple[dict[str, Heading], tuple[str, ...]]:
    """Return the known columns of a header line by their names without units, and the names of the others.

    Raises
    ------
    InputError
        If one is there twice, or a required one is not there.
    """
    found: dict[str, Heading] = {}
    unread: list[str] = []
    problems: list[Problem] = []
    for index, given in enumerate(names):
        name = given.strip().lower()
        heading = _heading(index, name)
        if heading is None:
            unread.append(given.strip())
        elif heading.column.name in found:
            message = f"there are two columns for {heading.column.name}"
            problems.append(Problem("duplicate-column", message, "keep one of them", Place(file, 1, given.strip())))
        else:
            found[heading.column.name] = heading
    for column in COLUMNS:
        if column.required and column.name not in found:
            endings = ", ".join(f"{column.name}_{suffix}" for suffix in list(SUFFIXES[column.kind])[:3])
            mend = f"add it as {column.name} with units in the values, or with one in its name, such as {endings}"
            problems.append(Problem("missing-column", f"there is no column {column.name}", mend, Place(file, 1)))
    if problems:
        raise InputError(problems)
    return found, tuple(unread)


def _heading(index: int, name: str) -> Heading | None:
    if name in _BY_NAME:
        return Heading(index, _BY_NAME[name], None)
    for column in COLUMNS:
        unit = SUFFIXES[column.kind].get(name.removeprefix(f"{column.name}_"))
        if unit is not None and name.startswith(f"{column.name}_"):
            return Heading(index, column, unit)
    return None
