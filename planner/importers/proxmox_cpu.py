"""CPUs of nodes of Proxmox VE as labels: their models, and the levels of x86-64 that they reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from planner.importers.naming import label
from planner.importers.proxmox_format import CpuInfo

_V2 = frozenset(["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"])
_V3 = _V2 | frozenset(["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"])
_V4 = _V3 | frozenset(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])
LEVELS: Mapping[str, frozenset[str]] = {
    "x86-64-v2": _V2,
    "x86-64-v2-AES": _V2 | {"aes"},
    "x86-64-v3": _V3 | {"aes"},
    "x86-64-v4": _V4 | {"aes"},
}
"""Flags that a node's CPU has for each of the CPU types that are levels of x86-64."""


SAME_MODEL = frozenset({"host", "max"})
"""CPU types that are the node's own CPU."""
_OF_MAKER: Mapping[str, str] = {
    "AMD": r"EPYC|Opteron_|athlon|phenom",
    "Intel": r"Broadwell|Cascadelake|ClearwaterForest|Conroe|Cooperlake|GraniteRapids|Haswell|Icelake|IvyBridge"
    r"|KnightsMill|Nehalem|Penryn|SandyBridge|SapphireRapids|SierraForest|Skylake|Westmere|core2duo|coreduo|pentium",
}


class Cpus:
    """The CPUs of the nodes, and what CPU types of VMs require of them.

    Parameters
    ----------
    cpus
        CPU of each node of which it is known.
    online
        Nodes that are online.

    Attributes
    ----------
    unmodelled
        Nodes that are online and whose CPU model is not known.
    makers
        Makers of the CPUs.
    named
        CPU types that VMs name and of which nodes do not tell whether they have them.
    """

    def __init__(self, cpus: Mapping[str, CpuInfo], online: Iterable[str]) -> None:
        self._cpus = {node: cpus.get(node, CpuInfo()) for node in {*cpus, *online}}
        self.unmodelled = sorted(node for node in online if not self._cpus[node].model)
        self._all_flags = all(self._cpus[node].flags for node in online)
        self.makers = sorted({_maker(cpu) for cpu in self._cpus.values()} - {""})
        self.named: list[str] = []

    def labels(self, node: str) -> list[str]:
        """Return the labels of a node: model and levels of its CPU, and its maker where there are several."""
        cpu = self._cpus.get(node, CpuInfo())
        flags = set(cpu.flags.split())
        model = [_model_label(cpu)] if cpu.model else []
        maker = [_maker_label(_maker(cpu))] if _maker(cpu) and len(self.makers) > 1 else []
        return [*model, *maker, *(level for level, needed in LEVELS.items() if needed <= flags)]

    def requires(self, node: str, cpu_type: str) -> list[str] | None:
        """Return the labels that a VM of a CPU type requires, as far as its own node has them; None if not known."""
        if cpu_type in SAME_MODEL:
            cpu = self._cpus.get(node, CpuInfo())
            return [_model_label(cpu)] if cpu.model else None
        if cpu_type in LEVELS:
            return [cpu_type] if self._all_flags and cpu_type in self.labels(node) else []
        maker = next((maker for maker, types in _OF_MAKER.items() if re.match(types, cpu_type)), "")
        if maker and cpu_type not in self.named:
            self.named.append(cpu_type)
        wanted = _maker_label(maker)
        return [wanted] if maker and wanted in self.labels(node) and not self.unmodelled else []


def _maker(cpu: CpuInfo) -> str:
    return next((maker for maker in _OF_MAKER if maker in cpu.model), "")


def _maker_label(maker: str) -> str:
    return f"cpu-maker-{maker}"


def _model_label(cpu: CpuInfo) -> str:
    return label(f"cpu-{cpu.model}")
