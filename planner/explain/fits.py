"""Targets that cannot hold, or take in, the VMs that may go nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from planner.explain.kinds import kinds_of_movers
from planner.optimize.problem import Bools, Floats, Ints, Problem
from planner.plan.models import Reason, ReasonKind

MOST_SIZES = 64
"""Sizes of VMs that are looked at, the largest first [count]."""


def short_among_some(problem: Problem) -> Iterator[Reason]:
    """Yield targets that lack memory or vCPUs for VMs that may go nowhere else, in all or in pieces."""
    for movers, targets in kinds_of_movers(problem):
        for kind, size, free, unit in (
            (ReasonKind.MEMORY, problem.memory, problem.free_memory, "bytes"),
            (ReasonKind.VCPUS, problem.vcpus, problem.free_vcpus, "count"),
        ):
            needed, available = float(size[movers].sum()), float(np.maximum(free[targets], 0).sum())
            if needed > available:
                reason = _reason(problem, kind, movers, targets, needed, available)
                yield reason.model_copy(update={"unit": unit})
            else:
                yield from _in_pieces(problem, movers, targets, size, free, "memory" if unit == "bytes" else "vcpus")


def _in_pieces(problem: Problem, movers: Bools, targets: Bools, size: Ints, free: Ints, of: str) -> Iterator[Reason]:
    """Yield VMs of at least some size of which the targets can hold too few, each by itself."""
    for least in np.unique(size[movers])[::-1][:MOST_SIZES].tolist():
        if least <= 0:
            continue
        large = movers & (size >= least)
        places = int((np.maximum(free[targets], 0) // least).sum())
        if int(large.sum()) > places:
            reason = _reason(problem, ReasonKind.PIECES, large, targets, float(large.sum()), float(places))
            yield reason.model_copy(update={"unit": "count", "each": float(least), "each_of": of})
            return


def slots_among_some(problem: Problem, least_time: Floats) -> Iterator[Reason]:
    """Yield targets that let in too few migrations at once for VMs that may go nowhere else.

    Parameters
    ----------
    least_time
        The least time of each mover, whatever it chooses, shape (M,) [s]; infinite where it has no choice.
    """
    if not np.isfinite(least_time).all():
        return
    for movers, targets in kinds_of_movers(problem):
        window_s = problem.deadline_s - problem.ready_s[targets].min() - problem.tail_s[movers].min()
        needed_s = float(least_time[movers].sum()) / float(problem.max_in[targets].sum())
        if needed_s > window_s:
            reason = _reason(problem, ReasonKind.INCOMING, movers, targets, needed_s, round(window_s, 6))
            yield reason.model_copy(update={"unit": "s"})


def _reason(
    problem: Problem, kind: ReasonKind, movers: Bools, targets: Bools, needed: float, available: float
) -> Reason:
    return Reason(
        kind=kind,
        vms=tuple(problem.movers[v].name for v in np.flatnonzero(movers).tolist()),
        hosts=tuple(problem.targets[h].name for h in np.flatnonzero(targets).tolist()),
        needed=needed,
        available=available,
    )
