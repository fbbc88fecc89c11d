"""``evac window``: when to start."""

from __future__ import annotations

from pathlib import Path

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
    read_clock,
    read_duration,
    read_output,
    read_picture,
    request_options,
)

HELP = help_text(
    """
    Find when to start, where rates differ by hour of day.

    Each start is planned with the worst rates of the hours that its plan touches, so the plan holds
    in all of them. VMs have write_rate_by_hour and read_rate_by_hour, links usable_by_hour. The time
    limit is for all starts together.

    -o writes the plan of the best start. It belongs to the inventory as it is in those hours, which
    --write-inventory writes: evac verify needs that one. --plot needs the extra plot
    (pip install 'evac[plot]').
    """,
    "evac window office.yaml --evacuate hv01 --deadline 1h",
    'evac window office.yaml --evacuate hv01 --deadline 1h --from 18:00 --within 12h --step "30 min"',
    "evac window office.yaml --evacuate hv01 --deadline 1h -o plan.json --write-inventory night.yaml",
)


@click.command(help=HELP)
@inventory_argument
@request_options
@click.option(
    "--from", "first", callback=read_clock, metavar="HH:MM", help="Time of day of the first start; now if absent."
)
@click.option(
    "--within",
    callback=read_duration,
    metavar="DURATION",
    default="24h",
    show_default=True,
    help="How long after the first start others are tried, at most a day.",
)
@click.option(
    "--step",
    callback=read_duration,
    metavar="DURATION",
    default="1h",
    show_default=True,
    help="How far apart starts are: each whole step of the clock after the first.",
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=read_picture,
    metavar="FILE.svg",
    help="Draw what each start costs.",
)
@output_option("the plan of the best start")
@click.option(
    "--write-inventory",
    "changed",
    callback=read_output,
    metavar="FILE",
    help="Write the inventory that this plan is for, as it is in the hours that it touches.",
)
@format_option
@quiet_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    inventory: str,
    request: Request,
    first: str | None,
    within: float,
    step: float,
    plot: Path | None,
    output: Path | None,
    changed: Path | None,
    form: str,
    quiet: bool,
) -> None:
    """Run the command."""
    if request.start_clock is not None:
        raise click.UsageError("The start is what is looked for: give --from in place of --start.")
    from datetime import datetime

    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.inventory.write import inventory_yaml
    from planner.plan.io import plan_json
    from planner.render.window import start_words, window_json, window_text
    from planner.units import format_duration

    keep_input(output, inventory)
    keep_input(changed, inventory)
    loaded = load_inventory(inventory)
    found = api.window(
        loaded,
        request.evacuate,
        request.deadline_s,
        first_clock=first or f"{datetime.now():%H:%M}",
        within_s=within,
        step_s=step,
        objective=request.objective,
        seed=request.seed,
        time_limit_s=request.time_limit_s,
        make_room=request.make_room,
        extra_move_price_s=request.extra_move_price_s,
        tell=lambda clock, number, count: screen.notice(f"start {clock}, {number} of {count}", quiet=quiet),
    )
    best = None if found.best is None else found.starts[found.best]
    try:
        if best is not None and best.plan is not None and best.inventory is not None:
            at = start_words(best, found.starts[0])
            until = format_duration(best.plan.request.deadline_s)
            if output is not None:
                screen.write(output, plan_json(best.plan), f"the plan for a start at {at}, to be done within {until},")
                screen.notice("It belongs to the inventory as it is in those hours: --write-inventory.", quiet=quiet)
            if changed is not None:
                comment = (
                    f"{found.name} as it is from {at} on for {until}: rates at their highest, links at their least."
                )
                screen.write(
                    changed, inventory_yaml(best.inventory, comment), "the inventory of those hours", quiet=quiet
                )
        if plot is not None:
            from planner.render.window_svg import window_svg

            screen.write(plot, window_svg(found), "the plot", quiet=quiet)
    finally:
        if form == "json":
            screen.show_text(window_json(found))
        else:
            screen.show(window_text(found))
    if best is not None:
        ctx.exit(exits.YES)
    ctx.exit(exits.NO if found.proven else exits.NOT_KNOWN)


for _option in command.params:
    # Requests have a start; here it is what is looked for.
    _option.hidden = _option.name in ("start", "by")  # type: ignore[attr-defined]
