"""Whether the lab can run here, and in words what is missing if not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.lab.guest import Load, build
from tests.lab.network import Cable
from tests.lab.qemu import EMULATOR, Machine, MonitorError

PROGRAMS = {
    EMULATOR: "qemu-system-x86",
    "gcc": "gcc",
    "ip": "iproute2",
    "tc": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "sysctl": "procps",
}
"""What is run, and the Debian packages that it comes in."""


@cache
def missing() -> str | None:
    """What the lab lacks here, or None where it can run."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        packages = " ".join(sorted({PROGRAMS[name] for name in absent}))
        return f"no {', '.join(absent)} (packages: {packages})"
    if os.geteuid() != 0:
        return "not root, whom post-copy and network namespaces need"
    try:
        with Cable(1 << 20) as cable, tempfile.TemporaryDirectory(prefix="evac-lab-") as folder:
            image = build(Path(folder))
            with Machine(image, 32, Load(), cable.target.prefix, incoming=True) as machine:
                machine.set_capabilities({"postcopy-ram": True})
    except OSError as error:
        return f"no shaped link between namespaces ({error})"
    except MonitorError as error:
        return f"no post-copy ({error})"
    except subprocess.CalledProcessError:
        return "gcc does not build for 32-bit x86 (the machine is of another kind, or gcc is not complete)"
    return None
