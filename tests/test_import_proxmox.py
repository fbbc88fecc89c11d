"""Clusters of Proxmox VE: what becomes of their answers, what is told on the way, and that it can be planned with."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner.api import plan
from planner.cli.main import main
from planner.errors import InputError
from planner.importers.loader import Wishes, load
from planner.importers.proxmox import facts_of
from planner.importers.proxmox_format import read_cluster
from planner.importers.report import Imported, report_lines
from planner.importers.saved import read_saved
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM, Approach, Host

SAMPLE = Path("examples/imports/proxmox.json")
GIB = 2**30
Document = dict[str, Any]


def sample() -> Document:
    document: Document = json.loads(SAMPLE.read_text("utf-8"))
    return document


def imported(folder: Path, change: Callable[[Document], object] = lambda _: None, **more: Any) -> Imported:
    document = sample()
    change(document)
    path = folder / "answers.json"
    path.write_text(json.dumps(document, indent=1), "utf-8")
    answers, problems = read_saved(str(path), "saved answers", "save them anew")
    return load(facts_of(read_cluster(answers, problems, str(path)), **more), Wishes("pve", file=str(path)))


def vms(found: Imported) -> dict[str, VM]:
    return {vm.name: vm for vm in found.inventory.vms}


def hosts(found: Imported) -> dict[str, Host]:
    return {host.name: host for host in found.inventory.hosts}


def told(found: Imported) -> str:
    return "\n".join(report_lines(found, None))


def config(vmid: int, **values: Any) -> Callable[[Document], object]:
    """Change the configuration of a VM; None takes a key away."""

    def change(document: Document) -> None:
        (path,) = (path for path in document if path.endswith(f"/qemu/{vmid}/config"))
        document[path].update(values)
        for key in [key for key, value in values.items() if value is None]:
            del document[path][key]

    return change


def resource(key: str, **values: Any) -> Callable[[Document], object]:
    """Change a node, guest or storage of /cluster/resources."""

    def change(document: Document) -> None:
        (one,) = (one for one in document["/cluster/resources"] if one["id"] == key)
        one.update(values)

    return change


def test_vms_are_where_they_are_with_what_they_have(tmp_path: Path) -> None:
    found = vms(imported(tmp_path))
    assert {name: vm.host for name, vm in found.items()}["db-1"] == "pve1"
    db = found["db-1"]
    assert (db.vcpus, db.memory, db.disk, db.nonzero_memory) == (8, 32 * GIB, 0, 30 * GIB), "2 sockets of 4 cores"
    assert found["build-1"].disk == 80 * GIB + 2**20, "both disks on local-zfs, and none on ceph"
    assert found["web-1"].disk == 0


def test_what_is_off_or_no_vm_is_left_out_and_counted(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert not {"old-crm", "debian-13", "dns-1"} & set(vms(found))
    text = told(found)
    assert "- 1 VM that is off" in text
    assert "- 1 template" in text
    assert "- 1 container, which cannot move live" in text


def test_hosts_have_what_containers_and_they_themselves_leave(tmp_path: Path) -> None:
    found = hosts(imported(tmp_path))
    assert found["pve1"].cpus == 4 * 32
    assert found["pve2"].cpus == 4 * 32 - 1, "a container has one"
    # 67 GiB are in use, of which guests have 59.5; the container of pve2 has 1 GiB and uses less.
    assert found["pve1"].memory == 128 * GIB - (67 * GIB - 59.5 * GIB)


def test_memory_is_offered_in_full_where_guests_do_not_say_what_they_take(tmp_path: Path) -> None:
    def older(document: Document) -> None:
        for one in document["/cluster/resources"]:
            one.pop("memhost", None)

    found = imported(tmp_path, older)
    assert hosts(found)["pve1"].memory == 128 * GIB
    assert hosts(found)["pve2"].memory == 127 * GIB
    assert {vm.nonzero_memory for vm in vms(found).values()} == {None}
    assert "what nodes need for themselves" in told(found)


def test_vcpus_per_cpu_are_the_operators(tmp_path: Path) -> None:
    assert hosts(imported(tmp_path, vcpus_per_cpu=1.5))["pve1"].cpus == 48
    assert "4 vCPUs" not in told(imported(tmp_path, vcpus_per_cpu=1.5))
    assert "a CPU of a node carries 4 vCPUs" in told(imported(tmp_path))


def test_a_node_in_maintenance_takes_no_vms_and_can_be_emptied(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert {name: host.accepts for name, host in hosts(found).items()} == {
        "pve1": True,
        "pve2": True,
        "pve3": True,
        "pve4": False,
    }
    assert "maintenance" in hosts(found)["pve4"].labels
    assert found.evacuate is None, "nothing is on it"

    def by_the_manager(document: Document) -> None:
        document["/cluster/ha/status/manager_status"]["manager_status"]["node_status"]["pve3"] = "maintenance"

    found = imported(tmp_path, by_the_manager)
    assert not hosts(found)["pve3"].accepts
    assert "--evacuate @maintenance" in told(found)


def test_a_node_that_is_offline_takes_no_vms(tmp_path: Path) -> None:
    def away(document: Document) -> None:
        resource("node/pve3", status="offline", maxmem=0, maxcpu=0, mem=0)(document)
        for vmid in (104, 109, 110):
            resource(f"qemu/{vmid}", status="unknown")(document)

    found = imported(tmp_path, away)
    assert not hosts(found)["pve3"].accepts
    text = told(found)
    assert "- 1 host that is not online takes no VMs: pve3" in text
    assert "- 3 VMs of which the cluster knows no state: cache-1, app-1, app-2" in text
    assert "app-1" not in vms(found)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hostpci0": "0000:41:00,pcie=1"}, "1 VM has a device of its host passed through; pinned: web-1 (hostpci0"),
        ({"hostpci0": "mapping=gpu,mdev=nvidia-63"}, "has a virtual GPU; pinned: web-1 (hostpci0"),
        ({"usb0": "host=1050:0407"}, "passed through; pinned: web-1 (usb0: host=1050:0407)"),
        ({"usb0": "mapping=key"}, "passed through; pinned: web-1 (usb0"),
        ({"serial0": "/dev/ttyS0"}, "passed through; pinned: web-1 (serial0"),
        ({"parallel0": "/dev/parport0"}, "passed through; pinned: web-1 (parallel0"),
        ({"scsi1": "/dev/disk/by-id/ata-1,size=1T"}, "passed through; pinned: web-1 (scsi1"),
        ({"args": "-device vfio-pci,host=41:00.0"}, "passed through; pinned: web-1 (args)"),
        ({"virtiofs0": "share,cache=auto"}, "must not move live, as the source says; pinned: web-1 (virtiofs0"),
        ({"ivshmem": "size=32"}, "must not move live, as the source says; pinned: web-1 (ivshmem"),
        ({"ide2": "local:iso/x.iso,media=cdrom"}, "such as an ISO image; pinned: web-1 (ide2: iso/x.iso)"),
        ({"ide2": "cdrom,media=cdrom"}, "such as an ISO image; pinned: web-1 (ide2: cdrom)"),
    ],
)
def test_what_ties_a_vm_to_its_node_pins_it_and_is_told(values: dict[str, str], words: str, tmp_path: Path) -> None:
    def alone(document: Document) -> None:
        for vmid, key in ((106, "hostpci0"), (108, "usb0"), (107, "ide2")):
            config(vmid, **{key: None})(document)
        config(101, **values)(document)

    found = imported(tmp_path, alone)
    assert [name for name, vm in vms(found).items() if vm.pinned] == ["web-1"]
    assert words in told(found)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"hugepages": "1024"}, "web-1 (1024)"),
        ({"affinity": "4-7"}, "web-1 (4-7)"),
        ({"numa0": "cpus=0-3,hostnodes=0,memory=8192,policy=bind"}, "web-1 (numa0"),
    ],
)
def test_what_needs_care_at_the_target_is_told_and_pins_nobody(
    values: dict[str, str], words: str, tmp_path: Path
) -> None:
    found = imported(tmp_path, config(101, **values))
    assert not vms(found)["web-1"].pinned
    assert words in told(found)


@pytest.mark.parametrize(
    "values",
    [
        {"usb0": "spice"},
        {"usb0": "spice,usb3=1"},
        {"serial0": "socket"},
        {"ide2": "none,media=cdrom"},
        {"ide2": "ceph:iso/x.iso,media=cdrom"},
        {"ide2": "local-zfs:vm-101-cloudinit,media=cdrom"},
        {"scsi1": "/dev/mapper/mpath1,size=1T,shared=1"},
        {"numa0": "cpus=0-3,memory=8192"},
    ],
)
def test_what_moves_along_hinders_nobody(values: dict[str, str], tmp_path: Path) -> None:
    vm = vms(imported(tmp_path, config(101, **values)))["web-1"]
    assert (vm.pinned, vm.disk) == (False, 0)


def test_local_disks_with_snapshots_move_cold_only(tmp_path: Path) -> None:
    found = vms(imported(tmp_path))
    assert found["legacy"].approaches == (Approach.COLD,)
    assert found["app-1"].approaches is None, "its snapshots are on shared storage"


def test_storage_that_some_nodes_lack_is_required(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert "storage-local-zfs" in vms(found)["build-1"].requires
    assert [name for name, host in hosts(found).items() if "storage-local-zfs" in host.labels] == [
        "pve1",
        "pve2",
        "pve4",
    ]
    assert not any("storage-ceph" in host.labels for host in hosts(found).values()), "all have it"


def test_storages_are_shared_by_what_either_answer_says(tmp_path: Path) -> None:
    def only_definitions(document: Document) -> None:
        document["/cluster/resources"] = [one for one in document["/cluster/resources"] if one["type"] != "storage"]
        document["/storage"].append({"storage": "san", "type": "lvm", "shared": 1})
        config(101, scsi0="san:vm-101-disk-0,size=32G", scsi1="gone:vm-101-disk-1,size=1G")(document)

    found = imported(tmp_path, only_definitions)
    assert vms(found)["web-1"].disk == GIB
    assert vms(found)["db-1"].disk == 0
    assert "storages that the answers do not tell of are local: gone" in told(found)


def test_the_size_of_a_disk_that_has_none_is_maxdisk(tmp_path: Path) -> None:
    found = imported(tmp_path, config(105, scsi0="local-zfs:vm-105-disk-0", efidisk0=None))
    assert vms(found)["build-1"].disk == 32 * GIB
    assert "the size of disks, for which maxdisk is taken: build-1 scsi0" in told(found)


def test_cpu_types_require_what_their_node_has(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert "cpu-AMD-EPYC-7313-16-Core-Processor" in vms(found)["db-1"].requires
    assert "cpu-AMD-EPYC-7313-16-Core-Processor" not in hosts(found)["pve3"].labels
    assert vms(found)["web-1"].requires == ("x86-64-v3",)
    assert vms(found)["legacy"].requires == ("storage-local-zfs",), "kvm64 runs everywhere"

    def unknown(document: Document) -> None:
        for path in [path for path in document if path.endswith("/status")]:
            del document[path]

    found = imported(tmp_path, unknown)
    assert vms(found)["web-1"].requires == ()
    assert "the CPU models of nodes (/nodes/NODE/status), which must be the same for 2 VMs: db-1, render-1" in told(
        found
    )


def test_cpu_types_of_a_maker_stay_with_its_cpus(tmp_path: Path) -> None:
    found = imported(tmp_path, config(101, cpu="EPYC-Milan"))
    assert vms(found)["web-1"].requires == ("cpu-maker-AMD",)
    assert [name for name, host in hosts(found).items() if "cpu-maker-AMD" in host.labels] == ["pve1", "pve2", "pve4"]
    assert "which nodes have the CPU types that VMs name: EPYC-Milan" in told(found)
    assert "may move between CPUs of AMD and Intel" in told(found)

    def one_maker(document: Document) -> None:
        config(101, cpu="EPYC-Milan")(document)
        document["/nodes/pve3/status"]["cpuinfo"]["model"] = "AMD EPYC 9354 32-Core Processor"

    found = imported(tmp_path, one_maker)
    assert vms(found)["web-1"].requires == ()
    assert "may move between CPUs" not in told(found)


def test_a_node_of_an_unknown_cpu_gets_no_vms_that_need_the_same(tmp_path: Path) -> None:
    found = imported(tmp_path, lambda document: document.pop("/nodes/pve2/status"))
    assert "cpu-AMD-EPYC-7313-16-Core-Processor" not in hosts(found)["pve2"].labels
    assert "VMs with the CPU type host are not sent there, of 1 host: pve2" in told(found)


def test_a_cpu_without_a_flag_is_of_a_lower_level(tmp_path: Path) -> None:
    def no_avx2(document: Document) -> None:
        info = document["/nodes/pve3/status"]["cpuinfo"]
        info["flags"] = info["flags"].replace(" avx2", "")

    labels = hosts(imported(tmp_path, no_avx2))["pve3"].labels
    assert "x86-64-v2-AES" in labels
    assert "x86-64-v3" not in labels


def test_ha_rules_become_rules_and_labels(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert [(type(rule).__name__, rule.members) for rule in found.inventory.rules] == [
        ("Separate", ("web-1", "web-2")),
        ("Together", ("app-1", "app-2")),
    ]
    assert "ha-rule-db-licence" in vms(found)["db-1"].requires
    assert [name for name, host in hosts(found).items() if "ha-rule-db-licence" in host.labels] == ["pve1", "pve2"]
    text = told(found)
    assert "preferences of HA groups and rules, which need not be kept: cache-near" in text
    assert "- 1 HA rule that is off: old-pair" in text


def test_a_rule_against_nodes_allows_all_others(tmp_path: Path) -> None:
    def against(document: Document) -> None:
        document["/cluster/ha/rules"][2].update(affinity="negative", nodes="pve3")

    found = imported(tmp_path, against)
    assert [name for name, host in hosts(found).items() if "ha-rule-db-licence" in host.labels] == [
        "pve1",
        "pve2",
        "pve4",
    ]


def test_a_rule_that_is_broken_now_is_told(tmp_path: Path) -> None:
    found = imported(tmp_path, resource("qemu/102", node="pve1"))
    assert not any(rule.members == ("web-1", "web-2") for rule in found.inventory.rules)
    assert "web-apart" in told(found)


def test_services_that_ha_ignores_are_free(tmp_path: Path) -> None:
    def ignored(document: Document) -> None:
        document["/cluster/ha/resources"][2]["state"] = "ignored"

    assert "ha-rule-db-licence" not in vms(imported(tmp_path, ignored))["db-1"].requires


def test_restricted_groups_become_labels_and_others_are_told(tmp_path: Path) -> None:
    def version_8(document: Document) -> None:
        del document["/cluster/ha/rules"]
        document["/cluster/ha/groups"] = [
            {"group": "amd", "nodes": "pve1:2,pve2", "restricted": 1, "type": "group"},
            {"group": "near", "nodes": "pve3", "type": "group"},
        ]
        document["/cluster/ha/resources"][2]["group"] = "amd"
        document["/cluster/ha/resources"][3]["group"] = "near"

    found = imported(tmp_path, version_8)
    assert "ha-group-amd" in vms(found)["db-1"].requires
    assert [name for name, host in hosts(found).items() if "ha-group-amd" in host.labels] == ["pve1", "pve2"]
    assert "which need not be kept: near" in told(found)


def test_the_datacenter_says_how_migrations_go(tmp_path: Path) -> None:
    found = imported(tmp_path)
    settings = found.inventory.settings
    assert (settings.max_outgoing, settings.migration_network) == (2, "10.20.0.0-24")
    assert (settings.tunnelled, settings.tunnel_bandwidth) == (True, 2 * GIB), "2097152 KiB/s"
    assert settings.approaches == (Approach.COLD, Approach.PRECOPY)
    assert settings.downtime_limit == 0.1
    assert "how fast SSH encrypts" not in told(found)


def test_limits_may_be_objects_and_absent(tmp_path: Path) -> None:
    def change(document: Document) -> None:
        document["/cluster/options"] = {"bwlimit": {"default": 1024}, "migration": "secure,network=10.0.0.0/8"}

    found = imported(tmp_path, change)
    assert found.inventory.settings.tunnel_bandwidth == 2**20
    assert found.inventory.settings.migration_network == "10.0.0.0-8"
    assert "how fast SSH encrypts" in told(found)
    plain = imported(tmp_path, lambda document: document.pop("/cluster/options"))
    assert not plain.inventory.settings.tunnelled
    assert "the limits and the network of migrations (/cluster/options)" in told(plain)


def test_what_is_locked_or_has_a_balloon_is_told(tmp_path: Path) -> None:
    text = told(imported(tmp_path))
    assert "- 1 VM locked now is taken to be free when the plan starts: app-2 (backup)" in text
    assert "- 1 VM with a balloon may take all its memory: cache-1" in text


def test_a_vm_without_a_configuration_is_what_resources_say(tmp_path: Path) -> None:
    found = imported(tmp_path, lambda document: document.pop("/nodes/pve1/qemu/105/config"))
    vm = vms(found)["build-1"]
    assert (vm.memory, vm.vcpus, vm.disk) == (12 * GIB, 8, 0)
    assert "nothing is known of disks, devices and CPU type, of 1 VM: build-1" in told(found)


def test_names_that_several_have_are_told_apart_by_id(tmp_path: Path) -> None:
    def same(document: Document) -> None:
        for vmid in (101, 102, 109):
            resource(f"qemu/{vmid}", name="clone")(document)
        resource("qemu/110", name="clone-101")(document)

    found = imported(tmp_path, same)
    assert {"clone-101-2", "clone-102", "clone-109", "clone-101"} <= set(vms(found))
    assert found.inventory.rules[0].members == ("clone-101-2", "clone-102")


def test_memory_is_read_in_all_its_forms(tmp_path: Path) -> None:
    for given in (4096, "4096", "current=4096", 4096.0):
        assert vms(imported(tmp_path, config(101, memory=given)))["web-1"].memory == 4 * GIB
    assert vms(imported(tmp_path, config(101, memory=None)))["web-1"].memory == 512 * 2**20


def test_answers_in_a_directory_are_the_same(tmp_path: Path) -> None:
    root = tmp_path / "answers"
    for path, data in sample().items():
        file = root / f"{path[1:]}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"data": data} if path == "/storage" else data), "utf-8")
    answers, problems = read_saved(str(root), "saved answers", "save them anew")
    found = load(facts_of(read_cluster(answers, problems, str(root))), Wishes("pve"))
    assert found.inventory == imported(tmp_path).inventory


def test_a_host_is_evacuated_by_what_was_imported(tmp_path: Path) -> None:
    inventory = imported(tmp_path).inventory
    found = plan(inventory, evacuate=["pve3"], deadline_s=600)
    assert found.status == "optimal"
    assert {move.vm for move in found.moves} == {"cache-1", "app-1", "app-2"}
    refused = plan(inventory, evacuate=["pve1"], deadline_s=600)
    assert refused.status == "infeasible", "render-1 is pinned"


def test_the_command_writes_an_inventory_that_a_runbook_is_made_of(tmp_path: Path) -> None:
    inventory, answer = str(tmp_path / "inv.yaml"), str(tmp_path / "plan.json")
    run = CliRunner()
    result = run.invoke(main, ["import", "proxmox", str(SAMPLE), "-o", inventory, "--nic-speed", "25 Gbit/s"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert parse_inventory(Path(inventory).read_text("utf-8"), "inv.yaml").name == "proxmox"
    result = run.invoke(main, ["plan", inventory, "-e", "pve3", "-d", "10 min", "-o", answer])
    assert result.exit_code == 0
    result = run.invoke(main, ["runbook", answer])
    assert result.exit_code == 0
    assert "`cache-1` from `pve3`" in result.stdout


def refused(folder: Path, change: Callable[[Document], object]) -> list[str]:
    with pytest.raises(InputError) as caught:
        imported(folder, change)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("/cluster/resources"), "no answer to /cluster/resources"),
        (lambda d: d.update({"/cluster/resources": {}}), "a list is expected here"),
        (lambda d: d.update({"/cluster/resources": []}), "it tells of no node"),
        (resource("node/pve1", maxmem=2**70), "maxmem"),
        (resource("node/pve1", maxmem=-1), "maxmem"),
        (resource("node/pve1", maxmem="64 GB"), "maxmem"),
        (resource("node/pve1", maxcpu=10**9), "maxcpu"),
        (resource("qemu/101", vmid=None), "the key vmid is missing"),
        (resource("qemu/101", vmid=102), "the guest 102 is there twice"),
        (resource("node/pve1", node="pve2"), "the node pve2 is there twice"),
        (config(101, memory="8 GiB"), "memory must be a whole number"),
        (config(101, memory=10**17), "memory must be a whole number"),
        (config(101, cores=-4), "cores must be a whole number"),
        (config(101, sockets=[2]), "sockets must be text or a number"),
        (config(101, scsi0="local-zfs:x,size=32GB"), "the size of scsi0 must be such as 32G"),
        (config(101, scsi0="local-zfs:x,size=99999999T"), "the size of scsi0 must be such as 32G"),
        (lambda d: d.update({"/nodes/pve1/qemu/101/config": [1]}), "a VM's configuration is expected"),
        (lambda d: d["/cluster/ha/rules"].append({"type": "node-affinity"}), "rule"),
        (lambda d: d["/cluster/options"].update(max_workers=0), "max_workers"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: Callable[[Document], object], words: str, tmp_path: Path) -> None:
    problems = refused(tmp_path, change)
    assert len(problems) < 4
    assert any(words in problem for problem in problems), problems
    assert all("answers.json" in problem for problem in problems)


def test_the_line_of_a_problem_is_told(tmp_path: Path) -> None:
    document = copy.deepcopy(sample())
    config(101, memory="lots")(document)
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(document, indent=1), "utf-8")
    line = next(n for n, text in enumerate(path.read_text("utf-8").splitlines(), 1) if "lots" in text)
    (problem,) = refused(tmp_path, config(101, memory="lots"))
    assert f"answers.json:{line}: /nodes/pve1/qemu/101/config.memory" in problem


def test_control_characters_of_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    def hostile(document: Document) -> None:
        resource("qemu/110", name="\x1b[2Japp")(document)
        config(110, lock="\x1b[31m")(document)
        document["/cluster/ha/rules"].append({"rule": "\x1b[1m", "type": "\x07"})

    assert not set("\x1b\x07") & set(told(imported(tmp_path, hostile)))
