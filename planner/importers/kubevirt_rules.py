"""Affinities between VMIs as rules of an inventory: apart and together, on one node or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.importers.facts import FoundRule
from planner.importers.kubevirt_nodes import selects
from planner.importers.kubevirt_objects import VMI, Named, PodTerm
from planner.importers.report import counted

HOSTNAME = "kubernetes.io/hostname"
MOST_PAIRS = 2_000
"""Most pairs that one term is written as [count]."""


@dataclass
class Rules:
    """Rules, and what of affinities an inventory cannot say."""

    rules: list[FoundRule] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def rules_of(vmis: Mapping[str, VMI], namespaces: Mapping[str, Named]) -> Rules:
    """Return the rules of running VMIs, by their keys."""
    return _Rules(vmis, namespaces).all()


class _Rules:
    def __init__(self, vmis: Mapping[str, VMI], namespaces: Mapping[str, Named]) -> None:
        self._vmis, self._namespaces = vmis, namespaces
        self._zones: dict[str, int] = {}
        self._unknown = self._preferred = self._spread = self._many = 0

    def all(self) -> Rules:
        """Return all rules."""
        found = Rules()
        # VMIs that carry the same term over the same VMIs make one rule.
        terms: dict[tuple[str, frozenset[str]], set[str]] = {}
        for key, vmi in self._vmis.items():
            affinity = vmi.spec.affinity
            pods = (affinity.podAffinity, affinity.podAntiAffinity)
            self._preferred += any(one.preferred for one in (*pods, affinity.nodeAffinity))
            self._spread += any(
                one.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule"
                for one in vmi.spec.topologySpreadConstraints
            )
            for kind, wanted in (("together", pods[0]), ("separate", pods[1])):
                for term in wanted.required:
                    others = self._selected(vmi, term)
                    if others is not None:
                        terms.setdefault((kind, others), set()).add(key)
        for (kind, others), carriers in terms.items():
            found.rules += (self._apart if kind == "separate" else self._near)(carriers, others)
        found.rules = list({(rule.kind, frozenset(rule.members)): rule for rule in found.rules}.values())
        found.dropped += self._sentences()
        return found

    def _selected(self, vmi: VMI, term: PodTerm) -> frozenset[str] | None:
        """Return the VMIs that a term means; None where it is of no use here."""
        if term.topologyKey != HOSTNAME:
            self._zones[term.topologyKey] = self._zones.get(term.topologyKey, 0) + 1
            return None
        if term.labelSelector is None:
            return None  # as Kubernetes has it: no selector, no pods
        names: set[str] | None = set(term.namespaces)
        if term.namespaceSelector is not None:
            conditions = term.namespaceSelector.matchLabels or term.namespaceSelector.matchExpressions
            if not conditions:
                names = None
            elif self._namespaces:
                names = {*term.namespaces} | {
                    name
                    for name, namespace in self._namespaces.items()
                    if selects(term.namespaceSelector, namespace.metadata.labels)
                }
            else:
                self._unknown += 1
                return None
        elif not names:
            names = {vmi.metadata.namespace}
        return frozenset(
            key
            for key, other in self._vmis.items()
            if (names is None or other.metadata.namespace in names)
            and selects(term.labelSelector, other.metadata.labels)
        )

    def _apart(self, carriers: Iterable[str], others: frozenset[str]) -> Iterator[FoundRule]:
        """Yield rules for VMIs of which each must be apart from all others that a term means."""
        both = sorted(others.intersection(carriers))
        if len(both) > 1:
            yield FoundRule("separate", tuple(both), f"anti-affinity of {both[0]}")
        pairs = {tuple(sorted((one, other))) for one in carriers for other in others if one != other}
        pairs = {pair for pair in pairs if not set(pair) <= set(both)}
        if len(pairs) > MOST_PAIRS:
            self._many += 1
            return
        for one, other in sorted(pairs):
            yield FoundRule("separate", (one, other), f"anti-affinity of {one} and {other}")

    def _near(self, carriers: Iterable[str], others: frozenset[str]) -> Iterator[FoundRule]:
        """Yield rules for VMIs that must be where one at least of the others is: those on its node now."""
        by_node: dict[str, set[str]] = {}
        for key in carriers:
            node = self._vmis[key].status.nodeName
            near = {other for other in others if self._vmis[other].status.nodeName == node}
            if near - {key}:
                by_node.setdefault(node, set()).update(near, {key})
        for members in by_node.values():
            yield FoundRule("together", tuple(sorted(members)), f"affinity of {min(members)}")

    def _sentences(self) -> Iterator[str]:
        for topology, count in self._zones.items():
            yield f"{counted(count, 'affinity term')} over {topology}: rules are for hosts only"
        if self._unknown:
            yield (
                f"{counted(self._unknown, 'affinity term')} with a namespaceSelector, since no Namespace is among"
                " the files"
            )
        if self._many:
            yield f"{counted(self._many, 'anti-affinity')} of more than {MOST_PAIRS:,} pairs"
        if self._preferred:
            yield f"what {counted(self._preferred, 'VM')} prefer and do not require of their nodes and neighbours"
        if self._spread:
            yield f"topology spread constraints of {counted(self._spread, 'VM')}"
