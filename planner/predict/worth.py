"""Which switch points are worth offering: those that save some downtime over quicker ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach
from planner.predict.protocol import Floats
from planner.predict.ways import Way

LEAST_SHARE = 0.02
"""A slower switch point is offered where it saves at least this share of the downtime [1]: predictions are off by
more."""
LEAST_S = 0.025
"""And where it saves at least so much [s]: less is felt by nobody, and the choice among them would take longest."""


def worth_offering(
    ways: Sequence[Way], usable: NDArray[np.bool_], time_s: Floats, downtime_s: Floats
) -> NDArray[np.bool_]:
    """Return which ways to offer, of those that are usable; arrays of shape (VMs, ways, rates).

    At one rate, a hybrid that is slower than a usable way counts only if it saves both `LEAST_SHARE` and `LEAST_S` of
    its downtime. Only hybrids with a switch point of several are left out, for what any other way can do for them:
    they go over one flow, the others over one or more.
    """
    of_several = np.array([way.approach is Approach.HYBRID and way.switch_point is not None for way in ways])
    if of_several.sum() < 2:
        return usable
    time = np.where(usable, time_s, np.inf)
    order = np.argsort(time, axis=1, kind="stable")
    offered = usable.copy()
    least = np.full((usable.shape[0], usable.shape[2]), np.inf)
    mover, rate = np.indices(least.shape)
    for place in range(len(ways)):
        way = order[:, place]
        here = usable[mover, way, rate]
        down = np.where(here, downtime_s[mover, way, rate], np.inf)
        enough = np.minimum(least * (1.0 - LEAST_SHARE), least - LEAST_S)
        keep = here & (~of_several[way] | (down <= enough))
        offered[mover, way, rate] = keep
        least = np.where(keep, np.minimum(least, down), least)
    return offered
