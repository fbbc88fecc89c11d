"""``evac import btrplace``: instances of BtrPlace, in its JSON."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.options import help_text, keep_input, output_option, quiet_option

HELP = help_text(
    """
    Make an inventory of an instance of BtrPlace.

    Nodes that it takes offline get the label btrplace-source, so that they can be evacuated by
    it; fences become required labels; nodes that are off are hosts that are ready once they have
    booted. Migrations take what BtrPlace's own formula says (settings.model: btrplace).
    """,
    "evac import btrplace instance.json -o inventory.yaml",
    'evac plan inventory.yaml --evacuate @btrplace-source --deadline "15 min"',
)


@click.command(name="btrplace", help=HELP)
@click.argument("instance", metavar="FILE", type=click.Path())
@output_option("the inventory")
@quiet_option
def command(*, instance: str, output: Path | None, quiet: bool) -> None:
    """Run the command."""
    from planner.cli import screen
    from planner.importers.btrplace import import_btrplace
    from planner.importers.report import report_lines
    from planner.inventory.write import inventory_yaml

    keep_input(output, instance)
    imported = import_btrplace(instance)
    text = inventory_yaml(imported.inventory)
    if output is not None:
        screen.write(output, text, "the inventory", quiet=quiet)
    else:
        screen.show_text(text)
    for line in report_lines(imported, None if output is None else str(output)):
        screen.notice(line, quiet=quiet)
