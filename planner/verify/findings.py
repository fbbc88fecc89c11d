"""What a check says when it says no, and how times are put into its words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from planner.units import format_duration


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check rejects.

    Parameters
    ----------
    message
        What is wrong, in words.
    subjects
        VMs, hosts, links or rules concerned.
    at_s
        When, from the start of the plan, or None [s].
    """

    message: str
    subjects: tuple[str, ...] = ()
    at_s: float | None = None


def say_time(seconds: float) -> str:
    """Write a time for people, also one that a plan from anywhere drives beyond all bounds."""
    return format_duration(seconds) if math.isfinite(seconds) else "no finite time"
