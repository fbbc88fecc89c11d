"""The command ``evac``: which commands there are, and what becomes of errors and interrupts."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from planner import __version__
from planner.cli.exits import CRASHED, INTERRUPTED
from planner.cli.lazy import LazyGroup
from planner.cli.options import help_text
from planner.cli.report import report
from planner.errors import EvacError

COMMANDS = {
    **{
        name: f"planner.cli.{name}"
        for name in (
            "check",
            "plan",
            "window",
            "explain",
            "simulate",
            "runbook",
            "predict",
            "calibrate",
            "verify",
        )
    },
    **{name: f"planner.cli.{name}" for name in ("schema", "new")},
    # No module can be called import.
    "import": "planner.cli.import_group",
}
"""The module of each command, in the order in which they are told."""


class EvacGroup(LazyGroup):
    """The commands; errors become reports and exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of this package becomes a report and its exit code."""
        try:
            return super().invoke(ctx)
        except EvacError as error:
            report(error)
            ctx.exit(error.exit_code)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and leave with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        if args is None:
            _be_a_process()
        code: Any
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.Abort:
            click.echo("Interrupted.", err=True)
            code = INTERRUPTED
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        sys.exit(code or 0)


HELP = help_text(
    """
    Plan the evacuation of virtualisation hosts: what moves where, how and when, before the deadline.
    """,
    "evac new -o rack.yaml",
    'evac check rack.yaml --evacuate hv01 --deadline "30 min"',
    'evac plan rack.yaml --evacuate hv01 --deadline "30 min" -o plan.json',
    "evac runbook plan.json",
    end="Exit codes: 0 yes; 1 a proven no; 2 the command line or the input is wrong;\n"
    "3 not known within the limit; 4 the plan is stale; 5 a run ended incomplete;\n"
    "130 interrupted.",
)


@click.group(
    cls=EvacGroup,
    modules=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="evac")
def main() -> None:
    """Lead to the commands; see `HELP`."""


def _be_a_process() -> None:
    """Set up what belongs to the process, not to a caller in it."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that has seen enough, such as head, ends this as it ends every filter: without a word.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _crash


def _open_what_is_closed() -> None:
    """Let what goes to a closed stream vanish: the exit code still tells, and no file gets the number of a stream."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open to the end


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of a bug and leave with a code of its own: Python's own 1 would read as a proven no."""
    traceback.print_exception(kind, error, trace)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(CRASHED)
