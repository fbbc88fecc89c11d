"""From what a source says to an inventory: one loader for all sources, so that all assume the same and say so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from planner.errors import InputError, Place
from planner.importers.facts import STUCK, Facts, FoundHost, FoundVM, Hindrance
from planner.importers.naming import names_for
from planner.importers.report import Imported, counted
from planner.importers.topology import ASSUMED_NIC_BYTES_PER_S, one_switch, read_topology
from planner.inventory.load import check_inventory
from planner.inventory.models import INVENTORY_FORMAT, VM, Host, Inventory, Link, Rule, Separate, Together
from planner.inventory.places import clip
from planner.units import format_rate, format_size

ASSUMED_READ_BYTES_PER_S = 40e6
ASSUMED_WRITE_BYTES_PER_S = 10e6
"""Rates of a VM of which nothing is known [bytes/s]: those of a moderately busy server."""
SHOWN = 8
"""Names told in one line of a report [count]."""
LONGEST = 200
"""Longest entry of such a line [characters]."""
MIB = 2**20

HINDRANCE_WORDS: dict[Hindrance, str] = {
    Hindrance.PASSTHROUGH: "has a device of its host passed through",
    Hindrance.SRIOV: "has a virtual function of its host's NIC",
    Hindrance.VGPU: "has a virtual GPU",
    Hindrance.LOCAL_MEDIUM: "has a medium of its host inserted, such as an ISO image",
    Hindrance.LOCAL_DISK: "has disks on its host, which move with it",
    Hindrance.HUGEPAGES: "uses huge pages, which its target must have",
    Hindrance.PINNED_CPUS: "is pinned to CPUs of its host",
    Hindrance.HOST_CPU: "has its host's CPU model, so that its target must have the same",
    Hindrance.SNAPSHOT: "has snapshots on its host",
    Hindrance.FORBIDDEN: "must not move live, as the source says",
}
"""What each hindrance says of a VM, after its name."""


@dataclass(frozen=True)
class Wishes:
    """What the operator says beside the source.

    Parameters
    ----------
    name
        Name of the inventory.
    nic_bytes_per_s
        Speed of all hosts' NICs [bytes/s]; None for what the source says, or 10 Gbit/s.
    topology
        A file with switches and links, or None for one switch that blocks nothing.
    file
        What the facts were read from, to be named where no inventory can be made of them.
    """

    name: str
    nic_bytes_per_s: float | None = None
    topology: str | None = None
    file: str | None = None


def load(facts: Facts, wishes: Wishes) -> Imported:
    """Make an inventory of what a source says.

    Raises
    ------
    InputError
        If none can be made of it, or the topology does not fit: all problems, with what they are about.
    """
    work = _Loader(facts, wishes)
    try:
        inventory = work.inventory()
        check_inventory(inventory)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"no inventory can be made of it: {where} would be {clip(repr(first['input']))}"
        raise InputError.single("out-of-range", message, "correct what it is made of", Place(wishes.file)) from None
    except InputError as error:
        problems = [
            one if one.place.file else replace(one, place=Place(wishes.file, None, f"inventory.{one.place.path}"))
            for one in error.problems
        ]
        raise InputError(problems) from None
    return Imported(
        inventory=inventory,
        source=facts.source,
        assumed=tuple(work.assumed),
        dropped=tuple(work.dropped),
        missing=tuple(work.missing),
        hindered=tuple(work.hindered()),
        measured=frozenset(work.measured()),
        written=frozenset(work.written()),
        doubtful=tuple(work.doubtful()),
        evacuate=facts.evacuate,
        owned=facts.owned,
    )


def some(names: Sequence[str]) -> str:
    """Return names for a report, cut after a few, their control characters visible."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(clip(name, LONGEST) for name in names[:SHOWN]) + more


class _Loader:
    """The parts of the inventory, and the sentences of the report."""

    def __init__(self, facts: Facts, wishes: Wishes) -> None:
        self._facts, self._wishes = facts, wishes
        self.assumed, self.dropped, self.missing = list(facts.assumed), list(facts.dropped), list(facts.missing)
        self._host_name = names_for(host.name for host in facts.hosts)
        vms = [vm for vm in facts.vms if vm.host in self._host_name]
        astray = [vm.name for vm in facts.vms if vm.host not in self._host_name]
        if astray:
            self.dropped.append(f"{counted(len(astray), 'VM')} on hosts that are not there: {some(astray)}")
        # One name twice would be two VMs of one name: the second is told by its host as well.
        seen: Counter[str] = Counter()
        self._vms: list[tuple[str, FoundVM]] = []
        for vm in vms:
            seen[vm.name] += 1
            self._vms.append((vm.name if seen[vm.name] == 1 else f"{vm.name}@{vm.host}", vm))
        self._vm_name = names_for(key for key, _ in self._vms)
        changed = [
            f"{clip(old)} is {new}" for old, new in (*self._host_name.items(), *self._vm_name.items()) if old != new
        ]
        if changed:
            self.assumed.append(f"names that inventories do not take are written otherwise: {some(changed)}")

    def inventory(self) -> Inventory:
        """Return the inventory, not checked yet."""
        hosts = tuple(self._hosts())
        vms = tuple(self._machines())
        switches, links = self._network(hosts)
        return Inventory(
            format=INVENTORY_FORMAT,
            name=self._wishes.name,
            settings=self._facts.settings,
            hosts=hosts,
            switches=switches,
            links=links,
            vms=vms,
            rules=tuple(self._rules(vms)),
        )

    def _hosts(self) -> Iterator[Host]:
        used_memory: Counter[str] = Counter()
        used_vcpus: Counter[str] = Counter()
        for _, vm in self._vms:
            used_memory[vm.host] += vm.memory_bytes
            used_vcpus[vm.host] += vm.vcpus
        unsized: list[str] = []
        crowded: list[str] = []
        for host in self._facts.hosts:
            memory, cpus = host.memory_bytes, host.cpus
            if memory is None or cpus is None:
                unsized.append(host.name)
            memory = used_memory[host.name] if memory is None else memory
            cpus = max(1, used_vcpus[host.name]) if cpus is None else cpus
            if memory < used_memory[host.name] or cpus < used_vcpus[host.name]:
                crowded.append(host.name)
            yield Host(
                name=self._host_name[host.name],
                # What is there already fits, by whatever overcommitment.
                cpus=max(1, cpus, used_vcpus[host.name]),
                memory=max(memory, used_memory[host.name]),
                labels=host.labels,
                accepts=host.accepts,
            )
        if unsized:
            self.missing.append(
                f"memory or CPUs of {counted(len(unsized), 'host')}: they have just what their VMs take:"
                f" {some(unsized)}"
            )
        if crowded:
            self.assumed.append(
                f"{counted(len(crowded), 'host')} that carry more than they have may carry just that: {some(crowded)}"
            )

    def _machines(self) -> Iterator[VM]:
        unread = unwritten = 0
        for key, vm in self._vms:
            unread += vm.read_rate is None
            unwritten += vm.write_rate is None
            yield VM(
                name=self._vm_name[key],
                host=self._host_name[vm.host],
                vcpus=max(1, vm.vcpus),
                memory=vm.memory_bytes,
                disk=vm.disk_bytes,
                nonzero_memory=None if vm.nonzero_bytes is None else min(vm.nonzero_bytes, vm.memory_bytes),
                working_set=None if vm.working_set_bytes is None else min(vm.working_set_bytes, vm.memory_bytes),
                read_rate=ASSUMED_READ_BYTES_PER_S if vm.read_rate is None else vm.read_rate,
                write_rate=ASSUMED_WRITE_BYTES_PER_S if vm.write_rate is None else vm.write_rate,
                dirty_vector=vm.dirty_vector,
                approaches=vm.approaches,
                requires=vm.requires,
                pinned=any(kind in STUCK for kind, _ in vm.hindrances),
            )
        for count, what, rate in (
            (unwritten, "write", ASSUMED_WRITE_BYTES_PER_S),
            (unread, "read", ASSUMED_READ_BYTES_PER_S),
        ):
            if count:
                self.missing.append(
                    f"{what} rates of {counted(count, 'VM')}: {rate / 1e6:g} MB/s is taken; measure them, since plans"
                    " rest on them"
                )

    def _network(self, hosts: Sequence[Host]) -> tuple[tuple[str, ...], tuple[Link, ...]]:
        if self._wishes.topology is not None:
            topology = read_topology(self._wishes.topology)
            return topology.switches, topology.links
        nics = {self._host_name[host.name]: self._nic(host) for host in self._facts.hosts}
        unknown = [host.name for host in self._facts.hosts if host.nic_bytes_per_s is None]
        if unknown and self._wishes.nic_bytes_per_s is None:
            self.missing.append(
                f"the NICs of {counted(len(unknown), 'host')}: {format_rate(ASSUMED_NIC_BYTES_PER_S)} is taken"
                " (--nic-speed)"
            )
        self.missing.append("the switches: one that blocks nothing is taken (--topology)")
        return one_switch(hosts, nics)

    def _nic(self, host: FoundHost) -> float:
        return self._wishes.nic_bytes_per_s or host.nic_bytes_per_s or ASSUMED_NIC_BYTES_PER_S

    def _rules(self, vms: Sequence[VM]) -> Iterator[Rule]:
        host_of = {vm.name: vm.host for vm in vms}
        broken: list[str] = []
        for rule in self._facts.rules:
            members = tuple(dict.fromkeys(self._vm_name[name] for name in rule.members if name in self._vm_name))
            if len(members) < 2:
                continue
            if rule.kind == "together":
                yield Together(together=members)
            elif len({host_of[name] for name in members}) == len(members):
                yield Separate(separate=members)
            else:
                broken.append(rule.origin)
        if broken:
            self.dropped.append(
                f"{counted(len(broken), 'rule')} that keep VMs apart which are on one host now: {some(broken)}"
            )

    def hindered(self) -> Iterator[str]:
        """Yield what cannot move live, or not everywhere, and why, a sentence for each hindrance."""
        for kind in Hindrance:
            named = [
                f"{self._vm_name[key]} ({clip(what)})" if what else self._vm_name[key]
                for key, vm in self._vms
                for found, what in vm.hindrances
                if found is kind
            ]
            if named:
                pinned = "; pinned" if kind in STUCK else ""
                words = _of_many(HINDRANCE_WORDS[kind], len(named))
                yield f"{counted(len(named), 'VM')} {words}{pinned}: {some(named)}"

    def measured(self) -> Iterator[str]:
        """Yield the VMs whose rates are known."""
        for key, vm in self._vms:
            if vm.read_rate is not None and vm.write_rate is not None:
                yield self._vm_name[key]

    def written(self) -> Iterator[str]:
        """Yield the VMs of which is known how they write."""
        for key, vm in self._vms:
            if vm.write_rate is not None:
                yield self._vm_name[key]

    def doubtful(self) -> Iterator[str]:
        """Yield figures that look like faults of measuring."""
        still = [
            self._vm_name[key]
            for key, vm in self._vms
            if vm.write_rate == 0 and (vm.nonzero_bytes is None or vm.nonzero_bytes > 64 * MIB)
        ]
        if still:
            yield (
                f"{counted(len(still), 'VM')} with a write rate of 0, which looks like a fault of sampling and not like"
                f" a VM that runs: {some(still)}"
            )
        large = [
            f"{self._vm_name[key]} ({format_size(vm.write_rate)}/s)"
            for key, vm in self._vms
            if vm.write_rate is not None and vm.write_rate > vm.memory_bytes
        ]
        if large:
            yield f"{counted(len(large), 'VM')} that would dirty all memory within a second: {some(large)}"


def _of_many(words: str, count: int) -> str:
    """Return what is said of one VM as it is said of several."""
    if count == 1:
        return words
    first, rest = words.split(" ", 1)
    verb = {"has": "have", "uses": "use", "is": "are"}.get(first, first)
    return re.sub(r"\bits\b", "their", re.sub(r"\bit\b", "them", f"{verb} {rest}"))
