"""Hosts of OpenStack: what they carry, by Placement or by Nova, where they stand, and whether they take servers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planner.importers.naming import label
from planner.importers.openstack_flavor import Wish
from planner.importers.openstack_format import Cloud
from planner.importers.openstack_models import Aggregate, Hypervisor, Provider

MIB = 2**20
DISABLED = "disabled"
"""Label of hosts whose compute service is disabled."""
DEDICATED = "dedicated-cpus"
"""Label of hosts that have CPUs for servers with dedicated ones."""
VCPUS_PER_CPU = 4.0
"""vCPUs that a CPU may carry where Placement does not say [1]: Nova's initial_cpu_allocation_ratio."""


@dataclass(frozen=True)
class Room:
    """What a host carries.

    Parameters
    ----------
    cpus
        vCPUs [count]; None where nobody says.
    memory_bytes
        Memory [bytes]; None where nobody says.
    cpus_used, memory_used_bytes
        What is taken of it, by whomever; None where nobody says.
    """

    cpus: int | None = None
    memory_bytes: int | None = None
    cpus_used: int | None = None
    memory_used_bytes: int | None = None

    def left_for(self, cpus: int, memory_bytes: int) -> tuple[int | None, int | None]:
        """Return what there is for some servers that take so much of it: all that others do not take."""
        return _left(self.cpus, self.cpus_used, cpus), _left(self.memory_bytes, self.memory_used_bytes, memory_bytes)


def _left(capacity: int | None, used: int | None, mine: int) -> int | None:
    return capacity if capacity is None or used is None else max(0, capacity - max(0, used - mine))


class Hosts:
    """The hypervisors with what other answers say of them.

    Parameters
    ----------
    cloud
        The answers.
    vcpus_per_cpu
        vCPUs that a CPU may carry [1], where Placement does not say.
    """

    def __init__(self, cloud: Cloud, vcpus_per_cpu: float) -> None:
        self._ratio = vcpus_per_cpu
        self.all = [one for one in cloud.hypervisors if one.kind.casefold() != "ironic"]
        self.names = {one.name for one in self.all}
        self.bare_metal = {one.name for one in cloud.hypervisors} - self.names
        providers = {key: one for one in cloud.providers or () for key in (one.uuid, one.name) if key}
        self._provider: dict[str, Provider | None] = {
            one.name: providers.get(one.name) or providers.get(one.id or "") for one in self.all
        }
        computes = [one for one in cloud.services or () if one.binary in ("", "nova-compute")]
        self._service = {one.host: one for one in computes}
        self._aggregates: defaultdict[str, list[Aggregate]] = defaultdict(list)
        for aggregate in cloud.aggregates or ():
            for host in aggregate.hosts:
                self._aggregates[host].append(aggregate)
        self.of_service: defaultdict[str, list[str]] = defaultdict(list)
        for one in self.all:
            self.of_service[_service_host(one)].append(one.name)
        self.by_ratio: list[str] = []
        self.by_placement: list[str] = []

    def room(self, host: Hypervisor) -> Room:
        """Return what a host carries: by Placement, or else by what Nova said before microversion 2.88."""
        provider = self._provider[host.name]
        have = (provider.inventories if provider is not None else None) or {}
        if "MEMORY_MB" in have and ("VCPU" in have or "PCPU" in have):
            self.by_placement.append(host.name)
            size = {
                name: int((one.total - min(one.reserved, one.total)) * one.allocation_ratio)
                for name, one in have.items()
            }
            used = provider.usages if provider is not None else None
            return Room(
                cpus=size.get("VCPU", 0) + size.get("PCPU", 0),
                memory_bytes=size["MEMORY_MB"] * MIB,
                cpus_used=None if used is None else used.get("VCPU", 0) + used.get("PCPU", 0),
                memory_used_bytes=None if used is None else used.get("MEMORY_MB", 0) * MIB,
            )
        if not host.vcpus or not host.memory_mb:
            return Room()
        self.by_ratio.append(host.name)
        return Room(
            cpus=int(host.vcpus * self._ratio),
            memory_bytes=host.memory_mb * MIB,
            cpus_used=host.vcpus_used,
            memory_used_bytes=None if host.memory_mb_used is None else host.memory_mb_used * MIB,
        )

    def shares_disks(self, name: str) -> bool:
        """Return whether the disks of flavors are elsewhere: then the host has none of its own in Placement."""
        provider = self._provider[name]
        have = provider.inventories if provider is not None else None
        return bool(have) and "DISK_GB" not in (have or {})

    def is_down(self, host: Hypervisor) -> bool:
        """Return whether a host does not run its compute service, or is said not to."""
        service = self._service.get(_service_host(host))
        return host.state != "up" or (service is not None and (service.forced_down or service.state != "up"))

    def is_disabled(self, host: Hypervisor) -> bool:
        """Return whether a host's compute service is disabled."""
        service = self._service.get(_service_host(host))
        return host.status != "enabled" or (service is not None and service.status != "enabled")

    def zone(self, host: Hypervisor) -> str | None:
        """Return the availability zone of a host."""
        for aggregate in self._aggregates[_service_host(host)]:
            zone = aggregate.zone or aggregate.metadata.get("availability_zone")
            if zone:
                return zone
        service = self._service.get(_service_host(host))
        return None if service is None else service.zone

    def has(self, host: Hypervisor, wish: Wish) -> bool:
        """Return whether a host has what an extra spec asks for."""
        if wish.kind == "aggregate":
            values = [one.metadata.get(wish.key, "") for one in self._aggregates[_service_host(host)]]
            return any(wish.value in [part.strip() for part in value.split(",")] for value in values)
        provider = self._provider[host.name]
        traits = (provider.traits if provider is not None else None) or ()
        return (wish.key in traits) == (wish.kind == "trait")

    def knows(self, wish: Wish) -> bool:
        """Return whether the answers tell which hosts have what an extra spec asks for."""
        if wish.kind == "aggregate":
            return bool(self._aggregates)
        return any(one is not None and one.traits is not None for one in self._provider.values())

    def labels(self, host: Hypervisor, wished: Iterable[Wish], zones: Mapping[str, str | None]) -> tuple[str, ...]:
        """Return the labels of a host: state, zone, CPU model, and those of what servers wish for."""
        provider = self._provider[host.name]
        zone, model = zones[host.name], host.cpu_info.get("model")
        found = [
            *([DISABLED] if self.is_disabled(host) else []),
            *([zone_label(zone)] if zone else []),
            *([label(f"cpu-{model}")] if isinstance(model, str) and model else []),
            *([DEDICATED] if provider is not None and "PCPU" in (provider.inventories or {}) else []),
            *(wish.label for wish in wished if self.has(host, wish)),
        ]
        return tuple(dict.fromkeys(found))

    @property
    def cpu_models(self) -> list[str]:
        """The CPU models that hosts tell of."""
        models = {one.cpu_info.get("model") for one in self.all}
        return sorted(model for model in models if isinstance(model, str) and model)

    @property
    def have_dedicated(self) -> bool:
        """Whether some host tells of CPUs for servers with dedicated ones."""
        return any(one is not None and "PCPU" in (one.inventories or {}) for one in self._provider.values())


def zone_label(zone: str) -> str:
    """Return the label of an availability zone."""
    return label(f"zone-{zone}")


def _service_host(host: Hypervisor) -> str:
    return host.service.host or host.name
