"""The models by their names in the settings, and the shortcut from inventory to prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from planner.inventory.models import VM, Approach, Settings
from planner.inventory.settings import PAPER_BACKGROUND_EFFICIENCY
from planner.predict.btrplace import BtrplaceModel
from planner.predict.dirtying import dirtying_of
from planner.predict.paper import PaperModel
from planner.predict.protocol import Floats, Memory, Prediction, PredictionModel, Workload
from planner.predict.saturating import SaturatingModel

MODELS: dict[str, Callable[[Settings], PredictionModel]] = {
    "paper": lambda settings: PaperModel(settings.background_efficiency or PAPER_BACKGROUND_EFFICIENCY),
    "saturating": SaturatingModel,
    "btrplace": lambda settings: BtrplaceModel(),
}
"""Maker of each model; a further model is a line here and its name in `Settings.model`."""


def model_for(settings: Settings) -> PredictionModel:
    """Return the model that the settings name."""
    return MODELS[settings.model](settings)


def workload_of(vms: Sequence[VM]) -> Workload:
    """Return the workload of some VMs as column vectors, shape ``(len(vms), 1)``, to broadcast over rates."""
    facts = [
        (vm.image_bytes, vm.read_rate, vm.write_rate, vm.hot_memory, vm.hot_duration or 0.0, vm.cold_rate) for vm in vms
    ]
    columns = np.array(facts, dtype=np.float64).reshape(len(vms), 6)
    more = [
        (vm.memory, vm.memory if vm.nonzero_memory is None else vm.nonzero_memory, vm.disk, vm.disk_write_rate)
        for vm in vms
    ]
    whole, nonzero, disk, disk_rate = np.split(np.array(more, dtype=np.float64).reshape(len(vms), 4), 4, axis=1)
    image, read, write, hot, hot_s, cold = np.split(columns, 6, axis=1)
    memory = Memory(whole, nonzero, disk, disk_rate, dirtying_of(vms))
    return Workload(image, read, write, hot, hot_s, cold, memory)


def thresholds(settings: Settings, rates_bytes_per_s: Floats) -> Floats:
    """Return the stop threshold l [bytes] at each rate; the same shape as the rates."""
    if settings.stop_threshold is not None:
        return np.full_like(rates_bytes_per_s, settings.stop_threshold)
    return rates_bytes_per_s * settings.stop_threshold_bytes(1.0)


def predict_vm(
    settings: Settings, vm: VM, approach: Approach, rate_bytes_per_s: float, switch_point: float | None = None
) -> Prediction:
    """Predict one VM, approach, rate [bytes/s] and switch point [passes]; the arrays have shape ``(1, 1)``."""
    rate = np.array([[rate_bytes_per_s]], dtype=np.float64)
    switch = None if switch_point is None else np.full((1, 1), switch_point)
    return model_for(settings).predict(approach, workload_of([vm]), rate, thresholds(settings, rate), switch)
