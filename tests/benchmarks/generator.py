"""The instances: leaf and spine clusters of six sizes, drawn from a seed.

The definition stands in docs/benchmarks.md; it does not follow changes of ``evac new``, so that figures of
different versions can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import INVENTORY_FORMAT, VM, Host, Inventory, Link

GIB = 2**30
MIB = 2**20
HOSTS_PER_LEAF = 10
OVERSUBSCRIPTION = 3
"""What the hosts of a leaf have together, over the uplink of the leaf [1]."""
HOST_MEMORY = 512 * GIB
HOST_CPUS = 512
HOT_SHARE = 0.04
"""Share of the VMs that dirty at half to more than the rate of their host's link [1]."""
WEIGHTS = (1.0, 1.0, 1.0, 2.0, 3.0)
VCPUS = (1, 2, 4, 8)
KAPPAS = (1.03, 1.1, 1.3, 2.0)
"""Deadlines, as multiples of the fluid deadline [1]."""
TUNING_SEEDS = tuple(range(1, 16))
SHOWN_SEEDS = (21, 22, 23, 24, 25)
"""No part of the planner was tuned on these, and none was looked at before the figures of the page were measured."""


@dataclass(frozen=True)
class Size:
    """A size of instance.

    Parameters
    ----------
    name
        How it is called.
    evacuated, vms, hosts
        How many hosts are emptied, and how many VMs and hosts there are.
    """

    name: str
    evacuated: int
    vms: int
    hosts: int


SIZES = {
    size.name: size
    for size in (
        Size("xs", 2, 10, 4),
        Size("s", 2, 50, 10),
        Size("m", 4, 200, 20),
        Size("l", 20, 1_000, 100),
        Size("xl", 50, 5_000, 500),
        Size("xxl", 200, 20_000, 2_000),
    )
}


@dataclass(frozen=True)
class Instance:
    """An evacuation without its deadline.

    Parameters
    ----------
    size, seed, gbit
        What it is drawn from: size, seed, and the rate of a host's link [Gbit/s].
    inventory
        The cluster.
    evacuate
        Names of the hosts to empty.
    """

    size: Size
    seed: int
    gbit: float
    inventory: Inventory
    evacuate: tuple[str, ...]


def generate(size: str, seed: int, gbit: float = 10.0) -> Instance:
    """Draw an instance; the same arguments give the same one everywhere.

    Parameters
    ----------
    size
        One of `SIZES`.
    seed
        Seed of all that is drawn.
    gbit
        Rate of a host's link [Gbit/s]. Hot VMs dirty in proportion to it, the others do not.
    """
    what = SIZES[size]
    names = [f"hv{i:04d}" for i in range(1, what.hosts + 1)]
    leaves = [f"leaf{i:03d}" for i in range(1, -(-what.hosts // HOSTS_PER_LEAF) + 1)]
    inventory = Inventory(
        format=INVENTORY_FORMAT,
        name=f"bench-{size}-{gbit:g}g-{seed}",
        hosts=tuple(Host(name=name, cpus=HOST_CPUS, memory=HOST_MEMORY) for name in names),
        switches=(*leaves, "spine"),
        links=_links(names, leaves, gbit * 1e9 / 8),
        vms=_vms(what, names, np.random.default_rng([seed, what.vms, what.hosts]), gbit * 1e9 / 8),
    )
    return Instance(what, seed, gbit, inventory, tuple(names[: what.evacuated]))


def _links(names: list[str], leaves: list[str], nic: float) -> tuple[Link, ...]:
    """Join hosts to their leaf at the rate of a NIC [bytes/s], and leaves to the spine at a third of their hosts."""
    down = [Link(between=(name, leaves[i // HOSTS_PER_LEAF]), bandwidth=nic) for i, name in enumerate(names)]
    ports = min(HOSTS_PER_LEAF, len(names))
    up = [Link(between=(leaf, "spine"), bandwidth=ports * nic / OVERSUBSCRIPTION) for leaf in leaves]
    return (*down, *up)


def _vms(size: Size, names: list[str], draw: np.random.Generator, nic: float) -> tuple[VM, ...]:
    """Draw the VMs, dealt to the hosts in turn."""
    count = size.vms
    memory_gib = np.clip(draw.lognormal(np.log(8), 1.0, count), 1, 128)
    memory = (memory_gib * (GIB // MIB)).astype(np.int64) * MIB
    write = draw.lognormal(np.log(10e6), 1.2, count)
    read = draw.lognormal(np.log(30e6), 1.2, count)
    hot = draw.random(count) < HOT_SHARE
    write = np.where(hot, draw.uniform(0.5, 1.3, count) * nic, write)
    columns = zip(
        memory.tolist(),
        np.round(read).tolist(),
        np.round(write).tolist(),
        draw.choice(VCPUS, count).tolist(),
        draw.choice(WEIGHTS, count).tolist(),
        strict=True,
    )
    return tuple(
        VM(
            name=f"vm{i + 1:05d}",
            host=names[i % len(names)],
            vcpus=vcpus,
            memory=held,
            read_rate=reads,
            write_rate=writes,
            weight=weight,
        )
        for i, (held, reads, writes, vcpus, weight) in enumerate(columns)
    )
