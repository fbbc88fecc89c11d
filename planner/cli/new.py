"""``evac new``: a starter inventory, or a synthetic one."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.options import help_text, output_option, quiet_option

HELP = help_text(
    """
    Write a starter inventory, or a synthetic one of any size.

    The starter is small and commented. With --hosts and --vms a synthetic inventory is made; the
    same numbers and seed make the same inventory.
    """,
    "evac new -o rack.yaml",
    "evac new --hosts 20 --vms 200 --seed 7 -o synthetic.yaml",
)


@click.command(help=HELP)
@click.option("--hosts", type=int, help="Hosts of a synthetic inventory.")
@click.option("--vms", type=int, help="VMs of a synthetic inventory.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of a synthetic inventory.")
@output_option("the inventory")
@quiet_option
def command(*, hosts: int | None, vms: int | None, seed: int, output: Path | None, quiet: bool) -> None:
    """Run the command."""
    from planner.cli import screen

    if (hosts is None) != (vms is None):
        raise click.UsageError("Give --hosts and --vms together, or neither for the starter.")
    if hosts is not None and vms is not None:
        from planner.inventory.synthesize import synthesize
        from planner.inventory.write import inventory_yaml

        text = inventory_yaml(synthesize(hosts=hosts, vms=vms, seed=seed))
    else:
        from planner.inventory.starter import starter_text

        text = starter_text()
    if output is not None:
        screen.write(output, text, "the inventory", quiet=quiet)
    else:
        screen.show_text(text)
