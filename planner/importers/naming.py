"""Names of a source as names that inventories take: letters, digits and a few signs, each once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from planner.inventory.models import NAME_PATTERN

LONGEST = 128
_GOOD = re.compile(NAME_PATTERN)
_BAD_SIGN = re.compile(r"[^A-Za-z0-9_.:@+-]+")


def names_for(given: Iterable[str], *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a name for each name of a source; those that inventories take stay as they are.

    Parameters
    ----------
    given
        Names of the source; each is told apart from all others.
    taken
        Names that must not be given.
    """
    wanted = list(dict.fromkeys(given))
    used = set(taken) | {name for name in wanted if fits(name)}
    found = {name: name for name in wanted if fits(name)}
    for name in wanted:
        if name in found and found[name] not in taken:
            continue
        base = _BAD_SIGN.sub("-", name).strip("-")[: LONGEST - 6] or "unnamed"
        number, new = 1, base
        while new in used:
            number += 1
            new = f"{base}-{number}"
        used.add(new)
        found[name] = new
    return found


def unique_names[K: (int, str)](given: Mapping[K, str]) -> dict[K, str]:
    """Return a name for each id: its own, or with the id behind it where several have the same.

    Parameters
    ----------
    given
        Names by id; ids are told by their first eight signs.
    """
    often = Counter(given.values())
    used = {name for name, count in often.items() if count == 1}
    found: dict[K, str] = {}
    for key, name in given.items():
        if often[name] > 1:
            short = name[: LONGEST - 20]
            told, number = f"{short}-{str(key)[:8]}", 1
            while told in used:
                number += 1
                told = f"{short}-{str(key)[:8]}-{number}"
            name = told
            used.add(name)
        found[key] = name
    return found


def label(text: str) -> str:
    """Return a text as a label."""
    return _BAD_SIGN.sub("-", text).strip("-")[:LONGEST] or "unnamed"


def fits(name: str) -> bool:
    """Return whether inventories take a name."""
    return len(name) <= LONGEST and _GOOD.fullmatch(name) is not None
