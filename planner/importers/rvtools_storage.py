"""Where VMs of an RVTools export have their disks: on datastores of one host, of some, or of all."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from planner.importers.rvtools_columns import Table

_DATASTORE = re.compile(r"\[([^\]]*)\]")
_LISTED = re.compile(r"[,;\s]+")


@dataclass(frozen=True)
class Datastore:
    """A datastore: how many hosts have it, and which, where the export says."""

    count: int | None
    hosts: frozenset[str] | None


class Datastores:
    """All datastores by name; hosts have datastores of one name in different datacentres."""

    def __init__(self, table: Table, hosts: Collection[str]) -> None:
        self._hosts = frozenset(hosts)
        self._named: dict[str, list[Datastore]] = defaultdict(list)
        for row in table:
            listed = table.text(row, "hosts")
            # A list that names none of the hosts names them otherwise, as by address, and tells nothing.
            given = frozenset(filter(None, _LISTED.split(listed))) & self._hosts
            store = Datastore(table.count(row, "count"), given or None)
            self._named[table.text(row, "name")].append(store)

    def is_local(self, name: str, host: str) -> bool:
        """Return whether only one host has the datastore that a VM on a host means."""
        return any(store.count == 1 and (store.hosts is None or host in store.hosts) for store in self._named[name])

    def sharers(self, name: str, host: str) -> frozenset[str] | None:
        """Return the hosts that have a datastore with a host; None where all have it, or it is not told."""
        for store in self._named[name]:
            if store.hosts is not None and host in store.hosts and store.hosts != self._hosts:
                return store.hosts
        return None


def datastore_of(path: str) -> str | None:
    """Return the datastore that a path names: ``san`` of ``[san] web/web.vmdk``."""
    found = _DATASTORE.search(path)
    return None if found is None or not found[1] else found[1]
