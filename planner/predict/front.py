"""The ways to move a VM that no other is as good as in time and downtime, over all switch points on a fine grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


_Figures = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to move, with the figures of all VMs in the order of those of `FrontPoint`, and whether they are any."""

    approach: Approach
    switch_point: float | None
    paper_share: bool
    offered: bool
    figures: list[_Figures]
    shares: list[float]
    inside: list[bool]

    @staticmethod
    def of(
        found: Prediction,
        approach: Approach,
        switch_point: float | None = None,
        *,
        paper_share: bool = False,
        offered: bool = True,
    ) -> _Way:
        parts = (found.time_s, found.downtime_s, found.blackout_s, found.stall_s, found.slowed_s)
        columns = [part[:, 0].tolist() for part in (*parts, found.transferred_bytes)]
        figures: list[_Figures] = list(zip(*columns, strict=True))
        inside = (found.outside[:, 0] == Outside.INSIDE).tolist()
        return _Way(approach, switch_point, paper_share, offered, figures, found.precopy_share[:, 0].tolist(), inside)


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
    ways = [
        _Way.of(model.predict(approach, workload, rates, limits), approach)
        for approach in (Approach.PRECOPY, Approach.POSTCOPY, Approach.COLD)
    ]
    if not isinstance(model, SaturatingModel):
        own = model.predict(Approach.HYBRID, workload, rates, limits)
        return [*ways, _Way.of(own, Approach.HYBRID, paper_share=True)]
    chosen = settings.hybrid_switch
    points = FINE_POINTS if chosen == "front" else model.switch_points
    for point, found in zip(points, model.curve(workload, rates, limits, points), strict=True):
        ways.append(_Way.of(found, Approach.HYBRID, point, offered=point in model.switch_points))
    if chosen in ("front", "paper"):
        share = model.predict(Approach.HYBRID, workload, rates, limits, own_switch("paper", workload))
        ways.append(_Way.of(share, Approach.HYBRID, paper_share=True, offered=chosen == "paper"))
    return ways


def _points(inventory: Inventory, vm: VM, i: int, ways: Sequence[_Way]) -> tuple[FrontPoint, ...]:
    """Return what is allowed, by time, those marked that another is as good as."""
    kept: dict[tuple[float, float, bool], _Way] = {}
    for way in ways:
        time_s, downtime_s = way.figures[i][:2]
        if way.inside[i] and not refusal(inventory.settings, vm, way.approach, downtime_s):
            # A hybrid whose pre-copy ends before the switch is pre-copy, and stands there as that.
            kept.setdefault((time_s, downtime_s, way.paper_share), way)
    points, least_s = [], np.inf
    for (_, downtime_s, _), way in sorted(kept.items(), key=lambda item: item[0]):
        beaten = downtime_s >= least_s * (1 - NOTABLE)
        least_s = least_s if beaten else downtime_s
        switch_point = way.shares[i] if way.paper_share else way.switch_point
        points.append(FrontPoint(way.approach, switch_point, way.paper_share, *way.figures[i], way.offered, beaten))
    return tuple(points)
