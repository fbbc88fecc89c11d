"""Why a move starts when it does, and the chain of moves that decides when the last one ends."""

from __future__ import annotations

from planner.explain.claims import Trial
from planner.explain.occupancy import Occupancy
from planner.plan.why import Blocked, Link, Start
from planner.verify.replay import TIME_TOLERANCE_S

MOST_LINKS = 200
"""How far back the critical chain is followed [count]."""


def why_start(occupancy: Occupancy, number: int) -> Start:
    """Return why a move does not start sooner: what stood in the way when something last ended before.

    A move that could start sooner could do so at 0, when its target is ready, or when another ends. So it was held up
    if it fits at none of these, and what stood in the way at the last of them did so until its start.
    """
    move = occupancy.moves[number]
    return start_of(occupancy.trial(number, move), move.start_s)


def start_of(trial: Trial, start_s: float) -> Start:
    """Return why a tried move does not start sooner than it does."""
    before_s = start_s - 2 * TIME_TOLERANCE_S
    earlier = trial.events_s[trial.events_s < before_s]
    if not len(earlier):
        return Start(start_s)
    sooner_s = trial.first_fit(before_s)
    last_s = float(earlier[-1])
    return Start(start_s, last_s, trial.at(last_s), sooner_s)


def critical_chain(occupancy: Occupancy) -> tuple[Link, ...]:
    """Return the moves that one after the other decide when the last move ends, in order of time.

    From the move that ends last it goes back to that for which its start waited and which ends as it starts, until a
    move that starts at once, that waits for something else than a move, or that could have started sooner.
    """
    moves = occupancy.moves
    if not moves:
        return ()
    number: int | None = max(range(len(moves)), key=lambda n: (moves[n].end_s, -n))
    chain: list[Link] = []
    while number is not None and len(chain) < MOST_LINKS:
        move, start = moves[number], why_start(occupancy, number)
        if start.sooner_s is not None:
            chain.append(Link(move.vm, move.start_s, move.end_s, None, move.start_s - start.sooner_s))
            break
        handed = [(_holder(occupancy, blocked, move.start_s), blocked) for blocked in start.blocked]
        handed.sort(key=lambda entry: entry[0] is None)
        before, blocked = handed[0] if handed else (None, None)
        chain.append(Link(move.vm, move.start_s, move.end_s, blocked))
        number = before
    return tuple(reversed(chain))


def _holder(occupancy: Occupancy, blocked: Blocked, start_s: float) -> int | None:
    """Return the move that ends as another starts and held what that waits for; the longest of several, or None."""
    ended = [
        number
        for name in blocked.holders
        for number in occupancy.numbers_of.get(name, ())
        if abs(occupancy.moves[number].end_s - start_s) <= 2 * TIME_TOLERANCE_S
    ]
    return max(ended, key=lambda number: occupancy.moves[number].duration_s, default=None)
