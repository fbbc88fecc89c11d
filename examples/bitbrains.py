"""Turn the summary of a hosting provider's trace into an inventory.

The trace is GWA-T-12 Bitbrains of the Grid Workloads Archive, one line a VM. It knows disk rates only; scaled by a
factor they stand for the rates at which memory is read and dirtied. A VM's memory is what it was provisioned with.
The trace names no hosts: the VMs are spread evenly over hosts of one size, behind leaf and spine.

    python examples/bitbrains.py summary_2013-7.csv -o bitbrains.yaml
    evac plan bitbrains.yaml --evacuate hv01,hv02 --deadline "20 min"
"""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from planner.errors import EvacError, InputError, Place, Problem
from planner.files import read_text, write_text
from planner.inventory.fabric import leaf_and_spine
from planner.inventory.models import INVENTORY_FORMAT, VM, Host, Inventory, Settings
from planner.inventory.write import inventory_yaml

MIB = 2**20
HOST_MEMORY_GIB = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
MEMORY_FILL = 0.65
"""A host is so large that on average at most this share of its memory is in use."""
LARGEST_FILL = 0.75
"""And so large that the largest VM takes at most this share of it."""
VCPU_FILL = 0.7
MOST_VCPUS = 10_000
MOST_MIB = 2**26
MOST_MIB_PER_S = 50_000
"""Above these, a line is not believed."""


@dataclass(frozen=True)
class Machine:
    """What one line of the summary says of a VM; rates are of its disk."""

    name: str
    vcpus: int
    memory_mib: int
    read_mib_per_s: float
    write_mib_per_s: float


def read_machines(path: str, statistic: str) -> list[Machine]:
    """Read the summary.

    Parameters
    ----------
    path
        The CSV file.
    statistic
        ``mean`` or ``p95``: which of a VM's rates to take.

    Raises
    ------
    InputError
        If columns are missing or a line holds something else than numbers.
    """
    columns = ("vm", "cores", "mem_cap_MiB", f"dread_{statistic}_MiBps", f"dwrite_{statistic}_MiBps")
    try:
        rows = list(csv.reader(io.StringIO(read_text(path))))
    except csv.Error as error:
        raise InputError.single("bad-csv", f"this is no CSV: {error}", "give the summary", Place(path)) from None
    header = rows[0] if rows else []
    missing = [column for column in columns if column not in header]
    if missing:
        message = f"the columns {', '.join(missing)} are missing"
        raise InputError.single("missing-column", message, "give the summary of the trace", Place(path, 1))
    machines: dict[str, Machine] = {}
    problems: list[Problem] = []
    for line, row in enumerate(rows[1:], start=2):
        machine = read_machine([dict(zip(header, row, strict=False)).get(column, "") for column in columns])
        if machine is None or machine.name in machines:
            message = "no VM with a new name and numbers that a VM can have"
            problems.append(Problem("bad-row", message, "correct or remove the line", Place(path, line)))
        else:
            machines[machine.name] = machine
    if problems:
        raise InputError(problems)
    return list(machines.values())


def read_machine(cells: Sequence[str]) -> Machine | None:
    """Read name, cores, memory and rates of a VM; None where they are none."""
    try:
        cores, memory, read, write = map(float, cells[1:])
    except ValueError:
        return None
    sound = 0 < cores <= MOST_VCPUS and 0 < memory <= MOST_MIB
    sound = sound and all(0 <= rate <= MOST_MIB_PER_S for rate in (read, write))
    if not sound or not cells[0].isalnum() or not cells[0].isascii() or len(cells[0]) > 100:
        return None
    return Machine(f"vm-{cells[0]}", math.ceil(cores), math.ceil(memory), read, write)


def build(machines: Sequence[Machine], hosts: int, rate_factor: float) -> Inventory:
    """Place the VMs, largest first, each on the host with the least memory in use."""
    names = [f"hv{i + 1:02d}" for i in range(hosts)]
    memory_mib = dict.fromkeys(names, 0)
    vcpus = dict.fromkeys(names, 0)
    home: dict[str, str] = {}
    for machine in sorted(machines, key=lambda machine: -machine.memory_mib):
        host = min(names, key=lambda name: (memory_mib[name], vcpus[name]))
        home[machine.name] = host
        memory_mib[host] += machine.memory_mib
        vcpus[host] += machine.vcpus
    largest = max((machine.memory_mib for machine in machines), default=0)
    needed_gib = max(sum(memory_mib.values()) / hosts / MEMORY_FILL, largest / LARGEST_FILL) / 1024
    host_gib = next((size for size in HOST_MEMORY_GIB if size >= needed_gib), math.ceil(needed_gib))
    cpus = math.ceil(max(vcpus.values()) / VCPU_FILL / 8) * 8 or 8
    switches, links = leaf_and_spine(names)
    return Inventory(
        format=INVENTORY_FORMAT,
        name="bitbrains",
        settings=Settings(model="saturating"),
        hosts=tuple(Host(name=name, cpus=cpus, memory=host_gib * 1024 * MIB) for name in names),
        switches=switches,
        links=links,
        vms=tuple(
            VM(
                name=machine.name,
                host=home[machine.name],
                vcpus=machine.vcpus,
                memory=machine.memory_mib * MIB,
                read_rate=round(machine.read_mib_per_s * rate_factor * MIB, -3),
                write_rate=round(machine.write_mib_per_s * rate_factor * MIB, -3),
            )
            for machine in machines
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Turn the summary of the Bitbrains trace into an inventory.")
    parser.add_argument("summary", help="CSV file with one line a VM")
    parser.add_argument("-o", "--output", default="bitbrains.yaml", help="the inventory (default: %(default)s)")
    parser.add_argument("--hosts", type=int, default=25, help="number of hosts (default: %(default)s)")
    parser.add_argument("--rates", choices=("mean", "p95"), default="mean", help="disk rates taken (default: mean)")
    parser.add_argument(
        "--rate-factor", type=float, default=100.0, help="memory rate for one unit of disk rate (default: %(default)g)"
    )
    given = parser.parse_args(arguments)
    if not 1 <= given.hosts <= 10_000:
        parser.error("--hosts must be 1 to 10,000")
    if not 0 <= given.rate_factor <= 10_000:
        parser.error("--rate-factor must be 0 to 10,000")
    try:
        inventory = build(read_machines(given.summary, given.rates), given.hosts, given.rate_factor)
        host = inventory.hosts[0]
        comment = (
            f"From the Bitbrains trace (GWA-T-12): {len(inventory.vms)} VMs on {given.hosts} hosts of"
            f" {host.memory // (1024 * MIB)} GiB and {host.cpus} vCPUs.\n"
            f"Memory rates are {given.rate_factor:g} times the {given.rates} disk rates."
        )
        write_text(given.output, inventory_yaml(inventory, comment))
    except EvacError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(comment)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
