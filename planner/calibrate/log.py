"""A log of past migrations: CSV with a header line, all that is wrong with it told at once."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from planner.calibrate.columns import PARSERS, Heading, read_headings
from planner.errors import InputError, Place, Problem
from planner.files import read_text
from planner.inventory.checks.quantities import LEAST_BANDWIDTH_BYTES_PER_S, believed
from planner.inventory.models import VM, Approach, Inventory
from planner.units import UnitError

LEAST_ROWS = 8
"""Fewest migrations that anything is fitted on [count]."""
MOST_ROWS = 200_000
"""Most migrations that are read [count]."""
MOST_SWITCH_POINT = 100
"""Most passes before a switch [count]."""
_LEAST = {"bandwidth": LEAST_BANDWIDTH_BYTES_PER_S, "duration": 1e-3}
_BASE_UNITS = {"bandwidth": "bytes/s", "duration": "s"}
MOST_PROBLEMS = 1000
"""Problems after which reading stops [count]."""
_WRITES = frozenset({"write_rate", "working_set", "dirty_sets", "dirty_vector", "hot_memory", "hot_duration"}) | {
    "cold_write_rate"
}
"""What says how a VM writes its memory; where a log says anything of it, the inventory's word does not count."""
_COUNTS = _WRITES | {"memory", "nonzero_memory", "disk", "disk_write_rate", "read_rate"}
"""What of a VM counts here."""
_VM = {"name": "vm", "host": "host", "vcpus": 1, "read_rate": 0.0, "write_rate": 0.0}


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration that took place.

    Parameters
    ----------
    line
        Its line in the file, 1-based.
    vm
        What is known of the VM; name and host say nothing.
    approach, switch_point
        How it moved; for a hybrid the passes before the switch, or None.
    rate_bytes_per_s
        Nominal bandwidth [bytes/s].
    duration_s
        How long it took [s].
    downtime_s, blackout_s, transferred_bytes
        Lost service [s], its part in which the VM stood still [s], bytes on the link; None where not measured.
    link_class
        The name of its class, or None.
    group
        What it belongs to, or None.
    identity
        VM, source and target by name: two migrations that are equal but for what was measured are repeats.
    """

    line: int
    vm: VM
    approach: Approach
    switch_point: float | None
    rate_bytes_per_s: float
    duration_s: float
    downtime_s: float | None
    blackout_s: float | None
    transferred_bytes: float | None
    link_class: str | None
    group: str | None
    identity: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """Migrations of a file, and the columns of it that were left unread."""

    file: str
    migrations: tuple[Migration, ...]
    unread: tuple[str, ...] = ()


def read_log(path: str, inventory: Inventory | None = None) -> Log:
    """Read a log.

    Parameters
    ----------
    path
        A CSV file; its columns are `planner.calibrate.columns.COLUMNS`.
    inventory
        Where VMs that the log names are looked up for what the log does not say.

    Raises
    ------
    InputError
        If it is no such log: all problems, each with its line.
    """
    return parse_log(read_text(path), path, inventory)


def parse_log(text: str, file: str, inventory: Inventory | None = None) -> Log:
    """Read the text of a log; see `read_log`."""
    rows = _rows(text, file)
    _, header = next(rows, (1, []))
    if not any(cell.strip() for cell in header):
        raise InputError.single("no-header", "the file has no header line", "give the columns' names", Place(file, 1))
    headings, unread = read_headings(header, file)
    known = {} if inventory is None else {vm.name: vm for vm in inventory.vms}
    found: list[Migration] = []
    problems: list[Problem] = []
    for line, cells in rows:
        if len(problems) >= MOST_PROBLEMS or len(found) > MOST_ROWS:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            message = f"the line has {len(cells)} cells, and there are {len(header)} columns"
            problems.append(Problem("wrong-length", message, "give each column one value", Place(file, line)))
            continue
        try:
            found.append(_Row(file, line, headings, cells, known).migration())
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if len(found) > MOST_ROWS:
        message = f"there are more than {MOST_ROWS:,} migrations"
        raise InputError.single("too-many-rows", message, "take the latest of them", Place(file))
    if len(found) < LEAST_ROWS:
        message = f"there are {len(found)} migrations, and a calibration needs {LEAST_ROWS} at least"
        raise InputError.single("too-few-rows", message, "log more migrations", Place(file))
    return Log(file, tuple(found), unread)


def _rows(text: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines' numbers and cells."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        place = Place(file, reader.line_num)
        raise InputError.single("not-csv", f"this is no CSV: {error}", "separate cells by commas", place) from None


class _Row:
    """One line: reads its cells, and keeps what is wrong with them."""

    def __init__(
        self, file: str, line: int, headings: Mapping[str, Heading], cells: list[str], known: Mapping[str, VM]
    ) -> None:
        self.file, self.line, self.headings, self.cells, self.known = file, line, headings, cells, known
        self.problems: list[Problem] = []

    def migration(self) -> Migration:
        """Return the migration, or raise InputError with all that is wrong."""
        rate, duration = self._above_zero("bandwidth"), self._above_zero("duration")
        approach = self._approach()
        vm = self._vm()
        switch = self._value("switch_point")
        if switch is not None and switch > MOST_SWITCH_POINT:
            message = f"no migration has more than {MOST_SWITCH_POINT} passes before a switch"
            self._problem("wrong-value", message, "give passes, not seconds or bytes", "switch_point")
        downtime, blackout, transferred = (self._value(name) for name in ("downtime", "blackout", "transferred"))
        for name, value in (("downtime", downtime), ("blackout", blackout)):
            if value is not None and duration is not None and value > duration * (1 + 1e-9) + 0.05:
                self._problem("longer-than-migration", f"the {name} is longer than the migration", "correct one", name)
        if self.problems or vm is None or approach is None or rate is None or duration is None:
            raise InputError(self.problems)
        return Migration(
            self.line,
            vm,
            approach,
            switch,
            rate,
            duration,
            downtime,
            blackout,
            transferred,
            self._text("class") or None,
            self._text("group") or None,
            tuple(self._text(name) for name in ("vm", "source", "target")),
        )

    def _vm(self) -> VM | None:
        own: dict[str, Any] = {}
        for name, heading in self.headings.items():
            if heading.column.of_vm:
                value = self._value(name)
                if value is not None:
                    own[name] = value
        base = self.known.get(self._text("vm"))
        if base is None and own.get("memory") is None and not self.problems:
            self._problem("missing-value", "the memory is not given", "give it, such as 8 GiB", "memory")
        if self.problems:
            return None
        facts = {} if base is None else base.model_dump(exclude_unset=True, include=set(_COUNTS))
        if not _WRITES.isdisjoint(own):
            facts = {name: value for name, value in facts.items() if name not in _WRITES}
        facts.update(own)
        if facts.get("hot_memory") and facts.get("hot_duration") and "write_rate" not in own:
            # What models say of it that know one rate only.
            cold = facts.setdefault("cold_write_rate", 0.0)
            facts["write_rate"] = facts["hot_memory"] / facts["hot_duration"] + cold
        try:
            vm = VM.model_validate({**_VM, **facts})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            self._problem("wrong-value", f"no VM can have this {field}: {first['msg']}", "correct the value", field)
            return None
        if not believed(vm.memory) or not believed(vm.disk):
            message = f"memory of {vm.memory} bytes, or disk of {vm.disk} bytes, is less than 1 MiB"
            self._problem("implausibly-small", message, "write its unit: a bare number is bytes", "memory")
        for name in ("nonzero_memory", "working_set", "hot_memory"):
            if (getattr(vm, name) or 0) > vm.memory:
                self._problem("larger-than-memory", f"{name} is larger than memory", "give a part of the memory", name)
        if vm.hot_memory and vm.hot_duration is None:
            message = "hot_memory is given without the time within which it is dirtied"
            self._problem("hot-memory-without-duration", message, "give hot_duration, such as 2 s", "hot_memory")
        if vm.working_set is not None and vm.hot_memory:
            message = "working_set and hot_memory are both given"
            self._problem("two-ways-of-dirtying", message, "keep what was measured", "working_set")
        return vm

    def _approach(self) -> Approach | None:
        text = self._text("approach").lower().replace("-", "") or "precopy"
        if text not in list(Approach):
            message, mend = f"{text[:60]!r} is no approach", f"write one of {', '.join(Approach)}"
            self._problem("wrong-value", message, mend, "approach")
            return None
        return Approach(text)

    def _above_zero(self, name: str) -> float | None:
        """Return a required quantity above 0."""
        count = len(self.problems)
        value = self._value(name)
        if value is None and len(self.problems) == count:
            self._problem("missing-value", f"the {name} is not given", "give it, or leave the line out", name)
        elif value == 0:
            self._problem("not-positive", f"the {name} is 0", "give what it was, or leave the line out", name)
            return None
        elif value is not None and value < _LEAST[name]:
            message = f"the {name} is implausibly small: {value:.3g} {_BASE_UNITS[name]}"
            self._problem("implausibly-small", message, "write its unit, or correct it", name)
            return None
        return value

    def _text(self, name: str) -> str:
        heading = self.headings.get(name)
        return "" if heading is None else self.cells[heading.index].strip()

    def _value(self, name: str) -> float | None:
        """Return a quantity in base units; None where there is none or it cannot be read."""
        heading = self.headings.get(name)
        text = self._text(name)
        if heading is None or not text:
            return None
        try:
            return _quantity(heading, text)
        except UnitError as error:
            message, _, mend = str(error).rpartition("; ")
            self._problem("wrong-value", message or mend, mend, self.headings[name].column.name)
            return None

    def _problem(self, code: str, message: str, mend: str, column: str) -> None:
        self.problems.append(Problem(code, message, mend, Place(self.file, self.line, column)))


def _quantity(heading: Heading, text: str) -> float:
    kind = heading.column.kind
    if kind != "number" and heading.unit is None:
        return PARSERS[kind](text)
    try:
        number = float(text)
    except ValueError:
        unit = f" of {heading.unit}" if heading.unit else ""
        raise UnitError(f"a number{unit} expected, got {text[:60]!r}; write digits only, as in 34.5") from None
    if not math.isfinite(number) or number < 0:
        raise UnitError(f"a finite number of 0 or more expected, got {text[:60]!r}; correct it, or leave it empty")
    return number if heading.unit is None else PARSERS[kind](f"{number!r} {heading.unit}")
