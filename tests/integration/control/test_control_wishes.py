"""What people ask of runs, and what bounds them: re-runs, supersession, groups, giving back, time-outs."""

from __future__ import annotations

import asyncio

from models.change import Change, ChangeKind
from models.ids import JobId, RunId, RunnerId
from models.inbox import Approve, Cancel, Rerun, Submit
from models.job import Concurrency
from models.machines import AttemptState, JobState, RunState
from models.result import Cause
from models.run import Run
from models.settings import TimeoutSettings
from tests.integration.control.plane import SHAPE, Make, Plane
from tests.unit.core.samples import FAILED, PASSED, change, spec, states

TEST = JobId("test")


def over(run: Run) -> bool:
    return run.over


def pull(head: str, at: float = 0.0) -> Change:
    return change(head).having(kind=ChangeKind.PULL_REQUEST, number=7, at=at)


async def sent(plane: Plane, what: Change) -> RunId:
    await plane.store.inbox.put(Submit(change=what))
    return what.run_id()


async def test_the_failed_jobs_run_again_and_their_first_attempts_stay(make: Make) -> None:
    plane = make(spec("good"), spec("bad"), spec("behind", "bad"))
    await plane.start()
    run_id = await plane.submit()
    for _ in range(2):
        grant = await plane.lease()
        await plane.orchestrator.finish(grant, FAILED if grant.job == "bad" else PASSED)
    await plane.until(run_id, over)
    await plane.retired()
    await plane.store.inbox.put(Rerun(run=run_id, which="failed", by="ada"))
    for name in ("bad", "behind"):
        grant = await plane.lease()
        assert grant.job == name
        await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    run = await plane.store.runs.load(run_id)
    assert run.state is RunState.PASSED
    assert [attempt.state for attempt in run.job(JobId("bad")).attempts] == [AttemptState.FAILED, AttemptState.PASSED]


async def test_a_run_that_waits_begins_with_its_approval_and_a_newer_push_waits_anew(make: Make) -> None:
    plane = make()
    plane.planner.held = "a fork"
    await plane.start()
    first = await sent(plane, pull("first"))
    assert states(await plane.until(first, lambda run: run.state is RunState.AWAITING_APPROVAL)) == {"test": "blocked"}
    await plane.store.inbox.put(Approve(run=first, by="ada"))
    assert (await plane.lease()).run == first
    second = await sent(plane, pull("second"))
    await plane.until(first, over)
    waiting = await plane.until(second, lambda run: run.state is RunState.AWAITING_APPROVAL)
    assert (states(waiting), waiting.approved_by) == ({"test": "blocked"}, "")
    await plane.store.inbox.put(Approve(run=first, by="ada"))  # of the commit before: it opens nothing
    third = await sent(plane, pull("third"))
    cancelled = await plane.until(second, over)
    assert states(cancelled) == {"test": "cancelled"}
    await plane.store.inbox.put(Rerun(run=second, which="all", by="eve"))  # no way around
    await plane.until(third, lambda run: run.state is RunState.AWAITING_APPROVAL)
    await plane.store.inbox.put(Approve(run=third, by="ada"))
    assert (await plane.lease("runner-2")).run == third
    assert (await plane.store.runs.load(second)).state is RunState.CANCELLED


async def test_a_newer_push_to_a_pull_request_cancels_the_older_run_and_its_runner_hears_it(make: Make) -> None:
    plane = make()
    await plane.start()
    old = await sent(plane, pull("old"))
    grant = await plane.lease()
    assert grant.run == old
    renewing = asyncio.create_task(plane.orchestrator.renew(grant.attempt, grant.token, 60.0))
    new = await sent(plane, pull("new"))
    assert await asyncio.wait_for(renewing, 30.0) is False
    cancelled = await plane.until(old, over)
    assert cancelled.state is RunState.CANCELLED
    assert new in cancelled.detail
    assert (await plane.lease("runner-2")).run == new


async def test_an_older_push_that_comes_late_is_the_one_that_is_cancelled(make: Make) -> None:
    plane = make()
    await plane.start()
    new = await sent(plane, pull("new", at=200.0))
    await plane.until(new, lambda run: run.plan is not None)
    late = await sent(plane, pull("late", at=100.0))
    assert (await plane.until(late, over)).state is RunState.CANCELLED
    assert not (await plane.store.runs.load(new)).over


async def test_pushes_to_a_branch_do_not_replace_each_other(make: Make) -> None:
    plane = make()
    await plane.start()
    runs = [await sent(plane, change(name).having(kind=ChangeKind.PUSH)) for name in ("one", "two")]
    for run in runs:
        await plane.until(run, lambda record: record.plan is not None)
    assert [(await plane.store.runs.load(run)).over for run in runs] == [False, False]


async def test_one_of_a_group_runs_at_a_time_and_the_older_run_is_next(make: Make) -> None:
    deploy = spec("deploy").having(concurrency=Concurrency(group="production"))
    plane = make(deploy)
    await plane.start()
    runs = []
    for name in ("first", "second", "third"):
        runs.append(await plane.submit(name))
        await plane.until(runs[-1], lambda run: run.plan is not None and run.jobs[0].state is not JobState.BLOCKED)
    for run in runs:
        grant = await plane.lease(f"runner of {run}")
        assert grant.run == run
        assert await plane.orchestrator.lease(RunnerId("idle"), SHAPE, 0.0) is None, "its place is taken"
        await plane.orchestrator.finish(grant, PASSED)


async def test_a_group_keeps_its_place_over_a_restart_and_frees_it_on_cancel(make: Make) -> None:
    plane = make(spec("deploy").having(concurrency=Concurrency(group="production")))
    await plane.start()
    first = await plane.submit("first")
    held = await plane.lease()
    second = await plane.submit("second")
    await plane.until(second, lambda run: run.plan is not None and run.jobs[0].state is JobState.QUEUED)
    await plane.orchestrator.stop()
    again = plane.new_orchestrator("boot-1")
    await again.start()
    assert held.run == first
    assert await again.lease(RunnerId("idle"), SHAPE, 0.0) is None
    await plane.store.inbox.put(Cancel(run=first, by="ada"))
    assert (await plane.lease("runner-2")).run == second


async def test_one_that_does_not_wait_for_its_group_is_cancelled_with_the_reason(make: Make) -> None:
    plane = make(spec("deploy").having(concurrency=Concurrency(group="production", queue=False)))
    await plane.start()
    await plane.submit("first")
    await plane.lease()
    second = await plane.until(await plane.submit("second"), over)
    assert second.state is RunState.CANCELLED
    assert "production" in second.jobs[0].detail


async def test_an_attempt_that_is_given_back_goes_to_the_next_runner(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    assert await plane.orchestrator.give_back(grant)
    again = await plane.lease("runner-2")
    assert again.attempt == grant.attempt
    assert again.token != grant.token
    assert not await plane.orchestrator.give_back(grant), "it is not his any more"
    assert states(await plane.store.runs.load(run)) == {"test": "active"}


async def test_what_nobody_takes_and_what_never_ends_is_ended(make: Make) -> None:
    plane = make()
    plane.settings = plane.settings.model_copy(update={"timeouts": TimeoutSettings(queue_s=0.05)})
    plane.supervisors = [plane.new_supervisor(number) for number in range(plane.settings.supervisors)]
    await plane.start()
    ended = await plane.until(await plane.submit(), over)
    assert ended.state is RunState.ERRORED
    result = ended.job(TEST).attempt.result
    assert result is not None
    assert result.cause is Cause.QUEUE_TIME
