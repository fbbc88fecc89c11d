"""``evac import rvtools``: vSphere clusters, from what RVTools exports of them."""

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
    Make an inventory of vSphere clusters, from an export of RVTools.

    EXPORT is the xlsx file of "Export all to xlsx", or the directory of "Export all to csv".
    Hosts in maintenance get the label in-maintenance and are no targets. Reading xlsx needs
    openpyxl: pip install 'evac[xlsx]'.
    """,
    "evac import rvtools RVTools_export_all.xlsx -o inventory.yaml",
    'evac import rvtools csv-export/ --nic-speed "25 Gbit/s" -o inventory.yaml',
    "evac import rvtools RVTools_export_all.xlsx --update inventory.yaml",
)


@click.command(name="rvtools", help=HELP)
@click.argument("export", metavar="EXPORT", type=click.Path())
@click.option(
    "--vcpus-per-core",
    type=click.FloatRange(min=0.1, max=100),
    default=4.0,
    show_default=True,
    metavar="NUMBER",
    help="vCPUs that a core of a host may carry.",
)
@import_options
def command(
    *, export: str, vcpus_per_core: float, wishes: Wishes, output: Path | None, update: Path | None, quiet: bool
) -> None:
    """Run the command."""
    from planner.importers.rvtools import rvtools_facts

    finish(
        rvtools_facts(export, vcpus_per_core),
        wishes,
        name=Path(export).stem,
        given=(export,),
        output=output,
        update=update,
        quiet=quiet,
    )
