"""VMs of an RVTools export that run: their sizes, what keeps them where they are, and what their hosts must have."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from planner.importers.facts import FoundHost, FoundRule, FoundVM, Hindrance
from planner.importers.naming import names_for
from planner.importers.rvtools_columns import Table
from planner.importers.rvtools_cpu import mode_label
from planner.importers.rvtools_hosts import Hosts
from planner.importers.rvtools_names import JOINED
from planner.importers.rvtools_rules import Rules
from planner.importers.rvtools_sheets import Row
from planner.importers.rvtools_storage import Datastores, datastore_of
from planner.inventory.places import clip

MIB = 2**20
POWER = {"poweredon": True, "poweredoff": False, "suspended": False}
NO_FT = ("", "notconfigured", "disabled")
SHARED_BUS = ("physicalsharing", "virtualsharing")
_AGENT = re.compile(r"vCLS(?: ?\([0-9]+\)|-[0-9a-f]{8}-[0-9a-f-]{27})?")
"""Names of the VMs that vSphere runs for itself, and takes off a host that is emptied."""


@dataclass(frozen=True)
class _Machine:
    """A VM's row of vInfo, its host, and its rows of the other sheets."""

    row: Row
    name: str
    host: str
    rows: Mapping[str, list[Row]]


class Machines:
    """The VMs that run.

    Parameters
    ----------
    tables
        All sheets.
    hosts
        The hosts.
    """

    def __init__(self, tables: Mapping[str, Table], hosts: Hosts) -> None:
        self._tables, self._hosts, self._info = tables, hosts, tables["vInfo"]
        self._stores = Datastores(tables["vDatastore"], hosts.found)
        self._shared: dict[str, frozenset[str]] = {}
        self._twins: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.left: Counter[str] = Counter()
        self.weak: list[str] = []
        self.locked: list[str] = []
        self.rules = Rules()
        found = [self._vm(machine) for machine in self._running()]
        label = names_for(f"datastore:{name}" for name in self._shared)
        self.found = [replace(vm, requires=tuple(label.get(need, need) for need in vm.requires)) for vm in found]
        self._store_labels = {label[f"datastore:{name}"]: has for name, has in self._shared.items()}

    def with_stores(self, host: FoundHost) -> FoundHost:
        """Return a host with the labels of the datastores that it has and others do not."""
        return replace(
            host,
            labels=(*host.labels, *(label for label, has in self._store_labels.items() if host.name in has)),
        )

    def found_rules(self) -> list[FoundRule]:
        """Return DRS rules, and those of fault tolerance, whose two VMs must not share a host."""
        twins = [
            FoundRule("separate", tuple(members), f"fault tolerance of {name}")
            for (_, name), members in self._twins.items()
            if len(members) > 1
        ]
        return [*self.rules.found(), *twins]

    def _running(self) -> Iterator[_Machine]:
        """Yield the VMs that run, each under a name of its own; others are counted."""
        info = self._info
        joined = {name: _Joined(info, self._tables[name]) for name in JOINED}
        first: dict[tuple[str, ...], int] = {}
        taken: set[str] = set()
        for row in info:
            name, host = info.text(row, "vm"), info.text(row, "host")
            if not self._runs(row, name):
                continue
            if name == "" or host == "":
                ours, noun = ("vm", "name") if name == "" else ("host", "host")
                info.wrong(row, ours, "no-name", f"a VM that runs has no {noun}", "correct the cell")
                continue
            key: tuple[str, ...] = (info.text(row, "id"), info.text(row, "server"))
            if not info.has("id"):
                key = (name, host, info.text(row, "datacenter"), info.text(row, "path"))
            if first.setdefault(key, row.number) != row.number:
                message = f"the VM {clip(name)!r} is there twice, first in row {first[key]}"
                info.wrong(row, "vm", "duplicate", message, "keep one of them")
                continue
            unique = name if name not in taken else f"{name}@{host}"
            while unique in taken:
                unique += "+"
            taken.add(unique)
            if info.text(row, "ft").casefold() not in NO_FT:
                self._twins[(info.text(row, "cluster"), name)].append(unique)
            yield _Machine(row, unique, host, {sheet: joined[sheet].rows(row) for sheet in JOINED})

    def _runs(self, row: Row, name: str) -> bool:
        info = self._info
        power = info.text(row, "power")
        if info.yes(row, "template"):
            self.left["template"] += 1
        elif info.yes(row, "placeholder"):
            self.left["placeholder"] += 1
        elif power.casefold() not in POWER:
            message = f"{clip(power)!r} is none of poweredOn, poweredOff, suspended"
            info.wrong(row, "power", "no-choice", message, "correct the cell, or export it again")
        elif not POWER[power.casefold()]:
            self.left["off"] += 1
        elif _AGENT.fullmatch(name):
            self.left["agent"] += 1
        else:
            return True
        return False

    def _vm(self, it: _Machine) -> FoundVM:
        info, row = self._info, it.row
        cpus = info.count(row, "cpus") if info.has("cpus") else self._number(it, "vCPU", "cpus")
        memory = info.mib(row, "memory") if info.has("memory") else self._number(it, "vMemory", "memory")
        for ours, value in (("cpus", cpus), ("memory", memory)):
            if value == 0 or (value is None and not (info.has(ours) and info.text(row, ours))):
                info.wrong(row, ours, "no-size", f"a VM that runs has no {ours}", "correct it, or export all sheets")
        memory, cpus = memory or 1, cpus or 1
        consumed = self._number(it, "vMemory", "consumed")
        swapped = self._number(it, "vMemory", "swapped") or 0
        used = min(memory, consumed + swapped) if consumed else None
        active = self._number(it, "vMemory", "active") or info.mib(row, "active")
        if any(self._tables["vMemory"].yes(each, "locked") for each in it.rows["vMemory"]):
            self.locked.append(it.name)
        self.rules.add(it.name, info.text(row, "cluster"), info.text(row, "rules"), info.text(row, "rule_names"))
        local = [store for store in self._datastores(it) if self._stores.is_local(store, it.host)]
        hindrances = [*self._hindrances(it)]
        if local:
            hindrances.append((Hindrance.LOCAL_DISK, ", ".join(local)))
        return FoundVM(
            name=it.name,
            host=it.host,
            vcpus=cpus,
            memory_bytes=memory * MIB,
            disk_bytes=self._disk_mib(it, local) * MIB,
            nonzero_bytes=None if used is None else used * MIB,
            working_set_bytes=min(active, used or memory) * MIB if active else None,
            requires=tuple(dict.fromkeys((*self._needs(it), *self._store_needs(it, local)))),
            hindrances=tuple(hindrances),
        )

    def _number(self, it: _Machine, sheet: str, ours: str) -> int | None:
        """Return a number of a VM from a sheet that has one row for each."""
        table = self._tables[sheet]
        for row in it.rows[sheet]:
            return table.count(row, ours) if ours == "cpus" else table.mib(row, ours)
        return None

    def _needs(self, it: _Machine) -> Iterator[str]:
        """Yield the labels of a VM's cluster, and of the EVC mode that it needs."""
        host = self._hosts.found.get(it.host)
        cluster = self._hosts.cluster(self._info, it.row)
        if self._hosts.several_clusters and cluster is not None and host is not None and cluster in host.labels:
            yield cluster
        mode = self._info.text(it.row, "evc")
        if mode and host is not None:
            if mode_label(mode) in host.labels:
                yield mode_label(mode)
            else:
                self.weak.append(it.name)

    def _store_needs(self, it: _Machine, local: list[str]) -> Iterator[str]:
        """Yield the labels of datastores that some hosts have and others do not."""
        for store in self._datastores(it):
            sharers = self._stores.sharers(store, it.host)
            if sharers is not None and store not in local:
                self._shared[store] = self._shared.get(store, frozenset()) | sharers
                yield f"datastore:{store}"

    def _hindrances(self, it: _Machine) -> Iterator[tuple[Hindrance, str]]:
        info, usb, cd, disks = (self._tables[name] for name in ("vInfo", "vUSB", "vCD", "vDisk"))
        if info.yes(it.row, "passthrough"):
            yield Hindrance.PASSTHROUGH, "Fixed Passthru HotPlug"
        state = info.text(it.row, "connection")
        if state.casefold() not in ("", "connected"):
            yield Hindrance.FORBIDDEN, state
        for row in it.rows["vUSB"]:
            if usb.yes(row, "connected"):
                yield Hindrance.PASSTHROUGH, usb.text(row, "type") or usb.text(row, "node") or "USB"
        for row in it.rows["vCD"]:
            if cd.yes(row, "connected"):
                medium = cd.text(row, "type")
                store = datastore_of(medium)
                # An image on a datastore that other hosts have goes along.
                if store is None or self._stores.is_local(store, it.host):
                    yield Hindrance.LOCAL_MEDIUM, medium or cd.text(row, "node") or "CD"
        buses = dict.fromkeys(disks.text(row, "bus") for row in it.rows["vDisk"])
        for bus in buses:
            if bus.casefold() in SHARED_BUS:
                yield Hindrance.FORBIDDEN, f"SCSI bus {bus}"

    def _datastores(self, it: _Machine) -> list[str]:
        """Return the datastores of a VM: those of its disks and that of its configuration."""
        disks = self._tables["vDisk"]
        found = [datastore_of(disks.text(row, "path")) for row in it.rows["vDisk"]]
        found.append(datastore_of(self._info.text(it.row, "path")))
        return list(dict.fromkeys(store for store in found if store is not None))

    def _disk_mib(self, it: _Machine, local: list[str]) -> int:
        """Return what moves with a VM, because only its host has it [MiB]."""
        if not local:
            return 0
        disks, rows = self._tables["vDisk"], it.rows["vDisk"]
        if not rows:
            return self._info.mib(it.row, "disk") or 0
        return sum(disks.mib(row, "capacity") or 0 for row in rows if datastore_of(disks.text(row, "path")) in local)


class _Joined:
    """The rows of a sheet by VM: by its ID where both sheets have it, otherwise by its name."""

    def __init__(self, info: Table, table: Table) -> None:
        self._info = info
        self._keys = [key for key in ("id", "server") if info.has(key) and table.has(key)]
        if "id" not in self._keys:
            self._keys = ["vm"]
        self._rows: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in table:
            self._rows[tuple(table.text(row, key) for key in self._keys)].append(row)

    def rows(self, row: Row) -> list[Row]:
        """Return the rows of the VM that a row of vInfo is about."""
        return self._rows.get(tuple(self._info.text(row, key) for key in self._keys), [])
