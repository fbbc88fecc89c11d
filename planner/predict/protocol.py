"""What every prediction model takes and gives: arrays in, arrays out, broadcast against each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach
from planner.predict.dirtying import Dirtying

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DOWNTIME_TOLERANCE = 1e-9
"""By how much a downtime may be above the longest that a VM bears: a limit of 100 ms at a rate, divided by that rate,
need not be 100 ms again in floating point [1]."""


class Outside(IntEnum):
    """Why a model gives no number for a VM, approach and rate."""

    INSIDE = 0
    WRITES_OUTRUN_LINK = 1
    READS_OUTRUN_LINK = 2
    NOT_IN_MODEL = 3
    TUNNELLED = 4
    DISK_WRITES_OUTRUN_LINK = 5

    @property
    def reason(self) -> str:
        """The reason in words."""
        return {
            Outside.INSIDE: "converges",
            Outside.WRITES_OUTRUN_LINK: "does not converge: the VM dirties memory at least as fast as the link sends",
            Outside.READS_OUTRUN_LINK: "does not converge: the VM reads memory faster than the link sends",
            Outside.TUNNELLED: "not possible: there is no post-copy through libvirt's tunnel",
            Outside.DISK_WRITES_OUTRUN_LINK: "does not converge: the VM writes to its disk at least as fast as the link"
            " sends",
            Outside.NOT_IN_MODEL: "not predicted: the model of the settings has no formula for this approach",
        }[self]


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of VMs beyond their rates; arrays of shape (M, 1), like those of a `Workload` of M VMs.

    Parameters
    ----------
    memory_bytes
        Memory, zero pages included [bytes].
    nonzero_bytes
        Memory that is not zero [bytes].
    disk_bytes, disk_write_rate
        Disk that moves too [bytes], and how fast the VM writes to it [bytes/s].
    dirtying
        How the memory is dirtied.
    """

    memory_bytes: Floats
    nonzero_bytes: Floats
    disk_bytes: Floats
    disk_write_rate: Floats
    dirtying: Dirtying


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
    memory
        More, where it is known; only for columns of VMs, shape (M, 1).
    """

    image_bytes: Floats
    read_rate: Floats
    write_rate: Floats
    hot_bytes: Floats = field(default_factory=lambda: np.zeros(1))
    hot_s: Floats = field(default_factory=lambda: np.zeros(1))
    cold_rate: Floats = field(default_factory=lambda: np.zeros(1))
    memory: Memory | None = None


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
    stall_s
        Part of the downtime in which the VM runs and its faults wait [s].
    slowed_s
        Part of the downtime that is vCPU time taken by auto-converge [s].
    """

    time_s: Floats
    downtime_s: Floats
    transferred_bytes: Floats
    precopy_share: Floats
    passes: NDArray[np.int64]
    outside: NDArray[np.int8]
    stall_s: Floats
    slowed_s: Floats

    @property
    def blackout_s(self) -> Floats:
        """Part of the downtime in which the VM stands still [s]."""
        standing: Floats = self.downtime_s - self.stall_s - self.slowed_s
        return standing


class PredictionModel(Protocol):
    """A model of live migration."""

    @property
    def name(self) -> str:
        """The name of the model in the settings."""
        ...

    @property
    def switch_points(self) -> tuple[float, ...]:
        """The switch points that it offers for the hybrid; empty where it has one of its own."""
        ...

    def predict(
        self,
        approach: Approach,
        workload: Workload,
        rate_bytes_per_s: Floats,
        stop_threshold_bytes: Floats,
        switch_point: Floats | None = None,
    ) -> Prediction:
        """Predict one approach for arrays of workloads, rates (mu), stop thresholds (l) and, for the hybrid, switches.

        A switch point is a number of passes after which post-copy starts; where it is None or NaN, the model's own.
        """
        ...


def blank(outside: NDArray[np.int8], *values: Floats) -> tuple[Floats, ...]:
    """Return the arrays with NaN where the model does not hold."""
    return tuple(np.where(outside == Outside.INSIDE, value, np.nan) for value in values)
