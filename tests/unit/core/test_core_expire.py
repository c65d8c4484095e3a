"""Time-outs that no runner notices; attempts given back; jobs turned away; retries that wait."""

from __future__ import annotations

import pytest

from models.commands import Enqueue, Withdraw
from models.errors import IllegalTransition, StaleWrite
from models.events import EventKind
from models.ids import JobId
from models.job import Resources
from models.lifecycle.attempts import give_back
from models.lifecycle.expire import expire
from models.lifecycle.turn_away import turn_away
from models.machines import AttemptState, JobState, LeaseState, RunState
from models.result import Cause, Outcome
from models.run import Run
from tests.unit.core.samples import (
    FAILED,
    NOW,
    STRANGER,
    TOKEN,
    after,
    attempt_of,
    created,
    finished,
    leased,
    lost,
    running,
    spec,
    started,
    states,
    sure,
)

QUEUE_S, RUN_S = 100.0, 1000.0
TEST = JobId("test")


def expired(run: Run, at: float) -> Run:
    return after(expire(run, queue_s=QUEUE_S, run_s=RUN_S, now=at))


def test_given_nothing_is_late_i_expect_nothing() -> None:
    run = started(running(spec("test"), spec("waits", "test")))
    assert expire(run, queue_s=QUEUE_S, run_s=RUN_S, now=NOW + 999) is None
    assert expire(running(spec("test")), queue_s=QUEUE_S, run_s=RUN_S, now=NOW + 99) is None


def test_given_nobody_takes_an_attempt_i_expect_the_job_to_end_and_to_say_why() -> None:
    decision = sure(expire(running(spec("test"), spec("behind", "test")), queue_s=QUEUE_S, run_s=RUN_S, now=NOW + 101))
    assert states(decision.run) == {"test": "errored", "behind": "skipped"}
    assert decision.run.state is RunState.ERRORED
    result = decision.run.job(TEST).attempt.result
    assert result is not None
    assert result.cause is Cause.QUEUE_TIME
    assert "100 s" in result.detail
    assert Withdraw(attempt=attempt_of(decision.run, "test")) in decision.commands


def test_given_a_retry_that_waits_i_expect_its_time_to_count_from_when_it_may_be_taken() -> None:
    run = lost(running(spec("test"))).run
    attempt = run.job(TEST).attempt
    assert attempt.not_before > NOW + 60
    assert expire(run, queue_s=QUEUE_S, run_s=RUN_S, now=attempt.not_before + 99) is None
    assert expired(run, attempt.not_before + 101).state is RunState.ERRORED


def test_given_a_run_that_takes_too_long_i_expect_each_job_to_say_so() -> None:
    run = running(spec("works"), spec("taken"), spec("queued"), spec("blocked", "works"))
    run = leased(started(run, "works"), "taken")
    ended = expired(run, NOW + 1001)
    assert states(ended) == {"works": "failed", "taken": "errored", "queued": "errored", "blocked": "skipped"}
    assert ended.state is RunState.ERRORED
    assert ended.detail == "ran longer than 1000 s"
    works = ended.job(JobId("works")).attempt
    assert works.state is AttemptState.TIMED_OUT
    assert works.lease is not None
    assert works.lease.state is LeaseState.REVOKED
    assert all(job.attempt.result is not None and job.attempt.result.cause is Cause.RUN_TIME for job in ended.jobs[:3])


def test_given_a_run_without_a_plan_i_expect_it_to_end_too_unless_it_waits_for_a_person() -> None:
    assert expired(created(), NOW + 1001).state is RunState.ERRORED
    waiting = created().having(state=RunState.AWAITING_APPROVAL)
    assert expire(waiting, queue_s=QUEUE_S, run_s=RUN_S, now=NOW + 10**6) is None
    assert expire(expired(created(), NOW + 1001), queue_s=QUEUE_S, run_s=RUN_S, now=NOW + 10**6) is None


def test_given_an_attempt_is_given_back_i_expect_it_to_be_queued_as_the_same_attempt() -> None:
    run = leased(running(spec("test")))
    attempt = attempt_of(run, "test")
    decision = sure(give_back(run, TEST, attempt, token=TOKEN, now=NOW + 1))
    job = decision.run.job(TEST)
    assert (job.state, job.attempt.state, job.attempt.lease, len(job.attempts)) == (
        JobState.QUEUED,
        AttemptState.QUEUED,
        None,
        1,
    )
    assert decision.events[0].kind is EventKind.JOB_RETURNED
    assert [type(command) for command in decision.commands] == [Enqueue]
    assert give_back(decision.run, TEST, attempt, token=TOKEN, now=NOW + 2) is None
    assert started(decision.run, token=STRANGER).job(TEST).state is JobState.ACTIVE


def test_given_a_stranger_or_one_that_has_begun_i_expect_no_giving_back() -> None:
    run = leased(running(spec("test")))
    with pytest.raises(StaleWrite):
        give_back(run, TEST, attempt_of(run, "test"), token=STRANGER, now=NOW)
    begun = started(running(spec("test")))
    with pytest.raises(IllegalTransition):
        give_back(begun, TEST, attempt_of(begun, "test"), token=TOKEN, now=NOW)


def test_given_a_full_group_and_no_wish_to_wait_i_expect_a_cancelled_job_with_the_reason() -> None:
    run = running(spec("test"), spec("other"))
    ended = after(turn_away(run, TEST, attempt_of(run, "test"), "the group is full", NOW))
    assert states(ended) == {"test": "cancelled", "other": "queued"}
    assert ended.job(TEST).detail == "the group is full"
    assert turn_away(leased(run), TEST, attempt_of(run, "test"), "late", NOW) is None


def test_given_lost_runners_i_expect_each_retry_to_wait_longer_and_jobs_to_be_spread() -> None:
    run = running(spec("test"), spec("other"))
    waits = []
    for _ in range(3):
        run = lost(run).run
        waits.append(run.job(TEST).attempt.not_before - (NOW + 60))
    assert 0.1 <= waits[0] <= 0.4
    assert waits[0] < waits[1] < waits[2] <= 6.1
    other = lost(run, "other").run.job(JobId("other")).attempt.not_before - (NOW + 60)
    assert other != waits[0]


def test_given_a_retry_of_the_job_itself_i_expect_no_wait() -> None:
    run = finished(running(spec("test", retries=1)), FAILED).run
    assert run.job(TEST).attempt.not_before == NOW + 60
    assert FAILED.outcome is Outcome.FAILED


def test_given_a_label_that_no_node_has_when_it_waited_too_long_i_expect_it_to_be_named() -> None:
    job = spec("test").having(resources=Resources(labels=("gpu",)))
    run = expired(running(job), NOW + 101)
    assert run.job(JobId("test")).detail.endswith("what it asks for: 1 CPUs, 2048 MB, `gpu`")
