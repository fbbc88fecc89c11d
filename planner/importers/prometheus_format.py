"""Answers of Prometheus' HTTP API (JSON): time series, checked, with places for what is wrong."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from planner.errors import InputError, Problem
from planner.inventory.places import Document, Path, clip, limited
from planner.inventory.read_json import read_json

MOST_POINTS = 5_000_000
"""Most samples of one answer [count]."""
LATEST_S = 32_503_680_000.0
"""Time after which no sample can be: the year 3000 [s since 1970]."""
LONGEST_LABEL = 4096
LARGEST = 1e21
"""Largest value read; an EiB in bytes, and any counter, is less."""
_HINT = "check that it is what /api/v1/query_range answers"


@dataclass
class Series:
    """A time series.

    Parameters
    ----------
    labels
        Its labels, with ``__name__`` where the query has kept it.
    times
        When its samples were taken, in order [s since 1970].
    values
        The samples, all finite.
    unread
        Samples that are NaN or infinite, and were left out [count].
    """

    labels: Mapping[str, str]
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    unread: int = 0


@dataclass(frozen=True)
class Answer:
    """What Prometheus answered.

    Parameters
    ----------
    series
        The time series.
    warnings
        What it warns of.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...] = ()


def read_answer(text: str, file: str) -> Answer:
    """Read what /api/v1/query_range has answered.

    Parameters
    ----------
    text
        The JSON.
    file
        Where it is from, for the places of problems.

    Raises
    ------
    InputError
        If it is no such answer, or Prometheus says that it could not answer: all problems with their places.
    """
    document = read_json(text, file, "an answer of Prometheus", _HINT)
    _check_status(document)
    data = document.data.get("data")
    kind = data.get("resultType") if isinstance(data, dict) else None
    result = data.get("result") if isinstance(data, dict) else None
    if kind not in ("matrix", "vector") or not isinstance(result, list):
        got = f"a result of the type {clip(str(kind))}" if isinstance(kind, str) else "no result"
        message = f"{got}, where a matrix of time series is expected"
        mend = "save the answer to a range query (/api/v1/query_range) that gives time series"
        raise InputError.single("not-a-matrix", message, mend, document.place(("data", "resultType")))
    problems = list(document.problems)
    reader = _Reader(document, problems)
    series = tuple(reader.series(result, "values" if kind == "matrix" else "value"))
    if problems:
        raise InputError(limited(problems))
    given = document.data.get("warnings")
    warnings = [clip(one, 200) for one in given if isinstance(one, str)] if isinstance(given, list) else []
    return Answer(series, tuple(warnings))


def _check_status(document: Document) -> None:
    status = document.data.get("status")
    if status == "success":
        return
    if status == "error":
        kind, message = (str(document.data.get(key, "")) for key in ("errorType", "error"))
        text = f"Prometheus could not answer: {clip(kind)}: {clip(message, 300)}"
        mend = "correct the query or the times, or ask for less at once (--step)"
        raise InputError.single("prometheus-error", text, mend, document.place(("error",)))
    message = "this is no answer of Prometheus: it has no status"
    raise InputError.single("not-prometheus", message, _HINT, document.place(()))


class _Reader:
    """Reads time series and collects what is wrong with them."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self._document, self._problems = document, problems
        self._points = 0

    def series(self, result: list[Any], key: str) -> Iterator[Series]:
        for index, entry in enumerate(result):
            path: Path = ("data", "result", index)
            if not isinstance(entry, dict):
                self._note("not-a-series", "this is no time series", path)
                continue
            if "histogram" in entry or "histograms" in entry:
                self._note(
                    "histogram", "this is a histogram, where numbers are expected", path, "ask for another query"
                )
                continue
            labels = entry.get("metric")
            if not isinstance(labels, dict) or not all(
                isinstance(value, str) and len(value) <= LONGEST_LABEL for value in labels.values()
            ):
                self._note("bad-labels", "the labels are no names with text", (*path, "metric"))
                continue
            points = entry.get(key)
            points = [points] if key == "value" else points
            if not isinstance(points, list):
                self._note("no-samples", "this series has no list of samples", path)
                continue
            self._points += len(points)
            if self._points > MOST_POINTS:
                message = f"more than {MOST_POINTS:,} samples at once"
                mend = "ask for less at once: a longer --step, or fewer VMs (--match)"
                raise InputError.single("too-many", message, mend, self._document.place(path))
            found = Series(labels)
            if self._fill(found, points, (*path, key)):
                yield found

    def _fill(self, series: Series, points: list[Any], path: Path) -> bool:
        """Read samples into a series; return whether all could be."""
        last = 0.0
        for index, point in enumerate(points):
            value = _sample(point)
            if value is None:
                message = "a sample is a time and a number in quotes"
                self._note("bad-sample", f"{message}, got {clip(repr(point))}", (*path, index))
                return False
            at, number = value
            if not last < at <= LATEST_S:
                self._note("bad-time", "the times of samples are not in order, or no times", (*path, index))
                return False
            last = at
            if not math.isfinite(number):
                series.unread += 1
            elif abs(number) > LARGEST:
                mend = "correct the unit of the query"
                self._note("out-of-range", f"{number:g} is implausibly large", (*path, index), mend)
                return False
            else:
                series.times.append(at)
                series.values.append(number)
        return True

    def _note(self, code: str, message: str, path: Path, mend: str = _HINT) -> None:
        self._problems.append(Problem(code, message, mend, self._document.place(path)))


def _sample(point: Any) -> tuple[float, float] | None:
    """Return time and value of a sample, or None where it is none."""
    if not isinstance(point, list) or len(point) != 2:
        return None
    at, text = point
    if isinstance(at, bool) or not isinstance(at, int | float) or not isinstance(text, str) or len(text) > 64:
        return None
    try:
        return float(at), float(text)
    except (ValueError, OverflowError):
        return None
