"""A small Prometheus for tests: it answers range queries over HTTP as the real one does, from made-up series."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_QUERY = re.compile(r"(?:(?:avg|max)_over_time\()?([a-zA-Z_:][\w:]*)(?:\{(.*)\})?(?:\[(\d+)s\]\))?")

Value = Callable[[float], float | None]
"""What a series has at a time; None where it has no sample."""


class Fake:
    """What the server knows, and what it was asked.

    Parameters
    ----------
    series
        Series by name of the metric: labels, and what they have at a time.
    """

    def __init__(self, series: Mapping[str, Sequence[tuple[Mapping[str, str], Value]]]) -> None:
        self.series = series
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[BaseHTTPRequestHandler], None] | None = None
        """What is done in place of an answer, such as nothing at all."""

    def matrix(self, query: str, start: float, end: float, step: float) -> dict[str, Any]:
        match = _QUERY.fullmatch(query)
        if match is None:
            return {"status": "error", "errorType": "bad_data", "error": f'1:1: parse error: unexpected "{query}"'}
        if (end - start) / step > 11_000:
            message = "exceeded maximum resolution of 11,000 points per timeseries."
            return {"status": "error", "errorType": "bad_data", "error": message}
        kept_name: dict[str, str] = {} if "_over_time" in query else {"__name__": match[1]}
        result: list[dict[str, Any]] = []
        for labels, value in self.series.get(match[1], ()):
            count = int((end - start) / step + 1e-9) + 1
            times = [start + number * step for number in range(count)]
            samples = [(at, _over(value, at, float(match[3] or 0), query.startswith("max"))) for at in times]
            values = [[at, _text(sample)] for at, sample in samples if sample is not None]
            if values:
                result.append({"metric": {**kept_name, **labels}, "values": values})
        return {"status": "success", "data": {"resultType": "matrix", "result": result}}

    def range(self, query: str, start: float, end: float, step: float) -> str:
        """Return the answer to a range query as text, as it would be saved."""
        return json.dumps(self.matrix(query, start, end, step))


def _over(value: Value, at: float, window_s: float, most: bool) -> float | None:
    """Return what a series had at a time, or over a while before it."""
    if window_s == 0:
        return value(at)
    given = [one for one in (value(at - share * window_s) for share in (0.2, 0.5, 0.8)) if one is not None]
    if not given:
        return None
    return max(given) if most else sum(given) / len(given)


def _text(value: float) -> str:
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(str(value), repr(value))


@contextmanager
def served(fake: Fake, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a small Prometheus on 127.0.0.1, with TLS or without, and give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.headers.append(dict(self.headers))
            if fake.answer is not None:
                fake.answer(self)
                return
            parts = urlsplit(self.path)
            asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
            fake.asked.append(asked)
            if parts.path != "/prom/api/v1/query_range":
                reply(self, 404, b"404 page not found\n", "text/plain")
                return
            answer = fake.matrix(asked["query"], float(asked["start"]), float(asked["end"]), float(asked["step"]))
            reply(self, 200 if answer["status"] == "success" else 400, json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of clients that hang up."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}/prom"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json") -> None:
    """Answer a request."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def daily(quiet: float, busy: float, hour: int) -> Value:
    """Return a rate that is busy in one hour of the day (UTC), and quiet else."""
    return lambda at: busy if time.gmtime(at).tm_hour == hour else quiet


def steady(value: float) -> Value:
    """Return what is always the same."""
    return lambda at: value


def wavy(value: float) -> Value:
    """Return what is a little different each time."""
    return lambda at: value * (1 + 0.1 * ((at // 60) % 7 - 3) / 3)
