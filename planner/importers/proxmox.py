"""Proxmox VE: what its API tells of nodes, VMs, storages and HA, as facts for the loader."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from planner.errors import InputError, Place
from planner.importers.facts import Facts, FoundHost, FoundVM, Hindrance
from planner.importers.naming import label, unique_names
from planner.importers.proxmox_config import GuestConfig
from planner.importers.proxmox_cpu import SAME_MODEL, Cpus
from planner.importers.proxmox_datacenter import SOURCE, settings_of
from planner.importers.proxmox_format import SHARED_TYPES, Cluster, Resource
from planner.importers.proxmox_ha import Placement, placement
from planner.importers.proxmox_report import left_out, tell
from planner.inventory.models import Approach
from planner.inventory.places import clip

MAINTENANCE = "maintenance"
"""Label of nodes in maintenance."""
VCPUS_PER_CPU = 4.0
"""vCPUs that a CPU of a node may carry where nobody says [1]: Proxmox VE itself has no limit."""


def facts_of(cluster: Cluster, vcpus_per_cpu: float | None = None, file: str | None = None) -> Facts:
    """Return what a cluster's answers say.

    Parameters
    ----------
    cluster
        The answers, right in themselves.
    vcpus_per_cpu
        vCPUs that a CPU of a node may carry [1]; None for `VCPUS_PER_CPU`.
    file
        What was read, for problems.

    Raises
    ------
    InputError
        If no VM or node of it can be placed.
    """
    work = _Cluster(cluster, VCPUS_PER_CPU if vcpus_per_cpu is None else vcpus_per_cpu)
    if vcpus_per_cpu is None:
        work.facts.assumed.append(
            f"a CPU of a node carries {VCPUS_PER_CPU:g} vCPUs, since {SOURCE} has no limit (--vcpus-per-cpu)"
        )
    work.collect()
    if not work.facts.hosts:
        raise InputError.single("too-few", "it tells of no node", "check what was saved", Place(file))
    return work.facts


class _Cluster:
    """The cluster on its way to facts."""

    def __init__(self, cluster: Cluster, vcpus_per_cpu: float) -> None:
        self._cluster, self._vcpus_per_cpu = cluster, vcpus_per_cpu
        self.facts = Facts(SOURCE)
        self._running = [
            one for one in cluster.guests if one.type == "qemu" and one.status == "running" and not one.template
        ]
        self._names = unique_names({one.vmid or 0: one.name or f"vm-{one.vmid}" for one in self._running})
        self._shared = {one.storage or "": one.shared or one.plugintype in SHARED_TYPES for one in cluster.stores}
        for storage in cluster.storages or ():
            known = self._shared.get(storage.storage, False)
            self._shared[storage.storage] = known or storage.shared or storage.type in SHARED_TYPES
        self._nodes_of: defaultdict[str, set[str]] = defaultdict(set)
        for store in cluster.stores:
            if store.status in ("", "available"):
                self._nodes_of[store.storage or ""].add(store.node or "")
        self._online = {one.node or "" for one in cluster.nodes if one.status == "online"}
        self._cpus = Cpus(cluster.cpus, self._online)
        self._labels: defaultdict[str, list[str]] = defaultdict(list)
        self._notes: defaultdict[str, list[str]] = defaultdict(list)

    def collect(self) -> None:
        """Fill the facts."""
        self._label_nodes()
        rules = placement(self._cluster, self._names, {one.node or "" for one in self._cluster.nodes})
        for node, labels in rules.labels.items():
            self._labels[node] += labels
        self.facts.vms += [self._vm(one, rules) for one in self._running]
        self.facts.hosts += self._hosts()
        self.facts.rules += rules.rules
        self.facts.dropped += [*rules.dropped, *left_out(self._cluster)]
        self.facts.settings = settings_of(self._cluster.options, self.facts)
        if self._cluster.maintenance & {vm.host for vm in self.facts.vms}:
            self.facts.evacuate = MAINTENANCE
        tell(self.facts, self._notes, self._cluster, self._cpus)

    def _label_nodes(self) -> None:
        for node in self._cluster.nodes:
            name = node.node or ""
            if name in self._cluster.maintenance:
                self._labels[name].append(MAINTENANCE)
            self._labels[name] += self._cpus.labels(name)
        for storage, nodes in self._nodes_of.items():
            if self._is_partial(storage):
                for where in nodes:
                    self._labels[where].append(_storage_label(storage))

    def _is_partial(self, storage: str) -> bool:
        """Return whether some nodes that are online have a storage and others do not."""
        return bool(self._nodes_of[storage]) and not self._online <= self._nodes_of[storage]

    def _hosts(self) -> Iterator[FoundHost]:
        containers: Counter[str] = Counter()
        container_cpus: Counter[str] = Counter()
        guests: defaultdict[str, list[Resource]] = defaultdict(list)
        for guest in self._cluster.guests:
            if guest.status == "running":
                guests[guest.node or ""].append(guest)
                if guest.type == "lxc":
                    containers[guest.node or ""] += guest.maxmem or 0
                    container_cpus[guest.node or ""] += round(guest.maxcpu or 0)
        for node in self._cluster.nodes:
            name = node.node or ""
            online, away = node.status == "online", name in self._cluster.maintenance
            own = _own_memory(node, guests[name])
            if own is None and online:
                self._notes["own"].append(name)
            if not online:
                self._notes["offline"].append(name)
            memory = max(0, node.maxmem - containers[name] - (own or 0)) if node.maxmem else None
            cpus = max(0, int(node.maxcpu * self._vcpus_per_cpu) - container_cpus[name]) if node.maxcpu else None
            yield FoundHost(
                name=name,
                cpus=cpus,
                memory_bytes=memory,
                labels=tuple(dict.fromkeys(self._labels[name])),
                accepts=online and not away,
            )

    def _vm(self, guest: Resource, rules: Placement) -> FoundVM:
        vmid, node = guest.vmid or 0, guest.node or ""
        name, config = self._names[vmid], self._cluster.configs.get(vmid)
        requires = list(rules.requires.get(vmid, ()))
        memory_bytes = config.memory_bytes if config else guest.maxmem or 0
        vcpus = config.vcpus if config else round(guest.maxcpu or 0)
        hindrances: list[tuple[Hindrance, str]] = []
        disk_bytes, approaches = 0, None
        if config is None:
            self._notes["unconfigured"].append(name)
        else:
            hindrances += config.hindrances
            disk_bytes = self._drives(name, guest, config, hindrances, requires)
            if disk_bytes and config.has_snapshots:
                hindrances.append((Hindrance.SNAPSHOT, "its local disks cannot move live"))
                approaches = (Approach.COLD,)
            requires += self._cpu(name, node, config.cpu)
            if config.lock:
                self._notes["locked"].append(f"{name} ({clip(config.lock)})")
            if config.has_balloon:
                self._notes["balloon"].append(name)
            if config.unused:
                self._notes["unused"].append(name)
        if guest.memhost is not None:
            self._notes["touched"].append(name)
        return FoundVM(
            name=name,
            host=node,
            vcpus=vcpus,
            memory_bytes=memory_bytes,
            disk_bytes=disk_bytes,
            nonzero_bytes=guest.memhost or None,
            requires=tuple(dict.fromkeys(requires)),
            hindrances=tuple(hindrances),
            approaches=approaches,
        )

    def _drives(
        self,
        name: str,
        guest: Resource,
        config: GuestConfig,
        hindrances: list[tuple[Hindrance, str]],
        requires: list[str],
    ) -> int:
        """Return what of a VM's disks moves with it [bytes]; what ties it to its node and what it requires is added."""
        local: list[str] = []
        total = 0
        for drive in config.drives:
            if drive.volume == "none" or (drive.is_cdrom and "cloudinit" in drive.volume):
                continue
            if drive.storage is None:
                if drive.is_cdrom:
                    hindrances.append((Hindrance.LOCAL_MEDIUM, f"{drive.key}: {clip(drive.volume)}"))
                elif not drive.is_shared:
                    hindrances.append((Hindrance.PASSTHROUGH, f"{drive.key}: {clip(drive.volume)}"))
                continue
            if drive.storage not in self._shared:
                self._notes["storage"].append(drive.storage)
            shared = drive.is_shared or self._shared.get(drive.storage, False)
            if drive.is_cdrom:
                if not shared:
                    hindrances.append((Hindrance.LOCAL_MEDIUM, f"{drive.key}: {clip(drive.volume)}"))
                continue
            if self._is_partial(drive.storage):
                requires.append(_storage_label(drive.storage))
            if not shared:
                local.append(f"{drive.key} on {clip(drive.storage)}")
                if drive.size_bytes is None:
                    self._notes["sizeless"].append(f"{name} {drive.key}")
                total += (guest.maxdisk or 0) if drive.size_bytes is None else drive.size_bytes
        if local:
            hindrances.append((Hindrance.LOCAL_DISK, ", ".join(local)))
        return total

    def _cpu(self, name: str, node: str, cpu_type: str) -> list[str]:
        """Return what a VM's CPU type requires of its node."""
        labels = self._cpus.requires(node, cpu_type)
        if labels is None:
            self._notes["cpu"].append(name)
        elif cpu_type in SAME_MODEL:
            self._notes["unmodelled"] = self._cpus.unmodelled
        elif not labels or labels[0] == cpu_type:
            self._notes["any maker"].append(name)
        return labels or []


def _own_memory(node: Resource, guests: list[Resource]) -> int | None:
    """Return what a node takes for itself [bytes], or None where it cannot be told from what its guests take."""
    if node.mem is None or any(guest.type == "qemu" and guest.memhost is None for guest in guests):
        return None
    return max(0, node.mem - sum((guest.memhost if guest.memhost is not None else guest.mem) or 0 for guest in guests))


def _storage_label(storage: str) -> str:
    return label(f"storage-{storage}")
