"""The parts of a BtrPlace instance (JSON) that are read, and what must hold between them.

An instance holds a model (mapping of VMs to nodes, attributes, views of resources and of the network), constraints
and an objective. Ids are numbers; where they are keys, they are written as text. What is not named here is ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from planner.errors import InputError, Problem
from planner.inventory.places import Document, Path, clip, limited
from planner.inventory.read_json import read_json
from planner.inventory.translate import Finding, translate

MOST_NODES = 100_000
"""Most nodes or VMs of an instance [count]."""
_HINT = "check that it is an instance written by BtrPlace"


def _number(value: Any) -> Any:
    """Return the number that a key stands for; what is none is left to pydantic to refuse."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 else value


Id = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, lt=10**9)]
Amount = Annotated[float, Field(strict=True, ge=0, le=1e9)]
Units = Annotated[int, Field(strict=True, ge=-1, le=10**9)]
Megabytes = Annotated[float, Field(strict=True, gt=0, le=1e9)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=10**7)]


class Part(BaseModel):
    """Base of all parts: what is not read is ignored, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Residents(Part):
    """The VMs of a node."""

    runningVMs: tuple[Id, ...] = ()
    sleepingVMs: tuple[Id, ...] = ()


class Placement(Part):
    """Where the VMs are, and which nodes are on."""

    onlineNodes: dict[Id, Residents]
    offlineNodes: tuple[Id, ...] = ()
    readyVMs: tuple[Id, ...] = ()


class NodeFacts(Part):
    """Attributes of a node [s]."""

    boot: Seconds | None = None
    shutdown: Seconds | None = None


class VMFacts(Part):
    """Attributes of a VM [MB, MB, s, MB/s]."""

    memUsed: Megabytes | None = None
    hotDirtySize: Amount | None = None
    hotDirtyDuration: Seconds | None = None
    coldDirtyRate: Amount | None = None


class Facts(Part):
    """Attributes by node and by VM."""

    nodes: dict[Id, NodeFacts] = Field(default_factory=dict)
    vms: dict[Id, VMFacts] = Field(default_factory=dict)


class Resource(Part):
    """A view of a resource: what nodes have of it and VMs take."""

    rcId: str
    nodes: dict[Id, Units] = Field(default_factory=dict)
    vms: dict[Id, Units] = Field(default_factory=dict)
    defCapacity: Units = 0
    defConsumption: Units = 0


class Switch(Part):
    """A switch; a capacity below 0 is none."""

    id: Id
    capacity: int = -1


class End(Part):
    """What a link connects its switch to."""

    id: Id
    type: str


class Wire(Part):
    """A link of the network view [Mbit/s]."""

    capacity: int = Field(strict=True, gt=0, le=10**9)
    switch: Id
    physicalElement: End


class NetworkView(Part):
    """The view of the network."""

    switches: tuple[Switch, ...] = ()
    links: tuple[Wire, ...] = ()
    routing: dict[str, Any] = Field(default_factory=dict)


class Constraint(Part):
    """A constraint of any kind; each kind uses some of the fields."""

    id: str
    vm: Id | None = None
    vms: tuple[Id, ...] = ()
    node: Id | None = None
    nodes: tuple[Id, ...] = ()
    continuous: bool = False

    @property
    def all_vms(self) -> tuple[int, ...]:
        """The VMs that it names."""
        return self.vms if self.vm is None else (self.vm, *self.vms)

    @property
    def all_nodes(self) -> tuple[int, ...]:
        """The nodes that it names."""
        return self.nodes if self.node is None else (self.node, *self.nodes)


class View(Part):
    """What tells the views apart."""

    id: str


class Model(Part):
    """The infrastructure as it is."""

    mapping: Placement
    attributes: Facts = Field(default_factory=Facts)
    views: tuple[dict[str, Any], ...] = ()


class Instance(Part):
    """A problem of BtrPlace."""

    model: Model
    constraints: tuple[Constraint, ...] = ()


class Source:
    """An instance that is right in itself.

    Attributes
    ----------
    instance, resources, network
        What was read; the views by their names, and the network view or None.
    host_of
        Node of each running VM.
    online, offline
        The nodes.
    """

    def __init__(self, instance: Instance, resources: Mapping[str, Resource], network: NetworkView | None) -> None:
        self.instance = instance
        self.resources = resources
        self.network = network
        mapping = instance.model.mapping
        self.online = tuple(mapping.onlineNodes)
        self.offline = mapping.offlineNodes
        self.host_of = {vm: node for node, here in mapping.onlineNodes.items() for vm in here.runningVMs}


def read_instance(text: str, file: str | None) -> Source:
    """Read an instance.

    Raises
    ------
    InputError
        If the text is no instance, or its parts do not fit together: all problems with their places.
    """
    document = read_json(text, file, "a BtrPlace instance", _HINT, max_keys=MOST_NODES)
    try:
        instance = Instance.model_validate(document.data)
    except ValidationError as error:
        raise _refused(translate(error, (Instance,)), document) from None
    findings: list[Finding] = []
    resources: dict[str, Resource] = {}
    network: NetworkView | None = None
    for index, view in enumerate(instance.model.views):
        at: Path = ("model", "views", index)
        try:
            match View.model_validate(view).id:
                case "shareableResource":
                    resource = Resource.model_validate(view)
                    resources[resource.rcId] = resource
                case "net":
                    network = NetworkView.model_validate(view)
        except ValidationError as error:
            findings += translate(error, (), at)
    source = Source(instance, resources, network)
    findings += _unfit(source)
    if findings or document.problems:
        raise _refused(findings, document)
    return source


def _refused(findings: list[Finding], document: Document) -> InputError:
    problems = [Problem(one.code, one.message, one.mend, document.place(one.path)) for one in findings]
    return InputError(limited([*document.problems, *problems]))


def _unfit(source: Source) -> Iterator[Finding]:
    """Yield what does not fit together: names used twice, or used and not there."""
    mapping = source.instance.model.mapping
    nodes = {*source.online, *source.offline}
    at: Path = ("model", "mapping")
    if not nodes:
        yield Finding("no-nodes", "the instance has no nodes", _HINT, (*at, "onlineNodes"))
        return
    for node in sorted({*source.online} & {*source.offline}):
        yield Finding("node-twice", f"node {node} is online and offline", "keep one of the two", (*at, "offlineNodes"))
    seen: dict[int, int] = {}
    for node, here in mapping.onlineNodes.items():
        for vm in (*here.runningVMs, *here.sleepingVMs):
            if vm in seen:
                message = f"VM {vm} is on node {seen[vm]} and on node {node}"
                yield Finding("vm-twice", message, "keep one of the two", (*at, "onlineNodes", str(node)))
            seen.setdefault(vm, node)
    vms = {*seen, *mapping.readyVMs}
    for index, constraint in enumerate(source.instance.constraints):
        for kind, named, known in (("VM", constraint.all_vms, vms), ("node", constraint.all_nodes, nodes)):
            for one in dict.fromkeys(named):
                if one not in known:
                    message = f"{clip(constraint.id)} names {kind} {one}, which is not in the mapping"
                    yield Finding("unknown-element", message, "name one that is there", ("constraints", index))
    yield from _unfit_network(source, nodes)


def _unfit_network(source: Source, nodes: set[int]) -> Iterator[Finding]:
    if source.network is None:
        return
    views = [view.get("id") for view in source.instance.model.views]
    at: Path = ("model", "views", views.index("net"), "links")
    switches = {switch.id for switch in source.network.switches}
    for index, wire in enumerate(source.network.links):
        end = wire.physicalElement
        known = {"node": nodes, "switch": switches}.get(end.type)
        if known is None:
            message = f"a link leads to a {clip(end.type)!r}"
            yield Finding("bad-link", message, "links lead from a switch to a node or a switch", (*at, index))
        elif end.id not in known or wire.switch not in switches:
            message = f"the link between switch {wire.switch} and {end.type} {end.id} has an end that is not there"
            yield Finding("bad-link", message, "name switches and nodes that are there", (*at, index))
