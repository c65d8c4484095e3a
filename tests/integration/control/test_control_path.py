"""From a message in the inbox to a retired run, through the real orchestrator and supervisors, on a real Redis."""

from __future__ import annotations

import pytest

from actors.supervisor import actor as supervisor_actor
from models.change import ChangeKind
from models.errors import ChangeError, InfrastructureError, InternalError
from models.ids import JobId, RunId, RunnerId
from models.inbox import Cancel
from models.machines import AttemptState, JobState, RunState
from models.run import Run
from tests.integration.control.plane import LONG_S, SHAPE, Make
from tests.unit.core.samples import FAILED, PASSED, change, explanation, spec, states

TEST = JobId("test")


def over(run: Run) -> bool:
    return run.over


async def test_a_change_is_planned_offered_leased_begun_finished_and_retired(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    assert (grant.run, grant.job, grant.ttl_s) == (run, TEST, LONG_S)
    assert grant.spec == (await plane.store.runs.load(run)).job(TEST).spec
    assert plane.runners.wishes[0] == (SHAPE, 1)
    assert await plane.orchestrator.begin(grant)
    assert (await plane.store.runs.load(run)).job(TEST).attempt.state is AttemptState.RUNNING
    assert await plane.orchestrator.finish(grant, PASSED)
    assert await plane.retired() == run
    assert (await plane.store.runs.load(run)).state is RunState.PASSED
    assert list(await plane.store.reports.all_due()) == [run]
    assert plane.runners.at_work == [RunnerId("runner-1")]
    assert plane.analyzer.fixes == [TEST]


async def test_a_retired_run_leaves_no_command_and_no_message_behind(make: Make) -> None:
    plane = make(spec("a"), spec("b", "a"))
    await plane.start()
    run = await plane.submit()
    for _ in range(2):
        grant = await plane.lease()
        await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    while await plane.store.runs.outbox(run):
        await plane.runs.done.get()
    assert await plane.store.runs.active() == []
    assert await plane.store.inbox.take() == []


async def test_jobs_come_in_the_order_of_their_needs_and_a_runner_that_waits_is_woken(make: Make) -> None:
    plane = make(spec("a"), spec("b", "a"), spec("c", "b"))
    await plane.start()
    await plane.submit()
    for name in ("a", "b", "c"):
        grant = await plane.lease(f"runner of {name}")
        assert grant.job == name
        await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()


async def test_a_runner_that_asks_twice_gets_the_same_grant(make: Make) -> None:
    plane = make(spec("a"), spec("b"))
    await plane.start()
    await plane.submit()
    assert await plane.lease("runner-1") == await plane.lease("runner-1")


async def test_the_same_change_twice_is_one_run(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    assert await plane.submit() == run
    grant = await plane.lease()
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    await plane.submit()
    other = await plane.submit("another one")  # taken after it, so when it is planned the duplicate was acted on
    await plane.until(other, lambda record: record.plan is not None)
    assert len(await plane.store.runs.recent(10)) == 2
    assert plane.planner.asked.qsize() == 2


async def test_a_failure_is_explained_after_the_run_has_ended(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    await plane.orchestrator.finish(grant, FAILED)
    await plane.retired()
    record = await plane.store.runs.load(run)
    assert record.state is RunState.FAILED
    assert record.job(TEST).explanation == explanation()
    assert plane.analyzer.asked == [grant.attempt]


async def test_an_analyzer_that_cannot_explain_does_not_hold_the_run_up(make: Make) -> None:
    plane = make()
    plane.analyzer.errors = [InternalError("a bug")]
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), FAILED)
    assert await plane.retired() == run
    record = await plane.store.runs.load(run)
    assert record.state is RunState.FAILED
    assert record.job(TEST).explanation is None


async def test_an_analyzer_that_is_away_is_asked_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", 0.01)
    plane = make()
    plane.analyzer.errors = [InfrastructureError("restarting"), InfrastructureError("restarting")]
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), FAILED)
    await plane.until(run, lambda record: record.jobs[0].explanation is not None if record.jobs else False)
    assert len(plane.analyzer.asked) == 3


async def test_a_change_that_cannot_be_planned_ends_in_errored_and_says_why(make: Make) -> None:
    plane = make()
    plane.planner.errors = [ChangeError("`.delta.yml` does not parse")]
    await plane.start()
    run = await plane.submit()
    await plane.retired()
    record = await plane.store.runs.load(run)
    assert (record.state, record.detail) == (RunState.ERRORED, "`.delta.yml` does not parse")


async def test_planning_is_tried_again_while_the_infrastructure_fails_but_not_for_ever(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", 0.01)
    plane = make()
    plane.planner.errors = [InfrastructureError("git is away") for _ in range(5)]
    await plane.start()
    first = await plane.submit()
    assert await plane.retired() == first
    assert (await plane.store.runs.load(first)).state is RunState.ERRORED
    second = await plane.submit("with two errors left")
    record = await plane.until(second, lambda record: record.plan is not None)
    assert states(record) == {"test": "queued"}


# Cancelling.


async def test_a_cancellation_reaches_a_runner_that_renews_at_once(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    await plane.orchestrator.begin(grant)
    await plane.store.inbox.put(Cancel(run=run, by="ada"))
    # Stays for an hour unless it is woken.
    assert not await plane.orchestrator.renew(grant.attempt, grant.token, LONG_S)
    assert not await plane.orchestrator.finish(grant, PASSED)
    assert not await plane.orchestrator.begin(grant)
    record = await plane.store.runs.load(run)
    assert (record.state, record.job(TEST).state) == (RunState.CANCELLED, JobState.CANCELLED)
    assert await plane.retired() == run


async def test_a_cancelled_job_leaves_the_queue(make: Make) -> None:
    plane = make()
    await plane.start()
    first = await plane.submit()
    await plane.until(first, lambda record: record.plan is not None)
    await plane.store.inbox.put(Cancel(run=first, by="ada"))
    await plane.retired()
    second = await plane.submit("second")
    assert (await plane.lease()).run == second


async def test_a_cancellation_of_an_unknown_run_holds_nothing_up(make: Make) -> None:
    plane = make()
    await plane.start()
    await plane.store.inbox.put(Cancel(run=RunId("r-unknown"), by="eve"))
    run = await plane.submit()
    assert (await plane.lease()).run == run


async def test_a_run_can_be_cancelled_while_it_is_planned(make: Make) -> None:
    plane = make()
    plane.planner.gate.clear()
    await plane.start()
    run = await plane.submit()
    await plane.planner.asked.get()
    await plane.store.inbox.put(Cancel(run=run, by="ada"))
    await plane.until(run, over)
    plane.planner.gate.set()
    await plane.retired()
    record = await plane.store.runs.load(run)
    assert (record.state, record.jobs) == (RunState.CANCELLED, ())


async def test_what_has_ended_is_learned_from_and_its_audit_comes_in_as_a_run_of_its_own(make: Make) -> None:
    plane = make()
    audited = change()
    audit = audited.having(kind=ChangeKind.AUDIT, nonce="audit", title="audit", audits=audited.run_id())
    plane.planner.audits[audited.run_id()] = audit
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    await plane.orchestrator.finish(grant, PASSED)
    assert await plane.planner.learned.get() == run
    grant = await plane.lease()
    assert grant.run == audit.run_id()
    assert await plane.planner.asked.get() == audited
    assert await plane.planner.asked.get() == audit
    await plane.orchestrator.finish(grant, PASSED)
    assert {await plane.retired(), await plane.retired()} == {run, audit.run_id()}


async def test_learning_that_takes_long_holds_up_no_verdict_and_is_done_before_the_run_is_let_go(make: Make) -> None:
    plane = make()
    plane.planner.learning.clear()
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), PASSED)
    assert await plane.planner.learned.get() == run
    assert (await plane.store.runs.load(run)).state is RunState.PASSED
    assert list(await plane.store.reports.all_due()) == [run]
    assert await plane.store.runs.active() == [run]
    plane.planner.learning.set()
    assert await plane.retired() == run


async def test_a_planner_that_is_away_learns_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", 0.05)
    plane = make()
    plane.planner.learn_errors = [InfrastructureError("the planner is away")]
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), PASSED)
    assert await plane.retired() == run
    assert [plane.planner.learned.get_nowait() for _ in range(2)] == [run, run]


async def test_learning_is_not_tried_for_ever(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", 0.05)
    plane = make()
    plane.planner.learn_errors = [InfrastructureError("the origin is gone") for _ in range(100)]
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), PASSED)
    assert await plane.retired() == run
    assert plane.planner.learned.qsize() == 10


async def test_a_planner_that_cannot_learn_does_not_hold_the_run_up(make: Make) -> None:
    plane = make()
    plane.planner.learn_errors = [InternalError("it cannot")]
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), PASSED)
    assert await plane.retired() == run
    assert plane.planner.learned.qsize() == 1


async def test_a_failure_is_learned_once_more_when_it_is_explained(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    await plane.orchestrator.finish(await plane.lease(), FAILED)
    await plane.until(run, lambda record: record.job(TEST).explanation is not None)
    assert [await plane.planner.learned.get() for _ in range(2)] == [run, run]
    assert await plane.retired() == run
