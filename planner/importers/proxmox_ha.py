"""High availability of Proxmox VE: groups and rules as labels and rules on places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from planner.importers.facts import FoundRule
from planner.importers.loader import some
from planner.importers.naming import label
from planner.importers.proxmox_format import AffinityRule, Cluster
from planner.importers.report import counted
from planner.inventory.places import clip


@dataclass
class Placement:
    """Where VMs may be.

    Parameters
    ----------
    labels
        Labels of each node.
    requires
        Labels that each VM requires, by its id.
    rules
        Who is kept apart or together.
    dropped
        What cannot be said, a sentence each.
    """

    labels: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    requires: defaultdict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    rules: list[FoundRule] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def placement(cluster: Cluster, names: Mapping[int, str], nodes: Iterable[str]) -> Placement:
    """Return where VMs may be, by HA groups (up to Proxmox VE 8) and HA rules (from 9).

    Parameters
    ----------
    cluster
        The cluster.
    names
        Names of the VMs that run, by id.
    nodes
        Names of the nodes.
    """
    found, all_nodes = Placement(), set(nodes)
    ignored = {
        vmid for service in cluster.services or () if service.state == "ignored" for vmid in _vmids([service.sid])
    }
    wishes = _groups(found, cluster, names, ignored)
    off: list[str] = []
    for rule in cluster.rules or ():
        members = [vmid for vmid in _vmids(rule.resources) if vmid in names and vmid not in ignored]
        if rule.disable:
            off.append(rule.rule)
        elif rule.type == "node-affinity":
            if rule.strict:
                _fence(found, label(f"ha-rule-{rule.rule}"), _nodes(rule, all_nodes), members)
            elif members:
                wishes.append(rule.rule)
        elif rule.type == "resource-affinity" and rule.affinity in ("positive", "negative"):
            kind: Literal["separate", "together"] = "together" if rule.affinity == "positive" else "separate"
            found.rules.append(FoundRule(kind, tuple(names[vmid] for vmid in members), rule.rule))
        else:
            found.dropped.append(f"the HA rule {clip(rule.rule)} of the kind {clip(rule.type)}")
    if wishes:
        found.dropped.append(f"preferences of HA groups and rules, which need not be kept: {some(wishes)}")
    if off:
        found.dropped.append(f"{counted(len(off), 'HA rule')} that {'is' if len(off) == 1 else 'are'} off: {some(off)}")
    return found


def _groups(found: Placement, cluster: Cluster, names: Mapping[int, str], ignored: set[int]) -> list[str]:
    """Add what restricted groups ask for; return the names of the other groups that VMs are in."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for service in cluster.services or ():
        for vmid in _vmids([service.sid]):
            if service.group and vmid in names and vmid not in ignored:
                members[service.group].append(vmid)
    wishes: list[str] = []
    for group in cluster.groups or ():
        if group.restricted:
            allowed = [_node(text) for text in group.nodes]
            _fence(found, label(f"ha-group-{group.group}"), allowed, members[group.group])
        elif members[group.group]:
            wishes.append(group.group)
    return wishes


def _fence(found: Placement, name: str, nodes: Iterable[str], members: Sequence[int]) -> None:
    for node in nodes if members else ():
        found.labels[node].append(name)
    for vmid in members:
        found.requires[vmid].append(name)


def _nodes(rule: AffinityRule, all_nodes: set[str]) -> list[str]:
    """Return the nodes that a rule allows."""
    named = [_node(text) for text in rule.nodes]
    return sorted(all_nodes - set(named)) if rule.affinity == "negative" else named


def _node(text: str) -> str:
    """Return the node of ``node`` or ``node:priority``."""
    return text.partition(":")[0]


def _vmids(services: Iterable[str]) -> list[int]:
    """Return the VMs among services such as ``vm:100`` and ``ct:101``."""
    parts = [service.partition(":") for service in services]
    return [
        int(number)
        for kind, _, number in parts
        if kind == "vm" and number.isascii() and number.isdigit() and len(number) < 10
    ]
