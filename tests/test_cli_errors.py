"""Errors, interrupts and crashes: one report on stderr, nothing on stdout, the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner, Result

from planner import api
from planner.cli.main import main
from planner.cli.report import SHOWN, report_lines
from planner.errors import EvacError, InputError, Place, Problem, RejectedPlanError, StalePlanError

ROOT = Path(__file__).resolve().parent.parent
DEMO = str(ROOT / "inventories" / "demo.yaml")
PLAN = ["plan", DEMO, "-e", "hv01", "-d", "15 min"]


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(api, "plan", fail)
    return CliRunner().invoke(main, PLAN)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError.single("x", "this is wrong", "mend it so"), 2, "1 problem:\n    this is wrong\n    mend it so\n"),
        (StalePlanError(["db-07 is gone"]), 4, "- db-07 is gone\n"),
        (RejectedPlanError(["memory: full"]), 5, "- memory: full\n"),
        (EvacError("odd"), 2, "odd\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
    ],
)
def test_an_error_is_a_report_and_a_code(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, words: str
) -> None:
    done = raising(monkeypatch, error)
    assert done.exit_code == code
    assert words in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_each_problem_has_its_place_and_mend() -> None:
    place = Place("rack.yaml", 12, "vms[3].memory")
    lines = list(report_lines(InputError([Problem("u", "a size expected", "write it as 8 GiB", place)])))
    assert lines == ["1 problem:", "rack.yaml:12: vms[3].memory", "    a size expected", "    write it as 8 GiB"]


def test_a_flood_of_problems_is_cut_and_counted() -> None:
    lines = list(report_lines(InputError([Problem("u", f"m{i}", "mend") for i in range(SHOWN + 7)])))
    assert lines[0] == "57 problems:"
    assert lines[-1] == "and 7 more"
    assert f"    m{SHOWN}" not in lines
    assert list(report_lines(StalePlanError(["x"] * (SHOWN + 2))))[-2] == "- and 2 more"


def test_a_report_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    done = raising(monkeypatch, InputError.single("x", "bad name '\x1b[2J'", "mend"))
    assert "\x1b" not in done.stderr
    assert "\\x1b[2J" in done.stderr


def test_a_file_that_is_not_there() -> None:
    done = CliRunner().invoke(main, ["predict", "no-such.yaml"])
    assert done.exit_code == 2
    assert done.stderr.splitlines()[:2] == ["1 problem:", "no-such.yaml"]


def test_a_host_that_is_not_there_is_corrected() -> None:
    done = CliRunner().invoke(main, ["check", DEMO, "-e", "hv1", "-d", "15 min"])
    assert done.exit_code == 2
    assert "hv01" in done.stderr


def evac(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, after some lines of Python."""
    code = f"import sys\n{program}\nfrom planner.cli.main import main\nsys.argv = ['evac', *sys.argv[1:]]\nmain()\n"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_a_bug_does_not_exit_1_which_would_be_a_proven_no() -> None:
    crash = "import planner.api\ndef fail(*a, **k): raise ZeroDivisionError('oops')\nplanner.api.check = fail"
    done = evac(crash, "check", DEMO, "-e", "hv01", "-d", "15 min")
    assert done.returncode == 70
    assert "ZeroDivisionError: oops" in done.stderr
    assert done.stdout == ""


def test_an_interrupt_exits_130() -> None:
    interrupt = (
        "import planner.api, os, signal\n"
        "def fail(*a, **k): os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(10)\n"
        "planner.api.check = fail"
    )
    done = evac(interrupt, "check", DEMO, "-e", "hv01", "-d", "15 min")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == "Interrupted."


def test_a_closed_stdout_or_stderr_changes_no_exit_code() -> None:
    command = f"{sys.executable} -m planner check {DEMO} -e hv01 -d"
    for closed in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        codes = [
            subprocess.run(["sh", "-c", f"{command} {deadline} {closed}"], check=False, capture_output=True).returncode
            for deadline in ("15m", "5m", "nonsense")
        ]
        assert codes == [0, 1, 2], closed


needs_full_device = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")


@needs_full_device
def test_a_full_disk_behind_stdout_is_one_report() -> None:
    for arguments in (["predict", DEMO], ["schema", "plan"], [*PLAN, "-q"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "planner", *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr.splitlines()[0] == "1 problem:"
        assert "the output cannot be written: No space left" in done.stderr
        assert "Traceback" not in done.stderr


@needs_full_device
def test_a_plan_that_cannot_be_written_is_shown_all_the_same() -> None:
    done = CliRunner().invoke(main, [*PLAN, "-o", "/dev/full"])
    assert "db-1" in done.stdout
    assert "No space left" in done.stderr
    assert done.exit_code == 2


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="there is no such signal here")
def test_a_reader_that_leaves_early_ends_it_without_a_word() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "planner", "predict", DEMO]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")
