"""What would make a pre-copy converge that does not: more bandwidth, a longer downtime limit, auto-converge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import VM, Approach, Settings
from planner.predict.passes import STEADY
from planner.predict.protocol import Floats, Outside, Prediction
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.saturating import SaturatingModel

MOST_TIMES = 1000.0
"""Up to how many times the bandwidth, or the downtime limit, is looked [1]."""
TRIES = 8
"""Values that are tried at once between a bound that fails and one that does [count]."""
ROUNDS = 4
"""How often the least that does is looked for between its neighbours: it is found within a quarter percent [count]."""
COLD_SHARE = 0.9
"""A downtime limit above this share of a cold migration's downtime is no help [1]."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is known of a pre-copy that does not converge.

    Parameters
    ----------
    settles_at_bytes
        What is left to send however many passes there are [bytes]; None where passes grow without end or shrink too
        slowly, or the model does not say.
    stops_at_bytes
        How little would have to be left (l) [bytes].
    least_bandwidth_bytes_per_s
        The least bandwidth with which it converges [bytes/s]; None where none within `MOST_TIMES` does.
    least_downtime_limit_s
        The least downtime limit with which it does at this bandwidth [s]; None where a cold migration is about as good.
    auto_converge_slowed_s
        vCPU time that auto-converge would take, all else the same [s]; None where it is on already or does not help.
    """

    settles_at_bytes: float | None
    stops_at_bytes: float
    least_bandwidth_bytes_per_s: float | None
    least_downtime_limit_s: float | None
    auto_converge_slowed_s: float | None


def remedies(settings: Settings, vms: Sequence[VM], rates: Sequence[float]) -> list[Remedy]:
    """Return for VMs whose pre-copy does not converge at a rate [bytes/s] what would help."""
    if not vms:
        return []
    workload, rate = workload_of(vms), np.array(rates, dtype=np.float64).reshape(-1, 1)
    model, limits = model_for(settings), thresholds(settings, rate)

    timed = model_for(settings.model_copy(update={"stop_threshold": None}))

    def ends_at(mu: Floats) -> NDArray[np.bool_]:
        return _ends(model.predict(Approach.PRECOPY, workload, mu, thresholds(settings, mu)))

    def ends_within(limit_s: Floats) -> NDArray[np.bool_]:
        return _ends(timed.predict(Approach.PRECOPY, workload, rate, rate * limit_s))

    bandwidth, limit_s = _least(ends_at, rate), _least(ends_within, limits / rate)
    cold_s = model.predict(Approach.COLD, workload, rate, limits).downtime_s[:, 0]
    limit_s[limit_s > COLD_SHARE * cold_s] = np.nan
    settled, stops = np.full(rate.shape, np.nan), limits
    slowed = np.full(rate.shape, np.nan)
    if isinstance(model, SaturatingModel):
        settled, stops = model.settles_and_stops(workload, rate, limits)
        settled[settled <= stops * (1 + STEADY)] = np.nan
        if not settings.auto_converge:
            throttled = SaturatingModel(settings.model_copy(update={"auto_converge": True}))
            slowed = throttled.predict(Approach.PRECOPY, workload, rate, limits).slowed_s
    return [
        Remedy(
            _known(settled[i, 0]), float(stops[i, 0]), _known(bandwidth[i]), _known(limit_s[i]), _known(slowed[i, 0])
        )
        for i in range(len(vms))
    ]


def _ends(found: Prediction) -> NDArray[np.bool_]:
    ended: NDArray[np.bool_] = found.outside == Outside.INSIDE
    return ended


def _least(ends: Callable[[Floats], NDArray[np.bool_]], fails: Floats) -> Floats:
    """Return the least value above one that fails, shape (M, 1), with which a pre-copy ends; NaN where none does."""
    low, high = fails, fails * MOST_TIMES
    found = np.full(len(fails), np.nan)
    row = np.arange(len(fails))
    for _ in range(ROUNDS):
        tried = low * (high / low) ** (np.arange(1, TRIES + 1) / TRIES)
        does = ends(tried)
        first = np.argmax(does, axis=1)
        any_does = does.any(axis=1)
        found = np.where(any_does, tried[row, first], found)
        before = np.where(first > 0, tried[row, first - 1], low[:, 0])
        low, high = np.where(any_does, before, low[:, 0])[:, None], np.where(any_does, found, high[:, 0])[:, None]
    return found


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
