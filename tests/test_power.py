"""Hosts that boot first and hosts that are switched off last: steps, replay, reasons."""

from __future__ import annotations

import pytest

from planner import api
from planner.inventory.models import Inventory
from planner.plan.models import PowerStep, ReasonKind, Status
from planner.plan.power import power_steps
from planner.render.markdown import markdown_runbook
from planner.render.reasons import describe
from planner.verify import verify_plan
from tests.truth.handmade import changed_host, make_plan, small_inventory, small_moves
from tests.truth.wrong.power import LEFT_S, OFF, switched_off

DEADLINE_S = 600.0


def standby(**fields: float) -> Inventory:
    """Return the small inventory, in which only hv2, hv3 and hv4 are late, and hv1 takes 17 s to switch off."""
    found = changed_host(small_inventory(), "hv1", shutdown_time=17.0)
    for host in ("hv2", "hv3", "hv4"):
        found = changed_host(found, host, ready_after=fields.get(host, 120.0))
    return found


def test_a_plan_that_switches_off_when_empty_is_right() -> None:
    assert verify_plan(*switched_off(OFF)).violations == ()


def test_a_plan_by_hand_need_not_say_when_it_switches_off() -> None:
    inventory, plan = switched_off()
    assert plan.power == ()
    assert verify_plan(inventory, plan).violations == ()


def test_steps_follow_from_the_moves() -> None:
    inventory = standby(hv4=0.0)
    steps = power_steps(inventory, ("hv1",), small_moves(inventory))
    assert steps == (
        PowerStep(host="hv2", turn="on", start_s=0.0, duration_s=120.0),
        PowerStep(host="hv3", turn="on", start_s=0.0, duration_s=120.0),
        PowerStep(host="hv1", turn="off", start_s=LEFT_S, duration_s=17.0),
    )
    assert power_steps(small_inventory(), ("hv1",), small_moves(inventory)) == ()


def test_a_plan_waits_for_its_targets_and_counts_the_switching_off() -> None:
    plan = api.plan(standby(), ["hv1"], DEADLINE_S)
    assert plan.objective is not None
    assert min(move.start_s for move in plan.moves) == 120.0
    assert plan.objective.finish_s == max(move.end_s for move in plan.moves) + 17.0
    assert plan.verification is not None
    assert {"ready", "shutdown", "power"} <= set(plan.verification.checks)
    assert [step.turn for step in plan.power if step.host == "hv1"] == ["off"]


def test_a_host_that_is_ready_is_used_where_there_is_no_time_to_wait() -> None:
    sooner = api.plan(standby(hv2=0.0, hv3=0.0), ["hv1"], 110.0)
    assert sooner.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert {move.target for move in sooner.moves} <= {"hv2", "hv3"}


@pytest.mark.parametrize(
    ("inventory", "kind", "words"),
    [
        (standby(), ReasonKind.TOO_SLOW, "outlasts the deadline"),
        (
            changed_host(small_inventory(), "hv1", shutdown_time=140.0),
            ReasonKind.SHUTDOWN,
            "switching off host hv1 alone outlasts",
        ),
    ],
)
def test_a_no_names_what_takes_too_long(inventory: Inventory, kind: ReasonKind, words: str) -> None:
    plan = api.plan(inventory, ["hv1"], 130.0)
    assert plan.status is Status.INFEASIBLE
    assert plan.infeasibility is not None
    reason = next(one for one in plan.infeasibility.reasons if one.kind is kind)
    assert words in describe(reason).what


def test_an_empty_host_is_switched_off_at_once() -> None:
    inventory = changed_host(small_inventory(), "hv4", shutdown_time=17.0)
    plan = api.plan(inventory, ["hv4"], 60.0)
    assert plan.objective is not None
    assert plan.objective.finish_s == 17.0
    assert plan.power == (PowerStep(host="hv4", turn="off", start_s=0.0, duration_s=17.0),)
    assert plan.status is Status.OPTIMAL


def test_the_plan_by_hand_stands_on_the_same_ground() -> None:
    assert verify_plan(small_inventory(), make_plan(small_inventory())).violations == ()


def test_the_runbook_tells_what_is_switched_on_and_off() -> None:
    text = markdown_runbook(api.plan(standby(), ["hv1"], DEADLINE_S))
    assert "At T these hosts are switched on" in text
    assert "| `hv2` | T+0:02:00 |" in text
    assert "is switched on at the start and can receive after 2 min 00 s, not before." in text
    assert "Hosts that list no VM any more are switched off" in text
    plain = markdown_runbook(api.plan(small_inventory(), ["hv1"], DEADLINE_S))
    assert "switched on" not in plain
    assert "switched off" not in plain
