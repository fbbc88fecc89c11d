"""Random small cases on networks as they are: directions, bonds, several networks, equal paths hashed or split."""

from __future__ import annotations

import numpy as np

from planner.inventory.models import Inventory, Link, Settings
from tests.truth.inventories import BANDWIDTHS, DEADLINE_FACTORS, Case, Dice, random_case


def network_case(seed: int, *, max_movers: int = 4, max_vms: int = 8) -> Case:
    """Return the case of a seed: that of `random_case` on another network."""
    rng = np.random.default_rng((seed, 1))
    dice = Dice(lambda low, high: int(rng.integers(low, high + 1)))
    case = random_case(seed, max_movers=max_movers, max_vms=max_vms)
    split = dice.chance(60)
    hosts = [host.name for host in case.inventory.hosts]
    links, switches = _fabric(dice, hosts, alike=split)
    labelled = dice.chance(40)
    if labelled:
        links = [link.model_copy(update={"networks": ("storage", "migration")}) for link in links]
        links += _service(dice, hosts, links)
        switches = (*switches, "office")
    channels = dice.pick((1, 1, 2, 3, 4, 8))
    settings = case.inventory.settings.model_copy(
        update={
            "multifd_channels": channels,
            # libvirt refuses a tunnel for several connections.
            "tunnelled": case.inventory.settings.tunnelled and channels == 1,
            "equal_cost_paths": "split" if split else "hash",
            "migration_network": "migration" if labelled else None,
        }
    )
    settings = Settings.model_validate(settings.model_dump())
    inventory = case.inventory.model_copy(update={"links": tuple(links), "switches": switches, "settings": settings})
    return Case(inventory, case.evacuate, _deadline(dice, inventory, case.evacuate))


def _fabric(dice: Dice, hosts: list[str], *, alike: bool) -> tuple[list[Link], tuple[str, ...]]:
    """Return two racks, each of one leaf or a pair, under one to three spines; alike where all of one layer are."""
    pairs = [dice.chance(30), dice.chance(30)]
    racks = [[f"leaf{rack}{side}" for side in ("ab" if pairs[rack] else "a")] for rack in range(2)]
    spines = [f"spine{number}" for number in range(dice.between(1, 3))]
    links: list[Link] = []
    uplinks = [_link(dice, 0.5) for _ in racks]
    for rack, leaves in enumerate(racks):
        for leaf in leaves:
            for spine in spines:
                like = uplinks[rack] if alike or dice.chance(60) else _link(dice, 0.5)
                links.append(like.model_copy(update={"between": (leaf, spine)}))
    for number, host in enumerate(hosts):
        rack = number % 2 if dice.chance(80) else dice.between(0, 1)
        nic = _link(dice, 1.0)
        for leaf in racks[rack]:
            like = nic if alike or dice.chance(60) else _link(dice, 1.0)
            backwards = dice.chance(50) and not alike
            links.append(like.model_copy(update={"between": (leaf, host) if backwards else (host, leaf)}))
    return links, (*racks[0], *racks[1], *spines)


def _link(dice: Dice, factor: float) -> Link:
    """Return a link whose ends are to be set."""
    bandwidth = factor * dice.pick(BANDWIDTHS)
    back = bandwidth if dice.chance(70) else factor * dice.pick(BANDWIDTHS)
    return Link(
        between=("x", "y"),
        bandwidth=(bandwidth, back) if dice.chance(50) else bandwidth,
        usable=dice.pick((1.0, 0.8, (0.8, 0.5), (0.37, 1.0))),
        members=dice.pick((1, 1, 2, 3, 4)),
    )


def _service(dice: Dice, hosts: list[str], links: list[Link]) -> list[Link]:
    """Return links of another network, on a switch of their own or beside those that migrations use."""
    beside = [link.between for link in links if link.between[0] in hosts and dice.chance(30)]
    ends = [*((host, "office") for host in hosts), *beside]
    return [Link(between=pair, bandwidth=100 * max(BANDWIDTHS), networks=("service",)) for pair in ends]


def _deadline(dice: Dice, inventory: Inventory, evacuate: tuple[str, ...]) -> float:
    carrying = [link for link in inventory.links if link.carries(inventory.settings.migration_network)]
    rate = sorted(link.capacity_bytes_per_s * link.share_of(1) for link in carrying)[len(carrying) // 4]
    one_by_one_s = sum(vm.image_bytes for vm in inventory.vms if vm.host in evacuate) / rate
    return one_by_one_s * dice.pick(DEADLINE_FACTORS)
