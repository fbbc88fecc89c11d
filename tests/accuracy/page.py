"""The page with measured accuracy: tables between two marks, written by those who measure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "accuracy.md"
END = "<!-- end of measured -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    for line in (head, ["-"] * len(head), *rows):
        yield f"| {' | '.join(line)} |"


def put(part: str, text: str) -> None:
    """Write a text in the place of the measured part of that name."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"(<!-- measured: {re.escape(part)} -->\n).*?({re.escape(END)})", re.DOTALL)
    renewed, count = pattern.subn(lambda found: found[1] + text + found[2], page)
    if count != 1:
        raise ValueError(f"{PAGE.name} has {count} places for {part!r}")
    PAGE.write_text(renewed, encoding="utf-8")
