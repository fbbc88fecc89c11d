"""How long a migration takes and how long the service is down, by approach and bandwidth."""

from planner.predict.protocol import Outside, Prediction, PredictionModel, Workload
from planner.predict.registry import MODELS, model_for, predict_vm, workload_of

__all__ = [
    "MODELS",
    "Outside",
    "Prediction",
    "PredictionModel",
    "Workload",
    "model_for",
    "predict_vm",
    "workload_of",
]
