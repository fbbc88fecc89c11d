"""libvirt hosts that are asked: the same documents that virsh writes, fetched over libvirt's own connection."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from planner.errors import InputError, Place
from planner.importers.libvirt_files import read_xml
from planner.importers.libvirt_host import HostParts
from planner.importers.libvirt_xml import Xml
from planner.inventory.places import clip

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
LONGEST_MEASURE_S = 60
"""Longest time over which libvirt measures a dirty rate [s]."""
PATIENCE_S = 5.0
"""How long the figures are waited for beyond that time [s]."""


def is_uri(given: str) -> bool:
    """Return whether a source is a URI of libvirt, and no file."""
    return _URI.match(given) is not None


def without_secret(uri: str) -> str:
    """Return a URI for people and files: without a password that may stand in it, and without its parameters."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "a URI"
    user, at, place = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{place}{parts.path}"


def check_uri(uri: str, *, unchecked: bool) -> None:
    """Refuse a URI that turns the check of certificates or host keys off, where that was not told in words.

    Raises
    ------
    InputError
        If it does.
    """
    shown = Place(without_secret(uri))
    try:
        parts = urlsplit(uri)
        given = parse_qs(parts.query).get("no_verify", ["0"])[-1]
    except ValueError:
        raise InputError.single("bad-uri", "this is no URI", "write it as virsh -c takes it", shown) from None
    if given != "0" and not unchecked:
        message = "no_verify turns the check of certificates off"
        mend = "leave it out, or give --insecure-no-tls-check"
        raise InputError.single("no-tls-check", message, mend, shown)


def ask(
    uris: Sequence[str], measure_s: Sequence[int], *, unchecked: bool, tell: Callable[[str], None]
) -> tuple[list[HostParts], list[str]]:
    """Ask hosts for their domains.

    Parameters
    ----------
    uris
        A URI for each host.
    measure_s
        Times over which dirty rates are measured, one after the other [s]; none for no measuring.
    unchecked
        Whether certificates may go unchecked.
    tell
        Is called with a sentence on what is being done.

    Returns
    -------
    tuple
        The hosts, and sentences on what they did not tell.

    Raises
    ------
    InputError
        If libvirt-python is missing, a host does not answer, or what it says is absurd.
    """
    for uri in uris:
        check_uri(uri, unchecked=unchecked)
    try:
        import libvirt
    except ImportError:
        message = "hosts can only be asked with libvirt-python"
        mend = "pip install 'evac[libvirt]', or give files that virsh has written"
        raise InputError.single("missing-package", message, mend) from None
    libvirt.registerErrorHandler(lambda *_: None, None)  # errors are told once, below
    sessions = [_Session(libvirt, uri) for uri in uris]
    try:
        hosts = [session.host() for session in sessions]
        for seconds in sorted(set(measure_s)):
            _measure(sessions, seconds, tell)
            for session, host in zip(sessions, hosts, strict=True):
                session.take_stats(host)
        if not measure_s:
            for session, host in zip(sessions, hosts, strict=True):
                session.take_stats(host)
        for session, host in zip(sessions, hosts, strict=True):
            session.note_silence(host)
    finally:
        for session in sessions:
            session.close()
    names: dict[str, str] = {}
    for host in hosts:
        if host.name in names:
            message = f"{names[host.name]} is the same host, {clip(host.name)}"
            raise InputError.single("duplicate-name", message, "name each host once", Place(host.origin))
        names[host.name] = host.origin
    return hosts, [sentence for session in sessions for sentence in session.silent]


def _measure(sessions: Sequence[_Session], seconds: int, tell: Callable[[str], None]) -> None:
    tell(f"Measuring dirty rates for {seconds} s; this takes a little of the hosts' CPU time.")
    begun = [session.start_measuring(seconds) for session in sessions]
    if not any(begun):
        return
    until = time.monotonic() + seconds + PATIENCE_S
    time.sleep(seconds)
    while time.monotonic() < until and not all(session.has_measured() for session in sessions):
        time.sleep(0.2)


class _Session:
    """A connection to one host."""

    def __init__(self, libvirt: Any, uri: str) -> None:
        self._libvirt, self._shown = libvirt, without_secret(uri)
        self._error: type[Exception] = libvirt.libvirtError
        self._password = urlsplit(uri).password or None
        self._measured: list[Any] = []
        self._refused = 0
        self.silent: list[str] = []
        try:
            self._connection = libvirt.open(uri)
        except self._error as error:
            raise self._no_answer(error, "check the URI with virsh -c URI list, and who may connect") from None

    def close(self) -> None:
        """Close the connection."""
        self._quietly(self._connection.close)

    def host(self) -> HostParts:
        """Return the host with its domains, without their statistics."""
        connection = self._connection
        try:
            host = HostParts(connection.getHostname(), self._shown)
            info = connection.getInfo()
            host.memory_bytes, host.cpus = int(info[1]) * 2**20, int(info[2])
            domains = connection.listAllDomains()
        except self._error as error:
            raise self._no_answer(error, "check with virsh -c URI list") from None
        documents = [self._quietly(connection.getCapabilities)]
        documents.append(self._quietly(connection.getDomainCapabilities))
        documents += [self._quietly(pool.XMLDesc) for pool in self._quietly(connection.listAllStoragePools) or ()]
        # A domain may go away between being listed and being asked.
        documents += [self._quietly(domain.XMLDesc) for domain in domains]
        for text in documents:
            if text:
                read_xml(Xml(text, self._shown), host)
        return host

    def take_stats(self, host: HostParts) -> None:
        """Ask for the statistics of the domains."""
        host.stats_file = self._shown
        found = self._quietly(self._connection.getAllDomainStats) or ()
        for domain, values in found:
            host.stats[domain.name()] = {key: str(value) for key, value in values.items()}
        host.note_dirty_rates()

    def note_silence(self, host: HostParts) -> None:
        """Note what the host did not tell."""
        if self._refused:
            self.silent.append(f"dirty rates of {self._refused} of the VMs of {self._shown}: it could not measure them")
        if host.domains and not any("balloon.current" in stats for stats in host.stats.values()):
            self.silent.append(f"statistics of the domains of {host.name}: its driver has none")

    def start_measuring(self, seconds: int) -> bool:
        """Begin to measure dirty rates; return whether any domain is measured."""
        domains = self._quietly(lambda: self._connection.listAllDomains(self._libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING))
        self._measured.clear()
        self._refused = 0
        for domain in domains or ():
            try:
                domain.startDirtyRateCalc(seconds)
                self._measured.append(domain)
            except self._error:
                self._refused += 1
        return bool(self._measured)

    def has_measured(self) -> bool:
        """Return whether all figures are there."""
        if not self._measured:
            return True
        kind = self._libvirt.VIR_DOMAIN_STATS_DIRTYRATE
        found = self._quietly(lambda: self._connection.domainListGetStats(self._measured, kind)) or ()
        return all(values.get("dirtyrate.calc_status") == 2 for _, values in found)

    def _quietly(self, question: Callable[[], Any]) -> Any:
        """Return an answer, or None where the driver has none."""
        try:
            return question()
        except self._error:
            return None

    def _no_answer(self, error: Exception, mend: str) -> InputError:
        said = str(error) if self._password is None else str(error).replace(self._password, "…")
        message = f"the host does not answer: {clip(said, 200)}"
        return InputError.single("no-connection", message, mend, Place(self._shown))
