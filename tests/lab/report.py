"""What was measured beside what is predicted, as Markdown: calibration, a table of the cells, and errors by part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean, stdev

from tests.lab.calibrate import Link
from tests.lab.grid import MIB, Part
from tests.lab.migrate import Seen
from tests.lab.predictions import Expected, predicted
from tests.lab.records import Given, Record

WORTH_S = 0.2
"""Lost service below this is within what the guest's ticks and QEMU's steps of 50 ms blur; no ratio is taken of it."""


@dataclass(frozen=True)
class Measured:
    """The undisturbed measurements of a cell and its prediction.

    Parameters
    ----------
    cell, part, given
        What was asked.
    seen
        The measurements; none is empty.
    expected
        What is predicted.
    """

    cell: str
    part: Part
    given: Given
    seen: tuple[Seen, ...]
    expected: Expected

    def mean(self, what: str) -> float:
        """The mean of a field of `Seen`."""
        return fmean(getattr(one, what) for one in self.seen)

    def error(self, what: str) -> float | None:
        """Predicted over measured mean, less 1; None where it did not complete or nothing much was lost."""
        measured = self.mean(what)
        if any(one.status != "completed" for one in self.seen) or (what == "lost_s" and measured < WORTH_S):
            return None
        return float(getattr(self.expected, what)) / measured - 1

    def spread(self, what: str) -> float | None:
        """Standard deviation over mean of the repeats; None for fewer than two, or where the mean is 0."""
        mean = self.mean(what)
        return stdev(getattr(one, what) for one in self.seen) / mean if len(self.seen) > 1 and mean else None


def compare(records: Iterable[Record], links: dict[float, Link]) -> list[Measured]:
    """Group the undisturbed records of calibrated links by cell, each beside its prediction."""
    seen = defaultdict(list)
    for record in records:
        if not record.disturbed and record.given.link_rate in links:
            seen[record.cell].append(record)
    return [
        Measured(
            cell,
            of_cell[0].part,
            of_cell[0].given,
            tuple(record.seen for record in of_cell),
            predicted(of_cell[0].given, links[of_cell[0].given.link_rate]),
        )
        for cell, of_cell in seen.items()
    ]


def lines(records: list[Record], links: dict[float, Link], cells: list[Measured]) -> Iterator[str]:
    """The report on what `compare` found with calibrated links, line by line."""
    yield "| link MiB/s | carries MiB/s | fixed s | a fault waits ms |"
    yield "|-|-|-|-|"
    for rate, link in links.items():
        latency = "" if link.fault_latency_s is None else f"{link.fault_latency_s * 1e3:.2f}"
        yield f"| {rate / MIB:g} | {link.effective_rate / MIB:.2f} | {link.fixed_s:.3f} | {latency} |"
    yield ""
    yield "Measured / predicted; ± is the standard deviation of repeats."
    yield ""
    yield "| cell | part | time s | sent MiB | pause s | lost s |"
    yield "|-|-|-|-|-|-|"
    for one in cells:
        status = {seen.status for seen in one.seen} - {"completed"}
        figures = [_pair(one, "total_s"), _pair(one, "wire_bytes"), _pair(one, "blackout_s"), _pair(one, "lost_s")]
        yield f"| {one.cell} | {one.part} | {' | '.join(figures if not status else [*status, '', '', ''])} |"
    yield ""
    yield "| part | of what | cells | mean error | largest | repeats differ by |"
    yield "|-|-|-|-|-|-|"
    for part in Part:
        for what, name in (("total_s", "time"), ("wire_bytes", "bytes"), ("lost_s", "lost service")):
            own = [one for one in cells if one.part is part]
            errors = [abs(error) for one in own if (error := one.error(what)) is not None]
            spreads = [spread for one in own if (spread := one.spread(what)) is not None]
            if errors:
                differ = f"{fmean(spreads):.1%}" if spreads else ""
                yield f"| {part} | {name} | {len(errors)} | {fmean(errors):.1%} | {max(errors):.1%} | {differ} |"
    yield ""
    yield f"{sum(record.disturbed for record in records)} of {len(records)} measurements were disturbed and left out."


def _pair(one: Measured, what: str) -> str:
    unit, digits = (MIB, 1) if what == "wire_bytes" else (1, 2)
    text = f"{one.mean(what) / unit:.{digits}f}"
    if (spread := one.spread(what)) is not None:
        text += f" ± {spread * one.mean(what) / unit:.{digits}f}"
    return f"{text} / {getattr(one.expected, what) / unit:.{digits}f}"
