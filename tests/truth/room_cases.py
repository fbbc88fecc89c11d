"""Random tiny clusters without much room: one host to empty, and VMs elsewhere that could move out of the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.inventory.models import (
    ALL_APPROACHES,
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
from tests.truth.inventories import Dice

GB = 10**9
SPEEDS = (1e9, 1e9, 1e9, 5e8, 1e8)


@dataclass(frozen=True)
class RoomCase:
    """An inventory and what is asked of it, with the price of an extra move [s]."""

    inventory: Inventory
    evacuate: tuple[str, ...]
    deadline_s: float
    price_s: float


def room_case(seed: int, *, max_movers: int = 2, max_others: int = 3) -> RoomCase:
    """Return the case of a seed."""
    rng = np.random.default_rng((seed, 4711))
    dice = Dice(lambda low, high: int(rng.integers(low, high + 1)))
    names = tuple(f"hv{number}" for number in range(1, dice.between(2, 3) + 1))
    settings = Settings(
        max_outgoing=dice.between(1, 2),
        max_incoming=dice.between(1, 2),
        approaches=dice.pick((ALL_APPROACHES, ALL_APPROACHES, (Approach.COLD,), (Approach.PRECOPY, Approach.POSTCOPY))),
    )
    labels = {name: dice.some(("x", "y"), least=int(dice.chance(70))) for name in names}
    movers = [_vm(dice, f"m{i}", "src", _required(dice, labels)) for i in range(dice.between(1, max_movers))]
    others = []
    for i in range(dice.between(1, max_others)):
        home = dice.pick(names)
        others.append(_vm(dice, f"o{i}", home, tuple(label for label in labels[home] if dice.chance(30))))
    vms = [*movers, *others]
    smallest = min(vm.memory for vm in vms)
    hosts = [Host(name="src", cpus=100, memory=100 * GB)]
    for name in names:
        used = sum(vm.memory for vm in others if vm.host == name)
        room = dice.pick((0, 0, smallest // 2, smallest, smallest, 2 * GB, 4 * GB, 8 * GB))
        hosts.append(
            Host(
                name=name,
                cpus=dice.pick((100, 100, 100, max(2, sum(vm.vcpus for vm in others if vm.host == name) + 1))),
                memory=max(used + room, GB),
                labels=labels[name],
                max_incoming=dice.pick((None, None, 1)),
                accepts=not dice.chance(4),
            )
        )
    links = tuple(Link(between=(host.name, "leaf"), bandwidth=dice.pick(SPEEDS)) for host in hosts)
    inventory = Inventory(
        format="evac/inventory/1",
        name="tight",
        settings=settings,
        hosts=tuple(hosts),
        switches=("leaf",),
        links=links,
        vms=tuple(vms),
        rules=tuple(rule for _ in range(dice.pick((0, 0, 1, 2))) if (rule := _rule(dice, vms)) is not None),
    )
    slow = min(link.bandwidth if isinstance(link.bandwidth, float) else min(link.bandwidth) for link in links)
    one_by_one_s = sum(vm.memory for vm in vms) / slow
    deadline_s = one_by_one_s * dice.pick((0.3, 0.6, 1.0, 2.0, 10.0, 10.0))
    return RoomCase(inventory, ("src",), deadline_s, dice.pick((0.1, 1.0, 1.0, 5.0, 10.0)))


def _required(dice: Dice, labels: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return labels that some host has."""
    return dice.some(dice.pick(tuple(labels.values()))) if dice.chance(60) else ()


def _vm(dice: Dice, name: str, home: str, requires: tuple[str, ...]) -> VM:
    rate = 1e8 * dice.pick((0.0, 0.1, 0.3, 0.9))
    return VM(
        name=name,
        host=home,
        vcpus=dice.pick((1, 1, 2)),
        memory=dice.pick((1, 2, 2, 3, 4, 6)) * GB,
        read_rate=rate,
        write_rate=1e8 * dice.pick((0.0, 0.05, 0.3, 0.9)),
        weight=dice.pick((1.0, 1.0, 0.5, 3.0)),
        max_downtime=dice.pick((None, None, None, None, 30.0, 3.0)),
        requires=requires,
        pinned=home != "src" and dice.chance(8),
    )


def _rule(dice: Dice, vms: list[VM]) -> Rule | None:
    """Return a rule that holds before anything moves, or none where the dice fell otherwise."""
    pool = dice.some(vms, least=min(2, len(vms)))[: dice.between(2, 3)]
    kind = dice.pick((Separate, Separate, Together, NotAtOnce, Before))
    if kind is Separate:
        pool = tuple({vm.host: vm for vm in pool}.values())
    if kind is Before:
        pool = tuple(sorted(pool, key=lambda vm: vm.name))
    if len(pool) < 2:
        return None
    members = tuple(vm.name for vm in pool)
    if kind is Separate:
        return Separate(separate=members)
    if kind is Together:
        return Together(together=members)
    return NotAtOnce(not_at_once=members) if kind is NotAtOnce else Before(before=members)
