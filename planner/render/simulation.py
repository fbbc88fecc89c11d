"""What many nights say of a plan, as text and for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from planner.render.odds import percent_words
from planner.render.tables import Column, Fitting, pairs
from planner.render.words import plain, plural
from planner.simulate.blame import Cause, Culprit
from planner.simulate.odds import Quantiles, Share
from planner.simulate.simulation import Simulation
from planner.units import format_duration

CULPRITS_SHOWN = 8
"""VMs that make nights late of which the text tells; all of them are in the JSON [count]."""
CAUSES = {
    Cause.SLOW: "busier than planned",
    Cause.NOT_CONVERGED: "did not converge in time, moved in another way",
    Cause.FAILED: "failed and was tried again",
    Cause.LINK: "links carried less",
}
"""Why a move took longer than planned."""
NEVER = {
    Cause.NOT_CONVERGED: "does not converge, and may move in no other way",
    Cause.FAILED: "failed too often",
}
"""Why a VM was not out at all."""


def simulation_text(found: Simulation) -> RenderableType:
    """Return what many nights say as text."""
    nights = f"{found.runs:,} night{'' if found.runs == 1 else 's'}"
    title = f"{found.name}: {nights} of the plan, seed {found.seed}"
    parts: list[RenderableType] = [Text(plain(title), style="bold"), Text(), pairs(_totals(found))]
    late = found.runs - round(found.in_time.share * found.runs)
    if found.culprits:
        shown = found.culprits[:CULPRITS_SHOWN]
        parts += [
            Text(),
            Text(f"What the end waited for in the {plural(late, 'late night')}, beyond what was planned:"),
            Text(),
            _culprits(shown),
        ]
        if len(found.culprits) > len(shown):
            parts.append(Text(f"and {len(found.culprits) - len(shown)} more; --format json lists them all."))
    return Group(*parts)


def simulation_json(found: Simulation) -> str:
    """Return what many nights say for programs; what never ends is null, shares are between 0 and 1."""
    document = {key: _finite(value) for key, value in asdict(found).items() if key != "each_finish_s"}
    return json.dumps(document, indent=2, allow_nan=False)


def share_words(share: Share) -> str:
    """Return ``94.1% of nights (95% interval 92.5% to 95.4%)``."""
    interval = f"95% interval {percent_words(share.low)} to {percent_words(share.high)}"
    return f"{percent_words(share.share)} of nights ({interval})"


def _totals(found: Simulation) -> Iterator[tuple[str, str]]:
    deadline = format_duration(found.deadline_s)
    yield "In time", f"{share_words(found.in_time)} have all out by the deadline ({deadline})"
    yield "Finish", f"{_quantiles(found.finish_s)}; planned {format_duration(found.planned_finish_s)}"
    if found.never_out:
        nights = plural(found.never_out, "night")
        yield "Not out", f"some VM in {nights} ({percent_words(found.never_out / found.runs)}), whatever the deadline"
    if found.downtime_s is not None:
        planned = format_duration(found.planned_downtime_s)
        yield "Downtime", f"{_quantiles(found.downtime_s)}; planned {planned} in all"
    if found.weighted_downtime_s is not None:
        planned = format_duration(found.planned_weighted_downtime_s)
        yield "Weighted", f"{_quantiles(found.weighted_downtime_s)}; planned {planned}"


def _quantiles(values: Quantiles) -> str:
    return f"P50 {_time(values.p50)}, P95 {_time(values.p95)}, at most {_time(values.most)}"


def _culprits(culprits: tuple[Culprit, ...]) -> RenderableType:
    columns = [Column("VM"), Column("late nights", "right"), Column("excess", "right"), Column("why")]
    rows = [
        [
            one.vm,
            percent_words(one.share),
            "not out" if one.excess_s is None else format_duration(one.excess_s),
            (NEVER if one.never_share > 0 else CAUSES).get(one.cause, CAUSES[one.cause]),
        ]
        for one in culprits
    ]
    return Fitting(columns, rows)


def _time(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "never"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
