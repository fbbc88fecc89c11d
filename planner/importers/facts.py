"""What a source says of a cluster, whatever the source is: the one thing that all importers hand to the loader."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from planner.inventory.dirtying import DirtyPoint
from planner.inventory.models import Approach, Settings


class Hindrance(StrEnum):
    """Why a VM cannot move live, or not everywhere."""

    PASSTHROUGH = "passthrough"
    SRIOV = "sr-iov"
    VGPU = "vgpu"
    LOCAL_MEDIUM = "local-medium"
    LOCAL_DISK = "local-disk"
    HUGEPAGES = "hugepages"
    PINNED_CPUS = "pinned-cpus"
    HOST_CPU = "host-cpu"
    SNAPSHOT = "snapshot"
    FORBIDDEN = "forbidden"


STUCK = frozenset({Hindrance.PASSTHROUGH, Hindrance.SRIOV, Hindrance.VGPU, Hindrance.LOCAL_MEDIUM, Hindrance.FORBIDDEN})
"""What keeps a VM where it is until somebody does something about it: such VMs are pinned."""


@dataclass(frozen=True)
class FoundHost:
    """A host as a source has it.

    Parameters
    ----------
    name
        As the source has it; the loader makes it a name that inventories take.
    cpus
        vCPUs that it may carry [count]; None where the source does not say.
    memory_bytes
        Memory for VMs [bytes]; None where the source does not say.
    labels
        What it has: CPU level, zone, storage.
    accepts
        False where the source says that it takes no VMs now (maintenance, drained, cordoned, offline).
    nic_bytes_per_s
        Speed of the NIC that migrations use [bytes/s]; None where the source does not say.
    """

    name: str
    cpus: int | None = None
    memory_bytes: int | None = None
    labels: tuple[str, ...] = ()
    accepts: bool = True
    nic_bytes_per_s: float | None = None


@dataclass(frozen=True)
class FoundVM:
    """A running VM as a source has it.

    Parameters
    ----------
    name, host
        As the source has them.
    vcpus
        vCPUs [count].
    memory_bytes
        Memory [bytes].
    disk_bytes
        Disks that would have to move with it, because they are local [bytes].
    nonzero_bytes
        Memory that it uses, where the source says [bytes].
    working_set_bytes
        Memory that its writes are spread over, where the source has a hint of it [bytes].
    read_rate, write_rate
        Rates at which it reads and dirties memory [bytes/s]; None where the source does not say.
    dirty_vector
        How much was dirty after how long, where that was measured, in order of time.
    requires
        Labels that its host must have.
    hindrances
        Why it cannot move live, or not everywhere, with the words of the source for it, such as a device's name.
    approaches
        Ways in which it may move; None for all.
    """

    name: str
    host: str
    vcpus: int
    memory_bytes: int
    disk_bytes: int = 0
    nonzero_bytes: int | None = None
    working_set_bytes: int | None = None
    read_rate: float | None = None
    write_rate: float | None = None
    dirty_vector: tuple[DirtyPoint, ...] | None = None
    requires: tuple[str, ...] = ()
    hindrances: tuple[tuple[Hindrance, str], ...] = ()
    approaches: tuple[Approach, ...] | None = None


@dataclass(frozen=True)
class FoundRule:
    """A rule on places as a source has it.

    Parameters
    ----------
    kind
        Apart at all times, or on one host.
    members
        Names of VMs as the source has them; those that do not run are left out by the loader.
    origin
        What the source calls it, for the report.
    """

    kind: Literal["separate", "together"]
    members: tuple[str, ...]
    origin: str


@dataclass
class Facts:
    """All that a source says.

    Parameters
    ----------
    source
        The source in words, such as ``Proxmox VE``.
    hosts, vms, rules
        What was found.
    assumed, dropped, missing
        Sentences for the report that only the importer knows, without a full stop, in lower case but for names.
    settings
        What holds for all migrations there.
    evacuate
        Label of the hosts that the source wants emptied, or None where it wants none.
    owned
        What labels begin with that come from the source; an update renews them, all others stay.
    """

    source: str
    hosts: list[FoundHost] = field(default_factory=list)
    vms: list[FoundVM] = field(default_factory=list)
    rules: list[FoundRule] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    settings: Settings = field(default_factory=lambda: Settings(model="saturating"))
    evacuate: str | None = None
    owned: tuple[str, ...] = ()
