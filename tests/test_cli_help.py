"""Help: every command has it, with examples, and it needs none of the heavy libraries."""

from __future__ import annotations

import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from planner import __version__
from planner.cli.main import COMMANDS, main

HEAVY = ("pydantic", "numpy", "pulp", "highspy", "networkx", "rich", "jinja2", "yaml")


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS), ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from planner.cli.main import main\n"
        f"sys.argv = ['evac', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_of_itself(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    examples = done.stdout.split("Examples:\n")[1].split("\n\n")[0]
    assert all(line.strip().startswith(f"evac {name}") for line in examples.splitlines())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_a_command_line_that_parses(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    examples = (command.help or "").split("Examples:\n")[1].split("\n\n")[0]
    for line in examples.splitlines():
        words = shlex.split(line.split(" | ")[0].split(" > ")[0])[2:]
        command.make_context(name, words)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_cuts_no_sentence(name: str) -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout
    line = next(line for line in listed.splitlines() if line.startswith(f"  {name} "))
    assert line.endswith(".")
    assert not line.endswith("...")


def test_the_exit_codes_are_told() -> None:
    told = CliRunner().invoke(main, ["--help"]).stdout
    for code in ("0 yes", "1 a proven no", "3 not known", "4 the plan is stale", "5 a run", "130 interrupted"):
        assert code in told


def test_the_version() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"evac, version {__version__}\n"


def test_python_m_planner_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "planner", "--version"], capture_output=True, text=True, check=True)
    assert __version__ in done.stdout


def test_a_mistyped_command_is_corrected() -> None:
    assert "Did you mean check?" in CliRunner().invoke(main, ["chekc", "x.yaml"]).stderr
    assert "Did you mean" not in CliRunner().invoke(main, ["dance"]).stderr


@pytest.mark.parametrize("arguments", [[], ["dance"], ["plan"], ["plan", "x.yaml"], ["schema", "weather"], ["--dance"]])
def test_a_wrong_command_line_exits_2(arguments: list[str]) -> None:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr
    assert done.stdout == ""
