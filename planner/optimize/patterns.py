"""Which bandwidths fit side by side: the patterns of a link with a limited number of migrations.

At any moment the moves over a link form a multiset of rates from the menu, whose sum the link carries and whose
size the migration slots allow. Volumes alone overlook what does not fit side by side; patterns do not.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate

import numpy as np

from planner.optimize.problem import Floats, Ints
from planner.optimize.program import Program

MOST_PATTERNS = 400
"""Patterns of one link beyond which the volume row alone is used [count]."""
MOST_LOOKED_AT = 50 * MOST_PATTERNS
"""Multisets of rates of one link beyond which the search for its patterns is given up [count]."""


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
    return _patterns(tuple(rates.tolist()), capacity, slots)


@lru_cache(maxsize=64)
def _patterns(values: tuple[float, ...], capacity: float, slots: int) -> Ints | None:
    """Return the same; links are alike by the rack."""
    rates = np.array(values)
    steps = (rates - np.append(rates[1:], 0.0)).tolist()
    found: list[tuple[int, ...]] = []
    looked_at = 0

    def extend(left: float, free: int, counts: tuple[int, ...]) -> bool:
        """Add the maximal patterns that begin with these counts; return whether there are few enough so far."""
        nonlocal looked_at
        r = len(counts)
        most = min(free, int(left / values[r] * (1 + 1e-12)))
        if r + 1 < len(values):
            return all(extend(left - n * values[r], free - n, (*counts, n)) for n in range(most, -1, -1))
        looked_at += 1
        pattern = tuple(accumulate((*counts, most)))
        if not _grows(pattern, steps, left - most * values[r], slots):
            found.append(pattern)
        return len(found) <= MOST_PATTERNS and looked_at <= MOST_LOOKED_AT

    if not extend(capacity * (1.0 + 1e-9), slots, ()):
        return None
    return np.array(sorted(found), dtype=np.int64)


def _grows(pattern: tuple[int, ...], steps: list[float], left: float, slots: int) -> bool:
    """Return whether one place can be made a rate faster, or one more taken, with the bandwidth left over.

    That suffices: where a pattern is at most another, the slowest place in which they differ can be made faster.
    """
    following = (*pattern[1:], slots)
    return any(here < there and step <= left for here, there, step in zip(pattern, following, steps, strict=True))


def add_patterns(
    program: Program, link: int, columns: Ints, which: Ints, seconds: Floats, patterns: Ints, first: int
) -> None:
    """Add rows that give each second of moves over a link a place in a pattern.

    A place in a pattern may also be taken by a slower move. So, from the fastest rate down: time at this rate
    + time left over at this rate = places of the patterns at this rate + time left over at the next faster one.

    Parameters
    ----------
    program
        Gets the rows.
    link
        What the rows are named by.
    columns, which, seconds
        Choices that use the link, the index of their rates, and what they take, shape (n,) [index, index, s].
    patterns
        See `patterns`, shape (P, R).
    first
        Number of the first of P + R continuous columns: how long each pattern lasts, and what is left over.
    """
    count, steps = patterns.shape
    tau, left = first + np.arange(count), first + count + np.arange(steps)
    places = np.diff(patterns, axis=1, prepend=0)
    at, of = np.nonzero(places.T)
    every = np.arange(steps)
    program.add_block(
        "side-by-side",
        [(link, r) for r in range(steps)],
        np.concatenate([which, at, every, every[1:]]),
        np.concatenate([columns, tau[of], left, left[:-1]]),
        np.concatenate([seconds, -places.T[at, of], np.ones(steps), -np.ones(steps - 1)]),
        lower=np.zeros(steps),
        upper=np.zeros(steps),
    )
