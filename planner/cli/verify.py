"""``evac verify``: replays a plan, from anyone, against an inventory."""

from __future__ import annotations

import click

from planner.cli import exits
from planner.cli.options import format_option, help_text, inventory_argument

HELP = help_text(
    """
    Replay a plan against an inventory: every rule, no solver.

    The plan may come from anyone: this tool, another one, or a text editor. If the inventory has
    changed since the plan was made, that is said, and the exit code is 4.
    """,
    "evac verify rack.yaml plan.json",
    "evac verify rack.yaml plan.json --format json | jq .violations",
)


@click.command(help=HELP)
@inventory_argument
@click.argument("plan", metavar="PLAN", type=click.Path())
@format_option
@click.pass_context
def command(ctx: click.Context, *, inventory: str, plan: str, form: str) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.errors import StalePlanError
    from planner.inventory.load import load_inventory
    from planner.plan.io import read_plan
    from planner.render.answer import answer_word
    from planner.render.clock import Clock
    from planner.render.verification import (
        stale_json,
        verification_json,
        verification_lines,
        without_plan_lines,
    )

    loaded, read = load_inventory(inventory), read_plan(plan)
    try:
        found = api.verify(loaded, read)
    except StalePlanError as error:
        if form == "json":
            screen.show_text(stale_json(error.changes))
        raise
    without_plan = found.ok and exits.OF_STATUS[read.status] != exits.YES
    if form == "json":
        screen.show_text(verification_json(found, answer_word(read) if without_plan else None))
    elif without_plan:
        screen.show_lines(without_plan_lines(read, found))
    else:
        screen.show_lines(verification_lines(found, Clock(read.request.start_clock)))
    if without_plan:
        ctx.exit(exits.OF_STATUS[read.status])
    ctx.exit(exits.YES if found.ok else exits.NO)
