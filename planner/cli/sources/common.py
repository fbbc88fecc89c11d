"""What all sources of `evac import` share: options, and what becomes of what they found."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.options import keep_input, output_option, quiet_option, read_rate

if TYPE_CHECKING:
    from planner.importers.facts import Facts
    from planner.importers.loader import Wishes
    from planner.importers.report import Imported


def update_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--update``."""
    return click.option(
        "--update",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Renew the facts in this inventory and keep what was edited; shows the difference.",
    )(function)


def import_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all sources; the function gets ``wishes``, ``output``, ``update`` and ``quiet``."""

    @click.option("--name", metavar="NAME", help="Name of the inventory; by its source if absent.")
    @click.option(
        "--nic-speed",
        callback=read_rate,
        metavar="RATE",
        help='Speed of all hosts\' NICs, such as "25 Gbit/s"; what the source says if absent.',
    )
    @click.option(
        "--topology",
        type=click.Path(),
        metavar="FILE",
        help="Switches and links, as in an inventory (format: evac/topology/1); else one switch that blocks nothing.",
    )
    @update_option
    @output_option("the inventory")
    @quiet_option
    @functools.wraps(function)
    def wrapped(
        *,
        name: str | None,
        nic_speed: float | None,
        topology: str | None,
        update: Path | None,
        output: Path | None,
        quiet: bool,
        **rest: Any,
    ) -> Any:
        from planner.importers.loader import Wishes

        refuse_both(output, update)
        if nic_speed is not None and topology is not None:
            raise click.UsageError("--nic-speed says nothing with --topology, which has all links; leave one out.")
        wishes = Wishes(name or "", nic_speed, topology)
        return function(wishes=wishes, output=output, update=update, quiet=quiet, **rest)

    return wrapped


def refuse_both(output: Path | None, update: Path | None) -> None:
    """See that there is one file to write at the most.

    Raises
    ------
    click.UsageError
        If there are two.
    """
    if update is not None and output is not None:
        raise click.UsageError("--update writes to the file that it renews; leave --output out.")


def finish(
    facts: Facts,
    wishes: Wishes,
    *,
    name: str,
    given: tuple[str, ...] = (),
    output: Path | None,
    update: Path | None,
    quiet: bool,
) -> Imported:
    """Make the inventory, write it or renew the one that there is, and report.

    Parameters
    ----------
    facts
        What the source says.
    wishes
        What the operator says.
    name
        Name of the inventory where none is wished for.
    given
        Files that were read, which must not be replaced.
    """
    from dataclasses import replace

    from planner.importers.loader import load
    from planner.importers.naming import label

    for path in given:
        keep_input(output, path)
    wishes = replace(wishes, name=wishes.name or label(name), file=given[0] if given else None)
    imported = load(facts, wishes)
    conclude(imported, output=output, update=update, quiet=quiet)
    return imported


def conclude(imported: Imported, *, output: Path | None, update: Path | None, quiet: bool) -> None:
    """Write an inventory or renew the one that there is, and report."""
    from planner.cli import screen
    from planner.importers.report import report_lines
    from planner.inventory.write import inventory_yaml

    if update is not None:
        _renew(update, imported, quiet=quiet)
    elif output is not None:
        screen.write(output, inventory_yaml(imported.inventory), "the inventory", quiet=quiet)
    else:
        screen.show_text(inventory_yaml(imported.inventory))
    written = output if update is None else update
    for line in report_lines(imported, None if written is None else str(written)):
        screen.notice(line, quiet=quiet)


def _renew(path: Path, imported: Imported, *, quiet: bool) -> None:
    from planner.cli import screen
    from planner.files import read_text
    from planner.importers.update import summary
    from planner.importers.update import update as renew

    found = renew(
        read_text(path),
        imported.inventory,
        imported.measured,
        str(path),
        written=imported.written,
        owned=imported.owned,
    )
    if found.diff:
        screen.show_text(found.diff)
        screen.write(path, found.text, "the inventory", quiet=quiet)
    screen.notice(summary(found), quiet=quiet)
