"""Terms of a class of links, fitted with the predictor in the loop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from planner.calibrate.cases import Cases, Flags, Floats
from planner.calibrate.robust import NO_FIGURE, least, loss, outliers, weighted_median
from planner.inventory.models import Approach, Settings

LEAST_SPREAD = 1.25
"""How many times as long the long copies must take as the short ones, for a fixed time to be told from a rate [1]."""
MOST_FITTED = 1500
"""Most migrations of a class that are fitted on; of more, so many are taken evenly [count]."""
LEAST_DOWNTIMES = 4
"""Fewest measured downtimes that a term is fitted on [count]."""
_EFFICIENCIES = np.geomspace(0.02, 1.0, 24)
_LATENCIES_S = np.geomspace(1e-6, 0.1, 24)
_ROUNDS = 2
"""Times of post-copy depend on the latency of faults, and latencies on the rate: then both are fitted twice [count]."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is fitted, and what is not and why.

    Parameters
    ----------
    link_efficiency
        Share of the nominal bandwidth that carries pages [1].
    fixed_time, switch_time, fault_latency
        As in the settings [s].
    fitted
        Names of those that the log told; the others are as they were.
    notes
        What the log could not tell, or told oddly, one sentence each.
    """

    link_efficiency: float
    fixed_time: float
    switch_time: float
    fault_latency: float
    fitted: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the terms, as in the settings."""
        return ("link_efficiency", "fixed_time", "switch_time", "fault_latency")

    @staticmethod
    def of(settings: Settings) -> Terms:
        """Return the terms that the settings have."""
        return Terms(settings.link_efficiency, settings.fixed_time, settings.switch_time, settings.fault_latency)

    def applied(self, settings: Settings) -> Settings:
        """Return settings of the model saturating with these terms, whatever the link."""
        return settings.model_copy(
            update={
                "model": "saturating",
                "link_classes": (),
                "link_efficiency": self.link_efficiency,
                "fixed_time": self.fixed_time,
                "switch_time": self.switch_time,
                "fault_latency": self.fault_latency,
            }
        )

    def told(self, name: str, value: float) -> Terms:
        """Return the terms with one that the log tells."""
        values: dict[str, Any] = {name: value, "fitted": self.fitted | {name}}
        return replace(self, **values)


def fit_terms(cases: Cases, settings: Settings, start: Terms) -> tuple[Terms, Flags]:
    """Fit the terms of one class of links.

    Parameters
    ----------
    cases
        Migrations of the class.
    settings
        What holds beside the terms.
    start
        The terms that stay where the log tells nothing of them.

    Returns
    -------
    tuple
        The terms, and which migrations were set aside as outliers, shape (N,).
    """
    start = replace(start, fitted=frozenset(), notes=())
    first = _fit(cases, settings, start)
    aside = outliers(cases.predict(first.applied(settings)).time_s, cases.duration_s)
    return (_fit(cases.part(~aside), settings, start) if aside.any() else first), aside


def _fit(cases: Cases, settings: Settings, start: Terms) -> Terms:
    count = len(cases.migrations)
    if count > MOST_FITTED:
        cases = cases.part(np.arange(count) * MOST_FITTED % count < MOST_FITTED)
    terms = start
    for _ in range(_ROUNDS if _switched(cases).any() else 1):
        terms = _copying(cases, settings, replace(terms, notes=()), start)
        terms = _switching(cases, settings, terms)
        terms = _faulting(cases, settings, terms)
    return terms


def _copying(cases: Cases, settings: Settings, terms: Terms, start: Terms) -> Terms:
    """Fit rate and fixed time by the least sum of absolute relative errors of the durations."""

    def copied_s(efficiency: float) -> Floats:
        # What a migration takes beside its copying holds its switch-over.
        bare = replace(terms, link_efficiency=efficiency, fixed_time=terms.switch_time)
        return cases.predict(bare.applied(settings)).time_s - terms.switch_time

    spread = copied_s(start.link_efficiency)
    spread = spread[np.isfinite(spread)]
    apart = spread.size > 0 and float(np.percentile(spread, 95) / np.percentile(spread, 5)) >= LEAST_SPREAD

    def fixed_s(copied: Floats) -> float:
        known = np.isfinite(copied)
        if not apart or not known.any():
            return start.fixed_time
        return max(0.0, weighted_median((cases.duration_s - copied)[known], 1.0 / cases.duration_s[known]))

    def off(efficiency: float) -> float:
        copied = copied_s(efficiency)
        return loss(copied + fixed_s(copied), cases.duration_s)

    efficiency = least(off, _EFFICIENCIES)
    if off(efficiency) >= NO_FIGURE:
        note = "link_efficiency, fixed_time: by the model none of these migrations ends; check write_rate, working_set"
        return replace(
            terms, link_efficiency=start.link_efficiency, fixed_time=start.fixed_time, notes=(*terms.notes, note)
        )
    told = terms.told("link_efficiency", efficiency)
    if apart:
        told = told.told("fixed_time", fixed_s(copied_s(efficiency)))
    else:
        told = replace(told, fixed_time=start.fixed_time, notes=(*told.notes, "fixed_time: all copies take about as"
        " long, so that a fixed time cannot be told from a rate"))  # fmt: skip
    for odd, word in ((efficiency > 0.9999, "faster"), (efficiency < 1.0001 * _EFFICIENCIES[0], "far slower")):
        if odd:
            note = f"link_efficiency: migrations are {word} than the nominal bandwidth says; check that column's unit"
            told = replace(told, notes=(*told.notes, note))
    return told


def _switching(cases: Cases, settings: Settings, terms: Terms) -> Terms:
    """Fit the switch-over: what blackouts, or downtimes of pre-copy, have beside the last pages."""
    found = cases.predict(replace(terms, switch_time=0.0).applied(settings))
    warm, precopied = cases.approaches != Approach.COLD, cases.approaches == Approach.PRECOPY
    beside = np.where(
        np.isfinite(cases.blackout_s), cases.blackout_s - found.blackout_s, cases.downtime_s - found.lost_s
    )
    usable = np.isfinite(beside) & np.where(np.isfinite(cases.blackout_s), warm, precopied)
    if usable.sum() < LEAST_DOWNTIMES:
        note = f"switch_time: fewer than {LEAST_DOWNTIMES} blackouts, or downtimes of pre-copy, are logged"
        return replace(terms, notes=(*terms.notes, note))
    return terms.told("switch_time", max(0.0, float(np.median(beside[usable]))))


def _faulting(cases: Cases, settings: Settings, terms: Terms) -> Terms:
    """Fit what a fault waits by the lost service after a switch to post-copy."""
    usable = _switched(cases) & (cases.downtime_s > 0)
    if usable.sum() < LEAST_DOWNTIMES:
        note = f"fault_latency: fewer than {LEAST_DOWNTIMES} downtimes of post-copy or hybrid are logged"
        return replace(terms, notes=(*terms.notes, note))
    some = cases.part(usable)

    def off(latency_s: float) -> float:
        return loss(some.predict(replace(terms, fault_latency=latency_s).applied(settings)).lost_s, some.downtime_s)

    latency_s = least(off, _LATENCIES_S)
    if latency_s <= _LATENCIES_S[0]:
        note = "fault_latency: less service is lost than pages take on the link alone; check downtime and read_rate"
        return replace(terms.told("fault_latency", 0.0), notes=(*terms.notes, note))
    return terms.told("fault_latency", latency_s)


def _switched(cases: Cases) -> Flags:
    """Return which ran on their target before all of their memory was there."""
    found: Flags = (cases.approaches == Approach.POSTCOPY) | (cases.approaches == Approach.HYBRID)
    return found
