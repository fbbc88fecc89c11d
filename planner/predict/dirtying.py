"""How much memory VMs have dirtied some time after they were last looked at: it saturates, for pages are rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import VM

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dirtying:
    """The dirtying of M VMs: D(t) = min(V, sum over sets of W (1 - exp(-w t / W)) + c t), or a measured vector.

    Parameters
    ----------
    set_bytes, set_rate
        Working sets (W) [bytes] and the rates at which they are written (w) [bytes/s], shape (M, K); unused places
        have the rate 0 and any positive size.
    steady_rate
        Rate at which pages are written that never were before (c), shape (M,) [bytes/s].
    most_bytes
        The memory that can be dirty at all (V), shape (M,) [bytes].
    vector_s, vector_bytes
        Points of measured vectors, from (0, 0) on, shape (M, P) [s], [bytes]; infinite times fill up. Beyond the
        last point the last slope holds.
    measured
        Whose vector counts in place of sets and steady rate, shape (M,).
    """

    set_bytes: Floats
    set_rate: Floats
    steady_rate: Floats
    most_bytes: Floats
    vector_s: Floats
    vector_bytes: Floats
    measured: NDArray[np.bool_]

    def dirtied(self, vm: Ints, time_s: Floats) -> Floats:
        """Return D(t) of some VMs, by index, each at its own time; one shape for all [bytes]."""
        found = self.steady_rate[vm] * time_s
        for size, rate in zip(self.set_bytes.T, self.set_rate.T, strict=True):
            found = found - size[vm] * np.expm1(-rate[vm] * time_s / size[vm])
        by_vector = np.flatnonzero(self.measured[vm])
        if by_vector.size:
            found[by_vector] = self._interpolated(vm[by_vector], time_s[by_vector])
        return np.minimum(found, self.most_bytes[vm])

    def reached_bytes(self) -> Floats:
        """Return the memory that the writes ever reach, shape (M,) [bytes]."""
        sets = np.where(self.set_rate > 0, self.set_bytes, 0.0).sum(axis=1)
        spread = self.measured | (self.steady_rate > 0)
        return np.where(spread, self.most_bytes, np.minimum(sets, self.most_bytes))

    def rate_at_first(self) -> Floats:
        """Return D'(0), the rate at which memory is dirtied right after it was looked at, shape (M,) [bytes/s]."""
        rate = self.set_rate.sum(axis=1) + self.steady_rate
        if self.measured.any():
            rate = np.where(self.measured, self.vector_bytes[:, 1] / self.vector_s[:, 1], rate)
        return rate

    def _interpolated(self, vm: Ints, time_s: Floats) -> Floats:
        known, height = self.vector_s[vm], self.vector_bytes[vm]
        points = np.isfinite(known).sum(axis=1)
        after = np.clip((known < time_s[:, None]).sum(axis=1), 1, points - 1)
        row = np.arange(len(vm))
        start_s, start = known[row, after - 1], height[row, after - 1]
        slope = (height[row, after] - start) / (known[row, after] - start_s)
        found: Floats = start + slope * (time_s - start_s)
        return found


def one_set(set_bytes: Floats, write_rate: Floats) -> Dirtying:
    """Return the dirtying of VMs that write to all their memory, shapes (M,) [bytes], [bytes/s]."""
    count = len(set_bytes)
    return Dirtying(
        set_bytes.reshape(-1, 1),
        write_rate.reshape(-1, 1),
        np.zeros(count),
        set_bytes,
        np.full((count, 2), np.inf),
        np.zeros((count, 2)),
        np.zeros(count, dtype=np.bool_),
    )


def dirtying_of(vms: Sequence[VM]) -> Dirtying:
    """Return how some VMs dirty their memory, from the most that is known of each.

    That is a vector, or sets, or hot memory (a set that is written once in its time, and a steady rate beside it),
    or one rate over a working set, which is the whole memory where nothing is known.
    """
    sets = [_sets(vm) for vm in vms]
    widest = max([1, *(len(own) for own in sets)])
    size, rate = np.ones((len(vms), widest)), np.zeros((len(vms), widest))
    longest = max((len(vm.dirty_vector or ()) for vm in vms), default=0) + 1
    times, heights = np.full((len(vms), max(longest, 2)), np.inf), np.zeros((len(vms), max(longest, 2)))
    times[:, 0] = 0.0
    for i, (vm, own) in enumerate(zip(vms, sets, strict=True)):
        for k, (bytes_, bytes_per_s) in enumerate(own):
            size[i, k], rate[i, k] = bytes_, bytes_per_s
        for p, point in enumerate(vm.dirty_vector or (), start=1):
            times[i, p], heights[i, p] = point.after, point.dirtied
    return Dirtying(
        size,
        rate,
        np.array([_steady(vm) for vm in vms], dtype=np.float64),
        np.array([vm.memory for vm in vms], dtype=np.float64),
        times,
        heights,
        np.array([vm.dirty_vector is not None for vm in vms], dtype=np.bool_),
    )


def _sets(vm: VM) -> list[tuple[float, float]]:
    """Return sizes [bytes] and rates [bytes/s] of a VM's working sets."""
    if vm.dirty_vector is not None:
        return []
    if vm.dirty_sets is not None:
        return [(float(own.size), own.rate) for own in vm.dirty_sets]
    if vm.hot_memory and vm.hot_duration:
        return [(float(vm.hot_memory), vm.hot_memory / vm.hot_duration)]
    return [(float(vm.working_set or vm.memory), vm.write_rate)]


def _steady(vm: VM) -> float:
    """Return the rate at which a VM writes beside its sets [bytes/s]."""
    if vm.hot_memory and vm.hot_duration:
        return vm.cold_rate
    return 0.0 if vm.cold_write_rate is None else vm.cold_write_rate
