"""The evacuation as arrays: room, labels, routes, and rules reduced to what binds the movers."""

from __future__ import annotations

import numpy as np
import pytest

from planner import api
from planner.inventory.models import Approach, Before, Host, NotAtOnce, Rule, Separate, Together
from planner.network import Network
from planner.optimize.problem import Problem, compile_problem
from planner.plan.models import Status
from tests.optimize_support import GIB, host, inventory, star, vm
from tests.truth.inventories import random_case

HOSTS = [host(name) for name in ("src", "src2", "t1", "t2", "t3")]
MOVERS = [vm(name, on) for name, on in (("a", "src"), ("b", "src"), ("c", "src2"), ("d", "src2"))]
STAYERS = [vm(name, on) for name, on in (("x", "t1"), ("y", "t2"), ("z", "t2"))]


def ruled(*rules: Rule, hosts: list[Host] | None = None) -> Problem:
    cluster = star(hosts or HOSTS, [*MOVERS, *STAYERS], rules)
    return compile_problem(cluster, Network(cluster), ["src", "src2"], 100.0)


def may_go_to(problem: Problem, name: str) -> set[str]:
    v = [mover.name for mover in problem.movers].index(name)
    return {problem.targets[h].name for h in np.flatnonzero(problem.allowed[v])}


def test_only_vms_of_evacuated_hosts_move_and_evacuated_hosts_receive_nothing() -> None:
    problem = ruled(hosts=[*HOSTS[:4], host("t3", accepts=False)])
    assert [mover.name for mover in problem.movers] == ["a", "b", "c", "d"]
    assert [target.name for target in problem.targets] == ["t1", "t2"]
    assert [problem.sources[s].name for s in problem.source_of] == ["src", "src", "src2", "src2"]


def test_targets_have_what_the_vms_that_stay_leave() -> None:
    hosts = [host("src"), host("t1", memory=10 * GIB, cpus=16), host("t2", memory=10 * GIB, cpus=5)]
    vms = [vm("a", memory=8 * GIB, vcpus=4), vm("b", memory=6 * GIB, vcpus=6), vm("x", "t1", memory=3 * GIB, vcpus=2)]
    cluster = star(hosts, vms)
    problem = compile_problem(cluster, Network(cluster), ["src"], 100.0)
    assert problem.free_memory.tolist() == [7 * GIB, 10 * GIB]
    assert problem.free_vcpus.tolist() == [14, 5]
    assert may_go_to(problem, "a") == {"t2"}
    assert may_go_to(problem, "b") == {"t1"}


def test_a_vm_that_just_fits_is_allowed() -> None:
    hosts = [host("src"), host("t1", memory=8 * GIB, cpus=4), host("t2", memory=8 * GIB - 1, cpus=4)]
    cluster = star(hosts, [vm("a", memory=8 * GIB, vcpus=4)])
    assert may_go_to(compile_problem(cluster, Network(cluster), ["src"], 100.0), "a") == {"t1"}


def test_all_labels_are_required() -> None:
    hosts = [host("src"), host("t1", labels=("p",)), host("t2", labels=("q", "p")), host("t3")]
    cluster = star(hosts, [vm("a", requires=("p", "q")), vm("b", requires=("p",)), vm("c")])
    problem = compile_problem(cluster, Network(cluster), ["src"], 100.0)
    assert [may_go_to(problem, name) for name in "abc"] == [{"t2"}, {"t1", "t2"}, {"t1", "t2", "t3"}]


def test_hosts_without_a_route_are_no_targets() -> None:
    wires = [("src", "leaf", 1e9), ("t1", "leaf", 1e9), ("src2", "t2", 1e9), ("src2", "leaf", 1e9)]
    cluster = inventory(map(host, ("src", "src2", "t1", "t2")), wires, MOVERS)
    problem = compile_problem(cluster, Network(cluster), ["src", "src2"], 100.0)
    assert may_go_to(problem, "a") == {"t1"}
    assert may_go_to(problem, "c") == {"t1", "t2"}


def test_separate_shuts_the_hosts_of_members_that_stay() -> None:
    problem = ruled(Separate(separate=("a", "c", "x")))
    assert may_go_to(problem, "a") == may_go_to(problem, "c") == {"t2", "t3"}
    assert may_go_to(problem, "b") == {"t1", "t2", "t3"}
    assert problem.separate == ((0, 2),)


def test_separate_with_one_mover_binds_no_pair() -> None:
    assert ruled(Separate(separate=("a", "x", "y"))).separate == ()


def test_together_joins_a_member_that_stays() -> None:
    problem = ruled(Together(together=("a", "b", "x", "y")))
    assert may_go_to(problem, "a") == may_go_to(problem, "b") == {"t1", "t2"}
    assert problem.together == ((0, 1),)


def test_together_with_a_member_that_stays_where_none_may_go_has_no_target() -> None:
    problem = ruled(Together(together=("a", "x")), hosts=[*HOSTS[:2], host("t1", accepts=False), *HOSTS[3:]])
    assert may_go_to(problem, "a") == set()
    assert may_go_to(problem, "b") == {"t2", "t3"}


def test_overlapping_together_groups_are_one() -> None:
    problem = ruled(
        Together(together=("d", "c")), Together(together=("a", "b")), Together(together=("b", "c")),
    )  # fmt: skip
    assert problem.together == ((0, 1, 2, 3),)
    apart = ruled(Together(together=("a", "c")), Together(together=("b", "d")))
    assert sorted(apart.together) == [(0, 2), (1, 3)]


def test_a_merged_group_goes_where_all_its_rules_let_it() -> None:
    """a and b may join x on t1 or y on t2; b and c may join y or z, both on t2."""
    problem = ruled(Together(together=("a", "b", "x", "y")), Together(together=("b", "c", "y", "z")))
    assert problem.together == ((0, 1, 2),)
    assert [may_go_to(problem, name) for name in "abcd"] == [{"t2"}] * 3 + [{"t1", "t2", "t3"}]


@pytest.mark.parametrize("short", [{"memory": int(1.9e9)}, {"cpus": 1}])
def test_a_group_goes_only_where_it_fits_as_a_whole(short: dict[str, int]) -> None:
    problem = ruled(Together(together=("a", "c")), hosts=[*HOSTS[:4], host("t3", **short)])
    assert may_go_to(problem, "a") == may_go_to(problem, "c") == {"t1", "t2"}
    assert may_go_to(problem, "b") == {"t1", "t2", "t3"}


def test_a_group_that_must_part_has_no_target() -> None:
    problem = ruled(Together(together=("a", "b")), Together(together=("b", "c")), Separate(separate=("a", "c")))
    assert [may_go_to(problem, name) for name in "abc"] == [set()] * 3
    assert may_go_to(problem, "d") == {"t1", "t2", "t3"}


def test_a_group_that_must_part_is_a_no_and_not_a_plan_that_the_replay_rejects() -> None:
    rules = (Together(together=("a", "c")), Separate(separate=("a", "c")))
    answer = api.plan(star(HOSTS, MOVERS, rules), ["src", "src2"], 1000.0)
    assert answer.status is Status.INFEASIBLE
    assert answer.infeasibility is not None
    assert answer.infeasibility.reasons[0].rule == "together [a, c]; separate [a, c]"


def test_before_binds_the_neighbours_among_those_that_move() -> None:
    problem = ruled(Before(before=("d", "x", "a", "y", "c")))
    assert problem.before == ((3, 0), (0, 2))
    assert ruled(Before(before=("a", "x"))).before == ()


def test_not_at_once_binds_those_that_move() -> None:
    rules = (NotAtOnce(not_at_once=("x", "b", "d")), NotAtOnce(not_at_once=("a", "y")))
    assert ruled(*rules).not_at_once == ((1, 3),)


def test_limits_are_the_hosts_own_or_those_of_the_settings() -> None:
    hosts = [host("src", max_outgoing=5), host("src2"), host("t1", max_incoming=7), host("t2")]
    cluster = star(hosts, MOVERS, max_outgoing=3, max_incoming=4)
    problem = compile_problem(cluster, Network(cluster), ["src", "src2"], 100.0)
    assert problem.max_out.tolist() == [5, 3]
    assert problem.max_in.tolist() == [7, 4]


@pytest.mark.parametrize("seed", range(40))
def test_a_target_is_allowed_where_nothing_speaks_against_it(seed: int) -> None:
    """For VMs in no together rule: against labels, room, routes and rivals that stay, one at a time."""
    case = random_case(seed)
    network = Network(case.inventory)
    problem = compile_problem(case.inventory, network, case.evacuate, case.deadline_s)
    stay = [each for each in case.inventory.vms if each.host not in case.evacuate]
    bound = {name for rule in case.inventory.rules if isinstance(rule, Together) for name in rule.members}
    for v, mover in enumerate(problem.movers):
        rivals = {
            name
            for rule in case.inventory.rules
            if isinstance(rule, Separate) and mover.name in rule.members
            for name in rule.members
        }
        for h, target in enumerate(problem.targets):
            there = [each for each in stay if each.host == target.name]
            expected = (
                set(mover.requires) <= set(target.labels)
                and sum(each.memory for each in there) + mover.memory <= target.memory
                and sum(each.vcpus for each in there) + mover.vcpus <= target.cpus
                and network.route(mover.host, target.name) is not None
                and not rivals & {each.name for each in there}
            )
            if mover.name not in bound:
                assert bool(problem.allowed[v, h]) == expected
            elif not expected:
                assert not problem.allowed[v, h]


def test_durations_that_add_up_to_the_deadline_but_for_rounding_keep_it() -> None:
    """Three moves of 0.1 s one after the other end at 0.30000000000000004 s."""
    vms = [vm(name, memory=10**8) for name in "abc"]
    cluster = star(map(host, ("src", "t1")), vms, approaches=[Approach.COLD], max_outgoing=1)
    assert api.plan(cluster, ["src"], 0.3).status is Status.OPTIMAL
    answer = api.plan(cluster, ["src"], 0.299)
    assert answer.status is Status.INFEASIBLE
    assert answer.infeasibility is not None
    assert answer.infeasibility.reasons[0].available == 0.299


def test_room_for_rounding_is_within_what_the_replay_tolerates() -> None:
    cluster = star(map(host, ("src", "t1")), [vm("a")])
    for deadline_s in (1e-3, 60.0, 86400.0, 366 * 86400.0):
        problem = compile_problem(cluster, Network(cluster), ["src"], deadline_s)
        assert deadline_s < problem.deadline_s <= deadline_s + 5e-7
