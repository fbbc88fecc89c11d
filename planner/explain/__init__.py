"""Why not, and what would help."""

from __future__ import annotations

from collections.abc import Sequence

from planner.explain import certificates
from planner.explain.conflict import conflicting
from planner.explain.cuts import cuts
from planner.explain.fits import short_among_some, slots_among_some
from planner.inventory.models import Inventory
from planner.optimize.classes import Classes
from planner.optimize.clock import Clock
from planner.optimize.options import Columns, Tables
from planner.optimize.problem import Problem
from planner.plan.models import Infeasibility, Reason, ReasonKind

__all__ = ["certify", "explain_conflict", "short_in_all", "unnamed"]


def certify(
    inventory: Inventory, evacuate: Sequence[str], problem: Problem, tables: Tables, columns: Columns
) -> Infeasibility | None:
    """Return cheap proofs that no plan exists, or None where none is found."""
    reasons: list[Reason] = [
        *certificates.pinned(inventory, set(evacuate)),
        *certificates.nowhere_to_go(inventory, problem),
        *certificates.too_slow(problem, tables),
        *certificates.too_late_off(inventory, set(evacuate), problem.deadline_s),
        *certificates.short_of_room(problem),
        *certificates.groups_too_large(inventory, problem),
    ]
    if not reasons:
        reasons = [
            *short_among_some(problem),
            *certificates.volumes(problem, columns),
            *certificates.sequences(inventory, problem, columns),
        ]
    if not reasons:
        least_time, least_volume = certificates.least_of_each(problem, columns)
        reasons = [*cuts(problem, least_volume), *slots_among_some(problem, least_time)]
    return Infeasibility(reasons=tuple(reasons), proof="certificate") if reasons else None


def short_in_all(problem: Problem) -> Infeasibility | None:
    """Return the proof that all targets together lack memory or vCPUs, or None; moves among them do not change that."""
    reasons = tuple(certificates.short_of_room(problem))
    return Infeasibility(reasons=reasons, proof="certificate") if reasons else None


def explain_conflict(
    inventory: Inventory,
    problem: Problem,
    classes: Classes,
    columns: Columns,
    *,
    exhausted: bool,
    seed: int,
    limit_s: float,
) -> Infeasibility:
    """Return the reason for a no that the solver proved.

    Parameters
    ----------
    exhausted
        Whether the proof needed all assignments and orders to be ruled out, not only the relaxation of the order.
    limit_s
        Wall time to shrink the conflict [s].
    """
    if exhausted:
        return unnamed(problem, exhausted=True)
    reason = conflicting(inventory, problem, classes, columns, Clock(limit_s), seed)
    return Infeasibility(reasons=(reason,), proof="relaxation")


def unnamed(problem: Problem, *, exhausted: bool) -> Infeasibility:
    """Return the no that the solver proved, with all that was asked as its reason."""
    names = tuple(vm.name for vm in problem.movers)
    hosts = tuple(host.name for host in problem.sources)
    reason = Reason(kind=ReasonKind.COMBINATION, vms=names, hosts=hosts)
    return Infeasibility(reasons=(reason,), proof="exhausted" if exhausted else "relaxation")
