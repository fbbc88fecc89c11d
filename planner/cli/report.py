"""Errors as reports on stderr: all problems at once, each with its place and its mend."""

from __future__ import annotations

from collections.abc import Iterator

import click

from planner.errors import EvacError, InputError, RejectedPlanError, StalePlanError

SHOWN = 50
"""How many problems are written out; the rest is counted."""


def report(error: EvacError) -> None:
    """Write what is wrong to stderr."""
    from planner.render.words import plain

    for line in report_lines(error):
        click.echo(plain(line), err=True)


def report_lines(error: EvacError) -> Iterator[str]:
    """Yield what is wrong, a line each."""
    match error:
        case InputError():
            yield from _problems(error)
        case StalePlanError():
            yield "The plan is stale: the inventory is not the one that it was made for."
            yield from _some(error.changes)
            yield "Plan again, or give the inventory that the plan was made for."
        case RejectedPlanError():
            yield "The planner's own replay rejects the plan that it made: a bug, please report it. No plan is shown."
            yield from _some(error.violations)
        case _:
            yield str(error)


def _problems(error: InputError) -> Iterator[str]:
    problems = error.problems
    yield f"{len(problems)} problem{'' if len(problems) == 1 else 's'}:"
    for problem in problems[:SHOWN]:
        place = str(problem.place)
        if place:
            yield place
        yield f"    {problem.message}"
        yield f"    {problem.mend}"
    if len(problems) > SHOWN:
        yield f"and {len(problems) - SHOWN} more"


def _some(sentences: tuple[str, ...]) -> Iterator[str]:
    for sentence in sentences[:SHOWN]:
        yield f"- {sentence}"
    if len(sentences) > SHOWN:
        yield f"- and {len(sentences) - SHOWN} more"
