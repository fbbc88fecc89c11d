"""The runbook for machines."""

from __future__ import annotations

import json
from typing import Any

from planner.render.runbook_json import RUNBOOK_FORMAT, json_runbook
from planner.render.steps import steps_of
from tests.render_samples import GIB, a_plan, four_ways


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json_runbook(four_ways()))
    return read


def test_it_names_its_format_and_what_it_is_of() -> None:
    assert document()["format"] == RUNBOOK_FORMAT == "evac/runbook/1"
    assert document()["inventory"] == {"name": "rack-7", "sha256": "ab" * 32}
    assert document()["verified"] is True
    assert document()["status"] == "optimal"


def test_totals_are_sums() -> None:
    totals = document()["totals"]
    assert totals["steps"] == 4
    assert totals["finish_s"] == 200.0
    assert totals["transferred_bytes"] == 36 * GIB


def test_steps_carry_commands_as_words() -> None:
    steps = document()["steps"]
    assert [step["vm"] for step in steps] == ["web-1", "db-07", "cache-1", "old-1"]
    for told, step in zip(steps, steps_of(four_ways()), strict=True):
        assert told["migrate"] == list(step.migrate.argv)
        assert told["after"] == list(step.after)
        assert told["bandwidth_mib_per_s"] == 100
    assert [step["switch_to_postcopy_at_bytes"] for step in steps] == [None, 0, 2 * GIB, None]
    assert [step["abort_until"] for step in steps] == ["end", "switch to post-copy", "switch to post-copy", "end"]
    assert steps[2]["start_clock"] == "23:51:30"
    assert steps[0]["resume"] is None
    assert "--postcopy-resume" in steps[1]["resume"]


def test_nothing_to_move_is_no_steps() -> None:
    read = json.loads(json_runbook(a_plan()))
    assert read["steps"] == []
    assert read["totals"]["finish_s"] == 0.0
