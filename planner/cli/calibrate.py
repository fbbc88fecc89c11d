"""``evac calibrate``: terms of links from past migrations."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.options import format_option, help_text, keep_input, output_option, quiet_option

HELP = help_text(
    """
    Fit the overheads of links and hosts to past migrations.

    The log is CSV: memory, bandwidth and duration of each migration at least, with units in the
    values or in the columns' names. Found are, by class of link, the share of the bandwidth that
    carries pages, the time beside copying and, where downtimes are logged, that of the switch-over
    and of a fault. How far predictions are off is told on a half that was not fitted on.
    """,
    "evac calibrate migrations.csv",
    "evac calibrate migrations.csv --inventory rack.yaml -o settings.yaml",
)


@click.command(help=HELP)
@click.argument("log", metavar="LOG", type=click.Path())
@click.option(
    "--inventory",
    type=click.Path(),
    metavar="INVENTORY",
    help="Its settings hold beside what is fitted; VMs that the log names are looked up in it.",
)
@output_option("the settings block")
@format_option
@quiet_option
def command(*, log: str, inventory: str | None, output: Path | None, form: str, quiet: bool) -> None:
    """Run the command."""
    from planner import api
    from planner.cli import screen
    from planner.inventory.load import load_inventory
    from planner.render.calibration import calibration_json, calibration_text, settings_block

    for given in (log, inventory):
        if given is not None:
            keep_input(output, given)
    found = api.calibrate(log, None if inventory is None else load_inventory(inventory))
    if form == "json":
        screen.show_text(calibration_json(found))
    else:
        screen.show(calibration_text(found))
    if output is not None:
        screen.write(output, settings_block(found), "the settings block", quiet=quiet)
    elif form == "text":
        screen.show_text("\n" + settings_block(found))
