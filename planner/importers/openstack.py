"""OpenStack: what Nova, Placement and Neutron tell of hosts and servers, as facts for the loader."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal

from planner.errors import InputError, Place
from planner.importers.facts import Facts, FoundHost, FoundRule, FoundVM, Hindrance
from planner.importers.loader import some
from planner.importers.naming import unique_names
from planner.importers.openstack_flavor import Wish, hindrances, unsaid, wants_dedicated, wishes
from planner.importers.openstack_format import Cloud
from planner.importers.openstack_hosts import DEDICATED, DISABLED, MIB, VCPUS_PER_CPU, Hosts, zone_label
from planner.importers.openstack_models import Flavor, Server
from planner.importers.report import counted
from planner.inventory.models import Approach, Settings
from planner.inventory.places import clip
from planner.units import format_size

SOURCE = "OpenStack"
RUNNING = frozenset({"ACTIVE", "PAUSED"})
"""States in which Nova moves a server live."""
DOWNTIME_LIMIT_S = 0.5
"""Nova's live_migration_downtime where nobody has set it [s]."""
GIB = 2**30
_DIRECT = frozenset({"direct", "direct-physical", "macvtap"})


def facts_of(
    cloud: Cloud, *, shared_disks: bool = False, vcpus_per_cpu: float | None = None, file: str | None = None
) -> Facts:
    """Return what a cloud's answers say.

    Parameters
    ----------
    cloud
        The answers, right in themselves.
    shared_disks
        Whether the disks of flavors are on storage that all hosts share.
    vcpus_per_cpu
        vCPUs that a CPU may carry [1], where Placement does not say; None for `VCPUS_PER_CPU`.
    file
        What was read, for problems.

    Raises
    ------
    InputError
        If no host is in it, servers have no hosts, or their flavors are not known.
    """
    hosts = Hosts(cloud, VCPUS_PER_CPU if vcpus_per_cpu is None else vcpus_per_cpu)
    if not hosts.all:
        raise InputError.single("too-few", "no hypervisor with servers is in it", "check what was saved", Place(file))
    if cloud.servers and not any(server.hypervisor or server.host for server in cloud.servers):
        message = "no server tells its host (OS-EXT-SRV-ATTR:hypervisor_hostname)"
        raise InputError.single("missing-key", message, "ask as an administrator, for all projects", Place(file))
    work = _Cloud(cloud, hosts, shared_disks=shared_disks)
    work.collect(file)
    if vcpus_per_cpu is None and hosts.by_ratio:
        work.facts.assumed.append(
            f"a CPU carries {VCPUS_PER_CPU:g} vCPUs on {counted(len(hosts.by_ratio), 'host')}, of which Placement's"
            f" allocation ratio is not known (--vcpus-per-cpu): {some(hosts.by_ratio)}"
        )
    return work.facts


class _Cloud:
    """The cloud on its way to facts."""

    def __init__(self, cloud: Cloud, hosts: Hosts, *, shared_disks: bool) -> None:
        self._cloud, self._hosts, self._shared_disks = cloud, hosts, shared_disks
        self.facts = Facts(SOURCE)
        self._flavors = {key: one for one in cloud.flavors or () for key in (one.id, one.name) if key}
        self._moving = [one for one in cloud.servers if one.status in RUNNING and self._host(one) is not None]
        self._names = unique_names({one.id: one.name or "server" for one in self._moving})
        self._zones = {one.name: hosts.zone(one) for one in hosts.all}
        self._down = {one.name for one in hosts.all if hosts.is_down(one)}
        self._ports: defaultdict[str, list[str]] = defaultdict(list)
        for port in cloud.ports or ():
            if port.server and port.kind in _DIRECT:
                self._ports[port.server].append(f"port of the kind {port.kind}")
        self._notes: defaultdict[str, list[str]] = defaultdict(list)
        self._wished: dict[Wish, None] = {}

    def collect(self, file: str | None) -> None:
        """Fill the facts."""
        flavors = {server.id: self._flavor(server) for server in self._moving}
        unknown = [self._names[key] for key, flavor in flavors.items() if flavor is None]
        if unknown:
            message = f"vCPUs and memory of {counted(len(unknown), 'server')} are not known: {some(unknown)}"
            mend = "save the flavors as well, also those that are not public (/flavors/detail?is_public=None)"
            raise InputError.single("missing-file", message, mend, Place(file))
        known = {key: flavor for key, flavor in flavors.items() if flavor is not None}
        self.facts.vms += [self._vm(server, known[server.id]) for server in self._moving]
        self.facts.hosts += self._all_hosts()
        self.facts.rules += self._rules()
        self.facts.dropped += self._left_out()
        self.facts.settings = Settings(
            model="saturating",
            approaches=(Approach.COLD, Approach.PRECOPY),
            downtime_limit=DOWNTIME_LIMIT_S,
            max_outgoing=1,
        )
        taken = {vm.host for vm in self.facts.vms}
        if any(DISABLED in host.labels and host.name in taken for host in self.facts.hosts):
            self.facts.evacuate = DISABLED
        self._tell()

    def _host(self, server: Server) -> str | None:
        """Return the hypervisor of a server, or None where it is not there."""
        if server.hypervisor in self._hosts.names:
            return server.hypervisor
        of_service = self._hosts.of_service.get(server.host or "", [])
        return of_service[0] if len(of_service) == 1 else None

    def _flavor(self, server: Server) -> Flavor | None:
        """Return the flavor of a server, in full, or None where it is not known."""
        given = server.flavor
        listed = self._flavors.get(given.id or "") or self._flavors.get(given.name or "")
        if given.vcpus is None or given.ram is None:
            return listed if listed is not None and listed.vcpus is not None and listed.ram is not None else None
        if given.extra_specs is None and listed is not None:
            return given.model_copy(update={"extra_specs": listed.extra_specs})
        return given

    def _vm(self, server: Server, flavor: Flavor) -> FoundVM:
        host, name, specs = self._host(server) or "", self._names[server.id], flavor.extra_specs
        if specs is None:
            self._notes["specs"].append(name)
        specs = specs or {}
        found = list(hindrances(specs))
        found += [(Hindrance.SRIOV, told) for told in self._ports.get(server.id, ())]
        if host in self._down:
            found.append((Hindrance.FORBIDDEN, "its host is down"))
        disk_bytes = self._disk_bytes(name, server, flavor)
        if disk_bytes:
            found.append((Hindrance.LOCAL_DISK, f"{format_size(disk_bytes)}, by block migration"))
        if server.task_state:
            self._notes["task"].append(f"{name} ({clip(server.task_state)})")
        self._notes["unsaid"] += unsaid(specs)
        return FoundVM(
            name=name,
            host=host,
            vcpus=flavor.vcpus or 1,
            memory_bytes=(flavor.ram or 0) * MIB,
            disk_bytes=disk_bytes,
            requires=tuple(dict.fromkeys(self._requires(server, host, specs))),
            hindrances=tuple(found),
        )

    def _disk_bytes(self, name: str, server: Server, flavor: Flavor) -> int:
        """Return what moves with a server [bytes]: the flavor's disks, but for a root disk that is a volume."""
        if self._shared_disks or self._hosts.shares_disks(self._host(server) or ""):
            return 0
        root = flavor.disk if server.image else 0
        if server.image and not flavor.disk:
            self._notes["rootless"].append(name)
        return (root + flavor.ephemeral) * GIB + flavor.swap * MIB

    def _requires(self, server: Server, host: str, specs: Mapping[str, str]) -> Iterator[str]:
        zone = self._zones[host]
        if "pinned_zone" in server.model_fields_set:
            zone = server.pinned_zone
        elif len(set(self._zones.values()) - {None}) > 1:
            self._notes["zone"].append(self._names[server.id])
        if zone and len(set(self._zones.values())) > 1 and zone in self._zones.values():
            yield zone_label(zone)
        for wish in wishes(specs):
            if self._hosts.knows(wish):
                self._wished[wish] = None
                yield wish.label
            else:
                self._notes["wish"].append(wish.key)
        if wants_dedicated(specs) and self._hosts.have_dedicated:
            yield DEDICATED

    def _all_hosts(self) -> Iterator[FoundHost]:
        cpus: Counter[str] = Counter()
        memory: Counter[str] = Counter()
        for vm in self.facts.vms:
            cpus[vm.host] += vm.vcpus
            memory[vm.host] += vm.memory_bytes
        for host in self._hosts.all:
            room = self._hosts.room(host)
            left = room.left_for(cpus[host.name], memory[host.name])
            if room.memory_used_bytes is None and room.memory_bytes is not None:
                self._notes["unused"].append(host.name)
            if host.name in self._down:
                self._notes["down"].append(host.name)
            elif self._hosts.is_disabled(host):
                self._notes["disabled"].append(host.name)
            yield FoundHost(
                name=host.name,
                cpus=left[0],
                memory_bytes=left[1],
                labels=self._hosts.labels(host, self._wished, self._zones),
                accepts=host.name not in self._down and not self._hosts.is_disabled(host),
            )

    def _rules(self) -> Iterator[FoundRule]:
        kinds: dict[str, Literal["separate", "together"]] = {"anti-affinity": "separate", "affinity": "together"}
        for group in self._cloud.groups or ():
            policy = group.policy or next(iter(group.policies), "")
            members = tuple(dict.fromkeys(self._names[one] for one in group.members if one in self._names))
            told = group.name or group.id
            if len(members) < 2:
                continue
            if policy not in kinds:
                self._notes["soft" if policy.startswith("soft-") else "policy"].append(f"{clip(told)} ({clip(policy)})")
            elif policy == "anti-affinity" and (group.rules.max_server_per_host or 1) > 1:
                self._notes["several"].append(clip(told))
            else:
                yield FoundRule(kinds[policy], members, told)

    def _left_out(self) -> Iterator[str]:
        idle = Counter(one.status for one in self._cloud.servers if one.status not in RUNNING)
        for status, count in sorted(idle.items()):
            yield f"{counted(count, 'server')} in the state {clip(status)}"
        lost = [one for one in self._cloud.servers if one.status in RUNNING and self._host(one) is None]
        metal = [one for one in lost if one.hypervisor in self._hosts.bare_metal]
        if metal:
            yield f"{counted(len(metal), 'server')} on bare metal"
        if len(lost) > len(metal):
            names = [one.name or one.id for one in lost if one not in metal]
            yield f"{counted(len(names), 'server')} on hosts that are not there: {some([clip(one) for one in names])}"
        for key, words in (
            ("soft", "server groups whose policies need not be kept"),
            ("policy", "server groups with other policies"),
            ("several", "anti-affinity groups that allow several servers on a host (max_server_per_host)"),
            ("unsaid", "extra specs with operators"),
        ):
            if self._notes[key]:
                yield f"{words}: {some(list(dict.fromkeys(self._notes[key])))}"

    def _tell(self) -> None:
        """Write the sentences on what was assumed and is missing."""
        told, missing, notes = self.facts.assumed, self.facts.missing, self._notes
        told.append(
            "servers move cold or by pre-copy, a host sends one at a time, and pre-copy stops it for"
            f" {DOWNTIME_LIMIT_S * 1000:g} ms: these are Nova's defaults (settings.approaches, max_outgoing,"
            " downtime_limit); add postcopy and hybrid where live_migration_permit_post_copy is set"
        )
        if not self._shared_disks and any(vm.disk_bytes for vm in self.facts.vms):
            told.append("the disks of flavors are on the hosts and move with the servers (--shared-disks: they do not)")
        models = self._hosts.cpu_models
        if len(models) > 1:
            told.append(f"servers may run on every CPU model (add labels where they may not): {some(models)}")
        if self._hosts.have_dedicated:
            told.append("dedicated and shared CPUs of a host are counted together")
        for key, words in (
            ("zone", "they stay in their availability zone, since it is not said whether they must"),
            ("task", "what Nova does with them now is done when the plan starts"),
        ):
            if notes[key]:
                told.append(f"of {counted(len(notes[key]), 'server')}, {words}: {some(notes[key])}")
        for key, words in (("down", "down"), ("disabled", "disabled")):
            if notes[key]:
                verb = "takes" if len(notes[key]) == 1 else "take"
                be = "is" if len(notes[key]) == 1 else "are"
                told.append(
                    f"{counted(len(notes[key]), 'host')} that {be} {words} {verb} no servers: {some(notes[key])}"
                )
        for key, words in (
            ("specs", "the extra specs of the flavors, and with them devices and pinned CPUs, of"),
            ("rootless", "the size of the root disk, which is that of the image, of"),
        ):
            if notes[key]:
                missing.append(f"{words} {counted(len(notes[key]), 'server')}: {some(notes[key])}")
        if notes["unused"]:
            missing.append(
                "what servers that do not run, and others, take (/resource_providers/UUID/usages) of"
                f" {counted(len(notes['unused']), 'host')}: {some(notes['unused'])}"
            )
        if notes["wish"]:
            keys = list(dict.fromkeys(notes["wish"]))
            missing.append(f"which hosts have what flavors ask for (traits or aggregates): {some(keys)}")
        missing += [f"the rest of the {kind.replace('_', ' ')}: more pages follow" for kind in self._cloud.unfinished]
        for given, words in (
            (self._cloud.groups, "the server groups (/os-server-groups?all_projects=true)"),
            (self._cloud.aggregates, "the host aggregates (/os-aggregates)"),
            (self._cloud.ports, "the ports (Neutron, /v2.0/ports), which tell of SR-IOV"),
        ):
            if given is None:
                missing.append(f"{words}, if there are any")
