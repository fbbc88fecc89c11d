"""A libvirt host as virsh tells it: node information, capabilities, statistics of its domains, storage pools."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.errors import InputError, Place
from planner.importers.libvirt_domain import MOST_VCPUS, Domain
from planner.importers.libvirt_xml import MOST, Xml, text_of
from planner.inventory.places import clip

SHARED_POOLS = frozenset({"netfs", "gluster", "iscsi", "iscsi-direct", "rbd", "sheepdog", "vstorage", "mpath"})
"""Kinds of storage pools that lie on the network, so that every host may see them."""
_DOMAIN = re.compile(r"Domain: '(.*)'")
_STATES = {
    "no state": 0, "running": 1, "blocked": 2, "idle": 2, "paused": 3, "in shutdown": 4, "shut off": 5, "crashed": 6,
    "pmsuspended": 7,
}  # fmt: skip
RUNNING_STATES = frozenset({1, 2, 3, 4, 7})
"""States of a domain that holds memory of its host: running, blocked, paused, shutting down, suspended."""

MEASURED = ("2", "measured")
"""What ``dirtyrate.calc_status`` is once there is a figure."""
LONGEST_PERIOD_S = 3600
"""Longest measuring that is believed [s]; libvirt takes 60."""

Stats = Mapping[str, str]


@dataclass
class HostParts:
    """What was read of one host.

    Parameters
    ----------
    name
        The host.
    origin
        Where it was read: a directory or a URI.
    domains
        Its domains, those that are off among them.
    stats
        Statistics by name of the domain; `stats_file` is where they stand.
    measured
        Dirty rates by name of the domain and length of the measuring [s: MiB/s].
    cpus, memory_bytes
        Logical CPUs [count] and memory [bytes]; None where nothing says.
    cpu_model, cpu_features
        The host's own CPU; empty where nothing says.
    usable_models
        CPU models that domains may have; None where nothing says.
    machines
        Machine types that domains may have; None where nothing says.
    hugepages
        Huge pages by their size [bytes: count]; None where nothing says.
    pools
        Storage pools by name: kind and path.
    """

    name: str
    origin: str
    domains: list[Domain] = field(default_factory=list)
    stats: dict[str, Stats] = field(default_factory=dict)
    stats_file: str = ""
    measured: dict[str, dict[int, int]] = field(default_factory=dict)
    cpus: int | None = None
    memory_bytes: int | None = None
    cpu_model: str = ""
    cpu_features: frozenset[str] = frozenset()
    usable_models: frozenset[str] | None = None
    machines: frozenset[str] | None = None
    hugepages: Mapping[int, int] | None = None
    pools: dict[str, tuple[str, str]] = field(default_factory=dict)

    def number(self, domain: str, key: str) -> int | None:
        """Return a number of a domain's statistics, or None where it is not there.

        Raises
        ------
        InputError
            If there is something else in its place.
        """
        word = self.stats.get(domain, {}).get(key)
        if word is None:
            return None
        if word.isascii() and word.isdigit() and len(word) < 20 and int(word) <= MOST:
            return int(word)
        message = f"{key} of {clip(domain)} is {clip(repr(word))}, no whole number up to {MOST:,}"
        raise InputError.single(
            "out-of-range", message, "write what virsh domstats --raw writes", Place(self.stats_file)
        )

    def note_dirty_rates(self) -> None:
        """Keep the dirty rates that the statistics hold now, for the next ones take their place.

        Raises
        ------
        InputError
            If one is absurd.
        """
        for domain, values in self.stats.items():
            if values.get("dirtyrate.calc_status") not in MEASURED:
                continue
            rate = self.number(domain, "dirtyrate.megabytes_per_second")
            period_s = self.number(domain, "dirtyrate.calc_period")
            if rate is not None:
                self.measured.setdefault(domain, {})[min(period_s or 1, LONGEST_PERIOD_S)] = rate

    def runs(self, domain: Domain) -> bool:
        """Return whether a domain runs: its statistics say so, or its XML where they are missing."""
        state = self.stats.get(domain.name, {}).get("state.state", "")
        if state in _STATES:
            return _STATES[state] in RUNNING_STATES
        number = self.number(domain.name, "state.state")
        return domain.active if number is None else number in RUNNING_STATES


def read_capabilities(xml: Xml, host: HostParts) -> None:
    """Take over what ``virsh capabilities`` writes.

    Raises
    ------
    InputError
        If a number is absurd, with its line.
    """
    cpu = xml.root.find("host/cpu")
    if cpu is not None:
        host.cpu_model = text_of(cpu, "model")
        host.cpu_features = frozenset(one.get("name", "") for one in cpu.findall("feature"))
    memory = cpus = 0
    pages: dict[int, int] = {}
    for cell in xml.root.findall("host/topology/cells/cell"):
        for size in cell.findall("memory"):
            memory += xml.size(size)
        for count in cell.findall("cpus"):
            cpus += xml.number(count, count.get("num"), 0, MOST_VCPUS)
        for page in cell.findall("pages"):
            kib = xml.number(page, page.get("size"), 1, 2**40)
            pages[kib * 1024] = pages.get(kib * 1024, 0) + xml.number(page, page.text)
    if pages:
        host.hugepages = {size: count for size, count in pages.items() if size > 64 * 1024}
    if host.memory_bytes is None and memory:
        host.memory_bytes = memory
    if host.cpus is None and cpus:
        host.cpus = cpus
    found = [one for path in ("guest/arch/machine", "guest/arch/domain/machine") for one in xml.root.findall(path)]
    machines = {name for one in found for name in ((one.text or "").strip(), one.get("canonical", "")) if name}
    if machines:
        host.machines = frozenset(machines)


def read_domain_capabilities(xml: Xml, host: HostParts) -> None:
    """Take over what ``virsh domcapabilities`` writes: the CPU models that its domains can have."""
    for mode in xml.root.findall("cpu/mode"):
        if mode.get("name") == "custom":
            models = {(one.text or "").strip() for one in mode.findall("model") if one.get("usable") == "yes"}
            host.usable_models = (host.usable_models or frozenset()) | models


def read_pool(xml: Xml, host: HostParts) -> None:
    """Take over what ``virsh pool-dumpxml`` writes."""
    host.pools[text_of(xml.root, "name")] = (xml.root.get("type", ""), text_of(xml.root, "target/path"))


def read_node_info(text: str, file: str, host: HostParts) -> None:
    """Take over what ``virsh nodeinfo`` writes.

    Raises
    ------
    InputError
        If CPUs or memory are missing or absurd, with their line.
    """
    found: dict[str, int] = {}
    for line, row in enumerate(text.splitlines(), 1):
        key, _, value = row.partition(":")
        words = value.split()
        if key.strip() not in ("CPU(s)", "Memory size"):
            continue
        good = len(words) >= 1 and words[0].isascii() and words[0].isdigit() and len(words[0]) < 16
        if not good or (key.strip() == "Memory size" and words[1:] != ["KiB"]) or int(words[0]) == 0:
            message = f"{key.strip()} is {clip(repr(value.strip()))}"
            mend = "give what virsh nodeinfo writes, with memory in KiB"
            raise InputError.single("out-of-range", message, mend, Place(file, line))
        found[key.strip()] = int(words[0])
    if len(found) < 2:
        message = "CPU(s) or Memory size is missing"
        mend = "give all of what LC_ALL=C virsh nodeinfo writes"
        raise InputError.single("missing-element", message, mend, Place(file))
    host.cpus, host.memory_bytes = found["CPU(s)"], found["Memory size"] * 1024


def read_stats(text: str, file: str, host: HostParts) -> None:
    """Take over what ``virsh domstats --raw`` writes; of several, the last counts, and dirty rates of all lengths.

    Raises
    ------
    InputError
        If a line is none of it, or a domain comes twice, with its line.
    """
    host.stats_file = file
    here: dict[str, dict[str, str]] = {}
    current: dict[str, str] | None = None
    for line, row in enumerate(text.splitlines(), 1):
        if not row.strip():
            continue
        start = _DOMAIN.fullmatch(row.strip())
        if start is not None:
            if start[1] in here:
                message = f"the domain {clip(start[1])} comes twice"
                raise InputError.single("duplicate-name", message, "keep one of the two", Place(file, line))
            current = here[start[1]] = {}
            continue
        key, sign, value = row.strip().partition("=")
        if current is None or not sign:
            message = f"{clip(repr(row.strip()))} is no line of domain statistics"
            raise InputError.single("bad-line", message, "give what virsh domstats --raw writes", Place(file, line))
        current[key] = value
    host.stats |= here
    host.note_dirty_rates()
