"""Times of a plan for people: from its start, and as time of day where the start is known."""

from __future__ import annotations

from dataclasses import dataclass

_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time of a moment of a plan.

    Parameters
    ----------
    start_clock
        Time of day at which the plan starts, ``HH:MM``, or None where it is not known.
    """

    start_clock: str | None = None

    def offset(self, seconds: float) -> str:
        """Return the time since the start, ``h:mm:ss``, rounded to seconds."""
        total = round(seconds)
        return f"{total // 3600}:{total % 3600 // 60:02d}:{total % 60:02d}"

    def time_of_day(self, seconds: float) -> str:
        """Return the time of day, ``hh:mm:ss``, with ``+1d`` after midnight; empty where the start is not known.

        A time before the start may be of the day before, ``-1d``.
        """
        if self.start_clock is None:
            return ""
        hours, minutes = self.start_clock.split(":")
        total = int(hours) * 3600 + int(minutes) * 60 + round(seconds)
        days, rest = divmod(total, _DAY_S)
        text = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
        return f"{text} {days:+d}d" if days else text

    def both(self, seconds: float) -> str:
        """Return ``T+h:mm:ss``, with the time of day behind it where it is known."""
        day = self.time_of_day(seconds)
        return f"T+{self.offset(seconds)} ({day})" if day else f"T+{self.offset(seconds)}"
