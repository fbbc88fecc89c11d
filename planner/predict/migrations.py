"""Migrations side by side: what the model ``saturating`` needs to know of each, worked out once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Settings
from planner.predict.dirtying import one_set
from planner.predict.faulting import PAGE_BYTES
from planner.predict.link_terms import link_terms
from planner.predict.passes import Setting
from planner.predict.protocol import Floats, Memory, Workload


@dataclass(frozen=True, slots=True)
class Migrations:
    """E migrations: every VM at every rate, flattened. Arrays of shape (E,).

    Parameters
    ----------
    shape
        The shape before it was flattened.
    setting
        What their passes meet. Where a disk moves too, its copy is done before, and what the VM writes to it meanwhile
        goes first.
    read_rate, write_rate
        Rates at which the VM reads its memory, and at which it dirties what was just looked at [bytes/s].
    wire_rate
        What of the reserved bandwidth carries data [bytes/s].
    fixed_s, switch_s
        Time beside copying, that of the switch-over included; time of the switch-over, the VM stands still [s].
    fault_latency_s
        What a fault waits after the switch, beside its page's own time on the link [s].
    disk_bytes, disk_write_rate
        Disk that moves too [bytes], and how fast the VM writes to it [bytes/s]; 0 where none moves.
    disk_outruns
        Whether those writes leave nothing of the link.
    compression_ratio
        Bytes of memory for a byte on the link before the switch [1].
    """

    shape: tuple[int, ...]
    setting: Setting
    read_rate: Floats
    write_rate: Floats
    wire_rate: Floats
    fixed_s: Floats
    switch_s: Floats
    fault_latency_s: Floats
    disk_bytes: Floats
    disk_write_rate: Floats
    disk_outruns: NDArray[np.bool_]
    compression_ratio: float

    @property
    def count(self) -> int:
        """How many there are (E)."""
        return len(self.wire_rate)

    @property
    def disk_s(self) -> Floats:
        """Time in which the disk is copied while the VM runs [s]."""
        took: Floats = self.disk_bytes * self.compression_ratio / self.setting.rate
        return took


def side_by_side(
    settings: Settings, workload: Workload, rate: Floats, threshold: Floats, *, header_bytes: float, whole_passes: bool
) -> Migrations:
    """Return the migrations of VMs at rates [bytes/s] with stop thresholds [bytes], which broadcast.

    A downtime limit counts at the rate that the pages are measured to go at.
    """
    image, read, rate, threshold = np.broadcast_arrays(
        workload.image_bytes, workload.read_rate, rate, threshold, subok=False
    )
    memory = workload.memory or _known_by_rates(workload)
    column = np.arange(memory.memory_bytes.size).reshape(memory.memory_bytes.shape)
    vm, rate = np.broadcast_to(column, image.shape).reshape(-1), rate.reshape(-1)
    terms = link_terms(settings, rate)
    wire = terms.wire_bytes_per_s
    disk = memory.disk_bytes.reshape(-1)[vm]
    disk_writes = np.where(disk > 0, memory.disk_write_rate.reshape(-1)[vm], 0.0)
    outruns = disk_writes >= wire
    pages = np.where(outruns, wire, wire - disk_writes)  # any positive rate where the disk leaves none
    stop = threshold.reshape(-1)
    if settings.stop_threshold is None:
        stop = stop * pages / rate
    first, reached = _to_send(memory, header_bytes)
    return Migrations(
        image.shape,
        Setting(
            vm,
            first[vm],
            reached[vm],
            pages * settings.compression_ratio,
            stop,
            memory.dirtying,
            1.0 + header_bytes / PAGE_BYTES,
            whole_passes,
        ),
        read.reshape(-1),
        memory.dirtying.rate_at_first()[vm],
        wire,
        np.maximum(terms.fixed_s, terms.switch_s),
        terms.switch_s,
        terms.fault_latency_s,
        disk,
        disk_writes,
        outruns,
        settings.compression_ratio,
    )


def _to_send(memory: Memory, header_bytes: float) -> tuple[Floats, Floats]:
    """Return what the first pass sends, and what later passes find dirty at most, by VM, shape (M,) [bytes]."""
    weight = 1.0 + header_bytes / PAGE_BYTES
    zero = memory.memory_bytes - memory.nonzero_bytes
    first = memory.nonzero_bytes * weight + zero / PAGE_BYTES * header_bytes
    return first.reshape(-1), memory.dirtying.reached_bytes() * weight


def _known_by_rates(workload: Workload) -> Memory:
    """Return what a workload of rates alone says: one working set that is the whole image."""
    image = np.asarray(workload.image_bytes, dtype=np.float64)
    nothing = np.zeros(image.shape)
    write = np.broadcast_to(workload.write_rate, image.shape)
    return Memory(image, image, nothing, nothing, one_set(image.reshape(-1), write.reshape(-1)))
