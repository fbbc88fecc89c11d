"""One migration: what shall be done, doing it, and what was seen of it."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.lab.guest import BEATS_PER_S, PAGE_BYTES, Load, pages
from tests.lab.network import Cable
from tests.lab.qemu import Machine, MonitorError

PAGE_WIRE_BYTES = PAGE_BYTES + 8
"""A page on the wire has its address before it."""
ZERO_PAGE_WIRE_BYTES = 9
FIRMWARE_PAGES, FIRMWARE_EXTRA_PAGES = 56, 130
"""Nonzero pages beside those that the guest fills; pages that there are beside its memory."""
PAGES_A_MIB = (1 << 20) // PAGE_BYTES
PORT = 4444
UNLIMITED = 1 << 40
POLL_S = 0.005
SETTLE_S = 0.3
"""How long the guest runs before and after, to see that it beats as it should."""
SEEN_BEFORE_S, SEEN_AFTER_S = 0.25, 0.1
"""How much of that is looked at."""
PATIENCE_S = 5.0


class Approach(StrEnum):
    """How a VM moves."""

    COLD = "cold"
    PRE_COPY = "pre-copy"
    POST_COPY = "post-copy"
    HYBRID = "hybrid"


@dataclass(frozen=True)
class Task:
    """One migration to be done.

    Parameters
    ----------
    approach
        How.
    memory_mib
        Memory of the guest [MiB].
    load
        What the guest does.
    link_rate
        What the link carries, headers and all [bytes/s].
    downtime_limit_ms
        When pre-copy may stop.
    after_passes, at_share
        When a hybrid switches to post-copy: after so many whole passes, or when this share of the first has been sent.
    auto_converge
        Whether QEMU may slow the guest down.
    give_up_after_s
        After how long a migration that has not ended is cancelled.
    """

    approach: Approach
    memory_mib: int
    load: Load
    link_rate: float
    downtime_limit_ms: int = 300
    after_passes: int | None = None
    at_share: float | None = None
    auto_converge: bool = False
    give_up_after_s: float = 60.0

    @property
    def full_pages(self) -> int:
        """Pages that are nonzero when the guest is ready."""
        every = pages(self.memory_mib)
        return FIRMWARE_PAGES + (every if self.load.fill is None else min(self.load.fill, every))

    @property
    def zero_pages(self) -> int:
        """Pages that are zero then."""
        return self.memory_mib * PAGES_A_MIB + FIRMWARE_EXTRA_PAGES - self.full_pages

    @property
    def wire_bytes(self) -> int:
        """What one pass over the whole memory sends: nonzero pages in full, of the others their address."""
        return self.full_pages * PAGE_WIRE_BYTES + self.zero_pages * ZERO_PAGE_WIRE_BYTES


@dataclass(frozen=True)
class Seen:
    """What was seen of a migration; times in seconds.

    Parameters
    ----------
    status
        QEMU's word for how it ended: completed, failed or cancelled.
    total_s
        From the start until nothing was left to be sent, as QEMU says.
    downtime_s
        What QEMU calls downtime. Of post-copy it leaves out nearly all; of a cold move it knows nothing.
    blackout_s
        From the last beat at the source to the first at the target, less the one tick there always is.
    longest_gap_s
        The longest time without a beat, less one tick.
    lost_s
        Service lost: how much longer it took than the number of beats says.
    idle_lost_share
        The same before the migration, of one second: what the machine, not the migration, takes.
    wire_bytes
        All that was sent of memory.
    precopy_bytes, downtime_bytes, postcopy_bytes
        ... before the VM paused, while it did, and after.
    full_pages, zero_pages
        Pages sent.
    passes
        How often the dirty pages were gathered.
    faults
        Pages the target asked for.
    fault_wait_s
        How long its processor waited for them.
    throttle_percent
        How much of its processor's time was taken from the guest at most.
    stolen_s
        Time of processors that the machine, if it is itself a guest, did not get meanwhile.
    """

    status: str
    total_s: float
    downtime_s: float
    blackout_s: float
    longest_gap_s: float
    lost_s: float
    idle_lost_share: float
    wire_bytes: int
    precopy_bytes: int
    downtime_bytes: int
    postcopy_bytes: int
    full_pages: int
    zero_pages: int
    passes: int
    faults: int
    fault_wait_s: float
    throttle_percent: int
    stolen_s: float = 0.0

    @property
    def unexplained_s(self) -> float:
        """Service lost [s] that neither the pause nor faults account for."""
        return self.lost_s - self.blackout_s - self.fault_wait_s


def migrate(task: Task, image: Path) -> Seen:
    """Start two machines on a cable of their own, move the guest from one to the other and say what was seen.

    Raises
    ------
    OSError, MonitorError, TimeoutError
        If the cable, a machine or the migration cannot be started.
    """
    with (
        Cable(task.link_rate) as cable,
        Machine(image, task.memory_mib, task.load, cable.source.prefix) as source,
        Machine(image, task.memory_mib, task.load, cable.target.prefix, incoming=True) as target,
    ):
        _configure(task, source, target)
        source.wait_until_ready()
        time.sleep(SETTLE_S)
        address = f"tcp:{cable.target.address}:{PORT}"
        target.monitor.command("migrate-incoming", uri=address)
        stolen = stolen_s()
        began = time.monotonic()
        if task.approach is Approach.COLD:
            source.monitor.command("stop")
        source.monitor.command("migrate", uri=address)
        statistics = _follow(task, source)
        if task.approach is Approach.COLD and statistics["status"] == "completed":
            _resume(target)
        ended = time.monotonic()
        _wait_for_beats(ended, source, target)
        waited = target.monitor.command("query-migrate") if statistics["status"] == "completed" else {}
        seen = _seen(statistics, waited, source.beats[:], target.beats[:], began, ended)
        return replace(seen, stolen_s=stolen_s() - stolen)


def _wait_for_beats(ended: float, source: Machine, target: Machine) -> None:
    """Let the guest run a while, and longer if it does not beat: one that was slowed down beats seldom."""
    time.sleep(SETTLE_S)
    while time.monotonic() < ended + PATIENCE_S and max(source.beats[-1:] + target.beats[-1:]) < ended + SEEN_AFTER_S:
        time.sleep(POLL_S)


def stolen_s() -> float:
    """Time of all processors that a hypervisor gave to others since the machine started [s]."""
    every = Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()
    return int(every[8]) / os.sysconf("SC_CLK_TCK")


def _configure(task: Task, source: Machine, target: Machine) -> None:
    late = task.approach in (Approach.POST_COPY, Approach.HYBRID)
    capabilities = {"postcopy-ram": late, "postcopy-preempt": late, "auto-converge": task.auto_converge}
    source.set_capabilities(capabilities)
    target.set_capabilities(capabilities | {"postcopy-blocktime": late})
    # The link is what limits; the downtime limit is what decides.
    source.monitor.command("migrate-set-parameters", max_bandwidth=UNLIMITED, downtime_limit=task.downtime_limit_ms)


def _follow(task: Task, source: Machine) -> dict[str, Any]:
    """Watch a migration until it has ended, switch to post-copy when it is time, and return QEMU's statistics."""
    gives_up_at = time.monotonic() + task.give_up_after_s
    switched = task.approach in (Approach.COLD, Approach.PRE_COPY)
    throttle = 0
    while True:
        seen = source.monitor.command("query-migrate")
        throttle = seen["cpu-throttle-percentage"] = max(throttle, seen.get("cpu-throttle-percentage", 0))
        if seen["status"] in ("failed", "cancelled") or (seen["status"] == "completed" and seen.get("total-time")):
            return seen
        if not switched and seen["status"] == "active" and _time_to_switch(task, seen.get("ram", {})):
            source.monitor.command("migrate-start-postcopy")
            switched = True
        if time.monotonic() > gives_up_at:
            source.monitor.command("migrate_cancel")
            gives_up_at += task.give_up_after_s
        time.sleep(POLL_S)


def _time_to_switch(task: Task, memory: dict[str, Any]) -> bool:
    if task.after_passes is not None:
        # The bitmap is gathered once before the first pass.
        return int(memory.get("dirty-sync-count", 0)) > task.after_passes
    return int(memory.get("transferred", 0)) >= (task.at_share or 0.0) * task.wire_bytes


def _resume(target: Machine) -> None:
    """Let the guest go on at the target, as soon as it has all come in."""
    while target.monitor.command("query-status")["status"] == "inmigrate":
        time.sleep(POLL_S)
    target.monitor.command("cont")


def lost_service(beats: list[float], began: float, ended: float) -> float:
    """Seconds of service lost between the beats that surround an interval: its length less what its beats stand for.

    Raises
    ------
    ValueError
        If there is no beat before it or none after it.
    """
    before = [index for index, at in enumerate(beats) if at <= began]
    after = [index for index, at in enumerate(beats) if at >= ended]
    if not before or not after:
        raise ValueError("the guest did not beat before and after")
    return beyond_beats(beats[before[-1] : after[0] + 1])


def beyond_beats(beats: list[float]) -> float:
    """Seconds from the first beat to the last beyond what so many beats stand for."""
    return beats[-1] - beats[0] - (len(beats) - 1) / BEATS_PER_S


def _seen(
    statistics: dict[str, Any],
    waited: dict[str, Any],
    at_source: list[float],
    at_target: list[float],
    began: float,
    ended: float,
) -> Seen:
    beats = sorted(at_source + at_target)
    tick = 1 / BEATS_PER_S
    start, end = began - SEEN_BEFORE_S, ended + SEEN_AFTER_S
    gaps = [later - earlier for earlier, later in itertools.pairwise(beats) if earlier >= start]
    memory = statistics.get("ram", {})
    return Seen(
        status=statistics["status"],
        total_s=statistics.get("total-time", 0) / 1e3,
        downtime_s=statistics.get("downtime", 0) / 1e3,
        blackout_s=at_target[0] - at_source[-1] - tick if at_target else 0.0,
        longest_gap_s=max(gaps) - tick,
        lost_s=lost_service(beats, began, end),
        idle_lost_share=beyond_beats([at for at in beats if start <= at <= began]) / (began - start),
        wire_bytes=memory.get("transferred", 0),
        precopy_bytes=memory.get("precopy-bytes", 0),
        downtime_bytes=memory.get("downtime-bytes", 0),
        postcopy_bytes=memory.get("postcopy-bytes", 0),
        full_pages=memory.get("normal", 0),
        zero_pages=memory.get("duplicate", 0),
        passes=memory.get("dirty-sync-count", 0),
        faults=memory.get("postcopy-requests", 0),
        fault_wait_s=waited.get("postcopy-blocktime", 0) / 1e3,
        throttle_percent=statistics.get("cpu-throttle-percentage", 0),
    )


__all__ = ["Approach", "MonitorError", "Seen", "Task", "lost_service", "migrate"]
