"""What each move of a plan really waits for when it is carried out, and when a running one counts as overrun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from planner.errors import Place, Problem
from planner.plan.models import Move

SAME_MOMENT_S = 1e-6
"""Times that differ by less are one moment [s]."""
OVERRUN_FACTOR, OVERRUN_LEAST_S = 1.5, 30.0
"""A move is overrun after so many times its duration, and not before so much more than it."""


def overrun_s(move: Move) -> float:
    """Return the time after its start from which a move is called overrun [s]."""
    return max(OVERRUN_FACTOR * move.duration_s, move.duration_s + OVERRUN_LEAST_S)


def waits_of(moves: Sequence[Move]) -> list[tuple[int, ...]]:
    """Return for each of some moves, in the order of start, the ascending indices of those that it waits for.

    A move waits for what it names in ``after``, and of a VM with several moves for the one before. Where it starts
    later than 0 and names nothing, as in a plan written by hand, it waits for every move that had ended by its start:
    what the plan kept apart in time stays apart, whatever the moves really take.
    """
    of_vm = _indices(moves)
    return [_waits(move, moves, of_vm) for move in moves]


def order_problems(moves: Sequence[Move]) -> Iterator[Problem]:
    """Yield a problem for each VM that moves again from where it is not, and each wait that could not end.

    Parameters
    ----------
    moves
        In the order of start.
    """
    by_vm: dict[str, Move] = {}
    for move in moves:
        earlier = by_vm.get(move.vm)
        landed = earlier is None or earlier.end_s <= move.start_s + SAME_MOMENT_S
        if earlier is not None and not (landed and earlier.target == move.source):
            yield Problem(
                "moves-twice",
                f"VM {move.vm!r} moves twice, and not from where it has landed",
                "keep one of its moves, or let the second begin where and when the first ends",
                Place(path="moves"),
            )
        by_vm[move.vm] = move
    of_vm = _indices(moves)
    for move in moves:
        for name in move.after:
            if _latest(name, move, moves, of_vm) is None:
                yield Problem(
                    "bad-after",
                    f"{move.vm!r} waits for {name!r}, which does not end before it starts",
                    "name only moves that have ended by its start",
                    Place(path=f"moves: {move.vm}: after"),
                )


def _indices(moves: Sequence[Move]) -> dict[str, list[int]]:
    """Return the indices of each VM's moves, ascending."""
    of_vm: dict[str, list[int]] = {}
    for index, move in enumerate(moves):
        of_vm.setdefault(move.vm, []).append(index)
    return of_vm


def _waits(move: Move, moves: Sequence[Move], of_vm: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return the indices of the moves that a move waits for; of a VM with several moves the last that has ended."""
    waits = {latest for vm in move.after if (latest := _latest(vm, move, moves, of_vm)) is not None}
    if not waits:
        waits = set(_landed_before(move, moves))
    own = _latest(move.vm, move, moves, of_vm)
    return tuple(sorted(waits | ({own} if own is not None else set())))


def _latest(vm: str, move: Move, moves: Sequence[Move], of_vm: Mapping[str, Sequence[int]]) -> int | None:
    """Return the index of the last move of a VM that has ended by the start of a move, or None."""
    ended = [
        index
        for index in of_vm.get(vm, ())
        if moves[index] is not move and moves[index].end_s <= move.start_s + SAME_MOMENT_S
    ]
    return ended[-1] if ended else None


def _landed_before(move: Move, moves: Sequence[Move]) -> tuple[int, ...]:
    """Return the moves that had ended by the start of this one, without those that others of them wait for."""
    landed = [
        (index, other)
        for index, other in enumerate(moves)
        if other.end_s <= move.start_s + SAME_MOMENT_S and other is not move
    ]
    if not landed:
        return ()
    last_start = max(other.start_s for _, other in landed)
    return tuple(index for index, other in landed if other.end_s > last_start + SAME_MOMENT_S)
