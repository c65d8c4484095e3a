"""Finished runs move to where history is kept, and nobody can tell by reading."""

from __future__ import annotations

import time

import pytest

from cluster.store.store import Store
from models.errors import VersionConflict
from models.events import EventKind
from models.ids import AttemptId, JobId, RunId, RunnerId
from models.lifecycle.attempts import finish, lease
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create, planned
from models.lifecycle.rerun import ALL, rerun
from models.logs import LogChunk, LogSource
from models.machines import RunState
from models.run import Run
from tests.contract.store.conftest import Join
from tests.unit.core.samples import NOW, PASSED, TOKEN, attempt_of, change, plan, spec, sure

RUN = change().run_id()
TEST = JobId("test")


def soon() -> float:
    """A time by which everything that was retired was retired."""
    return time.time() + 60


def lines(attempt: AttemptId, count: int = 1200) -> list[LogChunk]:
    return [
        LogChunk(at=NOW, source=LogSource.JOB, step=0, text=f"{number} of {attempt} ∑\n") for number in range(count)
    ]


async def carried(store: Store, run: Run) -> None:
    """Every command was performed, and the run is retired."""
    for entry, _ in await store.runs.outbox(run.id):
        await store.runs.performed(run.id, [entry])
    await store.runs.retire(run.id)


async def finished(store: Store, nonce: str = "") -> Run:
    """A run of one job that passed, with a log, reported and retired."""
    run = await store.runs.commit(create(change(nonce), NOW))
    run = await store.runs.commit(sure(planned(run, plan(spec("test")), NOW)))
    return await passed(store, run)


async def passed(store: Store, run: Run) -> Run:
    """The job's present attempt passes."""
    current = attempt_of(run, "test")
    run = await store.runs.commit(
        sure(lease(run, TEST, current, token=TOKEN, runner=RunnerId("runner-1"), session="s", now=NOW))
    )
    await store.logs.append(current, lines(current))
    run = await store.runs.commit(sure(finish(run, TEST, current, token=TOKEN, result=PASSED, now=NOW + 1)))
    await store.reports.remember(run.id, {"comment": "7", "check:test": f"of {current}"})
    await carried(store, run)
    return run


async def told(store: Store, run: RunId) -> list[object]:
    """All there is to read about a run, with every entry id."""
    record = await store.runs.load(run)
    return [
        record,
        await store.runs.events(run),
        [await store.logs.read(attempt.id, count=5000) for job in record.jobs for attempt in job.attempts],
        await store.reports.ids(run),
        await store.runs.recent(10),
        await store.runs.active(),
    ]


async def test_a_moved_run_reads_as_before(store: Store, join: Join) -> None:
    await finished(store)
    before = await told(store, RUN)
    assert await store.runs.move_finished(soon()) == 1
    assert await told(store, RUN) == before
    assert await told(join(), RUN) == before
    assert await store.runs.move_finished(soon()) == 0


async def test_a_moved_log_and_moved_events_are_read_piece_by_piece(store: Store, join: Join) -> None:
    run = await finished(store)
    attempt = attempt_of(run, "test")
    everything = await store.logs.read(attempt, count=5000)
    events = await store.runs.events(RUN)
    await store.runs.move_finished(soon())
    assert await store.logs.whole(attempt) == lines(attempt)
    assert await store.logs.read(attempt, count=100) == everything[:100]
    for reader in (store, join()):  # one that goes on, and one that comes anew
        assert await reader.logs.read(attempt, after=everything[99][0], count=100) == everything[100:200]
    assert await store.logs.read(attempt, after=everything[99][0], count=5000) == everything[100:]
    assert await store.logs.read(attempt, after=everything[-1][0]) == []
    assert await store.logs.read(attempt, after="$") == []
    assert await store.runs.events(RUN, after=events[1][0]) == events[2:]
    assert await store.runs.events(RUN, after="$") == []


async def test_an_event_of_a_moved_run_s_change_is_still_a_duplicate(store: Store) -> None:
    await finished(store)
    await store.runs.move_finished(soon())
    before = await store.runs.load(RUN)
    with pytest.raises(VersionConflict):
        await store.runs.commit(create(change(), NOW + 9))
    assert await store.runs.load(RUN) == before
    assert [run.id for run in await store.runs.recent(10)] == [RUN]


async def test_a_moved_run_that_runs_again_goes_on_where_it_was_and_moves_once_more(store: Store) -> None:
    first = await finished(store)
    before = await told(store, RUN)
    await store.runs.move_finished(soon())
    run = await store.runs.apply(RUN, lambda run: rerun(run, ALL, "ada", NOW + 10))
    assert run.version == first.version + 1
    assert await store.runs.active() == [RUN]
    assert await store.runs.move_finished(soon()) == 0
    second = await passed(store, run)
    assert await store.logs.whole(attempt_of(first, "test")) == lines(attempt_of(first, "test"))
    assert await store.logs.whole(attempt_of(second, "test")) == lines(attempt_of(second, "test"))
    assert await store.reports.ids(RUN) == {"comment": "7", "check:test": f"of {attempt_of(second, 'test')}"}
    events = await store.runs.events(RUN)
    assert events[: len(before[1]) if isinstance(before[1], list) else 0] == before[1]
    assert [event.kind for _, event in events].count(EventKind.RUN_FINISHED) == 2
    before = await told(store, RUN)
    assert await store.runs.move_finished(soon()) == 1
    assert await told(store, RUN) == before


async def test_what_the_reporter_learns_late_about_a_moved_run_adds_up(store: Store) -> None:
    await finished(store)
    await store.runs.move_finished(soon())
    before = await store.runs.load(RUN)
    await store.reports.remember(RUN, {"check:delta": "2"})
    assert await store.reports.ids(RUN) == {"comment": "7", "check:test": f"of {RUN}.test.1", "check:delta": "2"}
    assert await store.runs.load(RUN) == before
    assert await store.runs.move_finished(soon()) == 1
    assert len(await store.reports.ids(RUN)) == 3


async def test_only_what_was_retired_long_enough_ago_moves(store: Store) -> None:
    await finished(store)
    assert await store.runs.move_finished(time.time() - 60) == 0
    assert await store.runs.move_finished(soon()) == 1


async def test_a_run_that_goes_on_or_is_still_to_be_reported_stays(store: Store) -> None:
    await finished(store, "reported later")
    await store.reports.due(change("reported later").run_id())
    run = await finished(store, "runs again")
    await store.runs.apply(run.id, lambda run: rerun(run, ALL, "ada", NOW + 10))
    waiting = await store.runs.commit(create(change("not over"), NOW))
    await store.runs.retire(waiting.id)
    assert await store.runs.move_finished(soon()) == 0
    run = await store.runs.apply(run.id, lambda run: cancel(run, "ada", NOW + 20))
    assert run.state is RunState.CANCELLED
    await carried(store, run)
    assert await store.runs.move_finished(soon()) == 1
