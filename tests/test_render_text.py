"""The plan as text, predictions and verification reports: what an operator reads."""

from __future__ import annotations

import io
import json
import re

from rich.console import Console, RenderableType

from planner.inventory.models import VM, Approach, Host, Inventory, Link, Settings
from planner.plan.models import Objective, Reason, ReasonKind, Request, Status, Verification, Violation
from planner.predict.table import prediction_rows
from planner.render.answer import answer_json
from planner.render.clock import Clock
from planner.render.predictions import predictions_json, predictions_text
from planner.render.text import plan_text
from planner.render.verification import stale_json, verification_json, verification_lines
from planner.render.words import gap_percent, listing, percent, plain, plural, status_sentence
from tests.render_samples import GIB, a_move, a_no, a_plan, four_ways, not_known


def lines(renderable: RenderableType, width: int = 200) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False, markup=False, emoji=False).print(renderable)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def row(text: list[str], name: str) -> str:
    return next(line.split(maxsplit=len(name.split()))[-1] for line in text if line.startswith(name))


def test_moves_are_numbered_in_the_order_of_start() -> None:
    text = lines(plan_text(a_plan(a_move("late", start_s=5.0), a_move("early"))))
    head = next(i for i, line in enumerate(text) if line.lstrip().startswith("#"))
    assert text[head].split() == [
        "#", "start", "VM", "from", "to", "approach", "bandwidth", "duration", "downtime", "end",
    ]  # fmt: skip
    assert text[head + 1].split() == [
        "1", "0:00:00", "early", "hv01", "hv02", "pre-copy", "839", "Mbit/s", "1", "min", "40", "s", "300", "ms",
        "0:01:40",
    ]  # fmt: skip
    assert text[head + 2].split()[:3] == ["2", "0:00:05", "late"]


def test_totals_tell_finish_downtime_bound_and_verification() -> None:
    objective = Objective(
        downtime_s=6.0, weighted_downtime_s=10.0, finish_s=100.0, lower_bound_weighted_downtime_s=9.0, gap=0.1
    )
    plan = a_plan(
        a_move("a", downtime_s=2.0, weight=3.0), a_move("b", downtime_s=4.0), status="feasible", objective=objective
    )
    text = lines(plan_text(plan))
    assert row(text, "VMs moved") == "2, from hv01"
    assert row(text, "Finish") == "after 1 min 40 s: 28 min 20 s before the deadline (30 min 00 s)"
    assert row(text, "Downtime") == "6 s in all, 10 s weighted; the longest 4 s (b)"
    assert row(text, "Data moved") == "18 GiB"
    assert row(text, "Lower bound") == "9 s of weighted downtime, gap 10%"
    assert "at most 1 s (10%) above the least possible" in row(text, "Status")
    assert row(text, "Verified") == "yes: replayed against the inventory, 3 checks passed"


def test_the_bound_on_the_finish_is_told_where_there_is_one() -> None:
    plan = a_plan(a_move())
    assert plan.objective is not None
    with_bound = plan.objective.model_copy(update={"lower_bound_finish_s": 90.0})
    text = lines(plan_text(plan.model_copy(update={"objective": with_bound})))
    assert "no plan with as little ends before 90 s" in row(text, "Lower bound")


def test_times_of_day_are_shown_where_the_start_is_known() -> None:
    text = lines(plan_text(four_ways()))
    assert text[0] == "rack-7: evacuate hv01 within 30 min 00 s, 23:50:00 to 00:20:00 +1d"
    assert row(text, "Finish") == "after 3 min 20 s, at 23:53:20: 26 min 40 s before the deadline (00:20:00 +1d)"
    assert next(line for line in text if "cache-1" in line).split()[:2] == ["3", "23:51:30"]


def test_a_finish_after_the_deadline_is_not_called_spare() -> None:
    text = lines(plan_text(a_plan(a_move(), request=Request(evacuate=("hv01",), deadline_s=60.0))))
    assert "40 s AFTER the deadline" in row(text, "Finish")


def test_what_was_not_replayed_or_was_rejected_is_told() -> None:
    assert row(lines(plan_text(a_plan(a_move(), verification=None))), "Verified") == "no: it was not replayed"
    rejected = Verification(ok=False, checks=("memory",), violations=(Violation(check="memory", message="full"),))
    assert row(lines(plan_text(a_plan(a_move(), verification=rejected))), "Verified") == "NO: 1 violation"


def test_a_no_shows_its_reasons_in_place_of_moves() -> None:
    text = lines(plan_text(a_no(Reason(kind=ReasonKind.PINNED, vms=("db-07",), hosts=("hv01",)))))
    assert text[2] == "No: hv01 cannot be emptied within 30 min 00 s."
    assert "- VM db-07 is pinned to host hv01 and may not move." in text
    assert "proven" in row(text, "Status")
    assert not [line for line in text if line.startswith(("Verified", "Finish", "VMs moved"))]


def test_what_is_not_known_is_said_first() -> None:
    text = lines(plan_text(not_known()))
    assert text[2].startswith("Not known: within the time limit of 60 s neither a plan was found nor proof")
    assert "unknown" in row(text, "Status")


def test_a_plan_that_moves_nothing_says_so() -> None:
    text = lines(plan_text(a_plan()))
    assert text[2] == "Yes: nothing runs on hv01, there is nothing to move."
    assert row(text, "Verified").startswith("yes")
    assert not [line for line in text if line.startswith(("VMs moved", "Finish", "Downtime", "Lower bound"))]


def test_the_dust_of_floating_point_is_no_gap() -> None:
    plan = a_plan(a_move())
    assert plan.objective is not None
    dusty = plan.model_copy(update={"objective": plan.objective.model_copy(update={"gap": 1.6e-14})})
    assert "gap 0%" in row(lines(plan_text(dusty)), "Lower bound")
    assert gap_percent(1e-6) == "<0.1%"


def test_the_four_words_have_four_meanings() -> None:
    plans = [
        a_plan(a_move()),
        a_plan(a_move(), status=Status.FEASIBLE),
        a_no(Reason(kind=ReasonKind.MEMORY)),
        not_known(),
    ]
    sentences = [status_sentence(plan) for plan in plans]
    assert [sentence.split(":")[0] for sentence in sentences] == ["optimal", "feasible", "infeasible", "unknown"]
    assert len(set(sentences)) == 4


def test_names_are_taken_literally() -> None:
    plan = a_plan(a_move("[red]x[/]"), a_move("\x1b[2Jy"))
    text = "\n".join(lines(plan_text(plan)))
    assert "[red]x[/]" in text
    assert "\x1b" not in text
    assert "\\x1b[2Jy" in text


def test_a_narrow_terminal_leaves_out_the_end_first() -> None:
    def table(width: int) -> list[list[str]]:
        text = lines(plan_text(four_ways()), width)
        head = next(i for i, line in enumerate(text) if line.startswith("#"))
        return [line.split() for line in text[head : head + 5]]

    assert {"end", "bandwidth", "from"} <= set(table(200)[0])
    assert {"end", "bandwidth", "from"} & set(table(70)[0]) == {"bandwidth", "from"}
    assert {"end", "bandwidth", "from"} & set(table(62)[0]) == {"from"}
    for width in (70, 62):
        assert [line[2] for line in table(width)[1:]] == ["web-1", "db-07", "cache-1", "old-1"]


def test_a_long_plan_is_one_line_a_move_in_a_pipe() -> None:
    moves = [a_move(f"a-virtual-machine-with-a-long-name-{i}", target="h" * 40) for i in range(5)]
    text = lines(plan_text(a_plan(*moves)), width=100_000)
    assert [line.split()[0] for line in text[3:8]] == ["1", "2", "3", "4", "5"]
    assert text[8] == ""


def test_clock_counts_days_after_midnight() -> None:
    assert Clock("23:50").both(1800) == "T+0:30:00 (00:20:00 +1d)"
    assert Clock("00:00").time_of_day(86399.6) == "00:00:00 +1d"
    assert Clock().time_of_day(5) == ""
    assert Clock().offset(36000.5) == "10:00:00"


def test_words() -> None:
    assert [plural(1, "VM"), plural(2, "VM"), plural(0, "VM")] == ["1 VM", "2 VMs", "0 VMs"]
    assert listing([]) == ""
    assert listing(["a"]) == "a"
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert listing(list("abcdefghij"), 3) == "a, b, c and 7 more"
    assert [percent(x) for x in (0.0, 1e-9, 0.012, 0.5)] == ["0%", "<0.1%", "1.2%", "50%"]
    assert plain("a\n\tb\x7f") == "a\\x0a\\x09b\\x7f"


def inventory() -> Inventory:
    return Inventory(
        format="evac/inventory/1",
        name="tiny",
        settings=Settings(approaches=(Approach.PRECOPY, Approach.COLD, Approach.POSTCOPY)),
        hosts=(Host(name="hv01", cpus=8, memory=64 * GIB), Host(name="hv02", cpus=8, memory=64 * GIB)),
        links=(Link(between=("hv01", "hv02"), bandwidth=1.25e8, usable=0.8),),
        vms=(
            VM(name="calm", host="hv01", vcpus=1, memory=GIB, read_rate=1e6, write_rate=1e6, max_downtime=5.0),
            VM(name="busy", host="hv01", vcpus=1, memory=GIB, read_rate=5e8, write_rate=5e8),
        ),
    )


def test_predictions_tell_what_is_allowed_and_why_not() -> None:
    text = lines(predictions_text(prediction_rows(inventory())))
    assert text[1].split()[:5] == ["calm", "800", "Mbit/s", "cold", "10.7"]
    assert [line.split("  ")[-1] for line in text[1:5]] == ["no (1)", "yes", "yes", "no (2)"]
    assert [line.split("  ")[-1] for line in text[5:9]] == ["yes", "no (3)", "no (4)", "no (3)"]
    assert "-" in text[6].split()
    assert text[-5:] == [
        "(1) longer down than the VM bears (5 s)",
        "(2) not among the approaches of the settings",
        "(3) does not converge: the VM dirties memory at least as fast as the link sends",
        "(4) does not converge: the VM reads memory faster than the link sends",
        "busy at 800 Mbit/s: the passes of pre-copy do not shrink to the 28.6 MiB with which the VM is stopped."
        " It converges from 4 Gbit/s on.",
    ]


def test_what_would_make_vms_converge_is_said_in_numbers_and_for_ten_at_most() -> None:
    settings = Settings(model="saturating")
    machines = [
        VM(name=f"vm-{i}", host="hv01", vcpus=1, memory=8 * 2**30, read_rate=1e6, write_rate=2e8, working_set=2**31)
        for i in range(12)
    ]
    never = inventory().model_copy(update={"settings": settings, "vms": tuple(machines)})
    text = [
        line for line in lines(predictions_text(prediction_rows(never)), 400) if "settles" in line or "more" in line
    ]
    assert re.fullmatch(
        r"vm-0 at 800 Mbit/s: pre-copy settles at 1\.69 GiB left to send, above the 25\.7 MiB with which the VM is"
        r" stopped\. It converges from [\d.]+ Gbit/s on, or with a downtime limit of [\d.]+ s, or with auto_converge,"
        r" which takes [\d.]+ s of vCPU time\.",
        text[0],
    )
    assert len(text) == 11
    assert text[-1] == "... and 2 more VMs: see --vm, or --format json."


def test_predictions_fit_a_narrow_terminal() -> None:
    for width, columns in ((200, {"data", "pre-copied", "passes"}), (80, {"data"}), (60, set())):
        text = lines(predictions_text(prediction_rows(inventory())), width)
        head = set(text[0].split())
        assert columns <= head
        assert {"VM", "approach", "time", "downtime", "allowed"} <= head
        assert [line.split()[0] for line in text[2:5]] == ["pre-copy", "post-copy", "hybrid"]


def test_items_of_a_list_keep_their_indent() -> None:
    no = a_no(Reason(kind=ReasonKind.PINNED, vms=("db-07",), hosts=("hv01",)))
    text = lines(plan_text(no), width=40)
    item = next(i for i, line in enumerate(text) if line.startswith("- VM db-07"))
    assert text[item + 1].startswith("  ")


def test_predictions_for_programs_have_no_number_where_there_is_none() -> None:
    rows = json.loads(predictions_json(prediction_rows(inventory(), ["busy"], 1e8)))
    assert [row["approach"] for row in rows] == ["cold", "precopy", "postcopy", "hybrid"]
    assert rows[1]["time_s"] is None
    assert rows[1]["allowed"] is False
    assert rows[0]["time_s"] == GIB / 1e8


def test_no_vms_is_said() -> None:
    empty = inventory().model_copy(update={"vms": ()})
    assert lines(predictions_text(prediction_rows(empty))) == ["The inventory has no VMs."]


def test_a_rejected_plan_is_told_check_by_check() -> None:
    found = Verification(
        ok=False,
        checks=("coverage", "memory", "deadline"),
        violations=(
            Violation(check="memory", message="hv02 holds 70 GiB of 64 GiB", at_s=125.0),
            Violation(check="coverage", message="db-07 does not move"),
        ),
    )
    assert verification_lines(found, Clock("01:00")) == [
        "No: the replay found 2 violations.",
        "- memory at T+0:02:05 (01:02:05): hv02 holds 70 GiB of 64 GiB",
        "- coverage: db-07 does not move",
        "2 checks of 3 said no, 1 passed.",
    ]


def test_many_violations_are_cut_and_counted() -> None:
    found = Verification(
        ok=False, checks=("a",), violations=tuple(Violation(check="a", message=str(i)) for i in range(60))
    )
    text = verification_lines(found)
    assert "- and 10 more; --format json lists them all." in text
    assert len(text) == 53


def test_an_accepted_plan_lists_its_checks() -> None:
    assert verification_lines(Verification(ok=True, checks=("coverage", "memory"))) == [
        "Yes: the plan keeps every rule; 2 checks passed: coverage, memory."
    ]


def test_answers_for_programs() -> None:
    no = json.loads(answer_json(a_no(Reason(kind=ReasonKind.PINNED, vms=("db-07",)))))
    assert no["answer"] == "no"
    assert no["proof"] == "certificate"
    assert no["reasons"][0]["kind"] == "pinned-vm"
    assert "pinned" in no["reasons"][0]["text"]
    assert json.loads(answer_json(not_known()))["answer"] == "unknown"
    assert json.loads(answer_json(a_plan(a_move())))["plan"]["moves"][0]["vm"] == "web-1"
    assert json.loads(verification_json(Verification(ok=True, checks=("a",))))["answer"] == "yes"
    assert json.loads(stale_json(["x is gone"])) == {"answer": "stale", "changes": ["x is gone"]}
