"""CPUs of nodes of Proxmox VE as labels: their models, and the levels of x86-64 that they reach."""

from __future__ import annotations

from collections.abc import Mapping

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


def cpu_labels(cpu: CpuInfo) -> list[str]:
    """Return the labels of a CPU."""
    flags = set(cpu.flags.split())
    model = [cpu_label(cpu)] if cpu.model else []
    return [*model, *(level for level, needed in LEVELS.items() if needed <= flags)]


def cpu_label(cpu: CpuInfo) -> str:
    """Return the label of a CPU's model."""
    return label(f"cpu-{cpu.model}")
