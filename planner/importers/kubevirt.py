"""What KubeVirt says of nodes and virtual machine instances, as facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from planner.errors import InputError, Place, Problem
from planner.importers.facts import Facts, FoundHost, FoundVM, Hindrance
from planner.importers.kubevirt_format import HINT, Cluster
from planner.importers.kubevirt_nodes import NodeNeeds, accepts
from planner.importers.kubevirt_objects import VMI
from planner.importers.kubevirt_policy import MigrationPolicies
from planner.importers.kubevirt_quantity import whole
from planner.importers.kubevirt_rules import rules_of
from planner.importers.report import counted
from planner.inventory.places import clip, limited

SOURCE = "KubeVirt"
OWNED = ("cpu:", "cpu-is:", "host-model:", "hugepages-", "cpumanager", "arch:", "no-taint:", "affinity")
"""What the labels that are made here begin with, beside those that selectors and affinities name."""
DEFAULT_CPU_RATIO = 10
"""vCPUs that KubeVirt puts on a CPU where nothing is configured (cpuAllocationRatio) [count]."""
SHOWN = 8
_REASONS = {
    "HostDeviceNotLiveMigratable": Hindrance.PASSTHROUGH,
    "VirtIOFSNotLiveMigratable": Hindrance.PASSTHROUGH,
}
"""Reasons of the condition LiveMigratable that have a hindrance of their own; others are as the source says."""


def facts_of(cluster: Cluster, file: str | None) -> Facts:
    """Return the facts of a cluster.

    Raises
    ------
    InputError
        If it has no VMI that runs, or one without a size.
    """
    return _Facts(cluster).facts(file)


class _Facts:
    """Collects facts and sentences over all objects."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._running = {
            key: vmi
            for key, vmi in cluster.vmis.items()
            if vmi.status.nodeName and vmi.status.phase in ("Running", "Scheduled")
        }
        config = cluster.kubevirt.spec.configuration if cluster.kubevirt else None
        self._eviction = (config.evictionStrategy if config else None) or ""
        self._ratio = (config.developerConfiguration.cpuAllocationRatio if config else None) or DEFAULT_CPU_RATIO
        self._needs = NodeNeeds(
            cluster.nodes,
            (vmi.spec.tolerations for vmi in self._running.values()),
            config.cpuModel if config else "",
        )
        self._policies = MigrationPolicies(cluster)
        self._unsized_disks: list[str] = []

    def facts(self, file: str | None) -> Facts:
        if not self._running:
            message = "no virtual machine instance runs in what was read"
            raise InputError.single("nothing-found", message, HINT, Place(file))
        running = list(self._running.values())
        settings = self._policies.settings(running)
        facts = Facts(SOURCE, settings=settings)
        problems: list[Problem] = []
        for vmi in running:
            try:
                facts.vms.append(self._machine(vmi, settings.approaches))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(limited(problems))
        facts.hosts = list(self._hosts())
        facts.owned = (*OWNED, *sorted({name for host in facts.hosts for name in host.labels}))
        found = rules_of(self._running, self._cluster.namespaces)
        facts.rules = found.rules
        facts.assumed += [*self._assumed(), *self._policies.assumed()]
        facts.dropped += [*self._dropped(), *found.dropped, *self._policies.dropped(running)]
        facts.missing += self._missing()
        return facts

    def _hosts(self) -> Iterator[FoundHost]:
        nodes = self._cluster.nodes
        for name, node in nodes.items():
            cpu, memory = (node.status.allocatable.get(key) for key in ("cpu", "memory"))
            yield FoundHost(
                name=name,
                cpus=None if cpu is None else int(cpu * self._ratio),
                memory_bytes=None if memory is None else int(memory),
                labels=self._needs.labels_of(name),
                accepts=name not in self._needs.closed and accepts(node),
            )
        if not nodes:
            for name in dict.fromkeys(vmi.status.nodeName for vmi in self._running.values()):
                yield FoundHost(name)

    def _machine(self, vmi: VMI, approaches: Sequence[object]) -> FoundVM:
        requires = self._needs.of(vmi)
        own = self._policies.approaches(vmi)
        hindrances = tuple(dict.fromkeys(self._hindrances(vmi)))
        return FoundVM(
            name=vmi.key,
            host=vmi.status.nodeName,
            vcpus=self._vcpus(vmi),
            memory_bytes=self._memory_bytes(vmi),
            disk_bytes=self._disk_bytes(vmi),
            requires=requires,
            hindrances=hindrances,
            approaches=None if own == tuple(approaches) else own,
        )

    def _memory_bytes(self, vmi: VMI) -> int:
        """Return the memory of the guest [bytes]: what it has now, what it is given, or what is requested for it."""
        domain = vmi.spec.domain
        for found in (
            vmi.status.memory.guestCurrent,
            domain.memory.guest,
            domain.resources.requests.get("memory"),
            domain.resources.limits.get("memory"),
        ):
            if found:
                return whole(found)
        message = "it says no memory: neither domain.memory.guest nor a request"
        mend = "give the VMI as kubectl writes it"
        raise InputError.single("missing-key", message, mend, self._place(vmi))

    def _vcpus(self, vmi: VMI) -> int:
        """Return the vCPUs [count]: the topology, or what is requested where none is given."""
        domain = vmi.spec.domain
        topology = vmi.status.currentCPUTopology or domain.cpu
        if topology is not None:
            count = topology.vcpus
        else:
            asked = domain.resources.limits.get("cpu") or domain.resources.requests.get("cpu") or Decimal(1)
            count = max(1, whole(asked))
        if count > 1_000_000:
            message = f"{count:,} vCPUs are more than any VM has"
            raise InputError.single("out-of-range", message, "correct cores, sockets and threads", self._place(vmi))
        return count

    def _disk_bytes(self, vmi: VMI) -> int:
        """Return what of its disks moves with it [bytes]: those that live on its node, in a block migration."""
        if vmi.status.migrationMethod != "BlockMigration":
            return 0
        if any(volume.containerDisk is not None for volume in vmi.spec.volumes):
            self._unsized_disks.append(vmi.key)
        return sum(whole(volume.emptyDisk.capacity) for volume in vmi.spec.volumes if volume.emptyDisk is not None)

    def _hindrances(self, vmi: VMI) -> Iterator[tuple[Hindrance, str]]:
        domain = vmi.spec.domain
        migratable = next((one for one in vmi.status.conditions if one.type == "LiveMigratable"), None)
        stuck = migratable is not None and migratable.status != "True"
        for gpu in domain.devices.gpus:
            yield Hindrance.VGPU, clip(gpu.deviceName or gpu.name)
        for device in domain.devices.hostDevices:
            yield Hindrance.PASSTHROUGH, clip(device.deviceName or device.name)
        if migratable is None or stuck:
            for interface in domain.devices.interfaces:
                if interface.sriov is not None:
                    yield Hindrance.SRIOV, clip(interface.name)
        if stuck and migratable is not None:
            kind = _REASONS.get(migratable.reason, Hindrance.FORBIDDEN)
            if kind is Hindrance.FORBIDDEN or not (domain.devices.gpus or domain.devices.hostDevices):
                yield kind, clip(f"{migratable.reason}: {migratable.message}".strip(": "), 160)
        if (vmi.spec.evictionStrategy or self._eviction) == "External":
            yield Hindrance.FORBIDDEN, "evictionStrategy External: another controller moves it"
        if not stuck and vmi.status.migrationMethod == "BlockMigration":
            yield Hindrance.LOCAL_DISK, "BlockMigration"
        if domain.memory.hugepages is not None:
            yield Hindrance.HUGEPAGES, clip(domain.memory.hugepages.pageSize)
        if domain.cpu is not None and domain.cpu.dedicatedCpuPlacement:
            yield Hindrance.PINNED_CPUS, "dedicatedCpuPlacement"
        if domain.cpu is not None and domain.cpu.model == "host-passthrough":
            yield Hindrance.HOST_CPU, "host-passthrough"

    def _assumed(self) -> Iterator[str]:
        if self._needs.closed:
            yield (
                "nodes that take no VM, since KubeVirt is not there or by a taint that none bears:"
                f" {_some(sorted(self._needs.closed))}"
            )
        if self._cluster.nodes:
            yield (
                f"nodes carry {self._ratio} vCPUs a CPU (cpuAllocationRatio) and have all their allocatable memory for"
                " VMs; write less where other pods run, and some 250 MiB a VM for what runs around it"
            )

    def _dropped(self) -> Iterator[str]:
        off = len(self._cluster.vms.keys() - self._cluster.vmis.keys())
        ended = [key for key, vmi in self._cluster.vmis.items() if vmi.status.phase in ("Succeeded", "Failed")]
        waiting = len(self._cluster.vmis) - len(self._running) - len(ended)
        if off + len(ended):
            yield f"{counted(off + len(ended), 'VM')} that {'is' if off + len(ended) == 1 else 'are'} off"
        if waiting:
            yield f"{counted(waiting, 'VM')} without a node yet"
        if self._cluster.ignored:
            kinds = ", ".join(f"{count} {clip(kind)}" for kind, count in sorted(self._cluster.ignored.items())[:SHOWN])
            yield f"objects of other kinds: {kinds}"

    def _missing(self) -> Iterator[str]:
        drained = [
            key for key, vmi in self._running.items() if (vmi.spec.evictionStrategy or self._eviction) in ("", "None")
        ]
        if drained:
            yield (
                f"an evictionStrategy of {counted(len(drained), 'VM')}: a drain stops them, so migrate them before it"
                f" (virtctl migrate): {_some(drained)}"
            )
        unsaid = [
            key
            for key, vmi in self._running.items()
            if not any(one.type == "LiveMigratable" for one in vmi.status.conditions)
        ]
        if unsaid:
            yield (
                f"whether {counted(len(unsaid), 'VM')} can migrate live (condition LiveMigratable), which is taken:"
                f" {_some(unsaid)}"
            )
        moving = [
            key
            for key, vmi in self._running.items()
            if vmi.status.migrationState is not None
            and not vmi.status.migrationState.completed
            and not vmi.status.migrationState.failed
            and vmi.status.migrationState.targetNode not in ("", vmi.status.nodeName)
        ]
        if moving:
            yield f"the end of migrations that run: {_some(moving)}; import again afterwards"
        if self._unsized_disks:
            yield (
                f"sizes of what {counted(len(self._unsized_disks), 'VM')} wrote to container disks, which moves with"
                f" them: {_some(self._unsized_disks)}"
            )
        if self._cluster.nodes and self._needs.blind:
            yield "CPU models of the nodes: VMs may go to any (labels of KubeVirt's node labeller)"

    def _place(self, vmi: VMI) -> Place:
        document, path = self._cluster.seen["VirtualMachineInstance", vmi.key]
        return document.place((*path, "spec", "domain"))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(clip(name) for name in names[:SHOWN]) + more
