"""The network of an imported cluster: from a file, or one switch that blocks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, ValidationError

from planner.errors import InputError, Problem
from planner.files import read_text
from planner.inventory.models import MAX_ITEMS, Frozen, Host, Link, Name
from planner.inventory.places import limited
from planner.inventory.read_yaml import read_yaml
from planner.inventory.translate import translate

TOPOLOGY_FORMAT = "evac/topology/1"
ASSUMED_NIC_BYTES_PER_S = 10e9 / 8
"""Speed of a NIC of which nothing is known [bytes/s]: 10 Gbit/s."""


class Topology(Frozen):
    """Switches and links of a cluster whose hosts come from elsewhere."""

    format: Literal["evac/topology/1"] = Field(description="Format and version.")
    switches: tuple[Name, ...] = Field((), max_length=MAX_ITEMS, description="Names of the switches.")
    links: tuple[Link, ...] = Field(max_length=MAX_ITEMS, description="The links, as in an inventory.")


def read_topology(path: str) -> Topology:
    """Read a topology: a YAML file with the switches and links of an inventory.

    Raises
    ------
    InputError
        If the file is none: all problems, with file, line and path.
    """
    document = read_yaml(read_text(path), path, "a topology")
    document.require_kind(TOPOLOGY_FORMAT)
    problems = list(document.problems)
    try:
        found = Topology.model_validate(document.data)
    except ValidationError as error:
        problems += [
            Problem(finding.code, finding.message, finding.mend, document.place(finding.path))
            for finding in translate(error, (Topology,))
        ]
    if problems:
        raise InputError(limited(problems))
    return found


def one_switch(hosts: Sequence[Host], nics_bytes_per_s: dict[str, float]) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """Return one switch that blocks nothing, with all hosts on it.

    Parameters
    ----------
    nics_bytes_per_s
        Speed of each host's NIC, by name [bytes/s].
    """
    taken = {host.name for host in hosts}
    switch = next(name for name in ("switch", *(f"switch-{n}" for n in range(len(hosts) + 1))) if name not in taken)
    return (switch,), tuple(Link(between=(host.name, switch), bandwidth=nics_bytes_per_s[host.name]) for host in hosts)
