"""Words for moves that make room: for whom, and where a VM waits in between."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from planner.plan.models import Move, Plan
from planner.render.words import listing, plural
from planner.units import format_duration


def room_notes(plan: Plan) -> list[str]:
    """Return for each move, in order of start, what it does beside emptying a host; nothing for most."""
    moves = sorted(plan.moves, key=lambda move: move.start_s)
    of_vm: dict[str, list[Move]] = {}
    for move in moves:
        of_vm.setdefault(move.vm, []).append(move)
    evacuated = set(plan.request.evacuate)
    return [_note(move, of_vm[move.vm], evacuated) for move in moves]


def _note(move: Move, way: Sequence[Move], evacuated: set[str]) -> str:
    parts = []
    if move.makes_room_for:
        parts.append(f"makes room for {listing(move.makes_room_for, 4)}")
    if move is not way[-1]:
        onward = next(after for here, after in pairwise(way) if here is move)
        parts.append(f"waits there for room on {onward.target}")
    if move is not way[0]:
        parts.append("goes on from where it waited")
    elif not parts and move.source not in evacuated:
        parts.append("makes room")
    return "; ".join(parts)


def vms_moved(plan: Plan) -> str:
    """Return how many VMs move and why, such as ``5, from hv01, and 2 others in 3 moves to make room``."""
    names = {move.vm for move in plan.moves}
    first: dict[str, str] = {}
    for move in sorted(plan.moves, key=lambda move: move.start_s):
        first.setdefault(move.vm, move.source)
    out = [name for name in names if first[name] in plan.request.evacuate]
    text = f"{len(out)}, from {listing(plan.request.evacuate)}"
    extra = len(plan.moves) - len(out)
    if extra:
        text += f", and {plural(len(names) - len(out), 'other')} in {plural(extra, 'move')} to make room"
    return text


def price_words(plan: Plan) -> str:
    """Return what the extra moves of a plan count, or nothing where it has none."""
    objective = plan.objective
    if objective is None or not objective.extra_moves:
        return ""
    each = format_duration(plan.request.extra_move_price_s)
    return f"{objective.extra_moves}, each counted as {each} of weighted downtime beside its own"
