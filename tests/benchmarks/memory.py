"""Peak memory of a process, its own and nobody else's."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

KIB = 1024


def peak_memory_bytes() -> int:
    """Return the peak resident memory of this process [bytes].

    Linux counts into a child's ``getrusage`` what its parent held when it started the child; ``VmHWM`` is the
    child's own, and is taken where it is there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KIB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB
