"""``evac predict``: what each approach would cost each VM."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.options import format_option, help_text, inventory_argument, read_names, read_picture, read_rate

HELP = help_text(
    """
    Predict time and downtime of every approach for every VM.

    What does not converge is said to, never given a number. The last column says whether a plan
    may use the approach.

    With --front: the ways, switch points of the hybrid among them, that no other is as good as in
    time and downtime. --plot draws them; it needs the extra plot (pip install 'evac[plot]').
    """,
    "evac predict rack.yaml",
    'evac predict rack.yaml --vm db-07 --bandwidth "2.5 Gbit/s"',
    "evac predict rack.yaml --vm db-07,db-08 --format json",
    "evac predict rack.yaml --front --vm db-07 --plot db-07.svg",
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
@click.option("--front", "front", is_flag=True, help="The ways that no other is as good as, over all switch points.")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=read_picture,
    metavar="FILE.svg",
    help="Draw time and downtime of these ways; implies --front.",
)
@format_option
def command(
    *, inventory: str, vms: tuple[str, ...], bandwidth: float | None, front: bool, plot: Path | None, form: str
) -> None:
    """Run the command."""
    if front or plot is not None:
        _front(inventory, vms, bandwidth, plot, form)
        return
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.render.predictions import predictions_json, predictions_text

    rows = api.predict(load_inventory(inventory), vms or None, bandwidth)
    if form == "json":
        screen.show_text(predictions_json(rows))
    else:
        screen.show(predictions_text(rows))


def _front(inventory: str, vms: tuple[str, ...], bandwidth: float | None, plot: Path | None, form: str) -> None:
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.render.front import front_json, front_text

    found = api.front(load_inventory(inventory), vms or None, bandwidth)
    if plot is not None:
        from planner.render.front_svg import front_svg

        screen.write(plot, front_svg(found), "the plot")
    if form == "json":
        screen.show_text(front_json(found))
    else:
        screen.show(front_text(found))
