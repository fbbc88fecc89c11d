"""How fast predictions come: many VMs, bandwidths and switch points at once."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from planner.inventory.models import Settings
from planner.predict import Outside, Workload
from planner.predict.saturating import SaturatingModel


@dataclass(frozen=True)
class Pace:
    """One measurement.

    Parameters
    ----------
    predictions
        VMs times bandwidths times switch points [count].
    seconds
        Best of the repeats: processor time of this process [s].
    inside
        Share of them that have a number [1].
    """

    predictions: int
    seconds: float
    inside: float


def measure(vms: int, rates: int, points: int, repeats: int, seed: int = 0) -> Pace:
    """Predict a curve over switch points up to four passes for drawn VMs of 1 to 64 GB with up to 50 MB/s."""
    random = np.random.default_rng(seed)
    image = random.uniform(1e9, 64e9, (vms, 1))
    read, write = (random.uniform(0.0, 50e6, (vms, 1)) for _ in range(2))
    bandwidths = np.geomspace(20e6, 1.25e9, rates).reshape(1, -1)
    switches = tuple(np.linspace(0.0, 4.0, points).tolist())
    model, best, inside = SaturatingModel(Settings(model="saturating")), float("inf"), 0
    for _ in range(repeats):
        begun = time.process_time()
        found = model.curve(Workload(image, read, write), bandwidths, bandwidths * 0.3, switches)
        best = min(best, time.process_time() - begun)
        inside = sum(int((one.outside == Outside.INSIDE).sum()) for one in found)
    count = vms * rates * points
    return Pace(count, best, inside / count)
