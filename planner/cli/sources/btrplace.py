"""``evac import btrplace``: instances of BtrPlace, in its JSON."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.options import help_text, keep_input, output_option, quiet_option
from planner.cli.sources.common import conclude, refuse_both, update_option

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
@update_option
@output_option("the inventory")
@quiet_option
def command(*, instance: str, output: Path | None, update: Path | None, quiet: bool) -> None:
    """Run the command."""
    from planner.importers.btrplace import import_btrplace

    refuse_both(output, update)
    keep_input(output, instance)
    conclude(import_btrplace(instance), output=output, update=update, quiet=quiet)
