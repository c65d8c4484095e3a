"""A reverse proxy on loopback that writes down every request and its answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. `sent` and `answered` are the JSON bodies, None where there was none."""

    method: str
    path: str
    headers: dict[str, str]
    sent: Any
    status: int
    answered: Any


@dataclass
class Recorder:
    """What went through, in order. A status of 400 and more fails the test, unless it said `expects_errors`."""

    url: str = ""
    exchanges: list[Exchange] = field(default_factory=list)
    expects_errors: bool = False
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def add(self, exchange: Exchange) -> None:
        with self.changed:
            self.exchanges.append(exchange)
            self.changed.notify_all()

    def of(self, method: str, ending: str = "") -> list[Exchange]:
        """The exchanges of that method whose path (without query) ends so."""
        with self.changed:
            return [each for each in self.exchanges if each.method == method and _path(each).endswith(ending)]

    def writes(self) -> list[Exchange]:
        """Everything that would have changed something."""
        with self.changed:
            return [each for each in self.exchanges if each.method != "GET"]

    def wait_for(self, method: str, ending: str, count: int = 1, timeout_s: float = 60.0) -> list[Exchange]:
        """Blocks until so many of these have been seen. Fails the test when they do not come."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.of(method, ending)) >= count, timeout=timeout_s)
            seen = [f"{each.method} {each.path} {each.status}" for each in self.exchanges]
        assert came, f"no {method} …{ending} within {timeout_s} s, but {seen}"
        return self.of(method, ending)

    def check(self) -> None:
        """Fails the test for every answer of 400 and more."""
        bad = [each for each in self.exchanges if each.status >= 400]
        assert self.expects_errors or not bad, f"the forge refused: {bad}"


def _path(exchange: Exchange) -> str:
    return exchange.path.partition("?")[0]


@contextmanager
def recording(target: str) -> Iterator[Recorder]:
    """A recorder in front of the server at `target`, on a free port of loopback."""
    with httpx.Client(base_url=target, timeout=30.0) as client:
        recorder = Recorder()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(client, recorder))
        recorder.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(client: httpx.Client, recorder: Recorder) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _relay(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers["accept-encoding"] = "identity"
            answer = client.request(self.command, self.path, content=body, headers=headers)
            exchange = Exchange(
                method=self.command,
                path=self.path,
                headers=headers,
                sent=_json(body),
                status=answer.status_code,
                answered=_json(answer.content),
            )
            # Before the answer goes out: whoever got it may look at the record at once.
            recorder.add(exchange)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = _relay  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None:
            """Silent: the record is the log."""

    return Handler


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None
