"""Level 0, named ``paper``: the formulas of the hybrid-approach paper, 2017, as printed."""

from __future__ import annotations

from dataclasses import dataclass

from planner.inventory.models import Approach
from planner.predict.cold import predict_cold
from planner.predict.hybrid import predict_hybrid
from planner.predict.postcopy import predict_postcopy
from planner.predict.precopy import predict_precopy
from planner.predict.protocol import Floats, Prediction, Workload


@dataclass(frozen=True)
class PaperModel:
    """The model of "Model of live migration of virtual machines with the hybrid approach", 2017.

    Parameters
    ----------
    background_efficiency
        alpha, the share of the bandwidth that background transfer reaches [1].
    """

    background_efficiency: float
    name: str = "paper"
    switch_points: tuple[float, ...] = ()

    def predict(
        self,
        approach: Approach,
        workload: Workload,
        rate_bytes_per_s: Floats,
        stop_threshold_bytes: Floats,
        switch_point: Floats | None = None,
    ) -> Prediction:
        """Predict one approach; see `planner.predict.protocol.PredictionModel`."""
        alpha = self.background_efficiency
        match approach:
            case Approach.COLD:
                return predict_cold(workload, rate_bytes_per_s)
            case Approach.PRECOPY:
                return predict_precopy(workload, rate_bytes_per_s, stop_threshold_bytes)
            case Approach.POSTCOPY:
                return predict_postcopy(workload, rate_bytes_per_s, alpha)
            case Approach.HYBRID:
                return predict_hybrid(workload, rate_bytes_per_s, stop_threshold_bytes, alpha)
