"""KubeVirt in files: what becomes of VMIs, nodes and policies, and what hinders VMs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.importers.facts import Hindrance
from planner.importers.loader import Wishes, load
from planner.inventory.load import parse_inventory
from planner.inventory.models import Approach
from tests.kubevirt_support import (
    DOCUMENT,
    GIB,
    HOSTNAME,
    REQUIRED,
    SAMPLE,
    Change,
    changed,
    facts,
    holders,
    item,
    vmi,
    vms,
    write,
)


def test_the_sample_is_imported_planned_and_its_runbook_printed(tmp_path: Path) -> None:
    target, plan_file = tmp_path / "inv.yaml", tmp_path / "plan.json"
    runner = CliRunner()
    result = runner.invoke(main, ["import", "kubevirt", str(SAMPLE), "-o", str(target)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "KubeVirt: found 6 hosts, 12 VMs, 1 switch, 6 links, 2 rules." in result.stderr
    assert "- 2 VMs that are off" in result.stderr
    inventory = parse_inventory(target.read_text("utf-8"), "inv.yaml")
    plan = api.plan(inventory, evacuate=["worker-1"], deadline_s=1200.0)
    assert api.verify(inventory, plan).ok
    to = {move.vm: move.target for move in plan.moves}
    assert set(to) == {"shop.web-1", "shop.orders-db", "shop.orders-cache", "lab.scratch-1"}
    assert to["shop.orders-db"] == to["shop.orders-cache"] == "worker-2", "zone a, and together"
    assert to["shop.web-1"] == "worker-4", "the others have a web, take none, or are no worker"
    planned = ["plan", str(target), "--evacuate", "worker-1", "--deadline", "20 min", "-o", str(plan_file)]
    assert runner.invoke(main, planned).exit_code == 0
    runbook = runner.invoke(main, ["runbook", str(plan_file)])
    assert runbook.exit_code == 0
    assert "shop.orders-db" in runbook.stdout


def test_json_and_yaml_say_the_same(tmp_path: Path) -> None:
    assert facts(write(tmp_path, DOCUMENT)) == facts(SAMPLE)


def test_several_files_and_single_objects_are_one_cluster(tmp_path: Path) -> None:
    rest = copy.deepcopy(DOCUMENT)
    node = item(rest, "Node", "worker-1")
    rest["items"].remove(node)
    assert {host.name for host in facts(write(tmp_path, rest), write(tmp_path, node, "node.json")).hosts} == {
        host.name for host in facts(SAMPLE).hosts
    }


def test_sizes_have_their_units() -> None:
    found = vms(facts(SAMPLE))
    ledger, scratch = found["data.ledger"], found["lab.scratch-1"]
    assert (ledger.vcpus, ledger.memory_bytes, ledger.disk_bytes) == (8, 24 * GIB, 0)
    assert scratch.disk_bytes == 5 * GIB
    assert all(vm.read_rate is None and vm.write_rate is None for vm in found.values())
    hosts = {host.name: host for host in facts(SAMPLE).hosts}
    assert (hosts["worker-1"].cpus, hosts["worker-1"].memory_bytes) == (127, 261200 * 2**20), "31.8 CPUs, 4 vCPUs each"


@pytest.mark.parametrize(
    ("change", "vcpus", "memory_bytes"),
    [
        (lambda v: v["status"]["memory"].update(guestCurrent="12Gi"), 4, 12 * GIB),
        (lambda v: v["status"].pop("memory"), 4, 8 * GIB),
        (lambda v: (v["status"].pop("memory"), v["spec"]["domain"].pop("memory")), 4, 8 * GIB),
        (lambda v: v["status"]["currentCPUTopology"].update(cores=2, sockets=3, threads=2), 12, 8 * GIB),
        (lambda v: v["status"].pop("currentCPUTopology"), 4, 8 * GIB),
        (
            lambda v: (
                v["status"].pop("currentCPUTopology"),
                v["spec"]["domain"].pop("cpu"),
                v["spec"]["domain"]["resources"]["requests"].update(cpu="2500m"),
            ),
            3,
            8 * GIB,
        ),
        (lambda v: (v["status"].pop("currentCPUTopology"), v["spec"]["domain"].pop("cpu")), 1, 8 * GIB),
    ],
)
def test_vcpus_and_memory_come_from_what_is_there(
    change: Change, vcpus: int, memory_bytes: int, tmp_path: Path
) -> None:
    vm = vms(changed(tmp_path, lambda d: change(vmi(d, "web-1"))))["shop.web-1"]
    assert (vm.vcpus, vm.memory_bytes) == (vcpus, memory_bytes)


def test_nodes_that_take_nothing_now_do_not_accept() -> None:
    found = facts(SAMPLE)
    assert {host.name for host in found.hosts if not host.accepts} == {"control-1", "worker-5"}
    assert any("control-1" in line for line in found.assumed)


@pytest.mark.parametrize(
    "change",
    [
        lambda n: n["spec"].update(unschedulable=True),
        lambda n: n["spec"].update(taints=[{"key": "kubevirt.io/drain", "effect": "NoSchedule"}]),
        lambda n: n["spec"].update(taints=[{"key": "gpu-only", "effect": "NoSchedule"}]),
        lambda n: n["status"].update(conditions=[{"type": "Ready", "status": "Unknown"}]),
        lambda n: n["metadata"]["labels"].update({"kubevirt.io/schedulable": "false"}),
        lambda n: n["metadata"]["labels"].pop("kubevirt.io/schedulable"),
    ],
)
def test_each_reason_for_a_node_to_take_nothing(change: Change, tmp_path: Path) -> None:
    found = changed(tmp_path, lambda d: change(item(d, "Node", "worker-4")))
    assert {host.name for host in found.hosts if not host.accepts} == {"control-1", "worker-4", "worker-5"}


def test_a_soft_taint_keeps_nothing_off(tmp_path: Path) -> None:
    soft = [{"key": "slow", "effect": "PreferNoSchedule"}]
    found = changed(tmp_path, lambda d: item(d, "Node", "worker-4")["spec"].update(taints=soft))
    assert {host.name for host in found.hosts if not host.accepts} == {"control-1", "worker-5"}


def test_a_taint_that_some_vms_bear_is_a_label_for_the_others(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        item(document, "Node", "worker-2")["spec"]["taints"] = [{"key": "lab", "value": "x", "effect": "NoSchedule"}]
        vmi(document, "rt-1")["spec"]["tolerations"] = [{"key": "lab", "operator": "Exists"}]

    found = changed(tmp_path, change)
    assert "worker-2" in holders(found, "lab.rt-1")
    assert holders(found, "shop.web-1") == {"worker-1", "worker-3", "worker-4", "worker-5"}
    assert {"no-taint:lab-x"} == set(vms(found)["shop.web-1"].requires)


def test_what_vms_need_of_nodes_becomes_labels() -> None:
    found = facts(SAMPLE)
    assert holders(found, "shop.orders-db") == {"worker-1", "worker-2"}, "its zone"
    assert holders(found, "data.ledger") == {"worker-1", "worker-2"}, "its huge pages"
    assert holders(found, "lab.rt-1") == {"worker-1", "worker-2"}, "CPUs of its own"
    assert holders(found, "data.index") == {"worker-3", "worker-4", "worker-5"}, "its CPU model"
    assert holders(found, "shop.web-3") == {"worker-3", "worker-4", "worker-5"}, "its host's model and features"
    assert vms(found)["shop.web-1"].requires == (), "an older model may go anywhere"


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"nodeSelector": {"topology.kubernetes.io/zone": "b"}}, {"worker-3", "worker-4", "worker-5"}),
        ({"nodeSelector": {"topology.kubernetes.io/zone": "a", HOSTNAME: "worker-1"}}, {"worker-1"}),
        ({"architecture": "arm64"}, set()),
        ({"architecture": "amd64"}, {f"worker-{n}" for n in range(1, 6)}),
        (
            [{"key": HOSTNAME, "operator": "NotIn", "values": ["worker-1", "worker-2"]}],
            {"worker-3", "worker-4", "worker-5"},
        ),
        ([{"key": "cpumanager", "operator": "Exists"}], {"worker-1", "worker-2"}),
        ([{"key": "cpumanager", "operator": "DoesNotExist"}], {"worker-3", "worker-4", "worker-5"}),
        ([{"key": "rank", "operator": "Gt", "values": ["3"]}], {"worker-4", "worker-5"}),
        ([{"key": "rank", "operator": "Lt", "values": ["3"]}], {"worker-1", "worker-2"}),
    ],
)
def test_selectors_and_affinities_say_which_nodes(spec: Any, allowed: set[str], tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for number in range(1, 6):
            item(document, "Node", f"worker-{number}")["metadata"]["labels"]["rank"] = str(number)
        terms = {"nodeSelectorTerms": [{"matchExpressions": spec}]}
        more = spec if isinstance(spec, dict) else {"affinity": {"nodeAffinity": {REQUIRED: terms}}}
        vmi(document, "web-1")["spec"].update(more)

    found = changed(tmp_path, change)
    workers = {f"worker-{number}" for number in range(1, 6)}
    assert holders(found, "shop.web-1") & workers == allowed


def test_terms_are_alternatives_and_fields_name_nodes(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        terms = [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["worker-4"]}]},
            {"matchExpressions": [{"key": "cpumanager", "operator": "Exists"}]},
            {},
        ]
        affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}
        vmi(document, "web-1")["spec"]["affinity"] = affinity

    assert holders(changed(tmp_path, change), "shop.web-1") == {"worker-1", "worker-2", "worker-4"}


def test_host_passthrough_needs_the_same_cpu(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        vmi(document, "web-1")["spec"]["domain"]["cpu"]["model"] = "host-passthrough"

    found = changed(tmp_path, change)
    assert holders(found, "shop.web-1") == {"worker-1", "worker-2"}
    assert vms(found)["shop.web-1"].hindrances == ((Hindrance.HOST_CPU, "host-passthrough"),)


def test_a_host_model_needs_the_features_of_its_host(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        labels = item(document, "Node", "worker-3")["metadata"]["labels"]
        labels.pop("cpu-feature.node.kubevirt.io/vmx")
        labels.pop("host-model-required-features.node.kubevirt.io/vmx")

    assert "worker-3" not in holders(changed(tmp_path, change), "shop.web-1")


def test_nodes_that_say_nothing_of_cpus_are_told(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for one in document["items"]:
            if one["kind"] == "Node":
                one["metadata"]["labels"] = {
                    key: value for key, value in one["metadata"]["labels"].items() if "cpu" not in key
                }

    assert any("CPU models of the nodes" in line for line in changed(tmp_path, change).missing)


def test_what_hinders_the_vms_of_the_sample() -> None:
    found = {name: {kind for kind, _ in vm.hindrances} for name, vm in vms(facts(SAMPLE)).items() if vm.hindrances}
    assert found == {
        "data.ledger": {Hindrance.HUGEPAGES},
        "lab.gpu-1": {Hindrance.VGPU},
        "lab.build-1": {Hindrance.FORBIDDEN},
        "lab.rt-1": {Hindrance.PINNED_CPUS},
        "lab.tenant-1": {Hindrance.FORBIDDEN},
        "lab.scratch-1": {Hindrance.LOCAL_DISK},
    }
    assert "PVC build-1-root is not shared" in vms(facts(SAMPLE))["lab.build-1"].hindrances[0][1]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("DisksNotLiveMigratable", Hindrance.FORBIDDEN),
        ("InterfaceNotLiveMigratable", Hindrance.FORBIDDEN),
        ("HostDeviceNotLiveMigratable", Hindrance.PASSTHROUGH),
        ("VirtIOFSNotLiveMigratable", Hindrance.PASSTHROUGH),
        ("SEVNotLiveMigratable", Hindrance.FORBIDDEN),
        ("CPUModeLiveMigratable", Hindrance.FORBIDDEN),
        ("SomethingNew", Hindrance.FORBIDDEN),
    ],
)
def test_each_reason_not_to_migrate_is_told(reason: str, kind: Hindrance, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        vmi(document, "web-1")["status"]["conditions"] = [
            {"type": "LiveMigratable", "status": "False", "reason": reason, "message": "because"}
        ]

    found = changed(tmp_path, change)
    assert vms(found)["shop.web-1"].hindrances == ((kind, f"{reason}: because"),)
    inventory = load(found, Wishes("x")).inventory
    assert next(vm for vm in inventory.vms if vm.name == "shop.web-1").pinned


def test_devices_of_the_host_and_network_functions_hinder(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        web = vmi(document, "web-1")
        web["spec"]["domain"]["devices"]["hostDevices"] = [{"name": "qat", "deviceName": "intel.com/qat"}]
        web["spec"]["domain"]["devices"]["interfaces"].append({"name": "fast", "sriov": {}})
        web["status"]["conditions"] = []
        # KubeVirt unplugs a network function itself, where it says that the VMI can migrate.
        vmi(document, "web-2")["spec"]["domain"]["devices"]["interfaces"].append({"name": "fast", "sriov": {}})

    found = changed(tmp_path, change)
    assert vms(found)["shop.web-1"].hindrances == (
        (Hindrance.PASSTHROUGH, "intel.com/qat"),
        (Hindrance.SRIOV, "fast"),
    )
    assert vms(found)["shop.web-2"].hindrances == ()
    assert any("whether 1 VM can migrate live" in line for line in found.missing)


def test_eviction_strategies_come_from_the_vm_or_the_cluster(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for name in ("web-1", "web-2"):
            vmi(document, name)["spec"].pop("evictionStrategy")
        vmi(document, "web-2")["spec"]["evictionStrategy"] = "LiveMigrateIfPossible"
        item(document, "KubeVirt", "kubevirt")["spec"]["configuration"]["evictionStrategy"] = "External"

    found = changed(tmp_path, change)
    assert Hindrance.FORBIDDEN in dict(vms(found)["shop.web-1"].hindrances)
    assert vms(found)["shop.web-2"].hindrances == ()
    assert any("lab.scratch-1" in line and "a drain stops them" in line for line in found.missing)


def test_vms_that_are_off_or_wait_are_left_out_and_counted(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        vmi(document, "web-1")["status"]["phase"] = "Succeeded"
        web = vmi(document, "web-2")
        web["status"].update(phase="Scheduling")
        web["status"].pop("nodeName")

    found = changed(tmp_path, change)
    assert not {"shop.web-1", "shop.web-2"} & set(vms(found))
    assert "3 VMs that are off" in found.dropped
    assert "1 VM without a node yet" in found.dropped


def test_migrations_that_run_are_told(tmp_path: Path) -> None:
    state = {"sourceNode": "worker-1", "targetNode": "worker-4", "completed": False}
    found = changed(tmp_path, lambda d: vmi(d, "web-1")["status"].update(migrationState=state))
    assert any("shop.web-1" in line and "import again" in line for line in found.missing)


def test_configuration_and_policies_become_settings_and_approaches(tmp_path: Path) -> None:
    found = facts(SAMPLE)
    settings = found.settings
    assert (settings.max_outgoing, settings.max_incoming, settings.auto_converge) == (3, 6, False)
    assert settings.approaches == (Approach.PRECOPY, Approach.HYBRID)
    assert vms(found)["shop.orders-db"].approaches is None, "its policy allows post-copy"
    assert vms(found)["shop.web-1"].approaches == (Approach.PRECOPY,)
    told = " ".join(found.dropped)
    for words in ("at most 6 migrations in the cluster", "512 MiB/s for 3 VMs", "completionTimeoutPerGiB (150 s)"):
        assert words in told

    def converge(document: Any) -> None:
        migrations = item(document, "KubeVirt", "kubevirt")["spec"]["configuration"]["migrations"]
        migrations.update(allowAutoConverge=True, network="migration-net")

    found = changed(tmp_path, converge)
    assert found.settings.auto_converge
    assert any("migration-net" in line for line in found.dropped)

    def some(document: Any) -> None:
        item(document, "MigrationPolicy", "data")["spec"]["allowAutoConverge"] = True

    found = changed(tmp_path, some)
    assert not found.settings.auto_converge
    assert any("allowAutoConverge of 3 VMs" in line for line in found.dropped)


def test_the_policy_with_the_most_labels_wins_and_then_the_first_by_name(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for name, post, selectors in (
            ("a-weaker", True, {"virtualMachineInstanceSelector": {"app": "web"}}),
            (
                "z-stronger",
                False,
                {
                    "virtualMachineInstanceSelector": {"app": "web"},
                    "namespaceSelector": {"kubernetes.io/metadata.name": "shop"},
                },
            ),
            ("b-tie", True, {"virtualMachineInstanceSelector": {"tier": "data"}}),
        ):
            spec = {"allowPostCopy": post, "selectors": selectors}
            document["items"].append({"kind": "MigrationPolicy", "metadata": {"name": name}, "spec": spec})
        item(document, "MigrationPolicy", "data")["spec"]["allowPostCopy"] = False

    found = vms(changed(tmp_path, change))
    # b-tie sorts before data, so post-copy is allowed for the data tier and for nothing else.
    assert found["shop.web-1"].approaches == (Approach.PRECOPY,)
    assert found["data.index"].approaches is None


def test_without_a_configuration_the_defaults_of_kubevirt_are_taken_and_told(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["items"] = [one for one in document["items"] if one["kind"] in ("VirtualMachineInstance", "Node")]

    found = changed(tmp_path, change)
    assert (found.settings.max_outgoing, found.settings.max_incoming) == (2, 5)
    assert found.settings.approaches == (Approach.PRECOPY,)
    assert found.hosts[1].cpus == 318, "ten vCPUs a CPU"
    assert any("nothing is configured" in line for line in found.assumed)


def test_policies_by_namespace_need_the_namespaces(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["items"] = [one for one in document["items"] if one["kind"] != "Namespace"]
        selectors = item(document, "MigrationPolicy", "data")["spec"]["selectors"]
        selectors["namespaceSelector"] = {"kubernetes.io/metadata.name": "data"}

    assert any("no Namespace is among the files" in line for line in changed(tmp_path, change).dropped)


def test_without_nodes_hosts_are_those_that_vms_run_on(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["items"] = [one for one in document["items"] if one["kind"] == "VirtualMachineInstance"]

    found = changed(tmp_path, change)
    assert {host.name for host in found.hosts} == {f"worker-{number}" for number in range(1, 5)}
    assert all(host.memory_bytes is None for host in found.hosts)
