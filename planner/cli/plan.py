"""``evac plan``: the plan, as a table and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from planner.cli import exits
from planner.cli.options import (
    Request,
    format_option,
    help_text,
    inventory_argument,
    keep_input,
    output_option,
    quiet_option,
    read_confidence,
    request_options,
)

HELP = help_text(
    """
    Plan an evacuation: targets, approaches, bandwidths, starts.

    First every VM is out by the deadline, then the weighted downtime is least, then the end is
    earliest; --objective puts the end, or the sum of all ends, before the downtime. The plan is
    replayed against the inventory before it is shown, and tells how far it may be from the best.

    With --confidence it keeps as much time in hand as nights need that differ from the inventory,
    and tells what that costs. Where no such plan is found the answer is "not known".

    Where not all VMs can leave in time, --if-infeasible triage saves the most weight and shuts down
    the others in time; the exit code is 1 where a VM is left that can be neither moved nor shut down.
    """,
    'evac plan rack.yaml --evacuate hv01 --deadline "30 min"',
    "evac plan rack.yaml --evacuate hv01,hv02 --start 00:30 --by 02:00 -o plan.json",
    "evac plan rack.yaml --evacuate hv01 --deadline 2h --confidence 0.95",
    "evac plan rack.yaml --evacuate hv01 --deadline 2h --format json | jq .objective",
    'evac plan rack.yaml --evacuate hv01 --deadline "20 min" --if-infeasible triage',
)


@click.command(help=HELP)
@inventory_argument
@request_options
@click.option(
    "--confidence",
    callback=read_confidence,
    metavar="SHARE",
    help="Be in time in this share of real nights, such as 0.95 or 95%; evac simulate tells that of any plan.",
)
@click.option(
    "--if-infeasible",
    type=click.Choice(["refuse", "triage"]),
    default="refuse",
    show_default=True,
    help="Where not all VMs can leave in time: say why, or save the most weight and shut down the others.",
)
@output_option("the plan")
@format_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    inventory: str,
    request: Request,
    confidence: float | None,
    if_infeasible: Literal["refuse", "triage"],
    output: Path | None,
    form: str,
    quiet: bool,
) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.plan.io import plan_json
    from planner.render.text import plan_text

    keep_input(output, inventory)
    loaded = load_inventory(inventory)
    with screen.progress(quiet=quiet) as sink:
        found = api.plan(
            loaded,
            request.evacuate,
            request.deadline_s,
            objective=request.objective,
            seed=request.seed,
            time_limit_s=request.time_limit_s,
            start_clock=request.start_clock,
            make_room=request.make_room,
            extra_move_price_s=request.extra_move_price_s,
            confidence=confidence,
            if_infeasible=if_infeasible,
            progress=sink,
        )
    try:
        if output is not None:
            what = "the plan" if exits.OF_STATUS[found.status] == exits.YES else "the answer"
            screen.write(output, plan_json(found), what, quiet=quiet)
    finally:
        # Where the file cannot be written, what was found in perhaps an hour is not lost.
        if form == "json":
            screen.show_text(plan_json(found))
        else:
            screen.show(plan_text(found))
    ctx.exit(exits.of_plan(found))
