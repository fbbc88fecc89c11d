"""Arguments and options that several commands share, and what reads their values.

What reads quantities is imported only when there is one to read, so that help is quick.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY_S = 86400


def help_text(text: str, *examples: str, end: str = "") -> str:
    """Return the help of a command: paragraphs that click folds, and lines that it leaves alone."""
    parts = [inspect.cleandoc(text), "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)]
    return "\n\n".join([*parts, *([f"\b\n{end}"] if end else [])])


def read_duration(ctx: click.Context, param: click.Parameter, value: str | float | None) -> float | None:
    """Return a duration above 0 [s]."""
    if value is None:
        return None
    from planner.units import UnitError, parse_duration

    try:
        seconds = parse_duration(value)
    except UnitError as error:
        raise click.BadParameter(str(error)) from None
    if seconds <= 0:
        raise click.BadParameter(f"{value!r} is no time at all; give a duration above 0")
    return seconds


def read_rate(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a bandwidth above 0 [bytes/s]."""
    if value is None:
        return None
    from planner.units import UnitError, parse_rate

    try:
        rate = parse_rate(value)
    except UnitError as error:
        raise click.BadParameter(str(error)) from None
    if rate <= 0:
        raise click.BadParameter(f"{value!r} moves nothing; give a bandwidth above 0")
    return rate


def read_clock(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a time of day as ``HH:MM``."""
    if value is None:
        return None
    match = _CLOCK.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no time of day; write it as 00:30")
    return f"{int(match[1]):02d}:{match[2]}"


def read_seed(ctx: click.Context, param: click.Parameter, value: int) -> int:
    """Return a seed of 0 or more."""
    if value < 0:
        raise click.BadParameter(f"{value} is negative; give 0 or more")
    return value


def read_confidence(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a probability above 0 and at most 0.999: nights that would tell more are too many to play."""
    if value is None:
        return None
    text, percent = value.strip(), value.strip().endswith("%")
    try:
        share = float(text.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number; give one such as 0.95 or 95%") from None
    if not 0 < share <= 0.999:
        meant = f"; for {share:g}% write {share / 100:g}" if not percent and 1 < share < 100 else ""
        raise click.BadParameter(f"{value!r} is no such share; give one above 0 and at most 0.999{meant}")
    return share


def read_names(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[str, ...]:
    """Return names from all uses of an option, with commas between them or not, each once."""
    names: dict[str, None] = {}
    for text in value:
        for name in text.split(","):
            if not name.strip():
                raise click.BadParameter(f"{text!r} has an empty name; write one comma between two names")
            names[name.strip()] = None
    return tuple(names)


def read_output(ctx: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """Return the path of a file to write; whether it can be written is looked at before any work is done for it."""
    if value is None:
        return None
    path = Path(value)
    if path.is_dir():
        raise click.BadParameter(f"{value!r} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no directory {str(path.parent)!r}; make it first")
    # A file is replaced by another, which is made beside it; a device or a pipe is written to.
    made_in = path.resolve().parent if path.is_file() or not path.exists() else path
    if not os.access(made_in, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise click.BadParameter(f"{value!r} may not be written; choose another place")
    return path


def read_picture(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Return the name of a picture."""
    if value is not None and value.suffix.lower() != ".svg":
        raise click.BadParameter(f"{str(value)!r} would be an SVG all the same; give a name that ends in .svg")
    return value


def keep_input(output: Path | None, given: str) -> None:
    """See that a file to write is not the one that was read: the inventory, or the plan of a runbook.

    Raises
    ------
    click.UsageError
        If it is.
    """
    if output is not None and output.is_file() and Path(given).is_file() and output.samefile(given):
        raise click.UsageError(f"--output {output} would replace {given}, which is read; name another file.")


@dataclass(frozen=True, slots=True)
class Request:
    """What a command line asks for.

    Parameters
    ----------
    evacuate
        Names of the hosts to empty.
    deadline_s
        When they must be empty, from the start [s].
    start_clock
        Time of day of the start, ``HH:MM``, or None.
    seed
        Seed of all random choices.
    time_limit_s
        Wall time for planning [s].
    make_room
        ``auto`` or ``never``: whether VMs of other hosts may move.
    extra_move_price_s
        What each such move counts in weighted downtime [s]; None for the price in the settings.
    objective
        What is minimised: ``downtime``, ``finish`` or ``ends``.
    """

    evacuate: tuple[str, ...]
    deadline_s: float
    start_clock: str | None
    seed: int
    time_limit_s: float
    make_room: Literal["auto", "never"]
    extra_move_price_s: float | None
    objective: Literal["downtime", "finish", "ends"] = "downtime"


def inventory_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the inventory."""
    return click.argument("inventory", metavar="INVENTORY", type=click.Path())(function)


def format_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--format text|json``."""
    choice = click.Choice(["text", "json"])
    text = "text for people, json for programs."
    return click.option("--format", "form", type=choice, default="text", show_default=True, help=text)(function)


def output_option(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add ``-o FILE``."""
    text = f"Write {what} to this file; an older one is replaced."
    return click.option("-o", "--output", callback=read_output, metavar="FILE", help=text)


def quiet_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="No progress and no notices on stderr.")(function)


def request_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what an evacuation is asked for with; the function gets it as ``request``."""

    @click.option(
        "--evacuate",
        "-e",
        callback=read_names,
        multiple=True,
        required=True,
        metavar="HOST[,HOST...]",
        help="Hosts to empty; @LABEL for all that have a label. May be given several times.",
    )
    @click.option(
        "--deadline",
        "-d",
        callback=read_duration,
        metavar="DURATION",
        help='Time from the start, such as "90 min" or 1h30m.',
    )
    @click.option("--start", callback=read_clock, metavar="HH:MM", help="Time of day at which the plan starts.")
    @click.option(
        "--by",
        callback=read_clock,
        metavar="HH:MM",
        help="Time of day of the deadline, with --start; past midnight if earlier.",
    )
    @click.option(
        "--seed", type=int, callback=read_seed, default=0, show_default=True, help="Seed of all random choices."
    )
    @click.option(
        "--time-limit",
        callback=read_duration,
        metavar="DURATION",
        default="60 s",
        show_default=True,
        help="Time for planning; the best plan found by then is taken.",
    )
    @click.option(
        "--make-room",
        type=click.Choice(["auto", "never"]),
        default="auto",
        show_default=True,
        help="auto: VMs of other hosts move where nothing else is possible, or where it saves its price.",
    )
    @click.option(
        "--extra-move-price",
        callback=read_duration,
        metavar="DURATION",
        help="Weighted downtime that each move which makes room must save; the inventory's if absent.",
    )
    @click.option(
        "--objective",
        type=click.Choice(["downtime", "finish", "ends"]),
        default="downtime",
        show_default=True,
        help="What is least once all VMs are out in time: weighted downtime, the finish, or the weighted sum of ends.",
    )
    @functools.wraps(function)
    def wrapped(
        *,
        evacuate: tuple[str, ...],
        deadline: float | None,
        start: str | None,
        by: str | None,
        seed: int,
        time_limit: float,
        make_room: Literal["auto", "never"],
        extra_move_price: float | None,
        objective: Literal["downtime", "finish", "ends"],
        **rest: Any,
    ) -> Any:
        if make_room == "never" and extra_move_price is not None:
            raise click.UsageError("--extra-move-price says nothing with --make-room never; leave one out.")
        until = deadline_of(deadline, start, by)
        request = Request(evacuate, until, start, seed, time_limit, make_room, extra_move_price, objective)
        return function(request=request, **rest)

    return wrapped


def deadline_of(deadline_s: float | None, start: str | None, by: str | None) -> float:
    """Return the deadline from the start [s], from a duration or from two times of day.

    Raises
    ------
    click.UsageError
        If there is not exactly one of both.
    """
    if deadline_s is not None and by is not None:
        raise click.UsageError("Give --deadline or --by, not both.")
    if deadline_s is not None:
        return deadline_s
    if by is None:
        raise click.UsageError('Say by when: --deadline "90 min", or --start 00:30 --by 02:00.')
    if start is None:
        raise click.UsageError("--by needs --start: the time from one to the other is what counts.")
    if start == by:
        raise click.UsageError("--start and --by are the same time; for a whole day give --deadline 24h.")
    return float((_seconds(by) - _seconds(start)) % _DAY_S)


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60
