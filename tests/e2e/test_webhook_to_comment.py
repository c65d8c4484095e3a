"""A signed webhook in, check runs and a comment out: git over HTTP, gVisor, GitHub's own description as the judge."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from api.webhooks.signature import GITHUB
from models.machines import RunState
from tests.e2e.forge.fixtures import git_server, prism, prism_url
from tests.e2e.forge.githttp import GitServer
from tests.e2e.forge.material import webhook_examples
from tests.e2e.forge.recorder import Recorder
from tests.e2e.repositories import branch, edited, example, git
from tests.e2e.server import Delta, delta

SECRET = "a webhook secret"
NUMBER = 2
TEST = "tests/test_units.py::test_an_oven_at_350_fahrenheit_is_set_to_180_celsius"

__all__ = ["git_server", "prism", "prism_url"]  # fixtures, found by name


def settings(prism: Recorder) -> dict[str, str]:
    return {
        "DELTA_GITHUB__WEBHOOK_SECRET": SECRET,
        "DELTA_GITHUB__TOKEN": "a token",
        "DELTA_GITHUB__API_URL": prism.url,
        "DELTA_API__PUBLIC_URL": "https://delta.example.org",
    }


def pull_request(repository: Path, server: GitServer, head: str) -> dict[str, Any]:
    """GitHub's own example of an opened pull request, made to speak of a repository that is there."""
    [payload] = [
        body
        for event, body in webhook_examples()
        if event == "pull_request" and body["action"] == "opened" and body["number"] == NUMBER
    ][:1]
    pull: dict[str, Any] = payload["pull_request"]
    pull["head"] |= {"sha": head, "ref": "change"}
    pull["base"] |= {"sha": git(repository, "rev-parse", "main"), "ref": "main"}
    for side in ("head", "base"):
        pull[side]["repo"]["clone_url"] = server.clone_url(repository)
    payload["repository"]["clone_url"] = server.clone_url(repository)
    return payload


def deliver(server: Delta, payload: dict[str, Any], delivery: str) -> str:
    body = json.dumps(payload).encode()
    headers = {
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": GITHUB.sign(SECRET, body),
        "Content-Type": "application/json",
    }
    answer = server.client.post("/webhooks/github", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run"])


def conclusions(prism: Recorder) -> dict[str, str]:
    """The last conclusion each check was given, by name."""
    sent = [exchange.sent for exchange in prism.writes() if "/check-runs" in exchange.path]
    return {body["name"]: body["conclusion"] for body in sent if body.get("conclusion")}


def comments(prism: Recorder) -> list[str]:
    """What was written as a comment. Prism remembers nothing, so an edit is a second creation here."""
    return [exchange.sent["body"] for exchange in prism.of("POST", f"/issues/{NUMBER}/comments")]


def test_a_pull_request_gets_its_checks_and_one_comment_that_explains(
    docker_url: str, git_server: GitServer, prism: Recorder
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    head = branch(
        repository,
        "change",
        edited(repository, "src/kitchen/units.py", "Fraction(fahrenheit - 32)", "Fraction(fahrenheit)"),
    )
    git(repository, "update-ref", f"refs/pull/{NUMBER}/head", head)
    payload = pull_request(repository, git_server, head)
    delivery = str(uuid.uuid4())
    with delta(settings(prism)) as server:
        server.up()
        run_id = deliver(server, payload, delivery)
        assert deliver(server, payload, delivery) == run_id, "the same delivery"
        assert deliver(server, payload, str(uuid.uuid4())) == run_id, "the same commit by another delivery"
        run = server.settled(run_id)
        assert run.state is RunState.FAILED
        shown = server.client.get(f"/v1/runs/{run_id}").json()
        with prism.changed:  # it may have been written first while the explanation was still worked out
            assert prism.changed.wait_for(lambda: shown["comment"] in comments(prism), timeout=60), comments(prism)
        log = server.client.get(f"/v1/runs/{run_id}/jobs/test/log").text
        listed = server.client.get("/v1/runs").json()
        [past] = server.remembered(run.change.repository)
    assert [each["id"] for each in listed] == [run_id]
    assert "assert 190 == 180" in log
    assert (past.run, past.paths) == (run_id, ("src/kitchen/units.py",))
    assert [job.failed_tests for job in past.jobs if job.id == "test"] == [("tests/test_units.py",)]
    # Names as people see them in the list of checks; what each ended with.
    assert set(conclusions(prism).values()) == {"success", "failure", "skipped"}
    assert sum(value == "failure" for value in conclusions(prism).values()) == 2, "the job and the summary"
    assert comments(prism)[-1] == shown["comment"]
    assert TEST in shown["comment"]
    assert "assert 190 == 180" in shown["comment"]
    assert f"https://delta.example.org/v1/runs/{run_id}" in shown["comment"]


def test_a_server_that_is_killed_in_the_middle_ends_the_run_once_it_is_back(
    docker_url: str, git_server: GitServer, prism: Recorder
) -> None:
    assert docker_url
    repository = example(git_server.root / "kitchen")
    jobs = {
        "first": {"run": "echo first"},
        "long": {"run": ["echo in the middle", "sleep 5", "echo done"], "needs": ["first"]},
        "last": {"run": "echo last", "needs": ["long"]},
    }
    head = branch(repository, "change", {".delta.yml": json.dumps({"version": 1, "jobs": jobs})})
    git(repository, "update-ref", f"refs/pull/{NUMBER}/head", head)
    with delta(settings(prism)) as server:
        server.up()
        run_id = deliver(server, pull_request(repository, git_server, head), str(uuid.uuid4()))
        server.first_log(run_id, "long", "in the middle")
        server.kill()
        server.up()
        run = server.settled(run_id)
        prism.wait_for("POST", f"/issues/{NUMBER}/comments")
        events = server.client.get(f"/v1/runs/{run_id}/events").json()
        log = server.client.get(f"/v1/runs/{run_id}/jobs/long/log").text
    assert run.state is RunState.PASSED
    ended = [event["job"] for event in events if event["kind"] == "job_finished"]
    assert sorted(ended) == ["first", "last", "long"], "each job ended once"
    assert [event["kind"] for event in events].count("run_finished") == 1
    attempts = {job.id: [attempt.state for attempt in job.attempts] for job in run.jobs}
    assert attempts == {"first": ["passed"], "long": ["lost", "passed"], "last": ["passed"]}
    assert log.count("\ndone\n") == 1
