from __future__ import annotations

import pytest

from actors.reporter.forge import Conclusion, ForgeGone, ForgeRefused, ForgeUnavailable, Status
from actors.reporter.publish import NotPublished, publish
from models.ids import CommitId
from models.lifecycle.cancel import cancel
from tests.unit.reporter import sample_runs as runs
from tests.unit.reporter.memory_forge import MemoryForge

DOWN = ForgeUnavailable("GitHub does not answer", retry_after_s=30.0)
FORBIDDEN = ForgeRefused("403", remedy="grant it")


async def test_new_run_gets_one_check_a_job_and_one_for_the_whole_but_no_comment_yet() -> None:
    forge = MemoryForge()
    ids = await publish(runs.running(runs.spec("test"), runs.spec("lint"), skipped=("docs",)), forge, {})
    assert forge.calls == [f"create_check {name}" for name in ("delta", "delta / test", "delta / lint", "delta / docs")]
    assert {"summary", "check:test", "check:lint", "check:docs"} <= set(ids)


async def test_same_fact_delivered_twice_writes_nothing_and_asks_nothing() -> None:
    forge = MemoryForge()
    ids = await publish(runs.failed(), forge, {})
    forge.calls.clear()
    forge.reads.clear()
    assert await publish(runs.failed(), forge, ids) == ids
    assert forge.calls == []
    assert forge.reads == []


async def test_only_what_changed_is_sent() -> None:
    forge = MemoryForge()
    run = runs.running(runs.spec("test"), runs.spec("lint"))
    ids = await publish(run, forge, {})
    forge.calls.clear()
    await publish(runs.started(run, "lint"), forge, ids)
    assert forge.calls == ["update_check delta", "update_check delta / lint"]


async def test_whole_life_of_a_run_ends_with_one_check_a_job_and_one_comment() -> None:
    forge, ids = MemoryForge(), dict[str, str]()
    created = runs.created()
    running = runs.running()
    for run in (created, running, runs.started(running), runs.ended(running, runs.FAILED), runs.failed()):
        ids = await publish(run, forge, ids)
    assert len(forge.checks) == 2
    assert len(forge.comments) == 1
    summary = forge.checks[ids["summary"]]
    assert (summary.status, summary.conclusion) == (Status.COMPLETED, Conclusion.FAILURE)
    assert "assert 1 == 2" in next(iter(forge.comments.values()))


async def test_forgotten_ids_are_looked_up_and_nothing_is_made_twice() -> None:
    forge = MemoryForge()
    await publish(runs.failed(), forge, {})
    await publish(runs.failed(), forge, {})
    assert len(forge.checks) == 2
    assert len(forge.comments) == 1
    assert list(forge.remarks.values()) == [0, 1]


@pytest.mark.parametrize("lost", ["create_check delta", "create_check delta / test", "create_comment"])
async def test_answer_that_got_lost_makes_no_duplicate(lost: str) -> None:
    forge = MemoryForge(after={lost: DOWN})
    with pytest.raises(NotPublished) as caught:
        await publish(runs.failed(), forge, {})
    await publish(runs.failed(), forge, caught.value.ids)
    assert sorted(check.name for check in forge.checks.values()) == ["delta", "delta / test"]
    assert len(forge.comments) == 1


async def test_annotations_are_not_added_again_when_the_answer_to_them_got_lost() -> None:
    forge = MemoryForge()
    ids = await publish(runs.ended(runs.running(), runs.FAILED), forge, {})
    forge.after = {"update_check delta / test": DOWN}
    with pytest.raises(NotPublished):
        await publish(runs.failed(), forge, ids)
    await publish(runs.failed(), forge, ids)
    assert forge.remarks[ids["check:test"]] == 1


async def test_forge_that_is_down_is_not_asked_on_and_keeps_what_was_done() -> None:
    forge = MemoryForge(before={"create_check delta / test": DOWN})
    with pytest.raises(NotPublished) as caught:
        await publish(runs.failed(), forge, {})
    assert caught.value.again
    assert caught.value.retry_after_s == 30.0
    assert forge.calls == ["create_check delta"]
    assert "summary:sent" in caught.value.ids


async def test_refused_check_does_not_hold_up_the_comment() -> None:
    forge = MemoryForge(before={"create_check delta": FORBIDDEN})
    with pytest.raises(NotPublished) as caught:
        await publish(runs.failed(), forge, {})
    assert not caught.value.again
    assert caught.value.remedy == "grant it"
    assert forge.calls == ["create_check delta / test", "create_comment"]


async def test_comment_deleted_by_a_person_is_written_again() -> None:
    forge = MemoryForge()
    ids = await publish(runs.ended(runs.running(), runs.FAILED), forge, {})
    forge.comments.clear()
    await publish(runs.failed(), forge, ids)
    assert len(forge.comments) == 1


async def test_comment_deleted_between_look_and_write_is_written_again() -> None:
    forge = MemoryForge()
    ids = await publish(runs.ended(runs.running(), runs.FAILED), forge, {})
    forge.before = {"update_comment": ForgeGone("404")}
    ids = await publish(runs.failed(), forge, ids)
    assert forge.comments[ids["comment"]].count("assert 1 == 2")


async def test_next_push_takes_the_comment_over_and_the_older_run_does_not_take_it_back() -> None:
    forge = MemoryForge()
    old = runs.running()
    old_ids = await publish(runs.ended(old, runs.FAILED), forge, {})
    newer = runs.running(change=runs.pull_request(head=CommitId("a" * 40)), now=runs.NOW + 60)
    await publish(newer, forge, {})
    assert [newer.id in body for body in forge.comments.values()] == [True]
    await publish(runs.failed(), forge, old_ids)
    assert [newer.id in body for body in forge.comments.values()] == [True]


async def test_run_in_progress_looks_for_a_comment_once() -> None:
    forge = MemoryForge()
    run = runs.running()
    ids = await publish(run, forge, {})
    ids = await publish(runs.started(run), forge, ids)
    assert forge.reads.count("find_comment 2") == 1
    await publish(runs.ended(run), forge, ids)
    assert len(forge.comments) == 1


async def test_push_gets_no_comment() -> None:
    forge = MemoryForge()
    change = runs.pull_request().having(number=None)
    await publish(runs.ended(runs.running(change=change), runs.FAILED), forge, {})
    assert forge.comments == {}
    assert forge.reads == ["find_checks"]


async def test_memory_that_was_passed_is_left_as_it_was() -> None:
    memory: dict[str, str] = {}
    await publish(runs.failed(), MemoryForge(), memory)
    assert memory == {}


@pytest.mark.parametrize("lost", range(1, 11))
async def test_crash_after_any_one_write_of_a_life_duplicates_nothing(lost: int) -> None:
    """The answer to one write is lost, and nothing of that report is remembered; the next report repeats it."""
    forge = MemoryForge(lose=lost)
    ids: dict[str, str] = {}
    running = runs.running()
    for run in (runs.created(), running, runs.started(running), runs.ended(running, runs.FAILED), runs.failed()):
        try:
            ids = await publish(run, forge, ids)
        except NotPublished:
            ids = await publish(run, forge, ids)
    assert sorted(check.name for check in forge.checks.values()) == ["delta", "delta / test"]
    assert len(forge.comments) == 1
    assert sum(forge.remarks.values()) == 1


async def test_cancelled_run_concludes_everything() -> None:
    forge = MemoryForge()
    run = runs.running(runs.spec("test"), runs.spec("deploy", "test"))
    ids = await publish(run, forge, {})
    decision = cancel(run, "octocat", runs.NOW + 5)
    assert decision is not None
    await publish(decision.run, forge, ids)
    assert {check.conclusion for check in forge.checks.values()} == {Conclusion.CANCELLED}
