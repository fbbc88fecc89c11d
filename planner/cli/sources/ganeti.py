"""``evac import ganeti``: clusters of Ganeti, in the text format of its htools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.options import help_text
from planner.cli.sources.common import finish, import_options

if TYPE_CHECKING:
    from planner.importers.loader import Wishes

HELP = help_text(
    """
    Make an inventory of a Ganeti cluster, from the text file that hbal -t reads and hscan writes.

    Instances on DRBD may go to their secondary node only; exclusion tags become rules, groups
    and migration tags become labels. Nodes that are offline or drained get the label
    ganeti-offline, so that they can be evacuated by it.
    """,
    "hscan -d . cluster.example.com",
    "evac import ganeti cluster.example.com.data -o inventory.yaml",
    "evac plan inventory.yaml --evacuate node1.example.com --deadline 2h",
)


@click.command(name="ganeti", help=HELP)
@click.argument("file", metavar="FILE", type=click.Path())
@import_options
def command(*, file: str, wishes: Wishes, output: Path | None, update: Path | None, quiet: bool) -> None:
    """Run the command."""
    from planner.importers.ganeti import ganeti_facts

    finish(
        ganeti_facts(file),
        wishes,
        name=Path(file).stem,
        given=(file,),
        output=output,
        update=update,
        quiet=quiet,
    )
