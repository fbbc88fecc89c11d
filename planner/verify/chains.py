"""VMs that move more than once: each move begins where and when the one before it has landed."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding
from planner.verify.replay import TIME_TOLERANCE_S, Replay


def check_chain(replay: Replay) -> Iterator[Finding]:
    """Check that each further move of a VM leaves from where the one before has landed, not before it has."""
    for step in replay.steps:
        move, earlier = step.move, step.earlier
        if earlier is None:
            continue
        if move.source != earlier.target:
            yield Finding(
                f"{move.vm} leaves {move.source}, but its move before has taken it to {earlier.target}",
                (move.vm, move.source, earlier.target),
                move.start_s,
            )
        if move.start_s < earlier.end_s - TIME_TOLERANCE_S:
            yield Finding(
                f"{move.vm} leaves {move.source} before its move there has ended", (move.vm, move.source), move.start_s
            )


def check_makes_room(replay: Replay) -> Iterator[Finding]:
    """Check that a VM for which a move is said to make room arrives where the mover left, not before its end."""
    for step in replay.steps:
        move = step.move
        for name in move.makes_room_for:
            arrivals = (
                other.move
                for other in replay.steps_of.get(name, ())
                if other.move.target == move.source and other is not step
            )
            if not any(other.start_s >= step.held_until_s for other in arrivals):
                yield Finding(
                    f"{move.vm} is said to make room for {name} on {move.source},"
                    f" where {name} does not arrive after it",
                    (move.vm, name, move.source),
                    move.start_s,
                )
