"""Committing: everything in one step, or nothing; and nothing is lost among many who do."""

from __future__ import annotations

import asyncio

import pytest

from cluster.store.store import Store
from models.commands import Enqueue, Learn, MakePlan, NoteFix, Report, Retire
from models.errors import InfrastructureError, NotFound, VersionConflict
from models.events import Event, EventKind
from models.ids import JobId, LeaseToken, RunId, RunnerId
from models.lifecycle.attempts import finish, lease
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.machines import RunState
from models.plan import Plan
from models.run import Run
from tests.contract.store.conftest import Join
from tests.unit.core.samples import NOW, PASSED, TOKEN, attempt_of, change, plan, spec, sure

RUN = change().run_id()


async def put(store: Store, *jobs: str) -> Run:
    """A planned run with these jobs, which need nothing."""
    run = await store.runs.commit(create(change(), NOW))
    return await store.runs.commit(sure(planned(run, plan_of(*jobs), NOW)))


def plan_of(*jobs: str) -> Plan:
    return plan(*(spec(job) for job in jobs))


async def everything(store: Store) -> tuple[Run, list[object], list[object]]:
    return await store.runs.load(RUN), [*await store.runs.events(RUN)], [*await store.runs.outbox(RUN)]


async def test_a_commit_writes_record_events_and_commands(store: Store) -> None:
    written = await store.runs.commit(create(change(), NOW))
    assert written.version == 1
    assert await store.runs.load(RUN) == written
    assert [event.kind for _, event in await store.runs.events(RUN)] == [EventKind.RUN_CREATED]
    assert [command for _, command in await store.runs.outbox(RUN)] == [MakePlan(), Report()]
    assert await store.runs.active() == [RUN]
    assert await store.runs.recent(10) == [written]


async def test_a_record_with_all_it_can_hold_comes_back_as_it_was(store: Store) -> None:
    run = await put(store, "test")
    current = attempt_of(run, "test")
    runner = RunnerId("runner-1")
    run = await store.runs.commit(
        sure(lease(run, JobId("test"), current, token=TOKEN, runner=runner, session="s", now=NOW + 0.25))
    )
    run = await store.runs.commit(sure(finish(run, JobId("test"), current, token=TOKEN, result=PASSED, now=NOW + 1)))
    assert await store.runs.load(RUN) == run
    assert [command for _, command in await store.runs.outbox(RUN)][-5:] == [
        NoteFix(job=JobId("test")),
        Report(),
        Report(),
        Learn(),
        Retire(),
    ]


async def test_a_commit_on_an_old_version_writes_no_record_no_event_and_no_command(store: Store) -> None:
    run = await put(store, "test")
    fresh = await store.runs.commit(sure(cancel(run, "ada", NOW)))
    before = await everything(store)
    late = sure(
        lease(
            run, JobId("test"), attempt_of(run, "test"), token=TOKEN, runner=RunnerId("late"), session="s", now=NOW + 9
        )
    )
    with pytest.raises(VersionConflict, match="no longer at version 2"):
        await store.runs.commit(Decision(run=late.run, events=late.events, commands=(Report(), Retire())))
    assert await everything(store) == before
    assert (await store.runs.load(RUN)) == fresh


async def test_a_second_run_of_the_same_id_is_refused(store: Store) -> None:
    await store.runs.commit(create(change(), NOW))
    before = await everything(store)
    with pytest.raises(VersionConflict):
        await store.runs.commit(create(change(), NOW + 1))
    assert await everything(store) == before


async def test_of_two_commits_on_one_version_exactly_one_is_written(store: Store) -> None:
    run = await put(store, "a", "b")
    decisions = [sure(cancel(run, f"person {number}", NOW)) for number in range(20)]
    answers = await asyncio.gather(*(store.runs.commit(one) for one in decisions), return_exceptions=True)
    assert sum(isinstance(answer, Run) for answer in answers) == 1
    assert sum(isinstance(answer, VersionConflict) for answer in answers) == 19
    assert (await store.runs.load(RUN)).version == 3


async def test_fifty_clients_that_apply_at_once_lose_nothing_to_each_other(store: Store, join: Join) -> None:
    """Each is its own client, as the processes of a cluster are."""
    await put(store)

    async def add(name: str) -> None:
        told = Event(kind=EventKind.JOB_STARTED, at=NOW, detail=name)
        await join().runs.apply(
            RUN, lambda run: Decision(run=run.having(detail=f"{run.detail} {name}"), events=(told,))
        )

    names = [f"client-{number}" for number in range(50)]
    await asyncio.gather(*(add(name) for name in names))
    after = await store.runs.load(RUN)
    assert after.version == 2 + 50
    assert sorted(after.detail.split()) == sorted(names)
    # The events tell the order of the commits, so they must agree with the record.
    told = [event.detail for _, event in await store.runs.events(RUN) if event.kind is EventKind.JOB_STARTED]
    assert told == after.detail.split()


async def test_fifty_jobs_of_a_run_that_end_at_once_all_count(store: Store) -> None:
    jobs = [f"job-{number}" for number in range(50)]
    run = await put(store, *jobs)

    async def work(name: str) -> None:
        job, current, token = JobId(name), attempt_of(run, name), LeaseToken(f"token of {name}")
        runner = RunnerId(f"runner of {name}")
        await store.runs.apply(
            RUN, lambda run: lease(run, job, current, token=token, runner=runner, session="s", now=NOW)
        )
        await store.runs.apply(RUN, lambda run: finish(run, job, current, token=token, result=PASSED, now=NOW))

    await asyncio.gather(*(work(job) for job in jobs))
    after = await store.runs.load(RUN)
    assert after.state is RunState.PASSED
    assert after.version == 2 + 2 * len(jobs)
    assert {job.attempt.lease.token for job in after.jobs if job.attempt.lease} == {f"token of {job}" for job in jobs}
    told = [event.kind for _, event in await store.runs.events(RUN)]
    assert told.count(EventKind.JOB_LEASED) == told.count(EventKind.JOB_FINISHED) == len(jobs)
    assert told.count(EventKind.RUN_FINISHED) == 1
    offered = {command.attempt for _, command in await store.runs.outbox(RUN) if isinstance(command, Enqueue)}
    assert len(offered) == len(jobs)


async def test_applying_decides_anew_on_what_is_there_by_then(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(store, "test")
    seen: list[int] = []

    def decide(run: Run) -> Decision | None:
        seen.append(run.version)
        return Decision(run=run.having(detail=f"{run.detail}."))

    async def interfere(run: RunId) -> Run:
        monkeypatch.undo()
        record = await store.runs.load(run)
        await store.runs.commit(Decision(run=record.having(detail="theirs")))
        return record

    monkeypatch.setattr(store.runs, "load", interfere)
    written = await store.runs.apply(RUN, decide)
    assert seen == [2, 3]
    assert written.detail == "theirs."
    assert await store.runs.load(RUN) == written


async def test_applying_nothing_writes_nothing(store: Store) -> None:
    run = await put(store, "test")
    before = await everything(store)
    assert await store.runs.apply(RUN, lambda _: None) == run
    assert await everything(store) == before


async def test_a_command_stays_in_the_outbox_until_it_was_performed(store: Store) -> None:
    await store.runs.commit(create(change(), NOW))
    (first, _), (second, _) = await store.runs.outbox(RUN)
    await store.runs.performed(RUN, [first])
    await store.runs.performed(RUN, [first])
    assert await store.runs.outbox(RUN) == [(second, Report())]


async def test_a_run_is_active_from_its_first_commit_until_it_is_retired_and_again_with_new_commands(
    store: Store,
) -> None:
    run = await put(store, "test")
    assert await store.runs.is_active(RUN)
    await store.runs.retire(RUN)
    await store.runs.retire(RUN)
    assert await store.runs.active() == []
    await store.runs.commit(Decision(run=run, commands=(Report(),)))
    assert await store.runs.active() == [RUN]


async def test_an_unknown_run_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no run 'r-unknown'"):
        await store.runs.load(RunId("r-unknown"))


async def test_events_wake_whoever_waits_for_them(store: Store) -> None:
    run = await put(store, "test")
    last = (await store.runs.events(RUN))[-1][0]
    waiting = asyncio.create_task(store.runs.events(RUN, after=last, block_ms=20_000))
    await store.runs.commit(sure(cancel(run, "ada", NOW)))
    told = await waiting
    assert [event.kind for _, event in told] == [EventKind.JOB_FINISHED, EventKind.RUN_FINISHED]


async def test_recent_runs_come_newest_first(store: Store) -> None:
    for age in range(3):
        await store.runs.commit(create(change(f"nonce {age}"), NOW - age))
    assert [run.created_at for run in await store.runs.recent(10)] == [NOW, NOW - 1, NOW - 2]
    assert [run.created_at for run in await store.runs.recent(1)] == [NOW]


async def test_events_are_read_from_where_a_reader_was_and_from_the_end(store: Store) -> None:
    run = await put(store, "test")
    everything = await store.runs.events(RUN)
    for at, (entry, _) in enumerate(everything):
        assert await store.runs.events(RUN, after=entry) == everything[at + 1 :]
    assert await store.runs.events(RUN, after="$") == []
    waiting = asyncio.create_task(store.runs.events(RUN, after="$", block_ms=20_000))
    while not waiting.done():  # "$" is where the stream ends when the question arrives, which is not told
        run = await store.runs.commit(Decision(run=run, events=everything[0][1:]))
        await asyncio.sleep(0)
    assert {event.kind for _, event in await waiting} == {EventKind.RUN_CREATED}


async def test_what_is_no_entry_id_is_refused(store: Store) -> None:
    with pytest.raises(InfrastructureError):
        await store.runs.events(RUN, after="yesterday")
