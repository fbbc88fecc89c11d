"""What libvirt says of hosts and domains, as facts: the same for dumps in files and for hosts that are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from planner.errors import InputError, Problem
from planner.importers.facts import Facts, FoundHost, FoundVM, Hindrance
from planner.importers.labels import Labels
from planner.importers.libvirt_domain import HOST_CPU_MODES, Disk, Domain
from planner.importers.libvirt_host import SHARED_POOLS, HostParts
from planner.importers.report import counted
from planner.inventory.dirtying import DirtyPoint
from planner.inventory.places import clip, limited

SOURCE = "libvirt"
OWNED = ("cpu:", "cpu-is:", "machine:", "hugepages")
"""What the labels that are made here begin with."""
MIB = 2**20
SHOWN = 8
_SHARED_DEVICES = ("/dev/mapper/mpath", "/dev/disk/by-path/ip-", "/dev/disk/by-path/fc-")
_FROM_CPU = "CPU models of {}: VMs may go there whatever their CPU model (virsh capabilities, virsh domcapabilities)"


@dataclass(frozen=True)
class SharedStorage:
    """What counts as shared beside what libvirt itself says.

    Parameters
    ----------
    paths
        Directories that all hosts see.
    """

    paths: tuple[str, ...] = ()

    def holds(self, path: str) -> bool:
        """Return whether a path lies in one of the directories."""
        return any(path == one.rstrip("/") or path.startswith(one.rstrip("/") + "/") for one in self.paths)


def facts_of(hosts: Sequence[HostParts], shared: SharedStorage, ignored: Sequence[str] = ()) -> Facts:
    """Return the facts of hosts.

    Raises
    ------
    InputError
        If figures are absurd: all problems, with their places.
    """
    return _Facts(hosts, shared).facts(ignored)


class _Facts:
    """Collects facts and sentences over all hosts."""

    def __init__(self, hosts: Sequence[HostParts], shared: SharedStorage) -> None:
        self._hosts, self._shared = hosts, shared
        self._labels = Labels(host.name for host in hosts)
        self._running = {host.name: [one for one in host.domains if host.runs(one)] for host in hosts}
        self._sizeless: list[str] = []
        self._local: dict[str, None] = {}
        self._lost_pools: list[str] = []
        self._blind: set[str] = set()
        self._unplugging: list[str] = []

    def facts(self, ignored: Sequence[str]) -> Facts:
        facts = Facts(SOURCE, owned=OWNED)
        problems: list[Problem] = []
        twice = self._drop_twins()
        for host in self._hosts:
            for domain in sorted(self._running[host.name], key=lambda one: one.name):
                try:
                    facts.vms.append(self._machine(host, domain))
                except InputError as error:
                    problems += error.problems
        if problems:
            raise InputError(limited(problems))
        facts.hosts = [
            FoundHost(host.name, host.cpus, host.memory_bytes, labels=self._labels.of(host.name))
            for host in self._hosts
        ]
        off = sum(len(host.domains) for host in self._hosts) - sum(map(len, self._running.values())) - len(twice)
        if off:
            facts.dropped.append(f"{counted(off, 'VM')} that {'is' if off == 1 else 'are'} off")
        if twice:
            facts.dropped.append(
                f"{counted(len(twice), 'VM')} that run on two hosts, as while they migrate, count on the first:"
                f" {_some(twice)}"
            )
        if ignored:
            facts.dropped.append(f"{counted(len(ignored), 'file')} of other kinds: {_some(ignored)}")
        facts.assumed += self._assumed()
        facts.missing += self._missing()
        return facts

    def _assumed(self) -> Iterator[str]:
        if any(host.memory_bytes is not None for host in self._hosts):
            yield "hosts have all their memory and a vCPU for each logical CPU to give; write less or more where you do"
        if self._local:
            yield (
                f"files and block devices of {counted(len(self._local), 'VM')} are on their hosts alone, as libvirt"
                " does not say otherwise (--shared-path)"
            )
        if self._unplugging:
            yield (
                f"{counted(len(self._unplugging), 'VM')} with a network function that libvirt unplugs for a migration"
                f" (teaming): {_some(self._unplugging)}"
            )

    def _missing(self) -> Iterator[str]:
        if self._sizeless:
            yield (
                f"sizes of local disks of {counted(len(self._sizeless), 'VM')}, so their copies are planned with no"
                f" bytes (virsh domstats --block): {_some(self._sizeless)}"
            )
        if self._lost_pools:
            yield (
                "whether these storage pools are shared, which is taken (virsh pool-dumpxml):"
                f" {_some(sorted(set(self._lost_pools)))}"
            )
        if self._blind:
            yield _FROM_CPU.format(f"{counted(len(self._blind), 'host')}: {_some(sorted(self._blind))}")
        if any(self._running.values()):
            yield "rules: libvirt has none; write separate and together where VMs need them"
            yield "what tells how fast VMs read: libvirt has no figure for it"

    def _drop_twins(self) -> list[str]:
        """Take domains out that run on a host before already; return their names."""
        seen: set[str] = set()
        twice: list[str] = []
        for host in self._hosts:
            kept: list[Domain] = []
            for domain in self._running[host.name]:
                if domain.uuid and domain.uuid in seen:
                    twice.append(domain.name)
                else:
                    seen.add(domain.uuid)
                    kept.append(domain)
            self._running[host.name] = kept
        return twice

    def _machine(self, host: HostParts, domain: Domain) -> FoundVM:
        hindrances = list(domain.hindrances)
        disk_bytes = 0
        for disk in domain.disks:
            if not disk.source or self._is_shared(host, disk):
                continue
            self._local[f"{host.name}/{domain.name}"] = None
            if disk.medium:
                hindrances.append((Hindrance.LOCAL_MEDIUM, clip(f"{disk.target} {disk.source}")))
                continue
            size = self._disk_bytes(host, domain, disk)
            if size is None:
                self._sizeless.append(domain.name)
            disk_bytes += size or 0
            hindrances.append((Hindrance.LOCAL_DISK, clip(f"{disk.target} {disk.source}")))
        if domain.unplugged:
            self._unplugging.append(domain.name)
        requires = (
            *self._cpu_needs(host, domain, hindrances),
            *self._machine_needs(host, domain),
            *self._page_needs(domain, hindrances),
        )
        return FoundVM(
            name=domain.name,
            host=host.name,
            vcpus=domain.vcpus,
            memory_bytes=domain.memory_bytes,
            disk_bytes=disk_bytes,
            nonzero_bytes=self._nonzero(host, domain),
            write_rate=self._write_rate(host, domain),
            dirty_vector=self._dirty_vector(host, domain),
            requires=tuple(dict.fromkeys(requires)),
            hindrances=tuple(hindrances),
        )

    def _is_shared(self, host: HostParts, disk: Disk) -> bool:
        """Return whether the other hosts see a disk as well."""
        if disk.shareable or disk.kind in ("network", "nvme", "vhostuser", "vhostvdpa"):
            return True  # the last three are devices, which are told as such
        if disk.kind == "volume":
            if disk.pool not in host.pools:
                self._lost_pools.append(disk.pool)
                return True
            return host.pools[disk.pool][0] in SHARED_POOLS
        if self._shared.holds(disk.source) or disk.source.startswith(_SHARED_DEVICES):
            return True
        pools = SharedStorage(tuple(path for kind, path in host.pools.values() if path and kind in SHARED_POOLS))
        return pools.holds(disk.source)

    def _disk_bytes(self, host: HostParts, domain: Domain, disk: Disk) -> int | None:
        """Return what of a disk has to be copied, its backing files with it [bytes]; None where nothing says.

        The allocation of a running domain is the highest offset that it has written since it was started; what was
        there before is in the physical size.
        """
        found: int | None = None
        for index in range(min(1000, host.number(domain.name, "block.count") or 0)):
            if host.stats[domain.name].get(f"block.{index}.name") != disk.target:
                continue
            allocation, physical, capacity = (
                host.number(domain.name, f"block.{index}.{key}") or 0 for key in ("allocation", "physical", "capacity")
            )
            size = max(allocation, physical) or capacity
            found = (found or 0) + (min(size, capacity) if capacity else size)
        return found

    def _nonzero(self, host: HostParts, domain: Domain) -> int | None:
        """Return what of the memory can be other than zeros at most [bytes]: what the host has given it at all."""
        current = host.number(domain.name, "balloon.current")
        balloon = domain.balloon_bytes if current is None else current * 1024
        resident = host.number(domain.name, "balloon.rss")
        if resident and not domain.hugepages:  # huge pages do not count as resident
            balloon = min(balloon, resident * 1024)
        return balloon if 0 < balloon < domain.memory_bytes else None

    def _write_rate(self, host: HostParts, domain: Domain) -> float | None:
        """Return the dirty rate of the shortest measuring, in which the fewest pages are written twice [bytes/s]."""
        rates = host.measured.get(domain.name)
        return float(rates[min(rates)] * MIB) if rates else None

    def _dirty_vector(self, host: HostParts, domain: Domain) -> tuple[DirtyPoint, ...] | None:
        """Return what the measurings say as they say it: so much was dirty after so long, however often written."""
        points: list[DirtyPoint] = []
        dirtied = 0
        for period_s, rate in sorted(host.measured.get(domain.name, {}).items()):
            dirtied = max(dirtied, min(domain.memory_bytes, rate * period_s * MIB))
            points.append(DirtyPoint(after=float(period_s), dirtied=dirtied))
        return tuple(points) if dirtied else None

    def _cpu_needs(self, host: HostParts, domain: Domain, hindrances: list[tuple[Hindrance, str]]) -> tuple[str, ...]:
        if domain.cpu_mode in HOST_CPU_MODES:
            hindrances.append((Hindrance.HOST_CPU, domain.cpu_mode))
            if not host.cpu_model:
                self._blind.add(host.name)
                return ()
            own = (host.cpu_model, host.cpu_features)
            return self._needs(f"cpu-is:{host.cpu_model}", lambda one: (one.cpu_model, one.cpu_features) == own)
        if not domain.cpu_model:
            return ()
        if not any(one.usable_models is not None or one.cpu_model for one in self._hosts):
            self._blind.update(one.name for one in self._hosts)
            return ()
        return self._needs(f"cpu:{domain.cpu_model}", lambda one: self._can_be(one, domain.cpu_model))

    def _can_be(self, host: HostParts, model: str) -> bool:
        """Return whether a host is known to run domains of a CPU model."""
        if model == host.cpu_model or model in (host.usable_models or ()):
            return True
        if any(one.cpu_model == model for one in self._running[host.name]):
            return True
        if host.usable_models is None and not host.cpu_model:
            self._blind.add(host.name)
            return True
        return False

    def _machine_needs(self, host: HostParts, domain: Domain) -> tuple[str, ...]:
        if not domain.machine or host.machines is None:
            return ()
        return self._needs(
            f"machine:{domain.machine}",
            lambda one: (
                one.machines is None
                or domain.machine in one.machines
                or any(other.machine == domain.machine for other in self._running[one.name])
            ),
        )

    def _page_needs(self, domain: Domain, hindrances: list[tuple[Hindrance, str]]) -> Iterator[str]:
        for size in domain.hugepages:
            words = f"{size // 1024} KiB" if size else ""
            hindrances.append((Hindrance.HUGEPAGES, words))
            yield from self._needs(
                f"hugepages:{size // 1024}KiB" if size else "hugepages",
                lambda one, size=size: (  # type: ignore[misc]  # a lambda's default has no type
                    one.hugepages is None
                    or any(count > 0 for kind, count in one.hugepages.items() if size in (0, kind))
                    or any(size in other.hugepages for other in self._running[one.name])
                ),
            )

    def _needs(self, what: str, allows: Callable[[HostParts], bool]) -> tuple[str, ...]:
        return self._labels.need(what, [host.name for host in self._hosts if allows(host)])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(clip(name) for name in names[:SHOWN]) + more
