"""The adapter where it goes wrong: refusals, outages, strangers, odd set-ups. What it sends is tested with Prism."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from actors.reporter.desired import desired
from actors.reporter.forge import Check, Conclusion, Forge, ForgeGone, ForgeRefused, ForgeUnavailable, Status
from actors.reporter.gitea import GiteaForge, connect
from actors.reporter.render import MARKER
from actors.reporter.shell import forge_of
from models.change import ChangeKind
from models.change import Forge as ForgeName
from models.settings import GiteaSettings, Settings
from tests.e2e.forge.gitea_server import GHOST, STRANGER, TOKEN, US, Gitea, serving
from tests.unit.reporter import sample_runs as runs

CHANGE = runs.pull_request().having(forge=ForgeName.GITEA)


@pytest.fixture
def server() -> Iterator[Gitea]:
    with serving() as gitea:
        yield gitea


def settings(url: str, token: str = TOKEN) -> GiteaSettings:
    return GiteaSettings(url=url, token=SecretStr(token))


@asynccontextmanager
async def forge(server: Gitea) -> AsyncIterator[GiteaForge]:
    async with connect(settings(server.url), CHANGE) as opened:
        port: Forge = opened
        assert port is opened
        yield opened


def check(conclusion: Conclusion | None, title: str = "title", name: str = "delta") -> Check:
    status = Status.COMPLETED if conclusion else Status.QUEUED
    return Check(external_id="r", name=name, status=status, conclusion=conclusion, title=title, summary="s")


@pytest.mark.parametrize(
    ("conclusion", "state", "description"),
    [
        (None, "pending", "title"),
        (Conclusion.SUCCESS, "success", "title"),
        (Conclusion.FAILURE, "failure", "title"),
        (Conclusion.TIMED_OUT, "failure", "title (timed out)"),
        (Conclusion.CANCELLED, "error", "title"),
        (Conclusion.SKIPPED, "success", "title (does not block)"),
        (Conclusion.NEUTRAL, "success", "title (does not block)"),
    ],
)
async def test_each_conclusion_has_a_state_that_every_version_knows(
    server: Gitea, conclusion: Conclusion | None, state: str, description: str
) -> None:
    async with forge(server) as gitea:
        await gitea.create_check(runs.HEAD, check(conclusion))
    shown = server.shown(runs.HEAD)["delta"]
    assert (shown["state"], shown["description"]) == (state, description)


def test_no_conclusion_is_left_out() -> None:
    """The table above, held against all there are."""
    assert len(Conclusion) == 6


async def test_long_title_is_cut_and_its_note_is_not(server: Gitea) -> None:
    async with forge(server) as gitea:
        await gitea.create_check(runs.HEAD, check(Conclusion.SKIPPED, "ü" * 255))
    description = server.shown(runs.HEAD)["delta"]["description"]
    assert len(description) == 255
    assert description.endswith(" (does not block)")


@pytest.mark.parametrize(("most", "counts"), [(50, True), (50, False), (7, True), (7, False), (1, False)])
async def test_all_pages_are_read_whatever_the_server_gives_at_once(server: Gitea, most: int, counts: bool) -> None:
    server.most, server.counts = most, counts
    for number in range(51):
        server.add_status(runs.HEAD, {"context": f"delta / job{number}", "state": "success"})
    async with forge(server) as gitea:
        found = await gitea.find_checks(runs.HEAD)
    assert set(found) == {f"{CHANGE.run_id()}/job{number}" for number in range(51)}
    assert len(server.requests) == -(-51 // most) + (not counts)


async def test_statuses_of_others_are_not_ours(server: Gitea) -> None:
    for context in ("ci/woodpecker", "delta-lint", "delta / ", "deltas / test", "", "delta"):
        server.add_status(runs.HEAD, {"context": context, "state": "success"})
    async with forge(server) as gitea:
        assert set(await gitea.find_checks(runs.HEAD)) == {CHANGE.run_id()}


async def test_run_of_a_push_does_not_hide_what_the_pull_requests_run_found(server: Gitea) -> None:
    push = CHANGE.having(number=None, kind=ChangeKind.PUSH)
    async with forge(server) as gitea, connect(settings(server.url), push) as other:
        await gitea.create_check(runs.HEAD, check(Conclusion.FAILURE))
        await other.create_check(runs.HEAD, check(Conclusion.SUCCESS))
        assert set(await other.find_checks(runs.HEAD)) == {push.run_id()}
    assert server.shown(runs.HEAD)["delta"]["state"] == "failure"
    assert server.shown(runs.HEAD)["delta (push)"]["state"] == "success"


async def test_comment_of_a_stranger_or_of_nobody_with_our_marker_is_not_ours(server: Gitea) -> None:
    for user in (STRANGER, GHOST):
        server.add_comment(2, MARKER, user)
    ours = server.add_comment(2, MARKER, US)
    async with forge(server) as gitea:
        found = await gitea.find_comment(2, MARKER)
    assert found is not None
    assert found.id == str(ours)
    assert server.requests.count("GET /api/v1/user") == 1


async def test_whose_token_it_is_is_asked_only_when_it_matters(server: Gitea) -> None:
    server.add_comment(2, "hello", STRANGER)
    async with forge(server) as gitea:
        assert await gitea.find_comment(2, MARKER) is None
    assert "GET /api/v1/user" not in server.requests


async def test_comment_that_was_deleted_is_gone(server: Gitea) -> None:
    async with forge(server) as gitea:
        with pytest.raises(ForgeGone):
            await gitea.update_comment("5", "changed")


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait_s"),
    [
        (401, {}, ForgeRefused, 0),
        (403, {}, ForgeRefused, 0),
        (422, {}, ForgeRefused, 0),
        (423, {}, ForgeRefused, 0),  # an archived repository
        (301, {"Location": "http://127.0.0.1:1/"}, ForgeRefused, 0),
        (307, {"Location": "/api/v1/repos/new/name/issues/2/comments"}, ForgeRefused, 0),
        (404, {}, ForgeGone, 0),
        (410, {}, ForgeGone, 0),
        (500, {}, ForgeUnavailable, 0),
        (502, {}, ForgeUnavailable, 0),
        (429, {}, ForgeUnavailable, 0),
        (429, {"Retry-After": "17"}, ForgeUnavailable, 17),
        (503, {"Retry-After": "17"}, ForgeUnavailable, 17),
        (503, {"Retry-After": "99999999999999999999"}, ForgeUnavailable, 3600),
        (503, {"Retry-After": "-5"}, ForgeUnavailable, 0),
        (503, {"Retry-After": "soon"}, ForgeUnavailable, 0),
        (503, {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, ForgeUnavailable, 0),
    ],
)
async def test_refusals_are_told_apart_from_outages_and_nothing_is_tried_again(
    server: Gitea, status: int, headers: dict[str, str], kind: type[Exception], wait_s: float
) -> None:
    server.answer = (status, headers, '{"message": "no"}')
    async with forge(server) as gitea:
        with pytest.raises(kind) as caught:
            await gitea.create_comment(2, "hello")
    assert type(caught.value) is kind
    assert server.requests == ["POST /api/v1/repos/octocat/hello-world/issues/2/comments"]
    if isinstance(caught.value, ForgeUnavailable):
        assert caught.value.retry_after_s == wait_s


async def test_retry_after_may_be_a_date(server: Gitea) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=600), usegmt=True)
    server.answer = (503, {"Retry-After": later}, "")
    async with forge(server) as gitea:
        with pytest.raises(ForgeUnavailable) as caught:
            await gitea.create_comment(2, "hello")
    assert 0 < caught.value.retry_after_s <= 600


async def test_server_that_is_not_there_is_an_outage() -> None:
    with serving() as gone:
        pass
    async with connect(settings(gone.url), CHANGE) as gitea:
        with pytest.raises(ForgeUnavailable, match="posting the status"):
            await gitea.create_check(runs.HEAD, check(None))


@pytest.mark.parametrize("text", ["<html>Please sign in</html>", "[]", "null", '{"id": "x"}', "\xff", "[" * 100_000])
async def test_answer_that_is_not_giteas_says_what_to_look_at(server: Gitea, text: str) -> None:
    server.answer = (200, {}, text)
    async with forge(server) as gitea:
        with pytest.raises(ForgeRefused) as caught:
            await gitea.create_comment(2, "hello")
    assert "DELTA_GITEA__URL" in caught.value.remedy


async def test_token_is_in_no_error_and_no_log(server: Gitea, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.answer = (403, {}, f"the token {TOKEN} may not")
    async with forge(server) as gitea:
        with pytest.raises(ForgeRefused) as caught:
            await gitea.create_comment(2, "hello")
        await gitea.create_comment(2, "hello")
    assert "[token]" in str(caught.value)
    assert TOKEN not in str(caught.value) + repr(caught.value) + caplog.text


@pytest.mark.parametrize("token", ["two words", "a\nb", "tökén", "a\x00b"])
async def test_token_that_cannot_be_one_is_refused_unseen(token: str) -> None:
    with pytest.raises(ForgeRefused, match="DELTA_GITEA__TOKEN") as caught:
        async with connect(settings("https://gitea.example", token), CHANGE):
            pass
    assert token not in str(caught.value)


async def test_token_may_end_with_the_line_it_was_read_from(server: Gitea) -> None:
    async with connect(settings(f"{server.url}/", f"{TOKEN}\n"), CHANGE) as gitea:
        assert await gitea.find_checks(runs.HEAD) == {}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gitea.example",
        "ftp://gitea.example",
        "http://gitea.example",  # the token would be seen on its way
        "https://",
        "https://user:secret@gitea.example",
        "https://gitea.example?x=1",
        "https://[",
    ],
)
async def test_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ForgeRefused, match="DELTA_GITEA__URL") as caught:
        async with connect(settings(url), CHANGE):
            pass
    assert "secret" not in str(caught.value)


async def test_without_a_token_it_says_what_to_set() -> None:
    with pytest.raises(ForgeRefused) as caught:
        async with connect(settings("https://gitea.example", ""), CHANGE):
            pass
    assert "DELTA_GITEA__TOKEN" in caught.value.remedy


async def test_names_stay_in_their_place_of_the_address(server: Gitea) -> None:
    change = CHANGE.having(repository="a?b=c#d/na%2Fme ü")
    async with connect(settings(server.url), change) as gitea:
        with pytest.raises(ForgeGone):
            await gitea.create_comment(2, "x")
    assert server.requests == ["POST /api/v1/repos/a%3Fb%3Dc%23d/na%252Fme%20%C3%BC/issues/2/comments"]


def test_run_goes_to_its_own_forge_where_there_is_a_token() -> None:
    run = runs.created(CHANGE)
    assert forge_of(Settings(gitea=settings("https://gitea.example")))(run) is not None
    assert forge_of(Settings(gitea=GiteaSettings(url="https://gitea.example")))(run) is None
    only_github: Any = {"github": {"token": "t"}}
    assert forge_of(Settings(**only_github))(run) is None


async def test_summary_of_a_run_is_what_a_branch_protection_asks_for(server: Gitea) -> None:
    async with forge(server) as gitea:
        for each in desired(runs.passed(), "").checks:
            await gitea.create_check(runs.HEAD, each)
    assert set(server.shown(runs.HEAD)) == {"delta", "delta / test"}
