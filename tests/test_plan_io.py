"""Plans to JSON and back without loss; what is no plan is refused; files are whole or untouched."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.errors import InputError, Problem
from planner.inventory.models import ALL_APPROACHES
from planner.plan.io import parse_plan, plan_json, read_plan, write_plan
from planner.plan.models import Move, Plan
from planner.plan.schema import plan_schema

MOVE: dict[str, Any] = {
    "vm": "a",
    "source": "hv01",
    "target": "hv02",
    "approach": "precopy",
    "precopy_share": 1.0,
    "bandwidth_bytes_per_s": 1.25e8,
    "path": ["hv01", "sw1", "hv02"],
    "start_s": 0.0,
    "duration_s": 12.5,
    "downtime_s": 0.3,
    "transferred_bytes": 1562500000.0,
}
PLAN: dict[str, Any] = {
    "format": "evac/plan/1",
    "inventory": {"name": "lab"},
    "request": {"evacuate": ["hv01"], "deadline_s": 900},
    "status": "feasible",
    "moves": [MOVE, {**MOVE, "vm": "b", "start_s": 12.5}],
}

amounts = st.floats(0, 1e300) | st.sampled_from([0.1 + 0.2, 1 / 3, 5e-324, 1e16, 845.4393510881006])
moves = st.builds(
    Move,
    vm=st.text(min_size=1, max_size=9).filter(lambda text: text.isprintable()),
    source=st.just("hv01"),
    target=st.just("hv02"),
    approach=st.sampled_from(ALL_APPROACHES),
    precopy_share=st.floats(0, 1),
    bandwidth_bytes_per_s=st.floats(5e-324, 1e300),
    path=st.just(("hv01", "hv02")),
    start_s=amounts,
    duration_s=amounts,
    downtime_s=amounts,
    transferred_bytes=amounts,
    memory_bytes=st.integers(0, 2**60),
    weight=amounts,
)


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(InputError) as caught:
        parse_plan(text, "plan.json")
    return list(caught.value.problems)


def test_a_plan_by_hand_reads() -> None:
    plan = parse_plan(json.dumps(PLAN))
    assert [move.end_s for move in plan.moves] == [12.5, 25.0]
    assert plan.inventory.sha256 is None


@given(st.lists(moves, max_size=4))
def test_what_is_written_reads_back_to_the_last_bit(drawn: list[Move]) -> None:
    plan = Plan.model_validate(PLAN).model_copy(update={"moves": tuple(drawn)})
    again = parse_plan(plan_json(plan))
    assert again == plan
    assert plan_json(again) == plan_json(plan)


def test_one_move_a_line() -> None:
    lines = plan_json(Plan.model_validate(PLAN)).splitlines()
    assert [line.strip()[:11] for line in lines if '"vm"' in line] == ['{"vm": "a",', '{"vm": "b",']
    assert json.loads("\n".join(lines))["status"] == "feasible"


def test_a_plan_without_moves_is_written_too() -> None:
    plan = Plan.model_validate({**PLAN, "moves": [], "status": "unknown"})
    assert parse_plan(plan_json(plan)) == plan


CASES: list[tuple[str, dict[str, Any], str, str, str, str]] = [
    # name, change at the top, code, path, words of the message, words of the mend
    ("version", {"format": "evac/plan/2"}, "wrong-format", "format", "'evac/plan/2'", "evac/plan/1"),
    ("kind", {"format": "evac/inventory/1"}, "wrong-format", "format", "evac/inventory/1", "order of the arguments"),
    ("unknown key", {"move": []}, "unknown-key", "move", "move is unknown", "did you mean moves?"),
    ("status", {"status": "fine"}, "bad-value", "status", "'fine'", "write one of those"),
    (
        "deadline",
        {"request": {"evacuate": ["h"], "deadline_s": -1}},
        "out-of-range",
        "request.deadline_s",
        "-1",
        "empty",
    ),
    (
        "no hosts",
        {"request": {"evacuate": [], "deadline_s": 1}},
        "wrong-length",
        "request.evacuate",
        "at least 1",
        "empty",
    ),
    (
        "clock",
        {"request": {"evacuate": ["h"], "deadline_s": 1, "start_clock": "24:00"}},
        "bad-value",
        "request.start_clock",
        "'24:00'",
        "HH:MM",
    ),
    (
        "text for a number",
        {"moves": [{**MOVE, "start_s": "0"}]},
        "wrong-type",
        "moves[0].start_s",
        "'0'",
        "without quotes",
    ),
    ("NaN", {"moves": [MOVE, {**MOVE, "start_s": math.nan}]}, "not-finite", "moves[1].start_s", "nan", "start"),
    ("infinity", {"moves": [{**MOVE, "duration_s": math.inf}]}, "not-finite", "moves[0].duration_s", "inf", "time"),
    ("negative", {"moves": [{**MOVE, "downtime_s": -0.1}]}, "out-of-range", "moves[0].downtime_s", "-0.1", "downtime"),
    (
        "no bandwidth",
        {"moves": [{**MOVE, "bandwidth_bytes_per_s": 0}]},
        "out-of-range",
        "moves[0].bandwidth_bytes_per_s",
        "more than 0",
        "bytes/s",
    ),
    (
        "approach",
        {"moves": [{**MOVE, "approach": "precoppy"}]},
        "bad-value",
        "moves[0].approach",
        "precoppy",
        "precopy?",
    ),
    ("path", {"moves": [{**MOVE, "path": "hv01"}]}, "wrong-type", "moves[0].path", "a list", "[hv01]"),
    ("no move", {"moves": [3]}, "wrong-type", "moves[0]", "a mapping", "vm: …"),
    (
        "a unit",
        {"settings": {"stop_threshold": "5 G"}},
        "bad-quantity",
        "settings.stop_threshold",
        "ambiguous",
        "5 GiB",
    ),
]


@pytest.mark.parametrize(
    ("change", "code", "path", "message", "mend"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_one_problem_with_its_place(change: dict[str, Any], code: str, path: str, message: str, mend: str) -> None:
    text = json.dumps({**PLAN, **change}, indent=1)
    (problem,) = problems_of(text)
    assert (problem.code, problem.place.path, problem.place.file) == (code, path, "plan.json"), str(problem)
    assert message in problem.message
    assert mend in problem.mend
    assert problem.place.line is not None
    key = path.rsplit(".", 1)[-1]
    assert "[" in key or key in text.splitlines()[problem.place.line - 1]


def test_a_missing_key() -> None:
    (problem,) = problems_of(json.dumps({key: value for key, value in PLAN.items() if key != "request"}))
    assert (problem.code, problem.place.path) == ("missing-key", "request")


def test_all_problems_together() -> None:
    text = json.dumps({**PLAN, "status": "fine", "moves": [{**MOVE, "vmm": 1}, {**MOVE, "start_s": -1}]})
    assert {problem.place.path for problem in problems_of(text)} == {"status", "moves[0].vmm", "moves[1].start_s"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-file"),
        ("format: evac/plan/1", "bad-json"),
        ("[]", "not-a-mapping"),
        ("{" * 100_000, "bad-json"),
        ("[" * 100_000, "too-deep"),
        ('{"format": "evac/plan/1", "status": "\\ud800"}', "bad-value"),
        ('{"format": "evac/plan/1", "format": "evac/plan/1"}', "duplicate-key"),
    ],
)
def test_what_is_no_plan(text: str, code: str) -> None:
    assert code in {problem.code for problem in problems_of(text)}


def test_the_schema_is_a_schema_with_a_name() -> None:
    schema = plan_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert (schema["$id"], schema["title"]) == ("urn:evac:plan:1", "evac plan, version 1")
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(json.loads(plan_json(Plan.model_validate(PLAN))))
    assert not validator.is_valid({**PLAN, "moves": [{**MOVE, "approach": "warm"}]})
    assert not validator.is_valid({**PLAN, "move": []})


def test_a_file_is_written_and_read(tmp_path: Path) -> None:
    plan, path = Plan.model_validate(PLAN), tmp_path / "plan.json"
    write_plan(plan, path)
    assert read_plan(path) == plan
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_a_file_is_replaced_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")
    path.chmod(0o640)
    write_plan(Plan.model_validate(PLAN), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert read_plan(path).status == "feasible"


def test_a_new_file_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "plan.json"
    other.write_text("")
    write_plan(Plan.model_validate(PLAN), path)
    assert path.stat().st_mode == other.stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "v1.json", tmp_path / "plan.json"
    target.write_text("old")
    link.symlink_to(target)
    write_plan(Plan.model_validate(PLAN), link)
    assert link.is_symlink()
    assert read_plan(target).status == "feasible"


@pytest.mark.parametrize("broken", ["fsync", "fchmod"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(InputError, match="No space left") as caught:
        write_plan(Plan.model_validate(PLAN), path)
    assert [problem.code for problem in caught.value.problems] == ["cannot-write"]
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_plan(Plan.model_validate(PLAN), path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize("name", ["none/plan.json", ".", "a\0b"])
def test_where_nothing_can_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        write_plan(Plan.model_validate(PLAN), f"{tmp_path}/{name}")
    assert [problem.code for problem in caught.value.problems] == ["cannot-write"]
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_plan(Plan.model_validate(PLAN), f"/dev/fd/{writing}")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert parse_plan(pipe.read()).status == "feasible"
