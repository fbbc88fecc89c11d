"""Networks that links carry, and paths of equal cost that are alike or not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from planner.errors import InputError, Problem
from planner.inventory.folding import Folding
from planner.inventory.load import check_inventory, parse_inventory
from planner.inventory.models import Approach, Link, Settings

STORAGE = """\
format: evac/inventory/1
name: lab
settings: {migration_network: migration}
hosts:
  - {name: hv01, cpus: 8, memory: 64 GiB}
  - {name: hv02, cpus: 8, memory: 64 GiB}
switches: [leaf1, stor1]
links:
  - {between: [hv01, leaf1], bandwidth: 10 Gbit/s, networks: [service]}
  - {between: [hv01, stor1], bandwidth: 25 Gbit/s, networks: [storage, migration]}
  - {between: [hv02, leaf1], bandwidth: 10 Gbit/s, networks: [service]}
  - {between: [hv02, stor1], bandwidth: 25 Gbit/s, networks: [storage, migration]}
"""


def changed(old: str, new: str) -> str:
    assert STORAGE.count(old) == 1, old
    return STORAGE.replace(old, new)


def the_problem(text: str) -> Problem:
    with pytest.raises(InputError) as caught:
        parse_inventory(text, "lab.yaml")
    (problem,) = caught.value.problems
    return problem


def test_links_of_several_networks_are_an_inventory() -> None:
    check_inventory(parse_inventory(STORAGE))
    check_inventory(parse_inventory(changed("{migration_network: migration}", "{}")))
    unlabelled = STORAGE.replace(", networks: [service]", "").replace(", networks: [storage, migration]", "")
    check_inventory(parse_inventory(unlabelled))


def test_two_links_of_different_networks_may_join_the_same_ends() -> None:
    text = STORAGE.replace("stor1", "leaf1").replace("[leaf1, leaf1]", "[leaf1]")
    check_inventory(parse_inventory(text))
    with pytest.raises(InputError) as caught:
        parse_inventory(text.replace("{migration_network: migration}", "{}"))
    first, second = caught.value.problems
    assert (first.code, first.place.path, second.place.path) == (
        "duplicate-link",
        "links[1].between",
        "links[3].between",
    )
    assert "settings.migration_network" in first.mend


def test_a_network_that_no_link_names_is_a_slip() -> None:
    problem = the_problem(changed("migration_network: migration", "migration_network: migrations"))
    assert (problem.code, problem.place.path, problem.place.line) == ("unknown-name", "settings.migration_network", 3)
    assert problem.message == "no link names the network migrations"
    assert problem.mend == "did you mean migration?"
    problem = the_problem(changed("migration_network: migration", "migration_network: xyz"))
    assert problem.mend == "name one of migration, service, storage"


def test_a_host_off_the_migration_network_is_unreachable() -> None:
    problem = the_problem(changed("[hv02, stor1], bandwidth: 25 Gbit/s, networks: [storage, migration]",
                                  "[hv02, stor1], bandwidth: 25 Gbit/s, networks: [storage]"))  # fmt: skip
    assert (problem.code, problem.place.path) == ("unreachable-host", "hosts[1].name")
    assert problem.message == "hv02 has no link that carries migration"
    assert problem.mend == "add migration to the networks of one of its links"


def test_a_network_in_two_parts_is_told_by_its_name() -> None:
    text = changed("[leaf1, stor1]", "[leaf1, stor1, stor2]")
    text = text.replace("[hv02, stor1]", "[hv02, stor2]")
    problem = the_problem(text)
    assert problem.message == "hv02 cannot reach hv01 over the network migration"
    assert problem.mend == "add the missing link, or add migration to the networks of those on the way"


def test_flows_go_over_several_channels_only_where_multifd_does() -> None:
    settings = Settings(multifd_channels=4)
    assert [settings.flows(approach, 0) for approach in Approach] == [4, 4, 1, 1]
    assert [settings.flows(approach, 1) for approach in Approach] == [1, 1, 1, 1]


def test_a_flow_gets_one_member_unless_there_are_as_many_flows() -> None:
    bond = Link(between=("a", "b"), bandwidth=4e9, members=4)
    assert [bond.share_of(flows) for flows in (1, 3, 4, 5)] == [0.25, 0.25, 1.0, 1.0]
    assert Link(between=("a", "b"), bandwidth=4e9).share_of(1) == 1.0


def test_directions_are_in_the_order_of_the_ends() -> None:
    link = Link(between=("a", "b"), bandwidth=(4e9, 2e9), usable=(0.25, 1.0))
    assert link.capacities_bytes_per_s == (1e9, 2e9)
    assert link.capacity_bytes_per_s == 1e9


# Paths of equal cost


def joined(ends: Iterable[tuple[str, str]], **fields: object) -> list[Link]:
    return [Link.model_validate({"between": pair, "bandwidth": 1e9, **fields}) for pair in ends]


def leaf_spine(leaves: int, spines: int) -> list[Link]:
    down = [(f"hv{leaf}{n}", f"leaf{leaf}") for leaf in range(leaves) for n in "ab"]
    return joined([*down, *((f"leaf{leaf}", f"spine{s}") for leaf in range(leaves) for s in range(spines))])


def fat_tree() -> list[Link]:
    """Four pods of two edges and two aggregations; aggregation i of each pod hangs on cores i0 and i1."""
    pairs: list[tuple[str, str]] = []
    for pod in range(4):
        for e in range(2):
            pairs += [(f"hv{pod}{e}", f"edge{pod}{e}"), *((f"edge{pod}{e}", f"agg{pod}{a}") for a in range(2))]
        pairs += [(f"agg{pod}{a}", f"core{a}{c}") for a in range(2) for c in range(2)]
    return joined(pairs)


def fold(links: list[Link]) -> Folding:
    names = dict.fromkeys(end for link in links for end in link.between)
    return Folding([n for n in names if n[:2] == "hv"], [n for n in names if n[:2] != "hv"], links)


def groups(links: list[Link]) -> set[frozenset[str]]:
    return {frozenset(names) for names in fold(links).groups if len(names) > 1}


def test_spines_fold_into_one() -> None:
    links = leaf_spine(3, 2)
    assert groups(links) == {frozenset(("spine0", "spine1"))}
    assert fold(links).unlike() is None


def test_both_leaves_of_a_rack_fold_into_one() -> None:
    links = joined((f"hv{n}", f"leaf{side}") for n in range(3) for side in "ab") + joined([("leafa", "leafb")])
    assert groups(links) == {frozenset(("leafa", "leafb"))}
    assert fold(links).unlike() is None


def test_a_fat_tree_folds_though_its_aggregations_have_different_cores() -> None:
    cores = frozenset(f"core{a}{c}" for a in range(2) for c in range(2))
    assert groups(fat_tree()) == {cores, *(frozenset((f"agg{pod}0", f"agg{pod}1")) for pod in range(4))}
    assert fold(fat_tree()).unlike() is None


@pytest.mark.parametrize(
    "different",
    [{"bandwidth": 2e9}, {"bandwidth": (1e9, 2e9)}, {"usable": (0.5, 1.0)}, {"members": 2}],
)
def test_paths_that_differ_are_found(different: dict[str, object]) -> None:
    links = leaf_spine(3, 2)
    at = next(i for i, link in enumerate(links) if link.between == ("leaf1", "spine1"))
    links[at] = links[at].model_copy(update=different)
    assert groups(links) == set()
    unlike = fold(links).unlike()
    assert unlike is not None
    assert {unlike.one, unlike.other} == {"spine0", "spine1"}


def test_a_spine_that_not_all_leaves_hang_on_is_found() -> None:
    links = [link for link in leaf_spine(3, 2) if link.between != ("leaf2", "spine1")]
    assert fold(links).unlike() is not None


def test_spines_of_different_speed_do_not_matter_where_nothing_crosses_both() -> None:
    links = joined([("hv0", "leaf0"), ("hv1", "leaf1"), ("leaf0", "fast"), ("leaf1", "fast"), ("leaf0", "side")])
    assert fold(links).unlike() is None


def test_what_cannot_be_split_is_an_input_error_with_its_mend() -> None:
    text = """\
format: evac/inventory/1
name: lab
settings: {equal_cost_paths: split}
hosts:
  - {name: hv01, cpus: 8, memory: 64 GiB}
  - {name: hv02, cpus: 8, memory: 64 GiB}
switches: [leaf1, leaf2, spine1, spine2]
links:
  - {between: [hv01, leaf1], bandwidth: 10 Gbit/s}
  - {between: [hv02, leaf2], bandwidth: 10 Gbit/s}
  - {between: [leaf1, spine1], bandwidth: 40 Gbit/s}
  - {between: [leaf2, spine1], bandwidth: 40 Gbit/s}
  - {between: [leaf1, spine2], bandwidth: 10 Gbit/s}
  - {between: [leaf2, spine2], bandwidth: 10 Gbit/s}
"""
    problem = the_problem(text)
    assert (problem.code, problem.place.path) == ("unlike-paths", "settings.equal_cost_paths")
    assert "from hv01 to hv02 over spine1 and over spine2 differ" in problem.message
    assert "hash" in problem.mend
    check_inventory(parse_inventory(text.replace("{equal_cost_paths: split}", "{}")))
    check_inventory(parse_inventory(text.replace("10 Gbit/s", "40 Gbit/s")))


def test_a_link_that_is_there_twice_does_not_make_paths_unlike() -> None:
    text = """\
format: evac/inventory/1
name: lab
settings: {equal_cost_paths: split}
hosts:
  - {name: hv01, cpus: 8, memory: 64 GiB}
  - {name: hv02, cpus: 8, memory: 64 GiB}
switches: [s1, s2]
links:
  - {between: [hv01, s1], bandwidth: 10 Gbit/s}
  - {between: [hv02, s1], bandwidth: 10 Gbit/s}
  - {between: [hv01, s2], bandwidth: 10 Gbit/s}
  - {between: [hv02, s2], bandwidth: 10 Gbit/s}
  - {between: [s2, hv02], bandwidth: 25 Gbit/s}
"""
    problem = the_problem(text)
    assert (problem.code, problem.place.path) == ("duplicate-link", "links[4].between")
    assert "members: 2" in problem.mend
