"""The reporter against GitHub's own description: whatever it sends, Prism answers 422 if GitHub would."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from actors.reporter.github import connect
from actors.reporter.publish import publish
from actors.reporter.render import MARKER
from models.lifecycle.cancel import cancel
from models.lifecycle.create import unplannable
from models.run import Run
from models.settings import GitHubSettings
from tests.e2e.forge.recorder import Recorder
from tests.unit.reporter import sample_runs as runs

CHECKS = "/repos/octocat/hello-world/check-runs"
COMMENTS = "/repos/octocat/hello-world/issues/2/comments"


def settings(prism: Recorder) -> GitHubSettings:
    return GitHubSettings(api_url=prism.url, token=SecretStr("a-token"))


async def report(prism: Recorder, *states: Run) -> dict[str, str]:
    """Publishes one state of a run after the other, as the reporter would."""
    ids: dict[str, str] = {}
    for run in states:
        async with connect(settings(prism), *runs.at(run.change)) as forge:
            ids = await publish(run, forge, ids, "https://ci.example")
    return ids


async def test_passing_run(prism: Recorder) -> None:
    running = runs.running(runs.spec("test"), skipped=("docs",))
    ids = await report(prism, runs.created(), running, runs.started(running), runs.ended(running))
    created = {each.sent["name"]: each.sent for each in prism.of("POST", "/check-runs")}
    assert set(created) == {"delta", "delta / test", "delta / docs"}
    assert created["delta / test"]["external_id"] == f"{running.id}/test"
    assert created["delta / docs"]["conclusion"] == "skipped"
    last = {each.sent["name"]: each.sent for each in prism.of("PATCH", "/check-runs/4")}
    assert {name: (body["status"], body["conclusion"]) for name, body in last.items()} == {
        "delta": ("completed", "success"),
        "delta / test": ("completed", "success"),
    }
    (comment,) = prism.of("POST", COMMENTS)
    assert comment.sent["body"].startswith(MARKER)
    assert "Delta: passed" in comment.sent["body"]
    assert {"summary", "check:test", "check:docs", "comment"} <= set(ids)


async def test_failing_run_with_explanation(prism: Recorder) -> None:
    running = runs.running()
    await report(prism, running, runs.started(running), runs.ended(running, runs.FAILED), runs.failed())
    last = {each.sent["name"]: each.sent for each in prism.of("PATCH", "/check-runs/4")}
    assert last["delta"]["conclusion"] == "failure"
    job = last["delta / test"]
    assert job["conclusion"] == "failure"
    assert job["output"]["title"] == "test: one test failed"
    assert "assert 1 == 2" in job["output"]["text"]
    (remark,) = job["output"]["annotations"]
    assert (remark["path"], remark["start_line"], remark["annotation_level"]) == ("tests/test_add.py", 7, "failure")
    assert [len(each.sent["output"].get("annotations", [])) for each in prism.writes() if "output" in each.sent].count(
        1
    ) == 1
    # Prism remembers no comment, so the second report of the verdict finds none and writes one again.
    assert "assert 1 == 2" in prism.of("POST", COMMENTS)[-1].sent["body"]


@pytest.mark.parametrize("result", [runs.PASSED, runs.FAILED, runs.TIMED_OUT, runs.REFUSED])
async def test_every_outcome_is_what_github_accepts(prism: Recorder, result: Any) -> None:
    await report(prism, runs.ended(runs.running(runs.spec("test"), runs.spec("deploy", "test")), result))
    assert len(prism.of("POST", "/check-runs")) == 3


async def test_cancelled_and_unplannable_runs_conclude(prism: Recorder) -> None:
    for decision in (
        cancel(runs.running(), "octocat", runs.NOW + 2),
        cancel(runs.created(), "octocat", runs.NOW + 2),
        unplannable(runs.created(), "no such commit", runs.NOW + 2),
    ):
        assert decision is not None
        await report(prism, decision.run)
    summaries = [each.sent for each in prism.of("POST", "/check-runs") if each.sent["name"] == "delta"]
    assert [each["conclusion"] for each in summaries] == ["cancelled", "cancelled", "failure"]


async def test_delivered_again_nothing_is_written(prism: Recorder) -> None:
    ids = await report(prism, runs.failed())
    before = len(prism.exchanges)
    async with connect(settings(prism), *runs.at(runs.failed().change)) as forge:
        assert await publish(runs.failed(), forge, ids, "https://ci.example") == ids
    assert len(prism.exchanges) == before


async def test_known_comment_is_changed_in_place(prism: Recorder) -> None:
    async with connect(settings(prism), *runs.at(runs.pull_request())) as forge:
        assert await forge.find_comment(2, "Me too") is not None  # what GitHub's example of a comment says
        await forge.update_comment("1", "changed")
    (changed,) = prism.of("PATCH", "/issues/comments/1")
    assert changed.sent == {"body": "changed"}


async def test_who_said_it_is_looked_up_and_the_comment_shows_what_became_of_it(prism: Recorder) -> None:
    async with connect(settings(prism), *runs.at(runs.pull_request())) as talk:
        assert await talk.may_write("octocat")  # GitHub's example of an answer says `admin`
        await talk.react("1", done=True)
        await talk.react("1", done=False)
    assert [each.sent for each in prism.of("POST", "/issues/comments/1/reactions")] == [
        {"content": "+1"},
        {"content": "confused"},
    ]


async def test_push_has_checks_and_no_comment(prism: Recorder) -> None:
    await report(prism, runs.ended(runs.running(change=runs.pull_request().having(number=None))))
    assert [each.path for each in prism.writes()] == [CHECKS, CHECKS]


async def test_app_asks_for_a_token_of_its_installation(prism: Recorder) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()
    app = GitHubSettings(api_url=prism.url, app_id="9", private_key=SecretStr(pem), token=SecretStr("not this one"))
    async with connect(app, *runs.at(runs.pull_request())) as forge:
        await publish(runs.passed(), forge, {})
    tokens = prism.of("POST", "/app/installations/7/access_tokens")
    assert tokens
    assert tokens[0].headers["authorization"].startswith("Bearer ey")
    written = prism.of("POST", "/check-runs")
    assert {each.headers["authorization"] for each in written} == {f"token {tokens[0].answered['token']}"}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "delta"},
        {"head_sha": runs.HEAD},
        {"name": "delta", "head_sha": runs.HEAD, "status": "done"},
        {"name": "delta", "head_sha": runs.HEAD, "status": "completed", "conclusion": "passed"},
        {"name": "delta", "head_sha": runs.HEAD, "output": {"title": "no summary"}},
        {"name": "delta", "head_sha": runs.HEAD, "output": {"title": "t", "summary": "s" * 70_000}},
        {
            "name": "delta",
            "head_sha": runs.HEAD,
            "output": {"title": "t", "summary": "s", "annotations": [{"path": "p"}]},
        },
    ],
)
async def test_malformed_request_is_refused(prism: Recorder, body: dict[str, Any]) -> None:
    """Without this, the tests above would prove nothing."""
    prism.expects_errors = True
    async with httpx.AsyncClient(base_url=prism.url) as client:
        answer = await client.post(CHECKS, json=body, headers={"Accept": "application/vnd.github+json"})
    assert answer.status_code == 422


async def test_refused_request_fails_the_test(prism: Recorder) -> None:
    async with httpx.AsyncClient(base_url=prism.url) as client:
        await client.post(CHECKS, json={})
    with pytest.raises(AssertionError, match="the forge refused"):
        prism.check()
    prism.expects_errors = True
