"""Make the sample export of RVTools: two clusters, five hosts, some VMs that do not move just so.

Run as ``python examples/imports/rvtools.py rvtools.xlsx`` (needs openpyxl) or, for csv files, with a directory.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

Rows = list[dict[str, str | int]]

VCENTER = {"VI SDK Server": "vcenter.example.com", "VI SDK UUID": "5f0c1f0e-8f3b-4d0b-9a57-0c2f6f1e7a11"}
HOSTS = ("esx01", "esx02", "esx03", "esx04", "edge01")
PROD = ", ".join(f"{host}.example.com" for host in HOSTS[:4])

# name, host, vCPUs, memory, active, consumed [MiB], datastore, disk [MiB]
VMS: list[tuple[str, str, int, int, int, int, str, int]] = [
    ("web01", "esx01", 4, 8192, 819, 7400, "san01", 61440),
    ("web02", "esx02", 4, 8192, 737, 7100, "san01", 61440),
    ("db01", "esx01", 8, 65536, 9830, 64800, "san01", 512000),
    ("db02", "esx03", 8, 65536, 8520, 63900, "san01", 512000),
    ("app01", "esx01", 4, 16384, 1638, 12100, "san01", 81920),
    ("cache01", "esx01", 2, 32768, 11468, 31800, "san01", 20480),
    ("build01", "esx02", 8, 16384, 2457, 9000, "esx02-local", 204800),
    ("gpu01", "esx03", 8, 32768, 3276, 32768, "san01", 102400),
    ("install01", "esx03", 2, 4096, 40, 900, "san01", 40960),
    ("licence01", "esx02", 1, 2048, 61, 1500, "san01", 20480),
    ("files01", "esx03", 4, 16384, 1310, 15000, "san01", 1048576),
    ("old01", "esx04", 2, 4096, 122, 3600, "san01", 40960),
    ("gateway01", "edge01", 2, 4096, 204, 3700, "edge-store", 20480),
    ("retired01", "esx01", 2, 8192, 0, 0, "san01", 40960),
    ("paused01", "esx02", 2, 4096, 0, 0, "san01", 40960),
    ("ubuntu-template", "esx01", 2, 4096, 0, 0, "san01", 20480),
    ("recovered01", "esx02", 4, 8192, 0, 0, "san01", 61440),
    ("vCLS-7b1f6a50-3c5e-4d1a-8a8e-0a6d0f6f2c31", "esx02", 1, 128, 10, 120, "san01", 2048),
]
POWER = {
    "retired01": "poweredOff",
    "paused01": "suspended",
    "ubuntu-template": "poweredOff",
    "recovered01": "poweredOff",
}
RULES = {
    "web01": ("ClusterAntiAffinityRuleSpec", "web apart"),
    "web02": ("ClusterAntiAffinityRuleSpec", "web apart"),
    "db01": ("ClusterAntiAffinityRuleSpec, ClusterVmHostRuleInfo", "db apart, db licence"),
    "db02": ("ClusterAntiAffinityRuleSpec, ClusterVmHostRuleInfo", "db apart, db licence"),
    "app01": ("ClusterAffinityRuleSpec", "app with its cache"),
    "cache01": ("ClusterAffinityRuleSpec", "app with its cache"),
}


def cluster(host: str) -> str:
    return "edge" if host == "edge01" else "prod"


def about(number: int) -> dict[str, str | int]:
    """Return the columns that all sheets of VMs begin with."""
    name = VMS[number][0]
    return {
        "VM": name,
        "Powerstate": POWER.get(name, "poweredOn"),
        "Template": str(name.endswith("template")),
        "SRM Placeholder": str(name == "recovered01"),
    }


def where(number: int) -> dict[str, str | int]:
    """Return the columns that all sheets of VMs end with."""
    host = VMS[number][1]
    return {
        "Datacenter": "dc1",
        "Cluster": cluster(host),
        "Host": f"{host}.example.com",
        "VM ID": f"vm-{1001 + number}",
        **VCENTER,
    }


def tables() -> dict[str, Rows]:
    """Return the sheets, each a list of rows by column."""
    sheets: dict[str, Rows] = {
        name: []
        for name in ("vInfo", "vCPU", "vMemory", "vDisk", "vCD", "vUSB", "vCluster", "vHost", "vNIC", "vDatastore")
    }
    for number, (name, _, cpus, memory, active, consumed, store, disk) in enumerate(VMS):
        kinds, names = RULES.get(name, ("", ""))
        path = f"[{store}] {name}/{name}"
        first, last = about(number), where(number)
        sheets["vInfo"].append(
            {
                **first,
                "Connection state": "connected",
                "CPUs": cpus,
                "Memory": memory,
                "Active Memory": active,
                "Total disk capacity MiB": disk,
                "Fixed Passthru HotPlug": str(name == "gpu01"),
                "min Required EVC Mode Key": "intel-skylake" if name.startswith("db") else "intel-haswell",
                "FT State": "notConfigured",
                "Cluster rule(s)": kinds,
                "Cluster rule name(s)": names,
                "Path": f"{path}.vmx",
                **last,
            }
        )
        sheets["vCPU"].append({**first, "CPUs": cpus, "Sockets": 1, "Cores p/s": cpus, **last})
        sheets["vMemory"].append(
            {
                **first,
                "Size MiB": memory,
                "Memory Reservation Locked To Max": str(name == "gpu01"),
                "Consumed": consumed,
                "Swapped": 0,
                "Ballooned": 0,
                "Active": active,
                **last,
            }
        )
        shared = "physicalSharing" if name == "files01" else "noSharing"
        sheets["vDisk"].append(
            {
                **first,
                "Disk": "Hard disk 1",
                "Capacity MiB": disk,
                "Raw": "False",
                "Thin": "True",
                "Shared Bus": shared,
                "Path": f"{path}.vmdk",
                **last,
            }
        )
        media = {"install01": "Remote device", "web01": "ISO [san01] iso/tools.iso"}
        sheets["vCD"].append(
            {
                **first,
                "Device Node": "CD/DVD drive 1",
                "Connected": str(name in media),
                "Starts Connected": "False",
                "Device Type": media.get(name, "Client device"),
                **last,
            }
        )
        if name == "licence01":
            usb = {"Device Node": "USB 1", "Device Type": "Licence dongle", "Connected": "True"}
            sheets["vUSB"].append({**first, **usb, **last})
    for host in HOSTS:
        resting, edge = str(host == "esx04"), host == "edge01"
        sheets["vHost"].append(
            {
                "Host": f"{host}.example.com",
                "Datacenter": "dc1",
                "Cluster": cluster(host),
                "in Maintenance Mode": resting,
                "in Quarantine Mode": "False",
                "CPU Model": "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz",
                "Speed": 2494,
                "# CPU": 2,
                "Cores per CPU": 8 if edge else 20,
                "# Cores": 16 if edge else 40,
                "# Memory": 130942 if edge else 392836,
                "VMotion support": "True",
                "Current EVC": "" if edge else "intel-skylake",
                "Max EVC": "intel-cascadelake",
                **VCENTER,
            }
        )
        for nic, speed, switch in (("vmnic0", 25000, "dvs-prod"), ("vmnic1", 25000, "dvs-prod"), ("vmnic2", 1000, "")):
            sheets["vNIC"].append(
                {
                    "Host": f"{host}.example.com",
                    "Datacenter": "dc1",
                    "Cluster": cluster(host),
                    "Network Device": nic,
                    "Speed": 10000 if edge and speed > 1000 else speed,
                    "Duplex": "True",
                    "Switch": switch,
                    **VCENTER,
                }
            )
    for store, hosts in (("san01", PROD), ("esx02-local", "esx02.example.com"), ("edge-store", "edge01.example.com")):
        sheets["vDatastore"].append(
            {"Name": store, "Type": "VMFS", "# Hosts": hosts.count(",") + 1, "Hosts": hosts, **VCENTER}
        )
    for name, count in (("prod", 4), ("edge", 1)):
        admission = str(name == "prod")
        sheets["vCluster"].append(
            {"Name": name, "NumHosts": count, "HA enabled": admission, "AdmissionControlEnabled": admission, **VCENTER}
        )
    return sheets


def write_csv(folder: Path) -> None:
    """Write the export as csv files, as RVTools names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables().items():
        with (folder / f"RVTools_tab{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def write_xlsx(path: Path) -> None:
    """Write the export as a workbook."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for name, rows in tables().items():
        sheet = book.create_sheet(name)
        sheet.append(list(rows[0]))
        for row in rows:
            sheet.append(list(row.values()))
    book.save(path)


def main(target: str) -> None:
    path = Path(target)
    if path.suffix == ".xlsx":
        write_xlsx(path)
    else:
        write_csv(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
