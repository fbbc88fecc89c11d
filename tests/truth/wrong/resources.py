"""Wrong in what moves take: the way, bandwidth, memory, vCPUs, slots."""

from __future__ import annotations

from planner.inventory.models import Approach, Link
from planner.plan.models import Request
from tests.truth.handmade import FULL, GIB, HALF, changed_host, changed_moves, changed_settings, make_move, make_plan
from tests.truth.wrong import APP, CACHE, DB, INVENTORY, WEB, Wrong, at, no


def with_path(path: tuple[str, ...], *links: Link) -> Wrong:
    """Return a plan in which web goes to hv4 by this path, in an inventory with more links."""
    inventory = INVENTORY.model_copy(update={"links": (*INVENTORY.links, *links)})
    web = make_move(inventory, "web", "hv4", approach=Approach.HYBRID, path=path)
    return inventory, make_plan(inventory, [DB, web, APP, CACHE])


@no("path")
def begins_elsewhere() -> Wrong:
    return with_path(("hv2", "leaf1", "leaf2", "hv4"))


@no("path")
def ends_elsewhere() -> Wrong:
    return with_path(("hv1", "leaf1", "leaf2", "hv3"))


@no("path")
def leads_over_a_link_that_is_not_there() -> Wrong:
    return with_path(("hv1", "leaf2", "hv4"))


@no("path")
def leads_through_a_third_host() -> Wrong:
    return with_path(("hv1", "leaf1", "hv2", "hv4"), Link(between=("hv2", "hv4"), bandwidth=FULL))


@no("path")
def leads_through_a_third_host_at_once() -> Wrong:
    links = (Link(between=pair, bandwidth=FULL) for pair in (("hv1", "hv2"), ("hv2", "hv4")))
    return with_path(("hv1", "hv2", "hv4"), *links)


@no("path")
def leads_through_a_switch_twice() -> Wrong:
    inventory, plan = with_path(
        ("hv1", "leaf1", "leaf2", "leaf3", "leaf1", "leaf2", "hv4"),
        Link(between=("leaf2", "leaf3"), bandwidth=FULL),
        Link(between=("leaf3", "leaf1"), bandwidth=FULL),
    )
    return inventory.model_copy(update={"switches": ("leaf1", "leaf2", "leaf3")}), plan


@no("bandwidth")
def takes_more_than_a_link_has() -> Wrong:
    moves = [DB, WEB, APP, make_move(INVENTORY, "cache", "hv3", rate=FULL * 1.001, start_s=100.0)]
    return INVENTORY, make_plan(INVENTORY, moves)


@no("bandwidth")
def two_moves_take_more_than_a_link_has() -> Wrong:
    moves = [make_move(INVENTORY, "db", "hv2", rate=HALF * 1.001), WEB]
    return INVENTORY, make_plan(INVENTORY, [*moves, *(at(move.vm, 100.0) for move in (APP, CACHE))])


@no("bandwidth")
def overlaps_a_little_on_a_link() -> Wrong:
    web = make_move(INVENTORY, "web", "hv3", rate=FULL)
    db = make_move(INVENTORY, "db", "hv2", rate=FULL, start_s=web.end_s - 2e-6)
    return INVENTORY, make_plan(INVENTORY, [web, db, *(at(move.vm, 100.0) for move in (APP, CACHE))])


@no("bandwidth")
def overlaps_deep_in_the_network() -> Wrong:
    links = tuple(
        link.model_copy(update={"usable": 0.7}) if link.between == ("leaf1", "leaf2") else link
        for link in INVENTORY.links
    )
    inventory = INVENTORY.model_copy(update={"links": links})
    return inventory, make_plan(inventory)


@no("memory")
def fills_a_target_beyond_its_memory() -> Wrong:
    inventory = changed_host(INVENTORY, "hv3", memory=(4 + 4 + 2 + 1) * GIB - 1)
    return inventory, make_plan(inventory)


@no("vcpus")
def fills_a_target_beyond_its_vcpus() -> Wrong:
    inventory = changed_host(INVENTORY, "hv3", cpus=15)
    return inventory, make_plan(inventory)


def swap(**room: int) -> Wrong:
    """Return a plan in which web arrives on hv4 while the VM there is still on its way out."""
    inventory = changed_host(INVENTORY, "hv4", **room)
    tenant = INVENTORY.vms[-1].model_copy(update={"name": "tenant", "host": "hv4", "memory": 3 * GIB})
    inventory = inventory.model_copy(update={"vms": (*INVENTORY.vms, tenant)})
    leaves = make_move(inventory, "tenant", "hv3", path=("hv4", "leaf2", "hv3"), start_s=100.0)
    arrives = make_move(inventory, "web", "hv4", start_s=leaves.end_s - 0.01)
    evacuate = Request(evacuate=("hv1", "hv4"), deadline_s=600.0)
    return inventory, make_plan(
        inventory, [DB, at("app", 200.0), at("cache", 200.0), leaves, arrives], request=evacuate
    )


@no("memory", "target")
def arrives_before_the_memory_is_free() -> Wrong:
    return swap(memory=4 * GIB)


@no("vcpus", "target")
def arrives_before_the_vcpus_are_free() -> Wrong:
    return swap(cpus=7)


@no("memory")
def is_too_full_before_anything_moves() -> Wrong:
    inventory = changed_host(INVENTORY, "hv4", memory=GIB)
    tenant = INVENTORY.vms[-1].model_copy(update={"name": "tenant", "host": "hv4"})
    inventory = inventory.model_copy(update={"vms": (*INVENTORY.vms, tenant)})
    return inventory, make_plan(inventory)


@no("outgoing")
def sends_more_at_once_than_the_settings_allow() -> Wrong:
    inventory = changed_settings(INVENTORY, max_outgoing=1)
    return inventory, make_plan(inventory)


@no("outgoing")
def sends_more_at_once_than_the_host_allows() -> Wrong:
    inventory = changed_host(changed_settings(INVENTORY, max_outgoing=5), "hv1", max_outgoing=1)
    return inventory, make_plan(inventory)


@no("outgoing", "facts")
def sends_more_at_once_though_it_says_another_host_does() -> Wrong:
    inventory = changed_settings(INVENTORY, max_outgoing=1)
    moves = changed_moves(
        [DB, WEB, at("app", 100.0), at("cache", 200.0)], "web", source="hv4", path=("hv4", "leaf2", "hv3")
    )
    return inventory, make_plan(inventory, moves)


@no("incoming")
def receives_more_at_once_than_the_settings_allow() -> Wrong:
    inventory = changed_settings(INVENTORY, max_incoming=1)
    return inventory, make_plan(inventory)


@no("incoming")
def receives_more_at_once_than_the_host_allows() -> Wrong:
    inventory = changed_host(INVENTORY, "hv3", max_incoming=1)
    return inventory, make_plan(inventory)
