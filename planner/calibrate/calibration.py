"""From a log to terms of links, and to how far they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from planner.calibrate.cases import Cases, Flags, Floats
from planner.calibrate.classes import by_bandwidth, class_names
from planner.calibrate.fit import Terms, fit_terms
from planner.calibrate.judge import METHODS, Errors, halves, repeatability, simple_times, times_off
from planner.calibrate.log import LEAST_ROWS, Log
from planner.calibrate.robust import relative_errors
from planner.errors import InputError, Place
from planner.inventory.models import LinkClass, Settings


@dataclass(frozen=True, slots=True)
class ClassFit:
    """What was found of one class of links, or of all of them.

    Parameters
    ----------
    name
        Name of the class.
    from_bytes_per_s, up_to_bytes_per_s
        The lowest and the highest bandwidth in it [bytes/s].
    used
        Migrations that its terms were fitted on [count].
    outlier_lines
        Lines of the log that were set aside.
    terms
        The terms, fitted on all the others.
    held_out
        Errors of times, by method, on the half that was judged; the terms were fitted on the other half then.
    lost_service, transferred
        Errors of the calibrated model on the same half, where measured.
    repeatability
        How far repeats are off from each other, on average; None without repeats [1].
    """

    name: str
    from_bytes_per_s: float
    up_to_bytes_per_s: float
    used: int
    outlier_lines: tuple[int, ...]
    terms: Terms
    held_out: Mapping[str, Errors]
    lost_service: Errors | None
    transferred: Errors | None
    repeatability: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a log tells.

    Parameters
    ----------
    file
        The log.
    migrations
        Migrations in it [count].
    unread
        Columns that were left unread.
    settings
        What held beside the terms.
    whole
        All migrations: their errors, and the terms of the highest class, for bandwidths above it.
    classes
        The classes, in the order of bandwidths; one at least. Those of too few migrations have the terms of all.
    """

    file: str
    migrations: int
    unread: tuple[str, ...]
    settings: Settings
    whole: ClassFit
    classes: tuple[ClassFit, ...]

    @property
    def told_by_bandwidth(self) -> bool:
        """Whether the bandwidth of a move tells its class, so that one inventory can have them all."""
        return all(lower.up_to_bytes_per_s < higher.from_bytes_per_s for lower, higher in pairwise(self.classes))

    @property
    def told(self) -> frozenset[str]:
        """The names of the terms that some class told; where another cannot tell them, it has their values too."""
        return frozenset().union(*(one.terms.fitted for one in self.classes))

    @property
    def largest(self) -> ClassFit:
        """The class of most migrations."""
        return max(self.classes, key=lambda one: one.used)

    def calibrated(self) -> Settings:
        """Return the settings with the terms that were fitted.

        Where bandwidths do not tell the classes apart, those of the class of most migrations.
        """
        if len(self.classes) == 1 or not self.told_by_bandwidth:
            return self.largest.terms.applied(self.settings)
        found = self.whole.terms.applied(self.settings)
        return found.model_copy(update={"link_classes": tuple(_link_class(one, self.told) for one in self.classes)})


def calibrate(log: Log, settings: Settings | None = None) -> Calibration:
    """Fit the terms of links to a log, and judge them on a half that they were not fitted on.

    Parameters
    ----------
    log
        Past migrations.
    settings
        What holds beside the terms, and the terms where the log cannot tell them; the defaults if None.

    Returns
    -------
    Calibration
        What was found, class by class.

    Raises
    ------
    InputError
        If the settings have a tunnel, whose rate is none that this fits.
    """
    base = Settings() if settings is None else settings
    if base.tunnelled:
        raise InputError.single(
            "tunnelled",
            "the inventory's settings have tunnelled: true, and then tunnel_bandwidth is what counts",
            "set tunnelled: false to calibrate; the link_efficiency that is found has the tunnel in it",
            Place(path="settings.tunnelled"),
        )
    cases = Cases.of(log.migrations)
    names = np.array(class_names(log.migrations))
    judge = _Judge(cases, names, halves(log.migrations, list(names)), base)
    found = fit_classes(cases, names, base)
    classes = tuple(judge.of(name, names == name, *found[name]) for name in by_bandwidth(log.migrations, list(names)))
    aside = np.zeros(len(names), dtype=np.bool_)
    for name, (_, odd) in found.items():
        aside[names == name] = odd
    every = np.ones(len(names), dtype=np.bool_)
    whole = judge.of("all", every, classes[-1].terms, aside)
    return Calibration(log.file, len(log.migrations), log.unread, base, whole, classes)


def fit_classes(
    cases: Cases, names: NDArray[np.str_], base: Settings, least_rows: int = LEAST_ROWS
) -> dict[str, tuple[Terms, Flags]]:
    """Fit the terms of each class, and say which of its migrations were set aside.

    What a class cannot tell is as in the class of most migrations that can; a class of too few migrations has the terms
    of the largest, or where all are so small, those of all together.
    """
    parts = {str(name): cases.part(names == name) for name in dict.fromkeys(names)}
    large = {name: part for name, part in parts.items() if len(part.migrations) >= least_rows}
    start = Terms.of(base)
    if not large:
        terms, aside = fit_terms(cases, base, start)
        return {name: (terms, aside[names == name]) for name in parts}
    found = {name: fit_terms(part, base, start) for name, part in large.items()}
    by_size = sorted(large, key=lambda name: len(large[name].migrations))
    for name in by_size:
        terms, _ = found[name]
        start = replace(start, **{term: getattr(terms, term) for term in terms.fitted})
    for name, part in large.items():
        if len(large) > 1 and len(found[name][0].fitted) < len(start.names):
            found[name] = fit_terms(part, base, start)
    nothing = replace(start, fitted=frozenset(), notes=(f"all terms: fewer than {least_rows} migrations are logged",))
    return {
        name: found[name] if name in found else (nothing, np.zeros(len(part.migrations), dtype=np.bool_))
        for name, part in parts.items()
    }


class _Judge:
    """Fits on the one half and judges on the other."""

    def __init__(self, cases: Cases, names: NDArray[np.str_], fitted: Flags, base: Settings) -> None:
        self.cases, self.judged = cases, ~fitted
        count = len(cases.migrations)
        self.time = {method: np.full(count, np.nan) for method in METHODS}
        self.lost, self.sent = np.full(count, np.nan), np.full(count, np.nan)
        if not fitted.any() or fitted.all():
            return
        terms = fit_classes(cases.part(fitted), names[fitted], base, LEAST_ROWS // 2)
        for name in terms:
            mine, theirs = (names == name) & fitted, (names == name) & ~fitted
            if not theirs.any():
                continue
            part = cases.part(theirs)
            found = part.predict(terms[name][0].applied(base))
            self.time["calibrated"][theirs] = found.time_s
            self.lost[theirs], self.sent[theirs] = found.lost_s, found.transferred_bytes
            plain = base.model_copy(update={"model": "saturating"})
            self.time["saturating"][theirs] = part.predict(plain).time_s
            for method, times in simple_times(part, cases.part(mine), base).items():
                self.time[method][theirs] = times

    def of(self, name: str, ours: Flags, terms: Terms, aside: Flags) -> ClassFit:
        """Return what was found of some of the migrations."""
        theirs = ours & self.judged
        part, own = self.cases.part(theirs), self.cases.part(ours)
        lines = [row.line for row, odd in zip(own.migrations, aside, strict=True) if odd]
        return ClassFit(
            name,
            float(own.rate_bytes_per_s.min()),
            float(own.rate_bytes_per_s.max()),
            len(own.migrations) - len(lines),
            tuple(lines),
            terms,
            {method: Errors.of(times_off(times[theirs], part)) for method, times in self.time.items()},
            _measured(self.lost[theirs], part.downtime_s),
            _measured(self.sent[theirs], part.transferred_bytes),
            repeatability(own),
        )


def _measured(predicted: Floats, measured: Floats) -> Errors | None:
    """Return the errors of what was measured and is not 0; None where nothing was."""
    known = measured > 0
    return Errors.of(relative_errors(predicted[known], measured[known])) if known.any() else None


def _link_class(one: ClassFit, told: frozenset[str]) -> LinkClass:
    return LinkClass(up_to=one.up_to_bytes_per_s, **{name: getattr(one.terms, name) for name in told})
