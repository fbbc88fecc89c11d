"""The guest of the lab: built from guest/ when it is needed, told on its command line what to do."""

from __future__ import annotations

import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "guest"
PAGE_BYTES = 4096
BEATS_PER_S = 1193182 / 4773
"""Ticks of the guest's clock a second: the 8254's frequency over the divisor in guest.c."""
FIRST_PAGE = 512
"""The guest's page 0 lies at 2 MiB; below are its image and the firmware."""

COMPILER = (
    *("gcc", "-m32", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-pic", "-no-pie"),
    *("-fno-stack-protector", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-mgeneral-regs-only"),
    *("-nostdlib", "-static", "-Wl,--build-id=none", "-Wl,-z,max-page-size=4096", "-Wl,--no-warn-rwx-segments"),
)


@dataclass(frozen=True)
class Load:
    """What the guest does; all pages are of 4096 bytes.

    Parameters
    ----------
    fill
        Pages made nonzero before the guest says that it is ready; None: all.
    write, read
        Pages a second.
    write_set, read_set
        Among how many pages; None: all from `write_from` and `read_from` on.
    write_from, read_from
        The first page of the set.
    write_over, read_over
        Over how many pages the set is spread evenly; None: they lie side by side.
    sequential
        Writes go through their set in order and round again; otherwise they are uniform at random, as reads always are.
    busy
        The guest uses all of its processor, so that a throttle slows it by what it takes. One that rests most of the
        time makes up for the throttle then, as far as its ticks allow.
    """

    fill: int | None = None
    write: int = 0
    write_set: int | None = None
    write_from: int = 0
    write_over: int | None = None
    read: int = 0
    read_set: int | None = None
    read_from: int = 0
    read_over: int | None = None
    sequential: bool = False
    busy: bool = False

    def command_line(self) -> str:
        """The guest's command line: what is None is left to the guest, which takes all its pages."""
        return " ".join(f"{name}={int(value)}" for name, value in asdict(self).items() if value is not None)


def pages(memory_mib: int) -> int:
    """How many pages a guest of this memory can write and read."""
    return memory_mib * 256 - FIRST_PAGE


def build(folder: Path) -> Path:
    """Build the guest from its sources into `folder` and return the image's path.

    Raises
    ------
    subprocess.CalledProcessError
        If the compiler refuses; it has said why on standard error.
    """
    image = folder / "guest.elf"
    files = [str(SOURCES / name) for name in ("boot.S", "guest.c")]
    command = [*COMPILER, f"-Wl,-T,{SOURCES / 'link.ld'}", "-o", str(image), *files]
    subprocess.run(command, check=True)
    return image
