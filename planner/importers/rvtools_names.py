"""Names of RVTools' sheets and columns, as its versions write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHEETS = ("vInfo", "vCPU", "vMemory", "vDisk", "vCD", "vUSB", "vHost", "vNIC", "vDatastore", "vCluster")
"""Sheets that are read; others are passed over."""
NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "vInfo": {
        "vm": ("VM", "vInfoVMName"),
        "power": ("Powerstate", "vInfoPowerstate"),
        "template": ("Template", "vInfoTemplate"),
        "placeholder": ("SRM Placeholder", "vInfoSRMPlaceHolder"),
        "connection": ("Connection state", "vInfoConnectionState"),
        "cpus": ("CPUs", "vInfoCPUs"),
        "memory": ("Memory", "vInfoMemory"),
        "active": ("Active Memory",),
        "disk": ("Total disk capacity MiB", "vInfoTotalDiskCapacityMiB"),
        "passthrough": ("Fixed Passthru HotPlug",),
        "evc": ("min Required EVC Mode Key",),
        "ft": ("FT State", "vInfoFaultToleranceState"),
        "rules": ("Cluster rule(s)",),
        "rule_names": ("Cluster rule name(s)",),
        "datacenter": ("Datacenter", "vInfoDataCenter"),
        "cluster": ("Cluster", "vInfoCluster"),
        "host": ("Host", "vInfoHost"),
        "path": ("Path",),
        "id": ("VM ID",),
        "server": ("VI SDK Server", "vInfoVISDKServer"),
    },
    "vCPU": {"vm": ("VM", "vCPUVMName"), "cpus": ("CPUs", "vCPUCPUs")},
    "vMemory": {
        "vm": ("VM", "vMemoryVMName"),
        "memory": ("Size MiB", "Size MB", "vMemorySizeMiB"),
        "active": ("Active",),
        "consumed": ("Consumed",),
        "swapped": ("Swapped",),
        "locked": ("Memory Reservation Locked To Max", "vMemoryReservationLockedToMax"),
    },
    "vDisk": {
        "vm": ("VM", "vDiskVMName"),
        "capacity": ("Capacity MiB", "Capacity MB", "vDiskCapacityMiB"),
        "path": ("Path", "Disk Path"),
        "bus": ("Shared Bus",),
    },
    "vCD": {
        "vm": ("VM",),
        "connected": ("Connected",),
        "type": ("Device Type",),
        "node": ("Device Node",),
    },
    "vUSB": {
        "vm": ("VM",),
        "connected": ("Connected",),
        "type": ("Device Type",),
        "node": ("Device Node",),
    },
    "vHost": {
        "host": ("Host", "vHostName"),
        "datacenter": ("Datacenter", "vHostDatacenter"),
        "cluster": ("Cluster", "vHostCluster"),
        "maintenance": ("in Maintenance Mode", "vHostinMaintenanceMode"),
        "quarantine": ("in Quarantine Mode",),
        "cores": ("# Cores", "vHostNumCpuCores"),
        "memory": ("# Memory", "vHostMemorySize"),
        "vmotion": ("VMotion support",),
        "evc": ("Current EVC",),
        "most_evc": ("Max EVC",),
    },
    "vNIC": {
        "host": ("Host", "vNicHostName"),
        "speed": ("Speed",),
        "switch": ("Switch",),
    },
    "vDatastore": {
        "name": ("Name", "vDatastoreName"),
        "count": ("# Hosts",),
        "hosts": ("Hosts",),
    },
    "vCluster": {
        "name": ("Name", "vClusterName"),
        "admission": ("AdmissionControlEnabled",),
    },
}
"""Columns that are read of each sheet, by names of ours; first what RVTools shows, then what it exports at choice."""
JOINED = ("vCPU", "vMemory", "vDisk", "vCD", "vUSB")
"""Sheets whose rows belong to VMs; they have its ID and server under the names that vInfo has."""
NEEDED = {"vInfo": ("vm", "power", "host"), "vHost": ("host",)}
"""Columns without which a sheet says nothing."""

_SHEET = re.compile(rf"(?:^|tab|[^A-Za-z])({'|'.join(SHEETS)})$", re.IGNORECASE)


def columns_of(sheet: str) -> dict[str, tuple[str, ...]]:
    """Return our names for the columns of a sheet, each with those of RVTools."""
    shared = {key: NAMES["vInfo"][key] for key in ("id", "server")} if sheet in JOINED else {}
    return {**NAMES[sheet], **shared}


def sheet_name(text: str) -> str | None:
    """Return the sheet that a name of a sheet or file means: ``vInfo``, ``tabvInfo``, ``RVTools_tabvInfo``."""
    found = _SHEET.search(text.strip())
    return None if found is None else next(name for name in SHEETS if name.lower() == found[1].lower())


def plain(name: str) -> str:
    """Return the name of a column as it is looked up: lower case, single spaces."""
    return " ".join(name.split()).casefold()
