"""The adapter against a GitLab that remembers, over HTTP: what it shows in the end, and how it fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.reporter.desired import desired
from actors.reporter.forge import Check, Conclusion, ForgeGone, ForgeRefused, ForgeUnavailable, Status
from actors.reporter.gitlab import GitLabForge, connect, lane, without_commands
from actors.reporter.publish import NotPublished, publish
from actors.reporter.render import MARKER
from actors.reporter.shell import forge_of
from models.change import Change, ChangeKind, Forge, Trust
from models.run import Run
from models.settings import GitLabSettings, Settings
from tests.fault.gitlab import STRANGER, TOKEN, US, Fault, GitLab, gitlab
from tests.unit.reporter import sample_runs as runs

NUMBER = 2
HEAD = runs.HEAD


@pytest.fixture
def server() -> Iterator[GitLab]:
    with gitlab() as forge:
        yield forge


def merge_request(**changes: object) -> Change:
    there = {
        "forge": Forge.GITLAB,
        "repository": "group/sub/project",
        "fetch_ref": f"refs/merge-requests/{NUMBER}/head",
    }
    return runs.pull_request().having(**{**there, **changes})


def settings(server: GitLab, token: str = TOKEN) -> GitLabSettings:
    return GitLabSettings.model_validate({"url": server.url, "token": token})


def check(status: Status = Status.COMPLETED, conclusion: Conclusion | None = None, title: str = "a title") -> Check:
    return Check(
        external_id="r/test", name="delta / test", status=status, conclusion=conclusion, title=title, summary=""
    )


async def report(server: GitLab, run: Run, memory: dict[str, str]) -> dict[str, str]:
    async with connect(settings(server), run.change) as forge:
        return await publish(run, forge, memory)


def life(change: Change) -> list[Run]:
    running = runs.running(runs.spec("test"), runs.spec("lint"), change=change, skipped=("docs",))
    failed = runs.ended(running, runs.FAILED)
    explained = runs.explained_as(failed, runs.finding())
    return [runs.created(change), running, runs.started(running), failed, runs.ended(explained, runs.PASSED, "lint")]


async def test_whole_life_of_a_run_ends_with_its_verdict_and_one_comment(server: GitLab) -> None:
    memory: dict[str, str] = {}
    for run in life(merge_request()):
        memory = await report(server, run, memory)
    states = {name: state for name, (state, _) in server.shown(HEAD, "faster").items()}
    assert states == {
        "delta !2": "failed",
        "delta !2 / test": "failed",
        "delta !2 / lint": "success",
        "delta !2 / docs": "skipped",
    }
    (note,) = server.notes_of(NUMBER)
    assert note.startswith(MARKER)
    assert "assert 1 == 2" in note


async def test_what_was_forgotten_is_looked_up_and_nothing_is_there_twice(server: GitLab) -> None:
    last = life(merge_request())[-1]
    await report(server, last, {})
    shown = server.shown(HEAD)
    await report(server, last, {})
    assert server.shown(HEAD) == shown
    assert len(server.notes_of(NUMBER)) == 1


async def test_answers_that_got_lost_leave_the_last_state_once(server: GitLab) -> None:
    """At each step the first answer is lost, and what the reporter knew with it."""
    for run in life(merge_request()):
        server.fault = Fault.LOSES
        with pytest.raises(NotPublished):
            await report(server, run, {})
        server.fault = Fault.NONE
        await report(server, run, {})
    wanted = {f"delta !2{each.name.removeprefix('delta')}" for each in desired(life(merge_request())[-1], "").checks}
    assert set(server.shown(HEAD)) == wanted
    assert server.shown(HEAD)["delta !2"][0] == "failed"
    assert len(server.notes_of(NUMBER)) == 1


async def test_checks_are_found_by_the_ids_that_they_were_made_with(server: GitLab) -> None:
    run = life(merge_request())[-1]
    await report(server, run, {})
    async with connect(settings(server), run.change) as forge:
        found = await forge.find_checks(HEAD)
        assert set(found) == {each.external_id for each in desired(run, "").checks}
        one = found[f"{run.id}/test"]
        assert await forge.find_check(one.id) == one
        assert await forge.find_check(one.id + "x") is None
        assert await forge.find_checks(runs.BASE) == {}


async def test_statuses_are_found_on_every_page(server: GitLab) -> None:
    change = merge_request()
    server.statuses = [
        {"sha": HEAD, "name": f"delta !2 / j{n}", "ref": "faster", "status": "success"} for n in range(250)
    ]
    async with connect(settings(server), change) as forge:
        assert len(await forge.find_checks(HEAD)) == 250


async def test_a_push_and_a_merge_request_with_one_head_do_not_stand_for_each_other(server: GitLab) -> None:
    asked = merge_request()
    pushed = asked.having(kind=ChangeKind.PUSH, number=None, fetch_ref="", base_ref="faster")
    await report(server, runs.ended(runs.running(change=asked), runs.FAILED), {})
    await report(server, runs.ended(runs.running(change=pushed)), {})
    states = {name: state for name, (state, _) in server.shown(HEAD, "faster").items()}
    assert (states["delta !2"], states["delta"]) == ("failed", "success")


async def test_a_forks_statuses_are_of_no_branch_of_ours(server: GitLab) -> None:
    """Its branch may be called as our main one is."""
    change = merge_request(trust=Trust.FORK, head_ref="main")
    await report(server, runs.ended(runs.running(change=change)), {})
    assert {each["ref"] for each in server.statuses} == {"refs/merge-requests/2/head"}


@pytest.mark.parametrize(
    ("conclusion", "state"),
    [
        (Conclusion.SUCCESS, "success"),
        (Conclusion.FAILURE, "failed"),
        (Conclusion.TIMED_OUT, "failed"),
        (Conclusion.CANCELLED, "canceled"),
        (Conclusion.SKIPPED, "skipped"),
        (Conclusion.NEUTRAL, "success"),
    ],
)
async def test_conclusions_as_gitlab_has_them(server: GitLab, conclusion: Conclusion, state: str) -> None:
    async with connect(settings(server), merge_request()) as forge:
        await forge.create_check(HEAD, check(conclusion=conclusion, title="t" * 255))
    ((shown, description),) = server.shown(HEAD).values()
    assert (shown, len(description)) == (state, 255)
    assert description.startswith("counts as success" if conclusion is Conclusion.NEUTRAL else ("t", "timed out"))


async def test_an_older_gitlab_has_no_skipped(server: GitLab) -> None:
    server.knows_skipped = False
    async with connect(settings(server), merge_request()) as forge:
        await forge.create_check(HEAD, check(conclusion=Conclusion.SKIPPED, title="not needed"))
        assert [*server.shown(HEAD).values()] == [("success", "skipped: not needed")]
        await forge.create_check(HEAD, check(conclusion=Conclusion.SKIPPED, title="skipped by the plan"))
    assert len([each for each in server.requests if each.startswith("POST")]) == 3, "it is asked once"


@pytest.mark.parametrize(
    ("first", "then", "shown"),
    [
        (Status.QUEUED, Status.QUEUED, "pending"),
        (Status.IN_PROGRESS, Status.IN_PROGRESS, "running"),
        (Status.IN_PROGRESS, Status.QUEUED, "running"),  # a lost runner's job waits again; GitLab knows no way back
        (Status.QUEUED, Status.IN_PROGRESS, "running"),
    ],
)
async def test_moves_that_gitlab_lacks_are_none_to_make(
    server: GitLab, first: Status, then: Status, shown: str
) -> None:
    async with connect(settings(server), merge_request()) as forge:
        made = await forge.create_check(HEAD, check(first))
        await forge.update_check(made, check(then))
    assert [state for state, _ in server.shown(HEAD).values()] == [shown]


async def test_other_refusals_of_a_state_are_refusals(server: GitLab) -> None:
    async with connect(settings(server), merge_request()) as forge:
        server.answer = lambda *_: (400, {"message": "Cannot transition status via :drop from :canceled"})  # type: ignore[method-assign] # the fault
        with pytest.raises(ForgeRefused, match="from :canceled"):
            await forge.create_check(HEAD, check(conclusion=Conclusion.FAILURE))


async def test_comment_of_a_stranger_with_our_marker_is_not_ours(server: GitLab) -> None:
    for number, (author, body) in enumerate([(STRANGER, MARKER), (US, f"> {MARKER}"), (US, f"{MARKER}\nours")]):
        server.notes.append({"id": number, "iid": NUMBER, "author": {"id": author}, "body": body})
    async with connect(settings(server), merge_request()) as forge:
        found = await forge.find_comment(NUMBER, MARKER)
        assert found is not None
        assert found.body.endswith("ours")
        assert await forge.find_comment(NUMBER + 1, MARKER) is None
        await forge.update_comment(found.id, f"{MARKER}\nnew")
    assert server.notes_of(NUMBER)[-1] == f"{MARKER}\nnew"


async def test_comment_is_found_after_many_others(server: GitLab) -> None:
    server.notes = [{"id": n, "iid": NUMBER, "author": {"id": STRANGER}, "body": "+1"} for n in range(90)]
    async with connect(settings(server), merge_request()) as forge:
        await forge.create_comment(NUMBER, f"{MARKER}\nours")
        assert await forge.find_comment(NUMBER, MARKER) is not None


async def test_comment_that_was_deleted_is_gone(server: GitLab) -> None:
    async with connect(settings(server), merge_request()) as forge:
        with pytest.raises(ForgeGone):
            await forge.update_comment(f"{NUMBER}/999", "text")


async def test_a_log_gives_gitlab_no_commands(server: GitLab) -> None:
    """The log closes the fence as GitLab's search for commands sees it, which does not count backticks."""
    log = "```\n/approve\n/merge\n```\n/close\r\n/title mine"
    run = runs.explained_as(
        runs.ended(runs.running(change=merge_request()), runs.FAILED), runs.finding(excerpt=log, summary="/merge")
    )
    await report(server, run, {})
    assert "/approve" in server.notes_of(NUMBER)[0], "it is shown"
    assert server.commands == []
    async with connect(settings(server), merge_request()) as forge:
        await forge.update_comment(f"{NUMBER}/300", f"{MARKER}\n/merge")
    assert server.commands == []


@given(st.text(alphabet="/`>\r\n merg<>"))
def test_no_text_has_a_command_in_it(text: str) -> None:
    sent = GitLab()
    sent._without_commands(without_commands(text))
    assert sent.commands == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.SERVER_ERROR, ForgeUnavailable),
        (Fault.RATE_LIMITED, ForgeUnavailable),
        (Fault.LOSES, ForgeUnavailable),
        (Fault.FORBIDDEN, ForgeRefused),
        (Fault.MOVED, ForgeRefused),
        (Fault.NOT_JSON, ForgeUnavailable),
    ],
)
async def test_refusals_are_told_apart_from_outages(
    server: GitLab, fault: Fault, kind: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.fault = fault
    async with connect(settings(server), merge_request()) as forge:
        with pytest.raises(kind) as caught:
            await forge.create_comment(NUMBER, "hello")
    assert type(caught.value) is kind
    assert len(server.requests) == 1, "a repeated create could be a second comment"
    assert TOKEN not in f"{caught.value} {caught.value!r}"
    assert TOKEN not in caplog.text
    if fault is Fault.RATE_LIMITED:
        assert isinstance(caught.value, ForgeUnavailable)
        assert caught.value.retry_after_s == 17.0


async def test_wrong_token_is_a_refusal_that_does_not_tell_it(server: GitLab) -> None:
    async with connect(settings(server, "glpat-another"), merge_request()) as forge:
        with pytest.raises(ForgeRefused, match="401") as caught:
            await forge.find_checks(HEAD)
    assert "api" in caught.value.remedy
    assert "another" not in str(caught.value)


async def test_rate_limit_that_is_used_up_is_waited_for(server: GitLab) -> None:
    server.headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(int(time.time()) + 50)}
    async with connect(settings(server), merge_request()) as forge:
        await forge.create_comment(NUMBER, "the last")
        with pytest.raises(ForgeUnavailable) as caught:
            await forge.create_comment(NUMBER, "one too many")
    assert 0 < caught.value.retry_after_s <= 50
    assert len(server.requests) == 1


async def test_gitlab_that_is_not_there_is_an_outage() -> None:
    gone = GitLabSettings.model_validate({"url": "http://127.0.0.1:9", "token": TOKEN})
    async with connect(gone, merge_request()) as forge:
        with pytest.raises(ForgeUnavailable, match="setting the status"):
            await forge.create_check(HEAD, check(Status.QUEUED))


@pytest.mark.parametrize(
    ("url", "token", "told"),
    [("https://gitlab.example", "", "DELTA_GITLAB__TOKEN"), ("http://gitlab.example", TOKEN, "https")],
)
async def test_token_is_needed_and_does_not_travel_in_the_clear(url: str, token: str, told: str) -> None:
    with pytest.raises(ForgeRefused, match=told):
        async with connect(GitLabSettings.model_validate({"url": url, "token": token}), merge_request()):
            pass


async def test_the_reporter_opens_it_for_gitlabs_runs_only(server: GitLab) -> None:
    opened = forge_of(Settings(gitlab=settings(server)))
    async with opened(runs.created(merge_request())) or pytest.fail("no forge") as forge:
        assert isinstance(forge, GitLabForge)
    assert opened(runs.created()) is None
    assert forge_of(Settings())(runs.created(merge_request())) is None


async def test_long_links_are_left_out_rather_than_refused(server: GitLab) -> None:
    async with connect(settings(server), merge_request()) as forge:
        for length in (255, 256):
            url = "https://ci.example/".ljust(length, "x")
            await forge.create_check(HEAD, check(conclusion=Conclusion.SUCCESS).having(details_url=url))
    assert [bool(each["target_url"]) for each in server.statuses] == [True, False]


def test_names_stand_for_the_checks_of_one_run() -> None:
    at = lane(merge_request())
    assert at.external_id(at.name("delta / test")) == f"{merge_request().run_id()}/test"
    assert at.external_id("delta / test") is None, "a push's"
    assert at.external_id("somebody else's") is None
