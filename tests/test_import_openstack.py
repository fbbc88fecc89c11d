"""Clouds of OpenStack: what becomes of their answers, what is told on the way, and that it can be planned with."""

from __future__ import annotations

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
from planner.importers.openstack import facts_of
from planner.importers.openstack_format import read_cloud
from planner.importers.report import Imported, report_lines
from planner.importers.saved import read_saved
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM, Approach, Host

SAMPLE = Path("examples/imports/openstack.json")
GIB = 2**30
A1, A2, B1, B2 = (f"cmp-{name}.example.org" for name in ("a1", "a2", "b1", "b2"))
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
    cloud = read_cloud(answers, problems, str(path))
    return load(facts_of(cloud, file=str(path), **more), Wishes("cloud", file=str(path)))


def vms(found: Imported) -> dict[str, VM]:
    return {vm.name: vm for vm in found.inventory.vms}


def hosts(found: Imported) -> dict[str, Host]:
    return {host.name: host for host in found.inventory.hosts}


def told(found: Imported) -> str:
    return "\n".join(report_lines(found, None))


def server(name: str, **values: Any) -> Callable[[Document], object]:
    """Change a server."""

    def change(document: Document) -> None:
        (one,) = (one for one in document["/servers/detail"]["servers"] if one["name"] == name)
        one.update(values)

    return change


def specs(name: str, **values: str) -> Callable[[Document], object]:
    """Give a server other extra specs; double underscores stand for colons."""

    def change(document: Document) -> None:
        (one,) = (one for one in document["/servers/detail"]["servers"] if one["name"] == name)
        one["flavor"]["extra_specs"] = {key.replace("__", ":"): value for key, value in values.items()}

    return change


def hypervisor(name: str, **values: Any) -> Callable[[Document], object]:
    """Change a hypervisor."""

    def change(document: Document) -> None:
        (one,) = (
            one for one in document["/os-hypervisors/detail"]["hypervisors"] if one["hypervisor_hostname"] == name
        )
        one.update(values)

    return change


def placement(part: str, index: int = 0) -> Callable[[Document], Document]:
    """Return a part of a resource provider, by position."""

    def find(document: Document) -> Document:
        uuid = document["/resource_providers"]["resource_providers"][index]["uuid"]
        found: Document = document[f"/resource_providers/{uuid}/{part}"][part]
        return found

    return find


def without_placement(document: Document) -> None:
    for path in [path for path in document if path.startswith("/resource_providers")]:
        del document[path]


def with_capacity(document: Document) -> None:
    """Answer as Nova does up to microversion 2.87."""
    without_placement(document)
    for one in document["/os-hypervisors/detail"]["hypervisors"]:
        one.update(vcpus=64, vcpus_used=18, memory_mb=131072, memory_mb_used=512 + 36864)
        one["cpu_info"] = {"arch": "x86_64", "model": "Cascadelake-Server", "vendor": "Intel", "features": []}


def group(index: int, **values: Any) -> Callable[[Document], object]:
    """Change a server group."""
    return lambda document: document["/os-server-groups"]["server_groups"][index].update(values)


def test_servers_are_where_they_are_with_what_their_flavors_say(tmp_path: Path) -> None:
    found = vms(imported(tmp_path))
    vm = found["app-2"]
    assert (vm.host, vm.vcpus, vm.memory) == (A1, 4, 8 * GIB)
    assert vm.disk == 81 * GIB, "80 GiB of root disk, 1024 MiB of swap"
    assert found["app-1"].disk == GIB, "its root disk is a volume"
    assert found["scratch"].disk == 100 * GIB, "ephemeral"
    assert found["db-1"].disk == 0


def test_disks_do_not_move_where_storage_is_shared(tmp_path: Path) -> None:
    found = imported(tmp_path, shared_disks=True)
    assert {vm.disk for vm in vms(found).values()} == {0}
    assert "block migration" not in told(found)

    def elsewhere(document: Document) -> None:
        del placement("inventories")(document)["DISK_GB"]

    found = imported(tmp_path, elsewhere)
    assert vms(found)["app-2"].disk == 0, "its host has no disk of its own in Placement"
    assert vms(found)["scratch"].disk == 100 * GIB


def test_servers_that_do_not_run_are_left_out_and_counted(tmp_path: Path) -> None:
    def idle(document: Document) -> None:
        server("vf", status="ERROR")(document)
        server("app-1", status="PAUSED")(document)

    found = imported(tmp_path, idle)
    assert not {"old", "vf"} & set(vms(found))
    assert "app-1" in vms(found)
    assert "- 1 server in the state ERROR" in told(found)
    assert "- 1 server in the state SHUTOFF" in told(found)


def test_capacity_is_placements_without_what_others_take(tmp_path: Path) -> None:
    found = hosts(imported(tmp_path))
    assert found[B1].cpus == (56 - 8) * 4
    assert found[A1].cpus == (40 - 8) * 4 + 16, "shared and dedicated"
    assert found[A1].memory == (131072 - 8192) * 2**20
    assert found[A2].memory == found[A1].memory - 8 * GIB, "a server that is off keeps its memory"
    assert found[A2].cpus == found[A1].cpus - 4


def test_capacity_is_novas_where_placement_is_silent(tmp_path: Path) -> None:
    found = imported(tmp_path, with_capacity)
    # Servers take 36 GiB of cmp-a1 and 2.5 GiB less than that is free: 512 MiB are the host's own.
    assert hosts(found)[A1].memory == 128 * GIB - 2**29
    assert hosts(found)[A1].cpus == 4 * 64 - (18 - 14)
    assert "cpu-Cascadelake-Server" in hosts(found)[A1].labels
    assert "a CPU carries 4 vCPUs on 4 hosts" in told(found)
    assert hosts(imported(tmp_path, with_capacity, vcpus_per_cpu=2))[A1].cpus == 2 * 64 - 4


def test_several_cpu_models_are_told(tmp_path: Path) -> None:
    def several(document: Document) -> None:
        with_capacity(document)
        hypervisor(B1, cpu_info='{"model": "EPYC-Rome", "vendor": "AMD"}')(document)

    found = imported(tmp_path, several)
    assert "cpu-EPYC-Rome" in hosts(found)[B1].labels, "old answers have JSON within JSON"
    assert "servers may run on every CPU model (add labels where they may not): Cascadelake-Server, EPYC-Rome" in told(
        found
    )
    assert "every CPU model" not in told(imported(tmp_path, with_capacity))


def test_capacity_that_nobody_tells_is_missing(tmp_path: Path) -> None:
    found = imported(tmp_path, without_placement)
    assert "memory or CPUs of 4 hosts" in told(found)
    assert hosts(found)[A1].memory == 36 * GIB, "just what its servers take"


def test_usages_that_nobody_tells_are_missing(tmp_path: Path) -> None:
    def no_usages(document: Document) -> None:
        for path in [path for path in document if path.endswith("/usages")]:
            del document[path]

    found = imported(tmp_path, no_usages)
    assert hosts(found)[A2].memory == 120 * GIB
    assert "/resource_providers/UUID/usages) of 4 hosts" in told(found)


def test_providers_may_hold_their_parts(tmp_path: Path) -> None:
    def within(document: Document) -> None:
        for one in document["/resource_providers"]["resource_providers"]:
            for part in ("inventories", "usages", "traits"):
                answer = document.pop(f"/resource_providers/{one['uuid']}/{part}", None)
                if answer is not None:
                    one[part] = answer[part]

    assert imported(tmp_path, within).inventory == imported(tmp_path).inventory


def test_a_disabled_host_takes_no_servers_and_can_be_emptied(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert [name for name, host in hosts(found).items() if not host.accepts] == [B2]
    assert "disabled" in hosts(found)[B2].labels
    assert "--evacuate @disabled" in told(found)

    def by_the_service(document: Document) -> None:
        hypervisor(B2, status="enabled")(document)
        document["/os-services"]["services"][3]["status"] = "enabled"
        document["/os-services"]["services"][1]["status"] = "disabled"

    assert [name for name, host in hosts(imported(tmp_path, by_the_service)).items() if not host.accepts] == [A2]


@pytest.mark.parametrize(
    "change",
    [
        hypervisor(A1, state="down"),
        lambda document: document["/os-services"]["services"][0].update(state="down"),
        lambda document: document["/os-services"]["services"][0].update(forced_down=True),
    ],
)
def test_servers_of_a_host_that_is_down_cannot_move_live(change: Callable[[Document], object], tmp_path: Path) -> None:
    found = imported(tmp_path, change)
    assert not hosts(found)[A1].accepts
    assert {name for name, vm in vms(found).items() if vm.host == A1 and not vm.pinned} == set()
    assert f"- 1 host that is down takes no servers: {A1}" in told(found)
    assert "(its host is down)" in told(found)


def test_bare_metal_is_left_out(tmp_path: Path) -> None:
    found = imported(tmp_path, hypervisor(B1, hypervisor_type="ironic"))
    assert B1 not in hosts(found)
    assert "- 3 servers on bare metal" in told(found)


def test_server_groups_become_rules(tmp_path: Path) -> None:
    found = imported(tmp_path)
    separate, together = found.inventory.rules
    assert {vms(found)[name].host for name in separate.members} == {A1, A2}
    assert (type(separate).__name__, type(together).__name__) == ("Separate", "Together")
    assert together.members == ("app-1", "app-2")
    assert "server groups whose policies need not be kept: db (soft-anti-affinity)" in told(found)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (group(0, rules={"max_server_per_host": 2}), "that allow several servers on a host (max_server_per_host): web"),
        (group(0, policy="soft-affinity"), "need not be kept: web (soft-affinity)"),
        (group(0, policy="legacy"), "server groups with other policies: web (legacy)"),
    ],
)
def test_groups_that_cannot_be_said_are_told(change: Callable[[Document], object], words: str, tmp_path: Path) -> None:
    found = imported(tmp_path, change)
    assert len(found.inventory.rules) == 1
    assert words in told(found)


def test_groups_of_old_answers_have_policies(tmp_path: Path) -> None:
    def older(document: Document) -> None:
        for one in document["/os-server-groups"]["server_groups"]:
            one["policies"] = [one.pop("policy")]
            del one["rules"]

    assert imported(tmp_path, older).inventory == imported(tmp_path).inventory


def test_zones_are_labels_and_required_where_servers_are_pinned_to_them(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert "zone-az-a" in hosts(found)[A1].labels
    assert vms(found)["db-1"].requires == ("zone-az-a",)
    assert vms(found)["db-2"].requires == ()

    def older(document: Document) -> None:
        for one in document["/servers/detail"]["servers"]:
            del one["pinned_availability_zone"]

    found = imported(tmp_path, older)
    assert vms(found)["db-2"].requires == ("zone-az-b",)
    assert "they stay in their availability zone" in told(found)


def test_aggregates_that_a_flavor_asks_for_are_required(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert vms(found)["scratch"].requires == ("ssd-true",)
    assert [name for name, host in hosts(found).items() if "ssd-true" in host.labels] == [A2, B1, B2]
    found = imported(tmp_path, specs("scratch", aggregate_instance_extra_specs__ssd="<in> true"))
    assert vms(found)["scratch"].requires == ()
    assert "extra specs with operators: aggregate_instance_extra_specs:ssd=<in> true" in told(found)


def test_traits_that_a_flavor_asks_for_or_forbids_are_required(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert vms(found)["hpc"].requires == ("HW_CPU_X86_AVX512F",)
    assert [name for name, host in hosts(found).items() if "HW_CPU_X86_AVX512F" in host.labels] == [A1, A2]
    found = imported(tmp_path, specs("db-2", trait__HW_CPU_X86_AVX512F="forbidden"))
    assert vms(found)["db-2"].requires == ("without-HW_CPU_X86_AVX512F",)
    assert [name for name, host in hosts(found).items() if "without-HW_CPU_X86_AVX512F" in host.labels] == [B1, B2]
    found = imported(tmp_path, without_placement)
    assert vms(found)["hpc"].requires == ()
    assert "which hosts have what flavors ask for (traits or aggregates): HW_CPU_X86_AVX512F" in told(found)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"pci_passthrough__alias": "gpu:2"}, "passed through; pinned: db-2 (pci_passthrough:alias=gpu:2), probe"),
        ({"resources__VGPU": "1"}, "have a virtual GPU; pinned: db-2 (resources:VGPU=1), render"),
        ({"resources1__VGPU": "1"}, "have a virtual GPU; pinned: db-2 (resources1:VGPU=1), render"),
        ({"hw__mem_encryption": "True"}, "pinned: db-2 (hw:mem_encryption=True)"),
        ({"hw__pmem": "6GB"}, "pinned: db-2 (hw:pmem=6GB)"),
        ({"hw__tpm_version": "2.0"}, "pinned: db-2 (hw:tpm_version=2.0)"),
    ],
)
def test_what_ties_a_server_to_its_host_pins_it_and_is_told(extra: dict[str, str], words: str, tmp_path: Path) -> None:
    found = imported(tmp_path, specs("db-2", **extra))
    assert vms(found)["db-2"].pinned
    assert words in told(found)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"hw__mem_page_size": "1GB"}, "db-2 (hw:mem_page_size=1GB)"),
        ({"hw__mem_page_size": "2048"}, "db-2 (hw:mem_page_size=2048)"),
        ({"hw__cpu_policy": "mixed"}, "db-2 (hw:cpu_policy=mixed)"),
    ],
)
def test_what_needs_care_at_the_target_is_told_and_pins_nobody(
    extra: dict[str, str], words: str, tmp_path: Path
) -> None:
    found = imported(tmp_path, specs("db-2", **extra))
    assert not vms(found)["db-2"].pinned
    assert words in told(found)


@pytest.mark.parametrize(
    "extra",
    [
        {"hw__mem_page_size": "small"},
        {"hw__cpu_policy": "shared"},
        {"resources__VGPU": "0"},
        {"hw__mem_encryption": "false"},
        {"hw__tpm_version": "2.0", "hw__tpm_secret_security": "host"},
        {"trait__HW_CPU_X86_AVX2": "preferred"},
    ],
)
def test_what_moves_along_hinders_nobody(extra: dict[str, str], tmp_path: Path) -> None:
    vm = vms(imported(tmp_path, specs("db-2", **extra)))["db-2"]
    assert (vm.pinned, vm.requires) == (False, ())
    assert "db-2" not in told(imported(tmp_path, specs("db-2", **extra)))


def test_dedicated_cpus_need_hosts_that_have_some(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert vms(found)["rt-1"].requires == ("dedicated-cpus",)
    assert [name for name, host in hosts(found).items() if "dedicated-cpus" in host.labels] == [A1, A2]


def test_ports_tell_of_sr_iov(tmp_path: Path) -> None:
    found = imported(tmp_path)
    assert vms(found)["vf"].pinned
    assert "virtual function of its host's NIC; pinned: vf (port of the kind direct)" in told(found)
    assert "(Neutron, /v2.0/ports)" in told(imported(tmp_path, lambda document: document.pop("/ports")))


def test_flavors_of_old_answers_are_looked_up(tmp_path: Path) -> None:
    def older(document: Document) -> None:
        ids = {one["name"]: one["id"] for one in document["/flavors/detail"]["flavors"]}
        for one in document["/servers/detail"]["servers"]:
            one["flavor"] = {"id": ids[one["flavor"]["original_name"]], "links": []}

    assert imported(tmp_path, older).inventory == imported(tmp_path).inventory

    def gone(document: Document) -> None:
        older(document)
        document["/flavors/detail"]["flavors"] = document["/flavors/detail"]["flavors"][2:]

    problems = refused(tmp_path, gone)
    assert any("vCPUs and memory of 5 servers are not known" in problem for problem in problems), problems
    assert any("is_public=None" in problem for problem in problems)


def test_extra_specs_that_nobody_tells_are_missing(tmp_path: Path) -> None:
    def hidden(document: Document) -> None:
        del document["/flavors/detail"]
        for one in document["/servers/detail"]["servers"]:
            del one["flavor"]["extra_specs"]

    assert "the extra specs of the flavors, and with them devices and pinned CPUs, of 12 servers" in told(
        imported(tmp_path, hidden)
    )


def test_nova_has_its_own_ways(tmp_path: Path) -> None:
    settings = imported(tmp_path).inventory.settings
    assert settings.approaches == (Approach.COLD, Approach.PRECOPY)
    assert (settings.max_outgoing, settings.downtime_limit) == (1, 0.5)


def test_lists_in_pages_are_put_together_and_missing_pages_told(tmp_path: Path) -> None:
    root = tmp_path / "answers"
    for path, data in sample().items():
        file = root / f"{path[1:]}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(data), "utf-8")
    servers = sample()["/servers/detail"]["servers"]
    more = [{"rel": "next", "href": "http://nova.example.org/v2.1/servers/detail?limit=6&marker=x"}]
    (root / "servers" / "detail.json").write_text(json.dumps({"servers": servers[:6], "servers_links": more}), "utf-8")

    def found() -> Imported:
        answers, problems = read_saved(str(root), "saved answers", "save them anew")
        return load(facts_of(read_cloud(answers, problems, str(root))), Wishes("cloud"))

    assert "the rest of the servers: more pages follow" in told(found())
    (root / "servers-2.json").write_text(json.dumps({"servers": servers[6:]}), "utf-8")
    assert "more pages follow" not in told(found())
    assert {vm.name: vm for vm in found().inventory.vms} == vms(imported(tmp_path))


def test_plain_lists_by_name_will_do(tmp_path: Path) -> None:
    def plain(document: Document) -> None:
        for path, key in (("/servers/detail", "servers"), ("/os-hypervisors/detail", "hypervisors")):
            document[key] = document.pop(path)[key]

    assert {vm.name for vm in imported(tmp_path, plain).inventory.vms} == set(vms(imported(tmp_path)))


def test_a_host_is_evacuated_by_what_was_imported(tmp_path: Path) -> None:
    inventory = imported(tmp_path).inventory
    found = plan(inventory, evacuate=[A1], deadline_s=1800)
    assert found.status == "optimal"
    to = {move.vm: move.target for move in found.moves}
    assert to["db-1"] == A2, "it stays in its zone"
    assert to["app-1"] == to["app-2"]
    assert plan(inventory, evacuate=[B1], deadline_s=1800).status == "infeasible", "render has a virtual GPU"


def test_the_command_writes_an_inventory_that_a_runbook_is_made_of(tmp_path: Path) -> None:
    inventory, answer = str(tmp_path / "inv.yaml"), str(tmp_path / "plan.json")
    run = CliRunner()
    result = run.invoke(main, ["import", "openstack", str(SAMPLE), "-o", inventory, "--shared-disks"])
    assert (result.exit_code, result.stdout) == (0, "")
    assert parse_inventory(Path(inventory).read_text("utf-8"), "inv.yaml").name == "openstack"
    assert run.invoke(main, ["plan", inventory, "-e", A1, "-d", "10 min", "-o", answer]).exit_code == 0
    result = run.invoke(main, ["runbook", answer])
    assert result.exit_code == 0
    assert f"`db-1` from `{A1}`" in result.stdout


def refused(folder: Path, change: Callable[[Document], object]) -> list[str]:
    with pytest.raises(InputError) as caught:
        imported(folder, change)
    return [str(problem) for problem in caught.value.problems]


def no_hosts_told(document: Document) -> None:
    for one in document["/servers/detail"]["servers"]:
        for key in [key for key in one if key.startswith("OS-EXT-SRV-ATTR")]:
            del one[key]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("/servers/detail"), "no answer with servers"),
        (lambda d: d.pop("/os-hypervisors/detail"), "no answer with hypervisors"),
        (lambda d: d["/os-hypervisors/detail"].update(hypervisors=[]), "no hypervisor with servers"),
        (lambda d: d["/os-hypervisors/detail"].update(hypervisors={}), "a list is expected here"),
        (no_hosts_told, "ask as an administrator"),
        (server("db-1", flavor={"vcpus": 10**9, "ram": 1}), "flavor.vcpus"),
        (server("db-1", flavor={"vcpus": 1, "ram": "8 GiB"}), "flavor.ram"),
        (server("db-1", flavor={"vcpus": 1, "ram": 2**50}), "flavor.ram"),
        (server("db-1", flavor={"vcpus": 1, "ram": 1, "disk": -1}), "flavor.disk"),
        (server("db-1", flavor=None), "flavor"),
        (lambda d: d["/servers/detail"]["servers"].append(d["/servers/detail"]["servers"][0]), "is there twice"),
        (hypervisor(A1, hypervisor_hostname=A2), f"the hypervisor {A2} is there twice"),
        (hypervisor(A1, memory_mb=2**50), "memory_mb"),
        (lambda d: placement("inventories")(d)["VCPU"].update(total=-1), "inventories.VCPU.total"),
        (lambda d: placement("inventories")(d)["VCPU"].update(allocation_ratio=1e9), "allocation_ratio"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: Callable[[Document], object], words: str, tmp_path: Path) -> None:
    problems = refused(tmp_path, change)
    assert len(problems) < 4
    assert any(words in problem for problem in problems), problems
    assert all("answers.json" in problem for problem in problems)
