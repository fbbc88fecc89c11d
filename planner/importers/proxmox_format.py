"""Answers of the API of Proxmox VE: what is read of them, and the cluster that they tell of together.

Sizes are in bytes, limits of bandwidth in KiB/s; yes and no are 1 and 0. What is not named here is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from planner.errors import InputError, Place, Problem
from planner.importers.proxmox_config import GuestConfig, options, read_config
from planner.importers.saved import Answer, Part
from planner.inventory.places import limited
from planner.units import MAX_SIZE_BYTES

HINT = "save the answers anew, as evac import proxmox --help says"
SHARED_TYPES = frozenset({"nfs", "cifs", "glusterfs", "cephfs", "rbd", "iscsi", "iscsidirect", "zfs", "pbs"})
"""Kinds of storage that all nodes share without saying so."""
_GUEST_CONFIG = re.compile(r"/nodes/([^/]+)/qemu/(\d{1,9})/config")
_NODE_STATUS = re.compile(r"/nodes/([^/]+)/status")


def _number(value: Any) -> Any:
    """Return the number that a text stands for; what is none is left to pydantic to refuse."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value):
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


def _flag(value: Any) -> Any:
    """Return yes or no of what the API has for it."""
    return (
        {0: False, 1: True, "0": False, "1": True, "": False, None: False}.get(value, value) if _plain(value) else value
    )


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _list(value: Any) -> Any:
    """Return the entries of a list that is written as text with commas, or as the keys of an object."""
    if isinstance(value, str):
        return [part.strip() for part in re.split(r"[,;\s]+", value) if part.strip()]
    return list(value) if isinstance(value, dict) else value


def _properties(value: Any) -> Any:
    return options(value, "type") if isinstance(value, str) else value


Count = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, le=1_000_000)]
Bytes = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, le=MAX_SIZE_BYTES)]
Id = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, lt=10**9)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Word = Annotated[str, Field(max_length=1000)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_list)]
Properties = Annotated[dict[str, Any], BeforeValidator(_properties)]


class Resource(Part):
    """A node, guest or storage of /cluster/resources."""

    type: Word
    node: Word | None = None
    status: Word = ""
    name: Word | None = None
    vmid: Id | None = None
    maxcpu: float | None = Field(None, ge=0, le=1_000_000)
    maxmem: Bytes | None = None
    mem: Bytes | None = None
    memhost: Bytes | None = None
    maxdisk: Bytes | None = None
    template: Flag = False
    hastate: Word = ""
    storage: Word | None = None
    shared: Flag = False
    plugintype: Word = ""


class Storage(Part):
    """A storage of /storage."""

    storage: Word
    type: Word = ""
    shared: Flag = False
    nodes: Words = ()
    disable: Flag = False


class Group(Part):
    """An HA group, up to Proxmox VE 8."""

    group: Word
    nodes: Words = ()
    restricted: Flag = False


class Service(Part):
    """A guest that HA looks after."""

    sid: Word
    group: Word | None = None
    state: Word = "started"


class AffinityRule(Part):
    """An HA rule, from Proxmox VE 9."""

    rule: Word
    type: Word
    resources: Words = ()
    affinity: Word = ""
    nodes: Words = ()
    strict: Flag = False
    disable: Flag = False


class Options(Part):
    """What datacenter.cfg says of migrations; limits are in KiB/s."""

    migration: Properties = Field(default_factory=dict)
    bwlimit: Properties = Field(default_factory=dict)
    max_workers: Annotated[int, BeforeValidator(_number), Field(strict=True, ge=1, le=10_000)] | None = None


class CpuInfo(Part):
    """The CPU of a node."""

    model: Word = ""
    flags: Annotated[str, Field(max_length=20_000)] = ""


class NodeStatus(Part):
    """The state of a node."""

    cpuinfo: CpuInfo = Field(default_factory=CpuInfo)


class ManagerState(Part):
    """What the HA manager thinks of the nodes, by name."""

    node_status: dict[str, Any] = Field(default_factory=dict)


class ManagerStatus(Part):
    """The state of HA."""

    manager_status: ManagerState = Field(default_factory=ManagerState)


@dataclass
class Cluster:
    """A cluster as its API tells of it.

    Parameters
    ----------
    nodes, guests, stores
        Of /cluster/resources: the nodes, VMs and containers, and storages on nodes.
    storages, groups, services, rules, options
        Of the paths of their names; None where they were not asked for.
    configs
        Configuration of each VM, by its id.
    cpus
        CPU of each node.
    maintenance
        Nodes that HA keeps guests off.
    """

    nodes: list[Resource] = field(default_factory=list)
    guests: list[Resource] = field(default_factory=list)
    stores: list[Resource] = field(default_factory=list)
    storages: list[Storage] | None = None
    groups: list[Group] | None = None
    services: list[Service] | None = None
    rules: list[AffinityRule] | None = None
    options: Options | None = None
    configs: dict[int, GuestConfig] = field(default_factory=dict)
    cpus: dict[str, CpuInfo] = field(default_factory=dict)
    maintenance: set[str] = field(default_factory=set)


def read_cluster(answers: Sequence[Answer], problems: Sequence[Problem], file: str | None) -> Cluster:
    """Read answers of the API.

    Parameters
    ----------
    answers
        The answers, each to its path.
    problems
        What was wrong with their text.
    file
        Where they come from, for problems that concern all of them.

    Raises
    ------
    InputError
        If /cluster/resources is not among them, or something in them is wrong: all problems with their places.
    """
    found, wrong = Cluster(), list(problems)
    by_path = {answer.path: answer for answer in answers}
    if "/cluster/resources" not in by_path:
        message = "no answer to /cluster/resources is in it, which tells of nodes and VMs"
        raise InputError([*wrong, Problem("missing-file", message, HINT, Place(file))])
    _resources(found, by_path["/cluster/resources"], wrong)
    found.storages = _optional(by_path, "/storage", Storage, wrong)
    found.groups = _optional(by_path, "/cluster/ha/groups", Group, wrong)
    found.services = _optional(by_path, "/cluster/ha/resources", Service, wrong)
    found.rules = _optional(by_path, "/cluster/ha/rules", AffinityRule, wrong)
    for answer in answers:
        match = _GUEST_CONFIG.fullmatch(answer.path)
        if match is not None and answer.data is not None:
            config = read_config(answer, wrong)
            if config is not None:
                found.configs[int(match[2])] = config
        match = _NODE_STATUS.fullmatch(answer.path)
        if match is not None and answer.data is not None:
            status = answer.read(NodeStatus, answer.data, wrong)
            if status is not None:
                found.cpus[match[1]] = status.cpuinfo
    answer_of = by_path.get("/cluster/options")
    if answer_of is not None and answer_of.data is not None:
        found.options = answer_of.read(Options, answer_of.data, wrong)
    _maintenance(found, by_path.get("/cluster/ha/status/manager_status"), wrong)
    if wrong:
        raise InputError(limited(wrong))
    return found


def _optional[M: Part](
    by_path: Mapping[str, Answer], path: str, model: type[M], problems: list[Problem]
) -> list[M] | None:
    answer = by_path.get(path)
    return None if answer is None else answer.listed(model, problems)


def _resources(found: Cluster, answer: Answer, problems: list[Problem]) -> None:
    seen: set[str] = set()
    for index, entry in answer.entries(problems):
        one = answer.read(Resource, entry, problems, index)
        if one is None or one.type not in ("node", "qemu", "lxc", "storage"):
            continue
        needed = "storage" if one.type == "storage" else "node" if one.type == "node" else "vmid"
        for key in dict.fromkeys(("node", needed)):
            if getattr(one, key) is None:
                message = f"the key {key} is missing, which a {one.type} has"
                problems.append(answer.problem("missing-key", message, HINT, index))
        if one.type == "storage":
            found.stores.append(one)
            continue
        what = f"the node {one.node}" if one.type == "node" else f"the guest {one.vmid}"
        if what in seen:
            problems.append(answer.problem("duplicate-name", f"{what} is there twice", HINT, index))
        seen.add(what)
        (found.nodes if one.type == "node" else found.guests).append(one)
    if not found.nodes and not problems:
        problems.append(answer.problem("too-few", "it tells of no node", HINT))


def _maintenance(found: Cluster, answer: Answer | None, problems: list[Problem]) -> None:
    found.maintenance |= {one.node for one in found.nodes if one.node and one.hastate == "maintenance"}
    status = None if answer is None or answer.data is None else answer.read(ManagerStatus, answer.data, problems)
    if status is not None:
        states = status.manager_status.node_status
        found.maintenance |= {node for node, state in states.items() if state == "maintenance"}
