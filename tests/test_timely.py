"""Time before downtime: earliest finish and least sum of ends, their bounds, and what is told of them."""

from __future__ import annotations

import math
import random
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from planner import api
from planner.importers.btrplace import SOURCE_LABEL, import_btrplace
from planner.inventory.models import VM, Approach, Host, Inventory, Link, Settings
from planner.network import Network
from planner.optimize.clock import Clock
from planner.optimize.jobs import Jobs
from planner.optimize.least import Least, ends_bound, finish_bound
from planner.optimize.listing import Tracks, list_schedule
from planner.optimize.problem import compile_problem
from planner.optimize.squeaky import earliest, even_tracks
from planner.optimize.timely import timely
from planner.plan.models import Plan, Status
from planner.render.words import status_sentence
from planner.verify import verify_plan
from tests.btrplace_samples import instance, write
from tests.truth.inventories import random_case

GBIT = 1e9 / 8


def fixed(seed: int, jobs: int, *, sources: int = 3, targets: int = 3, uplink: float | None = None) -> Inventory:
    """Return an inventory in which each VM may go to one host, over one switch or over an uplink [links' rate]."""
    rng = np.random.default_rng(seed)
    near = [f"s{n}" for n in range(sources)]
    far = [f"t{n}" for n in range(targets)]
    late = [float(rng.choice([0.0, 0.0, 5.0, 40.0])) for _ in far]
    slow = [float(rng.choice([0.0, 3.0, 17.0])) for _ in near]
    leaf = "sw" if uplink is None else "far"
    links = [(name, "sw", GBIT) for name in near] + [(name, leaf, GBIT) for name in far]
    if uplink is not None:
        links.append(("sw", "far", uplink * GBIT))
    return Inventory(
        format="evac/inventory/1",
        name="fixed",
        settings=Settings(model="btrplace", approaches=(Approach.PRECOPY,), max_outgoing=1, max_incoming=1),
        hosts=(
            *(Host(name=n, cpus=99, memory=2**50, shutdown_time=off) for n, off in zip(near, slow, strict=True)),
            *(
                Host(name=n, cpus=99, memory=2**50, labels=(n,), ready_after=at)
                for n, at in zip(far, late, strict=True)
            ),
        ),
        switches=("sw",) if uplink is None else ("sw", "far"),
        links=tuple(Link(between=(a, b), bandwidth=rate) for a, b, rate in links),
        vms=tuple(
            VM(
                name=f"v{n}",
                host=near[int(rng.integers(sources))],
                vcpus=1,
                memory=int(rng.integers(2, 9)) * 250_000_000,
                read_rate=0.0,
                write_rate=0.0,
                weight=float(rng.choice([1.0, 1.0, 2.0, 0.5])),
                requires=(far[int(rng.integers(targets))],),
            )
            for n in range(jobs)
        ),
    )


def asked(inventory: Inventory, objective: str, deadline_s: float = 10_000.0, **more: float) -> Plan:
    sources = [host.name for host in inventory.hosts if host.name.startswith("s")]
    return api.plan(inventory, sources, deadline_s, objective=objective, **more)  # type: ignore[arg-type]


def true_least(inventory: Inventory) -> tuple[float, float]:
    """Return the earliest finish and the least weighted sum of ends at full rate, over all orders [s]."""
    by_name = {host.name: host for host in inventory.hosts}
    moves = {move.vm: move.duration_s for move in asked(inventory, "ends").moves}
    best_finish, best_ends = math.inf, math.inf
    for order in permutations(inventory.vms):
        # Placing one after the other, each as early as it fits behind those on its hosts, reaches all schedules
        # in which no move could start earlier without another starting later.
        free: dict[str, float] = {}
        finish = max((host.shutdown_time for host in inventory.hosts), default=0.0)
        ends = 0.0
        for vm in order:
            target = by_name[vm.requires[0]]
            start = max(free.get(vm.host, 0.0), free.get(target.name, 0.0), target.ready_after)
            end = start + moves[vm.name]
            free[vm.host] = free[target.name] = end
            finish = max(finish, end + by_name[vm.host].shutdown_time)
            ends += vm.weight * end
        best_finish, best_ends = min(best_finish, finish), min(best_ends, ends)
    return best_finish, best_ends


@pytest.mark.parametrize("seed", range(25))
def test_small_cases_are_as_good_as_all_orders_and_no_bound_is_above(seed: int) -> None:
    inventory = fixed(seed, 5)
    finish, ends = true_least(inventory)
    for objective, truth in (("finish", finish), ("ends", ends)):
        plan = asked(inventory, objective)
        assert plan.objective is not None
        value, bound = plan.objective.sides(plan.request.objective)
        assert value is not None
        assert bound is not None
        assert bound <= truth * (1 + 1e-9)
        # The search may stop within half a percent of the bound on the finish, 1.75% of that on the ends.
        assert truth * (1 - 1e-9) <= value <= truth * (1.005 if objective == "finish" else 1.0175)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("uplink", [None, 2.0, 3.0])
@pytest.mark.parametrize("objective", ["finish", "ends"])
def test_larger_cases_are_verified_and_near_their_bounds(seed: int, uplink: float | None, objective: str) -> None:
    plan = asked(fixed(seed, 40, sources=8, targets=6, uplink=uplink), objective)
    assert plan.objective is not None
    assert plan.verification is not None
    assert plan.verification.ok
    assert plan.objective.gap < (0.1 if objective == "finish" else 0.12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("objective", ["finish", "ends"])
def test_random_cases_with_a_choice_of_hosts_are_planned_or_refused(seed: int, objective: str) -> None:
    case = random_case(seed, max_movers=5)
    asked = case.inventory, case.evacuate, case.deadline_s
    plan = api.plan(*asked, objective=objective, make_room="never")  # type: ignore[arg-type]
    plain = api.plan(*asked, make_room="never")
    assert (plan.status is Status.INFEASIBLE) == (plain.status is Status.INFEASIBLE)
    if plan.moves:
        assert verify_plan(case.inventory, plan).ok
        assert plain.objective is not None
        assert plan.objective is not None
        assert (plan.objective.lower_bound_finish_s or 0.0) <= plain.objective.finish_s * (1 + 1e-9)
        if objective == "ends":
            others = sum(move.weight * move.end_s for move in plain.moves)
            assert (plan.objective.lower_bound_weighted_ends_s or 0.0) <= others * (1 + 1e-9)


def test_a_deadline_that_short_jobs_first_misses_is_kept() -> None:
    inventory = fixed(3, 30, sources=6, targets=4)
    early = asked(inventory, "finish")
    assert early.objective is not None
    plan = asked(inventory, "ends", deadline_s=early.objective.finish_s)
    assert plan.objective is not None
    assert plan.objective.finish_s <= early.objective.finish_s
    loose = asked(inventory, "ends")
    assert loose.objective is not None
    assert (loose.objective.weighted_ends_s or 0.0) <= (plan.objective.weighted_ends_s or 0.0) * 1.01


def test_the_same_seed_gives_the_same_plan() -> None:
    inventory = fixed(1, 30, sources=6, targets=4, uplink=2.0)
    for objective in ("finish", "ends"):
        assert asked(inventory, objective, seed=4).moves == asked(inventory, objective, seed=4).moves


def test_a_vm_without_weight_counts_nothing_and_is_planned() -> None:
    inventory = fixed(2, 6)
    vms = tuple(vm.model_copy(update={"weight": 0.0}) for vm in inventory.vms)
    plan = asked(inventory.model_copy(update={"vms": vms}), "ends")
    assert plan.objective is not None
    assert plan.objective.weighted_ends_s == 0.0
    assert plan.status is Status.OPTIMAL


def test_the_status_is_told_in_the_words_of_the_objective() -> None:
    inventory = fixed(0, 20, sources=5, targets=4)
    for objective, words in (("finish", "finish"), ("ends", "weighted sum of ends")):
        assert words in status_sentence(asked(inventory, objective))


def test_btrplace_instances_are_solved_near_their_bounds(tmp_path: Path) -> None:
    found = import_btrplace(write(tmp_path, instance())).inventory
    plan = api.plan(found, [f"@{SOURCE_LABEL}"], 900.0, objective="finish")
    assert plan.objective is not None
    # Node 1 sends vm-2 (36 s) and vm-3 (38 s), one after the other, once node 3 and node 4 have booted.
    assert plan.objective.finish_s == 120.0 + 74.0 + 17.0
    assert plan.status is Status.OPTIMAL
    by_ends = api.plan(found, [f"@{SOURCE_LABEL}"], 900.0, objective="ends")
    assert by_ends.objective is not None
    # Node 3 receives vm-0, vm-4 and vm-2, node 4 vm-3 and vm-1; node 1 sends vm-3 and vm-2.
    assert by_ends.objective.weighted_ends_s == 5 * 120 + (18 + 36 + 74) + (38 + 58)


def jobs(times: list[float], uses: list[list[tuple[int, float]]], resources: int) -> Jobs:
    users: list[list[int]] = [[] for _ in range(resources)]
    for j, mine in enumerate(uses):
        for x, _ in mine:
            users[x].append(j)
    single = [all(share > 0.5 for j in us for x, share in uses[j] if x == r) for r, us in enumerate(users)]
    count = len(times)
    return Jobs(times, [0.0] * count, [0.0] * count, [1.0] * count, uses, users, single, [[] for _ in times])


def test_a_small_job_goes_past_a_large_one_that_does_not_fit() -> None:
    found = list_schedule(
        jobs([10.0, 10.0, 5.0, 5.0], [[(0, 0.5)], [(0, 0.8)], [(0, 0.3)], [(0, 0.2)]], 1), [4.0, 3.0, 2.0, 1.0]
    )
    assert found == [0.0, 10.0, 0.0, 0.0] or found[2:] == [0.0, 0.0]


def test_jobs_wait_for_those_before_them_and_for_their_targets() -> None:
    from dataclasses import replace

    chain = replace(jobs([10.0, 4.0, 3.0], [[(0, 1.0)], [(1, 1.0)], [(1, 1.0)]], 2), after=[[1], [], []])
    assert list_schedule(chain, [1.0, 3.0, 2.0]) == [0.0, 10.0, 0.0]
    assert list_schedule(replace(chain, head_s=[0.0, 12.0, 1.0]), [1.0, 3.0, 2.0]) == [0.0, 12.0, 1.0]


def test_tracks_are_kept_to() -> None:
    six = jobs([4.0, 4.0, 3.0, 3.0, 3.0, 3.0], [[(0, 0.5)] for _ in range(6)], 1)
    greedy = list_schedule(six, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    tracks = Tracks(0, [[4.0, 3.0, 3.0], [4.0, 3.0, 3.0]])
    even = list_schedule(six, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0], tracks)
    assert six.finish_s(even) == 10.0 <= six.finish_s(greedy)


@pytest.mark.parametrize("seed", range(10))
def test_tracks_are_about_as_long_as_each_other(seed: int) -> None:
    rng = random.Random(seed)
    durations = [float(rng.choice([18, 20, 36, 38])) for _ in range(96)]
    tracks = even_tracks(durations, 10, rng)
    assert sorted(d for track in tracks for d in track) == sorted(durations)
    lengths = [sum(track) for track in tracks]
    assert max(lengths) <= sum(lengths) / 10 + 6.0


def test_tracks_reach_what_a_list_does_not() -> None:
    rng = random.Random(1)
    times = [float(rng.choice([18, 20, 36, 38])) for _ in range(96)]
    ten = jobs(times, [[(0, 0.1)] for _ in times], 1)
    found = earliest(ten, sum(times) / 10, Clock(30), seed=0, enough=5e-3)
    assert ten.finish_s(found) <= sum(times) / 10 * 1.01


def least(times: list[float], heads: list[float], tails: list[float], seconds: list[float]) -> Least:
    count = len(times)
    return Least(
        np.array(times),
        np.array(heads),
        np.array(tails),
        np.ones(count),
        np.arange(count),
        np.zeros(count, dtype=np.int64),
        np.array(seconds),
        1,
    )


def test_the_finish_bound_looks_at_heads_and_tails_of_those_that_have_them() -> None:
    late = least([5.0, 5.0, 5.0], [0.0, 100.0, 100.0], [0.0, 17.0, 17.0], [5.0, 5.0, 5.0])
    assert finish_bound(late) == 100.0 + 10.0 + 17.0


def test_the_ends_bound_is_smith_s_rule_on_one_resource_and_no_wait_on_none() -> None:
    assert ends_bound(least([1.0, 2.0, 3.0], [0.0] * 3, [0.0] * 3, [1.0, 2.0, 3.0])) == pytest.approx(10.0, rel=1e-3)
    # A wide link is no reason to wait: each ends after its own duration.
    assert ends_bound(least([1.0, 2.0, 3.0], [0.0] * 3, [0.0] * 3, [0.01, 0.02, 0.03])) == pytest.approx(6.0, rel=1e-3)


def test_a_mover_that_can_do_nothing_is_left_to_the_proof() -> None:
    inventory = fixed(0, 4)
    vms = tuple(vm.model_copy(update={"requires": ("nowhere",)}) for vm in inventory.vms)
    none = inventory.model_copy(update={"vms": vms})
    problem = compile_problem(none, Network(none), ["s0", "s1", "s2"], 100.0)
    assert timely(problem, "finish", seed=0, clock=Clock(10)) is None
    assert asked(none, "finish").status is Status.INFEASIBLE
