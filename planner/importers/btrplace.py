"""From an instance of BtrPlace to an inventory: what it calls decommissioning is an evacuation here.

Nodes with an ``offline`` constraint are to be emptied and switched off; nodes that are off are switched on and
receive; a ``fence`` says where a VM may go. Memory is in MB, bandwidth in Mbit/s, times in seconds.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from planner.errors import InputError, Place
from planner.files import read_text
from planner.importers.btrplace_format import Resource, Source, read_instance
from planner.importers.report import Imported, counted
from planner.inventory.load import check_inventory
from planner.inventory.models import (
    INVENTORY_FORMAT,
    NAME_PATTERN,
    VM,
    Approach,
    Host,
    Inventory,
    Link,
    Rule,
    Separate,
    Settings,
    Together,
)
from planner.inventory.places import clip

SOURCE_LABEL = "btrplace-source"
"""Label of the hosts that the instance wants emptied."""
LONGEST_NAME = 128
MEGA = 10**6
MEGABIT_BYTES_PER_S = 1e6 / 8
IDLE_HOT_MB, IDLE_HOT_S = 5.0, 2.0
"""What BtrPlace takes for a VM of which it does not say how it dirties its memory [MB, s]."""
NIC_MBIT = 1000
"""Speed of a NIC where the instance has no network [Mbit/s]."""
UNITS_BYTES = (10**6, 10**9)
"""What one of a memory view may stand for: MB or GB [bytes]."""
SILENT = frozenset({"fence", "ban", "root", "spread", "gather", "offline", "online", "running"})
"""Constraints that an inventory can say, or that say nothing of a plan."""


def import_btrplace(path: str, name: str | None = None) -> Imported:
    """Read an instance of BtrPlace and make an inventory of it.

    Parameters
    ----------
    path
        A JSON file.
    name
        Name of the inventory; that of the file if None.

    Raises
    ------
    InputError
        If the file is no instance, or no inventory can be made of it: all problems with their places.
    """
    return convert(read_instance(read_text(path), path), name or _name_of(path), path)


def _name_of(path: str) -> str:
    """Return a name for the inventory by its file's, where that is one."""
    stem = Path(path).stem
    return stem if len(stem) <= LONGEST_NAME and re.fullmatch(NAME_PATTERN, stem) else "btrplace"


def convert(source: Source, name: str, file: str | None = None) -> Imported:
    """Make an inventory of an instance; ``file`` is named where that fails."""
    work = _Conversion(source)
    try:
        inventory = work.inventory(name)
        check_inventory(inventory)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"no inventory can be made of it: {where} would be {clip(repr(first['input']))}"
        raise InputError.single("out-of-range", message, "correct what it is made of", Place(file)) from None
    except InputError as error:
        problems = [replace(one, place=Place(file, None, f"inventory.{one.place.path}")) for one in error.problems]
        raise InputError(problems) from None
    return Imported(
        inventory=inventory,
        source="BtrPlace",
        assumed=tuple(work.assumed),
        dropped=tuple(work.dropped),
        missing=tuple(work.missing),
        owned=(SOURCE_LABEL, "fence-", "node-"),
        evacuate=SOURCE_LABEL if work.leaving else None,
    )


class _Conversion:
    """The parts of the inventory, and the words on what was assumed and dropped on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.assumed: list[str] = []
        self.dropped: list[str] = []
        self.missing: list[str] = []
        self.constraints = source.instance.constraints
        self.nodes = sorted({*source.online, *source.offline})
        self.off = frozenset(source.offline)
        down = {node for one in self.constraints if one.id == "offline" for node in one.all_nodes}
        self.leaving = down & {*source.online}
        self.pinned = {vm for one in self.constraints if one.id == "root" for vm in one.all_vms}
        self.allowed = self._allowed()
        self.label_of = self._labels()
        self.switches, self.links, self.side_by_side = self._network()
        self.unit = self._unit()
        self._tell_of_what_is_left_out()

    def inventory(self, name: str) -> Inventory:
        """Return the inventory, not checked yet."""
        return Inventory(
            format=INVENTORY_FORMAT,
            name=name,
            settings=Settings(
                model="btrplace",
                approaches=(Approach.PRECOPY,),
                max_outgoing=self.side_by_side,
                max_incoming=self.side_by_side,
            ),
            hosts=tuple(self.hosts()),
            switches=self.switches,
            links=self.links,
            vms=tuple(self.vms()),
            rules=tuple(self.rules()),
        )

    def hosts(self) -> Iterator[Host]:
        """Yield the nodes, with labels that stand for the fences."""
        facts = self.source.instance.model.attributes.nodes
        cpu, memory = self._resource("cpu"), self._resource("mem")
        labels: dict[int, list[str]] = {}
        for allowed, label in self.label_of.items():
            for node in allowed:
                labels.setdefault(node, []).append(label)
        no_boot = 0
        for node in self.nodes:
            known = facts.get(node)
            off = node in self.off
            no_boot += off and (known is None or known.boot is None)
            yield Host(
                name=f"node-{node}",
                cpus=max(1, self._of(cpu.nodes, node, cpu.defCapacity)) if cpu else 10**6,
                memory=self._of(memory.nodes, node, memory.defCapacity) * self.unit if memory else 2**50,
                labels=(*([SOURCE_LABEL] if node in self.leaving else []), *sorted(labels.get(node, ()))),
                ready_after=(known.boot or 0.0) if off and known else 0.0,
                shutdown_time=(known.shutdown or 0.0) if known else 0.0,
            )
        if no_boot:
            self.assumed.append(f"{counted(no_boot, 'host')} that are off boot at once: their boot time is not given")

    def vms(self) -> Iterator[VM]:
        """Yield the running VMs."""
        facts = self.source.instance.model.attributes.vms
        cpu, memory = self._resource("cpu"), self._resource("mem")
        idle = unsized = 0
        for vm in sorted(self.source.host_of):
            known = facts.get(vm)
            used = known.memUsed if known else None
            if used is None:
                unsized += 1
                used = (self._of(memory.vms, vm, memory.defConsumption) * self.unit / MEGA if memory else 0) or 1.0
            hot = known.hotDirtySize if known else None
            period = known.hotDirtyDuration if known else None
            cold = (known.coldDirtyRate if known else None) or 0.0
            idle += hot is None or period is None
            hot = min(IDLE_HOT_MB, used) if hot is None else hot
            period = IDLE_HOT_S if period is None else period
            yield VM(
                name=f"vm-{vm}",
                host=f"node-{self.source.host_of[vm]}",
                vcpus=max(1, self._of(cpu.vms, vm, cpu.defConsumption)) if cpu else 1,
                memory=max(1, round(used * MEGA)),
                read_rate=0.0,
                write_rate=(cold + (hot / period if period else 0.0)) * MEGA,
                hot_memory=round(hot * MEGA) if period else 0,
                hot_duration=period or None,
                cold_write_rate=cold * MEGA,
                requires=(self.label_of[self.allowed[vm]],) if vm in self.allowed else (),
                pinned=vm in self.pinned,
            )
        self.assumed.append("read rates are 0: BtrPlace has none, and its pre-copy needs none")
        if unsized:
            self.assumed.append(
                f"{counted(unsized, 'VM')} move what they reserve: how much memory they use is not given"
            )
        if idle:
            self.assumed.append(
                f"{counted(idle, 'VM')} dirty {IDLE_HOT_MB:g} MB in {IDLE_HOT_S:g} s, BtrPlace's idle VM"
            )

    def rules(self) -> Iterator[Rule]:
        """Yield spread and gather as separate and together, where they can be said."""
        lost = 0
        for one in self.constraints:
            here = [vm for vm in dict.fromkeys(one.all_vms) if vm in self.source.host_of]
            members = tuple(f"vm-{vm}" for vm in here)
            if len(members) < 2:
                continue
            if one.id == "gather":
                yield Together(together=members)
            elif one.id == "spread":
                if len({self.source.host_of[vm] for vm in here}) == len(here):
                    yield Separate(separate=members)
                else:
                    lost += 1
        if lost:
            self.dropped.append(
                f"{counted(lost, 'spread constraint')} of VMs that share a host now: here they are apart at all times"
            )

    def _allowed(self) -> dict[int, frozenset[int]]:
        """Return the nodes on which each VM with a fence or ban may be."""
        allowed: dict[int, frozenset[int]] = {}
        everywhere = frozenset(self.nodes)
        for one in self.constraints:
            if one.id in ("fence", "ban"):
                nodes = frozenset(one.all_nodes)
                for vm in one.all_vms:
                    keep = nodes if one.id == "fence" else everywhere - nodes
                    allowed[vm] = allowed.get(vm, everywhere) & keep
        return allowed

    def _labels(self) -> dict[frozenset[int], str]:
        """Return a label for each set of nodes that is a fence: the node's name where it is a single one."""
        sets = sorted({tuple(sorted(nodes)) for nodes in self.allowed.values()})
        several = iter(range(1, len(sets) + 1))
        return {frozenset(nodes): f"node-{nodes[0]}" if len(nodes) == 1 else f"fence-{next(several)}" for nodes in sets}

    def _network(self) -> tuple[tuple[str, ...], tuple[Link, ...], int]:
        """Return switches, links, and how many migrations at full rate the fastest NIC carries."""
        view = self.source.network
        if view is None:
            self.missing.append(
                f"the network: each host hangs with {NIC_MBIT} Mbit/s on one switch that blocks nothing"
            )
            ends = [(f"node-{node}", "switch-0", NIC_MBIT) for node in self.nodes]
            return ("switch-0",), _links(ends), 1
        blocking = sum(switch.capacity >= 0 for switch in view.switches)
        if blocking:
            self.dropped.append(
                f"the capacity of {counted(blocking, 'switch')}: switches here forward all that links carry"
            )
        routing = view.routing.get("type", "default")
        if routing != "default":
            self.dropped.append("the routes: paths with the fewest links are taken")
        nics = [wire.capacity for wire in view.links if wire.physicalElement.type == "node"]
        self.assumed.append("migrations run at the full rate of the slowest NIC on their way, as in BtrPlace")
        return (
            tuple(f"switch-{switch.id}" for switch in view.switches),
            _links(
                (f"{wire.physicalElement.type}-{wire.physicalElement.id}", f"switch-{wire.switch}", wire.capacity)
                for wire in view.links
            ),
            max(1, max(nics, default=1) // min(nics, default=1)),
        )

    def _resource(self, name: str) -> Resource | None:
        return self.source.resources.get(name)

    @staticmethod
    def _of(amounts: dict[int, int], which: int, default: int) -> int:
        return max(0, amounts.get(which, default))

    def _unit(self) -> int:
        """Return what one of the memory view stands for [bytes], by what VMs use of it."""
        view = self._resource("mem")
        if view is None:
            self.missing.append("memory of hosts: they have more than enough")
            return 1
        facts = self.source.instance.model.attributes.vms
        ratios = [
            known.memUsed * MEGA / view.vms[vm]
            for vm, known in facts.items()
            if known.memUsed is not None and view.vms.get(vm, 0) > 0
        ]
        if not ratios:
            self.assumed.append("memory is in GB: nothing tells its unit")
            return 10**9
        middle = statistics.median(ratios)
        unit = min(UNITS_BYTES, key=lambda unit: abs(unit - middle))
        self.assumed.append(f"memory is in {'GB' if unit == 10**9 else 'MB'}, as what VMs use of it tells")
        return unit

    def _tell_of_what_is_left_out(self) -> None:
        mapping = self.source.instance.model.mapping
        sleeping = sum(len(here.sleepingVMs) for here in mapping.onlineNodes.values())
        if sleeping:
            self.dropped.append(f"{counted(sleeping, 'sleeping VM')}")
        if mapping.readyVMs:
            self.dropped.append(f"{counted(len(mapping.readyVMs), 'VM')} that run nowhere yet")
        if self._resource("cpu") is None:
            self.missing.append("vCPUs: each VM has one, and hosts have more than enough")
        for kind, count in sorted(Counter(one.id for one in self.constraints if one.id not in SILENT).items()):
            self.dropped.append(f"{counted(count, 'constraint')} of the kind {kind[:60]!r}: nothing here says the same")
        astray = sum(
            node not in self.allowed[vm] and node not in self.leaving
            for vm, node in self.source.host_of.items()
            if vm in self.allowed
        )
        if astray:
            self.dropped.append(
                f"{counted(astray, 'VM')} fenced elsewhere on hosts that stay: only hosts that are emptied lose VMs"
            )


def _links(ends: Iterable[tuple[str, str, float]]) -> tuple[Link, ...]:
    """Return full-duplex links with bandwidths given in Mbit/s."""
    return tuple(Link(between=(a, b), bandwidth=mbit * MEGABIT_BYTES_PER_S) for a, b, mbit in ends)
