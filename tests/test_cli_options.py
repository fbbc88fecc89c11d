"""Options: deadlines as durations or times of day, names, bandwidths, files to write."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from planner.cli.main import main
from planner.cli.options import Request, deadline_of, read_names, request_options


@click.command()
@request_options
def ask(*, request: Request) -> None:
    click.echo(repr(request))


def asked(*words: str) -> Result:
    return CliRunner().invoke(ask, words)


@pytest.mark.parametrize(
    ("start", "by", "seconds"),
    [("00:30", "02:00", 5400), ("23:30", "01:00", 5400), ("12:00", "11:59", 86340), ("00:00", "23:59", 86340)],
)
def test_times_of_day_wrap_at_midnight(start: str, by: str, seconds: int) -> None:
    assert deadline_of(None, start, by) == seconds


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["-e", "a"], "Say by when"),
        (["-e", "a", "--by", "02:00"], "--by needs --start"),
        (["-e", "a", "--start", "02:00"], "Say by when"),
        (["-e", "a", "--deadline", "1h", "--start", "00:00", "--by", "02:00"], "not both"),
        (["-e", "a", "--start", "02:00", "--by", "2:00"], "the same time"),
        (["-e", "a", "--start", "24:00", "--by", "2:00"], "no time of day"),
        (["-e", "a", "--start", "2am", "--by", "2:00"], "no time of day"),
        (["-e", "a", "--deadline", "0 s"], "no time at all"),
        (["-e", "a", "--deadline", "-5 min"], "Invalid value for '--deadline'"),
        (["-e", "a", "--deadline", "30 parsec"], "parsec"),
        (["-e", "a", "--deadline", "nan"], "Invalid value for '--deadline'"),
        (["-e", "a,,b", "--deadline", "1h"], "empty name"),
        (["-e", "", "--deadline", "1h"], "empty name"),
        (["--deadline", "1h"], "Missing option"),
        (["-e", "a", "--deadline", "1h", "--seed", "x"], "--seed"),
        (["-e", "a", "--deadline", "1h", "--seed", "-1"], "give 0 or more"),
        (["-e", "a", "--deadline", "1h", "--time-limit", "0"], "no time at all"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], complaint: str) -> None:
    done = asked(*words)
    assert done.exit_code == 2
    assert complaint in " ".join(done.stderr.split())


def test_a_request_is_read() -> None:
    done = asked("-e", "a, b", "--evacuate", "c,a", "--start", "1:05", "--deadline", "90 min", "--time-limit", "5")
    request = Request(("a", "b", "c"), 5400.0, "01:05", 0, 5.0, "auto", None)
    assert done.stdout.strip() == repr(request)


def test_defaults() -> None:
    assert asked("-e", "a", "-d", "600").stdout.strip() == repr(Request(("a",), 600.0, None, 0, 60.0, "auto", None))


def test_names_keep_their_order_and_stand_once() -> None:
    @click.command()
    @click.option("--vm", "vms", callback=read_names, multiple=True)
    def show(vms: tuple[str, ...]) -> None:
        click.echo(" ".join(vms))

    assert CliRunner().invoke(show, ["--vm", "c,a", "--vm", "b,c"]).stdout == "c a b\n"


def test_a_file_is_looked_at_before_the_work(tmp_path: Path) -> None:
    locked = tmp_path / "locked.yaml"
    locked.write_text("old")
    locked.chmod(0o400)
    cases = [(str(tmp_path), "is a directory"), (str(tmp_path / "no" / "x.yaml"), "there is no directory")]
    shut = tmp_path / "shut"
    shut.mkdir()
    (shut / "open.yaml").write_text("old")
    shut.chmod(0o500)  # a file is replaced by another made beside it
    if os.geteuid() != 0:  # nothing is locked for root
        cases += [(str(place), "may not be written") for place in (locked, shut / "open.yaml", shut / "new.yaml")]
    for path, complaint in cases:
        done = CliRunner().invoke(main, ["new", "-o", path])
        assert done.exit_code == 2
        assert complaint in " ".join(done.stderr.split())


@pytest.mark.parametrize("bandwidth", ["0", "10 G", "fast", "-1 Gbit/s"])
def test_a_wrong_bandwidth_is_refused(bandwidth: str) -> None:
    done = CliRunner().invoke(main, ["predict", "x.yaml", "--bandwidth", bandwidth])
    assert done.exit_code == 2
    assert "--bandwidth" in done.stderr
