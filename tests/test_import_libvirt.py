"""libvirt in files: what becomes of dumps, what hinders VMs, what is told, what is refused."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.errors import InputError
from planner.importers.facts import Facts, FoundVM, Hindrance
from planner.importers.libvirt import SharedStorage, facts_of
from planner.importers.libvirt_files import read_dumps
from planner.importers.loader import Wishes, load
from planner.inventory.dirtying import DirtyPoint
from planner.inventory.load import parse_inventory

SAMPLE = Path(__file__).resolve().parent.parent / "examples" / "imports" / "libvirt"
GIB = 2**30
MIB = 2**20
SHARED = SharedStorage(("/mnt/nfs/",))


def facts(*paths: Path | str, shared: SharedStorage = SHARED) -> Facts:
    hosts, ignored = read_dumps([str(path) for path in paths])
    return facts_of(hosts, shared, ignored)


def sample_vms() -> dict[str, FoundVM]:
    return {vm.name: vm for vm in facts(SAMPLE).vms}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "dumps"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def domain(inside: str = "", name: str = "x", head: str = "<memory unit='KiB'>1048576</memory>") -> str:
    return f"<domain type='kvm' id='1'><name>{name}</name>{head}<devices>{{}}</devices>{inside}</domain>"


def one(folder: Path, devices: str = "", inside: str = "", **more: str) -> FoundVM:
    (folder / "x.xml").write_text(domain(inside, **more).replace("{}", devices), "utf-8")
    (found,) = facts(folder).vms
    return found


def test_the_sample_is_imported_planned_and_its_runbook_printed(tmp_path: Path) -> None:
    target = tmp_path / "inv.yaml"
    runner = CliRunner()
    given = ["import", "libvirt", str(SAMPLE), "--shared-path", "/mnt/nfs", "-o", str(target)]
    result = runner.invoke(main, given)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "libvirt: found 3 hosts, 12 VMs, 1 switch, 3 links, 0 rules." in result.stderr
    assert "- 1 VM that is off" in result.stderr
    assert "libvirt has no figure for it" in result.stderr
    inventory = parse_inventory(target.read_text("utf-8"), "inv.yaml")
    plan = api.plan(inventory, evacuate=["hv2"], deadline_s=1800.0)
    assert {move.vm for move in plan.moves} == {"app-1", "build-1", "router-2", "web-2"}
    assert {move.vm: move.target for move in plan.moves}["app-1"] == "hv1", "the other host has another CPU"
    assert api.verify(inventory, plan).ok
    plan_file = tmp_path / "plan.json"
    planned = runner.invoke(
        main, ["plan", str(target), "--evacuate", "hv2", "--deadline", "30 min", "-o", str(plan_file)]
    )
    assert planned.exit_code == 0
    runbook = runner.invoke(main, ["runbook", str(plan_file)])
    assert runbook.exit_code == 0
    assert "build-1" in runbook.stdout


def test_sizes_rates_and_disks_have_their_units() -> None:
    found = sample_vms()
    web, build = found["web-1"], found["build-1"]
    assert (web.vcpus, web.memory_bytes, web.disk_bytes) == (4, 8 * GIB, 0)
    assert web.write_rate == 37 * MIB
    assert web.dirty_vector == (DirtyPoint(after=10.0, dirtied=370 * MIB),)
    assert web.nonzero_bytes == int(6.1 * MIB) * 1024
    assert build.disk_bytes == 21478375424, "what the file holds, not the nominal size"
    assert found["db-1"].nonzero_bytes is None, "huge pages do not count as resident"
    assert found["router-2"].write_rate is None, "not measured"
    assert all(vm.read_rate is None for vm in found.values()), "nothing tells it"
    hosts = {host.name: host for host in facts(SAMPLE).hosts}
    assert (hosts["hv1"].cpus, hosts["hv1"].memory_bytes) == (32, 131848220 * 1024)


@pytest.mark.parametrize(
    ("allocation", "physical", "capacity", "size"),
    [(0, 5, 100, 5), (7, 5, 100, 7), (0, 130, 100, 100), (0, 0, 100, 100), (0, 0, 0, 0), (3, 0, 0, 3)],
)
def test_what_is_copied_of_a_disk(allocation: int, physical: int, capacity: int, size: int, tmp_path: Path) -> None:
    (tmp_path / "stats.txt").write_text(
        f"Domain: 'x'\n  block.count=1\n  block.0.name=vda\n  block.0.allocation={allocation}\n"
        f"  block.0.physical={physical}\n  block.0.capacity={capacity}\n",
        "utf-8",
    )
    vm = one(tmp_path, "<disk type='file'><source file='/a'/><target dev='vda'/></disk>")
    assert vm.disk_bytes == size


def test_backing_files_are_copied_as_well(tmp_path: Path) -> None:
    (tmp_path / "stats.txt").write_text(
        "Domain: 'x'\n  block.count=2\n  block.0.name=vda\n  block.0.backingIndex=1\n  block.0.physical=5\n"
        "  block.1.name=vda\n  block.1.backingIndex=2\n  block.1.physical=30\n",
        "utf-8",
    )
    assert one(tmp_path, "<disk type='file'><source file='/a'/><target dev='vda'/></disk>").disk_bytes == 35


def test_paused_vms_count_and_vms_that_are_off_do_not() -> None:
    found = sample_vms()
    assert "cache-1" in found, "paused"
    assert "old-1" not in found


def test_what_hinders_the_vms_of_the_sample() -> None:
    found = {name: {kind for kind, _ in vm.hindrances} for name, vm in sample_vms().items()}
    assert found == {
        "web-1": set(),
        "db-1": {Hindrance.HUGEPAGES, Hindrance.PINNED_CPUS},
        "gpu-1": {Hindrance.PASSTHROUGH, Hindrance.HOST_CPU},
        "desk-1": {Hindrance.VGPU},
        "install-1": {Hindrance.LOCAL_MEDIUM},
        "router-1": {Hindrance.SRIOV},
        "web-2": set(),
        "app-1": {Hindrance.HOST_CPU},
        "build-1": {Hindrance.LOCAL_DISK},
        "router-2": set(),
        "web-3": set(),
        "cache-1": set(),
    }
    assert ("pci 0000:3b:00.0") in dict(sample_vms()["gpu-1"].hindrances)[Hindrance.PASSTHROUGH]


def test_cpus_machine_types_and_huge_pages_become_labels() -> None:
    found = facts(SAMPLE)
    labels = {host.name: set(host.labels) for host in found.hosts}
    needs = {vm.name: set(vm.requires) for vm in found.vms}
    assert needs["app-1"] == {"cpu-is:Skylake-Server-IBRS"}
    assert needs["cache-1"] == {"cpu:Cascadelake-Server", "machine:pc-q35-9.2"}
    assert needs["db-1"] == {"hugepages:2048KiB"}
    assert needs["web-1"] == set(), "all three hosts can be a Skylake"
    assert labels["hv1"] == labels["hv2"] == {"cpu-is:Skylake-Server-IBRS", "hugepages:2048KiB"}
    assert labels["hv3"] == {"cpu:Cascadelake-Server", "machine:pc-q35-9.2"}


def test_a_host_cpu_needs_the_same_features(copy: Path) -> None:
    edit(copy / "hv1" / "capabilities.xml", "<feature name='pdcm'/>", "")
    labels = {host.name: host.labels for host in facts(copy).hosts}
    assert "cpu-is:Skylake-Server-IBRS" in labels["hv1"]
    assert "cpu-is:Skylake-Server-IBRS-2" in labels["hv2"], "app-1 has to stay where the feature is"
    assert "cpu-is:Skylake-Server-IBRS-2" not in labels["hv1"]


def test_without_capabilities_cpus_are_told_as_unknown(copy: Path) -> None:
    for path in (*copy.rglob("capabilities.xml"), *copy.rglob("domcapabilities.xml")):
        path.unlink()
    found = facts(copy)
    assert all(vm.requires == () for vm in found.vms)
    assert any("CPU models of 3 hosts: hv1, hv2, hv3" in line for line in found.missing)


@pytest.mark.parametrize(
    ("devices", "kind", "words"),
    [
        (
            "<hostdev type='usb'><source><vendor id='0x046d'/><product id='0xc52b'/></source></hostdev>",
            Hindrance.PASSTHROUGH,
            "usb 046d:c52b",
        ),
        ("<hostdev mode='subsystem' type='scsi'/>", Hindrance.PASSTHROUGH, "scsi"),
        ("<hostdev type='mdev'><source><address uuid='a-b'/></source></hostdev>", Hindrance.VGPU, "a-b"),
        ("<interface type='network'><actual type='hostdev'/></interface>", Hindrance.SRIOV, ""),
        ("<tpm><backend type='passthrough'/></tpm>", Hindrance.PASSTHROUGH, "TPM"),
        ("<filesystem type='mount'><source dir='/srv/x'/></filesystem>", Hindrance.PASSTHROUGH, "directory /srv/x"),
        ("<serial type='dev'><source path='/dev/ttyS0'/></serial>", Hindrance.PASSTHROUGH, "serial port /dev/ttyS0"),
        ("<disk type='nvme'><source/><target dev='vda'/></disk>", Hindrance.PASSTHROUGH, "nvme disk"),
        (
            "<disk device='floppy' type='file'><source file='/a.img'/><target dev='fda'/></disk>",
            Hindrance.LOCAL_MEDIUM,
            "fda /a.img",
        ),
        (
            "<disk type='block'><source dev='/dev/vg/x'/><target dev='vda'/></disk>",
            Hindrance.LOCAL_DISK,
            "vda /dev/vg/x",
        ),
    ],
)
def test_each_device_hinders_in_its_way(devices: str, kind: Hindrance, words: str, tmp_path: Path) -> None:
    assert one(tmp_path, devices).hindrances == ((kind, words),)


@pytest.mark.parametrize(
    ("inside", "kind", "words"),
    [
        ("<launchSecurity type='sev'/>", Hindrance.FORBIDDEN, "launch security sev"),
        ("<vcpu cpuset='0-3'>2</vcpu>", Hindrance.PINNED_CPUS, "CPUs 0-3"),
        ("<numatune><memory nodeset='1'/></numatune>", Hindrance.PINNED_CPUS, "NUMA nodes 1"),
        ("<memoryBacking><hugepages/></memoryBacking>", Hindrance.HUGEPAGES, ""),
        ("<cpu mode='host-model'/>", Hindrance.HOST_CPU, "host-model"),
        ("<cpu mode='maximum'/>", Hindrance.HOST_CPU, "maximum"),
    ],
)
def test_each_setting_hinders_in_its_way(inside: str, kind: Hindrance, words: str, tmp_path: Path) -> None:
    assert one(tmp_path, inside=inside).hindrances == ((kind, words),)


@pytest.mark.parametrize(
    "devices",
    [
        "<disk type='network'><source protocol='rbd' name='a/b'/><target dev='vda'/></disk>",
        "<disk type='file'><source file='/mnt/nfs/a'/><target dev='vda'/></disk>",
        "<disk type='file'><source file='/b'/><shareable/><target dev='vda'/></disk>",
        "<disk type='block'><source dev='/dev/mapper/mpatha'/><target dev='vda'/></disk>",
        "<disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>",
        "<interface type='hostdev'><teaming type='transient' persistent='ua-1'/></interface>",
    ],
)
def test_shared_disks_and_what_libvirt_unplugs_hinder_nothing(devices: str, tmp_path: Path) -> None:
    assert one(tmp_path, devices).hindrances == ()


def test_pools_tell_whether_their_volumes_are_shared(tmp_path: Path) -> None:
    volume = "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>"
    in_path = "<disk type='file'><source file='/pool/v'/><target dev='vda'/></disk>"
    assert one(tmp_path, volume).hindrances == ()
    assert any("these storage pools" in line and "p" in line for line in facts(tmp_path).missing)
    for kind, local in (("netfs", False), ("dir", True)):
        pool = f"<pool type='{kind}'><name>p</name><target><path>/pool</path></target></pool>"
        (tmp_path / "pool.xml").write_text(pool, "utf-8")
        for devices in (volume, in_path):
            assert bool(one(tmp_path, devices).hindrances) is local


def test_a_local_disk_of_unknown_size_is_told(tmp_path: Path) -> None:
    one(tmp_path, "<disk type='file'><source file='/a'/><target dev='vda'/></disk>")
    assert any("sizes of local disks of 1 VM" in line for line in facts(tmp_path).missing)


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        ("<memory>1024</memory>", MIB),
        ("<memory unit='MiB'>3</memory>", 3 * MIB),
        ("<memory unit='GB'>2</memory>", 2 * 10**9),
        ("<memory unit='bytes'>4096</memory>", 4096),
        ("<memory unit='T'>1</memory>", 2**40),
    ],
)
def test_memory_is_in_the_unit_that_stands_there(memory: str, size: int, tmp_path: Path) -> None:
    assert one(tmp_path, head=memory).memory_bytes == size


def test_vcpus_are_those_that_are_on(tmp_path: Path) -> None:
    assert one(tmp_path, inside="<vcpu current='2'>8</vcpu>").vcpus == 2


def dirty(folder: Path, name: str, *rates: tuple[int, int]) -> None:
    """Write statistics of x with a dirty rate [MiB/s] over a time [s], a file for each."""
    for number, (period_s, rate) in enumerate(rates):
        (folder / f"{name}{number}.txt").write_text(
            f"Domain: 'x'\n  dirtyrate.calc_status=2\n  dirtyrate.calc_period={period_s}\n"
            f"  dirtyrate.megabytes_per_second={rate}\n",
            "utf-8",
        )


def test_rates_of_several_lengths_make_a_vector_that_never_falls(tmp_path: Path) -> None:
    dirty(tmp_path, "stats", (10, 7), (1, 60), (60, 1), (30, 400))
    vm = one(tmp_path)
    assert vm.write_rate == 60 * MIB, "of the shortest"
    assert vm.dirty_vector is not None
    assert [(point.after, point.dirtied // MIB) for point in vm.dirty_vector] == [
        (1.0, 60),
        (10.0, 70),
        (30.0, 1024),
        (60.0, 1024),
    ]


def test_a_rate_of_zero_is_doubtful_and_no_vector(tmp_path: Path) -> None:
    dirty(tmp_path, "stats", (10, 0))
    assert (one(tmp_path).write_rate, one(tmp_path).dirty_vector) == (0.0, None)
    assert load(facts(tmp_path), Wishes("x")).doubtful


def test_the_balloon_bounds_what_is_sent(tmp_path: Path) -> None:
    assert one(tmp_path, inside="<currentMemory unit='KiB'>524288</currentMemory>").nonzero_bytes == GIB // 2


def test_a_status_file_of_libvirtd_is_read_as_well(tmp_path: Path) -> None:
    text = f"<domstatus state='running' pid='7'>{domain().replace('{}', '')}</domstatus>"
    (tmp_path / "x.xml").write_text(text, "utf-8")
    assert [vm.name for vm in facts(tmp_path).vms] == ["x"]


def test_a_vm_that_is_on_two_hosts_counts_once(copy: Path) -> None:
    shutil.copy(copy / "hv1" / "web-1.xml", copy / "hv2" / "web-1.xml")
    found = facts(copy)
    assert [vm.host for vm in found.vms if vm.name == "web-1"] == ["hv1"]
    assert any("run on two hosts" in line and "web-1" in line for line in found.dropped)


def test_files_of_other_kinds_are_told(copy: Path) -> None:
    (copy / "hv1" / "notes.txt").write_text("call the night shift\n", "utf-8")
    assert any("notes.txt" in line for line in facts(copy).dropped)


def test_an_update_keeps_what_was_edited(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "inv.yaml"
    runner = CliRunner()
    given = ["import", "libvirt", str(copy), "--shared-path", "/mnt/nfs"]
    assert runner.invoke(main, [*given, "-o", str(target)]).exit_code == 0
    edit(target, "{name: web-1, ", "{name: web-1, weight: 7, ")
    edit(target, "dirty_vector: [{after: 10 s, dirtied: 350 MiB}]", "working_set: 1 GiB")
    edit(copy / "hv1" / "domstats.txt", "dirtyrate.megabytes_per_second=37", "dirtyrate.megabytes_per_second=55")
    edit(copy / "hv1" / "web-1.xml", ">8388608<", ">16777216<")
    assert runner.invoke(main, [*given, "--update", str(target)]).exit_code == 0
    found = {vm.name: vm for vm in parse_inventory(target.read_text("utf-8")).vms}
    vm = found["web-1"]
    assert (vm.weight, vm.memory) == (7.0, 16 * GIB)
    assert vm.dirty_vector == (DirtyPoint(after=10.0, dirtied=550 * MIB),)
    assert (found["web-3"].working_set, found["web-3"].dirty_vector) == (GIB, None), "the operator knows better"
    again = runner.invoke(main, [*given, "--update", str(target)])
    assert "Nothing has changed." in again.stderr


BOMB = "<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;&b;'>]><domain><name>&c;</name></domain>"
EXTERNAL = "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><domain><name>&b;</name></domain>"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.xml", BOMB, "declares a document type or entities"),
        ("x.xml", EXTERNAL, "declares a document type or entities"),
        ("x.xml", domain()[:60], "x.xml:1 this is no XML"),
        ("x.xml", "<a>" * 50, "nesting deeper than 40 levels"),
        ("x.xml", "<a>" * 100_000 + "</a>" * 100_000, "nesting deeper than 40 levels"),
        ("x.xml", "<html/>", "<html> is no document of libvirt"),
        ("x.xml", "<domain id='1'><memory>1</memory></domain>", "the domain has no name"),
        ("x.xml", "<domain id='1'><name>x</name></domain>", "<domain> has no <memory>"),
        ("x.xml", domain(head="<memory unit='parsec'>1</memory>"), "x.xml:1: memory 'parsec' is no unit"),
        ("x.xml", domain(head="<memory>-5</memory>"), "'-5' is no whole number"),
        ("x.xml", domain(head="<memory>0</memory>"), "'0' is no whole number from 1"),
        ("x.xml", domain(head=f"<memory>{'9' * 4000}</memory>"), "is no whole number"),
        ("x.xml", domain(head="<memory unit='PiB'>1000000</memory>"), "more than any host has"),
        ("x.xml", domain("<vcpu>99999999999</vcpu>"), "vcpu '99999999999' is no whole number"),
        ("x.xml", domain("<vcpu>٣</vcpu>"), "is no whole number"),
        ("x.xml", "<domain>\0</domain>", "binary"),
        ("s.txt", "Domain: 'x'\n  state.state=1\nDomain: 'x'\n", "s.txt:3 the domain x comes twice"),
        ("s.txt", "Domain: 'x'\n  state.state\n", "s.txt:2 'state.state' is no line of domain statistics"),
        ("n.txt", "CPU model: x\nCPU(s): many\nMemory size: 1 KiB\n", "n.txt:2 CPU(s) is 'many'"),
        ("n.txt", "CPU model: x\nCPU(s): 4\nMemory size: 1 GiB\n", "n.txt:3 Memory size is '1 GiB'"),
        ("n.txt", "CPU model: x\nCPU(s): 4\n", "CPU(s) or Memory size is missing"),
        ("n.txt", "hello", "there is no dump of a libvirt host"),
    ],
)
def test_what_is_wrong_gives_one_report_with_place_and_exit_code_2(
    name: str, text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text.replace("{}", ""), "utf-8")
    result = CliRunner().invoke(main, ["import", "libvirt", str(tmp_path)])
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split()), result.stderr
    assert "Traceback" not in result.output
    assert "Problems" not in result.stdout


def test_absurd_statistics_are_refused_with_their_file(copy: Path) -> None:
    edit(copy / "hv1" / "domstats.txt", "dirtyrate.megabytes_per_second=37", "dirtyrate.megabytes_per_second=1e9")
    with pytest.raises(InputError, match=r"domstats.txt.*megabytes_per_second of web-1 is '1e9'"):
        facts(copy)


def test_one_domain_twice_on_a_host_is_refused(copy: Path) -> None:
    shutil.copy(copy / "hv1" / "web-1.xml", copy / "hv1" / "web-1-older.xml")
    with pytest.raises(InputError, match="the domain web-1 is twice on hv1"):
        facts(copy)


def test_two_directories_of_one_name_are_refused(copy: Path, tmp_path: Path) -> None:
    other = shutil.copytree(copy / "hv1", tmp_path / "other" / "hv1")
    with pytest.raises(InputError, match="is a host of the same name, hv1"):
        facts(copy, other)


def test_all_problems_are_told_at_once(copy: Path) -> None:
    edit(copy / "hv1" / "web-1.xml", ">8388608<", ">much<")
    edit(copy / "hv2" / "web-2.xml", "</domain>", "")
    with pytest.raises(InputError) as caught:
        facts(copy)
    assert len(caught.value.problems) == 2
    places = {(Path(str(problem.place.file)).name, problem.place.line) for problem in caught.value.problems}
    assert ("web-1.xml", 4) in places


def test_missing_directories_and_pipes_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        facts(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no dump of a libvirt host"):
        facts(tmp_path / "empty")


def mutated(text: str, rng: random.Random) -> str:
    where, kind = rng.randrange(len(text)), rng.randrange(3)
    piece = rng.choice(["9", "-", "<", ">", "'", "&", "&x;", "1e400", "=", "0", "\x01", "\ud7ff", "</domain>"])
    return text[:where] + piece * (kind < 2) + text[where + (kind > 0) * rng.randrange(1, 9) :]


def test_mutated_dumps_become_an_inventory_or_one_report(copy: Path) -> None:
    rng = random.Random(6)
    files = [path for path in sorted((copy / "hv1").iterdir())]
    texts = {path: path.read_text("utf-8") for path in files}
    made = 0
    for _ in range(400):
        path = rng.choice(files)
        path.write_text(mutated(texts[path], rng), "utf-8")
        try:
            load(facts(copy / "hv1"), Wishes("rack"))
            made += 1
        except InputError:
            pass
        path.write_text(texts[path], "utf-8")
    assert 0 < made < 400


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["qemu:///system", "dumps"], "URIs and files do not go together"),
        (["dumps", "--measure-dirty-rate", "5"], "needs hosts to ask"),
        (["qemu:///system", "--measure-dirty-rate", "600"], "600"),
        (["qemu+tls://hv1/system?no_verify=1"], "no_verify turns the check of certificates off"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["import", "libvirt", *given])
    assert result.exit_code == 2
    assert words in result.stderr.replace("\n", " ")


def test_a_password_in_a_uri_is_never_shown() -> None:
    result = CliRunner().invoke(main, ["import", "libvirt", "qemu+tls://root:hunter2@hv1/system?no_verify=1&x=hunter2"])
    assert result.exit_code == 2
    assert "root@hv1" in result.stderr
    assert "hunter2" not in result.output


def test_an_update_renews_the_labels_that_come_from_here(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "inv.yaml"
    runner = CliRunner()
    given = ["import", "libvirt", str(copy), "--shared-path", "/mnt/nfs"]
    assert runner.invoke(main, [*given, "-o", str(target)]).exit_code == 0
    edit(target, 'labels: ["hugepages:2048KiB", ', 'labels: [ssd, "hugepages:2048KiB", ')
    edit(copy / "hv2" / "capabilities.xml", "<pages unit='KiB' size='2048'>10240</pages>", "")
    assert runner.invoke(main, [*given, "--update", str(target)]).exit_code == 0
    labels = {host.name: set(host.labels) for host in parse_inventory(target.read_text("utf-8")).hosts}
    assert {"ssd", "hugepages:2048KiB"} <= labels["hv1"]
    assert "ssd" in labels["hv2"]
    assert "hugepages:2048KiB" not in labels["hv2"]
