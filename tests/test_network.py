"""Routes cross switches only, take the fewest links, then the widest way, then one that names alone decide."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import networkx as nx
import pytest
from hypothesis import given

from planner.inventory.models import Host, Inventory, Link
from planner.network import Network, Route
from tests.truth.inventories import Case, cases

Ends = tuple[str, str]


def make_inventory(hosts: list[str], switches: list[str], links: dict[Ends, float]) -> Inventory:
    return Inventory(
        format="evac/inventory/1",
        name="net",
        hosts=tuple(Host(name=name, cpus=1, memory=1) for name in hosts),
        switches=tuple(switches),
        links=tuple(Link(between=ends, bandwidth=bandwidth) for ends, bandwidth in links.items()),
    )


def make_network(hosts: list[str], switches: list[str], links: dict[Ends, float]) -> Network:
    return Network(make_inventory(hosts, switches, links))


def path(network: Network, source: str, target: str) -> tuple[str, ...]:
    route = network.route(source, target)
    assert route is not None
    return route.path


def leaf_and_spine(leaves: int, spines: int, hosts_a_leaf: int) -> dict[Ends, float]:
    links = {(f"hv{leaf}-{n}", f"leaf{leaf}"): 1e9 for leaf in range(leaves) for n in range(hosts_a_leaf)}
    return links | {(f"leaf{leaf}", f"spine{spine}"): 4e9 for leaf in range(leaves) for spine in range(spines)}


def clos(leaves: int = 6, spines: int = 4, hosts_a_leaf: int = 3, *, reverse: bool = False) -> Network:
    links = leaf_and_spine(leaves, spines, hosts_a_leaf)
    hosts = [a for a, b in links if a.startswith("hv")]
    switches = list(dict.fromkeys(end for ends in links for end in ends if not end.startswith("hv")))
    if reverse:
        links = {(b, a): bandwidth for (a, b), bandwidth in reversed(links.items())}
        hosts, switches = hosts[::-1], switches[::-1]
    return make_network(hosts, switches, links)


def test_each_link_is_two_directed_links() -> None:
    network = make_network(["a", "b"], ["s"], {("a", "s"): 1e9, ("s", "b"): 2e9})
    assert network.directed == (("a", "s"), ("s", "a"), ("s", "b"), ("b", "s"))
    assert network.capacity_bytes_per_s.tolist() == [1e9, 1e9, 2e9, 2e9]
    assert network.link_index("b", "s") == 3
    assert network.link_index("a", "b") is None
    assert network.route("a", "b") == Route(("a", "s", "b"), (0, 2), 1e9)
    assert network.route("b", "a") == Route(("b", "s", "a"), (3, 1), 1e9)


def test_only_the_usable_share_of_a_link_counts() -> None:
    inventory = make_inventory(["a", "b"], [], {("a", "b"): 1e9})
    link = inventory.links[0].model_copy(update={"usable": 0.25})
    route = Network(inventory.model_copy(update={"links": (link,)})).route("a", "b")
    assert route is not None
    assert route.bottleneck_bytes_per_s == 0.25e9


def test_a_direct_link_goes_before_switches_even_if_it_is_slower() -> None:
    network = make_network(["a", "b"], ["s"], {("a", "s"): 1e10, ("b", "s"): 1e10, ("a", "b"): 1e8})
    assert network.route("a", "b") == Route(("a", "b"), (4,), 1e8)


def test_the_bottleneck_is_the_narrowest_link_on_the_way() -> None:
    links = {("a", "s1"): 3e9, ("s1", "s2"): 1e9, ("s2", "b"): 2e9}
    route = make_network(["a", "b"], ["s1", "s2"], links).route("a", "b")
    assert route is not None
    assert route.bottleneck_bytes_per_s == 1e9


def test_fewer_links_go_before_wider_ones() -> None:
    links = {("a", "s1"): 1e9, ("s1", "b"): 1e9, ("a", "s2"): 9e9, ("s2", "s3"): 9e9, ("s3", "b"): 9e9}
    assert path(make_network(["a", "b"], ["s1", "s2", "s3"], links), "a", "b") == ("a", "s1", "b")


def test_of_equally_many_links_the_widest_way_is_taken() -> None:
    for wide in ("s1", "s2", "s3"):
        links = {ends: 2e9 if wide in ends else 1e9 for s in ("s1", "s2", "s3") for ends in (("a", s), (s, "b"))}
        assert path(make_network(["a", "b"], ["s1", "s2", "s3"], links), "a", "b") == ("a", wide, "b")


def test_nothing_passes_through_a_third_host() -> None:
    network = make_network(["a", "b", "c"], [], {("a", "b"): 1e9, ("b", "c"): 1e9})
    assert network.route("a", "c") is None
    around = {("a", "b"): 1e9, ("b", "c"): 1e9, ("a", "s1"): 1.0, ("s1", "s2"): 1.0, ("s2", "c"): 1.0}
    network = make_network(["a", "b", "c"], ["s1", "s2"], around)
    assert path(network, "a", "c") == ("a", "s1", "s2", "c")


def test_a_host_between_two_switches_does_not_join_them() -> None:
    links = {("a", "s1"): 1e9, ("m", "s1"): 1e9, ("m", "s2"): 1e9, ("b", "s2"): 1e9}
    network = make_network(["a", "m", "b"], ["s1", "s2"], links)
    assert network.route("a", "b") is None
    assert path(network, "a", "m") == ("a", "s1", "m")
    assert path(network, "m", "b") == ("m", "s2", "b")


def test_what_is_not_connected_has_no_route() -> None:
    network = make_network(["a", "b", "c"], ["s1", "s2"], {("a", "s1"): 1e9, ("b", "s2"): 1e9})
    assert network.route("a", "b") is None
    assert network.route("a", "c") is None
    assert network.attachment("c") == ()


def test_all_hosts_of_two_racks_share_one_way() -> None:
    network = clos()
    for a, b in permutations(range(6), 2):
        trunks = {path(network, f"hv{a}-{n}", f"hv{b}-{m}")[1:-1] for n in range(3) for m in range(3)}
        assert len(trunks) == 1
        (trunk,) = trunks
        assert (trunk[0], trunk[-1], len(trunk)) == (f"leaf{a}", f"leaf{b}", 3)


def test_pairs_of_racks_spread_over_equal_spines() -> None:
    network = clos(leaves=12)
    used = Counter(path(network, f"hv{a}-0", f"hv{b}-0")[2] for a, b in permutations(range(12), 2))
    assert set(used) == {f"spine{spine}" for spine in range(4)}
    assert max(used.values()) < 2 * min(used.values()), used


def test_the_choice_depends_on_names_alone() -> None:
    ends = [(f"hv{a}-0", f"hv{b}-1") for a, b in permutations(range(6), 2)]
    ways = [path(clos(), a, b) for a, b in ends]
    assert [path(clos(reverse=True), a, b) for a, b in ends] == ways
    asked_backwards = clos()
    assert [path(asked_backwards, a, b) for a, b in ends[::-1]] == ways[::-1]
    assert [path(clos(), "hv0-0", f"hv{b}-0")[2] for b in range(1, 6)] == PINNED


PINNED = ["spine0", "spine2", "spine0", "spine3", "spine1"]
"""Which spines leaf0 uses: the same in every process and on every machine."""


def test_a_given_path_is_a_route_if_its_links_exist() -> None:
    network = clos()
    way = ("hv0-0", "leaf0", "spine3", "leaf1", "hv1-0")
    route = network.make_route(way)
    assert route is not None
    assert route.path == way
    assert [network.directed[number] for number in route.links] == list(pairwise(way))
    assert route.bottleneck_bytes_per_s == 1e9
    assert network.make_route(("hv0-0", "leaf1")) is None
    assert network.make_route(("hv0-0",)) is None
    assert network.make_route(()) is None


@given(cases())
def test_routes_of_random_networks(case: Case) -> None:
    network = Network(case.inventory)
    names = [host.name for host in case.inventory.hosts]
    for source, target in permutations(names, 2):
        route = network.route(source, target)
        assert route is not None, "every pair of hosts has a route in these"
        assert (route.path[0], route.path[-1]) == (source, target)
        assert set(route.path[1:-1]) <= set(case.inventory.switches)
        assert [network.directed[number] for number in route.links] == list(pairwise(route.path))
        assert route.bottleneck_bytes_per_s == min(network.capacity_bytes_per_s[list(route.links)])
        allowed = network.graph.subgraph({source, target, *case.inventory.switches})
        assert len(route.links) == nx.shortest_path_length(allowed, source, target)


@pytest.mark.parametrize("kind", ["host", "switch"])
def test_the_graph_knows_its_nodes(kind: str) -> None:
    graph = clos(2, 1, 1).graph
    nodes = {name for name, each in graph.nodes(data="kind") if each == kind}
    assert nodes == ({"hv0-0", "hv1-0"} if kind == "host" else {"leaf0", "leaf1", "spine0"})
    assert graph.edges["leaf0", "spine0"]["capacity_bytes_per_s"] == 4e9
