"""What one host's moves cost at least is never more than they do cost, and often just that."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest

from planner import api
from planner.inventory.models import VM, Approach
from planner.menu import bandwidth_menu
from planner.network import Network, Route
from planner.optimize.backend import Outcome, Solution, solve
from planner.optimize.model import Aim, AssignmentModel
from planner.optimize.sources import MOST_MOVERS, source_bound
from planner.plan.models import Status
from tests.optimize_support import FAST, Compiled, compiled, compiled_case, host, inventory, shared_link_case, star, vm
from tests.truth.brute import Optimum, brute_force, menu_choices
from tests.truth.inventories import Case, random_case

LONG_S = 60.0
ROUNDING = 1e-6
"""What the solver's tolerances may add to a bound [1]."""
GAP = 2e-4
"""By how much a bound may miss what it could prove [1]."""
SINGLE = range(14)
CLUSTERS = [
    *(("random", seed) for seed in range(12)),
    *(("shared", seed) for seed in range(16)),
    *(("pair", seed) for seed in range(4)),
    *(("narrow", seed) for seed in SINGLE),
]


def true_optimum(case: Case) -> Optimum | None:
    """Return the optimum over the planner's own menu."""
    network = Network(case.inventory)

    def menu(vm: VM, route: Route) -> Iterable[float]:
        del vm
        return bandwidth_menu(tuple(float(network.capacity_bytes_per_s[link]) for link in route.links))

    choices = menu_choices(case.inventory, case.evacuate, menu)
    return brute_force(case.inventory, case.evacuate, case.deadline_s, choices)


def busy_case(seed: int, wide: float = 4.0, *, sources: int = 1, slots: int = 2) -> Case:
    """Return hosts whose moves have nothing in their way but their own link, at 0.8 to 1.6 of the time they take.

    The targets' links are a multiple of the sources': where that is a whole number, the slow rates fit two at once.
    """
    rng = np.random.default_rng([seed, 3])
    names = [f"src{i}" for i in range(sources)]
    vms = [
        vm(
            f"vm{i}",
            names[i % sources],
            memory=int(rng.integers(5, 40)) * 10**8,
            read_rate=1e7 * float(rng.choice([0, 1, 4])),
            write_rate=1e7 * float(rng.choice([0, 1, 10, 40])),
            weight=float(rng.choice([1.0, 1.0, 2.0, 3.0])),
        )
        for i in range(int(rng.integers(3, 5)))
    ]
    targets = ["t1"] if wide >= 1 else ["t1", "t2"]
    hosts = [*(host(name, max_outgoing=slots) for name in names), *(host(name, max_incoming=9) for name in targets)]
    cluster = star(hosts, vms, rates=dict.fromkeys(names, FAST) | dict.fromkeys(targets, wide * FAST))
    longest_s = max(sum(each.memory for each in vms if each.host == name) for name in names) / FAST
    return Case(cluster, tuple(names), longest_s * float(rng.uniform(0.8, 1.6)))


def bounds_of(made: Compiled) -> dict[int, float]:
    """Return the largest bound of each source, over all links that only its moves use."""
    columns = made.columns()
    model = AssignmentModel(made.problem, made.classes, columns)
    found: dict[int, float] = {}
    for link, users in model.users.items():
        bound = source_bound(made.problem, columns, link, users, seed=0, time_limit_s=LONG_S)
        if bound is not None:
            found[bound[0]] = max(found.get(bound[0], 0.0), bound[1])
    return found


@cache
def single(seed: int, wide: float, slots: int) -> tuple[Compiled, Optimum | None, dict[int, float]]:
    """Return a host, what its moves cost, and the bound."""
    case = busy_case(seed, wide, slots=slots)
    made = compiled_case(case)
    return made, true_optimum(case), bounds_of(made)


@pytest.mark.parametrize(("wide", "slots"), [(4.0, 2), (1.0, 2), (4.0, 1)])
@pytest.mark.parametrize("seed", SINGLE)
def test_the_bound_is_what_the_moves_cost_where_slow_rates_fit_two_at_once(seed: int, wide: float, slots: int) -> None:
    _, truth, bounds = single(seed, wide, slots)
    assert set(bounds) == {0}
    if truth is None:
        assert bounds[0] == np.inf
    else:
        assert bounds[0] == pytest.approx(truth.weighted_downtime_s, rel=GAP, abs=1e-9)


@pytest.mark.parametrize("wide", [0.75, 0.6])
@pytest.mark.parametrize("seed", range(10))
def test_the_bound_is_never_above_what_the_moves_cost(seed: int, wide: float) -> None:
    _, truth, bounds = single(seed, wide, 2)
    assert set(bounds) == {0}
    if truth is not None:
        assert bounds[0] <= truth.weighted_downtime_s * (1 + ROUNDING) + 1e-9


@pytest.mark.parametrize("wide", [0.75, 4.0])
def test_a_host_that_is_proven_not_to_empty_in_time_makes_a_no(wide: float) -> None:
    """Its bound is infinite, where the program without a floor sees no reason: that was a crash once."""
    case = busy_case(23, wide)
    found = api.plan(case.inventory, case.evacuate, case.deadline_s)
    assert (found.status is Status.INFEASIBLE) is (true_optimum(case) is None) is (wide < 1)
    assert (bounds_of(compiled_case(case)) == {0: np.inf}) is (wide < 1)


def test_the_hosts_are_of_all_kinds() -> None:
    """Some cannot be emptied in time; of some the program without a floor knows less than their bound says."""
    found = [single(seed, 4.0, 2) for seed in SINGLE]
    above = [bounds[0] > 1.001 * program_bound(made, {}).bound for made, truth, bounds in found if truth is not None]
    assert sum(truth is None for _, truth, _ in found) >= 2
    assert sum(above) >= 2


def program_bound(made: Compiled, floors: dict[int, float]) -> Solution:
    model = AssignmentModel(made.problem, made.classes, made.columns())
    return solve(model.program(Aim(made.problem.deadline_s, floors=floors)), seed=0, time_limit_s=LONG_S)


@cache
def cluster(kind: str, seed: int) -> tuple[Compiled, Optimum | None, dict[int, float]]:
    """Return a cluster, its optimum, and the bounds of its sources."""
    if kind == "narrow":
        return single(seed, 0.6, 2)
    case = shared_link_case(seed) if kind == "shared" else busy_case(seed, sources=2)
    case = random_case(seed, max_movers=3) if kind == "random" else case
    made = compiled_case(case)
    return made, true_optimum(case), bounds_of(made)


@pytest.mark.parametrize(("kind", "seed"), CLUSTERS)
def test_floors_raise_no_bound_above_the_optimum(kind: str, seed: int) -> None:
    made, truth, bounds = cluster(kind, seed)
    if truth is None:
        return
    assert sum(bounds.values()) <= truth.weighted_downtime_s * (1 + ROUNDING) + 1e-9
    found = program_bound(made, bounds)
    assert found.outcome is Outcome.OPTIMAL
    assert found.bound <= truth.weighted_downtime_s * (1 + ROUNDING) + 1e-9
    assert found.bound >= program_bound(made, {}).bound * (1 - ROUNDING) - 1e-9


def test_bounds_are_found_for_many_clusters_and_raise_those_of_some() -> None:
    known = raised = 0
    for case in CLUSTERS:
        made, truth, bounds = cluster(*case)
        if truth is not None and bounds:
            known += 1
            raised += program_bound(made, bounds).bound > program_bound(made, {}).bound * 1.001 + 1e-6
    assert known >= 15
    assert raised >= 5


def test_a_floor_is_for_its_source_alone() -> None:
    made = two_hosts()
    free = program_bound(made, {}).bound
    shares = [program_bound(made, {s: 7.0}).bound for s in range(2)]
    both = program_bound(made, {0: 7.0, 1: 7.0}).bound
    assert free < 1.0
    assert all(7.0 <= share < 8.0 for share in shares)
    assert 14.0 <= both < 16.0


def two_hosts() -> Compiled:
    """Return two hosts, each with VMs that could take many seconds of downtime, or almost none."""
    vms = [vm(f"vm{i}{on}", on, write_rate=1e6, memory=10**9) for i in range(6) for on in ("a", "b")]
    return compiled(star([host("a"), host("b"), host("t1")], vms), ["a", "b"], 1e4)


def bound_of(made: Compiled, *ends: str) -> tuple[int, float] | None:
    columns = made.columns()
    link = made.problem.network.link_index(*ends)
    assert link is not None
    users = AssignmentModel(made.problem, made.classes, columns).users[link]
    return source_bound(made.problem, columns, link, users, seed=0, time_limit_s=LONG_S)


def test_a_link_of_two_hosts_bounds_neither() -> None:
    wires = [("a", "near", FAST), ("b", "near", FAST), ("near", "far", FAST), ("t1", "far", FAST)]
    for homes, bounded in (("ab", False), ("bb", True)):
        vms = [vm(f"vm{i}", on) for i, on in enumerate(homes)]
        made = compiled(inventory(map(host, ("a", "b", "t1")), wires, vms), ["a", "b"], 100.0)
        found = bound_of(made, "near", "far")
        assert (found is not None) is bounded
        assert found is None or found[0] == 1


def test_a_link_that_moves_can_go_round_bounds_nothing() -> None:
    wires = [("src", "near", FAST), ("near", "far", 0.9 * FAST), ("t1", "far", FAST)]
    hosts = [host(name) for name in ("src", "t1", "t2")]
    for more, bounded in (([("t2", "far", FAST)], True), ([("t2", "near", FAST)], False)):
        made = compiled(inventory(hosts, [*wires, *more], [vm("a"), vm("b")]), ["src"], 100.0)
        assert (bound_of(made, "near", "far") is not None) is bounded


@pytest.mark.parametrize(("movers", "slots", "bounded"), [(3, 2, True), (3, 3, False), (MOST_MOVERS + 1, 2, False)])
def test_hosts_that_send_much_at_once_or_in_all_are_not_bounded(movers: int, slots: int, bounded: bool) -> None:
    cluster = star([host("src", max_outgoing=slots), host("t1")], [vm(f"vm{i}") for i in range(movers)])
    assert (bound_of(compiled(cluster, ["src"], 1e4), "src", "leaf") is not None) is bounded


def test_a_host_that_cannot_be_emptied_is_known_where_its_volume_would_fit() -> None:
    """Three moves fill the link for three seconds, and slower ones only fit two by two: four halves, not three."""
    hosts = [host("src"), host("t1", max_incoming=9)]
    for count, deadline_s, expected in ((3, 2.999, np.inf), (3, 3.0, 3.0), (4, 8.0, 4.0)):
        vms = [vm(f"vm{i}", approaches=(Approach.COLD,)) for i in range(count)]
        found = bound_of(compiled(star(hosts, vms), ["src"], deadline_s), "src", "leaf")
        assert found is not None
        assert found[1] == pytest.approx(expected)
