"""What the exporters of hypervisors say in Prometheus: which metric means what of a VM, in which unit, by which labels.

A profile says only what its exporter really measures. No exporter tells how fast a VM reads its memory, and only
KubeVirt's tells how fast it dirties it; what disks and NICs carry is no dirty rate, and is used as a floor at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PAGE_BYTES = 4096
"""Size of a page, in which migrations count what was dirtied [bytes]."""
KIB = 2**10
MIB = 2**20


class Role(StrEnum):
    """What a metric says of a VM."""

    WRITE_RATE = "write-rate"
    READ_RATE = "read-rate"
    NONZERO_MEMORY = "nonzero-memory"
    MEMORY = "memory"
    IO_IN = "io-in"
    IO_OUT = "io-out"


ASKED = (Role.WRITE_RATE, Role.READ_RATE, Role.NONZERO_MEMORY)
"""Roles that a query of the operator's own can have."""


class Kind(StrEnum):
    """Whether a metric is a value, or has only ever grown since the VM was started."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True)
class Metric:
    """A metric of an exporter.

    Parameters
    ----------
    name
        As it is exported.
    role
        What it says of a VM.
    kind
        Gauge or counter.
    unit
        What 1 of it is [bytes or bytes/s].
    part
        Parts of a role are added up; within a part, the first metric that has values of a VM counts.
    caveat
        What it does not say, for the report, after the number of VMs that it was taken for.
    """

    name: str
    role: Role
    kind: Kind = Kind.GAUGE
    unit: float = 1.0
    part: str = ""
    caveat: str = ""


@dataclass(frozen=True)
class Names:
    """A metric that tells further names of VMs in its labels.

    Parameters
    ----------
    metric
        As it is exported; its value does not count.
    key
        Label that is the same as ``of`` of the VM's metrics.
    of
        Label of the VM's metrics.
    names
        Labels with further names.
    place
        Label with the host, or nothing.
    """

    metric: str
    key: str
    of: str
    names: tuple[str, ...]
    place: str = ""


@dataclass(frozen=True)
class Profile:
    """What an exporter says of VMs.

    Parameters
    ----------
    name
        As it is given on the command line.
    title
        What it is, for people.
    identity
        Labels that tell one VM from all others, together.
    also
        Labels that hold further names of it.
    place
        Labels that hold its host; the first that is there counts.
    metrics
        What is read; of one role and part, the first that has values counts.
    joins
        Where further names are.
    selector
        Matchers that keep what is no VM out.
    """

    name: str
    title: str
    identity: tuple[str, ...]
    metrics: tuple[Metric, ...]
    also: tuple[str, ...] = ()
    place: tuple[str, ...] = ("node", "instance")
    joins: tuple[Names, ...] = ()
    selector: str = ""

    def tells(self, role: Role) -> bool:
        """Return whether any metric has a role."""
        return any(metric.role is role for metric in self.metrics)

    def of_name(self, name: str) -> Metric | None:
        """Return the metric of a name, or None."""
        return next((metric for metric in self.metrics if metric.name == name), None)


def _counters(role: Role, part: str, *names: str) -> tuple[Metric, ...]:
    return tuple(Metric(name, role, Kind.COUNTER, part=part) for name in names)


KUBEVIRT = Profile(
    name="kubevirt",
    title="KubeVirt",
    identity=("namespace", "name"),
    place=("node",),
    metrics=(
        Metric(
            "kubevirt_vmi_dirty_rate_bytes_per_second",
            Role.WRITE_RATE,
            caveat="sampled from some pages in one second, in whole MiB/s: the least exact of QEMU's ways",
        ),
        # The name says bytes; what KubeVirt passes on is libvirt's memory_dirty_rate, which counts pages.
        Metric(
            "kubevirt_vmi_migration_dirty_memory_rate_bytes",
            Role.WRITE_RATE,
            unit=PAGE_BYTES,
            caveat="known only while they migrated, in pages of 4 KiB whatever the metric's name says",
        ),
        Metric(
            "kubevirt_migrate_vmi_dirty_memory_rate_bytes",
            Role.WRITE_RATE,
            unit=PAGE_BYTES,
            caveat="known only while they migrated, in pages of 4 KiB whatever the metric's name says",
        ),
        Metric("kubevirt_vmi_memory_resident_bytes", Role.NONZERO_MEMORY),
        Metric("kubevirt_vmi_memory_domain_bytes", Role.MEMORY),
        *_counters(Role.IO_IN, "disk", "kubevirt_vmi_storage_read_traffic_bytes_total"),
        *_counters(Role.IO_IN, "network", "kubevirt_vmi_network_receive_bytes_total"),
        *_counters(Role.IO_OUT, "disk", "kubevirt_vmi_storage_write_traffic_bytes_total"),
        *_counters(Role.IO_OUT, "network", "kubevirt_vmi_network_transmit_bytes_total"),
    ),
)

NOVA = Names(
    "openstack_nova_server_status", "instance_libvirt", "domain", ("name", "uuid", "id"), "hypervisor_hostname"
)

LIBVIRT = Profile(
    name="libvirt",
    title="libvirt (libvirt_domain_*)",
    identity=("domain",),
    also=("instance_name", "title", "vm", "uuid"),
    place=("node", "instance"),
    metrics=(
        Metric("libvirt_domain_memory_stats_rss_bytes", Role.NONZERO_MEMORY),
        Metric("libvirt_domain_info_maximum_memory_bytes", Role.MEMORY),
        *_counters(Role.IO_IN, "disk", "libvirt_domain_block_stats_read_bytes_total"),
        *_counters(Role.IO_IN, "network", "libvirt_domain_interface_stats_receive_bytes_total"),
        *_counters(Role.IO_OUT, "disk", "libvirt_domain_block_stats_write_bytes_total"),
        *_counters(Role.IO_OUT, "network", "libvirt_domain_interface_stats_transmit_bytes_total"),
    ),
    joins=(
        Names("libvirt_domain_info_meta", "domain", "domain", ("instance_name", "title", "uuid")),
        Names("libvirt_domain_openstack_info", "domain", "domain", ("instance_name", "instance_id")),
        NOVA,
    ),
)

LIBVIRTD = Profile(
    name="libvirtd",
    title="libvirt by UUID (libvirtd_domain_*)",
    identity=("uuid",),
    also=("instance_name", "domain"),
    place=("node", "instance"),
    metrics=(
        Metric("libvirtd_domain_balloon_rss", Role.NONZERO_MEMORY, unit=KIB),
        Metric("libvirtd_domain_balloon_maximum", Role.MEMORY, unit=KIB),
        *_counters(Role.IO_IN, "disk", "libvirtd_domain_block_read_bytes"),
        *_counters(Role.IO_IN, "network", "libvirtd_domain_net_rx_bytes"),
        *_counters(Role.IO_OUT, "disk", "libvirtd_domain_block_write_bytes"),
        *_counters(Role.IO_OUT, "network", "libvirtd_domain_net_tx_bytes"),
    ),
    joins=(Names("openstack_nova_server_status", "uuid", "uuid", ("name", "instance_libvirt"), "hypervisor_hostname"),),
)

PVE = Profile(
    name="pve",
    title="Proxmox VE",
    identity=("id",),
    also=("name",),
    place=("node",),
    selector='id=~"qemu/.+"',
    metrics=(
        Metric(
            "pve_memory_usage_bytes",
            Role.NONZERO_MEMORY,
            caveat="what the guest does not call free; pages that it has freed may hold something still",
        ),
        Metric("pve_memory_size_bytes", Role.MEMORY),
        *_counters(Role.IO_IN, "disk", "pve_disk_read_bytes_total", "pve_disk_read_bytes"),
        *_counters(Role.IO_IN, "network", "pve_network_receive_bytes_total", "pve_network_receive_bytes"),
        *_counters(Role.IO_OUT, "disk", "pve_disk_written_bytes_total", "pve_disk_write_bytes"),
        *_counters(Role.IO_OUT, "network", "pve_network_transmit_bytes_total", "pve_network_transmit_bytes"),
    ),
    joins=(Names("pve_guest_info", "id", "id", ("name",), "node"),),
)

CEILOMETER = Profile(
    name="ceilometer",
    title="OpenStack telemetry (ceilometer_*)",
    identity=("resource",),
    also=("resource_name",),
    place=(),
    metrics=(
        Metric("ceilometer_memory_resident", Role.NONZERO_MEMORY, unit=MIB),
        Metric("ceilometer_memory", Role.MEMORY, unit=MIB),
    ),
    joins=(Names("openstack_nova_server_status", "uuid", "resource", ("name", "instance_libvirt")),),
)

OTHER = Profile(name="other", title="Queries of your own", identity=("name",), metrics=())

PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (KUBEVIRT, LIBVIRT, LIBVIRTD, PVE, CEILOMETER, OTHER)
}
"""The profiles by name, in the order in which they are told."""
