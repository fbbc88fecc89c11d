"""Which VMs are asked about, at which bandwidth, and what a plan may do with them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import islice

from planner.errors import InputError, Place, Problem
from planner.inventory.models import VM, Approach, Inventory, Settings
from planner.predict.protocol import DOWNTIME_TOLERANCE
from planner.units import format_duration


def chosen_vms(inventory: Inventory, names: Sequence[str] | None) -> list[VM]:
    """Return VMs by name in the order wanted, each once; all of them if None.

    Raises
    ------
    InputError
        If a VM is unknown.
    """
    by_name = {vm.name: vm for vm in inventory.vms}
    if names is None:
        return list(by_name.values())
    problems = []
    for name in names:
        if name not in by_name:
            begun = (known for known in by_name if name and known.startswith(name))
            near = difflib.get_close_matches(name, by_name, n=1) or list(islice(begun, 1))
            mend = f"did you mean {near[0]!r}?" if near else "use a name that is in the inventory"
            problems.append(Problem("unknown-vm", f"there is no VM {name!r}", mend, Place(path="vm")))
    if problems:
        raise InputError(problems)
    return [by_name[name] for name in dict.fromkeys(names)]


def rates_of(inventory: Inventory, vms: Sequence[VM], given: float | None) -> list[float]:
    """Return the bandwidth for each VM: the one given, else what a flow gets on its host's fastest link [bytes/s].

    Raises
    ------
    InputError
        If the one given is not above 0, or a host has no link and none is given.
    """
    if given is not None:
        if given <= 0:
            raise InputError.single(
                "bandwidth", "the bandwidth must be above 0", "give one such as 10 Gbit/s", Place(path="bandwidth")
            )
        return [given] * len(vms)
    fastest: dict[str, float] = {}
    for link in inventory.links:
        if link.carries(inventory.settings.migration_network):
            for end, capacity in zip(link.between, link.capacities_bytes_per_s, strict=True):
                fastest[end] = max(fastest.get(end, 0.0), capacity * link.share_of(1))
    bare = sorted({vm.host for vm in vms} - fastest.keys())
    if bare:
        mend, place = "add one to the inventory, or give a bandwidth", Place(path="links")
        raise InputError([Problem("no-link", f"host {host!r} has no link", mend, place) for host in bare])
    return [fastest[vm.host] for vm in vms]


def refusal(settings: Settings, vm: VM, approach: Approach, downtime_s: float) -> str:
    """Return why a plan may not use an approach that the model has a number for, or nothing."""
    if approach not in settings.approaches:
        return "not among the approaches of the settings"
    if vm.approaches is not None and approach not in vm.approaches:
        return "not among the approaches of the VM"
    if vm.max_downtime is not None and downtime_s > vm.max_downtime * (1 + DOWNTIME_TOLERANCE):
        return f"longer down than the VM bears ({format_duration(vm.max_downtime)})"
    return ""
