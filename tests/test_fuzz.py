"""The fuzz loop: random inventory -> plan -> verify -> brute force.

Disagreements have three kinds: a feasible case called infeasible (over-filtering), a plan that the replay rejects
(under-filtering: raised by the planner itself), and a crash.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from planner import api
from planner.inventory.models import VM
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.plan.models import Plan, Status
from planner.verify import verify_plan
from tests.truth.agree import agreed_objective
from tests.truth.brute import Optimum, brute_force, menu_choices
from tests.truth.inventories import Case, cases, random_case

SEEDS = int(os.environ.get("EVAC_FUZZ_SEEDS", "150"))
"""Cases compared with brute force; raise it for a long run."""


def true_optimum(case: Case) -> Optimum | None:
    network = Network(case.inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    return brute_force(
        case.inventory, case.evacuate, case.deadline_s, menu_choices(case.inventory, case.evacuate, menu)
    )


def planned(case: Case, seed: int = 0) -> Plan:
    return api.plan(case.inventory, case.evacuate, case.deadline_s, seed=seed, time_limit_s=60, make_room="never")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_plan_is_what_brute_force_finds(seed: int) -> None:
    case = random_case(seed, max_movers=4)
    truth = true_optimum(case)
    objective = agreed_objective(case, planned(case), truth)
    if objective is not None and truth is not None:
        assert objective.lower_bound_finish_s == pytest.approx(truth.finish_s, rel=2e-6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(max_movers=5))
def test_every_plan_passes_the_replay(case: Case) -> None:
    plan = planned(case)
    assert plan.status is not Status.UNKNOWN
    if plan.moves:
        assert plan.verification is not None
        assert plan.verification.ok
        assert verify_plan(case.inventory, plan).ok
    else:
        assert plan.status is Status.INFEASIBLE or not [v for v in case.inventory.vms if v.host in case.evacuate]


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_check_agrees_with_plan(seed: int) -> None:
    case = random_case(seed, max_movers=5)
    answer = api.check(case.inventory, case.evacuate, case.deadline_s, make_room="never")
    yes = answer.status in (Status.OPTIMAL, Status.FEASIBLE)
    assert yes == (planned(case).status in (Status.OPTIMAL, Status.FEASIBLE))


@pytest.mark.parametrize("seed", range(0, SEEDS, 25))
def test_a_seed_gives_one_plan(seed: int) -> None:
    case = random_case(seed, max_movers=5)
    first, second = planned(case, seed=3), planned(case, seed=3)
    assert first.moves == second.moves
    assert first.objective == second.objective


def test_the_cases_are_of_all_kinds() -> None:
    """A fuzz loop that only ever sees one answer shows nothing."""
    kinds = np.array([planned(random_case(seed, max_movers=4)).status is Status.OPTIMAL for seed in range(40)])
    assert 5 < kinds.sum() < 38
