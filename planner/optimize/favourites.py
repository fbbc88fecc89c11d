"""The choice that a relaxation favours of each move that it splits."""

from __future__ import annotations

import numpy as np

from planner.optimize.problem import Floats, Ints


def favourites(mover: Ints, values: Floats) -> Ints:
    """Return each mover's choice of the highest value, the first of equals, in the order of the movers.

    Parameters
    ----------
    mover, values
        Whose each choice is, and how much of it there is, shape (N,).
    """
    order = np.lexsort((-values, mover))
    _, first = np.unique(mover[order], return_index=True)
    found: Ints = order[first]
    return found
