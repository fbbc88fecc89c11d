"""What others predict of the lab's migrations, all told the calibrated rate of the link: how far each model is off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from planner.inventory.models import VM, Settings
from planner.predict.registry import predict_vm
from tests.accuracy.page import table
from tests.lab.calibrate import Link
from tests.lab.grid import Part
from tests.lab.migrate import Approach
from tests.lab.predictions import PLANNED
from tests.lab.records import Given
from tests.lab.report import Measured

Figures = tuple[float, float]
"""Time and lost service [s]; NaN where there is none."""
Rival = Callable[[Measured, Link], Figures]


def saturating(one: Measured, link: Link) -> Figures:
    """Return what the model `saturating` says, with all terms calibrated."""
    return one.expected.total_s, one.expected.lost_s


def image_over_rate(one: Measured, link: Link) -> Figures:
    """Return V/mu, which knows lost service only of a cold migration and of the pause at the end of a pre-copy."""
    time_s = one.given.wire_bytes / link.effective_rate
    lost_s = {Approach.COLD: time_s, Approach.PRE_COPY: one.given.downtime_limit_s}
    return time_s, lost_s.get(one.given.approach, math.nan)


def named(model: str) -> Rival:
    """Return the figures of another model of the settings."""

    def figures(one: Measured, link: Link) -> Figures:
        given = one.given
        settings = Settings.model_validate({"model": model, "downtime_limit": given.downtime_limit_s})
        found = predict_vm(settings, _guest(given), PLANNED[given.approach], link.effective_rate)
        return float(found.time_s[0, 0]), float(found.downtime_s[0, 0])

    return figures


def _guest(given: Given) -> VM:
    """Return the guest for models that know no zero pages: what has to be sent, and how fast it is read and written.

    A hot set is written once in the time that its rate takes for it.
    """
    written = given.write_rate > 0
    return VM(
        name="guest",
        host="source",
        vcpus=1,
        memory=given.nonzero_bytes,
        read_rate=given.read_rate,
        write_rate=given.write_rate,
        hot_memory=min(round(given.write_set), given.nonzero_bytes) if written else 0,
        hot_duration=given.write_set / given.write_rate if written else None,
        cold_write_rate=0.0,
    )


RIVALS: dict[str, Rival] = {
    "saturating": saturating,
    "V/mu": image_over_rate,
    "paper (level 0)": named("paper"),
    "BtrPlace": named("btrplace"),
}


def tables(cells: Sequence[Measured], links: dict[float, Link]) -> Iterator[str]:
    """Yield tables of the errors of each model on the held-out cells: of times, and of lost service."""
    held_out = [one for one in cells if one.part is Part.HELD_OUT]
    kinds = [
        ("cold", [one for one in held_out if one.given.approach is Approach.COLD]),
        ("pre-copy", [one for one in held_out if _precopy(one) and not one.given.auto_converge]),
        ("post-copy", [one for one in held_out if one.given.approach is Approach.POST_COPY]),
        ("hybrid", [one for one in held_out if one.given.approach is Approach.HYBRID]),
        ("**all of these**", [one for one in held_out if not one.given.auto_converge]),
        ("pre-copy with auto-converge", [one for one in held_out if one.given.auto_converge]),
    ]
    for index, field, what in ((0, "total_s", "times"), (1, "lost_s", "lost service")):
        yield f"Errors of {what}, held out: mean, in brackets the largest and for how many there is no figure:"
        yield ""
        rows = [
            [kind, str(len(own)), *(_errors(own, links, rival, index, field) for rival in RIVALS.values())]
            for kind, own in kinds
            if own
        ]
        yield from table(["approach", "cells", *RIVALS], rows)
        yield ""


def _precopy(one: Measured) -> bool:
    return one.given.approach is Approach.PRE_COPY


def _errors(cells: Sequence[Measured], links: dict[float, Link], rival: Rival, index: int, field: str) -> str:
    judged = [one for one in cells if one.error(field) is not None]
    found = [rival(one, links[one.given.link_rate])[index] / one.mean(field) - 1 for one in judged]
    errors = [abs(error) for error in found if math.isfinite(error)]
    if not errors:
        return "no figure"
    without = f", {len(found) - len(errors)} without" if len(errors) < len(found) else ""
    return f"{fmean(errors):.1%} ({max(errors):.1%}{without})"
