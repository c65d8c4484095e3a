"""A small Gitea on loopback that remembers: commit statuses and comments, as its own code answers, with fault knobs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "0123456789abcdef0123456789abcdef01234567"
US, STRANGER, GHOST = 7, 8, -1
_REPO = "/api/v1/repos/octocat/hello-world"
_LIMIT = 500  # requests; a client that never stops asking fails its test


@dataclass
class Gitea:
    """What it remembers. `calls` are the writes that had their effect, `requests` all that was asked, with its query.

    Faults: `lose` breaks the connection after the write of that number (counted from 1) had its effect. `answer` is
    given instead of the next one: a status, headers and a body. `most` is how many statuses one page has at most.
    """

    url: str = ""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    lose: int = 0
    answer: tuple[int, dict[str, str], str] | None = None
    most: int = 50
    counts: bool = True
    _next: int = 100

    def shown(self, sha: str) -> dict[str, dict[str, Any]]:
        """The last status of each context, which is what a branch protection looks at."""
        return {each["context"]: each for each in self.statuses if each["sha"] == sha}

    def add_comment(self, number: int, body: str, user: int) -> int:
        self._next += 1
        self.comments[self._next] = {"id": self._next, "body": body, "user": {"id": user}, "number": number}
        return self._next

    def add_status(self, sha: str, sent: dict[str, Any]) -> dict[str, Any]:
        self._next += 1
        # `services/repository/commitstatus` trims every text.
        texts = {name: value.strip() for name, value in sent.items()}
        self.statuses.append({"id": self._next, "sha": sha, **texts})
        return self.statuses[-1]

    def respond(self, method: str, target: str, sent: Any) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body."""
        url = urlsplit(target)
        if url.path == "/api/v1/user":
            return 200, {}, {"id": US, "login": "delta"}
        for verb, pattern, responder in (
            ("GET", rf"{_REPO}/commits/([0-9a-f]+)/status", self._combined),
            ("POST", rf"{_REPO}/statuses/([0-9a-f]+)", self._post_status),
            ("GET", rf"{_REPO}/issues/(\d+)/comments", self._list_comments),
            ("POST", rf"{_REPO}/issues/(\d+)/comments", self._post_comment),
            ("PATCH", rf"{_REPO}/issues/comments/(\d+)", self._patch_comment),
        ):
            if verb == method and (match := re.fullmatch(pattern, url.path)):
                return responder(match[1], {name: values[0] for name, values in parse_qs(url.query).items()}, sent)
        return 404, {}, {"message": "The target couldn't be found."}

    def _combined(self, sha: str, query: dict[str, str], _: Any) -> tuple[int, dict[str, str], Any]:
        latest = [*self.shown(sha).values()]
        size = min(int(query.get("limit", 30)), self.most)
        first = (int(query.get("page", 1)) - 1) * size
        counted = {"X-Total-Count": str(len(latest))} if self.counts else {}
        return 200, counted, {"sha": sha, "statuses": latest[first : first + size] or None}

    def _post_status(self, sha: str, _: Any, sent: Any) -> tuple[int, dict[str, str], Any]:
        status = self.add_status(sha, sent)
        self.calls.append(f"status {status['context']} {status['state']}")
        return 201, {}, status

    def _list_comments(self, number: str, _: Any, __: Any) -> tuple[int, dict[str, str], Any]:
        return 200, {}, [each for each in self.comments.values() if each["number"] == int(number)]

    def _post_comment(self, number: str, _: Any, sent: Any) -> tuple[int, dict[str, str], Any]:
        key = self.add_comment(int(number), sent["body"], US)
        self.calls.append("create_comment")
        return 201, {}, self.comments[key]

    def _patch_comment(self, key: str, _: Any, sent: Any) -> tuple[int, dict[str, str], Any]:
        if int(key) not in self.comments:
            return 404, {}, {"message": "issue comment does not exist"}
        self.comments[int(key)]["body"] = sent["body"]
        self.calls.append("update_comment")
        return 200, {}, self.comments[int(key)]


@contextmanager
def serving() -> Iterator[Gitea]:
    """A server on a free port of loopback, until the block ends."""
    gitea = Gitea()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(gitea))
    gitea.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield gitea
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(gitea: Gitea) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            gitea.requests.append(f"{self.command} {self.path}")
            if gitea.answer is not None:
                (status, headers, text), gitea.answer = gitea.answer, None
                self._say(status, headers, text.encode())
            elif len(gitea.requests) > _LIMIT or self.headers.get("Authorization") != f"token {TOKEN}":
                self._say(401, {}, b'{"message": "invalid username, password or token"}')
            else:
                before = len(gitea.calls)
                sent = json.loads(body) if body else None
                status, headers, answer = gitea.respond(self.command, self.path, sent)
                if before < gitea.lose == len(gitea.calls):
                    gitea.lose = 0
                    self.close_connection = True
                    return
                self._say(status, headers, json.dumps(answer).encode())

        def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(body))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
