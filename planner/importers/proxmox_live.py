"""Proxmox VE live: the answers of its API, by proxmoxer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from planner.errors import InputError, Place
from planner.importers.saved import Answer
from planner.inventory.places import Document

PATHS = (
    "/cluster/resources",
    "/cluster/options",
    "/cluster/ha/resources",
    "/cluster/ha/groups",
    "/cluster/ha/rules",
    "/cluster/ha/status/manager_status",
    "/storage",
)
"""What is asked for beside nodes and VMs; all but the first may be refused, such as HA groups by Proxmox VE 9."""
TIMEOUT_S = 30
"""Longest wait for one answer [s]."""


@dataclass(frozen=True)
class Access:
    """How to reach a cluster.

    Parameters
    ----------
    host
        A node, with a port where it is not 8006.
    user
        Such as ``planner@pve``.
    token_id, token_secret
        An API token of the user; or None.
    password
        Used where there is no token.
    verify_tls
        False: whoever answers is believed.
    """

    host: str
    user: str
    token_id: str | None = None
    token_secret: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    verify_tls: bool = True


def fetch(access: Access) -> list[Answer]:
    """Return the answers that an inventory is made of; nothing is changed there.

    Raises
    ------
    InputError
        If proxmoxer is not installed, the cluster cannot be reached, or it refuses to say what it has.
    """
    try:
        import proxmoxer
        import requests
    except ImportError:
        message = "proxmoxer is not installed, which talks to Proxmox VE"
        mend = "pip install 'evac[proxmox]', or save the answers and import those: evac import proxmox --help"
        raise InputError.single("missing-package", message, mend) from None
    place = Place(access.host)
    secret = (
        {"token_name": access.token_id, "token_value": access.token_secret}
        if access.token_id
        else {"password": access.password}
    )
    try:
        api = _login(proxmoxer.ProxmoxAPI, access, secret)
        return list(_answers(api, access.host, proxmoxer.ResourceException))
    except proxmoxer.ResourceException as error:
        message = f"the cluster refuses an answer: {error.status_code} {error.status_message}"
        mend = "give the user the role PVEAuditor on /, and see that the token has it too"
        raise InputError.single("refused", message, mend, place) from None
    except proxmoxer.AuthenticationError:
        message = f"the cluster does not let {access.user} in"
        raise InputError.single("refused", message, "check the user, the token and its secret", place) from None
    except requests.exceptions.SSLError:
        message = "its TLS certificate is not trusted here"
        mend = "name the cluster's CA in REQUESTS_CA_BUNDLE (/etc/pve/pve-root-ca.pem of a node)"
        raise InputError.single("untrusted", message, mend, place) from None
    except requests.exceptions.Timeout:
        message = f"no answer within {TIMEOUT_S} s"
        raise InputError.single("unreachable", message, "check the host and the way to it", place) from None
    except (requests.exceptions.RequestException, OSError):
        message = "it cannot be reached"
        raise InputError.single("unreachable", message, "check the host and the way to it", place) from None
    except ValueError:
        message = "what it answers is not of Proxmox VE"
        raise InputError.single("bad-json", message, "check the host and its port", place) from None


def _login(make: Callable[..., Any], access: Access, secret: dict[str, str | None]) -> Any:
    """Return the API after the login, whose answer proxmoxer takes to be right."""
    try:
        return make(access.host, user=access.user, verify_ssl=access.verify_tls, timeout=TIMEOUT_S, **secret)
    except (KeyError, TypeError):
        raise ValueError("no ticket") from None


def _answers(api: Any, host: str, refusal: type[Exception]) -> Iterator[Answer]:
    for path in PATHS:
        try:
            answer = _answer(host, path, api.get(path[1:]))
        except refusal:
            if path == PATHS[0]:
                raise
            continue
        yield answer
        if path == PATHS[0]:
            resources = answer.data
    for one in resources if isinstance(resources, list) else ():
        path, more = _of(one)
        if path:
            try:
                yield _answer(host, path, api.get(path[1:], **more))
            except refusal:
                continue


def _of(resource: Any) -> tuple[str, dict[str, int]]:
    """Return what else to ask of a node or VM: path and parameters; nothing for all others."""
    if not isinstance(resource, dict):
        return "", {}
    node = resource.get("node")
    if resource.get("type") == "node" and resource.get("status") == "online":
        return f"/nodes/{node}/status", {}
    if resource.get("type") == "qemu" and resource.get("status") == "running":
        return f"/nodes/{node}/qemu/{resource.get('vmid')}/config", {"current": 1}
    return "", {}


def _answer(host: str, path: str, data: Any) -> Answer:
    return Answer(path, data, Document({}, f"{host}{path}", dict))
