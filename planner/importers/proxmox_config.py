"""The configuration of a VM of Proxmox VE: memory, CPUs, drives, and what ties it to its node."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from planner.errors import Problem
from planner.importers.facts import Hindrance
from planner.importers.saved import Answer
from planner.inventory.places import clip
from planner.units import MAX_SIZE_BYTES

MIB = 2**20
DEFAULT_MEMORY_MIB = 512
"""Memory of a VM that does not say how much it has [MiB]."""
DEFAULT_CPU = "kvm64"
MOST_CPUS = 1_000_000

_DRIVE = re.compile(r"(?:ide|sata|scsi|virtio)\d{1,3}|efidisk0|tpmstate0")
_DEVICE = re.compile(r"(hostpci|usb|serial|parallel|virtiofs|ivshmem|numa|unused)(\d{0,3})")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)([KMGT]?)")
_FACTOR = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@dataclass(frozen=True)
class Drive:
    """A disk or CD drive.

    Parameters
    ----------
    key
        Its name in the configuration, such as ``scsi0``.
    storage
        The storage of its volume; None for an empty drive or a device of the node.
    volume
        The volume without its storage, or the path of a device.
    size_bytes
        How large it is [bytes]; None where that is not said.
    is_cdrom, is_shared
        Whether it is a CD drive, and whether all nodes are said to have the volume.
    """

    key: str
    storage: str | None
    volume: str
    size_bytes: int | None
    is_cdrom: bool
    is_shared: bool


@dataclass(frozen=True)
class GuestConfig:
    """What a VM is made of.

    Parameters
    ----------
    memory_bytes
        Memory, all of it where it has a balloon [bytes].
    vcpus
        vCPUs [count].
    cpu
        CPU type, such as ``host`` or ``x86-64-v3``.
    drives
        Disks and CD drives.
    hindrances
        What ties it to its node, beside its drives.
    lock
        Why it is locked now, such as ``backup``; empty where it is not.
    has_balloon, has_snapshots
        Whether its memory may be taken away, and whether it has snapshots.
    unused
        Disks that it no longer uses [count].
    """

    memory_bytes: int
    vcpus: int
    cpu: str
    drives: tuple[Drive, ...]
    hindrances: tuple[tuple[Hindrance, str], ...]
    lock: str = ""
    has_balloon: bool = False
    has_snapshots: bool = False
    unused: int = 0


def read_config(answer: Answer, problems: list[Problem]) -> GuestConfig | None:
    """Return what a configuration says, or None with the problems told."""
    if not isinstance(answer.data, dict):
        problems.append(answer.problem("not-a-mapping", "a VM's configuration is expected here", _SAVE_AGAIN))
        return None
    before = len(problems)
    texts = {str(key): _text(answer, key, value, problems) for key, value in answer.data.items()}
    known = {key: text for key, text in texts.items() if text is not None}
    memory = _whole(answer, "memory", _option(known, "memory", "current"), DEFAULT_MEMORY_MIB, 1, 2**40, problems)
    balloon = _whole(answer, "balloon", known.get("balloon"), memory, 0, 2**40, problems)
    sockets = _whole(answer, "sockets", known.get("sockets"), 1, 1, MOST_CPUS, problems)
    cores = _whole(answer, "cores", known.get("cores"), 1, 1, MOST_CPUS, problems)
    vcpus = _whole(answer, "vcpus", known.get("vcpus"), min(sockets * cores, MOST_CPUS), 1, MOST_CPUS, problems)
    drives = tuple(_drive(answer, key, text, problems) for key, text in known.items() if _DRIVE.fullmatch(key))
    if len(problems) > before:
        return None
    return GuestConfig(
        memory_bytes=memory * MIB,
        vcpus=vcpus,
        cpu=_option(known, "cpu", "cputype") or DEFAULT_CPU,
        drives=drives,
        hindrances=tuple(_ties(known)),
        lock=known.get("lock", ""),
        has_balloon=0 < balloon < memory,
        has_snapshots=bool(known.get("parent")),
        unused=sum(key.startswith("unused") for key in known),
    )


_SAVE_AGAIN = "save the answer as pvesh gives it"


def _text(answer: Answer, key: str, value: Any, problems: list[Problem]) -> str | None:
    """Return a value of a configuration as text: the API has numbers as numbers or as text."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    problems.append(answer.problem("wrong-type", f"{clip(key)} must be text or a number", _SAVE_AGAIN, key))
    return None


def _option(config: Mapping[str, str], key: str, default: str) -> str | None:
    """Return an option of a value such as ``host,flags=+aes``; that without a name is the one named here."""
    return options(config.get(key, ""), default).get(default)


def options(text: str, default: str) -> dict[str, str]:
    """Return the options of a property string, the first of them without a name under the default's.

    Parameters
    ----------
    text
        Such as ``local-lvm:vm-100-disk-0,size=32G``.
    default
        Name of the option that may go without one, such as ``file``.
    """
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            found.setdefault(name, value)
        elif name:
            found.setdefault(default, name)
    return found


def _whole(
    answer: Answer, key: str, text: str | None, default: int, low: int, high: int, problems: list[Problem]
) -> int:
    if text is None:
        return default
    if re.fullmatch(r"\d{1,15}(\.0)?", text) and low <= int(text.partition(".")[0]) <= high:
        return int(text.partition(".")[0])
    message = f"{key} must be a whole number from {low} to {high:,}, got {clip(repr(text))}"
    problems.append(answer.problem("out-of-range", message, _SAVE_AGAIN, key))
    return default


def _drive(answer: Answer, key: str, text: str, problems: list[Problem]) -> Drive:
    found = options(text, "file")
    file = found.get("file", "none")
    storage, colon, volume = file.partition(":")
    is_device = file.startswith("/") or not colon
    size_bytes = None
    if "size" in found:
        match = _SIZE.fullmatch(found["size"])
        size_bytes = round(float(match[1]) * _FACTOR[match[2]]) if match else MAX_SIZE_BYTES + 1
        if size_bytes > MAX_SIZE_BYTES:
            message = f"the size of {key} must be such as 32G, got {clip(repr(found['size']))}"
            problems.append(answer.problem("out-of-range", message, _SAVE_AGAIN, key))
    return Drive(
        key=key,
        storage=None if is_device else storage,
        volume=file if is_device else volume,
        size_bytes=size_bytes,
        is_cdrom=found.get("media") == "cdrom",
        is_shared=found.get("shared") == "1",
    )


def _ties(config: Mapping[str, str]) -> Iterator[tuple[Hindrance, str]]:
    """Yield what ties a VM to its node, with the key and the device in the words of the configuration."""
    for key, text in config.items():
        match = _DEVICE.fullmatch(key)
        found = None if match is None else _device(match[1], text)
        if found is not None:
            yield found, f"{key}: {text.partition(',')[0]}"
    if config.get("hugepages"):
        yield Hindrance.HUGEPAGES, config["hugepages"]
    if config.get("affinity"):
        yield Hindrance.PINNED_CPUS, config["affinity"]
    arguments = config.get("args", "")
    if "vfio" in arguments or "vhost-scsi" in arguments:
        yield Hindrance.PASSTHROUGH, "args"
    if (_option(config, "cpu", "cputype") or "") in ("host", "max") or re.search(r"-cpu\s+(host|max)\b", arguments):
        yield Hindrance.HOST_CPU, ""


def _device(kind: str, text: str) -> Hindrance | None:
    """Return what a device does to migrations, or None where it may move along."""
    found = options(text, "host")
    match kind:
        case "hostpci":
            return Hindrance.VGPU if "mdev" in found else Hindrance.PASSTHROUGH
        case "usb":
            return None if found.get("host", "").casefold() == "spice" else Hindrance.PASSTHROUGH
        case "serial":
            return None if text == "socket" else Hindrance.PASSTHROUGH
        case "parallel":
            return Hindrance.PASSTHROUGH
        case "virtiofs" | "ivshmem":
            return Hindrance.FORBIDDEN
        case "numa":
            return Hindrance.PINNED_CPUS if "hostnodes" in found else None
        case _:
            return None
