"""Groups of commands that are imported only when they are needed, so that help is quick."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that imports a command only when it is needed.

    Parameters
    ----------
    modules
        For each command, in the order in which they are told, the module in which it is ``command``.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **more: Any) -> None:
        super().__init__(*args, **more)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = importlib.import_module(self._modules[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; of one that there is not, the nearest is named."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self._modules, n=1)
            raise click.UsageError(self.unknown(error.message, args[0], near), ctx) from None

    def unknown(self, message: str, name: str, near: list[str]) -> str:
        """Return what is told of a command that there is not.

        Parameters
        ----------
        message
            What is said of it in general.
        name
            What was asked for.
        near
            The command that may be meant, or none.
        """
        del name
        return " ".join([message, *(f"Did you mean {other}?" for other in near)])
