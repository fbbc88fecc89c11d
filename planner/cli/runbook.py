"""``evac runbook``: a plan as ordered steps for people or machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli import exits
from planner.cli.options import help_text, keep_input, output_option, quiet_option

if TYPE_CHECKING:
    from planner.plan.models import Plan


HELP = help_text(
    """
    Turn a plan into ordered steps with their virsh commands.

    The Markdown runbook has what must hold before the start, each step with its times, commands,
    check and what to do on an overrun, and what to do when the deadline is threatened. The shell
    script keeps the plan's order and parallelism; it only prints unless RUN=1 is set.
    """,
    "evac runbook plan.json -o runbook.md",
    "evac runbook plan.json --format shell -o runbook.sh",
    "evac runbook plan.json --format json | jq '.steps[].migrate'",
)


@click.command(help=HELP)
@click.argument("plan", metavar="PLAN", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "shell", "json"]),
    default="markdown",
    show_default=True,
    help="markdown for people, shell for a script that runs the steps, json for programs.",
)
@output_option("the runbook")
@quiet_option
@click.pass_context
def command(ctx: click.Context, *, plan: str, form: str, output: Path | None, quiet: bool) -> None:
    """Run the command."""
    from planner.cli import screen
    from planner.plan.io import read_plan

    keep_input(output, plan)
    found = read_plan(plan)
    refusal = _refusal(found)
    if refusal:
        for line in refusal:
            screen.notice(line)
        ctx.exit(exits.OF_STATUS[found.status] or exits.NO)
    text = _written(found, form)
    if output is not None:
        screen.write(output, text, "the runbook", quiet=quiet)
    else:
        screen.show_text(text)


def _refusal(plan: Plan) -> list[str]:
    """Return why there is no runbook of a plan, or nothing."""
    from planner.render.answer import answer_lines
    from planner.render.verification import verification_lines

    if exits.OF_STATUS[plan.status] != exits.YES:
        return ["There is no runbook: the file holds an answer without a plan.", *answer_lines(plan)]
    if plan.verification is not None and not plan.verification.ok:
        return ["There is no runbook: the plan did not pass its replay.", *verification_lines(plan.verification)]
    return []


def _written(plan: Plan, form: str) -> str:
    match form:
        case "shell":
            from planner.render.shell import shell_runbook

            return shell_runbook(plan)
        case "json":
            from planner.render.runbook_json import json_runbook

            return json_runbook(plan)
        case _:
            from planner.render.markdown import markdown_runbook

            return markdown_runbook(plan)
