"""The README's commands find a Python by themselves, and say what to install where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHELLS = ["sh", "bash"]
TOOLS = ["sed", "cat", "grep", "cksum"]


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A directory for PATH with the few tools that are needed and no Python."""
    folder = tmp_path / "a path" / "bin"
    folder.mkdir(parents=True)
    for tool in TOOLS:
        found = subprocess.run(["sh", "-c", f"command -v {tool}"], capture_output=True, encoding="utf-8", check=True)
        (folder / tool).symlink_to(found.stdout.strip())
    return folder


def install(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def good(path: Path) -> Path:
    """What says yes to every question that is asked of an interpreter."""
    return install(path, "exit 0")


def find(machine: Path, shell: str = "sh", **environment: str) -> subprocess.CompletedProcess[str]:
    """What `find_python` finds on a machine, under ``set -eu`` as the callers have it."""
    script = 'set -eu; . "$checkout/.ci/environment.sh"; find_python || exit; printf "%s" "$python"'
    where = subprocess.run(
        ["sh", "-c", f"command -v {shell}"], capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()
    return subprocess.run(
        [where, "-c", script],
        env={"PATH": str(machine), "HOME": str(machine.parent), "checkout": str(ROOT), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_the_python_of_the_version_file_comes_first(machine: Path, shell: str) -> None:
    good(machine / "python3")
    wanted = good(machine / f"python{(ROOT / '.python-version').read_text().strip()}")
    assert find(machine, shell).stdout == str(wanted)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shim_that_fails_is_passed_over(machine: Path, shell: str) -> None:
    install(machine / "python3.13", "echo 'no such version' >&2; exit 127")
    install(machine / "python3", "exit 1")
    plain = good(machine / "python")
    assert find(machine, shell).stdout == str(plain)


def test_pyenv_is_searched_where_path_has_nothing(machine: Path) -> None:
    found = good(machine.parent / ".pyenv" / "versions" / "3.12.4" / "bin" / "python")
    assert find(machine).stdout == str(found)
    elsewhere = good(machine.parent / "elsewhere" / "versions" / "3.13.1" / "bin" / "python")
    assert find(machine, PYENV_ROOT=str(machine.parent / "elsewhere")).stdout == str(elsewhere)


def test_uv_is_asked_where_nothing_else_is_there(machine: Path) -> None:
    hidden = good(machine.parent / "uv data" / "python")
    install(machine / "uv", f'[ "$1 $2" = "python find" ] && [ "$3" = ">=3.12" ] && echo "{hidden}"')
    assert find(machine).stdout == str(hidden)


@pytest.mark.parametrize("shell", SHELLS)
def test_without_any_python_it_says_what_to_install(machine: Path, shell: str) -> None:
    install(machine / "python3", "exit 1")
    answer = find(machine, shell)
    assert answer.returncode == 2
    assert "No Python 3.12 or later was found" in answer.stderr
    assert "uv python install" in answer.stderr
    assert answer.stdout == ""


def test_a_python_without_venv_is_told_apart(machine: Path) -> None:
    bare = install(machine / "python3", "case $2 in *ensurepip*) exit 1;; esac; exit 0")
    answer = find(machine)
    assert answer.returncode == 2
    assert f"{bare} is new enough but cannot make a virtual environment" in answer.stderr


def test_a_named_python_is_taken_or_refused_but_never_replaced(machine: Path) -> None:
    good(machine / "python3")
    mine = good(machine.parent / "mine")
    assert find(machine, EVAC_PYTHON=str(mine)).stdout == str(mine)
    answer = find(machine, EVAC_PYTHON="/nowhere/python")
    assert answer.returncode == 2
    assert "EVAC_PYTHON is /nowhere/python" in answer.stderr


def test_the_questions_are_right_for_a_real_interpreter() -> None:
    script = '. .ci/environment.sh; python_fits "$0" && python_makes_venv "$0"'
    subprocess.run(["sh", "-c", script, sys.executable], cwd=ROOT, check=True)


def test_an_interpreter_that_is_too_old_is_refused(machine: Path) -> None:
    old = "import sys; sys.version_info = (3, 11, 9); exec(sys.argv[1])"
    path = install(machine / "python3", f'shift; exec "{sys.executable}" -c \'{old}\' "$1"')
    script = '. .ci/environment.sh; python_fits "$0"'
    assert subprocess.run(["sh", "-c", script, str(path)], cwd=ROOT, check=False).returncode == 1
