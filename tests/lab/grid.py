"""What the benchmark measures, and on which part of it models may be fitted: said before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from tests.lab.guest import Load, pages
from tests.lab.migrate import PAGES_A_MIB, Approach, Task

MIB = 1 << 20


class Part(StrEnum):
    """What a cell is for."""

    FIT = "fit"
    HELD_OUT = "held-out"


@dataclass(frozen=True)
class Cell:
    """A migration of the benchmark.

    Parameters
    ----------
    part
        Whether a model may be fitted on it or is judged by it.
    task
        The migration.
    repeats
        How often it is measured; more than once for error bars.
    """

    part: Part
    task: Task
    repeats: int = 1

    @property
    def name(self) -> str:
        """What tells it from all others: all that it is given, as one would say it."""
        task, load = self.task, self.task.load
        words = [
            str(task.approach),
            *([f"after {task.after_passes} passes"] if task.after_passes is not None else []),
            *([f"at {task.at_share:g}"] if task.at_share is not None else []),
            f"{task.memory_mib} MiB",
            *([f"filled {load.fill / PAGES_A_MIB:g}"] if load.fill is not None else []),
            f"link {task.link_rate / MIB:g}",
            f"write {load.write / PAGES_A_MIB:g}",
            *([f"in {load.write_set / PAGES_A_MIB:g}"] if load.write_set is not None else []),
            f"read {load.read / PAGES_A_MIB:g}",
            *([f"in {load.read_set / PAGES_A_MIB:g}"] if load.read_set is not None else []),
            f"limit {task.downtime_limit_ms} ms",
            *(["auto-converge"] if task.auto_converge else []),
        ]
        return ", ".join(words)


class Asked(TypedDict, total=False):
    """What the tables below say of a migration: rates in MiB/s, sizes in MiB; what is not said is as in `task`."""

    write: float
    write_set: float
    read: float
    read_set: float
    fill: float
    limit_ms: int
    after_passes: int
    at_share: float
    auto_converge: bool


def cells() -> list[Cell]:
    """The grid, quick things first."""
    return [*fitted(), *held_out()]


def fitted() -> Iterator[Cell]:
    """On each link what calibration needs: stop-and-copy of two sizes, faults, and rates of writing."""
    for link in (16, 32, 48):
        small, large = 2 * link, 4 * link
        for memory in (small, large):
            yield Cell(Part.FIT, task(Approach.COLD, memory, link), repeats=3)
        yield Cell(Part.FIT, task(Approach.PRE_COPY, small, link, write=link // 4))
        for read in (1, 4):
            yield Cell(Part.FIT, task(Approach.POST_COPY, small, link, read=read), repeats=2)
        yield Cell(Part.FIT, task(Approach.HYBRID, small, link, write=link // 4, read=2, after_passes=1))


def held_out() -> Iterator[Cell]:
    """Along each axis in turn around one core, which is measured three times."""
    for approach, asked in CORE:
        yield Cell(Part.HELD_OUT, task(approach, 96, 32, **asked), repeats=3)
    for approach, memory, link, asked in SINGLE:
        yield Cell(Part.HELD_OUT, task(approach, memory, link, **asked))


def task(
    approach: Approach,
    memory_mib: int,
    link_mib_s: float,
    *,
    write: float = 0,
    write_set: float | None = None,
    read: float = 0,
    read_set: float | None = None,
    fill: float | None = None,
    limit_ms: int = 300,
    after_passes: int | None = None,
    at_share: float | None = None,
    auto_converge: bool = False,
) -> Task:
    """A migration; rates in MiB/s, sizes in MiB. Sets are spread over all of the nonzero memory."""
    write_pages, read_pages, fill_pages = (
        None if size is None else round(size * PAGES_A_MIB) for size in (write_set, read_set, fill)
    )
    everywhere = pages(memory_mib) if fill_pages is None else fill_pages
    load = Load(
        fill=fill_pages,
        write=round(write * PAGES_A_MIB),
        write_set=write_pages,
        write_over=None if write_pages is None else everywhere,
        read=round(read * PAGES_A_MIB),
        read_set=read_pages,
        read_over=None if read_pages is None else everywhere,
        busy=auto_converge,
    )
    return Task(
        approach=approach,
        memory_mib=memory_mib,
        load=load,
        link_rate=link_mib_s * MIB,
        downtime_limit_ms=limit_ms,
        after_passes=after_passes,
        at_share=at_share,
        auto_converge=auto_converge,
    )


COLD, PRE, POST, HYBRID = Approach.COLD, Approach.PRE_COPY, Approach.POST_COPY, Approach.HYBRID

CORE: list[tuple[Approach, Asked]] = [
    (COLD, Asked(write=8, read=8)),
    (PRE, Asked(write=8)),
    (PRE, Asked(write=16)),
    (POST, Asked(read=2)),
    (POST, Asked(write=8, read=8)),
    (HYBRID, Asked(write=8, read=2, after_passes=1)),
    (HYBRID, Asked(write=16, read=2, after_passes=1)),
    (HYBRID, Asked(write=8, read=8, at_share=0.5)),
]

SINGLE: list[tuple[Approach, int, int, Asked]] = [
    # write rates
    *((PRE, 96, 32, Asked(write=write)) for write in (0, 4, 24)),
    *((POST, 96, 32, Asked(write=write, read=1)) for write in (0, 1, 4, 16)),
    *((HYBRID, 96, 32, Asked(write=write, read=1, after_passes=1)) for write in (4, 24)),
    # read rates
    *((POST, 96, 32, Asked(read=read)) for read in (0, 0.25, 8, 16)),
    *((HYBRID, 96, 32, Asked(write=8, read=read, after_passes=1)) for read in (0, 16)),
    (PRE, 96, 32, Asked(write=8, read=8)),
    # working sets
    *((PRE, 96, 32, Asked(write=24, write_set=size)) for size in (8, 16, 32)),
    (PRE, 96, 32, Asked(write=45, write_set=16)),
    (HYBRID, 96, 32, Asked(write=24, write_set=16, read=2, after_passes=1)),
    (HYBRID, 96, 32, Asked(write=24, write_set=32, read=2, at_share=0.5)),
    *((POST, 96, 32, Asked(read=4, read_set=size)) for size in (8, 32)),
    # switch points
    *((HYBRID, 96, 32, Asked(write=8, read=4, at_share=share)) for share in (0.25, 0.5, 0.75, 0.85)),
    *((HYBRID, 96, 32, Asked(write=16, read=4, after_passes=passes)) for passes in (1, 2, 3)),
    # downtime limits
    *((PRE, 96, 32, Asked(write=8, limit_ms=limit)) for limit in (50, 150, 600)),
    # memory sizes, and memory that is partly zero
    *((PRE, memory, 32, Asked(write=8)) for memory in (48, 192, 256)),
    *((POST, memory, 32, Asked(read=4)) for memory in (48, 192)),
    *((HYBRID, memory, 32, Asked(write=8, read=4, after_passes=1)) for memory in (48, 192)),
    (COLD, 192, 32, Asked(fill=48)),
    (PRE, 192, 32, Asked(fill=96, write=8, write_set=48)),
    # link rates
    *((PRE, 3 * link, link, Asked(write=link * share)) for link in (16, 48) for share in (0, 0.25, 0.5)),
    *((POST, 3 * link, link, Asked(read=link / 4)) for link in (16, 48)),
    *((POST, 3 * link, link, Asked(read=link / 16, write=link / 16)) for link in (16, 48)),
    *((HYBRID, 3 * link, link, Asked(write=link / 4, read=4, after_passes=1)) for link in (16, 48)),
    *((HYBRID, 3 * link, link, Asked(write=link / 4, read=4, at_share=0.5)) for link in (16, 48)),
    # a busy guest that is slowed down so that it converges
    *((PRE, 96, 32, Asked(write=write, limit_ms=100, auto_converge=True)) for write in (24, 30, 45)),
]
