"""Signed pushes to a repository of the bench's own, posted to a server as GitHub would."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from api.webhooks.signature import GITHUB
from models.ids import RunId
from tests.e2e.forge.githttp import GitServer
from tests.e2e.repositories import git
from tests.e2e.server import Delta

SECRET = "bench"
NOOP = "version: 1\njobs:\n  noop:\n    run: 'true'\n"
SETTINGS = {"DELTA_GITHUB__WEBHOOK_SECRET": SECRET}


@dataclass(frozen=True)
class Pushes:
    """A repository and where it is cloned from."""

    repository: Path
    clone_url: str

    @classmethod
    def make(cls, folder: Path, git_server: GitServer, config: str = NOOP) -> Pushes:
        """One whose only file is `.delta.yml`."""
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")
        (folder / ".delta.yml").write_text(config)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message=first")
        return cls(folder, git_server.clone_url(folder))

    def push(self) -> bytes:
        """A further commit, and the event's body about it."""
        before = git(self.repository, "rev-parse", "HEAD")
        git(self.repository, "commit", "--quiet", "--allow-empty", "--message=nothing")
        return json.dumps(self._event(before, git(self.repository, "rev-parse", "HEAD"))).encode()

    def _event(self, before: str, head: str) -> dict[str, Any]:
        """What Delta reads of a push (https://docs.github.com/webhooks/webhook-events-and-payloads#push)."""
        return {
            "ref": "refs/heads/main",
            "before": before,
            "after": head,
            "deleted": False,
            "created": False,
            "repository": {"full_name": "bench/noop", "clone_url": self.clone_url, "default_branch": "main"},
            "sender": {"login": "bench"},
            "head_commit": {"id": head, "message": "noop"},
        }


def headers(body: bytes) -> dict[str, str]:
    """GitHub's, for a delivery of its own."""
    return {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": GITHUB.sign(SECRET, body),
        "Content-Type": "application/json",
    }


def post(client: httpx.Client, body: bytes) -> tuple[RunId, float]:
    """The run, and in how many seconds the delivery was answered. Raises when it was not accepted."""
    begun = time.monotonic()
    answer = client.post("/webhooks/github", content=body, headers=headers(body))
    spent = time.monotonic() - begun
    assert answer.status_code == 202, answer.text
    return RunId(answer.json()["run"]), spent


def client_of(server: Delta) -> httpx.Client:
    """A further connection to it."""
    return httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=30.0, trust_env=False)
