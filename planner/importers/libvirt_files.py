"""Dumps of libvirt hosts in files: a directory a host, each file told by what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from planner.errors import InputError, Place, Problem
from planner.files import read_text
from planner.importers.libvirt_domain import read_domain
from planner.importers.libvirt_host import (
    HostParts,
    read_capabilities,
    read_domain_capabilities,
    read_node_info,
    read_pool,
    read_stats,
)
from planner.importers.libvirt_xml import Xml
from planner.inventory.places import clip, limited

MOST_FILES = 100_000
"""Most files read [count]."""
_HINT = "give a directory for each host, with what virsh dumpxml writes in it"


def read_dumps(paths: Sequence[str]) -> tuple[list[HostParts], list[str]]:
    """Read the hosts that files and directories tell of.

    A directory is a host, named as it is; where directories are in it, each of them is a host. A file belongs to the
    host of its directory.

    Returns
    -------
    tuple
        The hosts, and the names of files that are of no kind that is read.

    Raises
    ------
    InputError
        If something cannot be read, or tells of no domain and no host: all problems, with file and line.
    """
    hosts: dict[str, HostParts] = {}
    ignored: list[str] = []
    problems: list[Problem] = []
    for path in paths:
        for folder, files in _folders(Path(path)):
            name = folder.resolve().name or "host"
            host = hosts.get(name)
            if host is None:
                host = hosts[name] = HostParts(name, str(folder))
            elif host.origin != str(folder):
                message = f"{host.origin} is a host of the same name, {clip(name)}"
                mend = "name the directories as the hosts are"
                raise InputError.single("duplicate-name", message, mend, Place(str(folder)))
            for file in files:
                try:
                    if not _read(file, host):
                        ignored.append(f"{folder.name}/{file.name}")
                except InputError as error:
                    problems += error.problems
    if problems:
        raise InputError(limited(problems))
    for name in [name for name, host in hosts.items() if not host.domains and host.cpus is None]:
        del hosts[name]
    if not hosts:
        raise InputError.single("nothing-found", "there is no dump of a libvirt host", _HINT, Place(paths[0]))
    return list(hosts.values()), ignored


def _folders(path: Path) -> Iterator[tuple[Path, list[Path]]]:
    """Yield directories with their files, in order."""
    try:
        if not path.is_dir():
            yield path.parent, [path]
            return
        entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
        inner = [(entry, sorted(entry.iterdir())) for entry in entries if entry.is_dir()]
    except OSError as error:
        message = f"the directory cannot be read: {error.strerror}"
        raise InputError.single("unreadable", message, "check the path", Place(str(path))) from None
    folders = [(path, entries), *inner]
    if sum(len(files) for _, files in folders) > MOST_FILES:
        message = f"more than {MOST_FILES:,} files"
        raise InputError.single("too-many", message, "check that it is the right directory", Place(str(path)))
    for folder, files in folders:
        # Pipes and devices would be waited for; hidden files are no dumps.
        regular = [file for file in files if file.is_file() and not file.name.startswith(".")]
        if regular:
            yield folder, regular


def _read(file: Path, host: HostParts) -> bool:
    """Read a file into a host; return whether it is of a kind that is read."""
    text = read_text(file)
    start = text.lstrip()[:400]
    if start.startswith("<"):
        xml = Xml(text, str(file))
        read_xml(xml, host)
        return True
    if start.startswith("Domain:"):
        read_stats(text, str(file), host)
        return True
    if start.startswith("CPU model:"):
        read_node_info(text, str(file), host)
        return True
    return False


def read_xml(xml: Xml, host: HostParts) -> None:
    """Read a document of any of the kinds that libvirt has into a host.

    Raises
    ------
    InputError
        If it is of another kind, holds something absurd, or a domain that the host has already.
    """
    match xml.root.tag:
        case "domain" | "domstatus":
            domain = read_domain(xml)
            if any(one.name == domain.name for one in host.domains):
                message = f"the domain {clip(domain.name)} is twice on {clip(host.name)}"
                raise InputError.single("duplicate-name", message, "keep one of the two dumps", Place(xml.file))
            host.domains.append(domain)
        case "capabilities":
            read_capabilities(xml, host)
        case "domainCapabilities":
            read_domain_capabilities(xml, host)
        case "pool":
            read_pool(xml, host)
        case tag:
            xml.refuse(xml.root, f"<{clip(tag)}> is no document of libvirt that is read", _HINT, "wrong-format")
