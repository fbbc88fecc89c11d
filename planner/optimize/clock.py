"""The time that a solve may take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    """Wall time since a solve began, and what is left of its limit.

    Parameters
    ----------
    limit_s
        Limit on the whole solve [s].
    """

    limit_s: float
    _begin: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        """Time since the beginning [s]."""
        return time.monotonic() - self._begin

    @property
    def left_s(self) -> float:
        """Time left, never negative [s]."""
        return max(0.0, self.limit_s - self.elapsed_s)

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.left_s <= 0.0

    def part(self, share: float) -> Clock:
        """Return the clock of a step that may take a share of the time left."""
        return Clock(self.left_s * share)

    def before(self, seconds: float) -> Clock:
        """Return the clock of a step after which so much time is to be left [s]."""
        return Clock(max(0.0, self.limit_s - seconds), self._begin)


FOREVER = Clock(math.inf)
"""The clock of what may take as long as it takes."""
