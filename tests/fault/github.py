"""A GitHub that remembers: checks and comments as the reporter writes them, with declared faults.

The part of the REST API that the reporter uses (https://docs.github.com/rest/checks/runs, …/rest/issues/comments). That
Delta's requests are what GitHub takes is held against GitHub's own description elsewhere; here it is what is left over.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOGIN = "delta"


class Fault(StrEnum):
    """How it fails, for every request while it is set."""

    NONE = "none"
    SERVER_ERROR = "500"
    RATE_LIMITED = "403"
    HANGS = "hangs"


@dataclass
class GitHub:
    """What is on the forge. `changed` is notified after each write."""

    url: str = ""
    fault: Fault = Fault.NONE
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    refused: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)

    def checks_of(self, head: str) -> list[dict[str, Any]]:
        """The checks of a commit."""
        return [check for check in self.checks.values() if check["head_sha"] == head]

    def comments_of(self, number: int) -> list[str]:
        """The comments of a pull request."""
        return [comment["body"] for comment in self.comments.values() if comment["number"] == number]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """One request, in the order in which they come."""
        for verb, pattern, handle in _ROUTES:
            found = re.fullmatch(f"/repos/[^/]+/[^/]+/{pattern}", path)
            if found and verb == method:
                return handle(self, *found.groups(), body)
        return (200, {"login": LOGIN, "id": 1, "type": "User"}) if path == "/user" else (404, {"message": "Not Found"})

    def _get_checks(self, head: str, _: Any) -> tuple[int, Any]:
        found = self.checks_of(head)
        return 200, {"total_count": len(found), "check_runs": found[::-1]}

    def _get_check(self, number: str, _: Any) -> tuple[int, Any]:
        return 200, self.checks[int(number)]

    def _post_check(self, body: Any) -> tuple[int, Any]:
        number = len(self.checks) + 1
        self.checks[number] = {"id": number, "output": {"annotations_count": 0}, **body}
        return 201, self.checks[number]

    def _patch_check(self, number: str, body: Any) -> tuple[int, Any]:
        self.checks[int(number)] |= body
        return 200, self.checks[int(number)]

    def _get_comments(self, number: str, _: Any) -> tuple[int, Any]:
        return 200, [comment for comment in self.comments.values() if comment["number"] == int(number)]

    def _post_comment(self, number: str, body: Any) -> tuple[int, Any]:
        made = {"id": len(self.comments) + 1, "number": int(number), "user": {"login": LOGIN, "type": "User"}, **body}
        self.comments[made["id"]] = made
        return 201, made

    def _patch_comment(self, number: str, body: Any) -> tuple[int, Any]:
        self.comments[int(number)] |= body
        return 200, self.comments[int(number)]


_ROUTES: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
    ("GET", r"commits/([^/]+)/check-runs", GitHub._get_checks),
    ("GET", r"check-runs/(\d+)", GitHub._get_check),
    ("POST", r"check-runs", GitHub._post_check),
    ("PATCH", r"check-runs/(\d+)", GitHub._patch_check),
    ("GET", r"issues/(\d+)/comments", GitHub._get_comments),
    ("POST", r"issues/(\d+)/comments", GitHub._post_comment),
    ("PATCH", r"issues/comments/(\d+)", GitHub._patch_comment),
)
_FAILURES: dict[Fault, tuple[int, dict[str, str], Any]] = {
    Fault.SERVER_ERROR: (500, {}, {"message": "Server Error"}),
    Fault.RATE_LIMITED: (
        403,
        {"Retry-After": "1", "x-ratelimit-remaining": "0"},
        {"message": "You have exceeded a secondary rate limit."},
    ),
}


@contextmanager
def github() -> Iterator[GitHub]:
    """One on a free port of loopback."""
    forge = GitHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(forge))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    forge.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield forge
    finally:
        forge.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(forge: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if forge.fault is Fault.HANGS:
                forge.ended.wait(5.0)
                self.close_connection = True
                return
            if forge.fault in _FAILURES:
                forge.refused += 1
                self._send(*_FAILURES[forge.fault])
                return
            with forge.changed:
                status, answer = forge.answer(self.command, self.path.split("?")[0], json.loads(body or b"null"))
                forge.changed.notify_all()
            self._send(status, {}, answer)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - http.server's names

        def _send(self, status: int, headers: dict[str, str], answer: Any) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {
                **headers,
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
