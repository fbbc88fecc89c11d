"""Clusters of Ganeti, in the text format that its htools read and write."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator

from planner.files import read_text
from planner.importers.facts import Facts, FoundHost, FoundRule, FoundVM, Hindrance
from planner.importers.ganeti_format import Cluster, Instance, Node, read_cluster
from planner.importers.loader import some
from planner.importers.naming import names_for
from planner.importers.report import counted
from planner.inventory.models import Approach, Settings

MIB = 2**20
OFFLINE_LABEL = "ganeti-offline"
"""Label of nodes that are offline or drained: they take nothing, and what runs on them should leave."""
EXCLUSION = "htools:iextags:"
MIGRATION = "htools:migration:"
ALLOWED = "htools:allowmigration:"
WISHES = ("htools:desiredlocation:", "htools:nlocation:")
"""Cluster tags that give other tags their meaning; the last two are preferences that Ganeti does not enforce."""
OWNED = ("group:", "drbd:", "migration:", OFFLINE_LABEL)
"""What labels begin with that an update renews."""
WAYS = (Approach.COLD, Approach.PRECOPY)
"""What `gnt-instance migrate` does: live, or with ``--non-live``."""
LOCAL = frozenset({"plain", "file"})


def ganeti_facts(path: str) -> Facts:
    """Read what a file says of a cluster.

    Raises
    ------
    InputError
        If it is none: all problems, with file, line and column.
    """
    return _facts(read_cluster(read_text(path), path))


def _facts(cluster: Cluster) -> Facts:
    work = _Mapping(cluster)
    facts = Facts("Ganeti", settings=Settings(model="saturating", approaches=WAYS), owned=OWNED)
    facts.hosts = [work.host(node) for node in cluster.nodes]
    facts.vms = [work.vm(instance) for instance in cluster.instances if instance.running]
    facts.rules = list(work.rules())
    facts.assumed = list(work.assumed())
    facts.dropped = list(work.dropped())
    offline = {node.name for node in cluster.nodes if node.offline}
    if any(vm.host in offline for vm in facts.vms):
        facts.evacuate = OFFLINE_LABEL
    return facts


class _Mapping:
    """What each part of a cluster is in an inventory."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._group = {group.uuid: group.name for group in cluster.groups}
        self._nodes = {node.name: node for node in cluster.nodes}
        self._used_mib: Counter[str] = Counter()
        self._idle_vcpus: Counter[str] = Counter()
        pairs: dict[str, list[str]] = defaultdict(list)
        for instance in cluster.instances:
            if instance.running:
                self._used_mib[instance.primary] += instance.memory_mib
            elif instance.counts:
                self._idle_vcpus[instance.primary] += instance.vcpus
            if instance.running and instance.template == "drbd" and instance.secondary:
                pair = _pair(instance)
                pairs[instance.primary].append(pair)
                pairs[instance.secondary].append(pair)
        self._pairs = {node: tuple(dict.fromkeys(given)) for node, given in pairs.items()}
        prefixes = _after(MIGRATION, cluster.tags)
        self._bound = {
            node.name: tuple(tag for tag in node.tags if tag.startswith(prefixes)) if prefixes else ()
            for node in cluster.nodes
        }
        self._also: dict[str, list[str]] = defaultdict(list)
        for tag in _after(ALLOWED, cluster.tags):
            had, sep, has = tag.partition("::")
            if sep:
                self._also[has].append(had)
        self._label = names_for(
            [
                *(f"group:{group.name}" for group in cluster.groups),
                *(pair for given in self._pairs.values() for pair in given),
                *(f"migration:{tag}" for given in (*self._bound.values(), *self._also.values()) for tag in given),
            ],
            taken=(OFFLINE_LABEL,),
        )

    def host(self, node: Node) -> FoundHost:
        """Return a node; its memory is what its instances have and what is free, without what it needs itself."""
        memory = cpus = None
        used = self._used_mib[node.name]
        if node.total_mib is not None and node.own_mib is not None and node.free_mib is not None:
            # hbal allots what is free, but no more than is left once the node and its instances have theirs.
            memory = (used + max(0, min(node.free_mib, node.total_mib - node.own_mib - used))) * MIB
        if node.cores:
            ratio = self._cluster.vcpu_ratio(self._group.get(node.group, ""))
            cpus = max(1, math.floor(node.cores * ratio) - node.own_cpus - self._idle_vcpus[node.name])
        taken = [*self._bound[node.name]]
        taken += [had for tag in node.tags for had in self._also.get(tag, ())]
        return FoundHost(
            name=node.name,
            cpus=cpus,
            memory_bytes=memory,
            labels=tuple(
                dict.fromkeys(
                    (
                        self._label[f"group:{self._group[node.group]}"],
                        *((OFFLINE_LABEL,) if node.offline else ()),
                        *(self._label[pair] for pair in self._pairs.get(node.name, ())),
                        *(self._label[f"migration:{tag}"] for tag in taken),
                    )
                )
            ),
            accepts=not node.offline,
        )

    def vm(self, instance: Instance) -> FoundVM:
        """Return an instance that runs."""
        node = self._nodes[instance.primary]
        local = instance.template in LOCAL
        requires = [self._label[f"migration:{tag}"] for tag in self._bound[node.name]]
        if len(self._cluster.groups) > 1:
            requires.append(self._label[f"group:{self._group[node.group]}"])
        hindrances: list[tuple[Hindrance, str]] = []
        if local:
            hindrances.append((Hindrance.LOCAL_DISK, instance.template))
        elif instance.template == "drbd":
            if instance.secondary:
                requires.append(self._label[_pair(instance)])
            else:
                hindrances.append((Hindrance.FORBIDDEN, "drbd without a secondary node"))
        return FoundVM(
            name=instance.name,
            host=instance.primary,
            vcpus=instance.vcpus,
            memory_bytes=instance.memory_mib * MIB,
            disk_bytes=instance.disk_mib * MIB if local else 0,
            requires=tuple(dict.fromkeys(requires)),
            # What has its disks on its node is shut down, copied and started: gnt-instance move.
            approaches=(Approach.COLD,) if local else None,
            hindrances=tuple(hindrances),
        )

    def rules(self) -> Iterator[FoundRule]:
        """Yield what must not share a node: instances with the same exclusion tag."""
        prefixes = _after(EXCLUSION, self._cluster.tags)
        members: dict[str, list[str]] = defaultdict(list)
        for instance in self._cluster.instances:
            if instance.running and prefixes:
                for tag in instance.tags:
                    if tag.startswith(prefixes):
                        members[tag].append(instance.name)
        for tag, names in members.items():
            yield FoundRule("separate", tuple(names), f"exclusion tag {tag}")

    def assumed(self) -> Iterator[str]:
        """Yield what the file does not say as such."""
        drbd = sum(one.running and one.template == "drbd" for one in self._cluster.instances)
        if drbd:
            yield (
                f"{counted(drbd, 'VM')} on DRBD may go to the secondary node only, where the disk is already"
                " (a label for each pair of nodes)"
            )
        if any(one.running and one.template in LOCAL for one in self._cluster.instances):
            yield "VMs with their disks on their node move cold, as by gnt-instance move; their memory is counted too"

    def dropped(self) -> Iterator[str]:
        """Yield what an inventory does not say."""
        cluster = self._cluster
        down = [one.name for one in cluster.instances if not one.running]
        if down:
            yield f"{counted(len(down), 'VM')} not running; vCPUs are kept for those that may be started: {some(down)}"
        offline = [node.name for node in cluster.nodes if node.offline]
        if offline:
            yield f"{counted(len(offline), 'host')} as a target, offline or drained: {some(offline)}"
        wishes = [tag for tag in cluster.tags if tag.startswith(WISHES)]
        if wishes:
            yield f"locations, which are preferences: {some(wishes)}"
        if cluster.overcommits:
            yield "memory that policies promise more than once (memory ratio)"
        if any(node.exclusive_storage for node in cluster.nodes):
            yield "exclusive storage and its spindles"
        if any(one.running and one.template in LOCAL for one in cluster.instances):
            yield "free disk space of the nodes: check it before a VM with disks on its node moves"


def _pair(instance: Instance) -> str:
    """Return the label of the two nodes that have an instance's disk."""
    return "drbd:" + "+".join(sorted((instance.primary, instance.secondary)))


def _after(prefix: str, tags: list[str]) -> tuple[str, ...]:
    """Return what follows a prefix in the tags that have it."""
    return tuple(tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix) and tag != prefix)
