"""Answers of Nova, Placement and Neutron: what is read of them, and the cloud that they tell of together.

Memory is in MiB, disks in GiB, swap in MiB, as Nova has them. What is not named here is ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from planner.errors import InputError, Place, Problem
from planner.importers.saved import Answer, Part
from planner.inventory.places import limited

HINT = "save the answers anew, as the page on importers says"
_PROVIDER = re.compile(r".*/resource_providers/([0-9A-Za-z-]{1,64})/(inventories|usages|traits)")
_LISTS = ("servers", "hypervisors", "aggregates", "server_groups", "flavors", "services", "resource_providers", "ports")


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


@dataclass
class Cloud:
    """A cloud as its APIs tell of it; None where something was not asked for.

    Parameters
    ----------
    servers, hypervisors, aggregates, groups, flavors, services, providers, ports
        What was answered.
    unfinished
        Lists whose last page is missing.
    """

    servers: list[Server] = field(default_factory=list)
    hypervisors: list[Hypervisor] = field(default_factory=list)
    aggregates: list[Aggregate] | None = None
    groups: list[ServerGroup] | None = None
    flavors: list[Flavor] | None = None
    services: list[Service] | None = None
    providers: list[Provider] | None = None
    ports: list[Port] | None = None
    unfinished: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Page:
    """A list within an answer, and where it stands."""

    kind: str
    answer: Answer
    where: tuple[str, ...]


def read_cloud(answers: Sequence[Answer], problems: Sequence[Problem], file: str | None) -> Cloud:
    """Read answers of the APIs.

    Parameters
    ----------
    answers
        The answers, by path or by what is in them.
    problems
        What was wrong with their text.
    file
        Where they come from, for problems that concern all of them.

    Raises
    ------
    InputError
        If servers or hypervisors are not among them, or something in them is wrong: all problems with their places.
    """
    wrong = list(problems)
    pages = [page for answer in answers for page in _pages(answer)]
    for kind in ("servers", "hypervisors"):
        if not any(page.kind == kind for page in pages):
            message = f"no answer with {kind} is in it"
            wrong.append(Problem("missing-file", message, HINT, Place(file)))

    def read[M: Part](kind: str, model: type[M]) -> list[M] | None:
        mine = [page for page in pages if page.kind == kind]
        found = [one for page in mine for one in page.answer.listed(model, wrong, *page.where)]
        return found if mine else None

    cloud = Cloud(
        servers=read("servers", Server) or [],
        hypervisors=read("hypervisors", Hypervisor) or [],
        aggregates=read("aggregates", Aggregate),
        groups=read("server_groups", ServerGroup),
        flavors=read("flavors", Flavor),
        services=read("services", Service),
        providers=read("resource_providers", Provider),
        ports=read("ports", Port),
    )
    _parts(cloud, answers, wrong)
    cloud.unfinished = [kind for kind in _LISTS if _goes_on(answers, kind, sum(page.kind == kind for page in pages))]
    _twice(cloud, file, wrong)
    if wrong:
        raise InputError(limited(wrong))
    return cloud


def _pages(answer: Answer) -> Iterator[_Page]:
    if isinstance(answer.data, dict):
        for kind in _LISTS:
            if kind in answer.data and not _PROVIDER.fullmatch(answer.path):
                yield _Page(kind, answer, (kind,))
    elif isinstance(answer.data, list):
        kinds = [part.removeprefix("os-").replace("-", "_") for part in answer.path.split("/")]
        for kind in dict.fromkeys(kinds):
            if kind in _LISTS:
                yield _Page(kind, answer, ())


def _parts(cloud: Cloud, answers: Sequence[Answer], problems: list[Problem]) -> None:
    """Give each resource provider what was answered of it alone."""
    at = {provider.uuid: index for index, provider in enumerate(cloud.providers or ())}
    for answer in answers:
        match = _PROVIDER.fullmatch(answer.path)
        if match is None or answer.data is None:
            continue
        part = answer.read(ProviderPart, answer.data, problems)
        if part is not None and match[1] in at and cloud.providers is not None:
            index = at[match[1]]
            more = part.model_dump(exclude_none=True, include={match[2]})
            if more:
                given = getattr(part, match[2])
                cloud.providers[index] = cloud.providers[index].model_copy(update={match[2]: given})


def _goes_on(answers: Sequence[Answer], kind: str, pages: int) -> bool:
    """Return whether the last page of a list is missing: then each page names a next one."""
    key = f"{kind}_links"
    links = [answer.data[key] for answer in answers if isinstance(answer.data, dict) and key in answer.data]
    links += [answer.data for answer in answers if answer.path.endswith(f"/{key}")]
    following = sum(
        isinstance(link, list) and any(isinstance(one, dict) and one.get("rel") == "next" for one in link)
        for link in links
    )
    return 0 < pages <= following


def _twice(cloud: Cloud, file: str | None, problems: list[Problem]) -> None:
    for what, names in (
        ("the server", [server.id for server in cloud.servers]),
        ("the hypervisor", [hypervisor.name for hypervisor in cloud.hypervisors]),
    ):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                message = f"{what} {name[:60]} is there twice"
                problems.append(Problem("duplicate-name", message, "save each page once", Place(file)))
            seen.add(name)
