"""The reporter against Gitea's own description: whatever it sends, Prism answers 4xx if it is not what that allows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from actors.reporter.gitea import connect
from actors.reporter.publish import publish
from actors.reporter.render import MARKER
from models.change import Change, ChangeKind, Forge
from models.lifecycle.cancel import cancel
from models.run import Run
from models.settings import GiteaSettings
from tests.e2e.forge import gitea_server, prism
from tests.e2e.forge.recorder import Recorder
from tests.unit.reporter import sample_runs as runs

REPO = "/api/v1/repos/octocat/hello-world"
STATUSES = f"{REPO}/statuses/{runs.HEAD}"
COMMENTS = f"{REPO}/issues/2/comments"
# As the description says in words.
STATES = {"pending", "success", "error", "failure"}


def settings(url: str) -> GiteaSettings:
    return GiteaSettings(url=url, token=SecretStr(gitea_server.TOKEN))


async def report(recorder: Recorder, *states: Run) -> dict[str, str]:
    ids: dict[str, str] = {}
    for run in states:
        async with connect(settings(recorder.url), run.change) as forge:
            ids = await publish(run, forge, ids, "https://ci.example")
    return ids


def last(recorder: Recorder) -> dict[str, str]:
    """The state that each context was given last."""
    return {each.sent["context"]: each.sent["state"] for each in recorder.of("POST", STATUSES)}


async def test_passing_run(gitea_prism: Recorder) -> None:
    running = runs.running(runs.spec("test"), skipped=("docs",))
    ids = await report(gitea_prism, runs.created(), running, runs.started(running), runs.ended(running))
    posted = gitea_prism.of("POST", STATUSES)
    assert (posted[0].sent["context"], posted[0].sent["state"]) == ("delta", "pending")
    assert last(gitea_prism) == {"delta": "success", "delta / test": "success", "delta / docs": "success"}
    (skipped,) = [each.sent for each in posted if each.sent["context"] == "delta / docs"]
    assert skipped["description"] == "skipped by the plan (does not block)"
    assert skipped["target_url"] == f"https://ci.example/v1/runs/{running.id}"
    (comment,) = gitea_prism.of("POST", COMMENTS)
    assert comment.sent["body"].startswith(MARKER)
    assert {"summary", "check:test", "check:docs", "comment"} <= set(ids)


async def test_failing_run_with_explanation(gitea_prism: Recorder) -> None:
    running = runs.running()
    await report(gitea_prism, running, runs.started(running), runs.ended(running, runs.FAILED), runs.failed())
    assert last(gitea_prism) == {"delta": "failure", "delta / test": "failure"}
    assert gitea_prism.of("POST", STATUSES)[-1].sent["description"] == "test: one test failed"
    assert "assert 1 == 2" in gitea_prism.of("POST", COMMENTS)[-1].sent["body"]


@pytest.mark.parametrize("result", [runs.PASSED, runs.FAILED, runs.TIMED_OUT, runs.REFUSED])
async def test_every_outcome_is_what_gitea_accepts(gitea_prism: Recorder, result: Any) -> None:
    await report(gitea_prism, runs.ended(runs.running(runs.spec("test"), runs.spec("deploy", "test")), result))
    assert len(gitea_prism.of("POST", STATUSES)) == 3


async def test_cancelled_run_concludes(gitea_prism: Recorder) -> None:
    decision = cancel(runs.running(), "octocat", runs.NOW + 2)
    assert decision is not None
    await report(gitea_prism, decision.run)
    assert last(gitea_prism) == {"delta": "error", "delta / test": "error"}


async def test_delivered_again_nothing_is_written(gitea_prism: Recorder) -> None:
    ids = await report(gitea_prism, runs.failed())
    before = len(gitea_prism.exchanges)
    async with connect(settings(gitea_prism.url), runs.failed().change) as forge:
        assert await publish(runs.failed(), forge, ids, "https://ci.example") == ids
    assert len(gitea_prism.exchanges) == before


async def test_known_comment_is_changed_in_place(gitea_prism: Recorder) -> None:
    async with connect(settings(gitea_prism.url), runs.pull_request()) as forge:
        found = await forge.find_comment(2, "string")  # what Prism makes of a comment, and of our own user
        assert found is not None
        await forge.update_comment("1", "changed")
    (changed,) = gitea_prism.of("PATCH", f"{REPO}/issues/comments/1")
    assert changed.sent == {"body": "changed"}
    assert gitea_prism.of("GET", "/api/v1/user")


async def test_push_says_so_and_has_no_comment(gitea_prism: Recorder) -> None:
    change: Change = runs.pull_request().having(number=None, kind=ChangeKind.PUSH, forge=Forge.GITEA)
    await report(gitea_prism, runs.ended(runs.running(change=change)))
    assert last(gitea_prism) == {"delta (push)": "success", "delta / test (push)": "success"}
    assert {each.path for each in gitea_prism.writes()} == {STATUSES}


@pytest.fixture(autouse=True)
def every_write_has_only_documented_fields(gitea_prism: Recorder) -> Any:
    """Prism lets a field pass that the description does not know, and a state that it names in words only."""
    yield
    known = {
        "statuses": {"context", "state", "description", "target_url"},
        "comments": {"body"},
    }
    definitions = prism.gitea()["definitions"]
    assert set(definitions["CreateStatusOption"]["properties"]) == known["statuses"]
    assert set(definitions["CreateIssueCommentOption"]["properties"]) == known["comments"]
    for each in gitea_prism.writes():
        if not gitea_prism.expects_errors:
            assert set(each.sent) <= known["statuses" if "/statuses/" in each.path else "comments"]
            assert each.sent.get("state", "success") in STATES


@pytest.mark.parametrize(
    ("path", "body", "token"),
    [
        (COMMENTS, {}, "t"),
        (COMMENTS, {"body": 5}, "t"),
        (STATUSES, {"context": ["delta"]}, "t"),
        (STATUSES, {"state": 1}, "t"),
        (STATUSES.replace("/api/v1", ""), {"state": "success"}, "t"),
        (COMMENTS.replace("/2/", "/two/"), {"body": "b"}, "t"),
        (COMMENTS, {"body": "b"}, ""),
    ],
)
async def test_malformed_request_is_refused(gitea_prism: Recorder, path: str, body: Any, token: str) -> None:
    """Without this, the tests above would prove nothing."""
    gitea_prism.expects_errors = True
    headers = {"Authorization": f"token {token}"} if token else {}
    async with httpx.AsyncClient(base_url=gitea_prism.url) as client:
        answer = await client.post(path, json=body, headers=headers)
    assert 400 <= answer.status_code < 500


def test_description_is_of_what_is_called_and_of_nothing_else() -> None:
    text = (Path(prism.__file__).parent / "gitea_api.json").read_text()
    assert {(verb, path) for path, verbs in json.loads(text)["paths"].items() for verb in verbs} == {
        ("get", "/repos/{owner}/{repo}/commits/{ref}/status"),
        ("post", "/repos/{owner}/{repo}/statuses/{sha}"),
        ("get", "/repos/{owner}/{repo}/issues/{index}/comments"),
        ("post", "/repos/{owner}/{repo}/issues/{index}/comments"),
        ("patch", "/repos/{owner}/{repo}/issues/comments/{id}"),
        ("get", "/user"),
    }
