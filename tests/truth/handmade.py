"""A small inventory and a right plan for it, made by hand from predictions, and ways to alter both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from planner.inventory.models import (
    VM,
    Approach,
    Before,
    Host,
    Inventory,
    Link,
    NotAtOnce,
    Rule,
    Separate,
    Settings,
    Together,
)
from planner.plan.models import InventoryRef, Move, Objective, Plan, Request, Status
from planner.predict import predict_vm

GIB = 2**30
FULL = 1.25e9
"""What each link carries [bytes/s]."""
HALF = FULL / 2

PATHS = {
    "hv2": ("hv1", "leaf1", "hv2"),
    "hv3": ("hv1", "leaf1", "leaf2", "hv3"),
    "hv4": ("hv1", "leaf1", "leaf2", "hv4"),
}
"""The way from hv1 to each other host."""


def small_inventory() -> Inventory:
    """Return hv1 with four VMs to move, three other hosts, two leaves, one rule of each kind."""
    hosts = (
        Host(name="hv1", cpus=32, memory=64 * GIB),
        Host(name="hv2", cpus=32, memory=64 * GIB, labels=("ssd",)),
        Host(name="hv3", cpus=32, memory=64 * GIB),
        Host(name="hv4", cpus=32, memory=64 * GIB),
    )
    pairs = (("hv1", "leaf1"), ("hv2", "leaf1"), ("leaf2", "hv3"), ("leaf2", "hv4"), ("leaf1", "leaf2"))
    vms = (
        _vm("db", "hv1", 8, write_rate=12e6, weight=3.0, max_downtime=5.0, requires=("ssd",)),
        _vm("app", "hv1", 4),
        _vm("web", "hv1", 2, disk=GIB),
        _vm("cache", "hv1", 1),
        _vm("old", "hv2", 4),
        _vm("peer", "hv3", 4),
    )
    rules: tuple[Rule, ...] = (
        Separate(separate=("db", "peer")),
        Together(together=("app", "cache")),
        NotAtOnce(not_at_once=("db", "app")),
        Before(before=("db", "app")),
    )
    return Inventory(
        format="evac/inventory/1",
        name="small",
        hosts=hosts,
        switches=("leaf1", "leaf2"),
        links=tuple(Link(between=pair, bandwidth=FULL) for pair in pairs),
        vms=vms,
        rules=rules,
    )


def _vm(name: str, host: str, gib: int, write_rate: float = 5e6, **fields: Any) -> VM:
    return VM(name=name, host=host, vcpus=4, memory=gib * GIB, read_rate=30e6, write_rate=write_rate, **fields)


def make_move(
    inventory: Inventory,
    vm: str,
    target: str,
    *,
    approach: Approach = Approach.PRECOPY,
    switch_point: float | None = None,
    rate: float = HALF,
    source: str | None = None,
    start_s: float = 0.0,
    path: tuple[str, ...] | None = None,
    after: tuple[str, ...] = (),
    makes_room_for: tuple[str, ...] = (),
) -> Move:
    """Return a move whose numbers are the model's."""
    found = next(each for each in inventory.vms if each.name == vm)
    prediction = predict_vm(inventory.settings, found, approach, rate, switch_point)
    return Move(
        vm=vm,
        source=source or found.host,
        target=target,
        approach=approach,
        switch_point=switch_point,
        precopy_share=float(prediction.precopy_share[0, 0]),
        bandwidth_bytes_per_s=rate,
        path=path or PATHS[target],
        start_s=start_s,
        duration_s=float(prediction.time_s[0, 0]),
        downtime_s=float(prediction.downtime_s[0, 0]),
        transferred_bytes=float(prediction.transferred_bytes[0, 0]),
        memory_bytes=found.memory,
        disk_bytes=found.disk,
        weight=found.weight,
        after=after,
        makes_room_for=makes_room_for,
    )


def small_moves(inventory: Inventory) -> list[Move]:
    """Return moves of all four approaches: db and web at once, then app and cache."""
    db = make_move(inventory, "db", "hv2")
    web = make_move(inventory, "web", "hv3", approach=Approach.HYBRID)
    then = max(db.end_s, web.end_s)
    app = make_move(inventory, "app", "hv3", approach=Approach.COLD, start_s=then, after=("db", "web"))
    cache = make_move(inventory, "cache", "hv3", approach=Approach.POSTCOPY, start_s=then, after=("db", "web"))
    return [db, web, app, cache]


def make_plan(inventory: Inventory, moves: Iterable[Move] | None = None, **fields: Any) -> Plan:
    """Return a feasible plan with these moves (or those of small_moves) and the objective that they add up to."""
    made = tuple(small_moves(inventory) if moves is None else moves)
    weights = {vm.name: vm.weight for vm in inventory.vms}
    weighted_s = sum(weights.get(move.vm, 0.0) * move.downtime_s for move in made)
    request = fields.get("request", Request(evacuate=("hv1",), deadline_s=600.0))
    leaving = {vm.name for vm in inventory.vms if vm.host in request.evacuate}
    known = [move.vm for move in made if move.vm in weights]
    extra = len(known) - len(leaving.intersection(known))
    cost_s = weighted_s + extra * request.extra_move_price_s
    plan: dict[str, Any] = {
        "format": "evac/plan/1",
        "inventory": InventoryRef(name=inventory.name, sha256=inventory.sha256(), sections=inventory.sections()),
        "request": request,
        "settings": inventory.settings,
        "status": Status.FEASIBLE,
        "objective": Objective(
            downtime_s=sum(move.downtime_s for move in made),
            weighted_downtime_s=weighted_s,
            finish_s=max((move.end_s for move in made), default=0.0),
            extra_moves=extra,
            extra_price_s=extra * request.extra_move_price_s,
            lower_bound_weighted_downtime_s=0.75 * cost_s,
            gap=0.25 if cost_s > 0 else 0.0,
        ),
        "moves": made,
    }
    return Plan(**(plan | fields))


def changed_moves(moves: Sequence[Move], vm: str, /, **fields: Any) -> list[Move]:
    """Return the moves with other fields in that of one VM."""
    return [move.model_copy(update=fields) if move.vm == vm else move for move in moves]


def changed_vm(inventory: Inventory, vm: str, **fields: Any) -> Inventory:
    """Return the inventory with other fields in one VM."""
    vms = tuple(each.model_copy(update=fields) if each.name == vm else each for each in inventory.vms)
    return inventory.model_copy(update={"vms": vms})


def changed_host(inventory: Inventory, host: str, **fields: Any) -> Inventory:
    """Return the inventory with other fields in one host."""
    hosts = tuple(each.model_copy(update=fields) if each.name == host else each for each in inventory.hosts)
    return inventory.model_copy(update={"hosts": hosts})


def changed_link(inventory: Inventory, ends: tuple[str, str], **fields: Any) -> Inventory:
    """Return the inventory with other fields in the link between two ends."""
    links = tuple(each.model_copy(update=fields) if each.between == ends else each for each in inventory.links)
    return inventory.model_copy(update={"links": links})


def changed_settings(inventory: Inventory, **fields: Any) -> Inventory:
    """Return the inventory with other settings."""
    settings: Settings = inventory.settings.model_copy(update=fields)
    return inventory.model_copy(update={"settings": settings})


def with_rules(inventory: Inventory, *rules: Rule) -> Inventory:
    """Return the inventory with these rules instead of its own."""
    return inventory.model_copy(update={"rules": rules})
