"""The ways to move a VM that no other is as good as in time and downtime, over all switch points on a fine grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.inventory.models import VM, Approach, Inventory
from planner.predict.choice import chosen_vms, rates_of, refusal
from planner.predict.protocol import Outside, Prediction
from planner.predict.registry import model_for, thresholds, workload_of
from planner.predict.saturating import SaturatingModel, own_switch

FINE_POINTS = (*(k / 16 for k in range(1, 16)), *map(float, range(1, 11)))
"""The switch points that are tried: the first pass in sixteenths, then pass by pass [passes]."""
NOTABLE = 0.005
"""A slower point is on the front where it saves at least this share of the downtime of the next quicker one [1]."""


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """One way to move a VM.

    Parameters
    ----------
    approach
        How it would move.
    switch_point
        After how many passes the hybrid switches to post-copy [passes]; None for other approaches, and where the model
        has a share of its own.
    paper_share
        Whether the switch point is the share w/(r+w) of the hybrid-approach paper, 2017.
    time_s, downtime_s
        Migration time and service downtime [s].
    blackout_s, stall_s, slowed_s
        Parts of the downtime: the VM stands still, waits for pages, or lacks vCPU time that auto-converge takes [s].
    transferred_bytes
        Bytes sent over the link [bytes].
    offered
        Whether plans may use it: the planner's own grid of switch points is coarser.
    beaten
        Whether another way is at least as good in both time and downtime, or this one saves less than `NOTABLE`.
    """

    approach: Approach
    switch_point: float | None
    paper_share: bool
    time_s: float
    downtime_s: float
    blackout_s: float
    stall_s: float
    slowed_s: float
    transferred_bytes: float
    offered: bool
    beaten: bool = False


@dataclass(frozen=True, slots=True)
class Front:
    """The ways to move one VM at one bandwidth.

    Parameters
    ----------
    vm
        Its name.
    rate_bytes_per_s
        The bandwidth [bytes/s].
    points
        What is allowed and has a number, the quickest first; those on the front are not ``beaten``.
    """

    vm: str
    rate_bytes_per_s: float
    points: tuple[FrontPoint, ...]

    @property
    def best(self) -> tuple[FrontPoint, ...]:
        """The front: ever slower, with ever less downtime."""
        return tuple(point for point in self.points if not point.beaten)


@dataclass(frozen=True, slots=True)
class _Way:
    approach: Approach
    switch_point: float | None
    paper_share: bool
    offered: bool
    found: Prediction


def fronts(
    inventory: Inventory, vms: Sequence[str] | None = None, rate_bytes_per_s: float | None = None
) -> list[Front]:
    """Find for each VM the ways to move that no other is as good as.

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
    list of Front
        One a VM.

    Raises
    ------
    InputError
        If a VM is unknown, or its host has no link and no bandwidth is given.
    """
    chosen = chosen_vms(inventory, vms)
    if not chosen:
        return []
    rates = rates_of(inventory, chosen, rate_bytes_per_s)
    ways = _ways(inventory, chosen, np.array(rates, dtype=np.float64).reshape(-1, 1))
    return [Front(vm.name, rates[i], _points(inventory, vm, i, ways)) for i, vm in enumerate(chosen)]


def _ways(
    inventory: Inventory, vms: Sequence[VM], rates: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> list[_Way]:
    """Predict all ways; where several cost the same, the first is meant."""
    settings, workload = inventory.settings, workload_of(vms)
    model, limits = model_for(settings), thresholds(settings, rates)
    simple = (Approach.PRECOPY, Approach.POSTCOPY, Approach.COLD)
    ways = [_Way(way, None, False, True, model.predict(way, workload, rates, limits)) for way in simple]
    if not isinstance(model, SaturatingModel):
        return [*ways, _Way(Approach.HYBRID, None, True, True, model.predict(Approach.HYBRID, workload, rates, limits))]
    chosen = settings.hybrid_switch
    points = FINE_POINTS if chosen == "front" else model.switch_points
    for point, found in zip(points, model.curve(workload, rates, limits, points), strict=True):
        ways.append(_Way(Approach.HYBRID, point, False, point in model.switch_points, found))
    if chosen in ("front", "paper"):
        share = model.predict(Approach.HYBRID, workload, rates, limits, own_switch("paper", workload))
        ways.append(_Way(Approach.HYBRID, None, True, chosen == "paper", share))
    return ways


def _points(inventory: Inventory, vm: VM, i: int, ways: Sequence[_Way]) -> tuple[FrontPoint, ...]:
    points: dict[tuple[float, float, bool], FrontPoint] = {}
    for way in ways:
        found = way.found
        if found.outside[i, 0] != Outside.INSIDE:
            continue
        downtime_s = float(found.downtime_s[i, 0])
        if refusal(inventory.settings, vm, way.approach, downtime_s):
            continue
        time_s = float(found.time_s[i, 0])
        # A hybrid whose pre-copy ends before the switch is pre-copy, and stands there as that.
        points.setdefault(
            (time_s, downtime_s, way.paper_share),
            FrontPoint(
                way.approach,
                float(found.precopy_share[i, 0]) if way.paper_share else way.switch_point,
                way.paper_share,
                time_s,
                downtime_s,
                float(found.blackout_s[i, 0]),
                float(found.stall_s[i, 0]),
                float(found.slowed_s[i, 0]),
                float(found.transferred_bytes[i, 0]),
                way.offered,
            ),
        )
    return _marked(list(points.values()))


def _marked(points: Sequence[FrontPoint]) -> tuple[FrontPoint, ...]:
    """Return points by time, those marked that another is as good as."""
    marked, least_s = [], np.inf
    for point in sorted(points, key=lambda point: (point.time_s, point.downtime_s)):
        beaten = point.downtime_s >= least_s * (1 - NOTABLE)
        marked.append(replace(point, beaten=beaten))
        least_s = least_s if beaten else point.downtime_s
    return tuple(marked)
