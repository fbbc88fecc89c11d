"""Words that several forms share: approaches, answers, counts, and text that cannot harm a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from planner.inventory.models import Approach
from planner.plan.models import Plan, Status, Verification
from planner.render.clock import Clock
from planner.units import format_duration

APPROACH_WORDS = {
    Approach.COLD: "cold",
    Approach.PRECOPY: "pre-copy",
    Approach.POSTCOPY: "post-copy",
    Approach.HYBRID: "hybrid",
}
"""How each approach is written for people."""


def how_words(approach: Approach, switch_point: float | None) -> str:
    """Return an approach and, of a hybrid that has one, its switch point: ``hybrid at 50%``, ``hybrid after 2 passes``.

    The share is that of the first pass.
    """
    words = APPROACH_WORDS[approach]
    if approach is not Approach.HYBRID or switch_point is None:
        return words
    if switch_point < 1:
        return f"{words} at {switch_point:.0%}"
    return f"{words} {after_passes(switch_point)}"


def after_passes(count: float) -> str:
    """Return ``after 1 pass``, ``after 2 passes``."""
    return f"after {count:.4g} pass{'' if count == 1 else 'es'}"


_NO_GAP = 1e-9
"""A gap up to this is the dust of floating point [1]."""


def plural(count: int, one: str, many: str | None = None) -> str:
    """Return ``1 VM``, ``2 VMs``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listing(names: Sequence[str], limit: int = 8) -> str:
    """Return names as ``a, b and c``, cut after ``limit`` with the count of the rest."""
    if len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def plain(text: str) -> str:
    """Return a text with control characters made visible: a name in a foreign file must not steer a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def percent(share: float) -> str:
    """Return a share as a percentage that is 0 only where the share is: ``0%``, ``<0.1%``, ``3.4%``, ``12%``."""
    value = share * 100
    if value == 0:
        return "0%"
    if value < 0.1:
        return "<0.1%"
    return f"{value:.1f}%" if value < 9.95 else f"{value:.0f}%"


def gap_percent(gap: float) -> str:
    """Return a gap as a percentage; what rounding in floating point leaves of none is none."""
    return percent(gap if gap > _NO_GAP else 0.0)


VALUES: dict[str, str] = {"finish": "finish", "ends": "weighted sum of ends"}
LESS: dict[str, str] = {"finish": "an earlier finish", "ends": "a smaller weighted sum of ends"}
"""What requests minimise beside the downtime, and what a better plan would have."""


def status_sentence(plan: Plan) -> str:
    """Return what the status word of a plan means, in one sentence."""
    if plan.triaged:
        return _triage_sentence(plan)
    match plan.status:
        case Status.OPTIMAL:
            if plan.request.objective != "downtime":
                return (
                    f"optimal: no plan with the offered approaches and bandwidths has {LESS[plan.request.objective]}."
                )
            price = ", moves to make room at their price" if plan.request.make_room == "auto" else ""
            return f"optimal: no plan with the offered approaches and bandwidths has less weighted downtime{price}."
        case Status.FEASIBLE if plan.objective is not None and plan.request.objective != "downtime":
            value_s, bound_s = plan.objective.sides(plan.request.objective)
            above_s = max(0.0, (value_s or 0.0) - (bound_s or 0.0))
            return (
                f"feasible: every VM is out in time; the {VALUES[plan.request.objective]} is at most"
                f" {format_duration(above_s)} ({gap_percent(plan.objective.gap)}) above the least possible."
            )
        case Status.FEASIBLE if plan.objective is not None:
            above_s = plan.objective.cost_s - plan.objective.lower_bound_weighted_downtime_s
            return (
                "feasible: every VM is out in time; the weighted downtime is at most"
                f" {format_duration(max(0.0, above_s))} ({gap_percent(plan.objective.gap)}) above the least possible."
            )
        case Status.FEASIBLE:
            return "feasible: every VM is out in time; how much less downtime is possible is not known."
        case Status.INFEASIBLE:
            return "infeasible: proven, no plan empties the hosts by the deadline."
        case Status.UNKNOWN if plan.odds is not None:
            return "unknown: no plan was found that keeps the promise, and none was proven impossible."
        case Status.UNKNOWN:
            return "unknown: the limit came before a plan was found or proven impossible."


def _triage_sentence(plan: Plan) -> str:
    objective = plan.objective
    if plan.status is Status.OPTIMAL:
        return "optimal: no plan saves more weight."
    if objective is None or objective.saved_weight is None or objective.upper_bound_saved_weight is None:
        return f"{plan.status}: how much more weight could be saved is not known."
    more = max(0.0, objective.upper_bound_saved_weight - objective.saved_weight)
    share = gap_percent(more / objective.upper_bound_saved_weight if more > 0 else 0.0)
    return f"{plan.status}: at most {more:.6g} ({share}) more weight could be saved."


def verification_sentence(verification: Verification | None) -> str:
    """Return what the replay of a plan found, in a few words."""
    if verification is None:
        return "no: it was not replayed"
    if not verification.ok:
        return f"NO: {plural(len(verification.violations), 'violation')}"
    return f"yes: replayed against the inventory, {plural(len(verification.checks), 'check')} passed"


def finish_sentence(plan: Plan) -> str:
    """Return when a plan with moves ends and its hosts are off, against its deadline."""
    clock, deadline_s = Clock(plan.request.start_clock), plan.request.deadline_s
    finish_s = max((*(move.end_s for move in plan.moves), *(step.end_s for step in plan.power)), default=0.0)
    at = f", at {clock.time_of_day(finish_s)}" if clock.start_clock else ""
    deadline = clock.time_of_day(deadline_s) or format_duration(deadline_s)
    spare_s = deadline_s - finish_s
    side = "before" if spare_s >= 0 else "AFTER"
    return f"after {format_duration(finish_s)}{at}: {format_duration(abs(spare_s))} {side} the deadline ({deadline})"
