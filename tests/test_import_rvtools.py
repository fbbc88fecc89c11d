"""Exports of RVTools: what becomes of them, sheet by sheet, under the names of several versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.importers.facts import Facts
from planner.importers.loader import Wishes, load
from planner.importers.report import Imported, report_lines
from planner.importers.rvtools import rvtools_facts
from planner.importers.rvtools_cpu import labels_up_to
from planner.inventory.models import VM, Approach, Host, Separate, Together
from planner.render.markdown import markdown_runbook
from tests.rvtools_samples import IMPORTS, Tables, sample, small, with_shared_strings, workbook, write_csv

MIB, GIB = 2**20, 2**30
GBIT = 1e9 / 8
XLSX = IMPORTS / "rvtools.xlsx"


def facts(folder: Path, tables: Tables, **more: Any) -> Facts:
    return rvtools_facts(write_csv(folder / "export", tables), **more)


def imported(folder: Path, tables: Tables, **more: Any) -> Imported:
    return load(facts(folder, tables, **more), Wishes("rack"))


def one(folder: Path, tables: Tables) -> VM:
    return imported(folder, tables).inventory.vms[0]


def told(found: Imported) -> str:
    return "\n".join(report_lines(found, None))


def first_host(folder: Path, tables: Tables) -> Host:
    return imported(folder, tables).inventory.hosts[0]


def test_the_sample_is_imported_planned_and_its_runbook_printed() -> None:
    found = load(rvtools_facts(str(XLSX)), Wishes("rvtools"))
    inventory = found.inventory
    hosts = {host.name.split(".")[0]: host for host in inventory.hosts}
    assert [host.accepts for host in hosts.values()] == [True, True, True, False, True]
    assert (hosts["esx01"].cpus, hosts["esx01"].memory) == (160, 392836 * MIB)
    assert [link.bandwidth for link in inventory.links] == [25 * GBIT] * 4 + [10 * GBIT]
    assert inventory.settings.approaches == (Approach.COLD, Approach.PRECOPY)
    assert {vm.name for vm in inventory.vms if vm.pinned} == {"gpu01", "install01", "licence01", "files01"}
    assert inventory.rules == (
        Separate(separate=("web01", "web02")),
        Separate(separate=("db01", "db02")),
        Together(together=("app01", "cache01")),
    )
    plan = api.plan(inventory, ["esx01.example.com"], 1800)
    target = {move.vm: move.target for move in plan.moves}
    assert set(target) == {"web01", "db01", "app01", "cache01"}
    assert target["app01"] == target["cache01"]
    assert target["db01"] != "esx03.example.com"
    assert set(target.values()) <= {"esx02.example.com", "esx03.example.com"}
    assert api.verify(inventory, plan).ok
    assert "db01" in markdown_runbook(plan)


def test_a_host_with_a_passthrough_device_in_use_cannot_be_emptied_just_so() -> None:
    inventory = load(rvtools_facts(str(XLSX)), Wishes("rvtools")).inventory
    plan = api.plan(inventory, ["esx03.example.com"], 1800)
    assert plan.status.value == "infeasible"


def test_workbook_and_csv_files_say_the_same(tmp_path: Path) -> None:
    tables = sample()
    book = openpyxl.load_workbook(XLSX, read_only=True)
    for name, rows in tables.items():
        read = [list(row) for row in book[name].iter_rows(values_only=True)]
        assert read == [list(rows[0]), *([None if cell == "" else cell for cell in row.values()] for row in rows)]
    assert facts(tmp_path, tables) == rvtools_facts(str(XLSX))
    shared = tmp_path / "shared.xlsx"
    shared.write_bytes(with_shared_strings(XLSX.read_bytes()))
    assert rvtools_facts(str(shared)) == rvtools_facts(str(XLSX))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_files_have_the_separator_of_their_country(tmp_path: Path, separator: str) -> None:
    path = write_csv(tmp_path / "export", small(), separator)
    assert [vm.name for vm in rvtools_facts(path).vms] == ["x", "y"]


def test_one_csv_file_is_enough_for_a_start(tmp_path: Path) -> None:
    write_csv(tmp_path, {"vInfo": small()["vInfo"]})
    found = load(rvtools_facts(str(tmp_path / "RVTools_tabvInfo.csv")), Wishes("rack"))
    assert [host.name for host in found.inventory.hosts] == ["a", "b"]
    assert "the sheet vHost: what hosts have" in told(found)
    assert "memory or CPUs of 2 hosts" in told(found)


def test_names_of_columns_may_be_those_of_other_versions(tmp_path: Path) -> None:
    rows = [
        {"vInfoVMName": "x", "vInfoPowerstate": "poweredOn", "vInfoCPUs": 2, "vInfoMemory": 4096, "vInfoHost": "a"},
        {"vInfoVMName": "z", "vInfoPowerstate": "poweredOff", "vInfoCPUs": 2, "vInfoMemory": 4096, "vInfoHost": "a"},
    ]
    hosts = [{"vHostName": "a", "vHostinMaintenanceMode": "True", "vHostNumCpuCores": 8, "vHostMemorySize": 8192}]
    inventory = imported(tmp_path, {"tabvInfo": rows, "vHost": hosts}).inventory
    assert [(vm.name, vm.memory) for vm in inventory.vms] == [("x", 4 * GIB)]
    assert (inventory.hosts[0].cpus, inventory.hosts[0].memory, inventory.hosts[0].accepts) == (32, 8 * GIB, False)


def test_sizes_are_mib_and_old_versions_call_them_mb(tmp_path: Path) -> None:
    for size in ("Size MiB", "Size MB"):
        tables = small()
        for row in tables["vInfo"]:
            del row["Memory"], row["CPUs"]
        tables["vMemory"] = [{"VM": name, size: "6,144"} for name in ("x", "y")]
        tables["vCPU"] = [{"VM": name, "CPUs": 3} for name in ("x", "y")]
        vm = one(tmp_path, tables)
        assert (vm.memory, vm.vcpus) == (6 * GIB, 3)


def test_upper_case_spaces_and_a_second_column_of_one_name_do_not_matter(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"][0] = {"HOST": "a", " Cluster ": "c", "#  Cores": 16, "# memory": 65536}
    write_csv(tmp_path / "export", {"vInfo": tables["vInfo"]})
    (tmp_path / "export" / "RVTools_tabvHost.csv").write_text(
        "HOST, Cluster ,#  Cores,# memory,Host\na,c,16,65536,custom\nb,c,16,65536,\n"
    )
    found = rvtools_facts(str(tmp_path / "export"))
    assert [host.name for host in found.hosts] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Powerstate": "poweredOff"}, "VMs switched off or suspended: 1"),
        ({"Powerstate": "suspended"}, "VMs switched off or suspended: 1"),
        ({"Template": "True"}, "templates: 1"),
        ({"SRM Placeholder": "True"}, "placeholders of site recovery: 1"),
        ({"VM": "vCLS (12)"}, "VMs that vSphere runs for itself (vCLS): 1"),
    ],
)
def test_what_does_not_run_is_left_out_and_counted(tmp_path: Path, change: dict[str, str], words: str) -> None:
    tables = small()
    tables["vInfo"][0] |= change
    found = imported(tmp_path, tables)
    assert [vm.name for vm in found.inventory.vms] == ["y"]
    assert words in told(found)


def test_a_vm_that_does_not_run_may_be_without_host_and_size(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"][0] |= {"Powerstate": "poweredOff", "Host": "", "Memory": "", "CPUs": "?"}
    assert one(tmp_path, tables).name == "y"


@pytest.mark.parametrize(
    ("sheet", "row", "words"),
    [
        ("vInfo", {"Fixed Passthru HotPlug": "True"}, "Fixed Passthru HotPlug"),
        ("vInfo", {"Connection state": "disconnected"}, "disconnected"),
        ("vUSB", {"VM": "x", "Connected": "True", "Device Type": "dongle"}, "dongle"),
        ("vCD", {"VM": "x", "Connected": "True", "Device Type": "Remote device"}, "Remote device"),
        ("vCD", {"VM": "x", "Connected": "True", "Device Type": "ISO [own] a.iso"}, "ISO [own] a.iso"),
        ("vDisk", {"VM": "x", "Shared Bus": "physicalSharing"}, "SCSI bus physicalSharing"),
        ("vDisk", {"VM": "x", "Shared Bus": "virtualSharing"}, "SCSI bus virtualSharing"),
    ],
)
def test_what_keeps_a_vm_where_it_is_pins_it_and_is_told(
    tmp_path: Path, sheet: str, row: dict[str, str], words: str
) -> None:
    tables = small()
    tables["vDatastore"] = [{"Name": "own", "# Hosts": 1, "Hosts": "a"}, {"Name": "san", "# Hosts": 2, "Hosts": "a, b"}]
    if sheet == "vInfo":
        tables["vInfo"][0] |= row
    else:
        tables[sheet] = [row]
    found = imported(tmp_path, tables)
    assert [vm.pinned for vm in found.inventory.vms] == [True, False]
    assert f"x ({words})" in told(found)


@pytest.mark.parametrize(
    ("sheet", "row"),
    [
        ("vUSB", {"VM": "x", "Connected": "False", "Device Type": "dongle"}),
        ("vCD", {"VM": "x", "Connected": "False", "Device Type": "Remote device"}),
        ("vCD", {"VM": "x", "Connected": "True", "Device Type": "ISO [san] a.iso"}),
        ("vDisk", {"VM": "x", "Shared Bus": "noSharing", "Path": "[san] x/x.vmdk"}),
    ],
)
def test_what_does_not_keep_a_vm_leaves_it_free(tmp_path: Path, sheet: str, row: dict[str, str]) -> None:
    tables = small() | {sheet: [row], "vDatastore": [{"Name": "san", "# Hosts": 2, "Hosts": "a, b"}]}
    vm = one(tmp_path, tables)
    assert not vm.pinned
    assert vm.disk == 0
    assert vm.requires == ()


def test_disks_on_a_datastore_of_one_host_move_along(tmp_path: Path) -> None:
    tables = small()
    tables["vDatastore"] = [{"Name": "own", "# Hosts": 1}, {"Name": "san", "# Hosts": 2}]
    tables["vDisk"] = [
        {"VM": "x", "Capacity MiB": 2048, "Path": "[own] x/x.vmdk"},
        {"VM": "x", "Capacity MiB": 4096, "Path": "[san] x/x_1.vmdk"},
    ]
    found = imported(tmp_path, tables)
    assert [vm.disk for vm in found.inventory.vms] == [2 * GIB, 0]
    assert "x (own)" in told(found)
    del tables["vDisk"]
    tables["vInfo"][0] |= {"Path": "[own] x/x.vmx", "Total disk capacity MiB": 3072}
    (tmp_path / "again").mkdir()
    assert imported(tmp_path / "again", tables).inventory.vms[0].disk == 3 * GIB


def test_a_datastore_that_some_hosts_have_is_a_label(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"].append({"Host": "c", "Cluster": "c", "# Cores": 16, "# Memory": 65536})
    tables["vDatastore"] = [{"Name": "san 1", "# Hosts": 2, "Hosts": "a, b"}]
    tables["vDisk"] = [{"VM": "x", "Capacity MiB": 2048, "Path": "[san 1] x/x.vmdk"}]
    inventory = imported(tmp_path, tables).inventory
    assert inventory.vms[0].requires == ("datastore:san-1",)
    assert ["datastore:san-1" in host.labels for host in inventory.hosts] == [True, True, False]


def test_hosts_have_all_cpu_levels_up_to_their_own(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"][0] |= {"Current EVC": "intel-haswell", "Max EVC": "intel-skylake"}
    tables["vHost"][1] |= {"Current EVC": "", "Max EVC": "intel-skylake"}
    tables["vInfo"][0] |= {"min Required EVC Mode Key": "intel-ivybridge"}
    tables["vInfo"][1] |= {"min Required EVC Mode Key": "intel-skylake"}
    inventory = imported(tmp_path, tables).inventory
    has = [set(host.labels) for host in inventory.hosts]
    assert "evc:intel-haswell" in has[0]
    assert "evc:intel-skylake" not in has[0]
    assert has[0] < has[1]
    assert [vm.requires for vm in inventory.vms] == [("evc:intel-ivybridge",), ("evc:intel-skylake",)]


def test_a_cpu_level_that_the_own_host_lacks_does_not_bind(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"][0] |= {"Current EVC": "intel-haswell"}
    tables["vInfo"][0] |= {"min Required EVC Mode Key": "amd-zen2"}
    found = imported(tmp_path, tables)
    assert found.inventory.vms[0].requires == ()
    assert "does not bind it where its own host lacks it: x" in told(found)


def test_levels_that_are_not_known_stand_for_themselves() -> None:
    assert labels_up_to("intel-futurelake") == ("evc:intel-futurelake",)
    assert labels_up_to("") == ()
    assert labels_up_to("amd-rev-f") == ("evc:amd-rev-e", "evc:amd-rev-f")


@pytest.mark.parametrize("column", ["in Maintenance Mode", "In Maintenance Mode", "in Quarantine Mode"])
def test_hosts_at_rest_are_no_targets(tmp_path: Path, column: str) -> None:
    tables = small()
    tables["vHost"][0] |= {column: "True"}
    found = imported(tmp_path, tables)
    assert [host.accepts for host in found.inventory.hosts] == [False, True]
    maintenance = "aintenance" in column
    assert ("in-maintenance" in found.inventory.hosts[0].labels) is maintenance
    assert found.evacuate == ("in-maintenance" if maintenance else None)


def test_hosts_without_vmotion_are_no_targets(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"][0] |= {"VMotion support": "False"}
    found = imported(tmp_path, tables)
    assert not found.inventory.hosts[0].accepts
    assert "1 host without vMotion as a target: a" in told(found)


def test_the_fastest_nic_on_a_switch_counts(tmp_path: Path) -> None:
    tables = small()
    tables["vNIC"] = [
        {"Host": "a", "Network Device": "vmnic0", "Speed": 1000, "Switch": "vSwitch0"},
        {"Host": "a", "Network Device": "vmnic1", "Speed": 10000, "Switch": "vSwitch0"},
        {"Host": "a", "Network Device": "vmnic2", "Speed": 25000, "Switch": ""},
        {"Host": "b", "Network Device": "vmnic0", "Speed": 0, "Switch": "vSwitch0"},
    ]
    found = facts(tmp_path, tables)
    assert [host.nic_bytes_per_s for host in found.hosts] == [10 * GBIT, None]


def test_memory_that_is_used_and_active_is_told_to_the_planner(tmp_path: Path) -> None:
    tables = small()
    tables["vMemory"] = [{"VM": "x", "Size MiB": 4096, "Consumed": 2048, "Swapped": 512, "Active": 300}]
    tables["vInfo"][1] |= {"Active Memory": 200}
    x, y = imported(tmp_path, tables).inventory.vms
    assert (x.nonzero_memory, x.working_set) == (2560 * MIB, 300 * MIB)
    assert (y.nonzero_memory, y.working_set) == (None, 200 * MIB)
    tables["vMemory"][0] |= {"Active": 0, "Consumed": 0, "Swapped": 0}
    vm = one(tmp_path, tables)
    assert (vm.nonzero_memory, vm.working_set) == (None, None)


def test_memory_that_is_all_reserved_hints_at_devices(tmp_path: Path) -> None:
    tables = small() | {"vMemory": [{"VM": "x", "Size MiB": 4096, "Memory Reservation Locked To Max": "True"}]}
    assert "PCI devices and vGPUs, which RVTools does not list" in told(imported(tmp_path, tables))


@pytest.mark.parametrize(
    ("kinds", "names", "rules", "left"),
    [
        ("ClusterAntiAffinityRuleSpec", "r", (Separate(separate=("x", "y")),), ""),
        ("Anti-Affinity", "r", (Separate(separate=("x", "y")),), ""),
        ("ClusterAffinityRuleSpec", "r", (Together(together=("x", "y")),), ""),
        ("ClusterVmHostRuleInfo", "r", (), "r"),
        ("", "r", (), "r"),
        ("ClusterVmHostRuleInfo, ClusterAntiAffinityRuleSpec", "h, r", (Separate(separate=("x", "y")),), "h"),
        ("ClusterAffinityRuleSpec, ClusterAffinityRuleSpec", "a, b, c", (), "a, b, c"),
    ],
)
def test_drs_rules_are_carried_over_where_their_kind_is_told(
    tmp_path: Path, kinds: str, names: str, rules: tuple[object, ...], left: str
) -> None:
    tables = small()
    for row in tables["vInfo"]:
        row |= {"Cluster rule(s)": kinds, "Cluster rule name(s)": names}
    found = imported(tmp_path, tables)
    assert found.inventory.rules == rules
    assert (f"whose kind is not told: {left}" in told(found)) is bool(left)


def test_rules_of_one_name_in_two_clusters_are_two(tmp_path: Path) -> None:
    tables = small()
    tables["vInfo"][1]["Cluster"] = tables["vHost"][1]["Cluster"] = "d"
    for row in tables["vInfo"]:
        row |= {"Cluster rule(s)": "ClusterAntiAffinityRuleSpec", "Cluster rule name(s)": "apart"}
    assert imported(tmp_path, tables).inventory.rules == ()


def test_vms_stay_in_their_cluster_where_there_are_several(tmp_path: Path) -> None:
    tables = small()
    assert one(tmp_path, tables).requires == ()
    for rows in tables.values():
        rows[0] |= {"Datacenter": "north"}
        rows[1] |= {"Datacenter": "south"}
    inventory = imported(tmp_path, tables).inventory
    assert [host.labels for host in inventory.hosts] == [("cluster:north:c",), ("cluster:south:c",)]
    assert [vm.requires for vm in inventory.vms] == [("cluster:north:c",), ("cluster:south:c",)]


def test_the_two_vms_of_fault_tolerance_stay_apart(tmp_path: Path) -> None:
    tables = small()
    for number, row in enumerate(tables["vInfo"]):
        row |= {"VM": "ft", "FT State": "running", "VM ID": f"vm-{number}"}
    inventory = imported(tmp_path, tables).inventory
    assert inventory.rules == (Separate(separate=("ft", "ft@b")),)


def test_vms_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    tables = small()
    for number, row in enumerate(tables["vInfo"]):
        row |= {"VM": "twin", "VM ID": f"vm-{number}", "VI SDK Server": "vc"}
    tables["vMemory"] = [
        {"VM": "twin", "VM ID": f"vm-{number}", "VI SDK Server": "vc", "Consumed": 1000 + number} for number in (1, 0)
    ]
    x, y = imported(tmp_path, tables).inventory.vms
    assert (x.name, y.name) == ("twin", "twin@b")
    assert (x.nonzero_memory, y.nonzero_memory) == (1000 * MIB, 1001 * MIB)


def test_cores_carry_as_many_vcpus_as_is_said(tmp_path: Path) -> None:
    assert first_host(tmp_path, small()).cpus == 64
    assert imported(tmp_path, small(), vcpus_per_core=1.5).inventory.hosts[0].cpus == 24


def test_room_kept_for_failures_is_told(tmp_path: Path) -> None:
    tables = small() | {"vCluster": [{"Name": "c", "AdmissionControlEnabled": "True"}]}
    assert "admission control keeps free for failures: c" in told(imported(tmp_path, tables))


def test_the_command_writes_an_inventory_and_reports(tmp_path: Path) -> None:
    out = tmp_path / "inventory.yaml"
    result = CliRunner().invoke(main, ["import", "rvtools", str(XLSX), "-o", str(out), "--vcpus-per-core", "2"])
    assert result.exit_code == 0, result.output
    assert "VMware by RVTools: found 5 hosts, 13 VMs" in result.stderr
    assert "cpus: 80" in out.read_text(encoding="utf-8")
    again = CliRunner().invoke(main, ["import", "rvtools", str(XLSX), "--vcpus-per-core", "2", "--update", str(out)])
    assert again.exit_code == 0, again.output
    assert "Nothing has changed." in again.stderr


def test_booleans_and_numbers_of_a_workbook_may_be_such(tmp_path: Path) -> None:
    tables = small()
    tables["vHost"][0] |= {"in Maintenance Mode": True, "# Memory": 65536.0}
    path = tmp_path / "export.xlsx"
    path.write_bytes(workbook(tables))
    host = rvtools_facts(str(path)).hosts[0]
    assert (host.accepts, host.memory_bytes) == (False, 64 * GIB)
