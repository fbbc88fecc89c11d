"""How far predictions are off from migrations that they were not fitted on, beside simpler formulas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.calibrate.cases import Cases, Flags, Floats
from planner.calibrate.log import Migration
from planner.calibrate.robust import relative_errors, weighted_median
from planner.inventory.models import Settings

METHODS = {
    "calibrated": "saturating, calibrated",
    "saturating": "saturating, as the settings are",
    "factor": "image over bandwidth, one factor fitted",
    "nominal": "image over bandwidth (V/mu)",
    "paper": "paper (level 0)",
    "btrplace": "BtrPlace's formula",
}
"""What is judged, by its name in programs and for people."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Absolute relative errors on migrations.

    Parameters
    ----------
    judged
        Migrations [count].
    no_figure
        Those for which there is no figure, as where it does not converge; they are not in the other values [count].
    mean, median, p90
        Errors [1]; None where there is no figure at all.
    """

    judged: int
    no_figure: int
    mean: float | None
    median: float | None
    p90: float | None

    @staticmethod
    def of(errors: Floats) -> Errors:
        """Sum up errors; NaN is no figure."""
        known = errors[np.isfinite(errors)]
        if not known.size:
            return Errors(len(errors), len(errors), None, None, None)
        return Errors(
            len(errors),
            len(errors) - len(known),
            float(known.mean()),
            float(np.median(known)),
            float(np.percentile(known, 90)),
        )


def halves(migrations: Sequence[Migration], names: Sequence[str]) -> Flags:
    """Return which migrations are fitted on, shape (N,); the others are judged.

    Within each class the groups are counted as they come, and every second is judged, beginning with the second; a
    migration without a group is one of its own.
    """
    seen: defaultdict[str, dict[str | int, int]] = defaultdict(dict)
    fitted = []
    for index, (row, name) in enumerate(zip(migrations, names, strict=True)):
        groups = seen[name]
        fitted.append(groups.setdefault(index if row.group is None else row.group, len(groups)) % 2 == 0)
    return np.array(fitted, dtype=np.bool_)


def simple_times(judged: Cases, fitted: Cases, settings: Settings) -> dict[str, Floats]:
    """Return what the simpler formulas predict of some cases [s]; the factor is fitted on others."""
    nominal = judged.image_bytes / judged.rate_bytes_per_s
    own = fitted.image_bytes / fitted.rate_bytes_per_s
    factor = weighted_median(fitted.duration_s / own, own / fitted.duration_s)
    return {
        "factor": factor * nominal,
        "nominal": nominal,
        **{name: judged.predict(settings.model_copy(update={"model": name})).time_s for name in ("paper", "btrplace")},
    }


def repeatability(cases: Cases) -> float | None:
    """Return how far migrations are off from the median of their other repeats, on average; None without repeats [1].

    Repeats are equal in all that a log says of them before they begin.
    """
    times: defaultdict[object, list[float]] = defaultdict(list)
    for row in cases.migrations:
        key = (row.vm, row.approach, row.switch_point, row.rate_bytes_per_s, row.link_class, row.identity)
        times[key].append(row.duration_s)
    off = [
        abs(float(np.median(own[:i] + own[i + 1 :])) - own[i]) / own[i]
        for own in times.values()
        if len(own) > 1
        for i in range(len(own))
    ]
    return float(np.mean(off)) if off else None


def times_off(predicted: Floats, cases: Cases) -> Floats:
    """Return the errors of predicted times [1]."""
    return relative_errors(predicted, cases.duration_s)
