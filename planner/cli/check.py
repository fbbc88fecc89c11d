"""``evac check``: can it be done in time? Yes, no and why, or not known."""

from __future__ import annotations

import click

from planner.cli import exits
from planner.cli.options import Request, format_option, help_text, inventory_argument, quiet_option, request_options

HELP = help_text(
    """
    Say whether hosts can be emptied in time, and if not, why.

    A yes is backed by a plan that was found and replayed, a no by a proof. What was neither found
    nor proven impossible within the time limit is "not known" (exit code 3), never a no.

    A no also tells the smallest set of things that cannot all be had, the smallest deadline, and
    single changes that would help, each with a plan that was made and verified.
    """,
    'evac check rack.yaml --evacuate hv01 --deadline "30 min"',
    "evac check rack.yaml --evacuate hv01,hv02 --start 23:30 --by 01:00",
    "evac check rack.yaml --evacuate hv01 --deadline 10m --format json",
)


@click.command(help=HELP)
@inventory_argument
@request_options
@click.option(
    "--advice/--no-advice",
    default=True,
    show_default=True,
    help="Say also how much time it takes at least and, of a no, what it needs and what would help.",
)
@format_option
@quiet_option
@click.pass_context
def command(ctx: click.Context, *, inventory: str, request: Request, advice: bool, form: str, quiet: bool) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.render.answer import answer_json, answer_lines

    loaded = load_inventory(inventory)
    with screen.progress(quiet=quiet) as sink:
        found = api.check(
            loaded,
            request.evacuate,
            request.deadline_s,
            objective=request.objective,
            seed=request.seed,
            time_limit_s=request.time_limit_s,
            start_clock=request.start_clock,
            make_room=request.make_room,
            extra_move_price_s=request.extra_move_price_s,
            advise=advice,
            progress=sink,
        )
    if form == "json":
        screen.show_text(answer_json(found))
    else:
        screen.show_lines(answer_lines(found))
    ctx.exit(exits.OF_STATUS[found.status])
