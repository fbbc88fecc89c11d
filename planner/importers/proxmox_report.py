"""What the report on a cluster of Proxmox VE tells: what was left out, assumed and is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from planner.importers.facts import Facts
from planner.importers.loader import some
from planner.importers.proxmox_cpu import Cpus
from planner.importers.proxmox_format import Cluster, Resource
from planner.importers.report import counted
from planner.inventory.places import clip


def left_out(cluster: Cluster) -> Iterator[str]:
    """Yield what is not in the inventory, a sentence each."""
    machines = [one for one in cluster.guests if one.type == "qemu"]
    templates = [one for one in machines if one.template]
    off = [one for one in machines if not one.template and one.status == "stopped"]
    unknown = [one for one in machines if not one.template and one.status not in ("stopped", "running")]
    boxes = [one for one in cluster.guests if one.type == "lxc" and one.status == "running"]
    if off:
        yield f"{counted(len(off), 'VM')} that {_be(off)} off"
    if templates:
        yield counted(len(templates), "template")
    if unknown:
        names = [one.name or f"vm-{one.vmid}" for one in unknown]
        yield f"{counted(len(unknown), 'VM')} of which the cluster knows no state: {some(names)}"
    if boxes:
        yield (
            f"{counted(len(boxes), 'container')}, which cannot move live; their memory and CPUs are taken off their"
            " hosts"
        )


def tell(facts: Facts, notes: defaultdict[str, list[str]], cluster: Cluster, cpus: Cpus) -> None:
    """Write the sentences on what was noted on the way."""
    told, missing = facts.assumed, facts.missing
    for key, noun, sentence in (
        ("locked", "VM", "locked now are taken to be free when the plan starts"),
        ("balloon", "VM", "with a balloon may take all their memory"),
        ("touched", "VM", "hold in zero pages what their hosts have not given them (memhost)"),
        ("offline", "host", "that are not online take no VMs"),
    ):
        if notes[key]:
            names = notes[key]
            told.append(f"{counted(len(names), noun)} {_agree(sentence, len(names))}: {some(names)}")
    if notes["storage"]:
        names = list(dict.fromkeys(map(clip, notes["storage"])))
        told.append(f"storages that the answers do not tell of are local: {some(names)}")
    if len(cpus.makers) > 1 and notes["any maker"]:
        told.append(
            f"{counted(len(notes['any maker']), 'VM')} may move between CPUs of {' and '.join(cpus.makers)}, which"
            f" is not sure to work for each guest: {some(notes['any maker'])}"
        )
    if cpus.named:
        missing.append(f"which nodes have the CPU types that VMs name: {some(cpus.named)}")
    if notes["unused"]:
        facts.dropped.append(f"unused disks, which move too where they are local: {some(notes['unused'])}")
    for key, noun, sentence in (
        ("unconfigured", "VM", "the configuration, so that nothing is known of disks, devices and CPU type, of"),
        ("cpu", "VM", "the CPU models of nodes (/nodes/NODE/status), which must be the same for"),
        ("unmodelled", "host", "the CPU models, so that VMs with the CPU type host are not sent there, of"),
        ("own", "host", "what nodes need for themselves: VMs are offered all memory that containers leave of"),
    ):
        if notes[key]:
            missing.append(f"{sentence} {counted(len(notes[key]), noun)}: {some(notes[key])}")
    if notes["sizeless"]:
        missing.append(f"the size of disks, for which maxdisk is taken: {some(notes['sizeless'])}")
    if cluster.groups is None and cluster.rules is None:
        missing.append("the HA rules and groups (/cluster/ha/rules, /cluster/ha/groups), if there are any")
    if cluster.options is None:
        missing.append("the limits and the network of migrations (/cluster/options)")


def _be(things: list[Resource]) -> str:
    return "is" if len(things) == 1 else "are"


def _agree(sentence: str, count: int) -> str:
    """Return a sentence on several things as one on as many as there are."""
    if count != 1:
        return sentence
    for many, one in (
        ("are taken", "is taken"),
        ("may take all their", "may take all its"),
        ("hold in", "holds in"),
        ("their hosts have not given them", "its host has not given it"),
        ("that are", "that is"),
        ("online take", "online takes"),
    ):
        sentence = sentence.replace(many, one)
    return sentence
