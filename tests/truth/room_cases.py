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
    names = tuple(f"hv{number}" for number in range(1, dice.pick((2, 3, 3)) + 1))
    settings = Settings(
        max_outgoing=dice.between(1, 2),
        max_incoming=dice.between(1, 2),
        approaches=dice.pick((ALL_APPROACHES, (Approach.COLD,), (Approach.COLD,), (Approach.COLD, Approach.POSTCOPY))),
    )
    labels = {name: dice.some(("x", "y"), least=int(dice.chance(90))) for name in names}
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
        room = dice.pick((0, smallest // 2, smallest, smallest, 2 * smallest, 2 * GB, 3 * GB, 4 * GB))
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
    deadline_s = one_by_one_s * dice.pick((0.5, 1.0, 2.0, 2.0, 10.0, 10.0))
    return RoomCase(inventory, ("src",), deadline_s, dice.pick((0.1, 1.0, 1.0, 5.0, 10.0)))


def jam_case(seed: int, *, max_movers: int = 2, max_others: int = 3) -> RoomCase:
    """Return the case of a seed in which everything fits in the end, but hardly anything at the beginning.

    Where VMs end is rolled first; each host has memory for what it has at the beginning or at the end, whichever is
    more, and seldom some to spare. VMs may require a label that only few hosts have.
    """
    rng = np.random.default_rng((seed, 815))
    dice = Dice(lambda low, high: int(rng.integers(low, high + 1)))
    names = tuple(f"hv{number}" for number in range(1, dice.pick((2, 3, 3)) + 1))
    labels: dict[str, list[str]] = {name: [] for name in names}
    first: dict[str, int] = dict.fromkeys(names, 0)
    last = dict(first)
    vms = []
    for number in range(dice.between(1, max_movers) + (others := dice.between(1, max_others))):
        home = dice.pick(names) if number < others else "src"
        end = dice.pick(names) if home == "src" or dice.chance(60) else home
        label = f"l{number}" if dice.chance(60) else None
        for name in {home, end} | ({dice.pick(names)} if dice.chance(30) else set()):
            if label is not None and name in labels:
                labels[name].append(label)
        vm = _vm(dice, f"vm{number}", home, (label,) if label else ())
        vms.append(vm)
        last[end] += vm.memory
        if home in first:
            first[home] += vm.memory
    spare = (0, 0, 0, GB, 2 * GB, 4 * GB)
    hosts = [Host(name="src", cpus=100, memory=100 * GB)]
    hosts += [
        Host(
            name=name, cpus=100, memory=max(first[name], last[name], GB) + dice.pick(spare), labels=tuple(labels[name])
        )
        for name in names
    ]
    links = tuple(Link(between=(host.name, "leaf"), bandwidth=dice.pick(SPEEDS)) for host in hosts)
    inventory = Inventory(
        format="evac/inventory/1",
        name="jam",
        settings=Settings(approaches=dice.pick((ALL_APPROACHES, (Approach.COLD,), (Approach.PRECOPY,)))),
        hosts=tuple(hosts),
        switches=("leaf",),
        links=links,
        vms=tuple(vms),
        rules=tuple(rule for _ in range(dice.pick((0, 0, 0, 1))) if (rule := _rule(dice, vms)) is not None),
    )
    deadline_s = sum(vm.memory for vm in vms) / 1e8 * dice.pick((0.5, 2.0, 20.0, 20.0))
    return RoomCase(inventory, ("src",), deadline_s, dice.pick((0.1, 1.0, 5.0)))


def swap_case(seed: int) -> RoomCase:
    """Return the case of a seed in which two VMs must change places, most often by way of a third host.

    m0 needs a host that o0 fills; o0 may go to another only, which o1 fills; o1 fits beside m0. The third host is free,
    but often for a while only, because m1 must go there in the end.
    """
    rng = np.random.default_rng((seed, 33))
    dice = Dice(lambda low, high: int(rng.integers(low, high + 1)))
    m, o = dice.pick((1, 2, 3)) * GB, dice.pick((1, 2, 2)) * GB
    free = dice.pick((o, o, m + o, m))
    second = dice.chance(70)
    labels = {"hv1": ["a", "ab"], "hv2": ["ab"], "hv3": ["c"]}
    if dice.chance(20):
        labels["hv3"].append(dice.pick(("a", "ab")))
    spare = (0, 0, 0, 0, GB // 2, GB)
    sizes = {"src": 100 * GB, "hv1": m + o, "hv2": m + o, "hv3": free}
    hosts = [
        Host(
            name=name,
            cpus=100,
            memory=size + dice.pick(spare),
            labels=tuple(labels.get(name, ())),
            max_incoming=dice.pick((None, None, 1)),
        )
        for name, size in sizes.items()
    ]
    vms = [
        _vm(dice, "m0", "src", ("a",)).model_copy(update={"memory": m}),
        _vm(dice, "o0", "hv1", ("ab",) if dice.chance(80) else ()).model_copy(update={"memory": m + o}),
        _vm(dice, "o1", "hv2", ()).model_copy(update={"memory": o}),
    ]
    if second:
        vms.append(_vm(dice, "m1", "src", ("c",)).model_copy(update={"memory": free}))
    inventory = Inventory(
        format="evac/inventory/1",
        name="swap",
        settings=Settings(
            approaches=dice.pick((ALL_APPROACHES, (Approach.COLD,), (Approach.PRECOPY,))),
            max_outgoing=dice.between(1, 2),
        ),
        hosts=tuple(hosts),
        switches=("leaf",),
        links=tuple(Link(between=(host.name, "leaf"), bandwidth=dice.pick(SPEEDS)) for host in hosts),
        vms=tuple(vms),
        rules=tuple(rule for _ in range(dice.pick((0, 0, 0, 1))) if (rule := _rule(dice, vms)) is not None),
    )
    deadline_s = sum(vm.memory for vm in vms) / 1e8 * dice.pick((0.5, 1.0, 2.0, 20.0, 20.0))
    return RoomCase(inventory, ("src",), deadline_s, dice.pick((0.1, 1.0, 5.0)))


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
        max_downtime=dice.pick((None,) * 7 + (30.0, 3.0)),
        requires=requires,
        pinned=home != "src" and dice.chance(8),
    )


def _rule(dice: Dice, vms: list[VM]) -> Rule | None:
    """Return a rule that holds before anything moves, or none where the dice fell otherwise."""
    pool = dice.some(vms, least=min(2, len(vms)))[: dice.between(2, 3)]
    kind = dice.pick(("separate", "separate", "together", "not_at_once", "before"))
    if kind == "separate":
        pool = tuple({vm.host: vm for vm in pool}.values())
    if kind == "before":
        pool = tuple(sorted(pool, key=lambda vm: vm.name))
    if len(pool) < 2:
        return None
    members = tuple(vm.name for vm in pool)
    match kind:
        case "separate":
            return Separate(separate=members)
        case "together":
            return Together(together=members)
        case "not_at_once":
            return NotAtOnce(not_at_once=members)
        case _:
            return Before(before=members)
