"""When to start: hours and what they change, the best of separately planned starts, and the command."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from planner import api
from planner.advice.hours import hours_touched, in_hours
from planner.advice.window import clock_of, starts_of, window
from planner.cli.main import main
from planner.errors import InputError
from planner.inventory.load import load_inventory, parse_inventory
from planner.inventory.models import HOURS, VM, Host, Inventory, Link, Settings
from planner.inventory.write import inventory_yaml
from planner.optimize.clock import Clock
from planner.plan.io import read_plan
from planner.plan.models import Plan, Status
from planner.plan.windows import StartTried, Window
from planner.planned import planned
from planner.render.window import window_lines
from planner.verify import verify_plan

OFFICE = Path(__file__).resolve().parent.parent / "inventories" / "office.yaml"
GIB = 2**30
HOUR_S = 3600.0


def evac(*args: str | Path) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args], catch_exceptions=False)


def by_hour(rate: float, **others: float) -> tuple[float, ...]:
    """Return a rate for each hour: one for all but those that are named, such as ``h3=5.0``."""
    return tuple(others.get(f"h{hour}", rate) for hour in range(HOURS))


def small(vm: dict[str, Any] | None = None, link: dict[str, Any] | None = None) -> Inventory:
    facts: dict[str, Any] = {"host": "a", "vcpus": 1, "memory": 8 * GIB, "read_rate": 1e8, "write_rate": 1e8} | (
        vm or {}
    )
    return Inventory(
        format="evac/inventory/1",
        name="small",
        settings=Settings(approaches=("precopy", "postcopy")),
        hosts=(Host(name="a", cpus=8, memory=64 * GIB), Host(name="b", cpus=8, memory=64 * GIB)),
        links=(Link(between=("a", "b"), bandwidth=1.25e9, **(link or {})),),
        vms=(VM(name="one", **facts), VM(name="two", **(facts | {"read_rate_by_hour": None}))),
    )


@pytest.mark.parametrize(
    ("start_s", "until_s", "hours"),
    [
        (0, HOUR_S, {0}),
        (0, HOUR_S + 1, {0, 1}),
        (1800, 2 * HOUR_S, {0, 1}),
        (23.5 * HOUR_S, 25 * HOUR_S, {23, 0}),
        (HOUR_S, HOUR_S, {1}),
        (12 * HOUR_S, 100 * HOUR_S, set(range(24))),
    ],
)
def test_hours_that_a_time_touches(start_s: float, until_s: float, hours: set[int]) -> None:
    assert hours_touched(start_s, until_s) == hours


def test_an_inventory_in_some_hours_has_the_worst_of_each() -> None:
    inventory = small(
        {"read_rate_by_hour": by_hour(1e8, h3=3e8), "write_rate_by_hour": by_hour(2e8, h4=4e8)},
        {"usable_by_hour": by_hour(0.9, h5=0.2)},
    )
    worst = in_hours(inventory, {3, 4, 5})
    assert (worst.vms[0].read_rate, worst.vms[0].write_rate, worst.links[0].usable) == (3e8, 4e8, 0.2)
    mild = in_hours(inventory, {0, 1})
    assert (mild.vms[0].read_rate, mild.vms[0].write_rate, mild.links[0].usable) == (1e8, 2e8, 0.9)
    # What is left knows no hours, and is an inventory as any other.
    assert mild.vms[0].write_rate_by_hour is mild.links[0].usable_by_hour is None
    assert parse_inventory(inventory_yaml(mild)).sha256() == mild.sha256()


def test_the_rates_of_sets_rise_and_fall_with_the_write_rate() -> None:
    sets = ({"size": GIB, "rate": 4e7}, {"size": 2 * GIB, "rate": 6e7})
    inventory = small({"dirty_sets": sets, "write_rate_by_hour": by_hour(1e8, h2=3e8)})
    found = in_hours(inventory, {2}).vms[0].dirty_sets
    assert found is not None
    assert [one.rate for one in found] == [pytest.approx(1.2e8), pytest.approx(1.8e8)]


def test_what_is_by_hour_is_read_written_and_digested() -> None:
    inventory = load_inventory(OFFICE)
    assert inventory.vms[0].write_rate_by_hour is not None
    assert parse_inventory(inventory_yaml(inventory)) == inventory
    plain = in_hours(inventory, {0})
    assert plain.sha256() != inventory.sha256()


def test_digests_of_inventories_without_hours_are_as_before() -> None:
    document = small()._content()
    assert not any("by_hour" in key for entry in (*document["vms"], *document["links"]) for key in entry)


@pytest.mark.parametrize(
    ("vm", "link", "code"),
    [
        ("dirty_vector: [{after: 1 s, dirtied: 1 GiB}]", "", "writes-by-hour-and-all-day"),
        ("hot_memory: 1 GiB, hot_duration: 2 s", "", "writes-by-hour-and-all-day"),
        ("cold_write_rate: 1 MB/s", "", "writes-by-hour-and-all-day"),
        ("dirty_sets: [{size: 1 GiB, rate: 1 MB/s}]", "", "writes-by-hour-of-nothing"),
        ("", ", usable: [0.5, 0.6], usable_by_hour: HOURS", "usable-by-hour-and-direction"),
    ],
)
def test_contradictions_are_told(vm: str, link: str, code: str) -> None:
    shares = f"[{', '.join(['0.5'] * HOURS)}]"
    rates = f"[{', '.join(['5 MB/s'] * HOURS)}]"
    fields = f"write_rate_by_hour: {rates}" + (f", {vm}" if vm else "")
    text = f"""format: evac/inventory/1
name: wrong
hosts: [{{name: a, cpus: 8, memory: 64 GiB}}, {{name: b, cpus: 8, memory: 64 GiB}}]
links: [{{between: [a, b], bandwidth: 1 Gbit/s{link.replace("HOURS", shares)}}}]
vms:
  - {{name: v, host: a, vcpus: 1, memory: 8 GiB, read_rate: 0, write_rate: 0, {fields}}}
"""
    with pytest.raises(InputError) as caught:
        parse_inventory(text)
    assert {problem.code for problem in caught.value.problems} == {code}


def test_hours_are_twenty_four() -> None:
    text = inventory_yaml(load_inventory(OFFICE)).replace("0.3, 0.3]", "0.3]")
    with pytest.raises(InputError, match="24"):
        parse_inventory(text)


def test_starts_are_the_first_and_whole_steps_of_the_clock() -> None:
    assert [clock_of(s) for s in starts_of(22 * HOUR_S + 720, 3 * HOUR_S, HOUR_S)] == [
        "22:12",
        "23:00",
        "00:00",
        "01:00",
    ]
    assert starts_of(0, 24 * HOUR_S, HOUR_S) == [hour * HOUR_S for hour in range(24)]
    for within_s, step_s in ((HOUR_S, 90.0), (25 * HOUR_S, HOUR_S), (24 * HOUR_S, 60.0)):
        with pytest.raises(InputError):
            starts_of(0, within_s, step_s)


def separately(inventory: Inventory, host: str, start: int, deadline_s: float) -> float | None:
    """Return the least weighted downtime of a start on the hour, over all numbers of hours that a plan may touch."""
    least = []
    for count in range(1, HOURS + 1):
        until_s = min(count * HOUR_S, deadline_s)
        changed = in_hours(inventory, {(start + hour) % HOURS for hour in range(count)})
        plan = api.plan(changed, [host], until_s, time_limit_s=20)
        if plan.objective is not None:
            least.append(plan.objective.weighted_downtime_s + plan.objective.extra_price_s)
        if until_s == deadline_s:
            break
    return min(least, default=None)


def test_the_best_start_is_the_least_of_separately_planned_ones() -> None:
    inventory = load_inventory(OFFICE)
    found = api.window(inventory, ["hv01"], 2 * HOUR_S, first_clock="00:00", time_limit_s=120)
    assert len(found.starts) == HOURS
    assert found.proven
    alone = [separately(inventory, "hv01", start, 2 * HOUR_S) for start in range(HOURS)]
    for one, expected in zip(found.starts, alone, strict=True):
        assert one.status is Status.OPTIMAL
        assert one.value_s == pytest.approx(expected, rel=1e-5)
    assert found.best is not None
    assert found.starts[found.best].value_s == pytest.approx(min(v for v in alone if v is not None), rel=1e-5)


def test_the_night_wins_and_its_plan_holds_in_every_hour_that_it_touches() -> None:
    inventory = load_inventory(OFFICE)
    found = api.window(inventory, ["hv01"], HOUR_S, first_clock="09:30", step_s=HOUR_S)
    assert found.best is not None
    best, first = found.starts[found.best], found.starts[0]
    assert best.clock in ("23:00", "00:00", "05:00")
    assert best.value_s is not None
    assert first.value_s is not None
    assert best.value_s < first.value_s / 20
    for one in found.starts:
        assert one.plan is not None
        assert one.inventory is not None
        assert one.plan.request.start_clock == one.clock
        assert verify_plan(one.inventory, one.plan).ok
        assert one.plan.objective is not None
        hours, minutes = map(int, one.clock.split(":"))
        start_s = hours * HOUR_S + minutes * 60
        for hour in hours_touched(start_s, start_s + one.plan.objective.finish_s):
            then = in_hours(inventory, {hour})
            for vm, reckoned in zip(then.vms, one.inventory.vms, strict=True):
                assert vm.write_rate <= reckoned.write_rate
                assert vm.read_rate <= reckoned.read_rate
            for link, less in zip(then.links, one.inventory.links, strict=True):
                assert link.capacity_bytes_per_s >= less.capacity_bytes_per_s


def test_a_plan_that_ends_before_the_rates_rise_is_not_reckoned_with_them() -> None:
    """At two it is calm, from three on nothing converges: a plan by four has to be done by three."""
    inventory = small({"write_rate_by_hour": by_hour(5e9, h2=1e8)})
    calm = api.window(inventory, ["a"], 2 * HOUR_S, first_clock="02:00", within_s=60.0, step_s=60.0)
    assert calm.best == 0
    plan = calm.starts[0].plan
    assert plan is not None
    assert plan.request.deadline_s == HOUR_S
    assert {move.approach.value for move in plan.moves} == {"precopy"}
    later = api.window(inventory, ["a"], 2 * HOUR_S, first_clock="03:00", within_s=60.0, step_s=60.0)
    assert later.starts[0].plan is not None
    assert {move.approach.value for move in later.starts[0].plan.moves} == {"postcopy"}


def test_starts_that_cannot_be_done_are_told_with_no() -> None:
    inventory = small({"approaches": ("precopy",), "write_rate_by_hour": by_hour(5e9, h2=1e8)})
    found = api.window(inventory, ["a"], HOUR_S, first_clock="01:00", within_s=3 * HOUR_S)
    assert [one.status for one in found.starts] == [Status.INFEASIBLE, Status.OPTIMAL, Status.INFEASIBLE]
    assert found.best == 1
    assert "starting at 01:00 it cannot be done in time" in next(window_lines(found)).replace(
        "starting at 01:00 it", "starting at 01:00 it"
    )
    none = api.window(inventory, ["a"], HOUR_S, first_clock="10:00", within_s=3 * HOUR_S)
    assert (none.best, none.proven) == (None, True)
    assert next(window_lines(none)).startswith("No: from none of the 3 starts")


def test_equal_questions_are_put_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(inventory: Inventory, *rest: Any, **more: Any) -> Plan:
        asked.append(inventory.sha256())
        return planned(inventory, *rest, **more)

    monkeypatch.setattr("planner.planned.planned", counted)
    inventory = small({"write_rate_by_hour": by_hour(1e8, h12=3e8)})
    found = api.window(inventory, ["a"], HOUR_S, first_clock="00:00")
    assert len(found.starts) == HOURS
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("bound_s", "words"), [(5.0, "Proven: from no start"), (4.0, "Not proven: 1 start may have a better plan")]
)
def test_what_is_proven_is_told(bound_s: float, words: str) -> None:
    starts = (
        StartTried(0.0, "00:00", Status.FEASIBLE, 9.0, bound_s),
        StartTried(3600.0, "01:00", Status.OPTIMAL, 5.0, 5.0),
    )
    lines = list(window_lines(Window("x", ("a",), 3600.0, "downtime", starts, 1, bound_s == 5.0)))
    assert lines[1].startswith(words)
    assert "starting at 00:00 would cost 9 s" in lines[0]


def test_a_start_of_which_nothing_is_known_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    inventory = small({"write_rate_by_hour": by_hour(1e8, h12=3e8)})

    def ask(changed: Inventory, until_s: float, limit_s: float, clock: str) -> Plan:
        plan = api.plan(changed, ["a"], until_s, start_clock=clock)
        gone: dict[str, Any] = {"status": Status.UNKNOWN, "objective": None, "moves": (), "verification": None}
        return plan.model_copy(update=gone if clock == "11:00" else {})

    def found(starts: list[float]) -> Window:
        return window(inventory, HOUR_S, starts, ask, evacuate=("a",), aim="downtime", clock=Clock(60))

    both = found([11 * HOUR_S, 12 * HOUR_S])
    assert [one.status for one in both.starts] == [Status.UNKNOWN, Status.OPTIMAL]
    assert (both.best, both.proven) == (1, False)
    assert "starting at 11:00 no plan was found" in next(window_lines(both))
    none = found([11 * HOUR_S])
    assert (none.best, none.proven) == (None, False)
    assert next(window_lines(none)).startswith("Not known")
    monkeypatch.setattr(api, "window", lambda *args, **more: none)
    assert evac("window", OFFICE, "-e", "hv01", "-d", "1h", "-q").exit_code == 3


def test_the_finish_may_be_what_is_least() -> None:
    args = (
        "window",
        OFFICE,
        "-e",
        "hv01",
        "-d",
        "1h",
        "--from",
        "21:00",
        "--within",
        "4h",
        "-q",
        "--objective",
        "finish",
    )
    assert re.search(
        r"Start at 00:00 \+1d: done after [^,]+, by 00:03; starting at 21:00 would take", evac(*args).stdout
    )


def test_the_command_names_the_best_start_and_writes_its_plan(tmp_path: Path) -> None:
    plan, night = tmp_path / "plan.json", tmp_path / "night.yaml"
    done = evac(
        *("window", OFFICE, "--evacuate", "hv01", "--deadline", "1h", "--from", "21:30", "--within", "4h"),
        *("-o", plan, "--write-inventory", night),
    )
    assert done.exit_code == 0
    assert "Start at 00:00 +1d: 1.07 s of weighted downtime, done by 00:04; starting at 21:30 would cost" in done.stdout
    assert "Proven: from no start that was tried is there a better plan." in done.stdout
    assert "start 23:00, 3 of 5" in done.stderr
    assert "--write-inventory" in done.stderr
    assert read_plan(plan).request.start_clock == "00:00"
    assert evac("verify", night, plan).exit_code == 0
    assert evac("verify", OFFICE, plan).exit_code == 4
    assert evac("explain", plan).exit_code == 0


def test_json_has_each_start() -> None:
    args = ("window", OFFICE, "-e", "hv01", "-d", "1h", "--from", "00:00", "--within", "2h", "-q", "--format", "json")
    done = evac(*args)
    found = json.loads(done.stdout)
    assert done.stderr == ""
    assert [one["start_clock"] for one in found["starts"]] == ["00:00", "01:00"]
    assert (found["best"], found["proven"]) == ("00:00", True)
    assert found["starts"][0]["lower_bound_s"] == pytest.approx(found["starts"][0]["value_s"], rel=1e-5)


def test_a_proven_no_has_its_exit_code(tmp_path: Path) -> None:
    done = evac("window", OFFICE, "-e", "hv01", "-d", "20 s", "--from", "00:00", "--within", "2h", "-q")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[2].startswith("No: ")


def test_without_hours_there_is_nothing_to_choose() -> None:
    done = evac("window", OFFICE.with_name("demo.yaml"), "-e", "hv01", "-d", "1h", "--from", "00:00")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no VM and no link has anything by hour of day" in done.stderr
    assert "write_rate_by_hour" in done.stderr


@pytest.mark.parametrize("wrong", [("--start", "01:00"), ("--within", "25h"), ("--step", "90 s"), ("--from", "25:00")])
def test_wrong_options_are_told(wrong: tuple[str, str]) -> None:
    done = evac("window", OFFICE, "-e", "hv01", "-d", "1h", *wrong, "-q")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_help_does_not_offer_a_start() -> None:
    text = evac("window", "--help").stdout
    assert "--from" in text
    assert "--start " not in text
    assert "--start " in evac("plan", "--help").stdout


def test_the_picture_marks_the_best_start(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    picture = tmp_path / "window.svg"
    args = ("-e", "hv01", "-d", "1h", "--from", "20:00", "--within", "6h", "-q", "--plot", picture)
    assert evac("window", OFFICE, *args).exit_code == 0
    root = ET.fromstring(picture.read_text())
    words = {(node.text or "").strip() for node in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"20:00", "00:00 +1d", "start", "office: evacuate hv01"} <= words


def test_a_picture_without_matplotlib_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    args = ("-e", "hv01", "-d", "1h", "--from", "00:00", "--within", "1h", "-q", "--plot", tmp_path / "window.svg")
    done = evac("window", OFFICE, *args)
    assert done.exit_code == 2
    assert "pip install 'evac[plot]'" in done.stderr
