"""What stays the same in every night of a plan: its moves as arrays, what they wait for, the links they share."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.errors import InputError, Place, Problem
from planner.inventory.models import VM, Approach, Inventory
from planner.plan.models import Move, Plan
from planner.plan.waits import order_problems, overrun_s, waits_of
from planner.predict.protocol import Floats, Ints


@dataclass(frozen=True, slots=True)
class Setting:
    """The M moves of a plan in the order of start, of V VMs over L directed links.

    Parameters
    ----------
    inventory, plan
        What is simulated.
    moves, vms
        The moves, and the VMs that they are of.
    vm
        Index of each move's VM, shape (M,).
    waits, successors
        Of each move those that it waits for, and those that wait for it, by index.
    ready_s
        When its target can receive, shape (M,) [s].
    reserved
        Bandwidth that it reserved, shape (M,) [bytes/s].
    one_flow
        The most that it may have as a post-copy, which has one TCP flow, shape (M,) [bytes/s].
    switch_point
        That of a hybrid, NaN for the model's own, shape (M,) [count].
    overrun_s
        How long after its start it counts as overrun, shape (M,) [s].
    links, capacity
        The directed links, and what they have, shape (L,) [bytes/s].
    link, share
        Of each move its links by index and its shares on them, shape (M, K); 0 of a share fills up.
    shutdown_s
        How long evacuated hosts take to be off once empty, by name [s].
    """

    inventory: Inventory
    plan: Plan
    moves: tuple[Move, ...]
    vms: tuple[VM, ...]
    vm: Ints
    waits: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    ready_s: Floats
    reserved: Floats
    one_flow: Floats
    switch_point: Floats
    overrun_s: Floats
    links: tuple[tuple[str, str], ...]
    capacity: Floats
    link: Ints
    share: Floats
    shutdown_s: dict[str, float]

    @property
    def names(self) -> list[str]:
        """A name for each move: its VM's, with a number where the VM moves again."""
        seen: defaultdict[str, int] = defaultdict(int)
        names = []
        for move in self.moves:
            seen[move.vm] += 1
            names.append(move.vm if seen[move.vm] == 1 else f"{move.vm} {seen[move.vm]}")
        return names


def setting_of(inventory: Inventory, plan: Plan) -> Setting:
    """Return what every night of a plan has in common.

    Raises
    ------
    InputError
        If the plan has no moves to simulate, names what the inventory does not have, or cannot be carried out in any
        order.
    """
    moves = tuple(sorted(plan.moves, key=lambda move: move.start_s))
    known = {vm.name: vm for vm in inventory.vms}
    hosts = {host.name: host for host in inventory.hosts}
    capacity = _capacities(inventory)
    if not moves:
        raise InputError.single(
            "no-moves",
            f"there are no moves to simulate: the plan is {plan.status}",
            "give a plan that was found and moves something",
            Place(path="moves"),
        )
    problems = [*_unknown(moves, known, set(hosts), set(capacity)), *order_problems(moves)]
    if problems:
        raise InputError(problems)
    vms = tuple(known[name] for name in dict.fromkeys(move.vm for move in moves))
    place = {vm.name: index for index, vm in enumerate(vms)}
    waits = waits_of(moves)
    successors: list[list[int]] = [[] for _ in moves]
    for index, wait in enumerate(waits):
        for other in wait:
            successors[other].append(index)
    shares = [_shares(move) for move in moves]
    links = tuple(dict.fromkeys(ends for own in shares for ends in own))
    number = {ends: index for index, ends in enumerate(links)}
    widest = max((len(own) for own in shares), default=1)
    link, share = np.zeros((len(moves), widest), dtype=np.int64), np.zeros((len(moves), widest))
    for row, own in enumerate(shares):
        link[row, : len(own)] = [number[ends] for ends in own]
        share[row, : len(own)] = list(own.values())
    return Setting(
        inventory,
        plan,
        moves,
        vms,
        np.array([place[move.vm] for move in moves], dtype=np.int64),
        tuple(waits),
        tuple(map(tuple, successors)),
        np.array([hosts[move.target].ready_after for move in moves], dtype=np.float64),
        np.array([move.bandwidth_bytes_per_s for move in moves], dtype=np.float64),
        _one_flow(inventory, moves),
        np.array([np.nan if move.switch_point is None else move.switch_point for move in moves], dtype=np.float64),
        np.array([overrun_s(move) for move in moves], dtype=np.float64),
        links,
        np.array([capacity[ends] for ends in links], dtype=np.float64),
        link,
        share,
        {name: hosts[name].shutdown_time for name in plan.request.evacuate if name in hosts},
    )


def _capacities(inventory: Inventory) -> dict[tuple[str, str], float]:
    """Return what migrations may use of each directed link [bytes/s]."""
    capacity: dict[tuple[str, str], float] = {}
    for link in inventory.links:
        if link.carries(inventory.settings.migration_network):
            a, b = link.between
            capacity[a, b], capacity[b, a] = link.capacities_bytes_per_s
    return capacity


def _shares(move: Move) -> dict[tuple[str, str], float]:
    """Return the share of its rate that a move has on each directed link [1]."""
    shares: defaultdict[tuple[str, str], float] = defaultdict(float)
    ways = tuple((way.path, way.share) for way in move.paths) or ((move.path, 1.0),)
    for path, share in ways:
        for ends in pairwise(path):
            shares[ends] += share
    return dict(shares)


def _one_flow(inventory: Inventory, moves: tuple[Move, ...]) -> Floats:
    """Return the most that each move may have with one TCP flow, of what it reserved [bytes/s]."""
    reserved = np.array([move.bandwidth_bytes_per_s for move in moves], dtype=np.float64)
    if inventory.settings.multifd_channels == 1:
        return reserved
    # networkx takes a moment to import, which those who do not simulate need not wait for.
    from planner.network import Network

    network = Network(inventory)
    for index, move in enumerate(moves):
        route = network.make_route(move.path) or network.route(move.source, move.target)
        if move.approach in (Approach.COLD, Approach.PRECOPY) and route is not None:
            reserved[index] = min(reserved[index], network.flow_bytes_per_s[list(route.links)].min())
    return reserved


def _unknown(
    moves: tuple[Move, ...], vms: dict[str, VM], hosts: set[str], links: set[tuple[str, str]]
) -> list[Problem]:
    """Return a problem for each thing that moves name and the inventory does not have."""
    problems = []
    at = {name: vm.host for name, vm in vms.items()}
    mend = "give the inventory that the plan was made for, or plan anew"
    for move in moves:
        place = Place(path=f"moves: {move.vm}")
        here = at.get(move.vm)
        if here is None:
            problems.append(Problem("unknown-vm", f"there is no VM {move.vm!r} in the inventory", mend, place))
        elif here != move.source:
            problems.append(Problem("not-there", f"{move.vm!r} leaves {move.source}, but is on {here}", mend, place))
        at[move.vm] = move.target
        for host in (move.source, move.target):
            if host not in hosts:
                problems.append(Problem("unknown-host", f"there is no host {host!r} in the inventory", mend, place))
        problems += [
            Problem("unknown-link", f"there is no link {a} - {b} for migrations in the inventory", mend, place)
            for a, b in _shares(move)
            if (a, b) not in links
        ]
    return problems
