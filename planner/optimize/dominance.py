"""Which choices no other choice is at least as good as."""

from __future__ import annotations

import numpy as np

from planner.optimize.problem import Bools, Floats


def undominated(usable: Bools, *costs: Floats) -> Bools:
    """Return which choices of each mover no other is at least as good as in all respects; of equal ones the last.

    Parameters
    ----------
    usable
        Which choices count at all, shape (M, K).
    costs
        What each choice costs in one respect, where less is better, shape (M, K) each; NaN where it is not usable.
    """
    keep = np.zeros_like(usable)
    with np.errstate(invalid="ignore"):
        for k in range(usable.shape[1]):
            here = np.flatnonzero(usable[:, k])
            better = usable[here]
            equal = better.copy()
            for cost in costs:
                all_of, this = cost[here], cost[here, k][:, None]
                better &= all_of <= this
                equal &= all_of == this
            # Of equal choices the last stays: those before it are not counted against it.
            better[:, : k + 1] &= ~equal[:, : k + 1]
            keep[here, k] = ~better.any(axis=1)
    return keep
