"""Made-up clusters in the shape of real ones: leaf and spine, a few heavy writers, rules, room to evacuate.

Most VMs dirty 1 to 50 MB/s (lognormal); one in twenty-five is a busy database that dirties at half to more than
the rate of its host's link.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.errors import InputError, Problem
from planner.inventory.fabric import LINK_GBIT, leaf_and_spine
from planner.inventory.models import (
    INVENTORY_FORMAT,
    MAX_ITEMS,
    VM,
    Approach,
    Before,
    Host,
    Inventory,
    NotAtOnce,
    Rule,
    Separate,
    Settings,
    Together,
)

GIB = 2**30
HOT_SHARE = 0.04
LEAST_VMS_FOR_RULES = 8

_LINK_MB = LINK_GBIT * 1000 / 8
_ROLES = ("web", "app", "cache", "queue", "mail", "file", "build", "batch")
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def synthesize(hosts: int = 20, vms: int = 200, seed: int = 7, name: str | None = None) -> Inventory:
    """Make up a cluster.

    Parameters
    ----------
    hosts
        Number of hosts, at least 1.
    vms
        Number of VMs; 10 a host make sensible hosts.
    seed
        Seed of all that is drawn; the same numbers give the same cluster.
    name
        Name of the cluster; made of the numbers if absent.

    Returns
    -------
    Inventory
        A cluster whose hosts use about half to three quarters of their memory, less where hosts or VMs are few: half of
        the hosts or more could take the largest VM beside what they have, and the others together any one host.

    Raises
    ------
    InputError
        If the numbers are no numbers of hosts, VMs or a seed.
    """
    _check(hosts, vms, seed)
    draw = np.random.default_rng(seed)
    hot = draw.random(vms) < HOT_SHARE
    memory_gib = _memory_gib(draw, hot)
    vcpus = np.clip(memory_gib // 4, 1, 32)
    home = _place(draw, memory_gib, hosts)
    host_gib = _sold(_capacity(memory_gib, home, hosts))
    cpus = 8 * math.ceil(max(_capacity(vcpus, home, hosts), 8) / 8)
    newer = draw.random(hosts) < 0.7
    names = [_host_name(i, hosts) for i in range(hosts)]
    switches, links = leaf_and_spine(names)
    machines = _vms(draw, memory_gib, vcpus, hot, home, newer)
    return Inventory(
        format=INVENTORY_FORMAT,
        name=name or f"cluster-{hosts}x{vms}-seed{seed}",
        settings=Settings(model="saturating"),
        hosts=tuple(
            Host(
                name=names[i],
                cpus=cpus,
                memory=host_gib * GIB,
                labels=("x86-v3", "x86-v4") if newer[i] else ("x86-v3",),
            )
            for i in range(hosts)
        ),
        switches=switches,
        links=links,
        vms=machines,
        rules=_rules(draw, machines, hosts),
    )


def _check(hosts: int, vms: int, seed: int) -> None:
    problems = [
        Problem("out-of-range", f"{what} must be {least} to {MAX_ITEMS:,}, got {count:,}", "give another number")
        for what, least, count in (("the number of hosts", 1, hosts), ("the number of VMs", 0, vms))
        if not least <= count <= MAX_ITEMS
    ]
    if seed < 0:
        problems.append(Problem("out-of-range", f"the seed must not be negative, got {seed}", "give 0 or more"))
    if problems:
        raise InputError(problems)


def _memory_gib(draw: np.random.Generator, hot: NDArray[np.bool_]) -> Integers:
    """Draw memory sizes: lognormal around 16 GiB, around 64 GiB for busy databases, as powers of two to 128 GiB."""
    centre = np.where(hot, np.log(64), np.log(16))
    exponent = np.round(draw.normal(centre, 0.8) / np.log(2))
    sizes: Integers = (2 ** np.clip(exponent, 1, 7)).astype(np.int64)
    return sizes


def _place(draw: np.random.Generator, memory_gib: Integers, hosts: int) -> Integers:
    """Return the host of each VM, by index.

    Largest first, each VM goes to the host that has least; the hosts begin unequal, so they end unequal.
    """
    start = draw.uniform(0.0, 0.24, hosts) * float(memory_gib.sum()) / hosts
    heap = [(float(load), i) for i, load in enumerate(start)]
    heapq.heapify(heap)
    home = np.zeros(len(memory_gib), dtype=np.int64)
    for vm in np.argsort(-memory_gib, kind="stable"):
        load, i = heap[0]
        home[vm] = i
        heapq.heapreplace(heap, (load + float(memory_gib[vm]), i))
    return home


def _capacity(sizes: Integers, home: Integers, hosts: int) -> float:
    """Return what each host must have, of memory or of vCPUs, to leave room to evacuate."""
    loads = np.bincount(home, sizes, hosts)
    fill = min(0.65, 0.8 * (hosts - 1) / hosts) if hosts > 1 else 0.65
    beside = float(np.median(loads)) + float(sizes.max(initial=0))
    return max(float(loads.mean()) / fill, float(loads.max()) / 0.9, beside)


def _sold(least_gib: float) -> int:
    """Return the next memory size that hosts are sold with: 16, 24, 32, 48, 64, 96 and so on [GiB]."""
    power: int = 2 ** math.ceil(math.log2(max(least_gib, 16)))
    return power * 3 // 4 if power * 3 // 4 >= max(least_gib, 16) else power


def _host_name(index: int, hosts: int) -> str:
    return f"hv{index + 1:0{max(2, len(str(hosts)))}d}"


def _vms(
    draw: np.random.Generator,
    memory_gib: Integers,
    vcpus: Integers,
    hot: NDArray[np.bool_],
    home: Integers,
    newer: NDArray[np.bool_],
) -> tuple[VM, ...]:
    count = len(memory_gib)
    write = np.clip(draw.lognormal(np.log(8), 0.9, count), 0.1, 0.3 * _LINK_MB)
    write = np.where(hot, draw.uniform(0.5, 1.3, count) * _LINK_MB, write)
    read = np.clip(draw.lognormal(np.log(20), 0.9, count), 0.1, 0.3 * _LINK_MB)
    read = np.where(hot, draw.uniform(0.05, 0.3, count) * _LINK_MB, read)
    weight = draw.choice([1.0, 2.0, 5.0, 10.0], count, p=[0.7, 0.15, 0.1, 0.05])
    weight = np.where(hot, np.maximum(weight, 3.0), weight)
    role = draw.integers(len(_ROLES), size=count)
    kind = draw.random(count)
    # Where three hosts are newer, their VMs have somewhere to go when two of them are emptied.
    needs_newer = (draw.random(count) < 0.1) & newer[home] & (newer.sum() > 2)
    digits = len(str(count))
    hosts = len(newer)
    return tuple(
        VM(
            name=f"{'db' if hot[i] else _ROLES[role[i]]}-{i + 1:0{digits}d}",
            host=_host_name(int(home[i]), hosts),
            vcpus=int(vcpus[i]),
            memory=int(memory_gib[i]) * GIB,
            read_rate=round(float(read[i]), 1) * 1e6,
            write_rate=round(float(write[i]), 1) * 1e6,
            weight=float(weight[i]),
            max_downtime=1.0 if kind[i] < 0.03 and not hot[i] else None,
            approaches=(Approach.COLD, Approach.PRECOPY) if kind[i] > 0.97 and not hot[i] else None,
            requires=("x86-v4",) if needs_newer[i] else (),
        )
        for i in range(count)
    )


def _rules(draw: np.random.Generator, vms: Sequence[VM], hosts: int) -> tuple[Rule, ...]:
    """Pair VMs at random, no VM in two rules: separate on different hosts, the other kinds on one host."""
    if len(vms) < LEAST_VMS_FOR_RULES:
        return ()
    free = [vms[i] for i in draw.permutation(len(vms))]
    # Among fewer hosts than four a pair that must part leaves none to evacuate two of them to.
    few, some = max(1, len(vms) // 80), max(1, len(vms) // 40) if hosts > 3 else 0
    return (
        *(Separate(separate=pair) for pair in _pairs(free, some, on_one_host=False)),
        *(Together(together=pair) for pair in _pairs(free, few, on_one_host=True)),
        *(NotAtOnce(not_at_once=pair) for pair in _pairs(free, few, on_one_host=True)),
        *(Before(before=pair) for pair in _pairs(free, few, on_one_host=True)),
    )


def _pairs(free: list[VM], count: int, on_one_host: bool) -> list[tuple[str, str]]:
    """Take pairs out of the VMs that no rule names yet; fewer than wanted if there are no more."""
    pairs: list[tuple[str, str]] = []
    while free and len(pairs) < count:
        first = free.pop()
        fitting = (i for i in reversed(range(len(free))) if (free[i].host == first.host) == on_one_host)
        second = next(fitting, None)
        if second is not None:
            pairs.append((first.name, free.pop(second).name))
    return pairs
