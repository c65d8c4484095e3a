"""A merge request of GitLab in, commit statuses and a note out: git over HTTP, gVisor, a GitLab that remembers."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from api.webhooks.gitlab_proof import sign
from models.machines import RunState
from tests.e2e.forge.fixtures import git_server
from tests.e2e.forge.githttp import GitServer
from tests.e2e.repositories import branch, edited, example, git
from tests.e2e.server import delta
from tests.fault.gitlab import TOKEN, gitlab

KEY = bytes(range(32))
NUMBER = 7
MATERIAL = Path(__file__).parents[1] / "material" / "gitlab" / "Merge Request Hook.json"

__all__ = ["git_server"]  # a fixture, found by name


def merge_request(clone_url: str, head: str) -> bytes:
    """GitLab's own example, made to speak of a repository that is there."""
    payload: dict[str, Any] = json.loads(MATERIAL.read_text())
    payload["project"] |= {
        "path_with_namespace": "group/sub/project",
        "git_http_url": clone_url,
        "default_branch": "main",
    }
    payload["object_attributes"] |= {"iid": NUMBER, "source_branch": "change", "target_branch": "main"}
    payload["object_attributes"]["last_commit"]["id"] = head
    return json.dumps(payload).encode()


def test_a_merge_request_gets_its_statuses_and_one_comment_that_explains(
    docker_url: str, git_server: GitServer
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    changed = edited(repository, "src/kitchen/units.py", "Fraction(fahrenheit - 32)", "Fraction(fahrenheit)")
    head = branch(repository, "change", changed)
    body = merge_request(git_server.clone_url(repository), head)
    at = str(int(time.time()))
    headers = {
        "X-Gitlab-Event": "Merge Request Hook",
        "webhook-id": "msg-1",
        "webhook-timestamp": at,
        "webhook-signature": sign(KEY, "msg-1", at, body),
    }
    with gitlab() as forge:
        settings = {
            "DELTA_GITLAB__SIGNING_TOKEN": f"whsec_{base64.b64encode(KEY).decode()}",
            "DELTA_GITLAB__TOKEN": TOKEN,
            "DELTA_GITLAB__URL": forge.url,
        }
        with delta(settings) as server:
            server.up()
            answer = server.client.post("/webhooks/gitlab", content=body, headers=headers)
            assert answer.status_code == 202, answer.text
            run_id = answer.json()["run"]
            run = server.settled(run_id)
            wanted = server.client.get(f"/v1/runs/{run_id}").json()["comment"]
            with forge.changed:
                assert forge.changed.wait_for(lambda: forge.notes_of(NUMBER) == [wanted], timeout=60), forge.notes
    assert run.state is RunState.FAILED
    assert run.plan is not None
    assert run.plan.merge_base == git(repository, "rev-parse", "main"), "though the event names no base"
    assert [file.path for file in run.plan.changed] == ["src/kitchen/units.py"]
    states = {name: state for name, (state, _) in forge.shown(head, "change").items()}
    assert (states["delta !7"], states["delta !7 / test"]) == ("failed", "failed")
    assert "assert 190 == 180" in wanted
