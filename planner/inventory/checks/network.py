"""Hosts that cannot reach each other, and the networks and paths that migrations use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from planner.inventory.draft import Draft
from planner.inventory.folding import Folding
from planner.inventory.models import Link
from planner.inventory.translate import Finding
from planner.inventory.wording import did_you_mean

_MOST_NAMED = 3


def check_migration_network(draft: Draft) -> Iterator[Finding]:
    """The network that migrations use is one that links carry, if they say what they carry."""
    network, known = _migration_network(draft), _labels(draft)
    if network is not None and known and network not in known:
        near = did_you_mean(network, sorted(known)) or f"name one of {', '.join(sorted(known)[:_MOST_NAMED])}"
        message = f"no link names the network {network}"
        yield Finding("unknown-name", message, near, ("settings", "migration_network"))


def check_reachability(draft: Draft) -> Iterator[Finding]:
    """Every host reaches every other over switches or by a link of its own; traffic never crosses a third host."""
    links = _usable_links(draft)
    if links is None:
        return
    joined: defaultdict[str, set[str]] = defaultdict(set)
    for link in links:
        a, b = link.between
        joined[a].add(b)
        joined[b].add(a)
    network = _migration_network(draft)
    only_some = len(links) < len(draft.links)
    mend = "add the missing link: traffic crosses switches, never a third host"
    if only_some:
        mend = f"add the missing link, or add {network} to the networks of those on the way"
    carrying = f" that carries {network}" if only_some else ""
    over = f" over the network {network}" if only_some else ""
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
                lone = (
                    f"add {network} to the networks of one of its links"
                    if only_some
                    else "add a link to a switch or host"
                )
                yield Finding("unreachable-host", f"{host} has no link{carrying}", lone, path)
            else:
                missed = _named(reach.missed(host), order)
                yield Finding("unreachable-host", f"{host} cannot reach {missed}{over}", mend, path)


def check_split_paths(draft: Draft) -> Iterator[Finding]:
    """Where moves are split over equal-cost paths, these are alike."""
    links = _usable_links(draft)
    if draft.settings is None or draft.settings.value.equal_cost_paths != "split" or links is None:
        return
    hosts, switches = [item.value.name for item in draft.hosts], [item.value for item in draft.switches]
    names = [*hosts, *switches]
    pairs = {frozenset(link.between) for link in links}
    if len(names) != len(set(names)) or len(links) != len(pairs):
        return  # something is there twice, which other checks say
    unlike = Folding(hosts, switches, links).unlike()
    if unlike is not None:
        over = unlike.one if unlike.one == unlike.other else f"{unlike.one} and over {unlike.other}"
        yield Finding(
            "unlike-paths",
            "moves cannot be split evenly: the paths of equal cost"
            f" from {unlike.source} to {unlike.target} over {over} differ",
            "give them links of the same bandwidth, usable and members at every step, or set equal_cost_paths: hash",
            ("settings", "equal_cost_paths"),
        )


def _migration_network(draft: Draft) -> str | None:
    return None if draft.settings is None else draft.settings.value.migration_network


def _labels(draft: Draft) -> set[str]:
    return {name for link in draft.links for name in link.value.networks or ()}


def _usable_links(draft: Draft) -> list[Link] | None:
    """Return the links that migrations may use, or None while it is not known which those are."""
    known = draft.known_hosts | draft.known_switches
    ends = {end for link in draft.links for end in link.value.between}
    network, labels = _migration_network(draft), _labels(draft)
    misnamed = network is not None and bool(labels) and network not in labels
    if misnamed or draft.settings is None or not draft.network_is_whole or not ends <= known:
        return None
    return [link.value for link in draft.links if link.value.carries(network)]


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
