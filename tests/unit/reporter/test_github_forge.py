"""The adapter against what Prism does not answer: pages, strangers, refusals. What it sends is tested with Prism."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from githubkit import GitHub

from actors.reporter.desired import desired
from actors.reporter.forge import Forge, ForgeGone, ForgeRefused, ForgeUnavailable
from actors.reporter.github import GitHubForge, connect
from actors.reporter.render import MARKER
from models.settings import GitHubSettings
from tests.unit.reporter import sample_runs as runs

Handler = Callable[[httpx.Request], httpx.Response]


def forge(handler: Handler, app_id: int | None = None) -> GitHubForge:
    github = GitHub("token", async_transport=httpx.MockTransport(handler), auto_retry=False, http_cache=False)
    return GitHubForge(github, "octocat/hello-world", app_id)


def answering(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Handler:
    return lambda _: httpx.Response(status, json=body, headers=headers)


def comment(number: int, login: str = "octocat", kind: str = "User", app: int | None = None) -> dict[str, Any]:
    via = {"id": app} if app is not None else None
    body = f"{MARKER}\nnumber {number}"
    return {"id": number, "body": body, "user": {"login": login, "type": kind}, "performed_via_github_app": via}


async def test_checks_are_found_by_external_id_on_every_page() -> None:
    pages: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        pages.append(dict(request.url.params))
        first = 1 if request.url.params["page"] == "1" else 101
        count = 100 if first == 1 else 2
        found = [
            {"id": n, "external_id": f"r/{n}", "output": {"annotations_count": n}} for n in range(first, first + count)
        ]
        return httpx.Response(200, json={"total_count": 102, "check_runs": found})

    found = await forge(answer, app_id=9).find_checks(runs.HEAD)
    assert len(found) == 102
    assert (found["r/102"].id, found["r/102"].annotations) == ("102", 102)
    assert [(page["page"], page["filter"], page["app_id"]) for page in pages] == [("1", "all", "9"), ("2", "all", "9")]


async def test_of_two_checks_with_one_id_the_newest_counts() -> None:
    found = [{"id": 2, "external_id": "r/test"}, {"id": 1, "external_id": "r/test"}, {"id": 3, "external_id": None}]
    checks = await forge(answering(200, {"check_runs": found})).find_checks(runs.HEAD)
    assert {key: check.id for key, check in checks.items()} == {"r/test": "2"}


async def test_comment_of_a_stranger_with_our_marker_is_not_ours() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/user":
            return httpx.Response(200, json={"login": "delta"})
        return httpx.Response(200, json=[comment(1, "mallory"), comment(2, "delta")])

    found = await forge(answer).find_comment(2, MARKER)
    assert found is not None
    assert found.id == "2"


async def test_comment_is_the_apps_when_the_app_wrote_it() -> None:
    found = await forge(answering(200, [comment(1, app=8), comment(2, app=9), comment(3)]), app_id=9).find_comment(
        2, MARKER
    )
    assert found is not None
    assert found.id == "2"


async def test_token_that_may_not_ask_who_it_is_finds_what_a_bot_wrote() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/user":
            return httpx.Response(403, json={"message": "Resource not accessible by integration"})
        return httpx.Response(200, json=[comment(1), comment(2, "delta[bot]", "Bot")])

    found = await forge(answer).find_comment(2, MARKER)
    assert found is not None
    assert found.id == "2"


async def test_marker_in_the_middle_of_a_comment_is_a_quotation() -> None:
    quoting = {"id": 1, "body": f"> {MARKER}", "user": {"login": "octocat"}}
    assert await forge(answering(200, [quoting])).find_comment(2, MARKER) is None


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (401, {}, ForgeRefused),
        (403, {}, ForgeRefused),
        (422, {}, ForgeRefused),
        (404, {}, ForgeGone),
        (410, {}, ForgeGone),
        (500, {}, ForgeUnavailable),
        (502, {}, ForgeUnavailable),
        (429, {"retry-after": "17"}, ForgeUnavailable),
        (403, {"retry-after": "17"}, ForgeUnavailable),
    ],
)
async def test_refusals_are_told_apart_from_outages(
    status: int, headers: dict[str, str], kind: type[Exception]
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        return httpx.Response(status, json={"message": "secondary rate limit" if headers else "no"}, headers=headers)

    with pytest.raises(kind) as caught:
        await forge(answer).create_comment(2, "hello")
    assert type(caught.value) is kind
    assert asked == ["POST"]  # tried once: a repeated create could be a second comment
    if isinstance(caught.value, ForgeUnavailable) and headers:
        assert caught.value.retry_after_s == 17.0


async def test_connection_that_breaks_is_an_outage() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ForgeUnavailable, match="creating the check"):
        await forge(answer).create_check(runs.HEAD, _check())


async def test_check_that_is_gone_is_none() -> None:
    assert await forge(answering(404, {"message": "Not Found"})).find_check("4") is None


async def test_times_are_sent_as_github_wants_them() -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(201, json={"id": 4})

    assert await forge(answer).create_check(runs.HEAD, _check()) == "4"
    assert sent[0]["started_at"] == "2023-11-14T22:13:20Z"
    assert sent[0]["head_sha"] == runs.HEAD


async def test_without_a_credential_it_says_what_to_set() -> None:
    with pytest.raises(ForgeRefused, match="DELTA_GITHUB__TOKEN"):
        async with connect(GitHubSettings(), *runs.at(runs.pull_request())):
            pass


async def test_connect_gives_a_forge() -> None:
    async with connect(GitHubSettings.model_validate({"token": "t"}), *runs.at(runs.pull_request())) as github:
        port: Forge = github
        assert port is github
        assert github._github.config.auto_retry is None  # a create that is tried again could be a second one


def _check() -> Any:

    return desired(runs.passed(), "").checks[0]
