"""What an inventory says: hosts, links, VMs, rules and settings, frozen and in base units.

The description of each field is data: unit, default, meaning. The reference page and the JSON Schema are
made from it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from planner.inventory.base import ALL_APPROACHES, NAME_PATTERN, Approach, Frozen, Name
from planner.inventory.dirtying import DirtyPoint, DirtySet
from planner.inventory.settings import (
    DEFAULT_DOWNTIME_LIMIT_S,
    DEFAULT_EXTRA_MOVE_PRICE_S,
    DEFAULT_TUNNEL_BYTES_PER_S,
    DEFAULT_VM_SHUTDOWN_S,
    PAPER_BACKGROUND_EFFICIENCY,
    LinkClass,
    Settings,
)
from planner.inventory.spread import Spread
from planner.units import Duration, Rate, Size

__all__ = [
    "ALL_APPROACHES",
    "DEFAULT_DOWNTIME_LIMIT_S",
    "DEFAULT_EXTRA_MOVE_PRICE_S",
    "HOURS",
    "INVENTORY_FORMAT",
    "MAX_ITEMS",
    "NAME_PATTERN",
    "RULE_KINDS",
    "VM",
    "YOUNGER",
    "Approach",
    "Before",
    "DirtyPoint",
    "DirtySet",
    "Frozen",
    "Host",
    "Inventory",
    "Link",
    "LinkClass",
    "Name",
    "NotAtOnce",
    "Rule",
    "Separate",
    "Settings",
    "Spread",
    "Together",
]

INVENTORY_FORMAT = "evac/inventory/1"

MAX_ITEMS = 200_000
"""Most hosts, switches, links, VMs or rules of one inventory [count]."""


HOURS = 24
"""Hours of a day [count]."""


class Host(Frozen):
    """A virtualisation host."""

    name: Name
    cpus: int = Field(
        strict=True,
        ge=1,
        le=1_000_000,
        description="vCPUs that the host may carry, overcommitment included [count].",
    )
    memory: Size = Field(description="Memory that VMs may use [bytes].")
    labels: tuple[Name, ...] = Field(
        (), max_length=1000, description="What the host has: CPU level, rack, storage, licence."
    )
    max_outgoing: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10_000,
        description="Migrations that may leave at once [count]. The settings' value if absent.",
    )
    max_incoming: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10_000,
        description="Migrations that may enter at once [count]. The settings' value if absent.",
    )
    accepts: bool = Field(True, strict=True, description="False: never a target.")
    ready_after: Duration = Field(
        0.0,
        description="Time from the start of the plan until it can receive VMs, such as that of a standby host that is"
        " switched on then [s].",
    )
    shutdown_time: Duration = Field(
        0.0,
        description="Time that it takes to switch off once its last VM has left, where it is evacuated; it counts"
        " against the deadline [s].",
    )


DIRECTION_TAGS = ("both", "each")
"""How pydantic tells one value for both directions of a link from one for each."""


def _directions(value: Any) -> str:
    return "each" if isinstance(value, list | tuple) else "both"


LinkRate = Annotated[Rate, Field(gt=0)]
LinkShare = Annotated[float, Field(strict=True, gt=0, le=1)]


class Link(Frozen):
    """A full-duplex link between two hosts or switches."""

    between: tuple[Name, Name] = Field(description="The two ends: names of hosts or switches.")
    bandwidth: Annotated[
        Annotated[LinkRate, Tag("both")] | Annotated[tuple[LinkRate, LinkRate], Tag("each")],
        Discriminator(_directions),
    ] = Field(
        description="Bandwidth in each direction, or a list of two: from the first end to the second, and back"
        " [bytes/s]."
    )
    usable: Annotated[
        Annotated[LinkShare, Tag("both")] | Annotated[tuple[LinkShare, LinkShare], Tag("each")],
        Discriminator(_directions),
    ] = Field(
        1.0,
        description="Share of the bandwidth that migrations may use, above 0 and at most 1; the rest is for the base"
        " load. For each direction, or a list of two: from the first end to the second, and back [1].",
    )
    members: int = Field(
        1,
        strict=True,
        ge=1,
        le=1000,
        description="Wires of equal speed that the link is made of (LACP); bandwidth is that of all together, and a"
        " TCP flow takes one of them [count].",
    )
    usable_by_hour: tuple[LinkShare, ...] | None = Field(
        None,
        min_length=HOURS,
        max_length=HOURS,
        description="The usable share in each hour of the day: 24 values, the first from 0:00 on, for both directions."
        " For evac window; other commands know no time of day and take usable [1].",
    )
    networks: tuple[Name, ...] | None = Field(
        None, min_length=1, max_length=1000, description="Networks that it carries. All of them if absent."
    )

    @property
    def bandwidths_bytes_per_s(self) -> tuple[float, float]:
        """Bandwidth from the first end to the second, and back [bytes/s]."""
        return self.bandwidth if isinstance(self.bandwidth, tuple) else (self.bandwidth, self.bandwidth)

    @property
    def capacities_bytes_per_s(self) -> tuple[float, float]:
        """What migrations may use from the first end to the second, and back [bytes/s]."""
        there, back = self.bandwidths_bytes_per_s
        share, share_back = self.usable if isinstance(self.usable, tuple) else (self.usable, self.usable)
        return there * share, back * share_back

    @property
    def capacity_bytes_per_s(self) -> float:
        """What migrations may use in either direction: the less of the two [bytes/s]."""
        return min(self.capacities_bytes_per_s)

    def carries(self, network: str | None) -> bool:
        """Return whether the link carries a network; every link carries that of no name."""
        return network is None or self.networks is None or network in self.networks

    def share_of(self, flows: int) -> float:
        """Return the share of the link that a migration of so many TCP flows can count on [1]."""
        return 1.0 if flows >= self.members else 1.0 / self.members


class VM(Frozen):
    """A virtual machine."""

    name: Name
    host: Name = Field(description="Where it runs now.")
    vcpus: int = Field(strict=True, ge=1, le=1_000_000, description="vCPUs [count].")
    memory: Size = Field(gt=0, description="Memory [bytes].")
    disk: Size = Field(0, description="Disk that moves with the VM; 0 where storage is shared [bytes].")
    read_rate: Rate = Field(description="Rate at which it reads its memory image (r) [bytes/s].")
    write_rate: Rate = Field(description="Rate at which it dirties its memory image (w) [bytes/s].")
    read_rate_by_hour: tuple[Rate, ...] | None = Field(
        None,
        min_length=HOURS,
        max_length=HOURS,
        description="The read_rate in each hour of the day: 24 values, the first from 0:00 on. For evac window; other"
        " commands know no time of day and take read_rate [bytes/s].",
    )
    write_rate_by_hour: tuple[Rate, ...] | None = Field(
        None,
        min_length=HOURS,
        max_length=HOURS,
        description="The write_rate in each hour of the day, like read_rate_by_hour. The rates of dirty_sets rise and"
        " fall with it; dirty_vector, hot_memory and cold_write_rate do not go with it [bytes/s].",
    )
    hot_memory: Size = Field(
        0, description="Pages that it dirties over and over (H) [bytes]. Used by the model btrplace."
    )
    hot_duration: Duration | None = Field(
        None,
        gt=0,
        description="Time within which it dirties hot_memory once (S) [s]. Needed where hot_memory is given.",
    )
    cold_write_rate: Rate | None = Field(
        None,
        description="Rate at which it dirties pages beside hot_memory (c) [bytes/s]. The write_rate if absent."
        " Used by the model btrplace.",
    )
    nonzero_memory: Size | None = Field(
        None,
        description="Memory that is not zero; pages of zeros cost next to nothing to send. All of it if absent [bytes]."
        " Used by the model saturating, like the next five.",
    )
    working_set: Size | None = Field(
        None,
        gt=0,
        description="Memory that write_rate is spread over (W). All of it if absent [bytes]. Of this, dirty_sets,"
        " dirty_vector and hot_memory give one at most.",
    )
    dirty_sets: tuple[DirtySet, ...] | None = Field(
        None, min_length=1, max_length=16, description="Several working sets, each with its own rate, for write_rate."
    )
    dirty_vector: tuple[DirtyPoint, ...] | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Measured: how much was dirty after how long, in order of time; linear in between.",
    )
    disk_write_rate: Rate = Field(
        0.0, description="Rate at which it writes to the disk that moves with it; those bytes are sent too [bytes/s]."
    )
    write_rate_range: tuple[Rate, Rate] | None = Field(
        None,
        description="5th and 95th percentile of the write rate over nights; write_rate is its median. By the spreads of"
        " the settings if absent [bytes/s].",
    )
    read_rate_range: tuple[Rate, Rate] | None = Field(None, description="The same of the read rate [bytes/s].")
    workload: Name | None = Field(
        None, description="Class of VMs that it belongs to, such as db or batch; the spreads of the settings go by it."
    )
    weight: float = Field(
        1.0,
        strict=True,
        ge=0,
        le=1e6,
        description="What a second of its downtime counts, and in a triage its rescue [1].",
    )
    max_downtime: Duration | None = Field(None, description="Longest downtime that it bears [s]. No limit if absent.")
    approaches: tuple[Approach, ...] | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Approaches that it may use, of those in the settings. All of them if absent.",
    )
    requires: tuple[Name, ...] = Field((), max_length=1000, description="Labels that its host must have.")
    pinned: bool = Field(
        False, strict=True, description="True: it may not move; evacuating its host is then infeasible."
    )
    shutdown_time: Duration | None = Field(
        None,
        description="Time that its clean shutdown may take, where it is shut down because it cannot leave in time [s]."
        " The settings' vm_shutdown_time if absent.",
    )

    @property
    def image_bytes(self) -> int:
        """What a migration has to move at least: memory and disk (V) [bytes]."""
        return self.memory + self.disk

    @property
    def cold_rate(self) -> float:
        """Rate at which it dirties pages beside its hot memory (c) [bytes/s]."""
        return self.write_rate if self.cold_write_rate is None else self.cold_write_rate


Group = Annotated[tuple[Name, ...], Field(min_length=2, max_length=10_000)]


class Separate(Frozen):
    """Never two of these on one host, at any moment; a moving VM is on both its hosts."""

    separate: Group = Field(description="VMs of which no two may be on one host, at any moment.")

    @property
    def members(self) -> tuple[str, ...]:
        """The VMs that the rule names."""
        return self.separate


class Together(Frozen):
    """Those of these that move have the same destination: a host where a member stays, if one stays."""

    together: Group = Field(
        description="VMs that end on one host. Where a member stays, the others join a member that stays."
    )

    @property
    def members(self) -> tuple[str, ...]:
        """The VMs that the rule names."""
        return self.together


class NotAtOnce(Frozen):
    """No two of these in migration at the same time."""

    not_at_once: Group = Field(description="VMs of which no two may be in migration at the same time.")

    @property
    def members(self) -> tuple[str, ...]:
        """The VMs that the rule names."""
        return self.not_at_once


class Before(Frozen):
    """Each has landed before the next in the list starts; VMs that do not move count as landed."""

    before: Group = Field(description="VMs in the order in which they move: each has landed before the next starts.")

    @property
    def members(self) -> tuple[str, ...]:
        """The VMs that the rule names, in order."""
        return self.before


RULE_KINDS: dict[str, type[Separate | Together | NotAtOnce | Before]] = {
    "separate": Separate,
    "together": Together,
    "not_at_once": NotAtOnce,
    "before": Before,
}


def _rule_kind(value: Any) -> str | None:
    """Return the key that tells a rule's kind, or None."""
    if isinstance(value, dict):
        kinds = [key for key in value if key in RULE_KINDS]
        return kinds[0] if kinds else None
    return next((kind for kind, model in RULE_KINDS.items() if isinstance(value, model)), None)


Rule = Annotated[
    Annotated[Separate, Tag("separate")]
    | Annotated[Together, Tag("together")]
    | Annotated[NotAtOnce, Tag("not_at_once")]
    | Annotated[Before, Tag("before")],
    Discriminator(_rule_kind),
]
"""One placement or ordering rule, told apart by its only key."""


class Inventory(Frozen):
    """A cluster as it stands before the evacuation."""

    format: Literal["evac/inventory/1"] = Field(description="Format and version.")
    name: Name = Field(description="Name of the cluster.")
    settings: Settings = Field(default_factory=Settings, description="Settings for all VMs and hosts.")
    hosts: tuple[Host, ...] = Field(min_length=1, max_length=MAX_ITEMS, description="The hosts.")
    switches: tuple[Name, ...] = Field((), max_length=MAX_ITEMS, description="Names of the switches.")
    links: tuple[Link, ...] = Field((), max_length=MAX_ITEMS, description="The links.")
    vms: tuple[VM, ...] = Field((), max_length=MAX_ITEMS, description="The VMs on all hosts, also on those that stay.")
    rules: tuple[Rule, ...] = Field((), max_length=MAX_ITEMS, description="Placement and ordering rules.")

    def digests(self) -> tuple[str, dict[str, str]]:
        """Return `sha256` and `sections`, which share most of their work."""
        document = self._content()
        text = {key: _canonical(part) for key, part in document.items()}
        whole = ",".join(f"{_canonical(key)}:{text[key]}" for key in sorted(text))
        text["links"] = f"[{text['switches']},{text['links']}]"
        told = ("name", "settings", "hosts", "links", "vms", "rules")
        return _digest(f"{{{whole}}}"), {key: _digest(text[key])[:16] for key in told}

    def sections(self) -> dict[str, str]:
        """Return a short digest of each section, so that a change can be told by its section."""
        return self.digests()[1]

    def sha256(self) -> str:
        """Return the digest of the content; comments, key order and the choice of units do not count."""
        return self.digests()[0]

    def _content(self) -> dict[str, Any]:
        """Return what digests are made of: fields younger than the first plans count where they are set."""
        document = self.model_dump(mode="json")
        # A host's time to switch off is 0 where it is not stated, that of a VM is the settings'.
        of_vms = YOUNGER | {"shutdown_time": None}
        others = (document["settings"], *document["hosts"], *document["links"])
        for entry, younger in (*((entry, YOUNGER) for entry in others), *((vm, of_vms) for vm in document["vms"])):
            for key, default in younger.items():
                if key in entry and entry[key] == default:
                    del entry[key]
        if document["settings"]["background_efficiency"] is None:
            saturating = self.settings.model == "saturating"
            document["settings"]["background_efficiency"] = 1.0 if saturating else PAPER_BACKGROUND_EFFICIENCY
        return document


YOUNGER = {
    "hybrid_switch": "front",
    "link_efficiency": 0.9,
    "fixed_time": 1.5,
    "switch_time": 0.1,
    "fault_latency": 0.001,
    "link_classes": [],
    "tunnelled": False,
    "tunnel_bandwidth": DEFAULT_TUNNEL_BYTES_PER_S,
    "compression_ratio": 1.0,
    "auto_converge": False,
    "cpu_throttle_initial": 20,
    "cpu_throttle_increment": 10,
    "max_cpu_throttle": 99,
    "multifd_channels": 1,
    "migration_network": None,
    "equal_cost_paths": "hash",
    "extra_move_price": DEFAULT_EXTRA_MOVE_PRICE_S,
    "vm_shutdown_time": DEFAULT_VM_SHUTDOWN_S,
    "members": 1,
    "networks": None,
    "ready_after": 0.0,
    "shutdown_time": 0.0,
    "hot_memory": 0,
    "hot_duration": None,
    "cold_write_rate": None,
    "nonzero_memory": None,
    "working_set": None,
    "dirty_sets": None,
    "dirty_vector": None,
    "disk_write_rate": 0.0,
    "read_rate_by_hour": None,
    "write_rate_by_hour": None,
    "usable_by_hour": None,
    "write_rate_range": None,
    "read_rate_range": None,
    "workload": None,
    "spreads": [],
    "link_spread": 1.1,
    "migration_failures": 0.005,
    "retry_after": 60.0,
    "max_retries": 2,
}
"""Fields of settings, hosts, links and VMs that came after plans were written with digests, with their defaults."""


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rule_kind(rule: Separate | Together | NotAtOnce | Before) -> str:
    """Return the key that tells a rule's kind: ``separate``."""
    return next(kind for kind, model in RULE_KINDS.items() if isinstance(rule, model))


def rule_name(rule: Separate | Together | NotAtOnce | Before) -> str:
    """Return how a rule is named to people: ``separate [db-07, db-08]``."""
    return f"{rule_kind(rule)} [{', '.join(rule.members)}]"
