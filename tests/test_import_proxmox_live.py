"""Proxmox VE live: a server that answers as a cluster does, over TLS; what is asked, believed and told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from planner.cli.main import main
from tests.import_servers import self_signed, serve

# proxmoxer silences the warning of --insecure-no-tls-check where it is imported, before pytest makes it an error.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")

SAMPLE: dict[str, Any] = json.loads(Path("examples/imports/proxmox.json").read_text("utf-8"))
SECRET = "3f1c0000-dead-beef-0000-000000000001"


class Cluster:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.instead: dict[str, tuple[int, Any]] = {}
        self.port = 0

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        path, _, query = path.removeprefix("/api2/json").partition("?")
        self.asked.append((method, f"{path}?{query}" if query else path))
        if headers.get("Authorization") != f"PVEAPIToken=planner@pve!evac={SECRET}":
            return 401, {"data": None}, {}
        if path in self.instead:
            return (*self.instead[path], {})
        if path not in SAMPLE:
            return 500, {"data": None, "message": "ha groups have been migrated to rules\n"}, {}
        return 200, {"data": SAMPLE[path]}, {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def cluster(certificate: Path) -> Iterator[Cluster]:
    found = Cluster()
    with serve(found.answer, certificate) as port:
        found.port = port
        yield found


def ask(cluster: Cluster, *more: str, **environment: str) -> Result:
    variables = {"PROXMOX_TOKEN_ID": "evac", "PROXMOX_TOKEN_SECRET": SECRET, **environment}
    arguments = ["import", "proxmox", "--host", f"127.0.0.1:{cluster.port}", "--user", "planner@pve", *more]
    result = CliRunner().invoke(main, arguments, env=variables)
    assert SECRET not in result.output
    assert "Traceback" not in result.output
    return result


def test_what_is_asked_live_is_what_was_saved(cluster: Cluster, certificate: Path) -> None:
    result = ask(cluster, "--name", "proxmox", REQUESTS_CA_BUNDLE=str(certificate))
    assert result.exit_code == 0, result.output
    saved = CliRunner().invoke(main, ["import", "proxmox", "examples/imports/proxmox.json"])
    assert result.stdout == saved.stdout
    assert {method for method, _ in cluster.asked} == {"GET"}, "nothing is changed there"
    assert ("GET", "/nodes/pve1/qemu/101/config?current=1") in cluster.asked
    assert not any("/qemu/112/" in path for _, path in cluster.asked), "it is off"


def test_a_token_may_name_its_user(cluster: Cluster) -> None:
    variables = {"PROXMOX_TOKEN_ID": "planner@pve!evac", "PROXMOX_TOKEN_SECRET": SECRET, "PROXMOX_USER": ""}
    arguments = ["import", "proxmox", "--host", f"127.0.0.1:{cluster.port}", "--insecure-no-tls-check"]
    assert CliRunner().invoke(main, arguments, env=variables).exit_code == 0


def test_a_certificate_that_is_not_trusted_is_refused(cluster: Cluster) -> None:
    result = ask(cluster)
    assert result.exit_code == 2
    assert "its TLS certificate is not trusted here" in result.stderr
    assert cluster.asked == []
    assert ask(cluster, "--insecure-no-tls-check").exit_code == 0


def test_a_wrong_secret_is_told_and_not_repeated(cluster: Cluster) -> None:
    result = ask(cluster, "--insecure-no-tls-check", PROXMOX_TOKEN_SECRET="wrong-0815")
    assert result.exit_code == 2
    assert "401" in result.stderr
    assert "wrong-0815" not in result.output


def test_a_wrong_password_is_told_and_not_repeated(cluster: Cluster) -> None:
    result = ask(
        cluster, "--insecure-no-tls-check", PROXMOX_TOKEN_ID="", PROXMOX_TOKEN_SECRET="", PROXMOX_PASSWORD="tops3cret"
    )
    assert result.exit_code == 2
    assert "does not let planner@pve in" in result.stderr
    assert "tops3cret" not in result.output
    assert cluster.asked == [("POST", "/access/ticket")]


def test_what_may_be_refused_is_done_without(cluster: Cluster) -> None:
    for path in ("/cluster/options", "/storage", "/nodes/pve3/status", "/nodes/pve1/qemu/105/config"):
        cluster.instead[path] = (403, {"data": None})
    result = ask(cluster, "--insecure-no-tls-check")
    assert result.exit_code == 0
    assert "nothing is known of disks, devices and CPU type, of 1 VM: build-1" in result.stderr
    assert "the limits and the network of migrations (/cluster/options)" in result.stderr


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((403, {"data": None}), "refuses an answer: 403"),
        ((200, "<html>not a cluster</html>"), "a list is expected here"),
        ((200, {"data": 7}), "a list is expected here"),
        ((200, {"data": [{"type": "node", "node": "a", "maxmem": "x"}]}), "maxmem"),
    ],
)
def test_what_the_cluster_answers_wrongly_is_one_report(cluster: Cluster, reply: tuple[int, Any], words: str) -> None:
    cluster.instead["/cluster/resources"] = reply
    result = ask(cluster, "--insecure-no-tls-check")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_host_that_does_not_answer_is_told() -> None:
    dead = Cluster()
    dead.port = 1
    result = ask(dead)
    assert result.exit_code == 2
    assert "it cannot be reached" in result.stderr


def test_without_the_extra_the_command_for_it_is_told(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "proxmoxer", None)
    result = ask(cluster)
    assert result.exit_code == 2
    assert "pip install 'evac[proxmox]'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name the saved answers, or a node to ask"),
        (["--host", "pve1"], "Say who asks"),
        (["--host", "pve1", "--user", "planner@pve"], "PROXMOX_TOKEN_SECRET"),
    ],
)
def test_what_is_needed_is_asked_for(arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "USER", "TOKEN_ID", "TOKEN_SECRET", "PASSWORD"):
        monkeypatch.delenv(f"PROXMOX_{name}", raising=False)
    result = CliRunner().invoke(main, ["import", "proxmox", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr
