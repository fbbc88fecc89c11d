"""Run the console examples of the documentation and hold what they print against what the pages say.

A fenced block marked ``console`` is a session of a shell: a line that begins with ``$`` is a command, the lines
up to the next are what it prints. The blocks of a page run in order, in one directory with ``inventories/`` and
``examples/`` in it and ``evac`` on the PATH. A command must exit with 0 unless it ends in ``echo $?``, which
shows the code. In a page, a line of three dots stands for any number of lines; wall times (`VOLATILE`) are not
compared.

Run as ``python docs/console.py`` to write what the commands print now into the pages.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^(?P<fence>`{3,})console\n(?P<session>\$ .*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
VOLATILE = re.compile(r'(Planned in|"seconds":) [\d.]+( min \d+ s| m?s)?')
DOTS = "..."
TIMEOUT_S = 120


@dataclass(frozen=True)
class Example:
    """One command of a page and what the page says that it prints."""

    command: str
    said: str


def examples(text: str) -> list[Example]:
    """Return the commands of a page, in order."""
    return [Example(*pair) for block in BLOCK.finditer(text) for pair in COMMAND.findall(block["session"])]


def make_workplace(directory: Path) -> None:
    """Make a directory in which the examples of a page can run."""
    for name in ("inventories", "examples"):
        (directory / name).symlink_to(ROOT / name)


def run(command: str, directory: Path) -> str:
    """Run a command and return what a terminal would show; a non-zero exit raises CalledProcessError."""
    scripts = Path(sys.executable).parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EVAC_")},
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
        "NO_COLOR": "1",
        "COLUMNS": "120",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=True,
    )
    return done.stdout


def comparable(text: str) -> str:
    """Return what counts of an output: no idle space, no wall times."""
    lines = (re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())
    return "\n".join(VOLATILE.sub(r"\1 #", line) for line in lines)


def agrees(said: str, printed: str) -> bool:
    """Tell whether an output is what a page says it is."""
    parts = re.split(rf"^{re.escape(DOTS)}$", comparable(said), flags=re.MULTILINE)
    pattern = "(?:.*\n)*?".join(re.escape(part.lstrip("\n")) for part in parts)
    pattern = pattern if not said.strip().endswith(DOTS) else pattern + r"[\s\S]*"
    return re.fullmatch(pattern, comparable(printed)) is not None


def renewed(text: str) -> str:
    """Return a page with what its commands print now, where it differs from what the page says."""
    with tempfile.TemporaryDirectory() as directory:
        make_workplace(Path(directory))

        def command(found: re.Match[str]) -> str:
            printed = run(found[1], Path(directory))
            return found[0] if agrees(found[2], printed) else f"$ {found[1]}\n{printed.rstrip()}\n"

        def block(found: re.Match[str]) -> str:
            return f"{found['fence']}console\n{COMMAND.sub(command, found['session'])}{found['fence']}"

        return BLOCK.sub(block, text)


def main() -> None:
    """Renew all pages."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        new = renewed(text)
        if new != text:
            page.write_text(new, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} renewed")


if __name__ == "__main__":
    main()
