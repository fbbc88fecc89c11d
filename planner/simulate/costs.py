"""What moves take in each night, at the rate that they reserved and at less; between those, by interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.inventory.models import VM, Approach, Settings
from planner.predict.protocol import Floats, Ints, Outside
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.scale import scaled_workload

SHARES = np.array([1.0, 0.9, 0.75, 0.5, 0.25])
"""Shares of the reserved bandwidth at which a move is predicted [1]."""
_AT_ONCE = 500_000
"""Predictions that are made side by side; a few that take many passes hold up all of them [count]."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Time and downtime of E moves at `SHARES` of a rate, shape (E, G) [s]; a move that never ends takes for ever."""

    time_s: Floats
    downtime_s: Floats


def predict_costs(
    settings: Settings,
    vms: Sequence[VM],
    approach: Approach,
    vm: Ints,
    write_factor: Floats,
    read_factor: Floats,
    rate: Floats,
    switch_point: Floats,
) -> Costs:
    """Predict E moves by one approach, each of a VM in a night.

    A VM that waits for pages reads no faster than they come: where the model has no number for reads that outrun the
    link, they count as the link's rate.

    Parameters
    ----------
    vm
        Index of each one's VM, shape (E,).
    write_factor, read_factor
        Those of its night, shape (E,) [1].
    rate
        Bandwidth that it reserved, shape (E,) [bytes/s].
    switch_point
        That of a hybrid, NaN for the model's own, shape (E,) [count].
    """
    workload, model = workload_of(vms), model_for(settings)
    clipped = settings.model == "paper" and approach in (Approach.POSTCOPY, Approach.HYBRID)
    time_s, down_s = np.empty((len(vm), len(SHARES))), np.empty((len(vm), len(SHARES)))
    for first in range(0, len(vm), _AT_ONCE // len(SHARES)):
        part = slice(first, first + _AT_ONCE // len(SHARES))
        rates = rate[part, None] * SHARES
        here = scaled_workload(workload, vm[part], write_factor[part], read_factor[part])
        if clipped:
            here = replace(here, read_rate=np.minimum(here.read_rate, rates))
        found = model.predict(approach, here, rates, thresholds(settings, rates), switch_point[part, None])
        time_s[part] = np.where(found.outside == Outside.INSIDE, found.time_s, np.inf)
        down_s[part] = found.downtime_s
    return Costs(time_s, down_s)


def time_at(time_s: Floats, share: Floats) -> Floats:
    """Return the time at a share of the reserved rate, shape (E,) [s].

    What goes over the link, time x rate, is linear between two rates at which the move ends. Where it ends at the
    upper one only, its speed falls to nothing at the lower. Below the least rate the volume stays as it is there.

    Parameters
    ----------
    time_s
        Times at `SHARES`, shape (E, G) [s].
    share
        Shape (E,), above 0 and at most 1 [1].
    """
    upper, lower, weight = _between(share)
    row = np.arange(len(share))
    high, low = time_s[row, upper], time_s[row, lower]
    with np.errstate(divide="ignore", invalid="ignore"):
        volume = low * SHARES[lower] + weight * (high * SHARES[upper] - low * SHARES[lower])
        between = np.where(np.isfinite(low), volume / share, high / weight)
    below = high * SHARES[upper] / share
    found = np.where(upper == lower, below, between)
    return np.where(share >= 1.0, time_s[:, 0], np.where(np.isfinite(high), found, np.inf))


def downtime_at(downtime_s: Floats, share: Floats) -> Floats:
    """Return the downtime at a share of the reserved rate; downtime x rate is linear between two rates [s].

    Where the model has no number at the lower rate, that of the upper one counts.
    """
    upper, lower, weight = _between(share)
    row = np.arange(len(share))
    high, low = downtime_s[row, upper], downtime_s[row, lower]
    volume = low * SHARES[lower] + weight * (high * SHARES[upper] - low * SHARES[lower])
    below = high * SHARES[upper] / share
    found = np.where(np.isfinite(low) & (upper != lower), volume / share, below)
    return np.where(share >= 1.0, downtime_s[:, 0], found)


def _between(share: Floats) -> tuple[Ints, Ints, Floats]:
    """Return the shares above and below, by index, and how near the upper one it is; below the least both are it."""
    upper = np.clip((SHARES[None, :] >= share[:, None]).sum(axis=1) - 1, 0, None)
    lower = np.minimum(upper + 1, len(SHARES) - 1)
    span = np.where(lower > upper, SHARES[upper] - SHARES[lower], 1.0)
    return upper, lower, (share - SHARES[lower]) / span
