"""Routes cross switches only, take the fewest links, then the widest way, then one that names alone decide."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import networkx as nx
import pytest
from hypothesis import given

from planner.inventory.models import Host, Inventory, Link, Settings
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


# Directions, bonds, networks


def with_links(links: list[dict[str, object]], switches: list[str], **settings: object) -> Network:
    made = [Link.model_validate({"bandwidth": 1e9, **link}) for link in links]
    ends = dict.fromkeys(end for link in made for end in link.between)
    inventory = make_inventory([name for name in ends if name not in switches], switches, {})
    return Network(inventory.model_copy(update={"links": tuple(made), "settings": Settings.model_validate(settings)}))


def bottleneck(network: Network, source: str, target: str) -> float:
    route = network.route(source, target)
    assert route is not None
    return route.bottleneck_bytes_per_s


def test_each_direction_has_its_own_capacity() -> None:
    network = with_links(
        [{"between": ["a", "s"], "bandwidth": [4e9, 2e9], "usable": [0.5, 0.25]}, {"between": ["s", "b"]}], ["s"]
    )
    assert network.capacity_bytes_per_s.tolist() == [2e9, 0.5e9, 1e9, 1e9]
    assert bottleneck(network, "a", "b") == 1e9
    assert bottleneck(network, "b", "a") == 0.5e9


def test_a_move_with_one_flow_gets_one_member_of_a_bond() -> None:
    links: list[dict[str, object]] = [
        {"between": ["a", "s"], "bandwidth": 4e9, "members": 4, "usable": 0.5},
        {"between": ["s", "b"], "bandwidth": 3e9},
    ]
    network = with_links(links, ["s"])
    assert network.capacity_bytes_per_s.tolist() == [2e9, 2e9, 3e9, 3e9]
    assert network.flow_bytes_per_s.tolist() == network.move_bytes_per_s.tolist() == [0.5e9, 0.5e9, 3e9, 3e9]
    assert bottleneck(network, "a", "b") == 0.5e9
    assert bottleneck(with_links(links, ["s"], multifd_channels=3), "a", "b") == 0.5e9
    several = with_links(links, ["s"], multifd_channels=4)
    assert bottleneck(several, "a", "b") == 2e9
    assert several.flow_bytes_per_s.tolist() == [0.5e9, 0.5e9, 3e9, 3e9]


def test_of_equal_paths_the_one_counts_on_which_a_single_move_gets_most() -> None:
    pairs = [("a", "s1"), ("s1", "b"), ("a", "s2"), ("s2", "b")]
    links: list[dict[str, object]] = [
        {"between": pair, "bandwidth": 2e9 if "s1" in pair else 4e9, "members": 1 if "s1" in pair else 4}
        for pair in pairs
    ]
    assert path(with_links(links, ["s1", "s2"]), "a", "b") == ("a", "s1", "b")
    assert path(with_links(links, ["s1", "s2"], multifd_channels=4), "a", "b") == ("a", "s2", "b")
    equal_for_one = [{**link, "bandwidth": 8e9} if "s2" in str(link["between"]) else link for link in links]
    assert path(with_links(equal_for_one, ["s1", "s2"]), "a", "b") == ("a", "s2", "b")


def test_only_links_that_carry_the_migration_network_are_used() -> None:
    links: list[dict[str, object]] = [
        {"between": ["a", "leaf"], "bandwidth": 4e9, "networks": ["service"]},
        {"between": ["b", "leaf"], "bandwidth": 4e9, "networks": ["service"]},
        {"between": ["a", "stor"], "networks": ["storage", "migration"]},
        {"between": ["b", "stor"]},
    ]
    network = with_links(links, ["leaf", "stor"], migration_network="migration")
    assert path(network, "a", "b") == ("a", "stor", "b")
    assert network.link_index("a", "leaf") is None
    assert network.attachment("a") == ("stor",)
    assert path(with_links(links, ["leaf", "stor"], migration_network="service"), "b", "a") == ("b", "leaf", "a")


# Splitting over equal paths


def test_hash_unfolds_a_path_into_itself() -> None:
    way = ("hv0-0", "leaf0", "spine3", "leaf1", "hv1-0")
    assert clos().unfold(way) == (way,)


def split_clos(spines: int = 2, **settings: object) -> Network:
    links: list[dict[str, object]] = [
        {"between": ends, "bandwidth": rate if "spine" not in ends[1] else 2 * rate}
        for ends, rate in leaf_and_spine(2, spines, 2).items()
    ]
    switches = ["leaf0", "leaf1", *(f"spine{n}" for n in range(spines))]
    return with_links(links, switches, equal_cost_paths="split", **settings)


def test_splitting_makes_one_link_of_equal_ones() -> None:
    network = split_clos()
    route = network.route("hv0-0", "hv1-1")
    assert route is not None
    assert route.path == ("hv0-0", "leaf0", "spine0 + spine1", "leaf1", "hv1-1")
    assert network.capacity_bytes_per_s[list(route.links)].tolist() == [1e9, 16e9, 16e9, 1e9]
    assert network.unfold(route.path) == tuple(
        ("hv0-0", "leaf0", spine, "leaf1", "hv1-1") for spine in ("spine0", "spine1")
    )
    assert path(network, "hv0-0", "hv0-1") == ("hv0-0", "leaf0", "hv0-1")


@pytest.mark.parametrize(("channels", "most"), [(1, 8e9), (3, 8e9), (4, 32e9), (9, 32e9)])
def test_a_flow_takes_one_of_the_paths(channels: int, most: float) -> None:
    network = split_clos(4, multifd_channels=channels)
    up = network.link_index("leaf0", "spine0 + 3 more")
    assert up is not None
    assert network.capacity_bytes_per_s[up] == 32e9
    assert network.move_bytes_per_s[up] == most
    assert network.flow_bytes_per_s[up] == 8e9


@pytest.mark.parametrize(("channels", "most"), [(1, 0.5e9), (2, 1e9), (3, 1e9), (4, 2e9)])
def test_bonds_side_by_side_share_the_channels(channels: int, most: float) -> None:
    pairs = [("a", "s1"), ("a", "s2"), ("s1", "b"), ("s2", "b")]
    links: list[dict[str, object]] = [{"between": pair, "members": 2} for pair in pairs]
    network = with_links(links, ["s1", "s2"], equal_cost_paths="split", multifd_channels=channels)
    assert bottleneck(network, "a", "b") == most
