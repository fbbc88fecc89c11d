"""When moves end and what their starts wait for."""

from __future__ import annotations

from collections.abc import Iterator

from planner.verify.findings import Finding, say_time
from planner.verify.replay import TIME_TOLERANCE_S, Replay


def check_deadline(replay: Replay) -> Iterator[Finding]:
    """Check that every move ends by the deadline."""
    deadline_s = replay.plan.request.deadline_s
    for step in replay.steps:
        late_s = step.end_s - deadline_s
        if not late_s <= TIME_TOLERANCE_S:
            yield Finding(
                f"{step.move.vm} ends {say_time(late_s)} after the deadline of {say_time(deadline_s)}",
                (step.move.vm,),
                step.end_s,
            )


def check_after(replay: Replay) -> Iterator[Finding]:
    """Check that what a move is said to wait for is another move, which has ended by its start.

    Of a VM that moves more than once the last move that has ended by then is meant; it may be the mover itself.
    """
    for step in replay.steps:
        move = step.move
        for name in move.after:
            earlier = replay.steps_of.get(name)
            if name == move.vm and step.earlier is None:
                yield Finding(f"{name} waits for itself", (name,), move.start_s)
            elif earlier is None:
                yield Finding(f"{move.vm} waits for {name}, which does not move", (move.vm, name), move.start_s)
            elif not any(other.held_until_s <= move.start_s for other in earlier if other is not step):
                yield Finding(
                    f"{move.vm} waits for {name} but starts before that has ended", (move.vm, name), move.start_s
                )
