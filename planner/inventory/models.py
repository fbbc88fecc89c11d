"""What an inventory says: hosts, links, VMs, rules and settings, frozen and in base units.

The description of each field is data: unit, default, meaning. The reference page and the JSON Schema are
made from it.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from planner.units import Duration, Rate, Size

INVENTORY_FORMAT = "evac/inventory/1"

MAX_ITEMS = 200_000
"""Most hosts, switches, links, VMs or rules of one inventory [count]."""

NAME_PATTERN = r"^[A-Za-z0-9_.:@+][A-Za-z0-9_.:@+-]*$"

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=NAME_PATTERN,
        description="letters, digits and . _ - : @ +, not beginning with -",
    ),
]
"""A name of a host, switch, VM or label: what hypervisors allow, and nothing that a shell would read."""


class Approach(StrEnum):
    """How a VM is moved."""

    COLD = "cold"
    PRECOPY = "precopy"
    POSTCOPY = "postcopy"
    HYBRID = "hybrid"


ALL_APPROACHES = tuple(Approach)


class Frozen(BaseModel):
    """Base of all inventory models: immutable, unknown keys are errors, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


DEFAULT_EXTRA_MOVE_PRICE_S = 10.0
"""Price of a move that makes room where none is stated, in weighted downtime [s]."""


class Settings(Frozen):
    """Settings that hold for the whole inventory. All are optional."""

    model: Literal["paper", "btrplace"] = Field(
        "paper",
        description="The prediction model: paper, or btrplace (pre-copy only, in whole seconds).",
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
    background_efficiency: float = Field(
        0.3,
        strict=True,
        gt=0,
        le=1,
        description="Share of the bandwidth that post-copy's background transfer reaches (alpha) [1].",
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
    weight: float = Field(1.0, strict=True, ge=0, le=1e6, description="What a second of its downtime counts [1].")
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
        for entry in (document["settings"], *document["hosts"], *document["links"], *document["vms"]):
            for key, default in YOUNGER.items():
                if key in entry and entry[key] == default:
                    del entry[key]
        return document


YOUNGER = {
    "multifd_channels": 1,
    "migration_network": None,
    "equal_cost_paths": "hash",
    "extra_move_price": DEFAULT_EXTRA_MOVE_PRICE_S,
    "members": 1,
    "networks": None,
    "ready_after": 0.0,
    "shutdown_time": 0.0,
    "hot_memory": 0,
    "hot_duration": None,
    "cold_write_rate": None,
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
