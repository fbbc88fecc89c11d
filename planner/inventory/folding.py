"""Which switches are alike, so that traffic split over them loads them alike.

Colour refinement: hosts are all different, switches all alike at first; switches are told apart as long as their
links differ, by bandwidth and members in each direction and by whom they lead to. In the end switches of one colour
have as many equal links to every other colour. Where there is one shortest way of colours between two hosts, splitting
evenly at every hop loads all links between two colours of that way alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from planner.inventory.models import Link

Kind = tuple[float, float, int]
"""What a link is from one of its ends: capacity there, capacity back [bytes/s], and members."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """Two hosts between which equal-cost paths are not alike.

    Parameters
    ----------
    source, target
        The hosts.
    one, other
        Switches or ends of links that equal-cost paths lead over, and that differ.
    """

    source: str
    target: str
    one: str
    other: str


class Folding:
    """Hosts and groups of switches that are alike.

    Parameters
    ----------
    hosts, switches
        Their names.
    links
        Those that migrations may use.

    Attributes
    ----------
    groups
        Nodes that are alike, in the order of their first: one for a host.
    group_of
        Index of each node's group.
    """

    def __init__(self, hosts: Sequence[str], switches: Sequence[str], links: Iterable[Link]) -> None:
        self._hosts = frozenset(hosts)
        self._ends: dict[str, dict[str, Kind]] = {name: {} for name in (*hosts, *switches)}
        for link in links:
            a, b = link.between
            there, back = link.capacities_bytes_per_s
            self._ends[a][b] = (there, back, link.members)
            self._ends[b][a] = (back, there, link.members)
        colour = self._refine({name: i for i, name in enumerate(hosts)} | dict.fromkeys(switches, len(hosts)))
        members: defaultdict[int, list[str]] = defaultdict(list)
        for name in self._ends:
            members[colour[name]].append(name)
        self.groups = tuple(tuple(names) for names in members.values())
        self.group_of: Mapping[str, int] = {name: i for i, names in enumerate(self.groups) for name in names}

    def _refine(self, colour: dict[str, int]) -> dict[str, int]:
        """Return the coarsest colouring that is finer and under which nodes of a colour have the same links."""
        while True:
            numbers: dict[Hashable, int] = {}
            finer: dict[str, int] = {}
            for name, ends in self._ends.items():
                links = tuple(sorted((colour[end], kind) for end, kind in ends.items()))
                finer[name] = numbers.setdefault((colour[name], links), len(numbers))
            if len(numbers) == len(set(colour.values())):
                return finer
            colour = finer

    def unlike(self) -> Unlike | None:
        """Return two hosts between which equal-cost paths are not alike, or None where there are none."""
        beside: list[dict[int, set[Kind]]] = [{} for _ in self.groups]
        for g, names in enumerate(self.groups):
            for name in names:
                for end, kind in self._ends[name].items():
                    beside[g].setdefault(self.group_of[end], set()).add(kind)
        # Hosts with the same neighbours have the same ways but for their own links.
        kinds: dict[frozenset[int], str] = {}
        for host in sorted(self._hosts):
            near = frozenset(beside[self.group_of[host]])
            kinds.setdefault(near, host)
        for source in kinds.values():
            found = self._unlike_from(self.group_of[source], beside)
            if found is not None:
                return Unlike(source, *found)
        return None

    def _unlike_from(self, source: int, beside: Sequence[Mapping[int, set[Kind]]]) -> tuple[str, str, str] | None:
        """Return a target and what differs on the ways from a source to it, or None."""
        distance, before = {source: 0}, {source: source}
        clash: dict[int, tuple[int, int]] = {}
        front = [source]
        while front:
            following: list[int] = []
            for here in front:
                if here != source and self._is_host(here):
                    continue
                for there, kinds in beside[here].items():
                    if there not in distance:
                        distance[there], before[there] = distance[here] + 1, here
                        following.append(there)
                    elif distance[there] == distance[here] + 1 and before[there] != here:
                        clash.setdefault(there, (before[there], here))
                    if distance[there] == distance[here] + 1:
                        if len(kinds) > 1:
                            clash.setdefault(there, (here, here))
                        elif here in clash:
                            clash.setdefault(there, clash[here])
            front = following
        for target, (one, other) in clash.items():
            if self._is_host(target):
                return self.groups[target][0], self.groups[one][0], self.groups[other][-1]
        return None

    def _is_host(self, group: int) -> bool:
        return self.groups[group][0] in self._hosts
