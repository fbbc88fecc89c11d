"""Colour and moving lines on a terminal only; progress and notices on stderr only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from planner.cli import screen
from planner.plan.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
DEMO = str(ROOT / "inventories" / "demo.yaml")
BOLD = "\x1b[1m"


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the command with stdout and stderr on a terminal of its own, and return what it shows."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "planner", *arguments],
        stdout=follower,
        stderr=follower,
        stdin=subprocess.DEVNULL,
        env=clean | {"TERM": "xterm-256color"} | environment,
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert process.wait() == 0
    return shown.decode()


def test_a_terminal_gets_colour_unless_it_wants_none() -> None:
    assert BOLD in on_a_terminal("predict", DEMO)
    plain = on_a_terminal("predict", DEMO, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)


def test_a_terminal_gets_a_live_line_that_leaves_nothing_behind() -> None:
    shown = on_a_terminal("check", DEMO, "-e", "hv01", "-d", "15 min", "--seed", "1")
    assert "\x1b[?25h" in shown  # the cursor is back
    assert "Yes: hv01 can be empty" in shown


def test_a_pipe_gets_plain_lines_without_trailing_blanks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "planner", "predict", DEMO],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )
    assert "\x1b" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line != line.rstrip()]
    assert done.stderr == ""


def test_the_width_can_be_told_to_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen.show_lines(["word " * 30])
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 40
    monkeypatch.delenv("COLUMNS")
    screen.show_lines(["word " * 30])
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_progress_tells_what_is_known() -> None:
    assert screen.progress_words(Progress("bounding", 3.4)) == "bounding, 3 s"
    full = Progress("scheduling", 62.0, incumbent_s=12.0, bound_s=9.0, finish_s=840.0)
    assert screen.progress_words(full) == "scheduling, 62 s, downtime 12 s, bound 9 s, gap 25%, finish 14 min 00 s"


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with screen.progress(quiet=False) as sink:
        assert sink is not None
        for now[0] in (100.0, 104.9, 105.0, 106.0, 109.9, 110.1):
            sink(Progress("scheduling", now[0] - 100))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["scheduling, 5 s", "scheduling, 10 s"]


@pytest.mark.parametrize(("terminal", "moves"), [("xterm", True), ("dumb", False), ("unknown", False)])
def test_a_terminal_that_cannot_move_lines_gets_them_one_by_one(
    monkeypatch: pytest.MonkeyPatch, terminal: str, moves: bool
) -> None:
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr("sys.stderr", SimpleNamespace(isatty=lambda: True, write=len, flush=lambda: None))
    with screen.progress(quiet=False) as sink:
        assert isinstance(sink, screen._Lines) is not moves


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with screen.progress(quiet=True) as sink:
        assert sink is None
    screen.write(tmp_path / "x", "text\n", "the text", quiet=True)
    screen.write(tmp_path / "y", "text\n", "the text")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"Wrote the text to {tmp_path / 'y'}\n"
