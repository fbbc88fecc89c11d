"""Workloads in many nights at once: what `planner.inventory.scale.scaled` does to one VM, done to arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.predict.dirtying import Dirtying
from planner.predict.protocol import Floats, Ints, Memory, Workload


def scaled_workload(workload: Workload, vm: Ints, write_factor: Floats, read_factor: Floats) -> Workload:
    """Return the workload of E VMs in a night each, shape (E, 1) like that of `workload_of`.

    Parameters
    ----------
    workload
        The workload of some VMs by `workload_of`, shape (M, 1).
    vm
        Which of them is meant, shape (E,).
    write_factor, read_factor
        How many times as fast it writes and reads, shape (E,) [1].
    """
    write, read = write_factor.reshape(-1, 1), read_factor.reshape(-1, 1)
    memory = workload.memory
    if memory is None:
        raise ValueError("only workloads of VMs can be scaled")
    return Workload(
        workload.image_bytes[vm],
        workload.read_rate[vm] * read,
        workload.write_rate[vm] * write,
        workload.hot_bytes[vm],
        workload.hot_s[vm] / write,
        workload.cold_rate[vm] * write,
        Memory(
            memory.memory_bytes[vm],
            memory.nonzero_bytes[vm],
            memory.disk_bytes[vm],
            memory.disk_write_rate[vm] * write,
            _scaled(memory.dirtying, vm, write),
        ),
    )


def _scaled(dirtying: Dirtying, vm: Ints, write: Floats) -> Dirtying:
    times = dirtying.vector_s[vm]
    return replace(
        dirtying,
        set_bytes=dirtying.set_bytes[vm],
        set_rate=dirtying.set_rate[vm] * write,
        steady_rate=dirtying.steady_rate[vm] * write[:, 0],
        most_bytes=dirtying.most_bytes[vm],
        vector_s=np.divide(times, write),
        vector_bytes=dirtying.vector_bytes[vm],
        measured=dirtying.measured[vm],
    )
