"""The objects of Kubernetes and KubeVirt that are read, and what of them. What is not named here is ignored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from planner.importers.kubevirt_quantity import Quantity

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def _as_text(value: Any) -> Any:
    """Return a plain value as text, as people write labels without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)[:300] if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text), Field(max_length=10_000)]
Labels = dict[str, Text]
Count = Annotated[int, Field(strict=True, ge=1, le=100_000)]


class Part(BaseModel):
    """Base of all parts: what is not read is ignored, and null is as if it were not there."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Meta(Part):
    """Name and labels of an object."""

    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field("", max_length=253)
    labels: Labels = Field(default_factory=dict)


class Expression(Part):
    """A condition on a label."""

    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    values: tuple[Text, ...] = ()


class LabelSelector(Part):
    """Conditions on labels that must all hold."""

    matchLabels: Labels = Field(default_factory=dict)
    matchExpressions: tuple[Expression, ...] = ()


class NodeTerm(Part):
    """Conditions on a node that must all hold."""

    matchExpressions: tuple[Expression, ...] = ()
    matchFields: tuple[Expression, ...] = ()


class NodeTerms(Part):
    """Terms of which one must hold."""

    nodeSelectorTerms: tuple[NodeTerm, ...] = ()


class NodeAffinity(Part):
    """Nodes that are needed or preferred."""

    required: NodeTerms | None = Field(None, alias=REQUIRED)
    preferred: tuple[dict[str, Any], ...] = Field((), alias=PREFERRED)


class PodTerm(Part):
    """Other pods to be near to or apart from."""

    labelSelector: LabelSelector | None = None
    topologyKey: str
    namespaces: tuple[str, ...] = ()
    namespaceSelector: LabelSelector | None = None


class PodAffinity(Part):
    """Pods that are needed or preferred near by, or away."""

    required: tuple[PodTerm, ...] = Field((), alias=REQUIRED)
    preferred: tuple[dict[str, Any], ...] = Field((), alias=PREFERRED)


class Affinity(Part):
    """All affinities of a VMI."""

    nodeAffinity: NodeAffinity = Field(default_factory=NodeAffinity)
    podAffinity: PodAffinity = Field(default_factory=PodAffinity)
    podAntiAffinity: PodAffinity = Field(default_factory=PodAffinity)


class Taint(Part):
    """What keeps VMIs off a node."""

    key: str
    value: Text = ""
    effect: str


class Toleration(Part):
    """A taint that a VMI bears."""

    key: str = ""
    operator: str = "Equal"
    value: Text = ""
    effect: str = ""


class Topology(Part):
    """Cores, sockets and threads."""

    cores: Count = 1
    sockets: Count = 1
    threads: Count = 1

    @property
    def vcpus(self) -> int:
        """How many vCPUs there are [count]."""
        return self.cores * self.sockets * self.threads


class Cpu(Topology):
    """CPU of a domain; model empty where not named."""

    model: str = ""
    dedicatedCpuPlacement: bool = False


class Hugepages(Part):
    """Huge pages."""

    pageSize: str = Field(max_length=20)


class Memory(Part):
    """Memory of a domain."""

    guest: Quantity | None = None
    hugepages: Hugepages | None = None


class Resources(Part):
    """Requests and limits of a domain."""

    requests: dict[str, Quantity] = Field(default_factory=dict)
    limits: dict[str, Quantity] = Field(default_factory=dict)


class Interface(Part):
    """A network interface."""

    name: str = ""
    sriov: dict[str, Any] | None = None


class Device(Part):
    """A device of the host."""

    name: str = ""
    deviceName: str = ""


class Devices(Part):
    """Devices of a domain."""

    gpus: tuple[Device, ...] = ()
    hostDevices: tuple[Device, ...] = ()
    interfaces: tuple[Interface, ...] = ()


class Domain(Part):
    """The domain of a VMI."""

    cpu: Cpu | None = None
    memory: Memory = Field(default_factory=Memory)
    resources: Resources = Field(default_factory=Resources)
    devices: Devices = Field(default_factory=Devices)


class EmptyDisk(Part):
    """A disk that lives with the VMI."""

    capacity: Quantity


class Volume(Part):
    """A volume; of most kinds only the name is read."""

    name: str = ""
    emptyDisk: EmptyDisk | None = None
    containerDisk: dict[str, Any] | None = None


class VMISpec(Part):
    """What is asked of a VMI."""

    domain: Domain
    affinity: Affinity = Field(default_factory=Affinity)
    nodeSelector: Labels = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    topologySpreadConstraints: tuple[dict[str, Any], ...] = ()
    evictionStrategy: str | None = Field(None, max_length=100)
    architecture: str = Field("", max_length=100)
    volumes: tuple[Volume, ...] = ()


class Condition(Part):
    """A condition of an object."""

    type: str
    status: Text
    reason: str = ""
    message: str = ""


class GuestMemory(Part):
    """Memory that a guest has now."""

    guestCurrent: Quantity | None = None


class MigrationState(Part):
    """The last migration of a VMI."""

    completed: bool = False
    failed: bool = False
    targetNode: str = ""


class VMIStatus(Part):
    """How a VMI is."""

    phase: str = ""
    nodeName: str = Field("", max_length=253)
    conditions: tuple[Condition, ...] = ()
    migrationMethod: str = ""
    migrationState: MigrationState | None = None
    memory: GuestMemory = Field(default_factory=GuestMemory)
    currentCPUTopology: Topology | None = None


class VMI(Part):
    """A VirtualMachineInstance."""

    metadata: Meta
    spec: VMISpec
    status: VMIStatus = Field(default_factory=VMIStatus)

    @property
    def key(self) -> str:
        """Namespace and name; a namespace has no dot, so that they can be told apart."""
        return f"{self.metadata.namespace or 'default'}.{self.metadata.name}"


class NodeSpec(Part):
    """What is asked of a node."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(Part):
    """How a node is."""

    allocatable: dict[str, Quantity] = Field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()


class Node(Part):
    """A Node."""

    metadata: Meta
    spec: NodeSpec = Field(default_factory=NodeSpec)
    status: NodeStatus = Field(default_factory=NodeStatus)


class Named(Part):
    """An object of which only name and labels are read: a VirtualMachine, a Namespace."""

    metadata: Meta


class Migrations(Part):
    """How VMIs are migrated; None where not said."""

    parallelMigrationsPerCluster: Count | None = None
    parallelOutboundMigrationsPerNode: Count | None = None
    bandwidthPerMigration: Quantity | None = None
    completionTimeoutPerGiB: Count | None = None
    allowAutoConverge: bool | None = None
    allowPostCopy: bool | None = None
    network: str | None = None


class Developer(Part):
    """Overcommitment."""

    cpuAllocationRatio: Count | None = None


class Configuration(Part):
    """Configuration of KubeVirt."""

    migrations: Migrations = Field(default_factory=Migrations)
    developerConfiguration: Developer = Field(default_factory=Developer)
    evictionStrategy: str | None = None
    cpuModel: str = ""


class KubeVirtSpec(Part):
    """What is asked of KubeVirt."""

    configuration: Configuration = Field(default_factory=Configuration)


class KubeVirt(Part):
    """A KubeVirt: the configuration of the cluster's virtualisation."""

    metadata: Meta
    spec: KubeVirtSpec = Field(default_factory=KubeVirtSpec)


class PolicySelectors(Part):
    """Labels of the VMIs and namespaces that a policy is for."""

    namespaceSelector: Labels = Field(default_factory=dict)
    virtualMachineInstanceSelector: Labels = Field(default_factory=dict)


class PolicySpec(Migrations):
    """What a policy says."""

    selectors: PolicySelectors = Field(default_factory=PolicySelectors)


class Policy(Part):
    """A MigrationPolicy."""

    metadata: Meta
    spec: PolicySpec
