"""OpenStack live: a server that answers as Keystone, Nova, Placement and Neutron do; what is asked, believed, told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner, Result

from planner.cli.main import main
from tests.import_servers import self_signed, serve

SAMPLE: dict[str, Any] = json.loads(Path("examples/imports/openstack.json").read_text("utf-8"))
SECRET = "c0rrect-horse"
PAGE = 5
Reply = tuple[int, Any, dict[str, str]]


class Cloud:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.instead: dict[str, tuple[int, Any]] = {}
        self.port = 0
        self.scheme = "http"
        self.services: tuple[str, ...] = ("compute", "placement", "network", "identity")

    @property
    def root(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        path, _, query = path.partition("?")
        if path.rstrip("/") == "/identity/v3/auth/tokens":
            return self.token(body)
        self.asked.append((method, path, headers.get("OpenStack-API-Version", "")))
        service = path.split("/")[1]
        inner = path.removeprefix(f"/{service}").removeprefix("/v2.1").removeprefix("/v2.0").removeprefix("/v3")
        if inner in ("", "/"):
            return self.discovery(service)
        if headers.get("X-Auth-Token") != "a-token":
            return 401, {}, {}
        if inner in self.instead:
            return (*self.instead[inner], {})
        if inner not in SAMPLE:
            return 404, {}, {}
        return 200, self.page(inner, SAMPLE[inner], parse_qs(query)), {}

    def page(self, path: str, data: Any, query: Mapping[str, list[str]]) -> Any:
        """Return a page of servers, or two of the server groups; all else comes whole."""
        if path == "/os-server-groups":
            first = int(query.get("offset", ["0"])[0])
            return {"server_groups": data["server_groups"][first : first + 2]}
        if path != "/servers/detail":
            return data
        servers = data["servers"]
        marker = query.get("marker", [""])[0]
        first = next((n + 1 for n, one in enumerate(servers) if one["id"] == marker), 0)
        links = (
            [{"rel": "next", "href": f"{self.root}/compute/v2.1{path}?marker=x"}] if first + PAGE < len(servers) else []
        )
        return {"servers": servers[first : first + PAGE], **({"servers_links": links} if links else {})}

    def token(self, body: bytes) -> Reply:
        if json.loads(body)["auth"]["identity"]["password"]["user"]["password"] != SECRET:
            return 401, {"error": {"code": 401, "message": "no", "title": "Unauthorized"}}, {}
        ends = {
            "compute": "/compute/v2.1",
            "placement": "/placement",
            "network": "/network",
            "identity": "/identity/v3",
        }
        catalog = [
            {
                "type": kind,
                "name": kind,
                "id": kind,
                "endpoints": [
                    {
                        "id": kind,
                        "interface": "public",
                        "region": "r",
                        "region_id": "r",
                        "url": self.root + ends[kind],
                    }
                ],
            }
            for kind in self.services
        ]
        token = {
            "methods": ["password"],
            "user": {"id": "u", "name": "planner", "domain": {"id": "default", "name": "Default"}},
            "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
            "roles": [{"id": "r", "name": "admin"}],
            "issued_at": "2026-11-02T10:00:00.000000Z",
            "expires_at": "2099-11-02T10:00:00.000000Z",
            "catalog": catalog,
        }
        return 201, {"token": token}, {"X-Subject-Token": "a-token"}

    def discovery(self, service: str) -> Reply:
        versions = {
            "compute": ("v2.1", "/compute/v2.1/", {"version": "2.96", "min_version": "2.1"}),
            "placement": ("v1.0", "/placement", {"max_version": "1.39", "min_version": "1.0"}),
            "network": ("v2.0", "/network/v2.0/", {}),
            "identity": ("v3.14", "/identity/v3/", {}),
        }
        name, path, more = versions[service]
        links = [{"rel": "self", "href": self.root + path}]
        version = {"id": name, "status": "stable" if service == "identity" else "CURRENT", "links": links, **more}
        if service == "identity":
            return 200, {"version": version}, {}
        return 200, {"versions": [version]} if service != "compute" else {"version": version}, {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    found = Cloud()
    with serve(found.answer) as port:
        found.port = port
        yield found


@pytest.fixture
def over_tls(certificate: Path) -> Iterator[Cloud]:
    found = Cloud()
    found.scheme = "https"
    with serve(found.answer, certificate) as port:
        found.port = port
        yield found


def ask(cloud: Cloud, folder: Path, *more: str, **environment: str) -> Result:
    variables = {
        "OS_AUTH_URL": f"{cloud.root}/identity/v3",
        "OS_USERNAME": "planner",
        "OS_PASSWORD": SECRET,
        "OS_PROJECT_NAME": "admin",
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": "r",
        "OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml"),
        **environment,
    }
    result = CliRunner().invoke(main, ["import", "openstack", *more], env=variables)
    assert SECRET not in result.output
    assert "a-token" not in result.output
    assert "Traceback" not in result.output
    return result


def test_what_is_asked_live_is_what_was_saved(cloud: Cloud, tmp_path: Path) -> None:
    result = ask(cloud, tmp_path)
    assert result.exit_code == 0, result.output
    saved = CliRunner().invoke(main, ["import", "openstack", "examples/imports/openstack.json"])
    assert result.stdout == saved.stdout, "and servers and server groups came in pages"
    assert {method for method, _, _ in cloud.asked} == {"GET"}, "nothing is changed there"
    versions = {path: version for _, path, version in cloud.asked}
    assert versions["/compute/v2.1/servers/detail"] == "compute 2.96"
    assert versions["/compute/v2.1/os-hypervisors/detail"] == "compute 2.87", "2.88 drops what they have"


def test_a_cloud_of_clouds_yaml_is_asked(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clouds.yaml").write_text(
        f"""
        clouds:
          prod:
            region_name: r
            auth:
              auth_url: {cloud.root}/identity/v3
              username: planner
              password: {SECRET}
              project_name: admin
              user_domain_name: Default
              project_domain_name: Default
        """,
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    empty: Any = {"OS_AUTH_URL": "", "OS_USERNAME": "", "OS_PASSWORD": "", "OS_PROJECT_NAME": ""}
    result = ask(cloud, tmp_path, "--cloud", "prod", **empty)
    assert result.exit_code == 0, result.output
    assert "name: prod" in result.stdout
    assert ask(cloud, tmp_path, "--cloud", "test", **empty).exit_code == 2, "there is no such cloud"


def test_services_that_are_not_there_are_done_without(cloud: Cloud, tmp_path: Path) -> None:
    cloud.services = ("compute", "identity")
    cloud.instead["/os-aggregates"] = (403, {})
    result = ask(cloud, tmp_path)
    assert result.exit_code == 0, result.output
    assert "memory or CPUs of 4 hosts" in result.stderr
    assert "the host aggregates (/os-aggregates), if there are any" in result.stderr


def test_a_certificate_that_is_not_trusted_is_refused(over_tls: Cloud, tmp_path: Path, certificate: Path) -> None:
    result = ask(over_tls, tmp_path)
    assert result.exit_code == 2
    assert "its TLS certificate is not trusted here" in result.stderr
    assert over_tls.asked == []
    assert ask(over_tls, tmp_path, OS_CACERT=str(certificate)).exit_code == 0
    assert ask(over_tls, tmp_path, "--insecure-no-tls-check").exit_code == 0


def test_a_wrong_password_is_told_and_not_repeated(cloud: Cloud, tmp_path: Path) -> None:
    result = ask(cloud, tmp_path, OS_PASSWORD="tops3cret")
    assert result.exit_code == 2
    assert "does not let this user in" in result.stderr
    assert "tops3cret" not in result.output


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((403, {}), "refuses an answer: 403 for /servers/detail"),
        ((200, "<html>"), "what it answers is not of OpenStack"),
        ((200, {"servers": 7}), "a list is expected here"),
        ((200, {"servers": [{"id": "x", "flavor": {"vcpus": "many"}}]}), "vcpus"),
    ],
)
def test_what_the_cloud_answers_wrongly_is_one_report(
    cloud: Cloud, reply: tuple[int, Any], words: str, tmp_path: Path
) -> None:
    cloud.instead["/servers/detail"] = reply
    result = ask(cloud, tmp_path)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_cloud_that_does_not_answer_is_told(tmp_path: Path) -> None:
    dead = Cloud()
    dead.port = 1
    result = ask(dead, tmp_path)
    assert result.exit_code == 2
    assert "it cannot be reached" in result.stderr


def test_without_the_extra_the_command_for_it_is_told(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openstack", None)
    result = ask(cloud, tmp_path)
    assert result.exit_code == 2
    assert "pip install 'evac[openstack]'" in result.stderr


def test_what_is_needed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_CLOUD", "OS_AUTH_URL"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, ["import", "openstack"])
    assert result.exit_code == 2
    assert "Name the saved answers, or a cloud to ask" in result.stderr
    result = CliRunner().invoke(main, ["import", "openstack", "answers", "--cloud", "prod"])
    assert "not both" in result.stderr
