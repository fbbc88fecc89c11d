"""Answers of Nova, Placement and Neutron, and the cloud that they tell of together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from planner.errors import InputError, Place, Problem
from planner.importers.openstack_models import (
    Aggregate,
    Flavor,
    Hypervisor,
    Port,
    Provider,
    ProviderPart,
    Server,
    ServerGroup,
    Service,
)
from planner.importers.saved import Answer, Part
from planner.inventory.places import limited

HINT = "save the answers anew, as the page on importers says"
_PROVIDER = re.compile(r".*/resource_providers/([0-9A-Za-z-]{1,64})/(inventories|usages|traits)")
_LISTS = ("servers", "hypervisors", "aggregates", "server_groups", "flavors", "services", "resource_providers", "ports")


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
