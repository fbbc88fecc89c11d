"""vSphere clusters, from what RVTools exports of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from planner.errors import InputError, Place, Problem
from planner.importers.facts import Facts
from planner.importers.loader import some
from planner.importers.report import counted
from planner.importers.rvtools_columns import Table
from planner.importers.rvtools_hosts import MAINTENANCE_LABEL, Hosts
from planner.importers.rvtools_names import SHEETS
from planner.importers.rvtools_sheets import read_sheets
from planner.importers.rvtools_vms import Machines
from planner.inventory.models import Approach, Settings
from planner.inventory.places import limited

VCPUS_PER_CORE = 4.0
"""vCPUs that a core may carry where nothing else is said [1]; the export knows no limit."""
OWNED = ("cluster:", "evc:", "datastore:", MAINTENANCE_LABEL)
"""What labels begin with that an update renews."""
WAYS = (Approach.COLD, Approach.PRECOPY)
"""vMotion is pre-copy; a VM that is switched off moves cold."""
LEFT_OUT = {
    "off": "VMs switched off or suspended",
    "template": "templates",
    "placeholder": "placeholders of site recovery",
    "agent": "VMs that vSphere runs for itself (vCLS)",
}
LOST = {
    "vHost": "what hosts have, and which are in maintenance",
    "vMemory": "memory that is used",
    "vDisk": "on which datastores disks are, and shared SCSI buses",
    "vDatastore": "which datastores are local; all count as shared",
    "vCD": "media that are inserted",
    "vUSB": "USB devices",
}
"""What is not known without a sheet."""


def rvtools_facts(path: str, vcpus_per_core: float = VCPUS_PER_CORE) -> Facts:
    """Read what an export says of its clusters.

    Parameters
    ----------
    path
        An xlsx file, a directory of csv files, or one csv file with vInfo.
    vcpus_per_core
        vCPUs that a core may carry [1].

    Raises
    ------
    InputError
        If it is none: all problems, with file, row and column.
    """
    sheets = read_sheets(path)
    if "vInfo" not in sheets:
        message = f"there is no sheet vInfo, only {', '.join(sheets)}"
        raise InputError.single("no-sheets", message, "export all", Place(path))
    problems: list[Problem] = []
    tables = {name: Table(name, sheets.get(name), problems) for name in SHEETS}
    if problems:
        raise InputError(limited(problems))
    hosts = Hosts(tables, vcpus_per_core)
    machines = Machines(tables, hosts)
    facts = Facts("VMware by RVTools", settings=Settings(model="saturating", approaches=WAYS), owned=OWNED)
    facts.hosts = [machines.with_stores(host) for host in hosts.found.values()]
    facts.vms = machines.found
    facts.rules = machines.found_rules()
    facts.assumed = list(_assumed(facts, machines, vcpus_per_core))
    facts.dropped = list(_dropped(tables, hosts, machines))
    facts.missing = list(_missing(sheets, machines))
    resting = {host.name for host in facts.hosts if MAINTENANCE_LABEL in host.labels}
    if any(vm.host in resting for vm in facts.vms):
        facts.evacuate = MAINTENANCE_LABEL
    if not facts.hosts and not problems:
        message = "neither vHost nor vInfo names a host"
        raise InputError.single("empty", message, "check that it is the right file", Place(path))
    if problems:
        raise InputError(limited(problems))
    return facts


def _assumed(facts: Facts, machines: Machines, vcpus_per_core: float) -> Iterator[str]:
    if any(host.cpus for host in facts.hosts):
        yield f"a core carries {vcpus_per_core:g} vCPUs (--vcpus-per-core)"
    if any(host.memory_bytes for host in facts.hosts):
        yield "all memory of a host is for VMs; what ESXi takes itself is not in the export"
    if any(host.nic_bytes_per_s for host in facts.hosts):
        yield "vMotion uses the fastest NIC of each host"
    active = sum(vm.working_set_bytes is not None for vm in facts.vms)
    if active:
        yield f"active memory is the working set of {counted(active, 'VM')}; vSphere estimates it by samples"
    if machines.weak:
        names = some(machines.weak)
        yield f"the EVC mode that a VM needs does not bind it where its own host lacks it: {names}"


def _dropped(tables: dict[str, Table], hosts: Hosts, machines: Machines) -> Iterator[str]:
    for kind, words in LEFT_OUT.items():
        if machines.left[kind]:
            yield f"{words}: {machines.left[kind]}"
    if hosts.still:
        yield f"{counted(len(hosts.still), 'host')} without vMotion as a target: {some(hosts.still)}"
    others = machines.rules.others()
    if others:
        yield f"DRS rules that bind VMs to hosts, or whose kind is not told: {some(others)}"
    table = tables["vCluster"]
    kept = [table.text(row, "name") for row in table if table.yes(row, "admission")]
    if kept:
        yield f"the room that admission control keeps free for failures: {some(kept)}"


def _missing(sheets: Collection[str], machines: Machines) -> Iterator[str]:
    for name, words in LOST.items():
        if name not in sheets:
            yield f"the sheet {name}: {words}"
    if machines.locked:
        yield (
            "PCI devices and vGPUs, which RVTools does not list; VMs whose memory is all reserved, as such devices need"
            f" it, may have some: {some(machines.locked)}"
        )
