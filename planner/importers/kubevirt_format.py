"""A cluster's objects out of files of Kubernetes: lists or single objects, YAML or JSON, each object once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from planner.errors import InputError, Problem
from planner.files import read_text
from planner.importers.kubevirt_objects import VMI, KubeVirt, Named, Node, Part, Policy
from planner.inventory.places import Document, Path, clip, limited
from planner.inventory.read_json import read_json
from planner.inventory.read_yaml import read_yaml
from planner.inventory.translate import Finding, translate

HINT = "give what kubectl get vmi,vm,nodes -A -o yaml writes"
WHAT = "a list of objects of Kubernetes"
MOST_KEYS = 5_000
"""Most keys of a mapping [count]: nodes have a label for each feature of their CPU."""


@dataclass
class Cluster:
    """All that was read of a cluster.

    Parameters
    ----------
    vmis, nodes, vms, namespaces, policies
        Objects by name; VMIs and VMs by namespace and name.
    kubevirt
        The configuration, or None.
    ignored
        How many objects of which other kinds there were [count].
    seen
        Where each object stands, by kind and name.
    """

    vmis: dict[str, VMI] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    vms: dict[str, Named] = field(default_factory=dict)
    namespaces: dict[str, Named] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    kubevirt: KubeVirt | None = None
    ignored: dict[str, int] = field(default_factory=dict)
    seen: dict[tuple[str, str], tuple[Document, Path]] = field(default_factory=dict)


_MODELS: Mapping[str, type[Part]] = {
    "VirtualMachineInstance": VMI,
    "VirtualMachine": Named,
    "Node": Node,
    "Namespace": Named,
    "MigrationPolicy": Policy,
    "KubeVirt": KubeVirt,
}


def read_objects(document: Document, cluster: Cluster) -> None:
    """Read the objects of a document into a cluster.

    Raises
    ------
    InputError
        If something of them is wrong, or comes twice: all problems with their places.
    """
    data = document.data
    problems = list(document.problems)
    kind = data.get("kind")
    objects: list[tuple[Path, Any]] = [((), data)]
    if "items" in data and isinstance(kind, str) and kind.endswith("List"):
        items = data["items"] if data["items"] is not None else []
        if not isinstance(items, list):
            raise InputError.single("wrong-type", "items is no list", HINT, document.place(("items",)))
        objects = [(("items", index), item) for index, item in enumerate(items)]
    for path, item in objects:
        try:
            findings = _read_object(item, path, document, cluster)
        except ValidationError as error:
            findings = translate(error, (), path)
        problems += [Problem(one.code, one.message, one.mend, document.place(one.path)) for one in findings]
    if problems:
        raise InputError(limited(problems))


def _read_object(item: Any, path: Path, document: Document, cluster: Cluster) -> list[Finding]:
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(kind, str):
        return [Finding("missing-key", "this is no object of Kubernetes: it has no kind", HINT, path)]
    model = _MODELS.get(kind)
    if model is None:
        cluster.ignored[kind] = cluster.ignored.get(kind, 0) + 1
        return []
    found: Any = model.model_validate(item)
    kept: dict[str, dict[str, Any]] = {
        "VirtualMachineInstance": cluster.vmis,
        "VirtualMachine": cluster.vms,
        "Node": cluster.nodes,
        "Namespace": cluster.namespaces,
        "MigrationPolicy": cluster.policies,
    }
    namespaced = kind in ("VirtualMachineInstance", "VirtualMachine")
    name = f"{found.metadata.namespace or 'default'}.{found.metadata.name}" if namespaced else found.metadata.name
    # There is one configuration of KubeVirt in a cluster, whatever it is called.
    name = kind if kind == "KubeVirt" else name
    if (kind, name) in cluster.seen:
        first, at = cluster.seen[kind, name]
        message = f"the {kind} {clip(name)} comes twice, first at {first.place(at)}"
        return [Finding("duplicate-name", message, "keep one of the two", path)]
    cluster.seen[kind, name] = document, path
    if kind == "KubeVirt":
        cluster.kubevirt = found
    else:
        kept[kind][name] = found
    return []


def read_cluster(paths: Sequence[str]) -> Cluster:
    """Read files of Kubernetes.

    Raises
    ------
    InputError
        If something is wrong with them, or they hold no VMI: all problems, with file and line.
    """
    cluster = Cluster()
    problems: list[Problem] = []
    for path in paths:
        try:
            text = read_text(path)
            if text.lstrip().startswith("{"):
                document = read_json(text, path, WHAT, HINT, max_keys=MOST_KEYS)
            else:
                document = read_yaml(text, path, WHAT, max_keys=MOST_KEYS, begins="apiVersion:")
            read_objects(document, cluster)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(limited(problems))
    return cluster
