"""A GitLab that remembers: statuses and notes as the reporter writes them, with declared faults.

The rules are those of GitLab's own source: `app/services/ci/create_commit_status_service.rb` (a status that is pending
or running is changed, after that a new one takes its place; moves that its state machine lacks are refused) and
`lib/gitlab/quick_actions/extractor.rb` (which lines of a note are commands).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

TOKEN = "glpat-a-token"
US, STRANGER = 7, 8
_STATUS_STATES = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel"}
_COMMANDS = "merge|approve|close|assign|label|title"
# What may hide a command from GitLab, in its order; then a command.
_EXTRACTOR = re.compile(
    rf"^```.+?\n```$|^.*`\n*.+?\n*`$|^<[^>]+?>\n.+?\n</[^>]+?>$|^>>>.+?\n>>>$"
    rf"|^/(?P<cmd>{_COMMANDS})(?:[ ][^\n]*)?(?:\s*\n|$)",
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)


class Fault(StrEnum):
    """How it fails, while it is set. `loses`: it does what it was asked for, and its answer never arrives."""

    NONE = "none"
    SERVER_ERROR = "500"
    RATE_LIMITED = "429"
    FORBIDDEN = "403"
    MOVED = "301"
    NOT_JSON = "not json"
    LOSES = "loses"


@dataclass
class GitLab:
    """What is on the forge. `requests` are methods with paths, `commands` what it was told to do in our name.

    `changed` is notified after each request.
    """

    url: str = ""
    fault: Fault = Fault.NONE
    knows_skipped: bool = True
    repeats_states: bool = False  # a newer one takes the same state again
    statuses: list[dict[str, Any]] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def shown(self, head: str, ref: str = "") -> dict[str, tuple[str, str]]:
        """State and description by name, as people see it."""
        return {
            each["name"]: (each["status"], each["description"])
            for each in self.statuses
            if each["sha"] == head and (not ref or each["ref"] == ref)
        }

    def notes_of(self, number: int) -> list[str]:
        """What we wrote on a merge request."""
        return [note["body"] for note in self.notes if note["iid"] == number and note["author"]["id"] == US]

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """One request of somebody with the right token."""
        found = re.fullmatch(r"/api/v4/projects/([^/]+)/(.+)", path)
        if found is None or unquote(found[1]) != "group/sub/project":
            us = path == "/api/v4/user"
            return (200, {"id": US, "username": "delta"}) if us else (404, {"message": "404 Project Not Found"})
        rest = found[2]
        if (status := re.fullmatch(r"statuses/(\w+)", rest)) and method == "POST":
            return self._set(status[1], body)
        if (commit := re.fullmatch(r"repository/commits/(\w+)/statuses", rest)) and method == "GET":
            return 200, _page(self._latest(commit[1], query), query)
        if listed := re.fullmatch(r"merge_requests/(\d+)/notes", rest):
            return self._notes(method, int(listed[1]), query, body)
        one = re.fullmatch(r"merge_requests/(\d+)/notes/(\d+)", rest)
        return self._change(int(one[1]), int(one[2]), body) if one else (404, {"message": "404 Not found"})

    def _change(self, number: int, which: int, body: Any) -> tuple[int, Any]:
        for note in self.notes:
            if (note["iid"], note["id"]) == (number, which):
                note["body"] = self._without_commands(body["body"])
                return 200, note
        return 404, {"message": "404 Not found"}

    def _set(self, head: str, body: Any) -> tuple[int, Any]:
        state = body["state"]
        if state not in _STATUS_STATES and not (state == "skipped" and self.knows_skipped):
            return 400, {"error": "state does not have a valid value"}
        if len(body.get("description", "")) > 255 or len(body.get("target_url", "")) > 255:
            return 400, {"message": {"description": ["is too long (maximum is 255 characters)"]}}
        key = (head, body["name"], body.get("ref", "main"))
        going = [
            each
            for each in self.statuses
            if (each["sha"], each["name"], each["ref"]) == key and each["status"] in {"pending", "running"}
        ]
        if not going:
            made = {"id": len(self.statuses) + 1, "sha": head, "name": body["name"], "ref": key[2], "status": state}
            self.statuses.append({**made, "description": body.get("description"), "target_url": body.get("target_url")})
            return 201, self.statuses[-1]
        old = going[-1]["status"]
        if (old == state and not self.repeats_states) or (old, state) == ("running", "pending"):
            via = _STATUS_STATES[state]
            reason = f'Status cannot transition via "{via}"'
            return 400, {"message": f"Cannot transition status via :{via} from :{old} (Reason(s): {reason})"}
        going[-1] |= {"status": state, "description": body.get("description"), "target_url": body.get("target_url")}
        return 201, going[-1]

    def _latest(self, head: str, query: dict[str, str]) -> list[dict[str, Any]]:
        kept = {
            each["name"]: each
            for each in self.statuses
            if each["sha"] == head
            and query.get("ref", each["ref"]) == each["ref"]
            and query.get("name", each["name"]) == each["name"]
        }
        return list(kept.values())

    def _notes(self, method: str, number: int, query: dict[str, str], body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, _page([note for note in self.notes if note["iid"] == number], query)
        made = {"id": 300 + len(self.notes), "iid": number, "author": {"id": US}}
        self.notes.append({**made, "body": self._without_commands(body["body"])})
        return 201, self.notes[-1]

    def _without_commands(self, body: str) -> str:
        self.commands += [found[0].strip() for found in _EXTRACTOR.finditer(body) if found["cmd"]]
        return body


def _page(entries: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, number = int(query.get("per_page", "20")), int(query.get("page", "1"))
    return entries[(number - 1) * size : number * size]


_FAILURES: dict[Fault, tuple[int, dict[str, str], str]] = {
    Fault.SERVER_ERROR: (502, {}, f"<html>GitLab is not responding {TOKEN}</html>"),
    Fault.RATE_LIMITED: (429, {"Retry-After": "17", "RateLimit-Remaining": "0"}, "Retry later\n"),
    Fault.FORBIDDEN: (403, {}, json.dumps({"error": "insufficient_scope", "told": TOKEN})),
    Fault.MOVED: (301, {"Location": "http://127.0.0.1:9/elsewhere"}, ""),
    Fault.NOT_JSON: (200, {}, "<html>Please sign in</html>"),
}


@contextmanager
def gitlab() -> Iterator[GitLab]:
    """One on a free port of loopback."""
    forge = GitLab()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(forge))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    forge.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(forge: GitLab) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with forge.changed:
                forge.requests.append(f"{self.command} {self.path}")
                if forge.fault in _FAILURES:
                    self._send(*_FAILURES[forge.fault])
                    return
                if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self._send(401, {}, json.dumps({"message": "401 Unauthorized"}))
                    return
                url = urlsplit(self.path)
                status, said = forge.answer(
                    self.command, url.path, dict(parse_qsl(url.query)), json.loads(body or b"null")
                )
                forge.changed.notify_all()
                if forge.fault is Fault.LOSES:
                    self.close_connection = True
                    return
                self._send(status, forge.headers, json.dumps(said))

        do_GET = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

        def _send(self, status: int, headers: dict[str, str], content: str) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    return Handler
