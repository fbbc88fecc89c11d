"""Predictions as rows: one a VM and approach, for people and machines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from planner.errors import InputError, Place, Problem
from planner.inventory.models import ALL_APPROACHES, VM, Approach, Inventory, Settings
from planner.predict.protocol import DOWNTIME_TOLERANCE, Outside, Prediction
from planner.predict.registry import model_for, thresholds, workload_of
from planner.units import format_duration


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
    """

    vm: str
    approach: Approach
    rate_bytes_per_s: float
    time_s: float | None
    downtime_s: float | None
    transferred_bytes: float | None
    precopy_share: float | None
    passes: int
    allowed: bool
    reason: str


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
    chosen = _choose(inventory, vms)
    if not chosen:
        return []
    rates = np.array([[rate] for rate in _rates(inventory, chosen, rate_bytes_per_s)], dtype=np.float64)
    limits = thresholds(inventory.settings, rates)
    model, workload = model_for(inventory.settings), workload_of(chosen)
    found = {approach: model.predict(approach, workload, rates, limits) for approach in ALL_APPROACHES}
    return [
        _row(inventory.settings, vm, approach, float(rates[i, 0]), found[approach], i)
        for i, vm in enumerate(chosen)
        for approach in ALL_APPROACHES
    ]


def _choose(inventory: Inventory, names: Sequence[str] | None) -> list[VM]:
    by_name = {vm.name: vm for vm in inventory.vms}
    if names is None:
        return list(by_name.values())
    problems = []
    for name in names:
        if name not in by_name:
            begun = (known for known in by_name if name and known.startswith(name))
            near = difflib.get_close_matches(name, by_name, n=1) or list(islice(begun, 1))
            mend = f"did you mean {near[0]!r}?" if near else "use a name that is in the inventory"
            problems.append(Problem("unknown-vm", f"there is no VM {name!r}", mend, Place(path="vm")))
    if problems:
        raise InputError(problems)
    return [by_name[name] for name in dict.fromkeys(names)]


def _rates(inventory: Inventory, vms: Sequence[VM], given: float | None) -> list[float]:
    if given is not None:
        if given <= 0:
            raise InputError.single(
                "bandwidth", "the bandwidth must be above 0", "give one such as 10 Gbit/s", Place(path="bandwidth")
            )
        return [given] * len(vms)
    fastest: dict[str, float] = {}
    for link in inventory.links:
        if link.carries(inventory.settings.migration_network):
            for end, capacity in zip(link.between, link.capacities_bytes_per_s, strict=True):
                fastest[end] = max(fastest.get(end, 0.0), capacity * link.share_of(1))
    bare = sorted({vm.host for vm in vms} - fastest.keys())
    if bare:
        mend, place = "add one to the inventory, or give a bandwidth", Place(path="links")
        raise InputError([Problem("no-link", f"host {host!r} has no link", mend, place) for host in bare])
    return [fastest[vm.host] for vm in vms]


def _row(
    settings: Settings, vm: VM, approach: Approach, rate_bytes_per_s: float, prediction: Prediction, i: int
) -> PredictionRow:
    outside = Outside(int(prediction.outside[i, 0]))
    inside = outside is Outside.INSIDE
    downtime_s = float(prediction.downtime_s[i, 0]) if inside else None
    reason = _refusal(settings, vm, approach, outside, downtime_s)
    return PredictionRow(
        vm=vm.name,
        approach=approach,
        rate_bytes_per_s=rate_bytes_per_s,
        time_s=float(prediction.time_s[i, 0]) if inside else None,
        downtime_s=downtime_s,
        transferred_bytes=float(prediction.transferred_bytes[i, 0]) if inside else None,
        precopy_share=float(prediction.precopy_share[i, 0]) if inside else None,
        passes=int(prediction.passes[i, 0]),
        allowed=not reason,
        reason=reason,
    )


def _refusal(settings: Settings, vm: VM, approach: Approach, outside: Outside, downtime_s: float | None) -> str:
    """Return why a plan may not use it, or nothing."""
    if downtime_s is None:
        return outside.reason
    if approach not in settings.approaches:
        return "not among the approaches of the settings"
    if vm.approaches is not None and approach not in vm.approaches:
        return "not among the approaches of the VM"
    if vm.max_downtime is not None and downtime_s > vm.max_downtime * (1 + DOWNTIME_TOLERANCE):
        return f"longer down than the VM bears ({format_duration(vm.max_downtime)})"
    return ""
