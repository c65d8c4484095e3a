"""What is lost is made good: runners, answers, an orchestrator, a supervisor, a whole cluster."""

from __future__ import annotations

import asyncio

import pytest

from actors.orchestrator import actor as orchestrator_actor
from actors.supervisor import actor as supervisor_actor
from models.errors import InfrastructureError
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId
from models.lifecycle.create import create
from models.machines import AttemptState, LeaseState, RunState
from tests.integration.control.plane import LONG_S, SHAPE, Make
from tests.unit.core.samples import NOW, PASSED, change, spec

TEST = JobId("test")
SHORT_S = 0.05


# Runners.


async def test_a_lost_runner_s_job_goes_to_another_and_what_the_lost_one_says_later_is_void(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    first = await plane.lease("runner-1")
    await plane.orchestrator.begin(first)
    renewing = asyncio.create_task(plane.orchestrator.renew(first.attempt, first.token, LONG_S))
    await asyncio.sleep(0)  # lets the renewal begin
    await plane.orchestrator.runner_lost(RunnerId("runner-1"), "its node is gone")
    assert not await renewing
    second = await plane.lease("runner-2")
    assert second.attempt == f"{run}.test.2"
    assert not await plane.orchestrator.finish(first, PASSED)
    assert await plane.orchestrator.finish(second, PASSED)
    await plane.retired()
    attempts = (await plane.store.runs.load(run)).job(TEST).attempts
    assert [attempt.state for attempt in attempts] == [AttemptState.LOST, AttemptState.PASSED]


async def test_a_silent_runner_s_lease_runs_out(make: Make) -> None:
    plane = make(ttl_s=SHORT_S)
    await plane.start()
    run = await plane.submit()
    first = await plane.lease("runner-1")
    second = await plane.lease("runner-2")  # waits until the first has been silent for too long
    assert (first.attempt, second.attempt) == (f"{run}.test.1", f"{run}.test.2")
    old = (await plane.store.runs.load(run)).job(TEST).attempts[0]
    assert old.lease is not None
    assert old.lease.state is LeaseState.EXPIRED


async def test_a_runner_lost_while_it_waits_is_given_nothing(make: Make) -> None:
    plane = make()
    await plane.start()
    waiting = asyncio.create_task(plane.orchestrator.lease(RunnerId("runner-1"), SHAPE, LONG_S))
    await asyncio.sleep(0)  # lets it wait
    await plane.orchestrator.runner_lost(RunnerId("runner-1"), "its node is gone")
    assert await waiting is None
    run = await plane.submit()
    grant = await plane.lease("runner-2")
    assert grant.run == run


async def test_a_wrong_token_ends_nobody_s_lease(make: Make) -> None:
    plane = make()
    await plane.start()
    await plane.submit()
    grant = await plane.lease()
    forged = grant.having(token=LeaseToken("guessed"))
    assert not await plane.orchestrator.begin(forged)
    assert not await plane.orchestrator.renew(forged.attempt, forged.token, 0.0)
    assert not await plane.orchestrator.finish(forged, PASSED)
    assert await plane.orchestrator.renew(grant.attempt, grant.token, 0.0)
    assert await plane.orchestrator.finish(grant, PASSED)


async def test_a_result_that_is_told_twice_is_accepted_twice_and_counts_once(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    grant = await plane.lease()
    assert await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    version = (await plane.store.runs.load(run)).version
    assert await plane.orchestrator.finish(grant, PASSED)
    assert (await plane.store.runs.load(run)).version == version


async def test_a_lease_whose_answer_was_lost_runs_out_though_nobody_knows_its_token(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator_actor, "_COMPARE_S", 0.02)
    plane = make(ttl_s=SHORT_S)
    await plane.start()
    run = await plane.submit()
    await plane.runners.wished.wait()  # so the plan's own answer has come
    plane.runs.lose_answers = 1
    with pytest.raises(InfrastructureError):
        await plane.lease("runner-1")
    grant = await plane.lease("runner-2")
    assert grant.attempt == f"{run}.test.2"
    assert await plane.orchestrator.finish(grant, PASSED)


async def test_an_attempt_that_could_not_be_handed_out_is_there_for_the_next_runner(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    await plane.runners.wished.wait()  # so the plan's own answer has come
    plane.runs.refusals = 1
    with pytest.raises(InfrastructureError):
        await plane.lease("runner-1")
    assert (await plane.lease("runner-2")).attempt == f"{run}.test.1"


# The orchestrator.


async def test_a_new_orchestrator_goes_on_with_queue_and_leases(make: Make) -> None:
    plane = make(spec("a"), spec("b"))
    await plane.start()
    run = await plane.submit()
    held = await plane.lease("runner-1")
    await plane.orchestrator.begin(held)
    await plane.orchestrator.stop()

    fresh = plane.new_orchestrator("boot-1")
    # Said before it knows anything: it must not answer "stop" only because its table is still empty.
    renewing = asyncio.create_task(fresh.renew(held.attempt, held.token, 0.0))
    asking = asyncio.create_task(plane.lease("runner-2"))
    await asyncio.sleep(0)  # lets both arrive
    await fresh.start()
    assert await renewing
    other = await asking
    assert {held.job, other.job} == {"a", "b"}
    assert await fresh.lease(RunnerId("runner-1"), SHAPE, 0.0) == held
    assert await fresh.finish(held, PASSED)
    assert await fresh.finish(other, PASSED)
    await plane.retired()
    record = await plane.store.runs.load(run)
    assert record.state is RunState.PASSED
    assert [len(job.attempts) for job in record.jobs] == [1, 1]


async def test_a_new_orchestrator_notices_a_runner_that_died_meanwhile(make: Make) -> None:
    plane = make(ttl_s=SHORT_S)
    await plane.start()
    run = await plane.submit()
    await plane.lease("runner-1")
    await plane.orchestrator.stop()
    await plane.new_orchestrator("boot-1").start()
    assert (await plane.lease("runner-2")).attempt == f"{run}.test.2"


async def test_leases_of_an_earlier_boot_are_lost_at_once(make: Make) -> None:
    plane = make()
    await plane.start()
    run = await plane.submit()
    held = await plane.lease("runner-1")
    await plane.orchestrator.begin(held)
    await plane.stop()

    fresh = plane.new_orchestrator("boot-2")
    await fresh.start()
    for number in range(2):
        await plane.new_supervisor(number).start()
    again = await plane.lease("runner-2")  # its term is an hour
    assert again.attempt == f"{run}.test.2"
    assert not await fresh.renew(held.attempt, held.token, 0.0)
    assert not await fresh.finish(held, PASSED)
    assert await fresh.finish(again, PASSED)


async def test_messages_that_came_while_no_orchestrator_ran_are_taken_by_the_next(make: Make) -> None:
    plane = make()
    runs = [await plane.submit(str(number)) for number in range(3)]
    await plane.start()
    leased = [(await plane.lease(f"runner-{number}")).run for number in range(3)]
    assert sorted(leased) == sorted(runs)


async def test_an_orchestrator_waits_for_a_store_that_does_not_answer(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = make()
    await plane.submit()
    answers = iter([InfrastructureError("Redis is away"), None])
    active = plane.runs.active

    async def sometimes() -> object:
        error = next(answers, None)
        if error is not None:
            raise error
        return await active()

    monkeypatch.setattr(plane.runs, "active", sometimes)
    await plane.start()
    await plane.lease()


# Supervisors.


async def test_what_a_dead_supervisor_had_committed_and_not_performed_is_carried_out_by_the_next(make: Make) -> None:
    plane = make()
    run = (await plane.store.runs.commit(create(change(), NOW))).id  # and then nobody performs its commands
    await plane.start()
    grant = await plane.lease()
    assert grant.run == run
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()


async def test_a_supervisor_that_dies_while_it_performs_leaves_the_command_to_the_next(make: Make) -> None:
    plane = make()
    plane.planner.gate.clear()
    await plane.start()
    run = await plane.submit()
    await plane.planner.asked.get()
    for supervisor in plane.supervisors:
        await supervisor.stop()
    assert len(await plane.store.runs.outbox(run)) >= 1
    for number in range(2):
        supervisor = plane.new_supervisor(number)
        plane.supervisors.append(supervisor)
        await supervisor.start()
    await plane.planner.asked.get()
    plane.planner.gate.set()
    grant = await plane.lease()
    await plane.orchestrator.finish(grant, PASSED)
    await plane.retired()
    assert len((await plane.store.runs.load(run)).job(TEST).attempts) == 1


async def test_a_command_that_fails_is_tried_again_until_it_is_done(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_actor, "_RECONCILE_S", 0.01)
    monkeypatch.setattr(orchestrator_actor, "_COMPARE_S", LONG_S)  # it would find the attempt by itself
    plane = make()
    offer = plane.orchestrator.offer
    errors = iter([InfrastructureError("restarting"), KeyError("a bug")])

    async def sometimes(run: RunId, job: JobId, attempt: AttemptId) -> None:
        error = next(errors, None)
        if error is not None:
            raise error
        await offer(run, job, attempt)

    monkeypatch.setattr(plane.orchestrator, "offer", sometimes)
    await plane.start()
    await plane.submit()
    await plane.lease()


async def test_a_run_nobody_can_read_holds_up_no_other(make: Make) -> None:
    plane = make()
    broken = (await plane.store.runs.commit(create(change("broken"), NOW))).id
    await plane.store.redis.hset(f"delta:{{{broken}}}:record", "json", "{}")
    await plane.store.redis.xadd(f"delta:{{{broken}}}:outbox", {"json": "{}"})
    await plane.start()
    run = await plane.submit()
    assert (await plane.lease()).run == run
