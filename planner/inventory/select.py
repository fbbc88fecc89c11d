"""Which hosts are meant: by their names, or all that have a label, written ``@label``."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from planner.errors import InputError, Problem
from planner.inventory.models import Inventory

SHOWN = 12
"""How many names are offered where none is close [count]."""


def select_hosts(inventory: Inventory, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the hosts that are meant, each once.

    Parameters
    ----------
    inventory
        Where they are.
    wanted
        Names of hosts, or ``@label`` for all hosts that have a label. A host of that very name comes first.

    Raises
    ------
    InputError
        If nothing is wanted, or there is no such host or label: all problems.
    """
    names = {host.name for host in inventory.hosts}
    labelled: dict[str, list[str]] = {}
    for host in inventory.hosts:
        for label in host.labels:
            labelled.setdefault(f"@{label}", []).append(host.name)
    problems = list(_problems(inventory.name, wanted, [host.name for host in inventory.hosts], list(labelled)))
    if problems:
        raise InputError(problems)
    return tuple(dict.fromkeys(name for one in wanted for name in ([one] if one in names else labelled[one])))


def _problems(where: str, wanted: Sequence[str], names: list[str], labels: list[str]) -> Iterator[Problem]:
    if not wanted:
        yield Problem("nothing-to-evacuate", "no host to evacuate was named", "name at least one host")
    for name in dict.fromkeys(wanted):
        if name in names or name in labels:
            continue
        if name.startswith("@"):
            yield Problem(
                "unknown-label", f"no host in {where} has the label {name[1:]!r}", _mend(name, labels, "label")
            )
        else:
            yield Problem("unknown-host", f"there is no host {name!r} in {where}", _mend(name, names, "host"))


def _mend(name: str, known: list[str], kind: str) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"the {kind}s are {', '.join(known[:SHOWN])}" if known else f"no host has a {kind}"
