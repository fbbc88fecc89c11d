"""``evac predict``: what each approach would cost each VM."""

from __future__ import annotations

import click

from planner.cli.options import format_option, help_text, inventory_argument, read_names, read_rate

HELP = help_text(
    """
    Predict time and downtime of every approach for every VM.

    What does not converge is said to, never given a number. The last column says whether a plan
    may use the approach.
    """,
    "evac predict rack.yaml",
    'evac predict rack.yaml --vm db-07 --bandwidth "2.5 Gbit/s"',
    "evac predict rack.yaml --vm db-07,db-08 --format json",
)


@click.command(help=HELP)
@inventory_argument
@click.option("--vm", "vms", callback=read_names, multiple=True, metavar="VM[,VM...]", help="Only these VMs.")
@click.option(
    "--bandwidth",
    callback=read_rate,
    metavar="RATE",
    help='Bandwidth, such as "1 Gbit/s"; without it the fastest link of each VM\'s host.',
)
@format_option
def command(*, inventory: str, vms: tuple[str, ...], bandwidth: float | None, form: str) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.render.predictions import predictions_json, predictions_text

    rows = api.predict(load_inventory(inventory), vms or None, bandwidth)
    if form == "json":
        screen.show_text(predictions_json(rows))
    else:
        screen.show(predictions_text(rows))
