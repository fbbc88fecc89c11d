"""An instance of BtrPlace, written here after the structure of its JSON: three nodes to empty, two that boot first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATES = ((2000, 5, 3, 0.0), (2000, 96, 2, 3.0), (4000, 5, 3, 0.0), (4000, 96, 2, 3.0))
"""Memory used [MB], hot set [MB], its time [s], cold rate [MB/s]; 18, 20, 36 and 38 s at 1 Gbit/s."""
AT = {0: 0, 1: 0, 2: 1, 3: 1, 4: 2}
"""Node of each VM."""
TO = {0: 3, 1: 4, 2: 3, 3: 4, 4: 3}
"""Where each VM is fenced to."""


def instance(**changes: Any) -> dict[str, Any]:
    """Return the instance; top-level parts may be given instead."""
    document: dict[str, Any] = {
        "model": {
            "mapping": {
                "readyVMs": [],
                "onlineNodes": {
                    str(node): {"sleepingVMs": [], "runningVMs": [vm for vm, at in AT.items() if at == node]}
                    for node in range(3)
                },
                "offlineNodes": [3, 4],
            },
            "attributes": {
                "nodes": {**{str(n): {"shutdown": 17} for n in range(3)}, **{str(n): {"boot": 120} for n in (3, 4)}},
                "vms": {
                    str(vm): dict(
                        zip(
                            ("memUsed", "hotDirtySize", "hotDirtyDuration", "coldDirtyRate"),
                            TEMPLATES[vm % 4],
                            strict=True,
                        )
                    )
                    for vm in AT
                },
            },
            "views": [
                resource("mem", 16, {str(vm): TEMPLATES[vm % 4][0] // 1000 for vm in AT}),
                resource("cpu", 4, {str(vm): 1 for vm in AT}),
                {
                    "id": "net",
                    "routing": {"type": "default"},
                    "switches": [{"id": 0, "capacity": -1}, {"id": 1, "capacity": -1}],
                    "links": [
                        *(wire(node, "node", node, 1000, 0 if node < 3 else 1) for node in range(5)),
                        wire(5, "switch", 1, 10_000, 0),
                    ],
                },
            ],
        },
        "constraints": [
            *({"id": "fence", "vm": vm, "nodes": [node], "continuous": False} for vm, node in TO.items()),
            *({"id": "offline", "node": node, "continuous": False} for node in range(3)),
        ],
        "objective": {"id": "minimizeMTTRMigrationScheduling"},
    }
    return {**document, **changes}


def resource(name: str, each: int, taken: dict[str, int]) -> dict[str, Any]:
    return {
        "id": "shareableResource",
        "rcId": name,
        "defCapacity": 0,
        "defConsumption": 0,
        "nodes": {str(node): each for node in range(5)},
        "vms": taken,
    }


def wire(number: int, kind: str, end: int, mbit: int, switch: int) -> dict[str, Any]:
    return {"id": number, "capacity": mbit, "switch": switch, "physicalElement": {"id": end, "type": kind}}


def write(folder: Path, document: Any) -> str:
    """Write an instance to a file and return its path."""
    path = folder / "instance.json"
    path.write_text(json.dumps(document, indent=1), "utf-8")
    return str(path)
