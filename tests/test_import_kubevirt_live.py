"""A cluster that is asked: a stand-in that answers as Kubernetes does, over HTTP on this machine."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from planner.cli.main import main
from planner.importers.kubevirt import facts_of
from planner.importers.kubevirt_live import ask_cluster
from tests.kubevirt_support import DOCUMENT, SAMPLE, facts

TOKEN = "a-token-that-nobody-may-see"
PATHS = {
    "/api/v1/nodes": "Node",
    "/api/v1/namespaces": "Namespace",
    "/apis/kubevirt.io/v1/virtualmachineinstances": "VirtualMachineInstance",
    "/apis/kubevirt.io/v1/virtualmachines": "VirtualMachine",
    "/apis/kubevirt.io/v1/kubevirts": "KubeVirt",
    "/apis/migrations.kubevirt.io/v1alpha1/migrationpolicies": "MigrationPolicy",
}


class Server(ThreadingHTTPServer):
    """Answers with the objects of the sample; some paths may be forbidden."""

    forbidden: tuple[str, ...] = ()
    asked: list[tuple[str, str]]


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    server: Server

    def do_GET(self) -> None:
        """Answer with the objects of a kind, which do not name their kind, as the interface has it."""
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        kind = PATHS.get(self.path)
        if kind is None or kind in self.server.forbidden:
            self.send_response(403)
            self.end_headers()
            return
        items = [
            {key: value for key, value in one.items() if key not in ("kind", "apiVersion")}
            for one in DOCUMENT["items"]
            if one["kind"] == kind
        ]
        body = json.dumps({"kind": f"{kind}List", "apiVersion": "v1", "items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    pytest.importorskip("kubernetes", reason="the package kubernetes is not installed (the extra kubevirt)")
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        kubeconfig(tmp_path, monkeypatch, f"http://127.0.0.1:{running.server_port}")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def kubeconfig(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, **more: Any) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url, **more}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "prod",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_cluster_that_is_asked_gives_the_facts_of_its_files(server: Server) -> None:
    asked = facts_of(ask_cluster(None, unchecked=False), None)
    filed = facts(SAMPLE)
    assert asked == filed
    assert all(authorisation == f"Bearer {TOKEN}" for _, authorisation in server.asked)
    assert {path for path, _ in server.asked} == set(PATHS)


def test_what_may_not_be_read_is_as_if_it_were_not_there(server: Server) -> None:
    server.forbidden = ("KubeVirt", "MigrationPolicy", "Namespace")
    found = facts_of(ask_cluster("prod", unchecked=False), None)
    assert found.settings.max_outgoing == 2
    assert any("nothing is configured" in line for line in found.assumed)


def test_without_vmis_it_is_one_report_without_the_token(server: Server) -> None:
    server.forbidden = ("VirtualMachineInstance",)
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live"])
    assert result.exit_code == 2
    assert "HTTP status 403" in result.stderr
    assert TOKEN not in result.output


def test_the_command_writes_the_inventory_without_the_token(server: Server) -> None:
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live", "--context", "prod"])
    assert result.exit_code == 0
    assert "name: prod" in result.stdout
    assert TOKEN not in result.output


def test_a_cluster_that_does_not_answer_is_one_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kubernetes", reason="the package kubernetes is not installed (the extra kubevirt)")
    kubeconfig(tmp_path, monkeypatch, "http://127.0.0.1:9")
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live"])
    assert result.exit_code == 2
    assert "the cluster does not answer" in result.stderr
    assert TOKEN not in result.output


@pytest.mark.parametrize("text", ["", "[1]", "clusters: 7\n", "a: b: c", "current-context: gone\nclusters: []\n"])
def test_a_broken_kubeconfig_is_one_report(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kubernetes", reason="the package kubernetes is not installed (the extra kubevirt)")
    path = tmp_path / "kubeconfig"
    path.write_text(text, "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live"])
    assert result.exit_code == 2
    assert "kubeconfig cannot be used" in result.stderr
    assert "Traceback" not in result.output


def test_certificates_go_unchecked_in_words_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kubernetes", reason="the package kubernetes is not installed (the extra kubevirt)")
    kubeconfig(tmp_path, monkeypatch, "https://127.0.0.1:9", **{"insecure-skip-tls-verify": True})
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live"])
    assert result.exit_code == 2
    assert "--insecure-no-tls-check" in result.stderr
    told = CliRunner().invoke(main, ["import", "kubevirt", "--live", "--insecure-no-tls-check"])
    assert "the cluster does not answer" in told.stderr


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    result = CliRunner().invoke(main, ["import", "kubevirt", "--live"])
    assert result.exit_code == 2
    assert "pip install 'evac[kubevirt]'" in " ".join(result.stderr.split())
