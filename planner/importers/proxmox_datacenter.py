"""What holds for all migrations of a cluster of Proxmox VE: its ways, and the limits of datacenter.cfg."""

from __future__ import annotations

from typing import Any

from planner.importers.facts import Facts
from planner.importers.naming import label
from planner.importers.proxmox_format import Options
from planner.importers.report import counted
from planner.inventory.models import Approach, Settings
from planner.inventory.places import clip
from planner.units import format_rate

SOURCE = "Proxmox VE"
DOWNTIME_LIMIT_S = 0.1
"""Downtime that Proxmox VE allows a migration at first [s] (migrate_downtime)."""
KIB = 1024


def settings_of(options: Options | None, facts: Facts) -> Settings:
    """Return the settings of an inventory, and tell in the facts what they rest on."""
    more: dict[str, Any] = {}
    told = facts.assumed
    told.append(
        f"VMs move cold or by pre-copy, which are the ways of {SOURCE}; pre-copy stops a VM for"
        f" {DOWNTIME_LIMIT_S * 1000:g} ms at first (settings.downtime_limit)"
    )
    if options is not None:
        if options.max_workers is not None:
            more["max_outgoing"] = options.max_workers
            told.append(
                f"a host sends {counted(options.max_workers, 'VM')} at once, as max_workers of the datacenter says"
            )
        network = options.migration.get("network")
        if isinstance(network, str) and network:
            more["migration_network"] = label(network)
            told.append(
                f"migrations use the network {clip(network)}, in the inventory {label(network)}; --nic-speed is"
                " that of its NICs"
            )
        limit = _limit_kib_per_s(options)
        if limit:
            more.update(tunnelled=True, tunnel_bandwidth=float(limit * KIB))
            told.append(
                f"a migration takes {format_rate(limit * KIB)} at most, as bwlimit of the datacenter says"
                " (settings.tunnel_bandwidth)"
            )
        if options.migration.get("type", "secure") == "secure":
            facts.missing.append(
                "how fast SSH encrypts, through which migrations go (migration: secure): measure it, and set"
                " settings.tunnelled and tunnel_bandwidth where it is slower than the NICs"
            )
    return Settings(
        model="saturating", approaches=(Approach.COLD, Approach.PRECOPY), downtime_limit=DOWNTIME_LIMIT_S, **more
    )


def _limit_kib_per_s(options: Options) -> int:
    """Return the limit of a migration [KiB/s]; 0 for none."""
    value = str(options.bwlimit.get("migration", options.bwlimit.get("default", 0)))
    return int(value) if value.isascii() and value.isdigit() and len(value) < 13 else 0
