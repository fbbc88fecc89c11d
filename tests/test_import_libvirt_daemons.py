"""Two real libvirt daemons with guests that write at known rates: asked, and from what virsh writes of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from planner import api
from planner.cli.main import main
from planner.inventory.load import parse_inventory
from planner.inventory.models import VM
from tests.lab.guest import Load, build, pages

PROGRAMS = ("libvirtd", "virsh", "qemu-system-x86_64", "gcc", "setpriv", "unshare")
NOBODY = "65534"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MIB = 2**20
MEMORY_MIB = 128
GUEST = """<domain type='qemu'>
  <name>{name}</name><memory unit='MiB'>{memory}</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>{image}</kernel><cmdline>{load}</cmdline></os>
  <devices><emulator>{emulator}</emulator>{more}<memballoon model='virtio'/></devices>
</domain>
"""
DISK = "<disk type='file'><driver name='qemu' type='raw'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>"


class Daemon:
    """A libvirt daemon of nobody's session, with a host name of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / name
        home, runtime = self.folder / "home", self.folder / "run"
        settings = home / ".config" / "libvirt"
        for one in (home, runtime, settings):
            one.mkdir(parents=True)
        (settings / "qemu.conf").write_text('stdio_handler = "file"\n', "utf-8")  # no log daemon that stays behind
        for one in (self.folder, home, runtime, settings.parent, settings):
            os.chown(one, int(NOBODY), int(NOBODY))
        start = (
            f"hostname {name}; exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
            f" env -i HOME={home} XDG_RUNTIME_DIR={runtime} PATH={PATH} libvirtd"
        )
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "-u", "sh", "-c", start], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.socket = runtime / "libvirt" / "libvirt-sock"
        self.uri = f"qemu+unix:///session?socket={self.socket}"

    def wait(self) -> bool:
        """Return whether it takes questions within half a minute."""
        until = time.monotonic() + 30
        while time.monotonic() < until and self._process.poll() is None:
            if self.socket.exists():
                return True
            time.sleep(0.1)
        return False

    def virsh(self, *words: str) -> str:
        """Run virsh on it."""
        command = ["virsh", "-q", "-c", self.uri, *words]
        environment = {"PATH": PATH, "LC_ALL": "C"}
        return subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=environment).stdout

    def start(self, name: str, image: Path, load: Load, more: str = "") -> None:
        """Start a guest."""
        text = GUEST.format(
            name=name,
            memory=MEMORY_MIB,
            image=image,
            load=load.command_line(),
            emulator=shutil.which("qemu-system-x86_64"),
            more=more,
        )
        path = self.folder / f"{name}.xml"
        path.write_text(text, "utf-8")
        self.virsh("create", str(path))

    def dump(self, folder: Path) -> None:
        """Write what the page on importers says."""
        folder.mkdir(parents=True)
        for what, file in (
            (("nodeinfo",), "nodeinfo.txt"),
            (("capabilities",), "capabilities.xml"),
            (("domcapabilities",), "domcapabilities.xml"),
            (("domstats", "--raw"), "domstats.txt"),
        ):
            (folder / file).write_text(self.virsh(*what), "utf-8")
        for vm in self.virsh("list", "--name").split():
            (folder / f"{vm}.xml").write_text(self.virsh("dumpxml", vm), "utf-8")

    def stop(self) -> None:
        """Stop its guests and itself."""
        if self.socket.exists() and self._process.poll() is None:
            for vm in self.virsh("list", "--name").split():
                self.virsh("destroy", vm)
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def daemons() -> Iterator[tuple[Daemon, Daemon]]:
    pytest.importorskip("libvirt", reason="libvirt-python is not installed (the extra libvirt)")
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        pytest.skip(f"no {', '.join(absent)}")
    if os.geteuid() != 0:
        pytest.skip("not root, whom host names of their own need")
    folder = Path(tempfile.mkdtemp(prefix="evac-libvirt-"))
    running: list[Daemon] = []
    try:
        folder.chmod(0o755)
        try:
            image = build(folder)
        except subprocess.CalledProcessError:
            pytest.skip("gcc does not build for 32-bit x86")
        disk = folder / "disk.raw"
        with disk.open("wb") as file:
            file.write(os.urandom(3 * MIB))
            file.truncate(64 * MIB)
        os.chown(disk, int(NOBODY), int(NOBODY))
        running = [Daemon(name, folder) for name in ("hv1", "hv2")]
        if not all([daemon.wait() for daemon in running]):
            pytest.skip("libvirtd does not run here")
        first, second = running
        try:
            first.start("wide", image, Load(write=4096), DISK.format(disk))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"libvirtd starts no guest here: {error.stderr.strip()[:200]}")
        first.start("narrow", image, Load(write=4096, write_set=1024))
        second.start("idle", image, Load())
        time.sleep(2)
        yield first, second
    finally:
        for daemon in running:
            daemon.stop()
        shutil.rmtree(folder)


def imported(*given: str) -> tuple[dict[str, VM], str]:
    result = CliRunner().invoke(main, ["import", "libvirt", *given])
    assert result.exit_code == 0, result.stderr
    return {vm.name: vm for vm in parse_inventory(result.stdout).vms}, result.stderr


def test_daemons_are_asked_and_dirty_rates_measured(daemons: tuple[Daemon, Daemon]) -> None:
    first, second = daemons
    vms, told = imported(first.uri, second.uri, "--measure-dirty-rate", "1", "--measure-dirty-rate", "3")
    assert {name: vm.host for name, vm in vms.items()} == {"wide": "hv1", "narrow": "hv1", "idle": "hv2"}
    assert all(vm.memory == MEMORY_MIB * MIB for vm in vms.values())
    assert 3 * MIB <= vms["wide"].disk < 64 * MIB, "what the sparse file holds"
    assert vms["wide"].dirty_vector is not None
    # 512 pages of each GiB are looked at, 64 here, so that figures scatter; a writer is told from one that rests.
    written = vms["wide"].dirty_vector[-1].dirtied
    assert 4 * MIB <= written <= pages(MEMORY_MIB) * 4096
    assert vms["narrow"].dirty_vector is None or vms["narrow"].dirty_vector[-1].dirtied < written
    assert vms["idle"].write_rate == 0
    assert "write rate of 0" in told


def test_files_of_virsh_say_the_same(daemons: tuple[Daemon, Daemon], tmp_path: Path) -> None:
    for daemon, name in zip(daemons, ("hv1", "hv2"), strict=True):
        daemon.dump(tmp_path / "dumps" / name)
    asked, _ = imported(*(daemon.uri for daemon in daemons))
    filed, _ = imported(str(tmp_path / "dumps"))
    changing = {"nonzero_memory"}
    assert {name: vm.model_dump(exclude=changing) for name, vm in asked.items()} == {
        name: vm.model_dump(exclude=changing) for name, vm in filed.items()
    }


def test_what_was_asked_can_be_planned(daemons: tuple[Daemon, Daemon], tmp_path: Path) -> None:
    target = tmp_path / "inv.yaml"
    uris = [daemon.uri for daemon in daemons]
    result = CliRunner().invoke(main, ["import", "libvirt", *uris, "--nic-speed", "1 Gbit/s", "-o", str(target)])
    assert result.exit_code == 0, result.stderr
    inventory = parse_inventory(target.read_text("utf-8"))
    roomy = inventory.model_copy(
        update={"hosts": tuple(host.model_copy(update={"cpus": 16}) for host in inventory.hosts)}
    )
    plan = api.plan(roomy, evacuate=["hv1"], deadline_s=300.0)
    assert {(move.vm, move.target) for move in plan.moves} == {("wide", "hv2"), ("narrow", "hv2")}
    assert api.verify(roomy, plan).ok
