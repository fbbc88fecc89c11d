"""Joining bundles of changes: of all ways to make a few changes at once, the best that uses up just what is left.

All bundles of up to three changes are formed and sorted by what they take of one resource. Then each finds those that
take what it leaves of that resource by bisection, and what of these pairs fits the other resources as well is ranked.
So millions of sets of up to six changes are looked at in some ten milliseconds of numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Floats, Ints

OF_THREE = 40
"""Changes of which triples are formed, the first [count]."""
BUNDLES = 6000
"""Bundles that are joined, those that lose least [count]."""
PAIRS = 400_000
"""Pairs of bundles looked at [count]."""
RANKED = 2000
"""Pairs of which it is asked, in their order, whether a move changes in both [count]."""


@dataclass(frozen=True)
class Changes:
    """Changes of single moves.

    Parameters
    ----------
    move
        Whose choice changes, shape (S,).
    more_s
        What each takes more of each resource, the one that is to be used up first, shape (S, K) [s].
    value
        What each costs more, shape (S,) [any].
    loss
        What each loses, by which they are ranked; the same, or the value with what it takes of the resources, shape
        (S,) [any].
    """

    move: Ints
    more_s: Floats
    value: Floats
    loss: Floats

    def of(self, which: Ints) -> Changes:
        """Return some of them, in a given order."""
        return Changes(self.move[which], self.more_s[which], self.value[which], self.loss[which])


def join(
    changes: Changes,
    left_s: Floats,
    band_s: float,
    *,
    price: float = 0.0,
    below: float = np.inf,
    rng: np.random.Generator,
) -> Ints | None:
    """Return the changes that cost least together, or None where no set of those looked at fits.

    Parameters
    ----------
    changes
        Changes to choose from.
    left_s
        What is left of each resource, shape (K,) [s].
    band_s
        What may be left over of the first resource at the most [s].
    price
        Cost of a second that is left over of the first resource [1/s].
    below
        What the changes must cost less than [any].
    rng
        Source of the draws.
    """
    bundles = _bundles(changes.move, changes.loss, rng)
    # What is not there takes and costs nothing.
    more_s = np.append(changes.more_s, np.zeros((1, len(left_s))), axis=0)[bundles].sum(axis=1)
    value = np.append(changes.value, 0.0)[bundles].sum(axis=1)
    order = np.argsort(more_s[:, 0], kind="stable")
    bundles, more_s, value = bundles[order], more_s[order], value[order]
    one, two = _within(more_s[:, 0], float(left_s[0]), band_s)
    cost = value[one] + value[two]
    if price:
        cost += price * (left_s[0] - more_s[one, 0] - more_s[two, 0])
    fits = cost < below
    for k in range(1, len(left_s)):
        fits &= more_s[one, k] + more_s[two, k] <= left_s[k]
    found = np.flatnonzero(fits)
    if len(found) > RANKED:
        found = found[np.argpartition(cost[found], RANKED)[:RANKED]]
    found = found[np.argsort(cost[found], kind="stable")]
    mine, yours = bundles[one[found]], bundles[two[found]]
    # Nothing clashes with nothing.
    clash = np.append(changes.move, -1)[mine][:, :, None] == np.append(changes.move, -2)[yours][:, None, :]
    apart = np.flatnonzero(~(clash & (mine >= 0)[:, :, None]).any(axis=(1, 2)))
    if not len(apart):
        return None
    both = np.concatenate([mine[apart[0]], yours[apart[0]]])
    return both[both >= 0]


def _within(sorted_s: Floats, left_s: float, band_s: float) -> tuple[Ints, Ints]:
    """Return the pairs that together take what is left, less the band at the least; less of a band if they are many."""
    last = np.searchsorted(sorted_s, left_s - sorted_s, "right")
    while True:
        first = np.searchsorted(sorted_s, left_s - band_s - sorted_s, "left")
        width = np.maximum(last - first, 0)
        total = int(width.sum())
        if total <= PAIRS or band_s <= 1e-9:
            break
        band_s /= 2
    one = np.repeat(np.arange(len(sorted_s)), width)
    two = np.arange(total) + np.repeat(first - (np.cumsum(width) - width), width)
    return one, two


def _bundles(move: Ints, loss: Floats, rng: np.random.Generator) -> Ints:
    """Return bundles of none to three changes of different moves, shape (B, 3); -1 for none."""
    count = len(move)
    every, none = np.arange(count), np.full(count, -1)
    i, j = np.triu_indices(count, 1)
    apart = move[i] != move[j]
    twos = np.stack([i[apart], j[apart], np.full(int(apart.sum()), -1)], axis=1)
    few = min(count, OF_THREE)
    i, j = np.triu_indices(few, 1)
    i, j, k = np.repeat(i, few), np.repeat(j, few), np.tile(np.arange(few), len(i))
    apart = (k > j) & (move[i] != move[j]) & (move[i] != move[k]) & (move[j] != move[k])
    threes = np.stack([i[apart], j[apart], k[apart]], axis=1)
    bundles = np.concatenate([[[-1, -1, -1]], np.stack([every, none, none], axis=1), twos, threes])
    lost = np.append(loss, 0.0)[bundles].sum(axis=1)
    kept = np.argsort(lost * rng.uniform(0.7, 1.3, len(lost)), kind="stable")[:BUNDLES]
    found: Ints = bundles[np.sort(kept)]
    return found
