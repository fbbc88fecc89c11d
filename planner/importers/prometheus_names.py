"""Which VM of an inventory a time series is of: by names in its labels, and by its host where those are not enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from planner.importers.naming import label
from planner.importers.prometheus_format import Series
from planner.importers.prometheus_profiles import Names, Profile
from planner.inventory.models import VM

Identity = tuple[str, ...]
"""Values of the labels that tell one VM from all others."""


def value_of(labels: Mapping[str, str], name: str) -> str:
    """Return the value of a label; where a scrape has renamed the exporter's own, that one counts."""
    return labels.get(f"exported_{name}") or labels.get(name) or ""


@dataclass
class Aliases:
    """Further names and hosts of VMs, as metrics that exist for that tell them.

    Parameters
    ----------
    names
        Further names by the label and the value that a VM's metrics have.
    places
        Hosts, likewise; the last one known.
    """

    names: dict[tuple[str, str], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    _seen_s: dict[tuple[str, str], float] = field(default_factory=dict)

    def learn(self, join: Names, series: Iterable[Series]) -> None:
        """Take what a metric tells."""
        for one in series:
            value = value_of(one.labels, join.key)
            if not value:
                continue
            key = (join.of, value)
            for name in join.names:
                if found := value_of(one.labels, name):
                    self.names[key][found] = None
            place = value_of(one.labels, join.place) if join.place else ""
            last = max(one.times, default=0.0)
            if place and last >= self._seen_s.get(key, 0.0):
                self.places[key], self._seen_s[key] = place, last


@dataclass(frozen=True)
class Found:
    """A VM as the exporter has it.

    Parameters
    ----------
    identity
        Values of the labels that tell it from all others.
    place
        Its host, where that is needed to tell it from another VM of its name; else nothing.
    """

    identity: Identity
    place: str = ""

    @property
    def shown(self) -> str:
        """Its name, for people."""
        name = "/".join(self.identity)
        return f"{name} on {self.place}" if self.place else name


def identity_of(profile: Profile, labels: Mapping[str, str]) -> Identity | None:
    """Return what tells a VM from all others, or None where a label for that is missing."""
    values = tuple(value_of(labels, name) for name in profile.identity)
    return values if all(values) else None


def place_of(profile: Profile, labels: Mapping[str, str], aliases: Aliases) -> str:
    """Return the host that a series is of, as far as labels tell it; nothing where they do not."""
    for name in profile.place:
        if found := value_of(labels, name):
            return found
    for name in profile.identity:
        if found := aliases.places.get((name, value_of(labels, name)), ""):
            return found
    return ""


def same_host(place: str, host: str) -> bool:
    """Return whether a label with a host, such as ``hv01.example:9177``, means a host of the inventory."""
    name = place.rsplit(":", 1)[0] if place.count(":") == 1 else place
    if host in (name, label(name)):
        return True
    # One with its domain, the other without; node1.berlin and node1.paris are two.
    return ("." in name) != ("." in host) and name.split(".")[0] == host.split(".")[0]


def names_of(profile: Profile, found: Found, series: Sequence[Series], aliases: Aliases) -> Iterator[str]:
    """Yield the names that a VM may have in an inventory, the best first."""
    plain: dict[str, None] = {}
    if len(found.identity) > 1:
        for sign in "/.-_:":
            plain[sign.join(found.identity)] = None
    for key, value in zip(profile.identity, found.identity, strict=True):
        plain.update(aliases.names.get((key, value), {}))
    for one in series:
        for name in profile.also:
            if value := value_of(one.labels, name):
                plain[value] = None
    plain[found.identity[-1]] = None
    for name in list(plain):
        # ceilometer's resource_name is "name:instance-0000002a", Proxmox VE's id is "qemu/100".
        for part in (*name.split(":")[:2], name.rsplit("/", 1)[-1]):
            plain.setdefault(part)
    for name in plain:
        if found.place:
            yield f"{label(name)}@{label(found.place)}"
        yield name
        yield label(name)


@dataclass(frozen=True)
class Matches:
    """Which VM is which.

    Parameters
    ----------
    of
        What the exporter has of a VM, by its name in the inventory.
    strangers
        What the exporter has and the inventory has not, for people.
    ambiguous
        Names of the inventory that several VMs of the exporter could be, and those.
    """

    of: dict[str, Found]
    strangers: tuple[str, ...]
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...]


def match(vms: Sequence[VM], names: Mapping[Found, Sequence[str]], places: Mapping[Found, str]) -> Matches:
    """Return which VM of the inventory is which of the exporter's.

    Parameters
    ----------
    vms
        The VMs of the inventory.
    names
        Names that each VM of the exporter may have, the best first.
    places
        Host of each, as far as it is known.
    """
    by_name = {vm.name: vm for vm in vms}
    wanted: defaultdict[str, list[tuple[int, Found]]] = defaultdict(list)
    strangers = []
    for found, given in names.items():
        rank = next((rank for rank, name in enumerate(given) if name in by_name), None)
        if rank is None:
            strangers.append(found.shown)
        else:
            wanted[given[rank]].append((rank, found))
    of: dict[str, Found] = {}
    ambiguous = []
    for name, claims in wanted.items():
        best = min(rank for rank, _ in claims)
        first = [found for rank, found in claims if rank == best]
        there = [found for found in first if same_host(places.get(found, ""), by_name[name].host)]
        chosen = first if len(first) == 1 else there
        if len(chosen) == 1:
            of[name] = chosen[0]
            strangers += [found.shown for _, found in claims if found != chosen[0]]
        else:
            ambiguous.append((name, tuple(sorted(found.shown for found in first))))
    return Matches(of, tuple(sorted(strangers)), tuple(sorted(ambiguous)))
