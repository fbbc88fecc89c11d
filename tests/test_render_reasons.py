"""Every reason of a no is told in words, with its figures, its names and a mend."""

from __future__ import annotations

import re

import pytest

from planner.plan.models import Reason, ReasonKind
from planner.render.answer import answer_lines, answer_word, reason_lines
from planner.render.reasons import describe
from tests.render_samples import GIB, a_move, a_no, a_plan, not_known

FIGURES = {
    ReasonKind.NO_HOST_FITS: ("bytes", 96.0 * GIB, 64.0 * GIB, ("96 GiB", "64 GiB")),
    ReasonKind.MEMORY: ("bytes", 900.0 * GIB, 512.0 * GIB, ("900 GiB", "512 GiB")),
    ReasonKind.TOGETHER: ("count", 40.0, 32.0, ("40 vCPUs", "32")),
    ReasonKind.VCPUS: ("count", 130.0, 96.0, ("130", "96")),
    ReasonKind.LINK: ("bytes", 300.0 * GIB, 200.0 * GIB, ("300 GiB", "200 GiB")),
    ReasonKind.SEPARATE: ("count", 4.0, 3.0, ("4 hosts", "3 hosts")),
    ReasonKind.NO_APPROACH: ("s", 12.0, 5.0, ("12 s", "5 s")),
    ReasonKind.TOO_SLOW: ("s", 90.0, 60.0, ("90 s", "60 s")),
    ReasonKind.OUTGOING: ("s", 7200.0, 3600.0, ("2 h 00 min 00 s", "1 h 00 min 00 s")),
    ReasonKind.INCOMING: ("s", 7200.0, 3600.0, ("2 h 00 min 00 s", "1 h 00 min 00 s")),
    ReasonKind.BEFORE: ("s", 90.0, 60.0, ("90 s", "60 s")),
    ReasonKind.NOT_AT_ONCE: ("s", 90.0, 60.0, ("90 s", "60 s")),
}
RULED = {
    ReasonKind.SEPARATED,
    ReasonKind.SEPARATE,
    ReasonKind.TOGETHER,
    ReasonKind.BEFORE,
    ReasonKind.NOT_AT_ONCE,
    ReasonKind.RULE_CYCLE,
}


def full(kind: ReasonKind) -> Reason:
    unit, needed, available, _ = FIGURES.get(kind, ("", None, None, ()))
    return Reason(
        kind=kind,
        vms=("db-07", "db-08"),
        hosts=("hv05",),
        link=("leaf1", "spine1"),
        rule="separate [db-07, db-08]" if kind in RULED else None,
        labels=("x86-v4",),
        needed=needed,
        available=available,
        unit=unit,
    )


def test_figures_that_read_the_same_are_told_exactly() -> None:
    tight = Reason(kind=ReasonKind.LINK, vms=("a",), link=("h", "s"), needed=300.04, available=300.0, unit="s")
    assert "at least 300.04 s, and the deadline is 300 s" in describe(tight).what
    full = Reason(kind=ReasonKind.NO_HOST_FITS, vms=("a",), needed=64 * GIB + 1, available=64 * GIB, unit="bytes")
    assert "needs 68,719,476,737 bytes of memory" in describe(full).what
    assert "has 68,719,476,736 bytes" in describe(full).what


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_every_reason_is_told_with_a_mend(kind: ReasonKind) -> None:
    prose = describe(full(kind))
    assert "db-07 and db-08" in prose.what
    for sentence in (prose.what, prose.mend):
        assert re.fullmatch(r"[A-Z].*\.", sentence)
        assert "None" not in sentence
        assert "{" not in sentence


@pytest.mark.parametrize("kind", list(ReasonKind))
def test_a_bare_reason_is_told_without_gaps(kind: ReasonKind) -> None:
    what = describe(Reason(kind=kind)).what
    assert "None" not in what
    assert "  " not in what
    assert re.search(r"\s[.,:;]", what) is None


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_figures_carry_their_units(kind: ReasonKind) -> None:
    for figure in FIGURES[kind][3]:
        assert figure in describe(full(kind)).what


@pytest.mark.parametrize("kind", sorted(RULED))
def test_the_rule_is_named(kind: ReasonKind) -> None:
    assert "separate [db-07, db-08]" in describe(full(kind)).what


def test_labels_and_links_are_named() -> None:
    assert "x86-v4" in describe(full(ReasonKind.LABELS)).what
    assert "leaf1 -> spine1" in describe(full(ReasonKind.LINK)).what
    assert "leaf1 -> spine1" in describe(full(ReasonKind.COMBINATION)).what


def test_a_long_list_of_vms_is_cut() -> None:
    what = describe(Reason(kind=ReasonKind.PINNED, vms=tuple(f"vm{i}" for i in range(40)), hosts=("hv01",))).what
    assert "and 32 more" in what


def test_names_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in describe(Reason(kind=ReasonKind.PINNED, vms=("a\x1b[2J",))).what


def test_no_says_why_and_what_helps() -> None:
    plan = a_no(full(ReasonKind.PINNED))
    lines = answer_lines(plan)
    assert answer_word(plan) == "no"
    assert lines[0] == "No: hv01 cannot be emptied within 30 min 00 s."
    assert "pinned" in lines[1]
    assert "Take the pin off" in lines[-2]
    assert "evac check" in lines[-1]


def test_a_mend_that_serves_several_reasons_is_told_once() -> None:
    lines = answer_lines(a_no(full(ReasonKind.TOO_SLOW), full(ReasonKind.TOO_SLOW)))
    assert len([line for line in lines if "Even the fastest move" in line]) == 2
    assert len([line for line in lines if "Give more time" in line]) == 1


def test_many_reasons_are_cut_and_counted() -> None:
    infeasibility = a_no(*[full(ReasonKind.PINNED)] * 15).infeasibility
    assert infeasibility is not None
    lines = list(reason_lines(infeasibility))
    assert "- and 3 more reasons; --format json lists them all." in lines
    assert "Each of these alone is enough for the no." in lines


def test_not_known_is_never_no() -> None:
    lines = answer_lines(not_known())
    assert answer_word(not_known()) == "unknown"
    assert lines[0].startswith("Not known: within the time limit of 60 s")
    assert not [line for line in lines if line.startswith("No:")]


def test_yes_says_when_and_at_what_downtime() -> None:
    lines = answer_lines(a_plan(a_move("a"), a_move("b", downtime_s=4.0)))
    assert lines[0] == "Yes: hv01 can be empty after 1 min 40 s: 28 min 20 s before the deadline (30 min 00 s)."
    assert "2 VMs would move with 4.3 s of downtime in all, at most 4 s each (b)" in lines[1]
    assert answer_lines(a_plan()) == ["Yes: nothing runs on hv01, there is nothing to move."]
