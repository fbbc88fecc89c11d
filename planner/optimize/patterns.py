"""Which bandwidths fit side by side: the patterns of a link with a limited number of migrations.

At any moment the moves over a link form a multiset of rates from the menu, whose sum the link carries and whose
size the migration slots allow. Volumes alone overlook what does not fit side by side; patterns do not.
"""

from __future__ import annotations

import numpy as np

from planner.optimize.problem import Floats, Ints

MOST_PATTERNS = 400
"""Patterns of one link beyond which the volume row alone is used [count]."""


def patterns(rates: Floats, capacity: float, slots: int) -> Ints | None:
    """Return the maximal patterns of a link.

    Parameters
    ----------
    rates
        Distinct rates, descending, shape (R,) [bytes/s].
    capacity
        What the link carries [bytes/s].
    slots
        How many moves may run over it at once.

    Returns
    -------
    numpy.ndarray or None
        Shape (P, R): how many moves at rates[r] or more run side by side in pattern p. No pattern is at most
        another in all entries. None where there are more than `MOST_PATTERNS`.
    """
    room = capacity * (1.0 + 1e-9)
    found: list[tuple[int, ...]] = []
    values = rates.tolist()

    def extend(r: int, left: float, free: int, counts: tuple[int, ...]) -> bool:
        if r == len(values):
            found.append(counts)
            return len(found) <= 50 * MOST_PATTERNS
        most = min(free, int(left / values[r] * (1 + 1e-12)))
        return all(extend(r + 1, left - n * values[r], free - n, (*counts, n)) for n in range(most, -1, -1))

    if not extend(0, room, slots, ()):
        return None
    cumulative = np.unique(np.cumsum(np.array(found, dtype=np.int64), axis=1), axis=0)
    at_most = (cumulative[:, None, :] <= cumulative[None, :, :]).all(axis=2)
    maximal = at_most.sum(axis=1) == 1
    kept: Ints = cumulative[maximal]
    return kept if len(kept) <= MOST_PATTERNS else None
