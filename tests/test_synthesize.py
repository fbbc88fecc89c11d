"""Made-up clusters: the same for the same seed, valid at any size, and with room to evacuate."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import api
from planner.errors import InputError
from planner.inventory.load import check_inventory
from planner.inventory.models import RULE_KINDS, Inventory, rule_kind
from planner.inventory.synthesize import synthesize
from planner.network import Network


def memory_used(inventory: Inventory) -> list[float]:
    used: Counter[str] = Counter()
    for vm in inventory.vms:
        used[vm.host] += vm.memory
    return [used[host.name] / host.memory for host in inventory.hosts]


@settings(max_examples=60)
@given(st.integers(1, 45), st.integers(0, 300), st.integers(0, 2**32))
def test_any_size_is_a_valid_inventory(hosts: int, vms: int, seed: int) -> None:
    inventory = synthesize(hosts, vms, seed)
    check_inventory(inventory)
    assert (len(inventory.hosts), len(inventory.vms)) == (hosts, vms)


def test_the_seed_decides() -> None:
    assert synthesize(10, 50, 1) == synthesize(10, 50, 1)
    assert synthesize(10, 50, 1).vms != synthesize(10, 50, 2).vms


@pytest.mark.parametrize(("hosts", "vms"), [(20, 200), (100, 1000)])
def test_hosts_are_half_to_three_quarters_full(hosts: int, vms: int) -> None:
    for seed in range(10):
        used = memory_used(synthesize(hosts, vms, seed))
        assert 0.45 < min(used) < np.mean(used) < max(used) < 0.78


@pytest.mark.parametrize(("hosts", "vms"), [(4, 20), (20, 200), (100, 1000), (10, 30), (6, 6)])
def test_most_hosts_could_take_the_largest_vm(hosts: int, vms: int) -> None:
    for seed in range(10):
        inventory = synthesize(hosts, vms, seed)
        used = memory_used(inventory)
        largest = max(vm.memory for vm in inventory.vms)
        could = [
            share * host.memory + largest <= host.memory for share, host in zip(used, inventory.hosts, strict=True)
        ]
        assert sum(could) >= hosts / 2


@pytest.mark.parametrize(("hosts", "vms", "empty"), [(2, 10, 1), (4, 20, 1), (20, 200, 2), (100, 1000, 2)])
@pytest.mark.parametrize("seed", range(10))
def test_the_first_hosts_can_be_emptied_in_a_day(hosts: int, vms: int, empty: int, seed: int) -> None:
    inventory = synthesize(hosts, vms, seed)
    answer = api.check(inventory, [host.name for host in inventory.hosts[:empty]], 86400.0)
    assert answer.infeasibility is None
    assert {move.source for move in answer.moves} == {host.name for host in inventory.hosts[:empty]}


@pytest.mark.parametrize("hosts", [2, 3, 4, 20])
def test_the_others_have_room_for_any_one_host(hosts: int) -> None:
    used = memory_used(synthesize(hosts, 10 * hosts, 5))
    assert sum(used) < 0.9 * (hosts - 1)


def test_rates_are_those_of_real_clusters() -> None:
    inventory = synthesize(100, 4000, 11)
    link = inventory.links[0].bandwidths_bytes_per_s[0]
    writes = np.array([vm.write_rate for vm in inventory.vms])
    hot = writes >= 0.5 * link
    assert 0.03 < hot.mean() < 0.05
    assert (writes > link).any()
    assert ((writes >= 1e6) & (writes <= 50e6))[~hot].mean() > 0.9
    assert {vm.name.split("-")[0] for vm, is_hot in zip(inventory.vms, hot, strict=True) if is_hot} == {"db"}


def test_leaf_and_spine_oversubscribed_three_to_one() -> None:
    inventory = synthesize(25, 10, 1)
    assert inventory.switches == ("leaf1", "leaf2", "leaf3", "spine")
    for leaf in inventory.switches[:-1]:
        links = [link for link in inventory.links if leaf in link.between]
        hosts = [link.bandwidths_bytes_per_s[0] for link in links if "spine" not in link.between]
        (uplink,) = [link.bandwidths_bytes_per_s[0] for link in links if "spine" in link.between]
        assert len(hosts) in (8, 9)
        assert sum(hosts) / uplink == pytest.approx(3, rel=0.01)
    route = Network(inventory).route("hv01", "hv25")
    assert route is not None
    assert route.path == ("hv01", "leaf1", "spine", "leaf3", "hv25")


def test_all_kinds_of_rules_and_each_vm_in_one_at_most() -> None:
    inventory = synthesize(20, 400, 2)
    assert {rule_kind(rule) for rule in inventory.rules} == set(RULE_KINDS)
    members = [name for rule in inventory.rules for name in rule.members]
    assert len(members) == len(set(members))


@pytest.mark.parametrize(("hosts", "vms", "seed"), [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (10**9, 1, 1), (1, 1, -1)])
def test_numbers_that_make_no_cluster(hosts: int, vms: int, seed: int) -> None:
    with pytest.raises(InputError) as caught:
        synthesize(hosts, vms, seed)
    assert [problem.code for problem in caught.value.problems] == ["out-of-range"]
