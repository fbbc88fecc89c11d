"""Hosts of an RVTools export: their room, NICs, clusters, CPU levels, and whether they take VMs now."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

from planner.importers.facts import FoundHost
from planner.importers.naming import names_for
from planner.importers.rvtools_columns import Table
from planner.importers.rvtools_cpu import labels_up_to
from planner.importers.rvtools_sheets import Row
from planner.inventory.places import clip

MIB = 2**20
MBIT = 1e6 / 8
MAINTENANCE_LABEL = "in-maintenance"


class Hosts:
    """The hosts.

    Parameters
    ----------
    tables
        All sheets.
    vcpus_per_core
        vCPUs that a core may carry [1].
    """

    def __init__(self, tables: Mapping[str, Table], vcpus_per_core: float) -> None:
        self._per_core = vcpus_per_core
        self._speeds = _speeds(tables["vNIC"])
        self.still: list[str] = []
        table = tables["vHost"]
        listed = any(table)
        # Without a sheet of hosts there are those that VMs name.
        self._clusters = _cluster_labels(table if listed else tables["vInfo"])
        self.found = self._listed(table) if listed else self._named(tables["vInfo"])

    @property
    def several_clusters(self) -> bool:
        """Whether there is more than one cluster."""
        return len(self._clusters) > 1

    def cluster(self, table: Table, row: Row) -> str | None:
        """Return the label of the cluster that a row is in."""
        return self._clusters.get((table.text(row, "datacenter"), table.text(row, "cluster")))

    def _listed(self, table: Table) -> dict[str, FoundHost]:
        found: dict[str, FoundHost] = {}
        first: dict[str, int] = {}
        for row in table:
            name = table.text(row, "host")
            if name == "":
                table.wrong(row, "host", "no-name", "the host has no name", "give it one")
            elif name in first:
                message = f"the host {clip(name)!r} is there twice, first in row {first[name]}"
                table.wrong(row, "host", "duplicate", message, "keep one of them")
            else:
                first[name] = row.number
                found[name] = self._host(table, row, name)
        return found

    def _host(self, table: Table, row: Row, name: str) -> FoundHost:
        resting = table.yes(row, "maintenance")
        aside = table.yes(row, "quarantine")
        still = table.text(row, "vmotion") != "" and not table.yes(row, "vmotion")
        if still:
            self.still.append(name)
        cores, memory = table.count(row, "cores"), table.mib(row, "memory")
        cluster = self.cluster(table, row)
        return FoundHost(
            name=name,
            cpus=None if not cores else max(1, math.floor(cores * self._per_core)),
            memory_bytes=None if not memory else memory * MIB,
            labels=(
                *((cluster,) if cluster else ()),
                *((MAINTENANCE_LABEL,) if resting else ()),
                *labels_up_to(table.text(row, "evc") or table.text(row, "most_evc")),
            ),
            accepts=not (resting or aside or still),
            nic_bytes_per_s=self._speeds.get(name),
        )

    def _named(self, table: Table) -> dict[str, FoundHost]:
        found: dict[str, FoundHost] = {}
        for row in table:
            name, cluster = table.text(row, "host"), self.cluster(table, row)
            if name and name not in found:
                labels = (cluster,) if cluster else ()
                found[name] = FoundHost(name, labels=labels, nic_bytes_per_s=self._speeds.get(name))
        return found


def _cluster_labels(table: Table) -> dict[tuple[str, str], str]:
    """Return the label of each cluster, by datacentre and name."""
    keys = dict.fromkeys((table.text(row, "datacenter"), table.text(row, "cluster")) for row in table)
    often = Counter(cluster for _, cluster in keys)
    wanted = {
        (centre, cluster): f"cluster:{cluster}" if often[cluster] == 1 else f"cluster:{centre}:{cluster}"
        for centre, cluster in keys
        if cluster
    }
    made = names_for(wanted.values())
    return {key: made[text] for key, text in wanted.items()}


def _speeds(table: Table) -> dict[str, float]:
    """Return the speed of each host's fastest NIC [bytes/s]; those that hang on a switch come before others."""
    best: dict[str, tuple[bool, int]] = {}
    for row in table:
        host, speed = table.text(row, "host"), table.mbit(row, "speed")
        if speed:
            best[host] = max(best.get(host, (False, 0)), (table.text(row, "switch") != "", speed))
    return {host: speed * MBIT for host, (_, speed) in best.items()}
