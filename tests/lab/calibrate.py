"""What the fit part of a benchmark says of a link: the rate it carries pages at, what is fixed, what a fault costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tests.lab.grid import Part
from tests.lab.guest import PAGE_BYTES
from tests.lab.migrate import Approach
from tests.lab.records import Record


@dataclass(frozen=True)
class Link:
    """A link as its own migrations show it.

    Parameters
    ----------
    effective_rate
        Bytes of memory, with each page's address, that it carries a second.
    fixed_s
        What a migration takes beside its bytes [s].
    fault_latency_s
        How long a fault waits [s]; None where no fitted run had faults.
    """

    effective_rate: float
    fixed_s: float
    fault_latency_s: float | None


def calibrate(records: Iterable[Record]) -> dict[float, Link]:
    """Fit each link, by its nominal rate [bytes/s], on the undisturbed records of the fit part.

    Rate and fixed time are a line through what was sent and how long it took, by the median of the slopes between all
    pairs of records (Theil and Sen), so that a disturbed one has no say. The latency is the one with which readers
    that do not read while they wait lose what was lost in post-copy: T (1 - ln(1 + a)/a), a = L times pages a second;
    of it too the median.
    """
    by_link = defaultdict(list)
    for record in records:
        if record.part is Part.FIT and not record.disturbed:
            by_link[record.given.link_rate].append(record)
    return {rate: _fit(of_link) for rate, of_link in sorted(by_link.items())}


def _fit(records: list[Record]) -> Link:
    sent = np.array([record.seen.wire_bytes for record in records], dtype=float)
    took = np.array([record.seen.total_s for record in records])
    one, other = np.triu_indices(len(records), k=1)
    apart = np.abs(sent[one] - sent[other]) > sent.max() / 10
    per_byte = np.median((took[one] - took[other])[apart] / (sent[one] - sent[other])[apart])
    fixed_s = np.median(took - per_byte * sent)
    latencies = [
        waiting_rate(record.seen.lost_s / record.seen.total_s) * PAGE_BYTES / record.given.read_rate
        for record in records
        if record.given.approach is Approach.POST_COPY and record.given.read_rate
    ]
    return Link(1 / float(per_byte), float(fixed_s), float(np.median(latencies)) if latencies else None)


def waiting_rate(lost_share: float) -> float:
    """The a with which 1 - ln(1 + a)/a is this share of the time, by bisection.

    Raises
    ------
    ValueError
        If the share is not within [0, 1).
    """
    if not 0 <= lost_share < 1:
        raise ValueError(f"{lost_share} is no share of lost service")
    low, high = 0.0, 1.0
    while 1 - math.log1p(high) / high < lost_share:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if middle and 1 - math.log1p(middle) / middle < lost_share:
            low = middle
        else:
            high = middle
    return high
