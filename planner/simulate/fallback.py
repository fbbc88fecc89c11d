"""What becomes of a move that is aborted on overrun: post-copy if the VM may and can, else cold, else nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.inventory.models import Approach
from planner.predict.protocol import DOWNTIME_TOLERANCE, Floats, Ints
from planner.simulate.costs import SHARES, predict_costs
from planner.simulate.setting import Setting

FALLBACKS = (Approach.POSTCOPY, Approach.COLD)
"""What is tried in place of a move that is aborted, the first that is possible."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What E moves do instead; arrays of shape (E,), or (E, G) for the shares of the rate.

    Parameters
    ----------
    possible
        Whether there is anything.
    cold
        Whether it is a cold migration.
    most
        Bandwidth that it may have [bytes/s].
    time_s, downtime_s
        What it takes at `SHARES` of that [s].
    """

    possible: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    most: Floats
    time_s: Floats
    downtime_s: Floats


def fallback_of(setting: Setting, move: Ints, write_factor: Floats, read_factor: Floats) -> Fallback:
    """Return what moves do instead, by index, each in a night with such factors of its VM.

    An approach is possible where the settings and the VM allow it, the model has a number for it, and its downtime is
    within what the VM bears.
    """
    settings, count = setting.inventory.settings, len(move)
    found = Fallback(
        np.zeros(count, dtype=np.bool_),
        np.zeros(count, dtype=np.bool_),
        setting.reserved[move].copy(),
        np.full((count, len(SHARES)), np.inf),
        np.full((count, len(SHARES)), np.nan),
    )
    model_has = {"btrplace": ()}.get(settings.model, FALLBACKS)
    bears = np.array([np.inf if vm.max_downtime is None else vm.max_downtime for vm in setting.vms])[setting.vm[move]]
    for approach in model_has:
        may = np.array(
            [
                approach in settings.approaches and (vm.approaches is None or approach in vm.approaches)
                for vm in setting.vms
            ]
        )[setting.vm[move]]
        open_ = np.flatnonzero(may & ~found.possible)
        if not open_.size:
            continue
        most = (setting.one_flow if approach is Approach.POSTCOPY else setting.reserved)[move[open_]]
        costs = predict_costs(
            settings,
            setting.vms,
            approach,
            setting.vm[move[open_]],
            write_factor[open_],
            read_factor[open_],
            most,
            np.full(len(open_), np.nan),
        )
        within = costs.downtime_s[:, 0] <= bears[open_] * (1 + DOWNTIME_TOLERANCE)
        can = np.isfinite(costs.time_s[:, 0]) & within
        taken = open_[can]
        found.possible[taken], found.cold[taken], found.most[taken] = True, approach is Approach.COLD, most[can]
        found.time_s[taken], found.downtime_s[taken] = costs.time_s[can], costs.downtime_s[can]
    return found
