"""OpenStack live: the answers of Nova, Placement and Neutron, by openstacksdk."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from planner.errors import InputError, Place
from planner.importers.saved import Answer
from planner.inventory.places import Document

PAGE = 500
"""Servers asked for at once [count]."""
MOST_PAGES = 1000


@dataclass(frozen=True)
class Question:
    """What is asked for.

    Parameters
    ----------
    service
        Name of the service, as the SDK has it.
    path
        Its path.
    microversion
        The newest that is understood; an older one is taken where the service has no newer.
    params
        Parameters of the request.
    key
        The list that is answered, which comes in pages; empty where it does not.
    needed
        False: done without where it is refused.
    by_offset
        True: pages are told by how many entries were before them, and not by the last of them.
    """

    service: str
    path: str
    microversion: str = ""
    params: tuple[tuple[str, str], ...] = ()
    key: str = ""
    needed: bool = False
    by_offset: bool = False


QUESTIONS = (
    Question("compute", "/servers/detail", "2.96", (("all_tenants", "1"),), "servers", needed=True),
    # From 2.88 on, hypervisors no longer tell what they have.
    Question("compute", "/os-hypervisors/detail", "2.87", (), "hypervisors", needed=True),
    Question("compute", "/os-aggregates", "2.53"),
    Question("compute", "/os-server-groups", "2.64", (("all_projects", "True"),), "server_groups", by_offset=True),
    Question("compute", "/flavors/detail", "2.61", (("is_public", "None"),), "flavors"),
    Question("compute", "/os-services", "2.53", (("binary", "nova-compute"),)),
    Question("placement", "/resource_providers", "1.14"),
    Question("network", "/ports", "", (("fields", "device_id"), ("fields", "binding:vnic_type"))),
)
PARTS = ("inventories", "usages", "traits")
"""What is asked of each resource provider."""


class _RefusedError(Exception):
    """A service that does not answer a question; the argument is its status."""


def fetch(cloud: str | None, *, verify_tls: bool = True) -> list[Answer]:
    """Return the answers that an inventory is made of; nothing is changed there.

    Parameters
    ----------
    cloud
        Its name in clouds.yaml; None for OS_CLOUD, or the OS_ variables of the environment.
    verify_tls
        False: whoever answers is believed.

    Raises
    ------
    InputError
        If openstacksdk is not installed, the cloud cannot be reached, or it refuses to say what it has.
    """
    try:
        import openstack
        from keystoneauth1 import exceptions as auth
        from openstack import exceptions as sdk
    except ImportError:
        message = "openstacksdk is not installed, which talks to OpenStack"
        mend = "pip install 'evac[openstack]', or save the answers and import those: evac import openstack --help"
        raise InputError.single("missing-package", message, mend) from None
    place = Place(cloud or "the cloud")
    for name in ("keystoneauth", "openstack"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        # What the SDK warns of concerns its own future, or the TLS check that was waived.
        with warnings.catch_warnings(action="ignore"):
            return _asked(
                openstack.connect(cloud=cloud) if verify_tls else openstack.connect(cloud=cloud, verify=False)
            )
    except _RefusedError as error:
        message = f"the cloud refuses an answer: {error}"
        raise InputError.single("refused", message, "ask as an administrator, or as a reader of all", place) from None
    except (auth.ClientException, sdk.SDKException) as error:
        raise InputError.single(*_told(error), place) from None
    except ValueError:
        message = "what it answers is not of OpenStack"
        raise InputError.single("bad-json", message, "check the address", place) from None


def _told(error: BaseException) -> tuple[str, str, str]:
    """Return code, message and mend for an error of the SDK, whose words are not told: they may hold what was sent."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 10:
        kinds += [kind.__name__ for kind in type(cause).__mro__]
        cause = cause.__cause__ or cause.__context__
    if any("SSL" in kind for kind in kinds):
        return (
            "untrusted",
            "its TLS certificate is not trusted here",
            "name its CA as cacert in clouds.yaml (OS_CACERT)",
        )
    if "Unauthorized" in kinds or "Forbidden" in kinds:
        mend = "check what clouds.yaml or the OS_ variables say"
        return "refused", "the cloud does not let this user in", mend
    if "ConnectFailure" in kinds or "ConnectTimeout" in kinds:
        return "unreachable", "it cannot be reached", "check the address and the way to it"
    mend = "check what clouds.yaml or the OS_ variables say, as with: openstack server list"
    return "refused", f"openstacksdk cannot ask it: {type(error).__name__}", mend


def _asked(connection: Any) -> list[Answer]:
    from openstack.utils import maximum_supported_microversion

    return list(_answers(connection, maximum_supported_microversion))


def _answers(connection: Any, newest: Any) -> Iterator[Answer]:
    providers: Any = None
    for question in QUESTIONS:
        try:
            for answer in _pages(connection, question, newest):
                if question.service == "placement":
                    providers = answer.data
                yield answer
        except _RefusedError:
            if question.needed:
                raise
        except _missing_service() as error:
            if question.needed:
                raise _RefusedError(f"there is no {question.service} service") from error
    for provider in providers.get("resource_providers") or () if isinstance(providers, dict) else ():
        for part in PARTS if isinstance(provider, dict) else ():
            path = f"/resource_providers/{provider.get('uuid')}/{part}"
            try:
                yield from _pages(connection, Question("placement", path, "1.14"), newest)
            except _RefusedError:
                continue


def _missing_service() -> tuple[type[Exception], ...]:
    from keystoneauth1 import exceptions as auth
    from openstack import exceptions as sdk

    return (
        auth.EndpointNotFound,
        auth.CatalogException,
        sdk.NotSupported,
        sdk.ServiceDiscoveryException,
        sdk.ConfigException,
    )


def _pages(connection: Any, question: Question, newest: Any) -> Iterator[Answer]:
    service = getattr(connection, question.service)
    microversion = newest(service, question.microversion) if question.microversion else None
    params = [*question.params, *([("limit", str(PAGE))] if question.key else [])]
    following: tuple[str, str] | None = None
    seen = 0
    for number in range(MOST_PAGES):
        more = [] if following is None else [following]
        response = service.get(
            question.path, params=[*params, *more], microversion=microversion, headers={"Accept": "application/json"}
        )
        if response.status_code >= 400:
            raise _RefusedError(f"{response.status_code} for {question.path}")
        data = response.json()
        links = data.pop(f"{question.key}_links", None) if isinstance(data, dict) and question.key else None
        entries = data.get(question.key) if isinstance(data, dict) and question.key else None
        path = question.path if number == 0 else f"{question.path}-{number + 1}"
        yield Answer(path, data, Document({}, f"{question.service}:{path}", dict))
        if not isinstance(entries, list) or not entries:
            return
        seen += len(entries)
        before, following = following, _following(question, entries, links, seen)
        if following in (None, before):
            return


def _following(question: Question, entries: list[Any], links: Any, seen: int) -> tuple[str, str] | None:
    """Return the parameter of the next page, or None where this was the last one."""
    if question.by_offset:
        return "offset", str(seen)
    goes_on = isinstance(links, list) and any(isinstance(one, dict) and one.get("rel") == "next" for one in links)
    last = entries[-1].get("id") if isinstance(entries[-1], dict) else None
    return ("marker", str(last)) if goes_on and last is not None else None
