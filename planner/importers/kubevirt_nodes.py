"""On which nodes a VMI can be: selectors, affinities, taints, CPU models, huge pages; as labels of an inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation

from planner.importers.kubevirt_objects import VMI, Expression, LabelSelector, Node, NodeTerm, Taint, Toleration
from planner.importers.labels import Labels

CPU_MODEL = "cpu-model.node.kubevirt.io/"
MIGRATION_MODEL = "cpu-model-migration.node.kubevirt.io/"
HOST_MODEL = "host-model-cpu.node.kubevirt.io/"
HOST_FEATURE = "host-model-required-features.node.kubevirt.io/"
FEATURE = "cpu-feature.node.kubevirt.io/"
SCHEDULABLE = "kubevirt.io/schedulable"
HARD = ("NoSchedule", "NoExecute")
_PASSING = ("node.kubernetes.io/", "kubevirt.io/drain", "ToBeDeletedByClusterAutoscaler")
"""Taints of nodes that take nothing now, whatever a VMI bears."""


def accepts(node: Node) -> bool:
    """Return whether a node takes VMIs now, as far as it says so itself."""
    if node.spec.unschedulable or any(_is_passing(taint) for taint in node.spec.taints):
        return False
    if any(one.type == "Ready" and one.status != "True" for one in node.status.conditions):
        return False
    return node.metadata.labels.get(SCHEDULABLE, "true") == "true"


def _is_passing(taint: Taint) -> bool:
    return taint.effect in HARD and taint.key.startswith(_PASSING)


def lasting_taints(node: Node) -> Iterator[Taint]:
    """Yield the taints that keep VMIs off a node for good, if they do not bear them."""
    for taint in node.spec.taints:
        if taint.effect in HARD and not _is_passing(taint):
            yield taint


def bears(tolerations: tuple[Toleration, ...], taint: Taint) -> bool:
    """Return whether tolerations are for a taint."""
    return any(
        one.effect in ("", taint.effect)
        and (
            (one.operator == "Exists" and one.key in ("", taint.key))
            or (one.operator != "Exists" and one.key == taint.key and one.value == taint.value)
        )
        for one in tolerations
    )


def holds(expression: Expression, labels: Mapping[str, str]) -> bool:
    """Return whether a condition holds of labels."""
    value = labels.get(expression.key)
    match expression.operator:
        case "In":
            return value is not None and value in expression.values
        case "NotIn":
            return value is None or value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            if value is None or len(expression.values) != 1:
                return False
            try:
                left, right = Decimal(value), Decimal(expression.values[0])
            except InvalidOperation:
                return False
            if not (left.is_finite() and right.is_finite()):
                return False
            return left > right if expression.operator == "Gt" else left < right


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Return whether a selector selects what has labels."""
    return all(labels.get(key) == value for key, value in selector.matchLabels.items()) and all(
        holds(one, labels) for one in selector.matchExpressions
    )


def _fits(term: NodeTerm, node: Node) -> bool:
    if not term.matchExpressions and not term.matchFields:
        return False  # as Kubernetes has it: an empty term selects nothing
    fields = {"metadata.name": node.metadata.name}
    return all(holds(one, node.metadata.labels) for one in term.matchExpressions) and all(
        holds(one, fields) for one in term.matchFields
    )


class NodeNeeds:
    """What VMIs need of their nodes, as labels.

    Parameters
    ----------
    nodes
        The nodes, by name.
    tolerations
        Tolerations of all VMIs that run.
    cpu_model
        CPU model of VMIs that name none.

    Attributes
    ----------
    closed
        Nodes that take no VMI at all: KubeVirt does not run there, or they have a taint that none bears. Labels do not
        count with them.
    blind
        Whether nodes say nothing of their CPUs.
    """

    def __init__(
        self, nodes: Mapping[str, Node], tolerations: Iterable[tuple[Toleration, ...]], cpu_model: str
    ) -> None:
        borne = set(tolerations)
        labelled = any(SCHEDULABLE in node.metadata.labels for node in nodes.values())
        self.closed = {
            name
            for name, node in nodes.items()
            if (labelled and SCHEDULABLE not in node.metadata.labels)
            or any(not any(bears(one, taint) for one in borne) for taint in lasting_taints(node))
        }
        self._cpu_model = cpu_model
        self._nodes = {name: node for name, node in nodes.items() if name not in self.closed}
        self._labels = Labels(self._nodes)
        self.blind = not any(
            label.startswith((CPU_MODEL, HOST_MODEL)) for node in nodes.values() for label in node.metadata.labels
        )

    def labels_of(self, node: str) -> tuple[str, ...]:
        """Return the labels of a node."""
        return self._labels.of(node)

    def of(self, vmi: VMI) -> tuple[str, ...]:
        """Return the labels that a VMI requires."""
        return tuple(dict.fromkeys(label for label in self._of(vmi)))

    def _of(self, vmi: VMI) -> Iterator[str]:
        spec = vmi.spec
        for key, value in spec.nodeSelector.items():
            yield from self._need(f"{key}:{value}", lambda node, k=key, v=value: node.metadata.labels.get(k) == v)  # type: ignore[misc]  # a lambda's default has no type
        required = spec.affinity.nodeAffinity.required
        if required is not None:
            terms = required.nodeSelectorTerms
            yield from self._need(_name(terms), lambda node: any(_fits(term, node) for term in terms))
        for taint in self._taints():
            if not bears(spec.tolerations, taint):
                what = f"no-taint:{taint.key}" + (f"={taint.value}" if taint.value else "")
                yield from self._need(what, lambda node, t=taint: t not in lasting_taints(node))  # type: ignore[misc]  # a lambda's default has no type
        if spec.architecture:
            yield from self._need(
                f"arch:{spec.architecture}",
                lambda node: node.metadata.labels.get("kubernetes.io/arch", spec.architecture) == spec.architecture,
            )
        huge = spec.domain.memory.hugepages
        if huge is not None:
            resource = f"hugepages-{huge.pageSize}"
            yield from self._need(resource, lambda node: node.status.allocatable.get(resource, 0) > 0)
        if spec.domain.cpu is not None and spec.domain.cpu.dedicatedCpuPlacement:
            yield from self._need("cpumanager", lambda node: node.metadata.labels.get("cpumanager") == "true")
        if not self.blind:
            yield from self._of_cpu(vmi)

    def _of_cpu(self, vmi: VMI) -> tuple[str, ...]:
        model = (vmi.spec.domain.cpu.model if vmi.spec.domain.cpu else "") or self._cpu_model or "host-model"
        if model not in ("host-model", "host-passthrough"):
            return self._need(f"cpu:{model}", lambda node: node.metadata.labels.get(CPU_MODEL + model) == "true")
        own = self._nodes.get(vmi.status.nodeName)
        host_models = _of_kind(own, HOST_MODEL)
        if own is None or not host_models:
            return ()
        name = sorted(host_models)[0]
        features = _of_kind(own, HOST_FEATURE)
        if model == "host-passthrough":
            mine = _of_kind(own, FEATURE)
            found = self._need(
                f"cpu-is:{name}",
                lambda node: _of_kind(node, HOST_MODEL) == host_models and _of_kind(node, FEATURE) == mine,
            )
        else:
            found = self._need(
                f"host-model:{name}",
                lambda node: (
                    node is own
                    or (
                        bool(host_models & (_of_kind(node, MIGRATION_MODEL) | _of_kind(node, HOST_MODEL)))
                        and features <= (_of_kind(node, FEATURE) | _of_kind(node, HOST_FEATURE))
                    )
                ),
            )
        return found

    def _taints(self) -> list[Taint]:
        return list(dict.fromkeys(taint for node in self._nodes.values() for taint in lasting_taints(node)))

    def _need(self, what: str, allows: Callable[[Node], bool]) -> tuple[str, ...]:
        return self._labels.need(what, [name for name, node in self._nodes.items() if allows(node)])


def _of_kind(node: Node | None, prefix: str) -> frozenset[str]:
    """Return what a node says by labels of one kind."""
    if node is None:
        return frozenset()
    labels = node.metadata.labels
    return frozenset(
        key.removeprefix(prefix) for key, value in labels.items() if key.startswith(prefix) and value == "true"
    )


def _name(terms: tuple[NodeTerm, ...]) -> str:
    """Return a name for what an affinity asks for: its label where it is one, else ``affinity``."""
    if len(terms) == 1 and len(terms[0].matchExpressions) == 1 and not terms[0].matchFields:
        (only,) = terms[0].matchExpressions
        if only.operator == "In" and len(only.values) == 1:
            return f"{only.key}:{only.values[0]}"
    return "affinity"
