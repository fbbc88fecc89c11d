"""What the tests of KubeVirt's importer share: the sample, changed copies of it, and short ways to look at facts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from planner.importers.facts import Facts, FoundVM
from planner.importers.kubevirt import facts_of
from planner.importers.kubevirt_format import read_cluster

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "imports" / "kubevirt.yaml"
GIB = 2**30
DOCUMENT: dict[str, Any] = yaml.safe_load(SAMPLE.read_text("utf-8"))
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HOSTNAME = "kubernetes.io/hostname"
Change = Callable[[Any], object]


def write(folder: Path, document: Any, name: str = "cluster.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")
    return path


def facts(*paths: Path) -> Facts:
    return facts_of(read_cluster([str(path) for path in paths]), str(paths[0]))


def item(document: Any, kind: str, name: str) -> Any:
    (found,) = (one for one in document["items"] if one["kind"] == kind and one["metadata"]["name"] == name)
    return found


def vmi(document: Any, name: str) -> Any:
    return item(document, "VirtualMachineInstance", name)


def changed(folder: Path, change: Change) -> Facts:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return facts(write(folder, document))


def vms(found: Facts) -> dict[str, FoundVM]:
    return {vm.name: vm for vm in found.vms}


def holders(found: Facts, vm: str) -> set[str]:
    """The hosts that have all labels that a VM requires."""
    wanted = set(vms(found)[vm].requires)
    return {host.name for host in found.hosts if wanted <= set(host.labels)}
