"""The event sweep: finds the moment at which more of a resource is held than there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter


@dataclass(frozen=True, slots=True)
class Hold:
    """Some of a resource, held in the half-open interval [start_s, end_s).

    Parameters
    ----------
    who
        The VM for which it is held.
    start_s, end_s
        From when until when; may be infinite [s].
    amount
        How much, in the resource's unit.
    """

    who: str
    start_s: float
    end_s: float
    amount: float = 1


@dataclass(frozen=True, slots=True)
class Overload:
    """The first moment at which more is held than there is.

    Parameters
    ----------
    at_s
        When; -inf if already before anything moves [s].
    total
        How much is held then.
    holders
        For whom, in the order in which they came.
    newcomers
        Those of them that came at that moment.
    """

    at_s: float
    total: float
    holders: tuple[str, ...]
    newcomers: tuple[str, ...]


def first_overload(holds: Sequence[Hold], limit: float) -> Overload | None:
    """Return the first moment at which the holds add up to more than the limit, or None.

    Time is O(n log n). Where one hold ends as another begins, they do not overlap. Whole numbers are added exactly.
    """
    events = [
        event
        for number, hold in enumerate(holds)
        if hold.start_s < hold.end_s
        for event in ((hold.start_s, 1, number), (hold.end_s, 0, number))
    ]
    events.sort()
    active: dict[int, Hold] = {}
    total: float = 0
    for at_s, moment in groupby(events, key=itemgetter(0)):
        newcomers: list[str] = []
        for _, begins, number in moment:
            hold = holds[number]
            if begins:
                active[number] = hold
                total += hold.amount
                newcomers.append(hold.who)
            else:
                del active[number]
                total -= hold.amount
        if newcomers and total > limit:
            return Overload(at_s, total, tuple(hold.who for hold in active.values()), tuple(newcomers))
    return None
