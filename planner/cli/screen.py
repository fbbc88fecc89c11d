"""What goes where: results to stdout, everything else to stderr; colour and moving lines on a terminal only."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from planner.plan.progress import Progress, ProgressSink

_UNBOUNDED = 100_000
"""Columns where nobody looks: a pipe gets one line a row."""
_STILL = ("dumb", "unknown")
"""Terminals on which no line can be written twice."""
_EVERY_S = 5.0
"""How often progress is told where it cannot move on the spot [s]."""


def show(renderable: RenderableType) -> None:
    """Write a table or text to stdout; on a terminal with its colours and width, otherwise plain and unfolded."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False, markup=False, emoji=False).print(renderable)
        return
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() and int(columns) > 0 else _UNBOUNDED
    text = io.StringIO()
    Console(file=text, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(renderable)
    show_text("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def show_lines(lines: Iterable[str]) -> None:
    """Write lines of text to stdout; on a terminal folded at its width."""
    from rich.console import Group

    from planner.render.tables import folded

    show(Group(*(folded(line) for line in lines)))


def show_text(text: str) -> None:
    """Write a text to stdout as it is.

    Raises
    ------
    InputError
        If it cannot be written, as where the disk is full.
    """
    try:
        click.echo(text, nl=not text.endswith("\n"))
    except OSError as error:
        from planner.errors import InputError

        # What is left in the buffer would fail once more at the very end, with an exit code of Python's own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        message = f"the output cannot be written: {error.strerror}"
        raise InputError.single("cannot-write", message, "see that there is room where it goes") from None


def notice(text: str, *, quiet: bool = False) -> None:
    """Write a line to stderr."""
    if not quiet:
        click.echo(text, err=True)


def write(path: Path, text: str, what: str, *, quiet: bool = False) -> None:
    """Write a file, all of it or nothing, and say so on stderr.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    from planner.files import write_text

    write_text(path, text)
    notice(f"Wrote {what} to {path}", quiet=quiet)


@contextmanager
def progress(*, quiet: bool) -> Iterator[ProgressSink | None]:
    """Give a sink that tells on stderr how a solve goes: a live line where it can move, else a line now and then."""
    if quiet:
        yield None
    elif sys.stderr.isatty() and os.environ.get("TERM", "") not in _STILL:
        with _live() as sink:
            yield sink
    else:
        yield _Lines()


def progress_words(moment: Progress) -> str:
    """Return a moment of a solve in words."""
    from planner.render.words import gap_percent
    from planner.units import format_duration

    words = [moment.phase, format_duration(round(moment.elapsed_s))]
    if moment.incumbent_s is not None:
        words.append(f"downtime {format_duration(moment.incumbent_s)}")
    if moment.bound_s is not None:
        words.append(f"bound {format_duration(moment.bound_s)}")
    if moment.gap is not None:
        words.append(f"gap {gap_percent(moment.gap)}")
    if moment.finish_s is not None:
        words.append(f"finish {format_duration(moment.finish_s)}")
    return ", ".join(words)


class _Lines:
    """A line every few seconds, none for a short solve."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _EVERY_S

    def __call__(self, moment: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY_S
            notice(progress_words(moment))


class _Moment:
    """What the live line shows; the time goes on between two words of the solver."""

    def __init__(self) -> None:
        self.moment: Progress | None = None
        self._told = time.monotonic()

    def __call__(self, moment: Progress) -> None:
        self.moment, self._told = moment, time.monotonic()

    def __rich__(self) -> str:
        from dataclasses import replace

        if self.moment is None:
            return "planning"
        return progress_words(replace(self.moment, elapsed_s=self.moment.elapsed_s + time.monotonic() - self._told))


@contextmanager
def _live() -> Iterator[_Moment]:
    from rich.console import Console
    from rich.live import Live

    console: Console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    moment = _Moment()
    with Live(moment, console=console, transient=True, refresh_per_second=4):
        yield moment
