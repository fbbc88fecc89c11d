"""A libvirt domain as its XML has it: size, CPU, disks, and what keeps it from moving live."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from planner.importers.facts import Hindrance
from planner.importers.libvirt_xml import Xml, text_of
from planner.inventory.places import clip

MOST_VCPUS = 1_000_000
HOST_CPU_MODES = ("host-passthrough", "maximum", "host-model")
"""CPU modes that take the CPU from the host: where a running domain still says host-model, it was not expanded."""
_HOST_PORTS = ("serial", "parallel", "console", "channel")


@dataclass(frozen=True)
class Disk:
    """A disk of a domain.

    Parameters
    ----------
    target
        What the guest sees, such as ``vda``.
    kind
        Its type: ``file``, ``block``, ``network``, ``volume`` ...
    source
        Path of the file or device, or name of the volume; empty where nothing is inserted.
    pool
        Pool of a volume.
    medium
        Whether it is a CDROM, a floppy or read-only: libvirt does not copy those.
    shareable
        Whether several domains write to it, so that it is shared storage.
    """

    target: str
    kind: str
    source: str
    pool: str
    medium: bool
    shareable: bool


@dataclass(frozen=True)
class Domain:
    """A domain.

    Parameters
    ----------
    name, uuid
        As libvirt has them; the uuid may be empty.
    active
        Whether it runs, as far as the XML says.
    vcpus
        vCPUs that are on [count].
    memory_bytes, balloon_bytes
        Memory, and what the balloon leaves the guest of it [bytes].
    cpu_mode, cpu_model, machine
        CPU mode and model, and the machine type; empty where not said.
    disks
        All disks and media.
    hugepages
        Sizes of its huge pages [bytes]; 0 for the host's default size; empty where it uses none.
    hindrances
        Why it cannot move live, or not everywhere, but for disks and the CPU.
    unplugged
        Devices that libvirt takes out for a migration by itself, because they have a partner (teaming).
    file
        Where it was read.
    """

    name: str
    uuid: str
    active: bool
    vcpus: int
    memory_bytes: int
    balloon_bytes: int
    cpu_mode: str
    cpu_model: str
    machine: str
    disks: tuple[Disk, ...]
    hugepages: tuple[int, ...]
    hindrances: tuple[tuple[Hindrance, str], ...]
    unplugged: int
    file: str


def read_domain(xml: Xml) -> Domain:
    """Read a domain, as ``virsh dumpxml`` writes it, or libvirtd's own status file of one.

    Raises
    ------
    InputError
        If something of it is missing or absurd, with its line.
    """
    root, active = xml.root, xml.root.get("id") is not None
    if root.tag == "domstatus":
        active = root.get("state") in ("running", "paused", "blocked", "pmsuspended")
        root = xml.required(root, "domain")
    name = text_of(root, "name")
    if not name:
        xml.refuse(root, "the domain has no name", "give what virsh dumpxml writes", "missing-element")
    memory = xml.required(root, "memory")
    memory_bytes = xml.size(memory, 1)
    current = root.find("currentMemory")
    vcpu = root.find("vcpu")
    vcpus = 1 if vcpu is None else xml.number(vcpu, vcpu.get("current") or vcpu.text, 1, MOST_VCPUS)
    cpu = root.find("cpu")
    model = "" if cpu is None else text_of(cpu, "model")
    kind = root.find("os/type")
    return Domain(
        name=name,
        uuid=text_of(root, "uuid"),
        active=active,
        vcpus=vcpus,
        memory_bytes=memory_bytes,
        balloon_bytes=memory_bytes if current is None else min(memory_bytes, xml.size(current)),
        cpu_mode="" if cpu is None else cpu.get("mode", "custom" if model else ""),
        cpu_model=model,
        machine="" if kind is None else kind.get("machine", ""),
        disks=tuple(_disk(disk) for disk in root.findall("devices/disk")),
        hugepages=tuple(_hugepages(xml, root)),
        hindrances=tuple(dict.fromkeys((*_devices(root), *_pins(root)))),
        unplugged=sum(_has_partner(one) for one in _host_devices(root)),
        file=xml.file,
    )


def _disk(disk: Element) -> Disk:
    source = disk.find("source")
    attributes = {} if source is None else source.attrib
    paths = (attributes.get(key, "") for key in ("file", "dev", "volume", "dir", "name", "path"))
    target = disk.find("target")
    return Disk(
        target="" if target is None else target.get("dev", ""),
        kind=disk.get("type", "file"),
        source=next((path for path in paths if path), ""),
        pool=attributes.get("pool", ""),
        medium=disk.get("device", "disk") in ("cdrom", "floppy") or disk.find("readonly") is not None,
        shareable=disk.find("shareable") is not None,
    )


def _hugepages(xml: Xml, root: Element) -> Iterator[int]:
    huge = root.find("memoryBacking/hugepages")
    if huge is None:
        return
    pages = huge.findall("page")
    if not pages:
        yield 0
    for page in pages:
        # The size stands in an attribute, so an element of the same unit is read in its place.
        size = Element("page", {"unit": page.get("unit", "KiB")})
        size.text = page.get("size")
        yield xml.size(size, 1)


def _host_devices(root: Element) -> Iterator[Element]:
    """Yield devices of the host, network functions among them."""
    yield from root.findall("devices/hostdev")
    for interface in root.findall("devices/interface"):
        actual = interface.find("actual")
        if "hostdev" in (interface.get("type"), None if actual is None else actual.get("type")):
            yield interface


def _has_partner(device: Element) -> bool:
    teaming = device.find("teaming")
    return teaming is not None and teaming.get("type") == "transient"


def _devices(root: Element) -> Iterator[tuple[Hindrance, str]]:
    """Yield what ties a domain to devices and directories of its host."""
    for device in _host_devices(root):
        if _has_partner(device):
            continue
        if device.tag == "interface":
            yield Hindrance.SRIOV, _address(device)
        elif device.get("type") == "mdev":
            yield Hindrance.VGPU, _address(device)
        else:
            yield Hindrance.PASSTHROUGH, f"{clip(device.get('type', 'device'), 20)} {_address(device)}".strip()
    for disk in root.findall("devices/disk"):
        if disk.get("type") in ("nvme", "vhostuser", "vhostvdpa"):
            yield Hindrance.PASSTHROUGH, f"{clip(disk.get('type', ''), 20)} disk {_address(disk)}".strip()
    for tpm in root.findall("devices/tpm/backend"):
        if tpm.get("type") == "passthrough":
            yield Hindrance.PASSTHROUGH, "TPM"
    for shared in root.findall("devices/filesystem"):
        source = shared.find("source")
        yield Hindrance.PASSTHROUGH, f"directory {clip('' if source is None else source.get('dir', ''))}".strip()
    for port in _HOST_PORTS:
        for one in root.findall(f"devices/{port}"):
            if one.get("type") == "dev":
                source = one.find("source")
                path = "" if source is None else source.get("path", "")
                yield Hindrance.PASSTHROUGH, f"{port} port {clip(path)}".strip()
    secured = root.find("launchSecurity")
    if secured is not None:
        yield Hindrance.FORBIDDEN, f"launch security {clip(secured.get('type', ''), 20)}".strip()


def _address(device: Element) -> str:
    """Return the address of a device on its host as people know it: ``0000:3b:00.0``, a uuid, or a USB id."""
    source = device.find("source")
    address = None if source is None else source.find("address")
    if address is not None:
        if address.get("uuid"):
            return clip(address.get("uuid", ""))
        parts = [address.get(key, "0x0").removeprefix("0x") for key in ("domain", "bus", "slot", "function")]
        if address.get("slot") is not None:
            return clip(f"{parts[0]:0>4}:{parts[1]:0>2}:{parts[2]:0>2}.{parts[3]}")
    vendor, product = (None if source is None else source.find(key) for key in ("vendor", "product"))
    if vendor is not None and product is not None:
        return clip(f"{vendor.get('id', '').removeprefix('0x')}:{product.get('id', '').removeprefix('0x')}")
    return ""


def _pins(root: Element) -> Iterator[tuple[Hindrance, str]]:
    """Yield CPUs and NUMA nodes of the host that a domain names."""
    sets = [pin.get("cpuset", "") for pin in root.findall("cputune/vcpupin")]
    vcpu = root.find("vcpu")
    if vcpu is not None and vcpu.get("placement") != "auto":
        sets.append(vcpu.get("cpuset", ""))
    named = [one for one in dict.fromkeys(sets) if one]
    words = [f"CPUs {','.join(named)}"] if named else []
    numa = root.find("numatune/memory")
    if numa is not None and numa.get("mode", "strict") == "strict" and numa.get("nodeset"):
        words.append(f"NUMA nodes {numa.get('nodeset')}")
    if words:
        yield Hindrance.PINNED_CPUS, clip("; ".join(words))
