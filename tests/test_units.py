"""Quantities are read as the contract says, refused with a mend where they have two readings, and written back."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from planner.units import (
    MAX_DURATION_S,
    MAX_RATE_BYTES_PER_S,
    MAX_SIZE_BYTES,
    Duration,
    Rate,
    Size,
    UnitError,
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("8 GiB", 8 * 2**30),
        ("8GiB", 8 * 2**30),
        (" 8  GiB ", 8 * 2**30),
        ("8\u00a0GiB", 8 * 2**30),
        ("40 GB", 40 * 10**9),
        ("1.5 MiB", 3 * 2**19),
        (".5 GB", 5 * 10**8),
        ("1e3 MB", 10**9),
        ("1_000 MB", 10**9),
        ("8 kB", 8000),
        ("8 KB", 8000),
        ("8 KiB", 8192),
        ("8 kiB", 8192),
        ("2 TB", 2 * 10**12),
        ("1 PiB", 2**50),
        ("0 B", 0),
        ("12", 12),
        ("12 bytes", 12),
        ("0.4 B", 0),
        (12, 12),
        (11.6, 12),
        (2**53 + 1, 2**53 + 1),
        (2**60, 2**60),
    ],
)
def test_sizes(text: object, size_bytes: int) -> None:
    found = parse_size(text)
    assert found == size_bytes
    assert type(found) is int


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10 Gbit/s", 1.25e9),
        ("10 Gbps", 1.25e9),
        ("10 Gbits/s", 1.25e9),
        ("1 Gb/s", 1.25e8),
        ("30 MB/s", 3e7),
        ("30 MBps", 3e7),
        ("128 MiB/s", 128 * 2**20),
        ("1 Gibit/s", 2**27),
        ("8 bit/s", 1.0),
        ("56 kbit/s", 7000.0),
        ("0 MB/s", 0.0),
        ("0", 0.0),
        (12.5, 12.5),
        (12, 12.0),
    ],
)
def test_rates(text: object, rate: float) -> None:
    found = parse_rate(text)
    assert found == rate
    assert type(found) is float


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 min", 5400.0),
        ("1h30m", 5400.0),
        ("1 h 30 min", 5400.0),
        ("1.5 hours", 5400.0),
        ("1 day", 86400.0),
        ("45s", 45.0),
        ("300 ms", 0.3),
        ("2min 5s 500ms", 125.5),
        ("2 Min", 120.0),
        ("5 m", 300.0),
        ("1e3 s", 1000.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("90", 90.0),
        ("0", 0.0),
        (90, 90.0),
        (0.5, 0.5),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    found = parse_duration(text)
    assert found == pytest.approx(seconds, rel=1e-15)
    assert type(found) is float


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("8 G", ("8 GB", "8 GiB")),
        ("8 M", ("8 MB", "8 MiB")),
        ("8 k", ("8 kB", "8 kiB")),
        ("8 Gb", ("8 GB", "1 GB")),
        ("8 Gbit", ("8 GB", "1 GB")),
        ("8 Gib", ("8 GiB", "1 GiB")),
        ("8 kib", ("8 KiB", "1 KiB")),
        ("8 gb", ("GB", "Gbit")),
        ("8 gib", ("GiB", "Gibit")),
        ("8 Gi", ("8 GiB",)),
    ],
)
def test_a_size_with_two_readings_is_refused_and_both_are_named(text: str, readings: tuple[str, ...]) -> None:
    with pytest.raises(UnitError) as refused:
        parse_size(text)
    for reading in readings:
        assert reading in str(refused.value)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("10 G", ("10 Gbit/s", "10 GB/s")),
        ("10 M/s", ("10 Mbit/s", "10 MB/s")),
        ("10 mb/s", ("MB/s", "Mbit/s")),
        ("10 gbps", ("GB/s", "Gbit/s")),
        ("10 Gbit", ("10 Gbit/s",)),
        ("10 GB", ("10 GB/s",)),
        ("10 mbit/s", ("10 Mbit/s",)),
        ("10 KBIT/s", ("10 kbit/s",)),
        ("10 kibit/S", ("10 Kibit/s",)),
    ],
)
def test_a_rate_with_two_readings_is_refused_and_both_are_named(text: str, readings: tuple[str, ...]) -> None:
    with pytest.raises(UnitError) as refused:
        parse_rate(text)
    for reading in readings:
        assert reading in str(refused.value)


@pytest.mark.parametrize("text", ["5 M", "5 MS", "5 Ms"])
def test_a_duration_in_capital_m_may_be_minutes_or_milliseconds(text: str) -> None:
    with pytest.raises(UnitError, match=r"write 5 min or 5 ms"):
        parse_duration(text)


NO_QUANTITIES: list[object] = [
    "",
    " ",
    "abc",
    "GiB",
    "-1",
    "-5 s",
    "-1 GB",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e400 s",
    "1,5 GB",
    "1,5 h",
    "1..5 s",
    "0x10",
    "8 GB GB",
    "5 s 5",
    "1:30",
    "10 parsec",
    "9" * 300,
    "8 GB" + " " * 300 + "junk",
    "1 s" + " " * 300 + "junk",
    "1\x00",
    float("nan"),
    float("inf"),
    -1,
    -0.5,
    10**400,
    True,
    False,
    None,
    [1],
    {"GB": 1},
    b"1",
]


@pytest.mark.parametrize("value", NO_QUANTITIES, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("parse", [parse_size, parse_rate, parse_duration])
def test_what_is_no_quantity_is_refused_with_a_mend(parse: Callable[[object], float], value: object) -> None:
    with pytest.raises(UnitError) as refused:
        parse(value)
    message = str(refused.value)
    assert any(mend in message for mend in ("write", "check its unit"))
    assert len(message) < 600


@pytest.mark.parametrize(("parse", "text"), [(parse_size, "1 MB/s"), (parse_rate, "1 MB/h"), (parse_duration, "1 MB")])
def test_a_quantity_of_another_kind_is_refused(parse: Callable[[object], float], text: str) -> None:
    with pytest.raises(UnitError):
        parse(text)


@pytest.mark.parametrize(
    ("parse", "largest"),
    [(parse_size, MAX_SIZE_BYTES), (parse_rate, MAX_RATE_BYTES_PER_S), (parse_duration, MAX_DURATION_S)],
)
def test_what_is_implausibly_large_is_refused(parse: Callable[[object], float], largest: float) -> None:
    assert parse(largest) == largest
    with pytest.raises(UnitError, match="implausibly large; check its unit"):
        parse(largest * 1.01)


@given(st.text(max_size=30) | st.from_regex(r"[0-9.eE+_-]{0,6} ?[a-zA-Z/µ]{0,6}", fullmatch=True))
@example("1e5e5 s")
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_size, parse_rate, parse_duration):
        try:
            found = parse(text)
        except UnitError:
            continue
        assert math.isfinite(found)
        assert found >= 0


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (2**20 - 1, "1 MiB"),
        (64 * 2**30, "64 GiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (1000 * 2**30, "1000 GiB"),
        (10**9, "954 MiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_sizes_for_people(size_bytes: float, text: str) -> None:
    assert format_size(size_bytes) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0, "0 bit/s"),
        (1.25e9, "10 Gbit/s"),
        (1.2e8, "960 Mbit/s"),
        (124.96e6, "1 Gbit/s"),
        (3e6, "24 Mbit/s"),
        (1.24e9, "9.92 Gbit/s"),
        (125.0, "1 kbit/s"),
    ],
)
def test_rates_for_people(rate: float, text: str) -> None:
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1e-9, "<0.001 ms"),
        (0.0005, "0.5 ms"),
        (0.3, "300 ms"),
        (0.9996, "1 s"),
        (4.2, "4.2 s"),
        (59.96, "60 s"),
        (99.96, "1 min 40 s"),
        (725, "12 min 05 s"),
        (3599.6, "1 h 00 min 00 s"),
        (5400, "1 h 30 min 00 s"),
        (86400, "24 h 00 min 00 s"),
        (-90, "-90 s"),
        (-0.3, "-300 ms"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, MAX_SIZE_BYTES))
def test_a_written_size_reads_the_same_to_three_digits(size_bytes: int) -> None:
    assert parse_size(format_size(size_bytes)) == pytest.approx(size_bytes, rel=0.0051, abs=0.5)


@given(st.floats(1, MAX_RATE_BYTES_PER_S))
def test_a_written_rate_reads_the_same_to_three_digits(rate: float) -> None:
    assert parse_rate(format_rate(rate)) == pytest.approx(rate, rel=0.0051)


@given(st.floats(1e-6, MAX_DURATION_S))
def test_a_written_duration_reads_the_same_to_three_digits(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=0.0051)


class Machine(BaseModel):
    memory: Size
    rate: Rate
    window: Duration


def test_the_pydantic_types_read_units_and_refuse_with_the_mend() -> None:
    machine = Machine.model_validate({"memory": "8 GiB", "rate": "1 Gbit/s", "window": "1h"})
    assert machine == Machine(memory=8 * 2**30, rate=1.25e8, window=3600.0)
    assert Machine.model_validate_json(machine.model_dump_json()) == machine
    with pytest.raises(ValidationError, match="write 8 GB or 8 GiB"):
        Machine.model_validate({"memory": "8 G", "rate": 1, "window": 1})
    assert Machine.model_json_schema()["properties"]["memory"]["examples"] == ["8 GiB", "40 GB"]
