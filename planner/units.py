"""Sizes, rates and durations: parse, format, and the pydantic types that hold them.

Inside the program everything is in bytes, bytes/s and seconds. Text carries units, as in ``8 GiB``,
``10 Gbit/s`` or ``1h30m``; ``b`` is bit, ``B`` is byte, k/M/G/T are decimal, Ki/Mi/Gi/Ti are binary.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_PREFIX = {**_DECIMAL, **_BINARY}

_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.DOTALL)
_SIZE_UNIT = re.compile(r"([kKMGTP]i?|)(B|b|bit|bits|byte|bytes)")
_RATE_UNIT = re.compile(r"([kKMGTP]i?|)(B|b|bit|bits|byte|bytes)(?:/s|ps)")
_RECASED_RATE = re.compile(r"([kmgtp])(i?)(bits?|bytes?)(?:/s|ps)", re.IGNORECASE)
_DURATION_PART = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![eE][+-]?\d)\s*([a-zA-Zµμ]+)\s*")
_SECONDS = {
    "ms": 1e-3,
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
    "min": 60.0, "mins": 60.0, "m": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip

MAX_SIZE_BYTES = 2**60
"""Largest size accepted [bytes]: one EiB, beyond any host; more is a mistake in the unit."""
MAX_RATE_BYTES_PER_S = 1e15
"""Largest rate accepted [bytes/s]; more is a mistake in the unit."""
MAX_DURATION_S = 366 * 86400.0
"""Longest duration accepted [s]: a year; more is a mistake in the unit."""
MAX_TEXT = 200
"""Longest text that is read as a quantity [characters]."""


class UnitError(ValueError):
    """A quantity that cannot be read. The message ends with the mend."""


def _split(value: object, what: str, example: str) -> tuple[float, str]:
    """Return the number and the unit text of a quantity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UnitError(f"{what} expected, got {value!r}; write it as {example}")
    if isinstance(value, int | float):
        number, unit = _finite(value, what, example), ""
    else:
        match = _NUMBER.fullmatch(value) if len(value) <= MAX_TEXT else None
        if match is None:
            raise UnitError(f"{what} expected, got {value[:60]!r}; write it as {example}")
        if match[2].startswith(","):
            raise UnitError(f"the number in {value!r} has a comma; write it with a point, as in 1.5, or whole")
        number, unit = _finite(float(match[1].replace("_", "")), what, example), match[2]
    if number < 0:
        raise UnitError(f"{what} must not be negative, got {value!r}; write it as {example}")
    return number, unit


def _finite(number: float, what: str, example: str) -> float:
    try:
        result = float(number)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise UnitError(f"{what} must be a finite number, got {str(number)[:60]}; write it as {example}")
    return result


def _bounded(number: float, limit: float, value: object, what: str) -> float:
    if number > limit:
        raise UnitError(f"{what} {str(value)[:60]!r} is implausibly large; check its unit")
    return number


def parse_size(value: object) -> int:
    """Read a size.

    Parameters
    ----------
    value
        ``8 GiB``, ``40 GB``, or a bare number of bytes.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    UnitError
        If the text is no size, is negative or not finite, or its unit has two readings.
    """
    number, unit = _split(value, "a size", "8 GiB or 8 GB")
    if unit == "":
        exact = value if isinstance(value, int) else number  # a float holds whole numbers up to 2**53 only
        return round(_bounded(exact, MAX_SIZE_BYTES, value, "the size"))
    if unit in _PREFIX and unit not in _BINARY:
        raise UnitError(f"the unit of {value!r} is ambiguous: write {number:g} {unit}B or {number:g} {unit}iB")
    if unit in _BINARY:
        raise UnitError(f"the unit of {value!r} is incomplete; write {number:g} {unit}B")
    match = _SIZE_UNIT.fullmatch(unit)
    if match is None:
        reading = _case_readings(unit, "")
        raise UnitError(f"{unit!r} is no unit of size; write {reading or '8 GiB or 8 GB'}")
    if not match[2].startswith(("B", "byte")):
        big = match[1].replace("k", "K") if match[1].endswith("i") else match[1]
        raise UnitError(
            f"the unit of {value!r} is ambiguous: write {number:g} {big}B for bytes"
            f" or {number / 8:g} {big}B if {number:g} {big}bit was meant"
        )
    return round(_bounded(number * _prefix(match[1]), MAX_SIZE_BYTES, value, "the size"))


def parse_rate(value: object) -> float:
    """Read a rate.

    Parameters
    ----------
    value
        ``10 Gbit/s``, ``1 Gb/s``, ``30 MB/s``, ``128 MiB/s``, or a bare number of bytes/s.

    Returns
    -------
    float
        Bytes per second.

    Raises
    ------
    UnitError
        If the text is no rate, is negative or not finite, or its unit has two readings.
    """
    number, unit = _split(value, "a rate", "10 Gbit/s or 30 MB/s")
    if unit == "":
        return _bounded(number, MAX_RATE_BYTES_PER_S, value, "the rate")
    match = _RATE_UNIT.fullmatch(unit)
    if match is None:
        if _RATE_UNIT.fullmatch(f"{unit}/s"):
            raise UnitError(f"{value!r} is a size, not a rate; write {number:g} {unit}/s")
        recased = _RECASED_RATE.fullmatch(unit)
        if recased is not None:
            letter = "k" if recased[1] in "kK" and not recased[2] else recased[1].upper()
            right = f"{letter}{recased[2].lower()}{recased[3].lower()}/s"
            raise UnitError(f"{unit!r} is no unit of rate; write {number:g} {right}")
        prefix = unit.removesuffix("/s").removesuffix("ps")
        if prefix in _PREFIX and prefix:
            raise UnitError(
                f"the unit of {value!r} is ambiguous: write {number:g} {prefix}bit/s or {number:g} {prefix}B/s"
            )
        reading = _case_readings(prefix, "/s")
        raise UnitError(f"{unit!r} is no unit of rate; write {reading or '10 Gbit/s or 30 MB/s'}")
    bytes_each = 1.0 if match[2].startswith(("B", "byte")) else 0.125
    return _bounded(number * _prefix(match[1]) * bytes_each, MAX_RATE_BYTES_PER_S, value, "the rate")


def _prefix(prefix: str) -> int:
    return _PREFIX[prefix.replace("ki", "Ki") if prefix.endswith("i") else prefix]


def _case_readings(unit: str, per: str) -> str:
    """Return the two readings of a unit in the wrong case (``gb``), or nothing."""
    match = re.fullmatch(r"([kmgtp])(i?)b", unit, re.IGNORECASE)
    if match is None:
        return ""
    prefix = match[1].upper() + match[2].lower()
    return f"{prefix}B{per} for bytes or {prefix}bit{per} for bits: {unit!r} is ambiguous"


def parse_duration(value: object) -> float:
    """Read a duration.

    Parameters
    ----------
    value
        ``90 min``, ``1h30m``, ``45s``, ``300 ms``, or a bare number of seconds.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    UnitError
        If the text is no duration, is negative or not finite, or has an unknown unit.
    """
    example = "90 min, 1h30m or 300 ms"
    if not isinstance(value, str):
        number, _ = _split(value, "a duration", example)
        return _bounded(number, MAX_DURATION_S, value, "the duration")
    text = value.strip() if len(value) <= MAX_TEXT else ""
    position, total = 0, 0.0
    while position < len(text):
        match = _DURATION_PART.match(text, position)
        if match is None:
            break
        if match[2] in ("M", "Ms", "MS"):
            raise UnitError(f"the unit of {value!r} is ambiguous: write {match[1]} min or {match[1]} ms")
        seconds = _SECONDS.get(match[2].lower())
        if seconds is None:
            raise UnitError(f"{match[2]!r} is no unit of time; write the duration as {example}")
        total += float(match[1]) * seconds
        position = match.end()
    if position == 0 or position < len(text):
        number, unit = _split(value, "a duration", example)
        if unit:
            raise UnitError(f"a duration expected, got {value[:60]!r}; write it as {example}")
        total = number
    return _bounded(_finite(total, "a duration", example), MAX_DURATION_S, value, "the duration")


def format_size(size_bytes: float) -> str:
    """Write a size for people, in binary units: ``64 GiB``."""
    for suffix, factor in (("PiB", 2**50), ("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= factor * (1 - 0.5 / 1024):
            return f"{_three_digits(size_bytes / factor)} {suffix}"
    return f"{size_bytes:.0f} B"


def format_rate(rate_bytes_per_s: float) -> str:
    """Write a network rate for people, in bits: ``10 Gbit/s``."""
    bits = rate_bytes_per_s * 8
    for suffix, factor in (("Tbit/s", 1e12), ("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if bits >= factor * 0.9995:
            return f"{_three_digits(bits / factor)} {suffix}"
    return f"{_three_digits(bits)} bit/s"


def format_duration(seconds: float) -> str:
    """Write a duration for people: ``300 ms``, ``4.2 s``, ``12 min 05 s``, ``1 h 30 min 00 s``."""
    if seconds == 0:
        return "0 s"
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds < 1e-6:
        return "<0.001 ms"
    if seconds < 0.9995:
        return f"{_three_digits(seconds * 1000)} ms"
    if seconds < 99.95:
        return f"{_three_digits(seconds)} s"
    total = round(seconds)
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min {total % 60:02d} s"


def _three_digits(value: float) -> str:
    """Write a number to three significant digits without an exponent and without idle zeros."""
    if value >= 99.95:
        return f"{value:.0f}"
    text = f"{value:.2g}" if value < 0.995 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _schema(kind: str, examples: list[str]) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}],
            "description": kind,
            "examples": examples,
        }
    )


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    _schema("size; a bare number is bytes", ["8 GiB", "40 GB"]),
]
"""pydantic type of a size [bytes]."""

Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    _schema("rate; a bare number is bytes/s", ["10 Gbit/s", "30 MB/s", "128 MiB/s"]),
]
"""pydantic type of a rate [bytes/s]."""

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    _schema("duration; a bare number is seconds", ["90 min", "1h30m", "300 ms"]),
]
"""pydantic type of a duration [s]."""
