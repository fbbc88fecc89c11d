"""What a long solve tells while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a solve.

    Parameters
    ----------
    phase
        What is being done, in a few words.
    elapsed_s
        Wall time since the solve began [s].
    incumbent_s
        Weighted downtime of the best verified plan so far, or None [s].
    bound_s
        Proven lower bound on the weighted downtime so far, or None [s].
    finish_s
        When the best plan so far ends, or None [s].
    """

    phase: str
    elapsed_s: float
    incumbent_s: float | None = None
    bound_s: float | None = None
    finish_s: float | None = None

    @property
    def gap(self) -> float | None:
        """(incumbent - bound) / incumbent, 0 where both are 0, None while either is missing."""
        if self.incumbent_s is None or self.bound_s is None:
            return None
        return relative_gap(self.incumbent_s, self.bound_s)


ProgressSink = Callable[[Progress], None]
"""Receives progress; must return at once."""


def relative_gap(value: float, bound: float) -> float:
    """Return (value - bound) / value, never negative; 0 where the value is 0."""
    return 0.0 if value <= 0 else max(0.0, (value - bound) / value)
