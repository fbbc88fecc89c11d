"""Random small inventories with a request, from hypothesis or from a numpy seed: valid, small, often awkward.

Valid in the sense of the contract: names are right, every pair of hosts has a route, no host is over its capacity
and no separate rule is violated before anything moves, every VM has an approach left and a host with the labels that it
requires, and the before rules leave an order. Whether the evacuation can be done in time is left open: a good half of
the cases is infeasible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from hypothesis import strategies as st

from planner.inventory.models import (
    ALL_APPROACHES,
    VM,
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

GIB = 2**30
GBIT = 1e9 / 8
LABELS = ("ssd", "x86-v3")
BANDWIDTHS = (1 * GBIT, 2.5 * GBIT, 10 * GBIT, 1.21e8)
DEADLINE_FACTORS = (0.2, 0.6, 0.8, 0.999, 1.001, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 10.0, 100.0)
"""Deadlines as multiples of the time that the movers take one after the other, cold, at the slower links' rate."""


@dataclass(frozen=True)
class Case:
    """An inventory and what is asked of it."""

    inventory: Inventory
    evacuate: tuple[str, ...]
    deadline_s: float


class Dice:
    """All random decisions, from one source of whole numbers that lie between two others, both included."""

    def __init__(self, between: Callable[[int, int], int]) -> None:
        self.between = between

    def pick[T](self, options: Sequence[T]) -> T:
        return options[self.between(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.between(0, 99) >= 100 - percent

    def some[T](self, options: Sequence[T], least: int = 0) -> tuple[T, ...]:
        """Return at least so many of the options, in random order."""
        left = list(options)
        count = self.between(least, len(left))
        return tuple(left.pop(self.between(0, len(left) - 1)) for _ in range(count))


def random_case(seed: int, *, max_movers: int = 5, max_vms: int = 8) -> Case:
    """Return the case of a seed."""
    rng = np.random.default_rng(seed)
    return build_case(Dice(lambda low, high: int(rng.integers(low, high + 1))), max_movers, max_vms)


@st.composite
def cases(draw: st.DrawFn, max_movers: int = 5, max_vms: int = 8) -> Case:
    """Return a hypothesis strategy for cases; it shrinks to few hosts, few VMs and plain values."""
    return build_case(Dice(lambda low, high: draw(st.integers(low, high))), max_movers, max_vms)


def build_case(dice: Dice, max_movers: int = 5, max_vms: int = 8) -> Case:
    """Roll a case."""
    names = tuple(f"hv{number}" for number in range(1, dice.between(2, 5) + 1))
    evacuated = names[: 2 if len(names) > 2 and dice.chance(30) else 1]
    staying = names[len(evacuated) :]
    labels = {name: LABELS if dice.chance(60) else dice.some(LABELS) for name in names}
    links, switches = _network(dice, names)

    homes = [dice.pick(evacuated) for _ in range(dice.between(1, max_movers))]
    homes += [dice.pick(staying) for _ in range(dice.between(0, max(0, max_vms - len(homes))))]
    settings = _settings(dice)
    vms = tuple(_vm(dice, number, home, labels[home], settings) for number, home in enumerate(homes, 1))
    order = dice.some(vms, least=len(vms))
    inventory = Inventory(
        format="evac/inventory/1",
        name="random",
        settings=settings,
        hosts=tuple(_host(dice, name, labels[name], vms, evacuated) for name in names),
        switches=switches,
        links=links,
        vms=vms,
        rules=tuple(rule for _ in range(dice.pick((0, 0, 0, 1, 1, 2))) for rule in _rule(dice, order)),
    )
    rate = sorted(link.capacity_bytes_per_s for link in links)[len(links) // 4]
    one_by_one_s = sum(vm.image_bytes for vm in vms if vm.host in evacuated) / rate
    return Case(inventory, evacuated, one_by_one_s * dice.pick(DEADLINE_FACTORS))


def _network(dice: Dice, names: tuple[str, ...]) -> tuple[tuple[Link, ...], tuple[str, ...]]:
    """Return links and switches: a mesh without switches, a star, or two leaves with some hosts on both."""
    rate = dice.pick(BANDWIDTHS)

    def link(a: str, b: str) -> Link:
        bandwidth = rate if dice.chance(70) else dice.pick(BANDWIDTHS)
        return Link(between=(a, b), bandwidth=bandwidth, usable=dice.pick((1.0, 1.0, 0.8, 0.37)))

    count = dice.between(0, 2)
    if count == 0:
        return tuple(link(a, b) for a, b in combinations(names, 2)), ()
    switches = tuple(f"leaf{number}" for number in range(1, count + 1))
    links = [link(*switches)] if count == 2 else []
    for name in names:
        attached = switches if dice.chance(20) else (dice.pick(switches),)
        links += [link(name, switch) for switch in attached]
    if dice.chance(15):
        links.append(link(names[0], names[-1]))
    return tuple(links), switches


def _settings(dice: Dice) -> Settings:
    stop = dice.pick(((None, None), (None, None), (None, 0.05), (50_000_000, None), (GIB, None)))
    saturating = dice.chance(30)
    return Settings(
        model="saturating" if saturating else "paper",
        hybrid_switch=dice.pick(("front", "front", "paper", 2.0)) if saturating else "front",
        link_efficiency=dice.pick((0.9, 1.0)) if saturating else 0.9,
        fixed_time=dice.pick((0.0, 1.5)) if saturating else 1.5,
        auto_converge=saturating and dice.chance(15),
        tunnelled=saturating and dice.chance(10),
        compression_ratio=2.0 if saturating and dice.chance(15) else 1.0,
        stop_threshold=stop[0],
        downtime_limit=stop[1],
        background_efficiency=dice.pick((0.3, 0.3, 0.7, 1.0)),
        approaches=ALL_APPROACHES if dice.chance(85) else dice.some(ALL_APPROACHES, least=1),
        max_outgoing=dice.between(1, 3),
        max_incoming=dice.between(1, 3),
    )


def _host(dice: Dice, name: str, labels: tuple[str, ...], vms: Sequence[VM], evacuated: Sequence[str]) -> Host:
    """Return a host that carries its VMs, with no, little or much room for others."""
    here = [vm for vm in vms if vm.host == name]
    leaving = [vm for vm in vms if vm.host in evacuated]
    room = dice.pick((10, 10, 10, 5, 3, 2, 1, 0))
    memory = sum(vm.memory for vm in here) + room * max(vm.memory for vm in leaving)
    cpus = sum(vm.vcpus for vm in here) + dice.pick((100, 100, 100, 100, 16, 8, 4, 0))
    return Host(
        name=name,
        cpus=max(1, cpus),
        memory=max(memory, GIB),
        labels=labels,
        max_outgoing=dice.pick((None, None, None, 1, 2)),
        max_incoming=dice.pick((None, None, None, 1, 2)),
        accepts=not dice.chance(5),
    )


def _vm(dice: Dice, number: int, home: str, labels: tuple[str, ...], settings: Settings) -> VM:
    def rate() -> float:
        return GBIT * dice.pick((0.0, 0.01, 0.01, 0.05, 0.05, 0.1, 0.2, 0.3, 0.5, 0.9, 1.0, 2.5, 9.0))

    memory = dice.pick((GIB, 2 * GIB, 4 * GIB, 16 * GIB, 123_456_789, 5_000_000_000))
    known: dict[str, int] = {}
    if settings.model == "saturating":
        known = {"nonzero_memory": memory // dice.pick((1, 1, 2))}
        known |= {"working_set": memory // dice.pick((10, 100))} if dice.chance(50) else {}
    return VM(
        name=f"vm{number}",
        host=home,
        vcpus=dice.pick((1, 2, 4, 8)),
        memory=memory,
        **known,
        disk=dice.pick((0, 0, 0, 10 * GIB)),
        read_rate=rate(),
        write_rate=rate(),
        weight=dice.pick((1.0, 1.0, 1.0, 0.0, 0.5, 3.0)),
        max_downtime=dice.pick((None,) * 9 + (100.0, 30.0, 5.0, 0.3, 0.0)),
        approaches=dice.some(settings.approaches, least=1) if dice.chance(15) else None,
        requires=dice.some(labels) if dice.chance(15) else (),
        pinned=dice.chance(1),
    )


def _rule(dice: Dice, order: Sequence[VM]) -> list[Rule]:
    """Return one rule, or none where its kind does not fit the VMs; all before rules keep to one order."""
    kind = dice.pick(("separate", "together", "not_at_once", "before"))
    pool = dice.some(order, least=min(2, len(order)))
    if kind == "separate":
        pool = tuple({vm.host: vm for vm in pool}.values())
    pool = pool[: dice.between(2, 4)]
    if len(pool) < 2:
        return []
    members = tuple(vm.name for vm in pool)
    match kind:
        case "separate":
            return [Separate(separate=members)]
        case "together":
            return [Together(together=members)]
        case "not_at_once":
            return [NotAtOnce(not_at_once=members)]
        case _:
            return [Before(before=tuple(vm.name for vm in order if vm in pool))]
