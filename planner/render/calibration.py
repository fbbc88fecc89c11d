"""What a log of migrations tells: tables for people, JSON for programs, a settings block to paste."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from planner.calibrate import Calibration
from planner.calibrate.calibration import ClassFit
from planner.calibrate.fit import Terms
from planner.calibrate.judge import METHODS, Errors
from planner.render.tables import Column, Fitting, folded
from planner.render.words import listing, percent, plain, plural
from planner.units import format_duration, parse_rate

TERMS = ("link_efficiency", "fixed_time", "switch_time", "fault_latency")
_CLASSES = (
    Column("class"),
    Column("used", "right"),
    Column("aside", "right"),
    Column("efficiency", "right"),
    Column("fixed time", "right"),
    Column("switch time", "right"),
    Column("fault latency", "right"),
    Column("error held out", "right"),
    Column("repeats differ by", "right", optional=True),
)
_METHODS = (
    Column("on the half that was not fitted on"),
    Column("judged", "right"),
    Column("no figure", "right"),
    Column("mean error", "right"),
    Column("median", "right", optional=True),
    Column("p90", "right"),
)
SPLIT = (
    "Errors are of times, on every second migration or group of each class; the terms were fitted on the others then,"
    " and on all in the end."
)


def calibration_text(found: Calibration) -> RenderableType:
    """Return the terms by class, the errors beside those of simpler formulas, and what the log could not tell."""
    classes = [[one.name, *_class_cells(one)] for one in found.classes]
    methods = [[METHODS[name], *_error_cells(errors)] for name, errors in found.whole.held_out.items()]
    return Group(
        Text(plain(f"{found.file}: {plural(found.migrations, 'migration')}")),
        Text(),
        Fitting(_CLASSES, classes),
        Text(),
        Fitting(_METHODS, methods),
        Text(),
        folded(SPLIT),
        *(folded(f"- {line}") for line in _remarks(found)),
    )


def calibration_json(found: Calibration) -> str:
    """Return the same for programs; times in seconds, errors as shares."""
    settings = found.calibrated()
    return json.dumps(
        {
            "file": found.file,
            "migrations": found.migrations,
            "unread_columns": found.unread,
            "all": _class_json(found.whole),
            "classes": [_class_json(one) for one in found.classes],
            "told_by_bandwidth": found.told_by_bandwidth,
            "settings": settings.model_dump(mode="json", include={"model", *TERMS, "link_classes"}),
        },
        indent=2,
    )


def settings_block(found: Calibration) -> str:
    """Return the settings as YAML, with comments that say where they come from."""
    return "\n".join(_block(found)) + "\n"


def _block(found: Calibration) -> Iterator[str]:
    whole = found.whole
    yield plain(f"# From {found.file}: {plural(found.migrations, 'migration')}.")
    errors = whole.held_out["calibrated"]
    if errors.mean is not None and errors.p90 is not None:
        yield f"# Fitted on one half of them, times of the other were off by {percent(errors.mean)} on average,"
        yield f"# {percent(errors.p90)} at the 90th percentile; these values are fitted on all of them."
    yield "settings:"
    yield "  model: saturating"
    if not found.told_by_bandwidth:
        yield from _alternatives(found)
        return
    yield from _term_lines(whole, found.told)
    if len(found.classes) > 1:
        yield "  # The values above are for bandwidths beyond all classes."
        yield "  link_classes:"
        for one in found.classes:
            yield f"    # {_remark(one)}"
            told = [f"{name}: {_value(one.terms, name)}" for name in TERMS if name in found.told]
            rate = _rate(one.up_to_bytes_per_s)
            yield f"    - {{{', '.join([f'up_to: {rate}', *told])}}}"


def _alternatives(found: Calibration) -> Iterator[str]:
    """Yield the classes one after the other, all but one as comments: their bandwidths do not tell them apart."""
    yield "  # Bandwidths do not tell the classes apart: the values are those of most migrations, others are comments."
    for one in sorted(found.classes, key=lambda one: one is not found.largest):
        active = one is found.largest
        yield f"  # {_remark(one)}"
        for line in _term_lines(one, found.told):
            yield line if active or line.lstrip().startswith("#") else f"  # {line.lstrip()}"


def _term_lines(one: ClassFit, told: frozenset[str]) -> Iterator[str]:
    for name in TERMS:
        if name in told:
            elsewhere = "" if name in one.terms.fitted else "  # from another class"
            yield f"  {name}: {_value(one.terms, name)}{elsewhere}"
    for note in one.terms.notes:
        yield f"  # {note}"


def _value(terms: Terms, name: str) -> str:
    value = float(getattr(terms, name))
    if name == "link_efficiency":
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):g} s" if value >= 0.001 or value == 0 else f"{value * 1000:.3g} ms"


def _rate(rate_bytes_per_s: float) -> str:
    for unit, size in (("Gbit/s", 1e9 / 8), ("Mbit/s", 1e6 / 8)):
        text = f"{rate_bytes_per_s / size:.6g} {unit}"
        if rate_bytes_per_s >= size and parse_rate(text) == rate_bytes_per_s:
            return text
    return repr(rate_bytes_per_s)


def _remark(one: ClassFit) -> str:
    mean = one.held_out["calibrated"].mean
    error = "" if mean is None else f", off by {percent(mean)} held out"
    return plain(f"{one.name}: {plural(one.used, 'migration')}{error}")


def _class_cells(one: ClassFit) -> list[str]:
    mean = one.held_out["calibrated"].mean
    terms = ["-" if name not in one.terms.fitted else _shown(one.terms, name) for name in TERMS]
    repeats = "-" if one.repeatability is None else percent(one.repeatability)
    return [str(one.used), str(len(one.outlier_lines)), *terms, "-" if mean is None else percent(mean), repeats]


def _shown(terms: Terms, name: str) -> str:
    value = float(getattr(terms, name))
    return f"{value:.3g}" if name == "link_efficiency" else format_duration(value)


def _error_cells(errors: Errors) -> list[str]:
    values = ["-" if value is None else percent(value) for value in (errors.mean, errors.median, errors.p90)]
    return [str(errors.judged), str(errors.no_figure), *values]


def _remarks(found: Calibration) -> Iterator[str]:
    for what, errors in (("lost service", found.whole.lost_service), ("transferred bytes", found.whole.transferred)):
        if errors is not None and errors.mean is not None:
            yield f"On the same half, {what} is off by {percent(errors.mean)} on average ({errors.judged} measured)."
    for one in found.classes:
        if one.outlier_lines:
            word = "line" if len(one.outlier_lines) == 1 else "lines"
            lines = listing([str(line) for line in one.outlier_lines])
            yield f"{one.name}: set aside as outliers, though judged like all others: {word} {lines}."
    notes = {note: [one.name for one in found.classes if note in one.terms.notes] for note in _notes(found)}
    for note, names in notes.items():
        where = f" ({listing(names)})" if len(names) < len(found.classes) else ""
        yield f"Not told by the log{where}: {note}." if "check" not in note else f"{note}{where}."
    if not found.told_by_bandwidth:
        yield "Bandwidths do not tell the classes apart: the settings block holds one, the others as comments."
    if found.unread:
        yield f"Columns left unread: {listing(found.unread, 20)}."


def _notes(found: Calibration) -> list[str]:
    return list(dict.fromkeys(note for one in found.classes for note in one.terms.notes))


def _class_json(one: ClassFit) -> dict[str, Any]:
    terms = one.terms
    return {
        "name": one.name,
        "from_bytes_per_s": one.from_bytes_per_s,
        "up_to_bytes_per_s": one.up_to_bytes_per_s,
        "used": one.used,
        "outlier_lines": one.outlier_lines,
        **{f"{name}{'' if name == 'link_efficiency' else '_s'}": getattr(terms, name) for name in TERMS},
        "fitted": [name for name in TERMS if name in terms.fitted],
        "notes": terms.notes,
        "held_out": {method: asdict(errors) for method, errors in one.held_out.items()},
        "lost_service": None if one.lost_service is None else asdict(one.lost_service),
        "transferred": None if one.transferred is None else asdict(one.transferred),
        "repeatability": one.repeatability,
    }
