"""Rules that contradict themselves, each other or the cluster as it stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from planner.inventory.draft import Draft
from planner.inventory.models import Before, Separate, rule_kind
from planner.inventory.translate import Finding


def check_repeated_members(draft: Draft) -> Iterator[Finding]:
    """A rule names a VM once."""
    for item in draft.rules:
        seen: set[str] = set()
        for position, name in enumerate(item.value.members):
            if name in seen:
                path = ("rules", item.index, rule_kind(item.value), position)
                yield Finding("repeated-member", f"the rule names {name} twice", "name it once", path)
            seen.add(name)


def check_separated_at_start(draft: Draft) -> Iterator[Finding]:
    """VMs that must be separate are so before anything moves."""
    host_of = {item.value.name: item.value.host for item in reversed(draft.vms) if item.has("name", "host")}
    for item in draft.rules:
        if not isinstance(item.value, Separate):
            continue
        together: defaultdict[str, list[str]] = defaultdict(list)
        for name in dict.fromkeys(item.value.members):
            if name in host_of:
                together[host_of[name]].append(name)
        for host, names in together.items():
            if len(names) > 1:
                yield Finding(
                    "separate-violated",
                    f"{' and '.join(names)} must be separate, and both run on {host}"
                    if len(names) == 2
                    else f"{', '.join(names)} must be separate, and all run on {host}",
                    "correct where they run, or remove the rule; evac does not repair it by moving them",
                    ("rules", item.index, "separate"),
                )


def check_before_cycles(draft: Draft) -> Iterator[Finding]:
    """The before rules together leave an order; of each circle the last rule is named, then left out."""
    rules = [(item.index, item.value) for item in draft.rules if isinstance(item.value, Before)]
    while circle := _circle([rule for _, rule in rules]):
        steps = set(pairwise(circle))
        last = max(i for i, (_, rule) in enumerate(rules) if steps & set(_steps(rule)))
        yield Finding(
            "before-cycle",
            f"the before rules form a circle: {' before '.join(circle)}",
            "remove one of these rules, or change its order",
            ("rules", rules.pop(last)[0], "before"),
        )


def _steps(rule: Before) -> Iterable[tuple[str, str]]:
    return pairwise(dict.fromkeys(rule.before))


def _circle(rules: Iterable[Before]) -> list[str]:
    """Return a circle of VMs, the first named again at the end, or an empty list."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for rule in rules:
        for earlier, later in _steps(rule):
            sorter.add(later, earlier)
    try:
        sorter.prepare()
    except CycleError as error:
        return list(error.args[1])
    return []
