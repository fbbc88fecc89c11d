"""Places within a document: paths such as ``vms[3].memory``, and the lines on which they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from planner.errors import InputError, Place, Problem

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a document."""

MAX_PROBLEMS = 200
"""Most problems reported of one file [count]; a last one says that there are more."""
MAX_DEPTH = 20
"""Deepest nesting read [count]; the formats need 5."""
MAX_KEYS = 100
"""Most keys read in one mapping [count]; the formats need 20."""
MAX_ENTRIES = 200_000
"""Most entries read in a list at the top of a document [count]."""
MAX_INNER_ENTRIES = 20_000
"""Most entries read in a list further down [count]."""


def path_text(path: Path) -> str:
    """Write a path for people: ``vms[3].memory``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{clip(part)}" if text else clip(part)
    return text


def clip(text: str, limit: int = 60) -> str:
    """Shorten text that came from a file, and make its control characters visible."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short if short.isprintable() else short.encode("unicode_escape").decode("ascii")


@dataclass
class Document:
    """What a file says, and where.

    Parameters
    ----------
    data
        Mappings, lists, text, numbers, true, false and None.
    file
        Name of the file as the user gave it, or None.
    find_lines
        Returns the line of each path; called at most once, when a line is first asked for.
    problems
        What was wrong with the text itself, such as keys given twice.
    """

    data: dict[str, Any]
    file: str | None
    find_lines: Callable[[], Mapping[Path, int]]
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def lines(self) -> Mapping[Path, int]:
        """Line of each path, 1-based."""
        return self.find_lines()

    def place(self, path: Path) -> Place:
        """Return where a path stands; what is missing stands where its parent is."""
        known = (path[:length] for length in range(len(path), 0, -1) if path[:length] in self.lines)
        return Place(self.file, self.lines.get(next(known, ())), path_text(path))

    def require_kind(self, expected: str) -> None:
        """Refuse a document that says that it is of another kind, such as a plan given for an inventory.

        Raises
        ------
        InputError
            If it does. Another version of the same kind is left to the models, who find the rest that is wrong.
        """
        given = self.data.get("format")
        if isinstance(given, str) and given.startswith("evac/") and given.split("/")[1] != expected.split("/")[1]:
            message = f"the file is {clip(given)}, and {expected} is expected"
            mend = "check the order of the arguments"
            raise InputError.single("wrong-format", message, mend, self.place(("format",)))


def most_entries(path_length: int) -> int:
    """Return how many entries a list may have at a path of this length [count]."""
    return MAX_ENTRIES if path_length <= 1 else MAX_INNER_ENTRIES


def by_place(problem: Problem) -> tuple[int, str]:
    """Sort key: problems in the order of the file."""
    return (problem.place.line or 0, problem.place.path)


def limited(problems: list[Problem]) -> list[Problem]:
    """Return the problems in the order of the file, each once, at most `MAX_PROBLEMS` and a word on the rest."""
    ordered = sorted(dict.fromkeys(problems), key=by_place)
    more = len(ordered) - MAX_PROBLEMS
    if more <= 0:
        return ordered
    place = Place(file=ordered[0].place.file)
    rest = Problem("more-problems", f"and {more} more at least", "mend the ones above first", place)
    return [*ordered[:MAX_PROBLEMS], rest]
