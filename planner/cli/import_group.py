"""``evac import``: inventories from where they live; each source is a command of its own."""

from __future__ import annotations

import difflib
import importlib

import click

from planner.cli.options import help_text

SOURCES = ("btrplace",)
"""The sources, in the order in which they are told; each is ``command`` in the module of its name in ``sources``."""

HELP = help_text(
    """
    Make an inventory of what another system says.

    The inventory goes to stdout, or to a file with -o. A report on stderr tells what was found,
    what was assumed because the source does not say it, what was left out, and what is missing.
    """,
    "evac import btrplace instance.json -o inventory.yaml",
)


class SourceGroup(click.Group):
    """A group that imports a source only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the sources."""
        return list(SOURCES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a source, imported now."""
        if cmd_name not in SOURCES:
            return None
        command: click.Command = importlib.import_module(f"planner.cli.sources.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the source that is meant; of one that there is not, the nearest or all are named."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            near = difflib.get_close_matches(args[0], SOURCES, n=1) or SOURCES
            raise click.UsageError(f"There is no source {args[0]!r}; there is {', '.join(near)}.", ctx) from None


command = SourceGroup("import", help=HELP)
