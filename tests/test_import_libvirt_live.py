"""libvirt asked over its own connection: the driver that libvirt has for tests, and what is told where it refuses."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from planner.cli.main import main
from planner.errors import InputError
from planner.importers.facts import Hindrance
from planner.importers.libvirt import SharedStorage, facts_of
from planner.importers.libvirt_live import ask, check_uri, is_uri, without_secret
from planner.inventory.dirtying import DirtyPoint
from planner.inventory.load import parse_inventory

DOMAINS = """
  <domain type='test'>
    <name>{host}-web</name><memory unit='MiB'>2048</memory><vcpu>2</vcpu>
    <os><type>hvm</type></os>
    <devices>
      <disk type='file' device='disk'><source file='/mnt/nfs/web.img'/><target dev='vda' bus='virtio'/></disk>
      <disk type='file' device='cdrom'><source file='/iso/tools.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
    </devices>
  </domain>
  <domain type='test'>
    <name>{host}-gpu</name><memory unit='MiB'>4096</memory><vcpu>4</vcpu>
    <os><type>hvm</type></os>
    <devices>
      <hostdev mode='subsystem' type='pci' managed='yes'>
        <source><address domain='0x0000' bus='0x3b' slot='0x00' function='0x0'/></source>
      </hostdev>
    </devices>
  </domain>
"""
NODE = """<node>
  <cpu><mhz>2100</mhz><model>x86_64</model><active>32</active><nodes>2</nodes><sockets>1</sockets><cores>8</cores>
  <threads>2</threads></cpu><memory>134217728</memory>
{domains}
</node>
"""


@pytest.fixture
def node(tmp_path: Path) -> str:
    pytest.importorskip("libvirt", reason="libvirt-python is not installed (the extra libvirt)")
    path = tmp_path / "node.xml"
    path.write_text(NODE.format(domains=DOMAINS.format(host="hv1")), "utf-8")
    return f"test://{path}"


def quiet(_: str) -> None:
    """Say nothing."""


def test_the_test_driver_is_asked_for_its_domains(node: str, tmp_path: Path) -> None:
    target = tmp_path / "inv.yaml"
    result = CliRunner().invoke(
        main, ["import", "libvirt", node, "--shared-path", "/mnt/nfs", "--nic-speed", "25 Gbit/s", "-o", str(target)]
    )
    assert result.exit_code == 0, result.stderr
    inventory = parse_inventory(target.read_text("utf-8"))
    (host,) = inventory.hosts
    assert (host.cpus, host.memory) == (32, 128 * 2**30)
    assert {(vm.name, vm.vcpus, vm.memory, vm.pinned) for vm in inventory.vms} == {
        ("hv1-web", 2, 2 * 2**30, True),
        ("hv1-gpu", 4, 4 * 2**30, True),
    }
    assert "hv1-gpu (pci 0000:3b:00.0)" in result.stderr
    assert "hv1-web (sda /iso/tools.iso)" in result.stderr
    assert "its driver has none" in result.stderr


def test_the_driver_s_own_host_is_asked_as_well() -> None:
    pytest.importorskip("libvirt", reason="libvirt-python is not installed (the extra libvirt)")
    hosts, silent = ask(["test:///default"], (), unchecked=False, tell=quiet)
    found = facts_of(hosts, SharedStorage())
    assert [vm.name for vm in found.vms] == ["test"]
    assert found.vms[0].nonzero_bytes == 2 * 2**30, "the balloon leaves a quarter"
    assert silent


def test_a_driver_that_cannot_measure_is_told(node: str) -> None:
    told: list[str] = []
    _, silent = ask([node], [1], unchecked=False, tell=told.append)
    assert any("Measuring dirty rates for 1 s" in line for line in told)
    assert any("dirty rates of 2 of the VMs" in line for line in silent)


def test_one_host_twice_is_refused(node: str) -> None:
    with pytest.raises(InputError, match="is the same host"):
        ask([node, node], (), unchecked=False, tell=quiet)


def test_a_host_that_does_not_answer_is_one_report(tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="libvirt-python is not installed (the extra libvirt)")
    result = CliRunner().invoke(main, ["import", "libvirt", f"test://{tmp_path}/gone.xml"])
    assert result.exit_code == 2
    assert "the host does not answer" in result.stderr
    assert "Traceback" not in result.output


def test_what_libvirt_says_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(uri: str) -> None:
        raise FakeError(f"cannot connect to {uri}")

    fake = SimpleNamespace(open=refuse, libvirtError=FakeError, registerErrorHandler=lambda handler, context: None)
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    result = CliRunner().invoke(main, ["import", "libvirt", "qemu+tcp://root:hunter2@hv1/system"])
    assert result.exit_code == 2
    assert "cannot connect to qemu+tcp://root:" in result.stderr
    assert "hunter2" not in result.output


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    result = CliRunner().invoke(main, ["import", "libvirt", "qemu:///system"])
    assert result.exit_code == 2
    assert "pip install 'evac[libvirt]'" in " ".join(result.stderr.split())


class FakeError(Exception):
    """What the stand-in raises."""


class FakeDomain:
    """A domain that can be measured."""

    def __init__(self, xml: str) -> None:
        self.xml = xml
        self.asked_s: list[int] = []

    def name(self) -> str:
        """Return its name."""
        return "x"

    def XMLDesc(self) -> str:
        """Return its XML."""
        return self.xml

    def startDirtyRateCalc(self, seconds: int) -> None:
        """Begin to measure."""
        self.asked_s.append(seconds)


class FakeConnection:
    """A host with one domain, whose figure is there at the second look."""

    def __init__(self) -> None:
        self.domain = FakeDomain("<domain id='1'><name>x</name><memory>1048576</memory></domain>")
        self.looks = 0
        self.closed = False

    def getHostname(self) -> str:
        """Return the name."""
        return "hv9"

    def getInfo(self) -> list[Any]:
        """Return model, memory [MiB] and CPUs."""
        return ["x86_64", 2048, 4]

    def listAllDomains(self, flags: int = 0) -> list[FakeDomain]:
        """Return the domain."""
        return [self.domain]

    def domainListGetStats(self, domains: list[FakeDomain], kind: int) -> list[Any]:
        """Return how far the measuring is."""
        self.looks += 1
        return [(self.domain, {"dirtyrate.calc_status": 1 if self.looks % 2 else 2})]

    def getAllDomainStats(self) -> list[Any]:
        """Return the statistics."""
        seconds = self.domain.asked_s[-1] if self.domain.asked_s else 0
        values = {"state.state": 1, "balloon.current": 1048576, "dirtyrate.calc_status": 2 if seconds else 0}
        if seconds:
            values |= {"dirtyrate.calc_period": seconds, "dirtyrate.megabytes_per_second": 24 // seconds}
        return [(self.domain, values)]

    def close(self) -> None:
        """Close."""
        self.closed = True

    def __getattr__(self, name: str) -> Any:
        def refuse() -> None:
            raise FakeError(name)

        return refuse


def test_dirty_rates_are_measured_waited_for_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = FakeConnection()
    fake = SimpleNamespace(
        open=lambda uri: connection,
        libvirtError=FakeError,
        registerErrorHandler=lambda handler, context: None,
        VIR_CONNECT_LIST_DOMAINS_RUNNING=16,
        VIR_DOMAIN_STATS_DIRTYRATE=512,
    )
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    slept: list[float] = []
    monkeypatch.setattr("planner.importers.libvirt_live.time.sleep", slept.append)
    hosts, silent = ask(["qemu:///system"], [7, 2, 7], unchecked=False, tell=quiet)
    (vm,) = facts_of(hosts, SharedStorage()).vms
    assert vm.write_rate == 12 * 2**20
    assert vm.dirty_vector == (DirtyPoint(after=2.0, dirtied=24 * 2**20), DirtyPoint(after=7.0, dirtied=24 * 2**20))
    assert (connection.domain.asked_s, connection.looks) == ([2, 7], 4)
    assert [seconds for seconds in slept if seconds > 1] == [2, 7]
    assert connection.closed
    assert silent == []


def test_nothing_is_measured_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = FakeConnection()
    fake = SimpleNamespace(
        open=lambda uri: connection, libvirtError=FakeError, registerErrorHandler=lambda handler, context: None
    )
    monkeypatch.setitem(sys.modules, "libvirt", fake)
    ask(["qemu:///system"], (), unchecked=False, tell=quiet)
    assert connection.domain.asked_s == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("qemu+tls://root:secret@hv1/system?auth=secret", "qemu+tls://root@hv1/system"),
        ("qemu+ssh://hv1/system", "qemu+ssh://hv1/system"),
        ("qemu:///system", "qemu:///system"),
        ("x://[", "a URI"),
    ],
)
def test_uris_are_shown_without_secrets(given: str, shown: str) -> None:
    assert is_uri(given)
    assert without_secret(given) == shown


def test_paths_are_no_uris() -> None:
    assert not any(map(is_uri, ("dumps", "/var/dumps", "./a:b", "C:/dumps")))


def test_the_check_of_certificates_is_turned_off_in_words_only() -> None:
    with pytest.raises(InputError, match="--insecure-no-tls-check"):
        check_uri("qemu+tls://hv1/system?no_verify=1", unchecked=False)
    check_uri("qemu+tls://hv1/system?no_verify=1", unchecked=True)
    check_uri("qemu+tls://hv1/system?no_verify=0", unchecked=False)
    with pytest.raises(InputError, match="no URI"):
        check_uri("x://[", unchecked=False)


def test_a_hindrance_has_the_words_of_the_source(node: str) -> None:
    hosts, _ = ask([node], (), unchecked=False, tell=quiet)
    found = {vm.name: dict(vm.hindrances) for vm in facts_of(hosts, SharedStorage()).vms}
    assert found["hv1-gpu"][Hindrance.PASSTHROUGH] == "pci 0000:3b:00.0"
