"""The fluid deadline D_LP of an instance: what deadlines are multiples of.

It is the least D of a linear program in which VMs may be split over choices and destinations, and the order of the
moves is nothing but volumes and slots::

    min D
    sum_k y[v,k] = 1                                       each VM
    sum_k T[v,k] y[v,k] <= D                               each VM
    sum T[v,k] mu[k] y[v,k] <= capacity D                  source NIC, leaf up, leaves down, target NICs
    sum T[v,k] y[v,k] <= migrations at once D              source, targets
    sum memory y, sum vCPUs y <= what is free              targets

k is an approach, a bandwidth and a destination: the source's own leaf, or all leaves without sources as one pool.
The bandwidths on offer are 1, 1/2 and 1/4 of the NIC and, between leaves, U/n and U/2n with n = ceil(U/NIC) for an
uplink U. The definition is the benchmark's own, so that deadlines stay what they are when the planner changes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import ALL_APPROACHES
from planner.optimize.backend import Outcome, solve
from planner.optimize.program import Program
from planner.predict import model_for, workload_of
from planner.predict.registry import thresholds
from tests.benchmarks.generator import HOST_CPUS, HOST_MEMORY, HOSTS_PER_LEAF, Instance

LONGEST_S = 1e7
"""Upper bound on D [s]."""
SOLVE_LIMIT_S = 600.0
"""Wall time that the linear program may take [s]."""
FRACTIONS = (1.0, 0.5, 0.25)
"""Shares of the NIC that are always on offer [1]."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def menu(nic: float, uplink: float | None) -> list[float]:
    """Return the bandwidths on offer within a leaf or, with an uplink, between leaves [bytes/s], largest first."""
    rates = {nic * share for share in FRACTIONS}
    if uplink is not None:
        fair = min(nic, uplink / math.ceil(uplink / nic - 1e-9))
        rates |= {fair, fair / 2}
    return sorted(rates, reverse=True)


def fluid_deadline_s(instance: Instance) -> float:
    """Return D_LP of an instance [s].

    Raises
    ------
    ValueError
        If the linear program was not solved to its optimum.
    """
    solution = solve(_program(instance), seed=0, time_limit_s=SOLVE_LIMIT_S)
    if solution.outcome is not Outcome.OPTIMAL or solution.objective is None:
        raise ValueError(f"the fluid deadline of {instance.inventory.name} was not found: {solution.outcome}")
    return solution.objective


def cached_deadline_s(instance: Instance, cache: Path) -> float:
    """Return D_LP of an instance [s], out of a directory of files where it is known there."""
    path = cache / f"fluid-{instance.inventory.name}-{instance.inventory.sha256()[:12]}.json"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"fluid_deadline_s": fluid_deadline_s(instance)}) + "\n", encoding="utf-8")
    return float(json.loads(path.read_text(encoding="utf-8"))["fluid_deadline_s"])


@dataclass(frozen=True)
class _Choices:
    """What movers could do, one entry a mover, destination pool and choice; arrays of one length."""

    mover: Ints
    pool: Ints
    time_s: Floats
    volume_bytes: Floats


def _program(instance: Instance) -> Program:
    inventory, settings = instance.inventory, instance.inventory.settings
    host_index = {host.name: i for i, host in enumerate(inventory.hosts)}
    sources = np.array([host_index[name] for name in instance.evacuate])
    home_of = np.array([host_index[vm.host] for vm in inventory.vms])
    moves = np.isin(home_of, sources)
    # Pools: one a leaf with sources, and behind them one for all other leaves.
    leaf_of = np.arange(len(inventory.hosts)) // HOSTS_PER_LEAF
    home_leaves = np.unique(leaf_of[sources])
    elsewhere = len(home_leaves)
    pool_of = np.where(
        np.isin(leaf_of, home_leaves), np.searchsorted(home_leaves, leaf_of).clip(max=elsewhere), elsewhere
    )
    target = np.ones(len(inventory.hosts), dtype=np.bool_)
    target[sources] = False
    hosts_in = np.bincount(pool_of[target], minlength=elsewhere + 1)
    nic, uplink = inventory.links[0].capacity_bytes_per_s, inventory.links[-1].capacity_bytes_per_s
    source = home_of[moves]
    choices = _choices(instance, moves, pool_of[source], hosts_in, menu(nic, None), menu(nic, uplink))
    origin, far = source[choices.mover], choices.pool == elsewhere

    count = len(choices.mover)
    cost = np.append(np.zeros(count), 1.0)
    program = Program(cost, np.append(np.ones(count), LONGEST_S), np.zeros(count + 1, dtype=np.bool_))
    movers = int(moves.sum())
    program.add_block(
        "choice",
        list(range(movers)),
        choices.mover,
        np.arange(count),
        np.ones(count),
        lower=np.ones(movers),
        upper=np.ones(movers),
    )

    def within(family: str, row_of: Ints, amount: Floats, room: Floats, use: NDArray[np.bool_] | None = None) -> None:
        """Add rows: what is used of each resource within D is at most its room times D."""
        here = np.flatnonzero(np.ones(count, dtype=np.bool_) if use is None else use)
        rows = np.arange(len(room))
        program.add_block(
            family,
            list(range(len(room))),
            np.concatenate([row_of[here], rows]),
            np.concatenate([here, np.full(len(room), count)]),
            np.concatenate([amount[here] / np.maximum(room, 1.0)[row_of[here]], np.full(len(room), -1.0)]),
            upper=np.zeros(len(room)),
        )

    every_source, every_pool = np.ones(len(sources)), hosts_in.astype(np.float64)
    at, leaf = np.searchsorted(sources, origin), np.searchsorted(home_leaves, leaf_of[origin])
    far_leaves = len(np.unique(leaf_of)) - elsewhere
    within("duration", choices.mover, choices.time_s, np.ones(movers))
    within("source NIC", at, choices.volume_bytes, every_source * nic)
    within("outgoing", at, choices.time_s, every_source * settings.max_outgoing)
    within("leaf up", leaf, choices.volume_bytes, np.full(elsewhere, uplink), far)
    within("leaves down", np.zeros(count, dtype=np.int64), choices.volume_bytes, np.array([uplink * far_leaves]), far)
    within("target NICs", choices.pool, choices.volume_bytes, every_pool * nic)
    within("incoming", choices.pool, choices.time_s, every_pool * settings.max_incoming)
    for family, sizes, room in (
        ("memory", np.array([vm.memory for vm in inventory.vms], dtype=np.float64), HOST_MEMORY),
        ("vcpus", np.array([vm.vcpus for vm in inventory.vms], dtype=np.float64), HOST_CPUS),
    ):
        free = hosts_in * float(room) - np.bincount(pool_of[home_of[~moves]], sizes[~moves], elsewhere + 1)
        share = sizes[moves][choices.mover] / np.maximum(free, 1.0)[choices.pool]
        program.add_block(
            family, list(range(elsewhere + 1)), choices.pool, np.arange(count), share, upper=np.ones(elsewhere + 1)
        )
    return program


def _choices(
    instance: Instance, moves: NDArray[np.bool_], home: Ints, hosts_in: Ints, near: list[float], far: list[float]
) -> _Choices:
    """Return the choices of each mover for its own leaf and for elsewhere, where there are hosts."""
    inventory = instance.inventory
    workload = workload_of([vm for vm, moving in zip(inventory.vms, moves.tolist(), strict=True) if moving])
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []
    for rates, pool in ((near, home), (far, np.full(len(home), len(hosts_in) - 1))):
        mu = np.array(rates)
        limit = thresholds(inventory.settings, mu)[None, :]
        model = model_for(inventory.settings)
        time = np.concatenate(
            [model.predict(approach, workload, mu[None, :], limit).time_s for approach in ALL_APPROACHES], axis=1
        )
        volume = time * np.tile(mu, len(ALL_APPROACHES))
        mover, choice = np.nonzero(_worthwhile(time, volume) & (hosts_in[pool] > 0)[:, None])
        parts.append((mover, pool[mover], time[mover, choice], volume[mover, choice]))
    mover, pool, time, volume = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _Choices(mover, pool, time, volume)


def _worthwhile(time: Floats, volume: Floats) -> NDArray[np.bool_]:
    """Return which choices exist and have none beside them that is as good in time and in volume, shape (M, K)."""
    keep = np.isfinite(time)
    for k in range(time.shape[1]):
        for other in range(time.shape[1]):
            if other != k:
                keep[:, k] &= ~(keep[:, other] & (time[:, other] <= time[:, k]) & (volume[:, other] <= volume[:, k]))
    return keep
