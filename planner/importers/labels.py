"""Labels for what a VM needs of its host: a name that says what it is, and the hosts that have it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from planner.importers.naming import LONGEST, label


class Labels:
    """Labels that importers give to hosts, made where some VM can run on some hosts only.

    Parameters
    ----------
    hosts
        Names of all hosts, as the source has them.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(hosts)
        self._holders: dict[str, frozenset[str]] = {}
        self._names: dict[tuple[str, frozenset[str]], str] = {}

    def need(self, what: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Return the label that says that a VM needs one of some hosts; none where it may be on all of them.

        Parameters
        ----------
        what
            What these hosts have, such as ``zone:eu-1``. Where other hosts have that name already, it gets a number.
        allowed
            Names of the hosts.
        """
        holders = self._hosts.intersection(allowed)
        if holders == self._hosts:
            return ()
        key = (what, holders)
        if key not in self._names:
            base = label(what)[: LONGEST - 6]
            number, name = 1, base
            while self._holders.get(name, holders) != holders:
                number += 1
                name = f"{base}-{number}"
            self._holders[name] = holders
            self._names[key] = name
        return (self._names[key],)

    def of(self, host: str) -> tuple[str, ...]:
        """Return the labels of a host, in the order in which they were needed first."""
        return tuple(name for name, holders in self._holders.items() if host in holders)
