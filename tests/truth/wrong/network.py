"""Wrong on bonds, in a direction, on a network that is not for migrations, or over paths of equal cost."""

from __future__ import annotations

from planner.inventory.models import Approach, Inventory, Link
from planner.plan.models import Move, PathShare, Plan
from tests.truth.handmade import (
    FULL,
    HALF,
    changed_link,
    changed_moves,
    changed_settings,
    changed_vm,
    make_move,
    make_plan,
    with_rules,
)
from tests.truth.wrong import INVENTORY, MOVES, Wrong, no

FIRST, LAST = ("hv1", "leaf1"), ("leaf2", "hv3")


@no("flow")
def is_faster_than_a_member_of_a_bond() -> Wrong:
    inventory = changed_link(INVENTORY, FIRST, members=4)
    return inventory, make_plan(inventory)


@no("flow")
def is_faster_than_a_member_has_beside_the_base_load() -> Wrong:
    inventory = changed_link(INVENTORY, LAST, members=2, bandwidth=2 * FULL, usable=(0.4, 1.0))
    return inventory, make_plan(inventory, one_by_one(inventory, HALF))


@no("flow")
def counts_on_more_members_than_there_are_channels() -> Wrong:
    inventory = changed_settings(changed_link(cold(), FIRST, members=4), multifd_channels=3)
    return inventory, make_plan(inventory, one_by_one(inventory, approach=Approach.COLD))


@no("flow")
def counts_on_channels_that_post_copy_does_not_have() -> Wrong:
    inventory = changed_settings(changed_link(cold(), FIRST, members=4), multifd_channels=4)
    return inventory, make_plan(inventory, one_by_one(inventory, approach=Approach.POSTCOPY))


@no("flow")
def counts_on_channels_that_a_disk_does_not_have() -> Wrong:
    inventory = changed_settings(changed_link(INVENTORY, FIRST, members=4), multifd_channels=4)
    return inventory, make_plan(inventory, one_by_one(inventory, approach=Approach.COLD))


@no("bandwidth")
def fills_the_narrower_direction() -> Wrong:
    inventory = changed_link(INVENTORY, LAST, usable=(0.5, 1.0))
    return inventory, make_plan(inventory)


@no("bandwidth")
def fills_the_narrower_direction_of_a_link_that_is_named_backwards() -> Wrong:
    inventory = changed_link(INVENTORY, FIRST, between=FIRST[::-1], bandwidth=(FULL, HALF))
    return inventory, make_plan(inventory)


@no("network")
def crosses_a_link_of_another_network() -> Wrong:
    inventory = changed_settings(INVENTORY, migration_network="migration")
    inventory = changed_link(inventory, ("leaf1", "leaf2"), networks=("service", "storage"))
    return inventory, make_plan(inventory)


@no("paths")
def is_spread_though_each_move_has_one_path() -> Wrong:
    return spread("hash", ("s1", 0.5), ("s2", 0.5))


@no("paths")
def takes_one_of_two_paths() -> Wrong:
    return spread("split", ("s1", 1.0))


@no("paths")
def names_one_of_two_paths_alone() -> Wrong:
    return spread("split")


@no("paths")
def takes_a_path_twice() -> Wrong:
    return spread("split", ("s1", 0.5), ("s1", 0.5))


@no("paths")
def is_spread_unevenly() -> Wrong:
    return spread("split", ("s1", 0.6), ("s2", 0.4))


@no("paths")
def reserves_less_than_all_of_it() -> Wrong:
    return spread("split", ("s1", 0.4), ("s2", 0.4))


@no("paths")
def reserves_less_than_all_of_it_on_one_path() -> Wrong:
    return spread("hash", ("s1", 0.5))


@no("paths")
def has_another_first_path_than_its_path() -> Wrong:
    return spread("split", ("s2", 0.5), ("s1", 0.5))


@no("paths")
def is_spread_over_a_longer_way_too() -> Wrong:
    inventory = spines("split")
    more = (Link(between=pair, bandwidth=FULL) for pair in (("leaf1", "far1"), ("far1", "far2"), ("far2", "leaf2")))
    links = tuple(link for link in inventory.links if "s2" not in link.between)
    switches = ("leaf1", "leaf2", "s1", "far1", "far2")
    inventory = inventory.model_copy(update={"links": (*links, *more), "switches": switches})
    moves = [spread_move(move, "s1") for move in MOVES]
    shares = tuple(PathShare(path=way("hv3", over), share=0.5) for over in ("s1", "far1 far2"))
    return inventory, make_plan(inventory, changed_moves(moves, "web", paths=shares))


@no("path", "paths")
def is_spread_over_a_way_that_is_not_there() -> Wrong:
    return spread("split", ("s1", 0.5), ("s3", 0.5))


@no("flow")
def counts_on_two_paths_with_one_flow() -> Wrong:
    inventory = spines("split", FULL / 4)
    return inventory, make_plan(inventory, [spread_move(move, "s1", "s2") for move in one_by_one(inventory, HALF)])


@no("bandwidth")
def fills_the_links_of_its_paths_with_others() -> Wrong:
    inventory = changed_settings(spines("split", FULL / 4), max_outgoing=9, max_incoming=9)
    moves = one_by_one(inventory, FULL / 4)
    together = [spread_move(move.model_copy(update={"start_s": 0.0}), "s1", "s2") for move in moves[1:]]
    return inventory, make_plan(inventory, [moves[0], *together])


def cold() -> Inventory:
    """Return the inventory without disks."""
    return changed_vm(INVENTORY, "web", disk=0)


def one_by_one(inventory: Inventory, rate: float = FULL, approach: Approach = Approach.COLD) -> list[Move]:
    """Return moves of which no two are at once."""
    moves: list[Move] = []
    start_s = 0.0
    for vm, target in (("db", "hv2"), ("web", "hv3"), ("app", "hv3"), ("cache", "hv3")):
        how = Approach.PRECOPY if vm == "db" else approach
        least = min(rate, FULL / 4) if vm == "db" else rate
        moves.append(make_move(inventory, vm, target, approach=how, rate=least, start_s=start_s))
        start_s = moves[-1].end_s
    return moves


def spines(equal_cost_paths: str, rate: float = FULL) -> Inventory:
    """Return the inventory with two spines instead of the link between the leaves, and no rules."""
    links = [link for link in INVENTORY.links if link.between != ("leaf1", "leaf2")]
    links += [Link(between=(leaf, spine), bandwidth=rate) for leaf in ("leaf1", "leaf2") for spine in ("s1", "s2")]
    inventory = INVENTORY.model_copy(update={"links": tuple(links), "switches": ("leaf1", "leaf2", "s1", "s2")})
    return changed_settings(with_rules(inventory), equal_cost_paths=equal_cost_paths)


def way(target: str, over: str) -> tuple[str, ...]:
    return ("hv1", "leaf1", *over.split(), "leaf2", target)


def spread_move(move: Move, *over: str) -> Move:
    """Return a move that is spread evenly over these spines, if it leaves its rack."""
    if move.target == "hv2":
        return move
    shares = tuple(PathShare(path=way(move.target, spine), share=1 / len(over)) for spine in over)
    return move.model_copy(update={"path": way(move.target, over[0]), "paths": shares if len(over) > 1 else ()})


def spread(equal_cost_paths: str, *over: tuple[str, float]) -> Wrong:
    """Return a plan in which web goes over these spines with these shares, and the others as is right."""
    inventory = spines(equal_cost_paths)
    spread_over = ("s1", "s2") if equal_cost_paths == "split" else ("s1",)
    moves = [spread_move(move, *spread_over) for move in MOVES]
    shares = tuple(PathShare(path=way("hv3", spine), share=share) for spine, share in over)
    return inventory, make_plan(inventory, changed_moves(moves, "web", path=way("hv3", "s1"), paths=shares))


def right_plans() -> list[tuple[Inventory, Plan]]:
    """Return plans that are right where those above are wrong."""
    split = spines("split", FULL / 4)
    bond = changed_link(INVENTORY, FIRST, members=2)
    channels = changed_settings(changed_link(cold(), FIRST, members=4), multifd_channels=4)
    carried = changed_settings(INVENTORY, migration_network="migration")
    carried = changed_link(carried, ("leaf1", "leaf2"), networks=("service", "migration"))
    back = changed_link(INVENTORY, LAST, usable=(1.0, 0.1))
    return [
        (split, make_plan(split, [spread_move(move, "s1", "s2") for move in one_by_one(split, FULL / 4)])),
        (bond, make_plan(bond)),
        (channels, make_plan(channels, one_by_one(channels))),
        (carried, make_plan(carried)),
        (back, make_plan(back)),
        (spines("hash"), make_plan(spines("hash"), [spread_move(move, "s2") for move in MOVES])),
    ]
