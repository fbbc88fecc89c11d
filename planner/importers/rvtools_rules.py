"""DRS rules of an RVTools export: each VM has the kinds of its rules in one cell and their names in another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from planner.importers.facts import FoundRule

_LISTED = re.compile(r"[,;\n]+")


class Rules:
    """The rules, gathered from the VMs that they name."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str, str], list[str]] = defaultdict(list)

    def add(self, vm: str, cluster: str, kinds: str, names: str) -> None:
        """Note the rules of a VM; rules of one name in two clusters are two."""
        named = _parts(names)
        told = _parts(kinds)
        if len(told) == 1:
            told *= len(named)
        for at, name in enumerate(named):
            kind = told[at] if len(told) == len(named) else ""
            self._members[(cluster, name, kind)].append(vm)

    def found(self) -> Iterator[FoundRule]:
        """Yield the rules on VMs."""
        for (_, name, kind), members in self._members.items():
            means = _meaning(kind)
            if means is not None and len(members) > 1:
                yield FoundRule(means, tuple(members), f"DRS rule {name}")

    def others(self) -> list[str]:
        """Return the names of rules that bind VMs to hosts, or of which no kind is told."""
        return list(dict.fromkeys(name for (_, name, kind) in self._members if _meaning(kind) is None))


def _parts(text: str) -> list[str]:
    return [part for part in (each.strip() for each in _LISTED.split(text)) if part]


def _meaning(kind: str) -> Literal["separate", "together"] | None:
    """Return what a kind means: vSphere has ClusterAntiAffinityRuleSpec, ClusterAffinityRuleSpec and others."""
    text = re.sub(r"[^a-z]", "", kind.casefold())
    if "host" in text:
        return None
    if "antiaffinity" in text or "separate" in text:
        return "separate"
    return "together" if "affinity" in text or "together" in text else None
