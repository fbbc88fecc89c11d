"""Where VMs end, as an integer program without time: the fewest and cheapest moves after which everything has room."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.optimize.backend import Outcome, Session
from planner.optimize.problem import Bools, Floats, Ints
from planner.optimize.program import Program
from planner.optimize.room_greedy import Step
from planner.optimize.room_problem import Room

MOST = 30_000
"""Pairs of VMs and targets up to which all are looked at [count]."""
CANDIDATES = 8
"""Residents of each host that may move where that would be too many [count]."""
USED = 1e-6
"""Value in the linear relaxation from which a pair is used [1]."""
GAP = 0.02
"""Relative gap at which the program stops [1]."""


@dataclass(frozen=True)
class Places:
    """What the program found.

    Parameters
    ----------
    steps
        Who goes where, or None.
    bound_s
        No plan costs less [s]; infinite where none exists, 0 where nothing is proven.
    """

    steps: list[Step] | None
    bound_s: float


def find_places(room: Room, cost_s: Floats, known: Sequence[Step], *, seed: int, time_limit_s: float) -> Places:
    """Return who goes where.

    Parameters
    ----------
    room
        All VMs that must and may move.
    cost_s
        Least weighted downtime of each VM going straight to each target, infinite where it may not, shape (V, T) [s].
    known
        Who could go where, to start from; nothing where that is not known.
    seed
        Seed of the solver.
    time_limit_s
        Wall time [s].
    """
    begin = time.monotonic()
    real = cost_s.copy()
    real[room.forced :] += room.price_s
    # By way of a parking place it may be cheaper, but not below this.
    parked = real[room.forced :].min(axis=1, initial=np.inf) + room.price_s
    straight = bool((real[room.forced :] <= parked[:, None])[np.isfinite(real[room.forced :])].all())
    offered = np.isfinite(real)
    complete = straight and not _only_parked(room, offered)
    if not offered[: room.forced].any(axis=1).all():
        return Places(None, math.inf)
    taken = np.zeros(offered.shape, dtype=np.float64)
    taken[[step.vm for step in known], [step.target for step in known]] = 1.0
    linear_s = 0.0
    if int(offered.sum()) > MOST:
        program, vm, target = _program(room, real, offered)
        relaxed = Session(program, seed=seed, linear=True).solve(time_limit_s=time_limit_s / 2)
        if relaxed.outcome is Outcome.INFEASIBLE:
            return Places(None, math.inf if complete else 0.0)
        linear_s = relaxed.bound if complete and math.isfinite(relaxed.bound) else 0.0
        complete = False
        offered &= _candidates(room, real)
        if relaxed.values is not None:
            used = relaxed.values > USED
            offered[:] = False
            offered[vm[used], target[used]] = True
            offered[: room.forced] |= np.isfinite(real[: room.forced])
        offered |= taken > 0
    program, vm, target = _program(room, real, offered)
    start = taken[vm, target] if known else None
    left_s = time_limit_s - (time.monotonic() - begin)
    solution = Session(program, seed=seed).solve(start=start, time_limit_s=left_s, gap=GAP)
    if solution.outcome is Outcome.INFEASIBLE:
        return Places(None, math.inf if complete else linear_s)
    bound_s = solution.bound if complete and math.isfinite(solution.bound) else linear_s
    if solution.values is None:
        return Places(None, bound_s)
    chosen = np.flatnonzero(solution.values > 0.5)
    # Who makes room goes first.
    order = chosen[np.argsort(vm[chosen] < room.forced, kind="stable")]
    return Places([Step(int(vm[k]), int(target[k])) for k in order.tolist()], bound_s)


def _only_parked(room: Room, offered: Bools) -> bool:
    """Return whether a VM that may move could perhaps end on a target to which it cannot go straight."""
    labels = [frozenset(room.hosts[h].labels) for h in room.targets]
    for v in range(room.forced, len(room.vms)):
        vm = room.vms[v]
        for t, h in enumerate(room.targets):
            may = set(vm.requires) <= labels[t] and vm.memory <= room.memory[h] and vm.vcpus <= room.vcpus[h]
            if may and h != room.home[v] and not offered[v, t] and offered[v].any():
                return True
    return False


def _candidates(room: Room, cost: Floats) -> Bools:
    """Return the pairs worth a look where there are too many: few residents of each host, and the roomiest targets."""
    keep = np.zeros(cost.shape, dtype=np.bool_)
    keep[: room.forced] = True
    by_host: defaultdict[int, list[int]] = defaultdict(list)
    free = {h: room.memory[h] for h in room.targets}
    for v in range(len(room.vms)):
        if room.home[v] in free:
            free[room.home[v]] -= room.vms[v].memory
            by_host[room.home[v]].append(v)
    left = max(1, (MOST - int(np.isfinite(cost[: room.forced]).sum())) // (CANDIDATES * max(1, len(by_host))))
    roomiest = sorted(range(len(room.targets)), key=lambda t: (-free[room.targets[t]], t))[:left]
    for residents in by_host.values():
        residents.sort(key=lambda v: (-room.vms[v].memory, v))
        spread = np.unique(np.linspace(0, len(residents) - 1, CANDIDATES).astype(np.int64)).tolist()
        for i in spread:
            keep[residents[i], roomiest] = True
    return keep


def _program(room: Room, cost: Floats, offered: Bools) -> tuple[Program, Ints, Ints]:
    """Return the program, and VM and target of each column."""
    vm, target = np.nonzero(offered)
    count = len(vm)
    program = Program(cost[vm, target], np.ones(count), np.ones(count, dtype=np.bool_))
    every = np.arange(count)
    index = {h: t for t, h in enumerate(room.targets)}
    home = np.array([index.get(h, -1) for h in room.home], dtype=np.int64)
    vms, hosts = len(room.vms), len(room.targets)
    lower = np.where(np.arange(vms) < room.forced, 1.0, -np.inf)
    program.add_block("choice", list(range(vms)), vm, every, np.ones(count), lower=lower, upper=np.ones(vms))
    leaves = home[vm] >= 0
    rows = np.concatenate([target, home[vm][leaves]])
    columns = np.concatenate([every, every[leaves]])
    for family, sizes, total in (
        ("memory", [each.memory for each in room.vms], room.memory),
        ("vcpus", [each.vcpus for each in room.vms], room.vcpus),
    ):
        size = np.array(sizes, dtype=np.float64)
        whole = np.array([total[h] for h in room.targets], dtype=np.float64)
        there = np.zeros(hosts)
        np.add.at(there, home[home >= 0], size[home >= 0])
        scale = np.maximum(whole, 1.0)
        values = np.concatenate([size[vm], -size[vm][leaves]]) / scale[rows]
        program.add_block(family, list(range(hosts)), rows, columns, values, upper=(whole - there) / scale)
    for g, apart in enumerate(room.separate):
        inside = np.isin(vm, apart.members)
        for t in range(hosts):
            come, go = every[inside & (target == t)], every[inside & (home[vm] == t)]
            there_now = sum(int(home[v] == t) for v in apart.members)
            if len(come):
                terms = np.concatenate([come, go])
                signs = np.concatenate([np.ones(len(come)), -np.ones(len(go))])
                program.add_row("separate", (g, t), terms, signs, upper=1.0 - there_now)
    at: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for k, pair in enumerate(zip(vm.tolist(), target.tolist(), strict=True)):
        at[pair] = [k]
    for g in range(len(room.together)):
        _together(program, room, g, at, home.tolist())
    return program, vm, target


def _together(program: Program, room: Room, g: int, at: dict[tuple[int, int], list[int]], home: list[int]) -> None:
    """Those of a together rule that move end on one target, where one stays that of one that stays."""
    group = room.together[g]
    targets = range(len(room.targets))
    all_of = {v: [k for t in targets for k in at.get((v, t), ())] for v in group.members}
    optional = [v for v in group.members if v >= room.forced]
    fixed = {t for t in targets if room.targets[t] in group.homes}

    def add(plus: list[int], minus: list[int], upper: float) -> None:
        signs = np.concatenate([np.ones(len(plus)), -np.ones(len(minus))])
        program.add_row("together", g, np.array(plus + minus, dtype=np.int64), signs, upper=upper)

    for t in targets:
        at_home = [c for c in optional if home[c] == t]
        for a in group.members:
            here = at.get((a, t), [])
            if not here:
                continue
            for b in group.members:
                if b != a:
                    # Where b stays it need not follow a.
                    stays = b >= room.forced
                    add(here + (all_of[b] if stays else []), at.get((b, t), []), float(stays))
            if t in fixed:
                continue
            # One that stays here: at_home less those of them that move.
            gone = [k for c in at_home for k in all_of[c]]
            if group.homes:
                add(here + gone, [], float(len(at_home)))
            else:
                for b in optional:
                    add(here + gone, all_of[b], float(len(at_home)))
