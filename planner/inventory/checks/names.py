"""Names and links that are given twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from planner.inventory.draft import Draft, Item
from planner.inventory.models import Link
from planner.inventory.places import Path, path_text
from planner.inventory.translate import Finding


def check_duplicate_names(draft: Draft) -> Iterator[Finding]:
    """Hosts and switches share one set of names, VMs have their own."""
    hosts = [(item.value.name, ("hosts", item.index, "name")) for item in draft.hosts if item.has("name")]
    switches = [(item.value, ("switches", item.index)) for item in draft.switches]
    vms = [(item.value.name, ("vms", item.index, "name")) for item in draft.vms if item.has("name")]
    yield from _twice([*hosts, *switches])
    yield from _twice(vms)


def _twice(named: Iterable[tuple[str, Path]]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for name, path in named:
        if name in first:
            kind = "VM" if path[0] == "vms" else "host or switch"
            message = f"the name {name} is already taken by {path_text(first[name])}"
            yield Finding("duplicate-name", message, f"give each {kind} a name of its own", path)
        else:
            first[name] = path


def check_duplicate_links(draft: Draft) -> Iterator[Finding]:
    """Between two ends there is one link for each network, and it has two ends."""
    any_network = draft.settings is not None and draft.settings.value.migration_network is None
    joined: dict[frozenset[str], list[Item[Link]]] = {}
    for item in draft.links:
        if not item.has("between"):
            continue
        a, b = item.value.between
        path = ("links", item.index, "between")
        if a == b:
            yield Finding("self-link", f"the link joins {a} to itself", "name two different ends", path)
            continue
        beside = joined.setdefault(frozenset((a, b)), [])
        other = next((other for other in beside if any_network or _share_a_network(other, item)), None)
        if other is not None:
            yield Finding(
                "duplicate-link",
                f"{a} and {b} are already joined by links[{other.index}]",
                "keep one, with the bandwidth of both and members: 2; or give each networks of its own and say with"
                " settings.migration_network which is for migrations",
                path,
            )
        beside.append(item)


def _share_a_network(one: Item[Link], other: Item[Link]) -> bool:
    """Return whether two links carry a network in common; wrong ones are given the benefit of the doubt."""
    if not (one.has("networks") and other.has("networks")):
        return False
    mine, theirs = one.value.networks, other.value.networks
    return mine is None or theirs is None or not set(mine).isdisjoint(theirs)
