"""Hosts that cannot reach each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from planner.inventory.draft import Draft
from planner.inventory.translate import Finding

_MOST_NAMED = 3


def check_reachability(draft: Draft) -> Iterator[Finding]:
    """Every host reaches every other over switches or by a link of its own; traffic never crosses a third host."""
    known = draft.known_hosts | draft.known_switches
    joined: defaultdict[str, set[str]] = defaultdict(set)
    for link in draft.links:
        a, b = link.value.between
        joined[a].add(b)
        joined[b].add(a)
    if not draft.network_is_whole or not joined.keys() <= known:
        return
    reach = _Reach(draft.known_hosts, draft.known_switches, joined)
    if reach.is_complete:
        return
    # The host that reaches most stands for the cluster; those that it misses are the ones cut off.
    order = [item.value.name for item in draft.hosts]
    centre = min(order, key=lambda host: len(reach.missed(host)))
    cut_off = set(reach.missed(centre))
    # Of two others that miss each other, one is enough: the one that misses more, or hangs on fewer switches.
    for host in sorted(order, key=lambda host: (-len(reach.missed(host)), reach.fabrics(host))):
        if host not in cut_off and not reach.missed(host) <= cut_off:
            cut_off.add(host)
    for item in draft.hosts:
        host = item.value.name
        if host in cut_off or not joined[host]:
            path = ("hosts", item.index, "name")
            if not joined[host]:
                yield Finding("unreachable-host", f"{host} has no link", "add a link to a switch or host", path)
            else:
                yield Finding(
                    "unreachable-host",
                    f"{host} cannot reach {_named(reach.missed(host), order)}",
                    "add the missing link: traffic crosses switches, never a third host",
                    path,
                )


class _Reach:
    """Which hosts each host reaches."""

    def __init__(self, hosts: set[str], switches: set[str], joined: Mapping[str, set[str]]) -> None:
        self._hosts = hosts
        self._direct = {host: joined.get(host, set()) & hosts for host in hosts}
        fabric = _components(switches, joined)
        self._fabrics = {
            host: frozenset(fabric[end] for end in joined.get(host, ()) if end in fabric) for host in hosts
        }
        self._on: defaultdict[int, set[str]] = defaultdict(set)
        for host, fabrics in self._fabrics.items():
            for number in fabrics:
                self._on[number].add(host)

    @property
    def is_complete(self) -> bool:
        """Whether every host reaches every other."""
        one_fabric = any(len(on) == len(self._hosts) for on in self._on.values())
        return one_fabric or not any(self.missed(host) for host in self._hosts)

    def fabrics(self, host: str) -> int:
        """Return on how many groups of joined switches a host hangs [count]."""
        return len(self._fabrics[host])

    def missed(self, host: str) -> set[str]:
        """Return the hosts that a host does not reach."""
        reached = self._direct[host].union({host}, *(self._on[number] for number in self._fabrics[host]))
        return self._hosts - reached


def _components(switches: set[str], joined: Mapping[str, set[str]]) -> dict[str, int]:
    """Return, for each switch, the number of the group of switches that are joined."""
    group: dict[str, int] = {}
    for number, start in enumerate(sorted(switches)):
        todo = [start] if start not in group else []
        while todo:
            switch = todo.pop()
            if switch not in group:
                group[switch] = number
                todo.extend(joined.get(switch, set()) & switches)
    return group


def _named(names: set[str], order: list[str]) -> str:
    first = [name for name in order if name in names][:_MOST_NAMED]
    more = len(names) - len(first)
    return f"{', '.join(first)} and {more} more" if more else " or ".join(first)
