"""Prometheus' HTTP API over the network: range queries, in pieces, with limits on time and size.

No redirect is followed, so that a token goes only where it was meant for. What the server writes is shown only
shortened, and never with the token in it.
"""

from __future__ import annotations

import os
import queue
import re
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

from planner.errors import InputError, Place
from planner.files import MAX_FILE_BYTES
from planner.importers.prometheus_format import Answer, read_answer
from planner.inventory.places import clip

TOKEN = "EVAC_PROMETHEUS_TOKEN"
USER = "EVAC_PROMETHEUS_USER"
PASSWORD = "EVAC_PROMETHEUS_PASSWORD"
"""Environment variables with what Prometheus is asked with."""
READ_BYTES = 2**16
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECRET = re.compile(r"[\x21-\x7e]+")
"""What a token is made of, so that it can stand in a header."""


@dataclass(frozen=True)
class Access:
    """How a server is reached.

    Parameters
    ----------
    url
        Address of Prometheus, with the path that it lives under: ``https://monitor.example/prometheus``.
    timeout_s
        Longest time that an answer may take [s].
    check_tls
        False: the server's certificate is not checked.
    ca_file
        Certificates that its one is checked against, or None for those of the system.
    in_clear
        Whether the token may go over a connection without TLS to another machine.
    environment
        Where the token is.
    """

    url: str
    timeout_s: float = 60.0
    check_tls: bool = True
    ca_file: str | None = None
    in_clear: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it becomes an error with the place that it points to."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Return nothing, which is not to follow."""


class Server:
    """A Prometheus that is asked over HTTP.

    Raises
    ------
    InputError
        If the address or what it is asked with cannot be used.
    """

    def __init__(self, access: Access) -> None:
        self._base = _address(access.url)
        self._timeout_s = access.timeout_s
        self._place = Place(self._base)
        self._secrets: tuple[str, ...] = ()
        self._header = self._authorization(access)
        # What is on this machine is asked without a proxy, which would get the token.
        proxies: dict[str, str] | None = {} if urlsplit(self._base).hostname in LOOPBACK else None
        self._opener = urllib.request.build_opener(
            _NoRedirect(),
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=_tls(access, self._place)),
        )

    @property
    def name(self) -> str:
        """The address, for people."""
        return self._base

    def range(self, query: str, from_s: float, to_s: float, step_s: float) -> Answer:
        """Return the answer to a range query.

        Parameters
        ----------
        query
            The query, in PromQL.
        from_s, to_s
            First and last time that is asked for [s since 1970].
        step_s
            Time between samples [s].

        Raises
        ------
        InputError
            If there is no answer, or none that can be read.
        """
        asked = {"query": query, "start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:g}"}
        url = f"{self._base}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        return read_answer(self._text(url), self._base)

    def _text(self, url: str) -> str:
        """Return the body of an answer; in a thread, so that a server that trickles cannot hold everything up."""
        box: queue.Queue[bytes | Exception] = queue.Queue()
        threading.Thread(target=self._fetch, args=(url, box), daemon=True).start()
        try:
            found = box.get(timeout=self._timeout_s)
        except queue.Empty:
            message = f"there is no whole answer within {self._timeout_s:g} s"
            mend = "ask for less at once (--step, --match), give more time (--timeout), or check the server"
            raise InputError.single("timeout", message, mend, self._place) from None
        if isinstance(found, Exception):
            raise self._problem(found) from None
        try:
            text = found.decode("utf-8")
        except UnicodeDecodeError:
            message = "the answer is no UTF-8 text"
            raise InputError.single("not-prometheus", message, "check the address", self._place) from None
        return self._without_secrets(text)

    def _fetch(self, url: str, box: queue.Queue[bytes | Exception]) -> None:
        request = urllib.request.Request(url, headers={"Accept": "application/json", **self._header})
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                box.put(self._body(response))
        except (OSError, HTTPException, ValueError, InputError) as error:
            box.put(error)

    def _body(self, response: IO[bytes]) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := response.read(READ_BYTES):
            parts.append(part)
            size += len(part)
            if size > MAX_FILE_BYTES:
                message = f"the answer is larger than {MAX_FILE_BYTES // 2**20} MiB"
                mend = "ask for less at once: a longer --step, or fewer VMs (--match)"
                raise InputError.single("too-large", message, mend, self._place)
        return b"".join(parts)

    def _authorization(self, access: Access) -> dict[str, str]:
        given = access.environment
        token, user, password = (given.get(name, "") for name in (TOKEN, USER, PASSWORD))
        if not token and not user:
            return {}
        if token and user:
            message = f"{TOKEN} and {USER} are both set"
            raise InputError.single("two-credentials", message, "unset one of them", self._place)
        for name, value in ((TOKEN, token), (USER, user), (PASSWORD, password)):
            if value and not _SECRET.fullmatch(value):
                message = f"what {name} holds cannot stand in a header: it has spaces, line ends or signs beyond ASCII"
                raise InputError.single("bad-credential", message, f"set {name} anew", self._place)
        parts = urlsplit(self._base)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK and not access.in_clear:
            message = "what it is asked with would go over the network for all to read: the address has no TLS"
            mend = "give an https address, or say --insecure-send-in-clear where the network is trusted"
            raise InputError.single("credential-in-clear", message, mend, self._place)
        if token:
            self._secrets = (token,)
            return {"Authorization": f"Bearer {token}"}
        basic = b64encode(f"{user}:{password}".encode()).decode()
        self._secrets = tuple(one for one in (password, basic) if one)
        return {"Authorization": f"Basic {basic}"}

    def _shown(self, text: str, limit: int = 200) -> str:
        """Return text of the server for a message: short, on one line, without what it was asked with."""
        return clip(" ".join(self._without_secrets(text).split()), limit)

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _problem(self, error: Exception) -> InputError:
        """Return what is told of an error."""
        if isinstance(error, InputError):
            return error
        if isinstance(error, urllib.error.HTTPError):
            with error:
                return self._refused(error)
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            message = f"the server's certificate does not hold: {self._shown(reason.verify_message)}"
            mend = "give the certificate of its authority (--ca-file), or say --insecure-no-tls-check"
            return InputError.single("bad-certificate", message, mend, self._place)
        if isinstance(reason, TimeoutError):
            message = f"the server does not answer within {self._timeout_s:g} s"
            mend = "check the address and the network, or give more time (--timeout)"
            return InputError.single("timeout", message, mend, self._place)
        words = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        message = f"the server cannot be reached: {self._shown(words) or type(reason).__name__}"
        return InputError.single("unreachable", message, "check the address and the network", self._place)

    def _refused(self, error: urllib.error.HTTPError) -> InputError:
        if 300 <= error.code < 400:
            message = f"the server points elsewhere ({error.code}): {_origin(error.headers.get('Location', ''))}"
            mend = "give that address if it is right; redirects are not followed, and a login page is no Prometheus"
            return InputError.single("redirect", message, mend, self._place)
        if error.code in (401, 403):
            message = f"the server does not let this in ({error.code})"
            mend = f"set {TOKEN}, or {USER} and {PASSWORD}, to what it takes"
            return InputError.single("not-allowed", message, mend, self._place)
        try:
            body = error.read(READ_BYTES).decode("utf-8", "replace")
        except (OSError, HTTPException):
            body = ""
        if '"status"' in body:
            try:
                read_answer(self._shown(body, READ_BYTES), self._base)
            except InputError as told:
                return told
        message = f"the server answers with status {error.code} {self._shown(str(error.reason), 60)}".rstrip()
        mend = "check the address; it is the one under which /api/v1/query_range is found"
        return InputError.single("http-error", message, mend, self._place)


def _address(url: str) -> str:
    """Return the address without a slash at its end; what is told of a bad one never shows it."""
    mend = "write it as https://monitor.example:9090, with the path that Prometheus lives under if there is one"
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InputError.single("bad-url", "the address of Prometheus cannot be read", mend) from None
    if parts.username is not None or parts.password is not None:
        message = "the address of Prometheus holds a name or a password"
        raise InputError.single("credential-in-url", message, f"leave them out, and set {USER} and {PASSWORD}")
    if parts.scheme not in ("http", "https") or not host:
        raise InputError.single("bad-url", "the address of Prometheus is no http or https address", mend)
    if parts.query or parts.fragment or not url.strip().isprintable() or not url.isascii() or " " in url.strip():
        raise InputError.single("bad-url", "the address of Prometheus has a query or odd signs in it", mend)
    return (
        f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/query_range').removesuffix('/api/v1')}"
    )


def _tls(access: Access, place: Place) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
    except (OSError, ValueError):
        mend = "give a file with certificates in PEM form"
        where = Place(access.ca_file) if access.ca_file else place
        raise InputError.single("bad-ca-file", "the certificates cannot be read", mend, where) from None
    if not access.check_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _origin(location: str) -> str:
    """Return where a redirect points to, without a query, a name or a password in it."""
    try:
        parts = urlsplit(location)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return clip(f"{parts.scheme}://{host}{port}{parts.path}" if host else parts.path or "nowhere", 120)
