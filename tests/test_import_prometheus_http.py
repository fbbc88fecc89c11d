"""Prometheus over HTTP: what is asked, and servers that refuse, point elsewhere, trickle, hang or talk nonsense."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from planner.cli.main import main
from planner.errors import InputError
from planner.importers import prometheus_http
from planner.importers.prometheus_ask import PIECE_S, Span, ask
from planner.importers.prometheus_http import PASSWORD, TOKEN, USER, Access, Server
from planner.importers.prometheus_profiles import KUBEVIRT
from tests.prometheus_support import Fake, reply, served, wavy

SECRET = "s3cr3t-token-of-the-site"
RATE = "kubevirt_vmi_dirty_rate_bytes_per_second"
NOW = 1_793_664_000.0


@pytest.fixture
def fake() -> Fake:
    return Fake({RATE: [({"name": "db-1", "namespace": "shop", "node": "hv01"}, wavy(4e6))]})


@pytest.fixture
def url(fake: Fake) -> Iterator[str]:
    with served(fake) as address:
        yield address


def server(url: str, **more: Any) -> Server:
    return Server(Access(url, **{"environment": {}, "timeout_s": 20.0, **more}))


def problem(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    (one,) = caught.value.problems
    assert SECRET not in str(one)
    assert len(str(one)) < 700
    return f"{one.code}: {one}"


def asked(url: str, **more: Any) -> str:
    return problem(lambda: server(url, **more).range(RATE, NOW, NOW + 3600, 60))


def command(url: str, *more: str) -> Result:
    arguments = ["inventories/demo.yaml", "--exporter", "kubevirt", "--url", url, "--from", "2h", *more]
    return CliRunner().invoke(main, ["import", "prometheus", *arguments])


def test_a_range_is_asked_for_and_read(url: str, fake: Fake) -> None:
    answer = server(f"{url}/api/v1/query_range").range(RATE, NOW, NOW + 600, 60)
    assert [len(series.times) for series in answer.series] == [11]
    assert fake.asked == [{"query": RATE, "start": f"{NOW:.3f}", "end": f"{NOW + 600:.3f}", "step": "60"}]


def test_long_times_are_asked_for_in_pieces_that_meet(url: str, fake: Fake) -> None:
    said = ask(server(url), KUBEVIRT, Span(NOW, NOW + 2.5 * PIECE_S, 600.0), {}, match='cluster="a"', floors=False)
    (series,) = next(listed for metric, listed in said.series.items() if metric.name == RATE)
    assert len(series.times) == 361
    assert [later - sooner for sooner, later in zip(series.times, series.times[1:], strict=False)] == [600.0] * 360
    first = [one for one in fake.asked if RATE in one["query"]]
    assert [one["query"] for one in first] == [f'avg_over_time({RATE}{{cluster="a"}}[600s])'] * 3


def test_the_token_goes_into_the_header_and_nowhere_else(url: str, fake: Fake) -> None:
    server(url, environment={TOKEN: SECRET}).range(RATE, NOW, NOW + 600, 60)
    assert fake.headers[-1]["Authorization"] == f"Bearer {SECRET}"
    server(url, environment={USER: "ops", PASSWORD: SECRET}).range(RATE, NOW, NOW + 600, 60)
    assert fake.headers[-1]["Authorization"] == f"Basic {b64encode(f'ops:{SECRET}'.encode()).decode()}"
    assert SECRET not in repr(Access(url, environment={TOKEN: SECRET}))
    assert SECRET not in str(fake.asked)


def test_a_credential_that_cannot_be_used_is_not_shown() -> None:
    for given in ({TOKEN: f"{SECRET}\nX: y"}, {TOKEN: SECRET, USER: "ops"}, {USER: "ops", PASSWORD: f"{SECRET} ü"}):
        problem(partial(server, "https://monitor.example", environment=given))


def test_what_is_on_this_machine_is_asked_without_a_proxy(
    url: str, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    server(url, environment={TOKEN: SECRET}).range(RATE, NOW, NOW + 600, 60)
    assert len(fake.headers) == 1


def test_a_token_is_not_sent_in_clear_to_another_machine() -> None:
    given = {TOKEN: SECRET}
    told = problem(lambda: server("http://monitor.example:9090", environment=given))
    assert "--insecure-send-in-clear" in told
    server("http://monitor.example:9090", environment=given, in_clear=True)
    server("https://monitor.example:9090", environment=given)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "monitor.example:9090",
        "file:///etc/passwd",
        "ftp://monitor.example/",
        "http://",
        "http://[::1",
        "http://monitor.example:99999/",
        f"https://ops:{SECRET}@monitor.example/",
        "https://monitor.example/?token=" + SECRET,
        "https://monitor.example/\n" + SECRET,
        "https://mönitor.example/",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_shown(address: str) -> None:
    problem(lambda: server(address))
    result = command(address)
    assert result.exit_code == 2
    assert SECRET not in result.output


def refuse(status: int, body: bytes, kind: str = "application/json") -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: reply(handler, status, body, kind)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, b"no", f"not-allowed: URL: the server does not let this in (401) (set {TOKEN}"),
        (403, b"no", "not-allowed"),
        (400, b'{"status":"error","errorType":"bad_data","error":"parse error: ..."}', "bad_data: parse error"),
        (422, b'{"status":"error","errorType":"execution","error":"too many samples"}', "too many samples"),
        (503, b'{"status":"error","errorType":"timeout","error":"query timed out"}', "query timed out"),
        (404, b"404 page not found", "http-error: URL: the server answers with status 404"),
        (502, b"<html>Bad Gateway</html>", "status 502"),
        (400, f'{{"status":"error","errorType":"x","error":"bad {SECRET}"}}'.encode(), "bad ***"),
        (200, f'{{"status":"error","errorType":"x","error":"bad {SECRET}"}}'.encode(), "bad ***"),
        (200, b"<html>Log in</html>", "this is no JSON"),
        (200, b"", "empty"),
        (200, b"[]", "a JSON object, got a list"),
        (200, b"{}", "it has no status"),
        (200, b'{"status":"success"}', "no result"),
        (200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}', "a result of the type scalar"),
        (200, b'{"status":"success","data":{"resultType":"matrix","result":{}}}', "where a matrix"),
        (200, b"\xff\xfe\x00", "no UTF-8"),
        (200, b"\x00" * 100, "no JSON"),
        (200, b"[" * 100_000, "nesting deeper"),
        (200, b'{"status":"success","data":' + b'{"a":' * 50 + b"1" + b"}" * 51, "nesting deeper"),
        (204, b"", "empty"),
    ],
)
def test_what_a_server_answers_otherwise_is_one_problem(
    status: int, body: bytes, told: str, url: str, fake: Fake
) -> None:
    fake.answer = refuse(status, body)
    assert told in asked(url, environment={TOKEN: SECRET}).replace(url, "URL")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_told_and_not_followed(status: int, url: str, fake: Fake) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"https://ops:{SECRET}@login.example/sign-in?next={SECRET}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fake.answer = elsewhere
    told = asked(url, environment={TOKEN: SECRET})
    assert f"the server points elsewhere ({status}): https://login.example/sign-in " in told
    assert len(fake.headers) == 1


def test_a_server_that_never_answers_ends_in_a_problem(url: str, fake: Fake) -> None:
    done = threading.Event()
    fake.answer = lambda handler: (done.wait(30), None)[1]
    try:
        told = asked(url, timeout_s=0.3)
    finally:
        done.set()
    assert told.startswith("timeout: ")
    assert "0.3 s" in told


def test_a_server_that_trickles_ends_in_a_problem(url: str, fake: Fake) -> None:
    """Each piece comes in time, the whole never does."""
    done = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not done.is_set():
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.02)

    fake.answer = trickle
    try:
        assert "no whole answer within 0.5 s" in asked(url, timeout_s=0.5)
    finally:
        done.set()


def test_a_server_that_goes_on_for_ever_is_cut_off(url: str, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus_http, "MAX_FILE_BYTES", 2**20)

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(1000):
                handler.wfile.write(b"9" * 2**16)
        except OSError:
            pass

    fake.answer = flood
    assert asked(url).startswith("too-large: ")


def test_a_server_that_hangs_up_or_is_not_there_is_told(url: str, fake: Fake) -> None:
    fake.answer = lambda handler: handler.connection.close()
    assert asked(url).startswith("unreachable: ")

    def short(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b'{"status"')

    fake.answer = short
    assert asked(url).split(":")[0] in ("unreachable", "bad-json")
    fake.answer = lambda handler: (handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n"), None)[1]
    assert asked(url).startswith("unreachable: ")
    with served(fake) as gone:
        pass
    assert asked(gone).startswith("unreachable: ")


def test_a_server_without_tls_is_told_where_tls_is_expected(url: str) -> None:
    assert asked(url.replace("http:", "https:")).startswith("unreachable: ")


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert "bad-ca-file" in problem(lambda: server("https://monitor.example", ca_file=str(tmp_path / "none.pem")))
    (tmp_path / "junk.pem").write_text("junk")
    assert "bad-ca-file" in problem(lambda: server("https://monitor.example", ca_file=str(tmp_path / "junk.pem")))


def test_a_prometheus_without_the_exporter_is_told(url: str, fake: Fake) -> None:
    fake.series = {"up": [({"job": "x"}, wavy(1.0))]}
    result = command(url)
    assert result.exit_code == 2
    assert f"Prometheus has nothing for {RATE}" in " ".join(result.stderr.split())
    assert "--exporter" in result.stderr


def test_the_command_ends_with_one_report_and_exit_code_2(
    url: str, fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    fake.answer = refuse(401, b"bad token " + SECRET.encode())
    target = tmp_path / "new.yaml"
    result = command(url, "-o", str(target))
    assert result.exit_code == 2
    assert result.stderr.count("does not let this in") == 1
    assert SECRET not in result.output
    assert "Traceback" not in result.output
    assert not target.exists()


def test_the_command_does_not_show_the_token(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    result = command(url)
    assert result.exit_code == 0
    assert "write_rate_range" in result.stdout
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--from", "yesterday"), "is no time"),
        (("--from", "2026-13-45"), "is no time"),
        (("--from", "1h", "--to", "2h"), "--from is not before --to"),
        (("--from", "2000-01-01"), "More than 400 days"),
        (("--step", "10 ms"), "less than a second"),
        (("--timezone", "Mars/Olympus"), "--timezone"),
        (("--timezone", "../../etc/passwd"), "--timezone"),
        (("--query", "speed=up"), "names no role"),
        (("--query", "write-rate="), "names no role"),
        (("--query", "write-rate=a", "--query", "write-rate=b"), "two queries for write-rate"),
        (("--saved", "x.json"), "one of them"),
        (("--update", "inventories/demo.yaml"), "Give one inventory"),
        (("--exporter", "other"), "has no metrics of its own"),
        (("-o", "inventories/demo.yaml"), "would replace"),
        (("-o", "demo-measured.json"), "let both end in .json"),
    ],
)
def test_options_that_do_not_go_together_are_told(options: tuple[str, ...], told: str) -> None:
    result = command("http://127.0.0.1:9", *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


@pytest.fixture
def tls(fake: Fake, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A Prometheus with TLS and a certificate of its own; its address and the certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl here to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with served(fake, context) as address:
        yield address, str(certificate)


def test_certificates_are_checked_unless_it_is_said_otherwise_in_words(tls: tuple[str, str], fake: Fake) -> None:
    address, certificate = tls
    token = {TOKEN: SECRET}
    told = asked(address, environment=token)
    assert told.startswith("bad-certificate: ")
    assert "--insecure-no-tls-check" in told
    assert fake.headers == []
    for more in ({"ca_file": certificate}, {"check_tls": False}):
        server(address, environment=token, **more).range(RATE, NOW, NOW + 600, 60)
    assert len(fake.headers) == 2
    assert command(address, "--ca-file", certificate).exit_code == 0
    assert command(address).exit_code == 2
