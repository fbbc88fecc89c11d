"""Names that nothing has."""

from __future__ import annotations

from collections.abc import Iterator

from planner.inventory.draft import Draft
from planner.inventory.models import rule_kind
from planner.inventory.places import Path
from planner.inventory.translate import Finding
from planner.inventory.wording import did_you_mean


def check_link_ends(draft: Draft) -> Iterator[Finding]:
    """The ends of a link are hosts or switches."""
    if draft.unnamed & {"hosts", "switches"}:
        return
    known = draft.known_hosts | draft.known_switches
    for item in draft.links:
        if item.has("between"):
            for end, name in enumerate(item.value.between):
                if name not in known:
                    yield _unknown(name, "host or switch", known, ("links", item.index, "between", end))


def check_vm_hosts(draft: Draft) -> Iterator[Finding]:
    """A VM runs on a host."""
    if "hosts" in draft.unnamed:
        return
    for item in draft.vms:
        if item.has("host") and item.value.host not in draft.known_hosts:
            yield _unknown(item.value.host, "host", draft.known_hosts, ("vms", item.index, "host"))


def check_rule_members(draft: Draft) -> Iterator[Finding]:
    """Rules speak of VMs."""
    if "vms" in draft.unnamed:
        return
    for item in draft.rules:
        for position, name in enumerate(item.value.members):
            if name not in draft.known_vms:
                path = ("rules", item.index, rule_kind(item.value), position)
                yield _unknown(name, "VM", draft.known_vms, path)


def _unknown(name: str, kind: str, known: set[str], path: Path) -> Finding:
    mend = did_you_mean(name, sorted(known)) or f"correct the name, or add the {kind}"
    return Finding("unknown-name", f"there is no {kind} {name}", mend, path)
