"""One exception tree. Every error carries what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a problem stands.

    Parameters
    ----------
    file
        File name as the user gave it, or None for data that came from no file.
    line
        1-based line in that file, or None where it is not known.
    path
        Path within the document, such as ``vms[3].memory``; empty for the whole document.
    """

    file: str | None = None
    line: int | None = None
    path: str = ""

    def __str__(self) -> str:
        where = self.file or ""
        if self.line is not None:
            where = f"{where}:{self.line}" if where else f"line {self.line}"
        return ": ".join(part for part in (where, self.path) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    Parameters
    ----------
    code
        Stable, machine-readable name of the kind of problem, such as ``unknown-key``.
    message
        What is wrong.
    mend
        What to do about it.
    place
        Where it is.
    """

    code: str
    message: str
    mend: str
    place: Place = Place()

    def __str__(self) -> str:
        place = str(self.place)
        return f"{place}: {self.message} ({self.mend})" if place else f"{self.message} ({self.mend})"


class EvacError(Exception):
    """Base of everything this package raises on purpose."""

    exit_code = 2


class InputError(EvacError):
    """The input cannot be used; all its problems are collected.

    Parameters
    ----------
    problems
        At least one problem.
    """

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def single(cls, code: str, message: str, mend: str, place: Place | None = None) -> InputError:
        """Make an error of one problem."""
        return cls([Problem(code, message, mend, place or Place())])


class StalePlanError(EvacError):
    """The inventory is no longer the one the plan was made for.

    Parameters
    ----------
    changes
        What differs, one sentence each.
    """

    exit_code = 4

    def __init__(self, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__("; ".join(self.changes))


class RejectedPlanError(EvacError):
    """The planner made a plan that its own replay rejects: a bug of the planner, never a plan.

    Parameters
    ----------
    violations
        What the replay found, one sentence each.
    """

    exit_code = 5

    def __init__(self, violations: Sequence[str]) -> None:
        self.violations = tuple(violations)
        super().__init__("; ".join(self.violations))
