"""What is read of answers of Nova, Placement and Neutron.

Memory is in MiB, disks in GiB, swap in MiB, as Nova has them. What is not named here is ignored.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from planner.importers.saved import Part


def _number(value: Any) -> Any:
    """Return the number that a text stands for, none for an empty one; what is none is left to pydantic to refuse."""
    if value is None or value == "":
        return 0
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value) else value


def _texts(value: Any) -> Any:
    """Return extra specs as text: some have numbers and booleans."""
    if not isinstance(value, dict):
        return {} if value is None else value
    return {key: one if isinstance(one, str | list | dict) else json.dumps(one) for key, one in value.items()}


def _parsed(value: Any) -> Any:
    """Return what is written as JSON within JSON, as old answers have it."""
    if not isinstance(value, str):
        return {} if value is None else value
    try:
        return json.loads(value) if value else {}
    except (ValueError, RecursionError):
        return {}


def _empty(value: Any) -> Any:
    return {} if value is None or value == "" else value


def _tuple(value: Any) -> Any:
    return () if value is None else value


Word = Annotated[str, Field(max_length=1000)]
Id = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value), Field(max_length=255)]
Count = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, le=1_000_000)]
Amount = Annotated[int, BeforeValidator(_number), Field(strict=True, ge=0, le=2**40)]
Ratio = Annotated[float, Field(strict=True, gt=0, le=1000)]
Specs = Annotated[dict[Word, Word], BeforeValidator(_texts)]
Words = Annotated[tuple[Word, ...], BeforeValidator(_tuple)]


class Flavor(Part):
    """A flavor: on its own, or within a server from microversion 2.47 [MiB, GiB, GiB, MiB]."""

    id: Id | None = None
    name: Word | None = Field(None, validation_alias=AliasChoices("original_name", "name"))
    vcpus: Count | None = None
    ram: Amount | None = None
    disk: Amount = 0
    ephemeral: Amount = Field(0, validation_alias=AliasChoices("ephemeral", "OS-FLV-EXT-DATA:ephemeral"))
    swap: Amount = 0
    extra_specs: Specs | None = None


class Server(Part):
    """A server, in detail, as an administrator sees it."""

    id: Id
    name: Word = ""
    status: Word = "UNKNOWN"
    host: Word | None = Field(None, validation_alias="OS-EXT-SRV-ATTR:host")
    hypervisor: Word | None = Field(None, validation_alias="OS-EXT-SRV-ATTR:hypervisor_hostname")
    task_state: Word | None = Field(None, validation_alias="OS-EXT-STS:task_state")
    zone: Word | None = Field(None, validation_alias="OS-EXT-AZ:availability_zone")
    pinned_zone: Word | None = Field(None, validation_alias="pinned_availability_zone")
    flavor: Flavor
    image: Annotated[dict[str, Any], BeforeValidator(_empty)] | None = None


class ServiceRef(Part):
    """The compute service of a hypervisor."""

    host: Word | None = None


class Hypervisor(Part):
    """A hypervisor, in detail; from microversion 2.88 without its capacity [count, MiB]."""

    id: Id | None = None
    name: Word = Field(validation_alias="hypervisor_hostname")
    kind: Word = Field("", validation_alias="hypervisor_type")
    state: Word = "up"
    status: Word = "enabled"
    service: ServiceRef = Field(default_factory=ServiceRef)
    vcpus: Count | None = None
    vcpus_used: Count | None = None
    memory_mb: Amount | None = None
    memory_mb_used: Amount | None = None
    cpu_info: Annotated[dict[str, Any], BeforeValidator(_parsed)] = Field(default_factory=dict)


class Aggregate(Part):
    """A host aggregate."""

    name: Word = ""
    zone: Word | None = Field(None, validation_alias="availability_zone")
    hosts: Words = ()
    metadata: Specs = Field(default_factory=dict)


class GroupRules(Part):
    """How many servers of a group a host may have [count]."""

    max_server_per_host: Count | None = None


class ServerGroup(Part):
    """A server group: with a policy from microversion 2.64, with policies before."""

    id: Id
    name: Word = ""
    policy: Word | None = None
    policies: Words = ()
    members: Words = ()
    rules: Annotated[GroupRules, BeforeValidator(_empty)] = Field(default_factory=GroupRules)


class Service(Part):
    """A service of Nova."""

    binary: Word = ""
    host: Word
    status: Word = "enabled"
    state: Word = "up"
    zone: Word | None = None
    forced_down: bool = False


class Inventory(Part):
    """What a resource provider has of a resource class."""

    total: Amount
    reserved: Amount = 0
    allocation_ratio: Ratio = 1.0


Inventories = dict[Word, Inventory]
Usages = dict[Word, Amount]


class Provider(Part):
    """A resource provider; what belongs to it may stand in it, or in answers of their own."""

    uuid: Id
    name: Word = ""
    inventories: Inventories | None = None
    usages: Usages | None = None
    traits: Words | None = None


class ProviderPart(Part):
    """An answer on one resource provider."""

    inventories: Inventories | None = None
    usages: Usages | None = None
    traits: Words | None = None


class Port(Part):
    """A port of Neutron."""

    server: Word | None = Field(None, validation_alias="device_id")
    kind: Word | None = Field(None, validation_alias="binding:vnic_type")
