"""``evac explain``: why a plan is as it is."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli import exits
from planner.cli.options import format_option, help_text, read_names, read_picture

HELP = help_text(
    """
    Say why a plan is as it is, or why a VM moves so.

    Of the plan: what is scarce, what decides the end, who has most of the downtime, and why. With
    --vm: why this approach, this target and this start, each tried against the others with all
    else in the plan as it is. The plan may come from anyone; one that its inventory rejects is not
    explained. --plot draws the plan; it needs the extra plot (pip install 'evac[plot]').
    """,
    "evac explain plan.json",
    "evac explain plan.json --vm db-07",
    "evac explain plan.json --vm db-07,db-08 --format json | jq .asked",
    "evac explain plan.json --plot plan.svg",
)


@click.command(help=HELP)
@click.argument("plan", metavar="PLAN", type=click.Path())
@click.option("--vm", "vms", callback=read_names, multiple=True, metavar="VM[,VM...]", help="Why these VMs move so.")
@click.option(
    "--inventory", metavar="INVENTORY", type=click.Path(), help="The inventory, where the plan does not have it in it."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=read_picture,
    metavar="FILE.svg",
    help="Draw the moves over time, and the load of the bottleneck.",
)
@format_option
@click.pass_context
def command(
    ctx: click.Context, *, plan: str, vms: tuple[str, ...], inventory: str | None, plot: Path | None, form: str
) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.plan.io import read_plan
    from planner.render.answer import answer_json, answer_lines
    from planner.render.why import why_json, why_text

    read = read_plan(plan)
    given = load_inventory(inventory) if inventory is not None else None
    if not read.moves:
        if form == "json":
            screen.show_text(answer_json(read))
        else:
            screen.show_lines(answer_lines(read))
        ctx.exit(exits.OF_STATUS[read.status])
    found = api.explain(read, vms or None, inventory=given)
    if plot is not None:
        from planner.render.why_svg import plan_svg

        screen.write(plot, plan_svg(found), "the plot")
    if form == "json":
        screen.show_text(why_json(found))
    else:
        screen.show(why_text(found))
