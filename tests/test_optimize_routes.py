"""The routes in one sweep are those that the network gives pair by pair."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.inventory.models import Host, Inventory, Link
from planner.network import Network
from planner.optimize.routes import Routes, find_routes


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, tuple[Host, ...]]:
    """Draw hosts on one or two switches each, or on each other, some of them cut off, and links of few widths."""
    hosts = [f"h{i}" for i in range(draw(st.integers(2, 8)))]
    switches = [f"s{i}" for i in range(draw(st.integers(1, 5)))]
    rng = random.Random(draw(st.integers(0, 2**32)))
    ends = {
        (name, switch)
        for name in hosts
        for switch in rng.sample(switches, rng.choice((0, 1, 1, 1, min(2, len(switches)))))
    }
    ends |= {(a, b) for a in switches for b in switches if a < b and rng.random() < 0.5}
    ends |= {(a, b) for a in hosts for b in hosts if a < b and rng.random() < 0.05}
    links = tuple(
        Link.model_validate({"between": pair, "bandwidth": rng.choice([1e9, 1e9, 2e9, [1e9, 2e9]])})
        for pair in sorted(ends)
    )
    made = tuple(Host(name=name, cpus=1, memory=1) for name in hosts)
    inventory = Inventory(
        format="evac/inventory/1", name="drawn", hosts=made, switches=tuple(switches), links=links, vms=()
    )
    split = inventory.settings.model_copy(update={"equal_cost_paths": draw(st.sampled_from(["hash", "split"]))})
    return Network(inventory.model_copy(update={"settings": split})), made


def links_of(routes: Routes, s: int, h: int) -> tuple[int, ...]:
    links = routes.links[s, h].tolist()
    assert links[routes.length[s, h] :] == [-1] * (len(links) - routes.length[s, h])
    return tuple(links[: routes.length[s, h]])


@given(networks())
def test_each_route_is_the_networks(drawn: tuple[Network, tuple[Host, ...]]) -> None:
    network, hosts = drawn
    routes = find_routes(network, hosts, hosts)
    for s, source in enumerate(hosts):
        for h, target in enumerate(hosts):
            route = None if s == h else network.route(source.name, target.name)
            assert links_of(routes, s, h) == (() if route is None else route.links)


@given(networks())
def test_sources_of_one_kind_differ_in_their_first_link_alone(drawn: tuple[Network, tuple[Host, ...]]) -> None:
    network, hosts = drawn
    targets = hosts[: len(hosts) // 2]
    sources = hosts[len(hosts) // 2 :]
    routes = find_routes(network, sources, targets)
    for s, kind in enumerate(routes.source_kind.tolist()):
        example = routes.examples[kind]
        for h in range(len(targets)):
            mine, theirs = links_of(routes, s, h), links_of(routes, example, h)
            assert mine[1:] == theirs[1:]
            for limit in (network.capacity_bytes_per_s, network.move_bytes_per_s, network.flow_bytes_per_s):
                assert limit[list(mine[:1])].tolist() == limit[list(theirs[:1])].tolist()


@pytest.mark.parametrize("count", [0, 2])
def test_no_sources_or_no_targets_are_no_routes(count: int) -> None:
    hosts = tuple(Host(name=f"h{i}", cpus=1, memory=1) for i in range(2))
    network = Network(Inventory(format="evac/inventory/1", name="bare", hosts=hosts, switches=(), links=(), vms=()))
    routes = find_routes(network, hosts[:count], hosts[count:])
    assert routes.length.shape == (count, 2 - count)
    assert routes.links.shape[:2] == (count, 2 - count)
