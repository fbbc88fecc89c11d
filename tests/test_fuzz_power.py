"""Hosts that are ready late and hosts that take their time to switch off: random cases against brute force."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from planner import api
from planner.menu import bandwidth_menu
from planner.network import Network
from planner.plan.models import Plan, Status
from tests.truth.agree import agreed_objective
from tests.truth.brute import Optimum, brute_force, menu_choices
from tests.truth.inventories import Case, random_case

SEEDS = int(os.environ.get("EVAC_FUZZ_SEEDS", "60"))
"""Cases compared with brute force; raise it for a long run."""
TIMES = (0.0, 0.0, 0.05, 0.2, 0.5, 1.1)
"""What is late and what takes long, as multiples of the deadline."""


def power_case(seed: int, max_movers: int = 4) -> Case:
    """Return a random case in which about half of the targets are late and half of the sources slow to switch off."""
    case = random_case(seed, max_movers=max_movers)
    rng = np.random.default_rng(seed)
    hosts = []
    for host in case.inventory.hosts:
        share = float(rng.choice(TIMES[:-1] if rng.random() < 0.9 else TIMES))
        field = "shutdown_time" if host.name in case.evacuate else "ready_after"
        hosts.append(host.model_copy(update={field: share * case.deadline_s}))
    return replace(case, inventory=case.inventory.model_copy(update={"hosts": tuple(hosts)}))


def true_optimum(case: Case) -> Optimum | None:
    network = Network(case.inventory)
    choices = menu_choices(
        case.inventory,
        case.evacuate,
        lambda vm, route: bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links)),
    )
    return brute_force(case.inventory, case.evacuate, case.deadline_s, choices)


def planned(case: Case) -> Plan:
    return api.plan(case.inventory, case.evacuate, case.deadline_s, time_limit_s=60, make_room="never")


@pytest.mark.parametrize("seed", range(SEEDS))
def test_plan_is_what_brute_force_finds(seed: int) -> None:
    case = power_case(seed)
    agreed_objective(case, planned(case), true_optimum(case))


def test_the_cases_are_of_all_kinds() -> None:
    cases = [power_case(seed) for seed in range(60)]
    plans = [planned(case) for case in cases]
    assert sum(plan.status is Status.OPTIMAL and bool(plan.power) for plan in plans) > 5
    assert sum(plan.status is Status.INFEASIBLE for plan in plans) > 5
    assert {step.turn for plan in plans for step in plan.power} == {"on", "off"}
