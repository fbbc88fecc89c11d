"""Auto-converge: pre-copy takes vCPU time from VMs whose writes keep up with the link, as QEMU's migration does it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import Settings
from planner.predict.protocol import Floats, Ints

LOOK_S = 1.0
"""How far apart looks at the dirty rate are at least [s]."""
TRIGGER = 0.5
"""Dirtied by sent bytes since the last look, above which a look counts (throttle-trigger-threshold) [1]."""
LOOKS = 2
"""Looks that count, for each step of the throttle [count]."""


@dataclass(slots=True)
class Throttle:
    """The throttle of E migrations, pass by pass.

    Parameters
    ----------
    initial, increment, most
        First share of vCPU time taken, what is added each time, and the most of it [1].
    taken
        Share taken now, shape (E,) [1].
    """

    initial: float
    increment: float
    most: float
    taken: Floats
    period_s: Floats
    dirtied_bytes: Floats
    sent_bytes: Floats
    looks: Ints

    @staticmethod
    def of(settings: Settings, count: int) -> Throttle:
        """Return the throttle of some migrations before their first pass."""
        most = settings.max_cpu_throttle / 100 if settings.auto_converge else 0.0
        return Throttle(
            min(settings.cpu_throttle_initial / 100, most),
            settings.cpu_throttle_increment / 100,
            most,
            np.zeros(count),
            np.zeros(count),
            np.zeros(count),
            np.zeros(count),
            np.zeros(count, dtype=np.int64),
        )

    def after_pass(self, here: Ints, time_s: Floats, dirtied_bytes: Floats, sent_bytes: Floats) -> None:
        """Take note of a pass of some migrations, and take more vCPU time where their writes keep up."""
        if self.most == 0.0:
            return
        self.period_s[here] += time_s
        self.dirtied_bytes[here] += dirtied_bytes
        self.sent_bytes[here] += sent_bytes
        looked = here[self.period_s[here] >= LOOK_S]
        high = looked[self.dirtied_bytes[looked] > TRIGGER * self.sent_bytes[looked]]
        self.looks[high] += 1
        due = high[self.looks[high] >= LOOKS]
        more = np.where(self.taken[due] > 0, self.taken[due] + self.increment, self.initial)
        self.taken[due] = np.minimum(more, self.most)
        self.looks[due] = 0
        for account in (self.period_s, self.dirtied_bytes, self.sent_bytes):
            account[looked] = 0.0
