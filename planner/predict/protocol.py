"""What every prediction model takes and gives: arrays in, arrays out, broadcast against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach

Floats = NDArray[np.float64]

DOWNTIME_TOLERANCE = 1e-9
"""By how much a downtime may be above the longest that a VM bears: a limit of 100 ms at a rate, divided by that rate,
need not be 100 ms again in floating point [1]."""


class Outside(IntEnum):
    """Why a model gives no number for a VM, approach and rate."""

    INSIDE = 0
    WRITES_OUTRUN_LINK = 1
    READS_OUTRUN_LINK = 2
    NOT_IN_MODEL = 3

    @property
    def reason(self) -> str:
        """The reason in words."""
        return {
            Outside.INSIDE: "converges",
            Outside.WRITES_OUTRUN_LINK: "does not converge: the VM dirties memory at least as fast as the link sends",
            Outside.READS_OUTRUN_LINK: "does not converge: the VM reads memory faster than the link sends",
            Outside.NOT_IN_MODEL: "not predicted: the model of the settings has no formula for this approach",
        }[self]


@dataclass(frozen=True, slots=True)
class Workload:
    """What a model needs to know of VMs; the arrays broadcast against each other and against the rate.

    Parameters
    ----------
    image_bytes
        Memory and disk to move (V) [bytes].
    read_rate, write_rate
        Rates at which the image is read (r) and dirtied (w) [bytes/s].
    hot_bytes, hot_s
        Pages that are dirtied over and over (H) [bytes], and within which time (S) [s].
    cold_rate
        Rate at which other pages are dirtied (c) [bytes/s].
    """

    image_bytes: Floats
    read_rate: Floats
    write_rate: Floats
    hot_bytes: Floats = field(default_factory=lambda: np.zeros(1))
    hot_s: Floats = field(default_factory=lambda: np.zeros(1))
    cold_rate: Floats = field(default_factory=lambda: np.zeros(1))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a migration costs. All arrays have one shape; NaN where ``outside`` is not 0.

    Parameters
    ----------
    time_s
        Migration time (Tm) [s].
    downtime_s
        Service downtime (Td) [s].
    transferred_bytes
        Bytes sent over the link [bytes].
    precopy_share
        Share of the image sent by iterative pre-copy (phi) [1].
    passes
        Pre-copy passes after the first (n) [count].
    outside
        Values of `Outside`.
    """

    time_s: Floats
    downtime_s: Floats
    transferred_bytes: Floats
    precopy_share: Floats
    passes: NDArray[np.int64]
    outside: NDArray[np.int8]


class PredictionModel(Protocol):
    """A model of live migration."""

    @property
    def name(self) -> str:
        """The name of the model in the settings."""
        ...

    def predict(
        self, approach: Approach, workload: Workload, rate_bytes_per_s: Floats, stop_threshold_bytes: Floats
    ) -> Prediction:
        """Predict one approach for arrays of workloads, rates (mu) and stop thresholds (l)."""
        ...


def blank(outside: NDArray[np.int8], *values: Floats) -> tuple[Floats, ...]:
    """Return the arrays with NaN where the model does not hold."""
    return tuple(np.where(outside == Outside.INSIDE, value, np.nan) for value in values)
