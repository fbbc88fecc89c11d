"""The verifier says no, by the right check and by no other, to plans that are right but for one thing."""

from __future__ import annotations

import pytest

from planner.verify import CHECKS, verify_plan
from tests.truth.handmade import make_plan
from tests.truth.wrong import (
    INVENTORY,
    NOES,
    No,
    Wrong,
    claims,
    moves,
    network,
    odds,
    power,
    resources,
    room,
    rules,
    triage,
)

ALL = (moves, resources, rules, claims, room, network, power, odds, triage)
"""The modules that fill NOES."""


def test_the_plan_they_all_start_from_is_right() -> None:
    found = verify_plan(INVENTORY, make_plan(INVENTORY))
    assert found.violations == ()
    assert found.ok
    assert found.checks == tuple(CHECKS)


@pytest.mark.parametrize("made", network.right_plans())
def test_says_yes_on_bonds_in_each_direction_on_the_right_network_and_over_all_paths(made: Wrong) -> None:
    assert verify_plan(*made).violations == ()


def test_says_yes_to_odds_that_keep_their_promise() -> None:
    assert verify_plan(INVENTORY, odds.promising()).violations == ()
    assert verify_plan(INVENTORY, odds.promising(count=1000, finish_p95_s=600.0)).violations == ()


@pytest.mark.parametrize("made", triage.right_plans())
def test_says_yes_where_vms_are_shut_down_or_left_because_not_all_can_leave(made: Wrong) -> None:
    assert verify_plan(*made).violations == ()


def test_every_check_has_a_plan_that_it_rejects() -> None:
    assert {case.check for case in NOES} == set(CHECKS)


@pytest.mark.parametrize("case", NOES, ids=lambda case: case.id)
def test_says_no(case: No) -> None:
    inventory, plan = case.make()
    found = verify_plan(inventory, plan)
    assert not found.ok
    assert {violation.check for violation in found.violations} == {case.check, *case.also}
    assert found.checks == tuple(CHECKS)
    for violation in found.violations:
        print(f"{violation.check}: {violation.message} {violation.subjects} {violation.at_s}")
