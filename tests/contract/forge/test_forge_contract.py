"""What the reporter relies on of a forge: held by the one in memory, and by Gitea's adapter before a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import pytest
from pydantic import SecretStr

from actors.reporter.desired import desired
from actors.reporter.forge import Check, Conclusion, Forge, ForgeUnavailable, FoundComment
from actors.reporter.gitea import connect
from actors.reporter.publish import NotPublished, publish
from actors.reporter.render import MARKER
from models.ids import CommitId
from models.run import Run
from models.settings import GiteaSettings
from tests.e2e.forge.gitea_server import TOKEN, serving
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.memory_forge import MemoryForge

OTHER = CommitId("1" * 40)


class Place(NamedTuple):
    """A forge, how to make it lose the answer of a write (counted from 1), and what people see there."""

    forge: Forge
    lose: Callable[[int], None]
    checks: Callable[[], set[str]]
    comments: Callable[[], list[str]]


@pytest.fixture(params=["memory", "gitea"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "memory":
        memory = MemoryForge()
        yield Place(
            memory,
            lambda number: setattr(memory, "lose", number),
            lambda: {check.name for check in memory.checks.values()},
            lambda: [*memory.comments.values()],
        )
        return
    with serving() as server:
        settings = GiteaSettings(url=server.url, token=SecretStr(TOKEN))
        async with connect(settings, runs.pull_request()) as forge:
            yield Place(
                forge,
                lambda number: setattr(server, "lose", number),
                lambda: set(server.shown(runs.HEAD)),
                lambda: [comment["body"] for comment in server.comments.values()],
            )


def summary(run: Run) -> Check:
    return desired(run, "").checks[0]


async def test_check_is_found_by_its_external_id_under_the_id_that_was_given(place: Place) -> None:
    assert await place.forge.find_checks(runs.HEAD) == {}
    ids = {check.external_id: await place.forge.create_check(runs.HEAD, check) for check in checks()}
    found = await place.forge.find_checks(runs.HEAD)
    assert {external_id: each.id for external_id, each in found.items()} == ids
    assert await place.forge.find_checks(OTHER) == {}


async def test_check_is_changed_in_place(place: Place) -> None:
    key = await place.forge.create_check(runs.HEAD, summary(runs.created()))
    await place.forge.update_check(key, summary(runs.passed()))
    assert place.checks() == {"delta"}
    assert len(await place.forge.find_checks(runs.HEAD)) == 1
    known = await place.forge.find_check(key)
    assert known is not None
    assert (known.id, known.annotations) == (key, 0)


async def test_comment_is_found_by_its_marker_on_its_pull_request(place: Place) -> None:
    assert await place.forge.find_comment(2, MARKER) is None
    await place.forge.create_comment(2, f"quoting {MARKER}")
    assert await place.forge.find_comment(2, MARKER) is None
    key = await place.forge.create_comment(2, f"{MARKER} one")
    await place.forge.create_comment(2, f"{MARKER} two")
    assert await place.forge.find_comment(2, MARKER) == FoundComment(id=key, body=f"{MARKER} one")
    assert await place.forge.find_comment(3, MARKER) is None


async def test_comment_is_replaced(place: Place) -> None:
    key = await place.forge.create_comment(2, f"{MARKER} ⚡ one")
    await place.forge.update_comment(key, f"{MARKER} zwei ü")
    assert place.comments() == [f"{MARKER} zwei ü"]


async def test_lost_answer_is_an_outage_after_the_effect(place: Place) -> None:
    place.lose(1)
    with pytest.raises(ForgeUnavailable):
        await place.forge.create_comment(2, MARKER)
    assert place.comments() == [MARKER]


async def test_whole_life_of_a_run_ends_with_one_check_a_job_and_one_comment(place: Place) -> None:
    ids: dict[str, str] = {}
    running = runs.running()
    for run in (runs.created(), running, runs.started(running), runs.ended(running, runs.FAILED), runs.failed()):
        ids = await publish(run, place.forge, ids)
    assert place.checks() == {"delta", "delta / test"}
    (comment,) = place.comments()
    assert "assert 1 == 2" in comment


@pytest.mark.parametrize("write", range(1, 7))
async def test_whichever_answer_is_lost_nothing_is_there_twice(place: Place, write: int) -> None:
    place.lose(write)
    running = runs.running()
    ids: dict[str, str] = {}
    for run in (running, runs.started(running), runs.failed(), runs.failed()):
        try:
            ids = await publish(run, place.forge, ids)
        except NotPublished as error:
            ids = error.ids
    assert place.checks() == {"delta", "delta / test"}
    (comment,) = place.comments()
    assert "assert 1 == 2" in comment


def checks() -> tuple[Check, ...]:
    wanted = desired(runs.running(runs.spec("test"), skipped=("docs",)), "").checks
    assert {check.conclusion for check in wanted} == {None, Conclusion.SKIPPED}
    return wanted
