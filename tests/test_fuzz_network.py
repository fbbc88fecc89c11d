"""Plans on networks as they are against brute force: directions, bonds, several networks, equal paths."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
import pytest

from planner import api
from planner.inventory.load import check_inventory
from planner.inventory.models import VM, Approach
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.plan.models import Plan, Status
from planner.verify import verify_plan
from tests.truth.agree import agreed_objective
from tests.truth.brute import Optimum, as_plan, brute_force, menu_choices
from tests.truth.fabric import Fabric
from tests.truth.inventories import Case
from tests.truth.networks import network_case

SEEDS = int(os.environ.get("EVAC_FUZZ_SEEDS", "60"))
"""Cases compared with brute force; raise it for a long run."""


def true_optimum(case: Case) -> Optimum | None:
    network = Network(case.inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        links = list(route.links)
        limits = (network.move_bytes_per_s[links].min(), network.flow_bytes_per_s[links].min())
        return bandwidth_menu(tuple(network.capacity_bytes_per_s[links].tolist()), *(float(most) for most in limits))

    return brute_force(
        case.inventory, case.evacuate, case.deadline_s, menu_choices(case.inventory, case.evacuate, menu)
    )


def planned(case: Case) -> Plan:
    return api.plan(case.inventory, case.evacuate, case.deadline_s, time_limit_s=60, make_room="never")


def test_the_cases_are_valid_and_of_all_kinds() -> None:
    drawn = [network_case(seed).inventory for seed in range(200)]
    for inventory in drawn:
        check_inventory(inventory)
    fabrics = [Fabric(inventory) for inventory in drawn]
    spread = [
        max(len(fabric.ways(a.name, b.name)) for a in inventory.hosts for b in inventory.hosts if a != b)
        for fabric, inventory in zip(fabrics, drawn, strict=True)
    ]
    assert {1, 2, 3, 4, 6} <= set(spread)
    assert sum(inventory.settings.migration_network is not None for inventory in drawn) > 40
    solvable = np.array([planned(network_case(seed)).status is Status.OPTIMAL for seed in range(30)])
    assert 5 < solvable.sum() < 28


@pytest.mark.parametrize("seed", range(SEEDS))
def test_plan_is_what_brute_force_finds(seed: int) -> None:
    case = network_case(seed, max_movers=3)
    agreed_objective(case, planned(case), true_optimum(case))


@pytest.mark.parametrize("seed", range(0, SEEDS, 2))
def test_what_brute_force_finds_passes_the_replay(seed: int) -> None:
    case = network_case(seed, max_movers=3)
    truth = true_optimum(case)
    if truth is not None:
        found = verify_plan(case.inventory, as_plan(case.inventory, case.evacuate, case.deadline_s, truth))
        assert found.violations == ()


@pytest.mark.parametrize("seed", range(100))
def test_the_folded_network_is_the_real_one(seed: int) -> None:
    """Of each route: the paths that it stands for, what all moves may have of it together, and what one may have."""
    inventory = network_case(seed).inventory
    network, fabric = Network(inventory), Fabric(inventory)
    vm = inventory.vms[0].model_copy(update={"disk": 0})
    names = [host.name for host in inventory.hosts]
    for a, b in ((a, b) for a in names for b in names if a != b):
        route = network.route(a, b)
        assert route is not None
        assert sorted(network.unfold(route.path)) == sorted(fabric.ways(a, b))
        links = list(route.links)
        together = min(fabric.capacity[ends] / share for ends, share in fabric.shares(a, b).items())
        assert float(network.capacity_bytes_per_s[links].min()) == pytest.approx(together, rel=1e-12)
        for limit, approach in (
            (network.move_bytes_per_s, Approach.PRECOPY),
            (network.flow_bytes_per_s, Approach.POSTCOPY),
        ):
            assert float(limit[links].min()) == pytest.approx(fabric.most(vm, approach, a, b), rel=1e-12)
