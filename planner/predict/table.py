"""Predictions as rows: one a VM and approach, for people and machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import ALL_APPROACHES, VM, Approach, Inventory, Settings
from planner.predict.choice import chosen_vms, rates_of, refusal
from planner.predict.protocol import Floats, Outside, Prediction
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.remedy import Remedy, remedies

MOST_REMEDIES = 1000
"""For so many VMs, the first, what would make them converge is looked for [count]."""


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """What one approach costs one VM.

    Parameters
    ----------
    vm
        Name of the VM.
    approach
        How it would move.
    rate_bytes_per_s
        Bandwidth that is assumed (mu) [bytes/s].
    time_s, downtime_s
        Migration time and service downtime [s]; None where the model gives no number.
    blackout_s, stall_s, slowed_s
        Parts of the downtime: the VM stands still, waits for pages, or lacks vCPU time that auto-converge takes [s].
    transferred_bytes
        Bytes sent over the link [bytes]; None where the model gives no number.
    precopy_share
        Share of the image sent by iterative pre-copy (phi) [1]; None where the model gives no number.
    passes
        Pre-copy passes after the first [count].
    allowed
        Whether a plan may use it: it has a number, the VM and the settings offer it, and its downtime is within
        the VM's limit.
    reason
        Why it is not allowed, in words; empty where it is.
    remedy
        For a pre-copy that does not converge, what would make it; of the first `MOST_REMEDIES` VMs.
    """

    vm: str
    approach: Approach
    rate_bytes_per_s: float
    time_s: float | None
    downtime_s: float | None
    blackout_s: float | None
    stall_s: float | None
    slowed_s: float | None
    transferred_bytes: float | None
    precopy_share: float | None
    passes: int
    allowed: bool
    reason: str
    remedy: Remedy | None = None


def prediction_rows(
    inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None
) -> list[PredictionRow]:
    """Predict every approach for VMs of an inventory.

    Parameters
    ----------
    inventory
        The inventory.
    vms
        Names of the VMs, in the order wanted; all of them if None.
    rate_bytes_per_s
        Bandwidth [bytes/s]; what one TCP flow gets on the fastest link out of each VM's host if None.

    Returns
    -------
    list of PredictionRow
        For each VM its four approaches.

    Raises
    ------
    InputError
        If a VM is unknown, or its host has no link and no bandwidth is given.
    """
    chosen = chosen_vms(inventory, vms)
    if not chosen:
        return []
    rates = np.array([[rate] for rate in rates_of(inventory, chosen, rate_bytes_per_s)], dtype=np.float64)
    limits = thresholds(inventory.settings, rates)
    model, workload = model_for(inventory.settings), workload_of(chosen)
    found = {approach: model.predict(approach, workload, rates, limits) for approach in ALL_APPROACHES}
    blackouts = {approach: one.blackout_s for approach, one in found.items()}
    never = np.flatnonzero(found[Approach.PRECOPY].outside[:, 0] == Outside.WRITES_OUTRUN_LINK)[:MOST_REMEDIES]
    helps = remedies(inventory.settings, [chosen[i] for i in never], [float(rates[i, 0]) for i in never])
    remedy_of = {int(i): remedy for i, remedy in zip(never, helps, strict=True)}
    return [
        _row(
            inventory.settings,
            vm,
            approach,
            float(rates[i, 0]),
            found[approach],
            blackouts[approach],
            i,
            remedy_of.get(i) if approach is Approach.PRECOPY else None,
        )
        for i, vm in enumerate(chosen)
        for approach in ALL_APPROACHES
    ]


def _row(
    settings: Settings,
    vm: VM,
    approach: Approach,
    rate_bytes_per_s: float,
    prediction: Prediction,
    blackout_s: Floats,
    i: int,
    remedy: Remedy | None,
) -> PredictionRow:
    outside = Outside(int(prediction.outside[i, 0]))

    def known(values: Floats) -> float | None:
        return float(values[i, 0]) if outside is Outside.INSIDE else None

    downtime_s = known(prediction.downtime_s)
    reason = outside.reason if downtime_s is None else refusal(settings, vm, approach, downtime_s)
    return PredictionRow(
        vm=vm.name,
        approach=approach,
        rate_bytes_per_s=rate_bytes_per_s,
        time_s=known(prediction.time_s),
        downtime_s=downtime_s,
        blackout_s=known(blackout_s),
        stall_s=known(prediction.stall_s),
        slowed_s=known(prediction.slowed_s),
        transferred_bytes=known(prediction.transferred_bytes),
        precopy_share=known(prediction.precopy_share),
        passes=int(prediction.passes[i, 0]),
        allowed=not reason,
        reason=reason,
        remedy=remedy,
    )
