"""Cold migration, stop and copy: the VM stands still while its image is sent once (Tm = Td = V/mu)."""

from __future__ import annotations

import numpy as np

from planner.predict.protocol import Floats, Prediction, Workload


def predict_cold(workload: Workload, rate: Floats) -> Prediction:
    """Predict a cold migration."""
    image, rate = np.broadcast_arrays(workload.image_bytes, rate)
    time = image / rate
    nothing = np.zeros(time.shape, dtype=np.int64)
    none = np.zeros_like(time)
    return Prediction(time, time, image + 0.0, none, nothing, nothing.astype(np.int8), none, none)
