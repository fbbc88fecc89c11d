"""Destination classes: a partition of the targets whose routes are the network's own, alike but for their ends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from planner.network import Network
from planner.optimize.classes import Classes, split
from planner.optimize.problem import Problem
from tests.optimize_support import Compiled, Wire, compiled, compiled_case, host, inventory, shared_link_case, vm
from tests.truth.inventories import Case, random_case

CASES = [("random", seed) for seed in range(20)] + [("shared", seed) for seed in range(30)]


def case_of(kind: str, seed: int) -> Case:
    return random_case(seed) if kind == "random" else shared_link_case(seed)


def capacities(network: Network, links: Sequence[int]) -> list[float]:
    return [float(network.capacity_bytes_per_s[link]) for link in links]


def check(problem: Problem, classes: Classes) -> None:
    """Check that classes are a partition and that their links are the network's routes."""
    assert sorted(h for hosts in classes.members for h in hosts) == list(range(len(problem.targets)))
    for s, source in enumerate(problem.sources):
        for c, hosts in enumerate(classes.members):
            trunk = classes.trunk[s][c]
            for h in hosts:
                route = problem.network.route(source.name, problem.targets[h].name)
                if route is None:
                    assert trunk is None
                    continue
                assert trunk is not None
                assert classes.links(s, c, h) == route.links
                assert route.links[: len(trunk)] == trunk
                assert len(trunk) < len(route.links)
            if len(hosts) == 1 and trunk is not None:
                assert len(trunk) == len(classes.links(s, c, hosts[0])) - 1


def names(made: Compiled) -> list[list[str]]:
    return sorted(sorted(made.problem.targets[h].name for h in hosts) for hosts in made.classes.members)


def pooled(wires: Sequence[Wire], targets: Sequence[str], sources: Sequence[str] = ("src",)) -> list[list[str]]:
    """Return the classes of some targets in a network, by name."""
    hosts = [host(name) for name in (*sources, *targets)]
    made = compiled(inventory(hosts, wires, [vm(f"on-{name}", name) for name in sources]), sources, 100.0)
    check(made.problem, made.classes)
    return names(made)


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_links_are_those_of_the_routes(kind: str, seed: int, single: bool) -> None:
    made = compiled_case(case_of(kind, seed), single=single)
    check(made.problem, made.classes)


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_members_of_a_class_are_alike(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    problem = made.problem
    wanted = {label for mover in problem.movers for label in mover.requires}
    for c, hosts in enumerate(made.classes.members):
        assert len({int(problem.max_in[h]) for h in hosts}) == 1
        assert len({frozenset(wanted & set(problem.targets[h].labels)) for h in hosts}) == 1
        for s in range(len(problem.sources)):
            if made.classes.trunk[s][c] is not None:
                ways = [capacities(problem.network, made.classes.links(s, c, h)) for h in hosts]
                assert len({(way[0], min(way), way[-1]) for way in ways}) == 1
                longest = len(made.classes.links(s, c, made.classes.example(s, c)))
                assert longest == max(map(len, ways))
                # In between, a shorter way may lack links, but of those of the longer ones none is short.
                assert len({tuple(way) for way in ways if len(way) == longest}) == 1


@pytest.mark.parametrize(("kind", "seed"), CASES)
def test_a_class_is_allowed_where_one_of_its_hosts_is(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    found = made.classes.allowed(made.problem)
    assert found.shape == (len(made.problem.movers), len(made.classes.members))
    for v in range(len(made.problem.movers)):
        for c, hosts in enumerate(made.classes.members):
            assert bool(found[v, c]) == any(bool(made.problem.allowed[v, h]) for h in hosts)


@pytest.mark.parametrize(("kind", "seed"), CASES[::3])
def test_split_classes_become_single_hosts_and_the_others_stay(kind: str, seed: int) -> None:
    made = compiled_case(case_of(kind, seed))
    rng = np.random.default_rng(seed)
    which = {c for c in range(len(made.classes.members)) if rng.random() < 0.5}
    finer = split(made.problem, made.classes, which)
    check(made.problem, finer)
    kept = {hosts for c, hosts in enumerate(made.classes.members) if c not in which}
    assert {hosts for hosts in finer.members if len(hosts) > 1} <= kept <= set(finer.members)


def test_no_targets_are_no_classes() -> None:
    made = compiled(inventory([host("src"), host("t1")], [("src", "t1", 1e9)], [vm("a")]), ["src", "t1"], 100.0)
    assert made.classes.members == ()
    assert made.classes.allowed(made.problem).shape == (1, 0)


def test_hosts_of_one_switch_are_one_class_unless_their_links_differ() -> None:
    wires = [("src", "leaf", 1e9), ("t1", "leaf", 1e9), ("t2", "leaf", 1e9), ("t3", "leaf", 2e9)]
    assert pooled(wires, ["t1", "t2", "t3"]) == [["t1", "t2"], ["t3"]]


def test_limits_and_wanted_labels_tell_hosts_apart_and_idle_labels_do_not() -> None:
    hosts = [
        host("src"),
        host("t1", labels=("wanted",)),
        host("t2", labels=("wanted", "idle")),
        host("t3", labels=("idle",)),
        host("t4", max_incoming=7),
    ]
    wires = [(each.name, "leaf", 1e9) for each in hosts]
    made = compiled(inventory(hosts, wires, [vm("a", requires=("wanted",))]), ["src"], 100.0)
    assert names(made) == [["t1", "t2"], ["t3"], ["t4"]]


def test_hosts_of_equal_racks_are_one_class_and_those_of_the_own_rack_another() -> None:
    racks = {"src": "leaf1", "t1": "leaf1", "t2": "leaf2", "t3": "leaf2", "t4": "leaf3", "t5": "leaf4"}
    wires = [(name, leaf, 1e9) for name, leaf in racks.items()]
    wires += [("leaf1", "spine", 4e9), ("leaf2", "spine", 4e9), ("leaf3", "spine", 4e9), ("leaf4", "spine", 2e9)]
    assert pooled(wires, ["t1", "t2", "t3", "t4", "t5"]) == [["t1"], ["t2", "t3", "t4"], ["t5"]]


def test_sources_in_different_racks_tell_their_racks_apart_only_where_uplinks_can_be_short() -> None:
    racks = {
        "src": "leaf1",
        "also": "leaf1",
        "src2": "leaf2",
        "t1": "leaf1",
        "t2": "leaf2",
        "t3": "leaf3",
        "t4": "leaf4",
    }
    sources, targets = ["src", "also", "src2"], ["t1", "t2", "t3", "t4"]
    wires = [(name, leaf, 1e9) for name, leaf in racks.items()]
    uplinks = [(f"leaf{n}", "spine", 2e9) for n in (1, 2, 3, 4)]
    assert pooled(wires + uplinks, targets, sources) == [targets]
    uplinks = [(f"leaf{n}", "spine", 1.9e9) for n in (1, 2, 3, 4)]
    assert pooled(wires + uplinks, targets, sources) == [["t1"], ["t2", "t3", "t4"]]


def test_the_own_rack_is_told_apart_where_a_single_move_gets_more_within_it() -> None:
    wires = [("src", "leaf1", 1e9), ("t1", "leaf1", 1e9), ("t2", "leaf2", 1e9)]
    assert pooled([*wires, ("leaf1", "leaf2", 1e9)], ["t1", "t2"]) == [["t1", "t2"]]
    more = [*wires, ("src2", "leaf1", 1e9)]
    assert pooled([*more, ("leaf1", "leaf2", 1.9e9)], ["t1", "t2"], ["src", "src2"]) == [["t1"], ["t2"]]
    assert pooled([*more, ("leaf1", "leaf2", 2e9)], ["t1", "t2"], ["src", "src2"]) == [["t1", "t2"]]
    assert pooled([*wires, ("leaf1", "leaf2", 0.9e9)], ["t1", "t2"]) == [["t1"], ["t2"]]


def test_racks_behind_different_spines_are_one_class_where_no_uplink_can_be_short() -> None:
    racks = {"src": "leaf0", **{f"t{n}": f"leaf{n}" for n in range(1, 7)}}
    wires = [(name, leaf, 1e9) for name, leaf in racks.items()]
    spines = [(f"leaf{n}", f"spine{m}", 1e9) for n in range(7) for m in range(3)]
    assert len(pooled(wires + spines, list(racks)[1:])) == 1
    two = [("src2", "leaf0", 1e9)]
    assert len(pooled(wires + two + spines, list(racks)[1:], ["src", "src2"])) == 3


def test_a_mesh_without_switches_has_a_class_for_each_host() -> None:
    ends = ["src", "t1", "t2", "t3"]
    wires = [(a, b, 1e9) for i, a in enumerate(ends) for b in ends[i + 1 :]]
    assert pooled(wires, ends[1:]) == [["t1"], ["t2"], ["t3"]]


def test_a_link_of_its_own_from_the_source_tells_a_host_apart() -> None:
    wires = [("src", "leaf", 1e9), *((f"t{n}", "leaf", 1e9) for n in (1, 2, 3)), ("src", "t2", 1e9)]
    assert pooled(wires, ["t1", "t2", "t3"]) == [["t1", "t3"], ["t2"]]


def test_hosts_on_two_switches_are_reached_as_the_network_says() -> None:
    wires = [(name, leaf, 1e9) for name in ("src", "t1", "t2", "t3") for leaf in ("leaf1", "leaf2")]
    wires += [("t4", "leaf1", 1e9), ("leaf1", "leaf2", 5e9)]
    assert [name for group in pooled(wires, ["t1", "t2", "t3", "t4"]) for name in group] == ["t1", "t2", "t3", "t4"]


def test_sources_that_take_different_ways_tell_hosts_apart_on_both() -> None:
    """Seen from src over leaf1 both hosts are alike; from src2, which comes over leaf2, they are not."""
    wires = [("src", "leaf1", 5e9), ("src", "leaf2", 1e8), ("src2", "leaf1", 1e8), ("src2", "leaf2", 5e9)]
    wires += [("t1", "leaf1", 1e9), ("t1", "leaf2", 1e9), ("t2", "leaf1", 1e9), ("t2", "leaf2", 2e9)]
    assert pooled(wires, ["t1", "t2"], ["src"]) == [["t1", "t2"]]
    assert pooled(wires, ["t1", "t2"], ["src2"]) == [["t1"], ["t2"]]
    assert pooled(wires, ["t1", "t2"], ["src", "src2"]) == [["t1"], ["t2"]]
