"""What an import brought, the same for every source: what was found, assumed, left out, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.inventory.models import Inventory


@dataclass(frozen=True)
class Imported:
    """An inventory with the report on how it came to be.

    Parameters
    ----------
    inventory
        Right in itself and checked.
    source
        The source in words, such as ``BtrPlace``.
    assumed
        What the source does not say and was filled in, a sentence each.
    dropped
        What the source says and an inventory does not, a sentence each.
    missing
        What should be added before the inventory is planned with, a sentence each.
    hindered
        What cannot move live, or not everywhere, and why, a sentence each.
    measured
        Names of the VMs whose rates the source has measured, of reading and of writing.
    written
        Names of the VMs whose writes the source has measured, whatever is known of their reads.
    owned
        What labels begin with that come from the source.
    doubtful
        Figures of the source that look like faults of measuring, a sentence each.
    evacuate
        Label of the hosts that the source wants emptied, or None where it wants none.
    owned
        What labels begin with that come from the source.
    """

    inventory: Inventory
    source: str
    assumed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    hindered: tuple[str, ...] = ()
    measured: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    doubtful: tuple[str, ...] = ()
    evacuate: str | None = None
    owned: tuple[str, ...] = ()


def report_lines(imported: Imported, written_to: str | None) -> Iterator[str]:
    """Yield the report on an import, a line each.

    Parameters
    ----------
    written_to
        File that the inventory was written to, or None.
    """
    inventory = imported.inventory
    found = (
        (len(inventory.hosts), "host"),
        (len(inventory.vms), "VM"),
        (len(inventory.switches), "switch"),
        (len(inventory.links), "link"),
        (len(inventory.rules), "rule"),
    )
    yield f"{imported.source}: found {', '.join(counted(count, noun) for count, noun in found)}."
    yield from under_headings(
        ("Assumed", imported.assumed),
        ("Left out", imported.dropped),
        ("Missing", imported.missing),
        ("Not free to move", imported.hindered),
        ("Doubtful", imported.doubtful),
    )
    if imported.evacuate is not None:
        leaving = {host.name for host in inventory.hosts if imported.evacuate in host.labels}
        movers = sum(vm.host in leaving for vm in inventory.vms)
        yield f"To be emptied: {counted(len(leaving), 'host')} with {counted(movers, 'VM')}."
        yield f"  evac plan {written_to or 'INVENTORY'} --evacuate @{imported.evacuate} --deadline DURATION"


def under_headings(*parts: tuple[str, Iterable[str]]) -> Iterator[str]:
    """Yield sentences under their headings; a heading without any is left out."""
    for heading, sentences in parts:
        listed = [f"- {sentence}" for sentence in sentences]
        if listed:
            yield from (f"{heading}:", *listed)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: ``1 host``, ``2 switches``."""
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"
