"""Settings of an inventory: what holds for all its VMs and hosts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from planner.inventory.base import ALL_APPROACHES, Approach, Frozen, Name
from planner.inventory.spread import Spread
from planner.units import Duration, Rate, Size


class LinkClass(Frozen):
    """What calibration found for links up to a bandwidth. What is absent is as in the settings."""

    up_to: Rate = Field(gt=0, description="It holds for moves that reserve at most this bandwidth [bytes/s].")
    link_efficiency: float | None = Field(
        None, strict=True, gt=0, le=1, description="Share of the reserved bandwidth that carries pages [1]."
    )
    fixed_time: Duration | None = Field(None, description="What a migration takes beside its copying [s].")
    switch_time: Duration | None = Field(
        None, description="How long the VM stands still for the switch-over alone [s]."
    )
    fault_latency: Duration | None = Field(
        None, description="How long a fault waits after the switch, beside its page's own time on the link [s]."
    )


PAPER_BACKGROUND_EFFICIENCY = 0.3
"""What settings.background_efficiency is with the model paper where it is absent [1]."""

DEFAULT_TUNNEL_BYTES_PER_S = 189.0 * 2**20
"""What a migration through libvirt's tunnel reached where 437 MiB/s went without one [bytes/s]: migrations on
OpenStack, benchmarking_live-migration of the OSIC project."""

DEFAULT_EXTRA_MOVE_PRICE_S = 10.0
"""Price of a move that makes room where none is stated, in weighted downtime [s]."""

DEFAULT_VM_SHUTDOWN_S = 60.0
"""What is allowed for a guest's clean shutdown where nothing is stated [s]."""


class Settings(Frozen):
    """Settings that hold for the whole inventory. All are optional."""

    model: Literal["paper", "saturating", "btrplace"] = Field(
        "paper",
        description="The prediction model: saturating (what new inventories have: writes reach a working set, links"
        " and hosts have their overheads), paper (the formulas of the hybrid-approach paper, 2017), or btrplace"
        " (pre-copy only, in whole seconds).",
    )
    stop_threshold: Size | None = Field(
        None,
        gt=0,
        description="Bytes still dirty at which pre-copy stops the VM and sends the rest (l) [bytes]."
        " Give this or downtime_limit, not both.",
    )
    downtime_limit: Duration | None = Field(
        None,
        gt=0,
        description="The same as a time: l = bandwidth x downtime_limit [s]."
        " 300 ms, QEMU's own default, where neither is given.",
    )
    background_efficiency: float | None = Field(
        None,
        strict=True,
        gt=0,
        le=1,
        description="Share of the bandwidth that post-copy's background transfer reaches (alpha); 0.3 with the model"
        " paper, 1 with saturating, where absent [1].",
    )
    hybrid_switch: Annotated[float, Field(strict=True, ge=0, le=100)] | Literal["front", "paper"] = Field(
        "front",
        description="Model saturating: when the hybrid switches to post-copy. A number of passes (0.5: in the middle of"
        " the first), paper (after the share w/(r+w) of the image), or front: the planner chooses among all that"
        " no other is as good as in time and downtime [count].",
    )
    link_efficiency: float = Field(
        0.9,
        strict=True,
        gt=0,
        le=1,
        description="Model saturating: share of the reserved bandwidth that carries pages [1].",
    )
    fixed_time: Duration = Field(
        1.5, description="Model saturating: what a migration takes beside its copying, such as its set-up [s]."
    )
    switch_time: Duration = Field(
        0.1, description="Model saturating: how long the VM stands still for the switch-over alone [s]."
    )
    fault_latency: Duration = Field(
        0.001,
        description="Model saturating: how long a fault waits after the switch, beside its page's own time on the link"
        " [s].",
    )
    link_classes: tuple[LinkClass, ...] = Field(
        (),
        max_length=100,
        description="Model saturating: the four values above by class of link, as evac calibrate finds them. The class"
        " with the least up_to that a move keeps within counts.",
    )
    tunnelled: bool = Field(
        False,
        strict=True,
        description="Model saturating: migrations go through libvirt's tunnel (VIR_MIGRATE_TUNNELLED, Nova's"
        " live_migration_tunnelled): no faster than tunnel_bandwidth, without post-copy.",
    )
    tunnel_bandwidth: Rate = Field(
        DEFAULT_TUNNEL_BYTES_PER_S,
        gt=0,
        description="What a tunnel carries at most [bytes/s].",
    )
    compression_ratio: float = Field(
        1.0,
        strict=True,
        ge=1,
        le=100,
        description="Model saturating: bytes of memory for a byte on the link before the switch (QEMU's"
        " multifd-compression) [1].",
    )
    auto_converge: bool = Field(
        False,
        strict=True,
        description="Model saturating: pre-copy takes vCPU time from VMs that write too fast (QEMU's auto-converge,"
        " Nova's live_migration_permit_auto_converge).",
    )
    cpu_throttle_initial: int = Field(
        20, strict=True, ge=1, le=99, description="vCPU time that auto-converge takes first (cpu-throttle-initial) [%]."
    )
    cpu_throttle_increment: int = Field(
        10, strict=True, ge=1, le=99, description="What it takes more each time (cpu-throttle-increment) [%]."
    )
    max_cpu_throttle: int = Field(
        99, strict=True, ge=1, le=99, description="The most that it takes (max-cpu-throttle) [%]."
    )
    approaches: tuple[Approach, ...] = Field(
        ALL_APPROACHES, min_length=1, max_length=100, description="Approaches that any VM may use."
    )
    max_outgoing: int = Field(
        2, strict=True, ge=1, le=10_000, description="Migrations that may leave one host at once [count]."
    )
    max_incoming: int = Field(
        2, strict=True, ge=1, le=10_000, description="Migrations that may enter one host at once [count]."
    )
    multifd_channels: int = Field(
        1,
        strict=True,
        ge=1,
        le=255,
        description="TCP flows of one cold or pre-copy migration without disks (QEMU's multifd); others have one"
        " [count].",
    )
    migration_network: Name | None = Field(
        None, description="The network that migrations use; links that do not carry it are not for them."
    )
    equal_cost_paths: Literal["hash", "split"] = Field(
        "hash",
        description="hash: one path for each pair of hosts; split: each move evenly over all paths with the fewest"
        " links.",
    )
    extra_move_price: Duration = Field(
        DEFAULT_EXTRA_MOVE_PRICE_S,
        gt=0,
        description="What a move that makes room counts beside its own downtime, in weighted downtime: it is made where"
        " it saves more than that, or where there is no plan without it [s].",
    )
    spreads: tuple[Spread, ...] = Field(
        (),
        max_length=1000,
        description="How far rates of VMs are from the inventory's in one night, by class of VM; 1.5 each way where"
        " nothing is said, which is an assumption.",
    )
    link_spread: float = Field(
        1.1,
        strict=True,
        ge=1,
        le=1000,
        description="What links really reach: in 90% of nights between what they have / factor and what they have,"
        " never more [1].",
    )
    migration_failures: float = Field(
        0.005,
        strict=True,
        ge=0,
        le=1,
        description="Probability that a migration fails at some point and must be tried again [1].",
    )
    retry_after: Duration = Field(60.0, description="How long after a failure it is tried again [s].")
    max_retries: int = Field(
        2,
        strict=True,
        ge=0,
        le=100,
        description="How often a migration that fails is tried again before its VM counts as not out [count].",
    )
    vm_shutdown_time: Duration = Field(
        DEFAULT_VM_SHUTDOWN_S,
        description="Time that a guest's clean shutdown may take, where not all VMs can leave in time and some are shut"
        " down instead (`--if-infeasible triage`) [s].",
    )

    def flows(self, approach: Approach, disk_bytes: int) -> int:
        """Return over how many TCP flows a VM moves [count]: post-copy and copies of disks have one."""
        several = approach in (Approach.COLD, Approach.PRECOPY) and disk_bytes == 0
        return self.multifd_channels if several else 1

    def stop_threshold_bytes(self, rate_bytes_per_s: float) -> float:
        """Return the stop threshold l [bytes] at a transfer rate."""
        if self.stop_threshold is not None:
            return float(self.stop_threshold)
        limit_s = DEFAULT_DOWNTIME_LIMIT_S if self.downtime_limit is None else self.downtime_limit
        return rate_bytes_per_s * limit_s


DEFAULT_DOWNTIME_LIMIT_S = 0.3
"""QEMU's default downtime limit [s]."""
