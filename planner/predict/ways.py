"""The ways in which a VM may move: an approach, and for the hybrid a switch point where the model offers several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import ALL_APPROACHES, Approach
from planner.predict.protocol import Floats, Prediction, PredictionModel, Workload
from planner.predict.saturating import SaturatingModel


@dataclass(frozen=True, slots=True)
class Way:
    """One way to move.

    Parameters
    ----------
    approach
        The approach.
    switch_point
        After how many passes it switches to post-copy [count]; None where the model has one of its own.
    """

    approach: Approach
    switch_point: float | None = None


def ways_of(model: PredictionModel) -> tuple[Way, ...]:
    """Return the ways that a model tells apart: the approaches, and the hybrid once for each switch point.

    Where several cost the same the last is meant, so that those that switch stand before those that never do.
    """
    if not model.switch_points:
        return tuple(Way(approach) for approach in ALL_APPROACHES)
    hybrids = tuple(Way(Approach.HYBRID, point) for point in sorted(model.switch_points, reverse=True))
    return (*hybrids, Way(Approach.COLD), Way(Approach.POSTCOPY), Way(Approach.PRECOPY))


def predict_way(model: PredictionModel, way: Way, workload: Workload, rates: Floats, thresholds: Floats) -> Prediction:
    """Predict one way for arrays of workloads, rates [bytes/s] and stop thresholds [bytes]."""
    switch = None if way.switch_point is None else np.array(way.switch_point)
    return model.predict(way.approach, workload, rates, thresholds, switch)


def predict_ways(
    model: PredictionModel, ways: Sequence[Way], workload: Workload, rates: Floats, thresholds: Floats
) -> list[Prediction]:
    """Predict several ways as `predict_way` does each; the passes that switch points share are run once."""
    points = tuple(way.switch_point for way in ways if way.switch_point is not None)
    curve = model.curve(workload, rates, thresholds, points) if isinstance(model, SaturatingModel) else []
    found = dict(zip(points, curve, strict=True)) if curve else {}
    return [
        found[way.switch_point] if way.switch_point in found else predict_way(model, way, workload, rates, thresholds)
        for way in ways
    ]
