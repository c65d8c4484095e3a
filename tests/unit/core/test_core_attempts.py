"""What runners do to attempts, decision by decision."""

from __future__ import annotations

import pytest

from models.commands import Analyze, Enqueue, Report, Retire
from models.errors import IllegalTransition, StaleWrite
from models.events import EventKind
from models.ids import AttemptId, JobId, RunnerId
from models.lifecycle.attempts import MAX_INFRASTRUCTURE_RETRIES, finish, lease, lose, start
from models.lifecycle.cancel import cancel
from models.machines import AttemptState, JobState, LeaseState, RunState
from models.result import AttemptResult, Cause, Outcome
from models.run import Attempt, Run
from tests.unit.core.samples import (
    BROKEN,
    FAILED,
    NOW,
    PASSED,
    REFUSED,
    STOPPED,
    STRANGER,
    TIMED_OUT,
    TOKEN,
    after,
    attempt_of,
    finished,
    leased,
    lost,
    running,
    spec,
    started,
    states,
    sure,
)

TEST = JobId("test")
RUNNER = RunnerId("runner-1")


def attempt(run: Run, number: int = 1) -> Attempt:
    return run.job(TEST).attempts[number - 1]


def lease_of(run: Run, number: int = 1) -> LeaseState:
    held = attempt(run, number).lease
    assert held is not None
    return held.state


# Leasing.


def test_given_a_queued_attempt_when_it_is_leased_i_expect_job_and_attempt_to_say_so() -> None:
    run = running(spec("test"))
    decision = sure(lease(run, TEST, attempt_of(run, "test"), token=TOKEN, runner=RUNNER, session="boot", now=NOW))
    assert attempt(decision.run).state is AttemptState.LEASED
    assert decision.run.job(TEST).state is JobState.ACTIVE
    held = attempt(decision.run).lease
    assert held is not None
    assert (held.token, held.runner, held.session, held.state) == (TOKEN, RUNNER, "boot", LeaseState.HELD)
    assert [event.kind for event in decision.events] == [EventKind.JOB_LEASED]


def test_given_a_lease_when_its_request_is_repeated_i_expect_nothing() -> None:
    run = leased(running(spec("test")))
    again = lease(run, TEST, attempt_of(run, "test"), token=TOKEN, runner=RUNNER, session="boot", now=NOW)
    assert again is None


def test_given_a_leased_attempt_when_somebody_else_asks_for_it_i_expect_a_stale_write() -> None:
    run = leased(running(spec("test")))
    with pytest.raises(StaleWrite, match="is leased, not queued"):
        lease(run, TEST, attempt_of(run, "test"), token=STRANGER, runner=RUNNER, session="boot", now=NOW)


def test_given_a_second_attempt_when_the_first_is_asked_for_i_expect_a_stale_write() -> None:
    run = lost(running(spec("test"))).run
    with pytest.raises(StaleWrite, match="not the current attempt"):
        lease(run, TEST, attempt(run).id, token=STRANGER, runner=RUNNER, session="boot", now=NOW)


def test_given_a_blocked_job_when_an_attempt_of_it_is_asked_for_i_expect_a_stale_write() -> None:
    run = running(spec("first"), spec("test", "first"))
    with pytest.raises(StaleWrite):
        lease(run, TEST, AttemptId(f"{run.id}.test.1"), token=TOKEN, runner=RUNNER, session="boot", now=NOW)


# Starting.


def test_given_a_lease_when_the_sandbox_is_ready_i_expect_the_attempt_to_run_and_the_forge_to_hear_it() -> None:
    run = leased(running(spec("test")))
    decision = sure(start(run, TEST, attempt_of(run, "test"), token=TOKEN, now=NOW + 2))
    assert attempt(decision.run).state is AttemptState.RUNNING
    assert attempt(decision.run).started_at == NOW + 2
    assert decision.commands == (Report(),)
    assert start(decision.run, TEST, attempt_of(run, "test"), token=TOKEN, now=NOW + 3) is None


def test_given_a_stranger_s_token_i_expect_every_call_to_be_stale_or_nothing() -> None:
    run = started(running(spec("test")))
    current = attempt_of(run, "test")
    with pytest.raises(StaleWrite):
        start(run, TEST, current, token=STRANGER, now=NOW)
    with pytest.raises(StaleWrite):
        finish(run, TEST, current, token=STRANGER, result=PASSED, now=NOW)
    assert lose(run, TEST, current, token=STRANGER, why="gone", now=NOW) is None


def test_given_an_attempt_that_nobody_leased_when_it_is_finished_i_expect_a_stale_write() -> None:
    run = running(spec("test"))
    with pytest.raises(StaleWrite):
        finish(run, TEST, attempt_of(run, "test"), token=TOKEN, result=PASSED, now=NOW)


# Finishing.


@pytest.mark.parametrize(
    ("result", "attempt_state", "job_state", "run_state"),
    [
        (PASSED, AttemptState.PASSED, JobState.PASSED, RunState.PASSED),
        (FAILED, AttemptState.FAILED, JobState.FAILED, RunState.FAILED),
        (TIMED_OUT, AttemptState.TIMED_OUT, JobState.FAILED, RunState.FAILED),
        (REFUSED, AttemptState.ERRORED, JobState.ERRORED, RunState.ERRORED),
    ],
    ids=lambda value: value.outcome.value if isinstance(value, AttemptResult) else "",
)
def test_given_a_result_i_expect_attempt_job_and_run_to_end_in_these_states(
    result: AttemptResult, attempt_state: AttemptState, job_state: JobState, run_state: RunState
) -> None:
    decision = finished(running(spec("test")), result)
    assert attempt(decision.run).state is attempt_state
    assert attempt(decision.run).result == result
    assert attempt(decision.run).finished_at == NOW + 60
    assert lease_of(decision.run) is LeaseState.RELEASED
    assert decision.run.job(TEST).state is job_state
    assert decision.run.state is run_state
    assert Retire() in decision.commands
    analysis = Analyze(job=TEST, attempt=attempt_of(decision.run, "test"))
    assert (analysis in decision.commands) == (result is not PASSED)


@pytest.mark.parametrize("result", [PASSED, FAILED, TIMED_OUT, REFUSED])
def test_given_a_result_before_anybody_said_it_started_i_expect_it_to_count(result: AttemptResult) -> None:
    run = leased(running(spec("test")))
    decision = sure(finish(run, TEST, attempt_of(run, "test"), token=TOKEN, result=result, now=NOW))
    assert decision.run.over
    assert attempt(decision.run).result == result


@pytest.mark.parametrize("result", [PASSED, FAILED, BROKEN, STOPPED])
def test_given_a_finished_attempt_when_its_result_comes_again_i_expect_nothing(result: AttemptResult) -> None:
    run = finished(running(spec("test", retries=1)), result).run
    assert finish(run, TEST, attempt(run).id, token=TOKEN, result=PASSED, now=NOW) is None


def test_given_a_finished_attempt_when_its_runner_is_lost_i_expect_nothing() -> None:
    run = finished(running(spec("test")), PASSED).run
    assert lose(run, TEST, attempt_of(run, "test"), token=TOKEN, why="gone", now=NOW) is None
    retried = finished(running(spec("test", retries=1)), FAILED).run
    assert lose(retried, TEST, attempt(retried).id, token=TOKEN, why="gone", now=NOW) is None


def test_given_a_lost_runner_when_its_result_comes_late_i_expect_a_stale_write() -> None:
    run = lost(running(spec("test"))).run
    with pytest.raises(StaleWrite):
        finish(run, TEST, attempt(run).id, token=TOKEN, result=PASSED, now=NOW)
    with pytest.raises(StaleWrite):
        start(run, TEST, attempt(run).id, token=TOKEN, now=NOW)


def test_given_a_cancelled_run_when_a_result_comes_late_i_expect_a_stale_write() -> None:
    run = started(running(spec("test")))
    run = after(cancel(run, "ada", NOW))
    with pytest.raises(StaleWrite):
        finish(run, TEST, attempt_of(run, "test"), token=TOKEN, result=PASSED, now=NOW)
    assert lose(run, TEST, attempt_of(run, "test"), token=TOKEN, why="gone", now=NOW) is None
    assert run.job(TEST).state is JobState.CANCELLED


@pytest.mark.parametrize("before_it_started", [True, False])
def test_given_a_runner_that_stops_though_nobody_cancelled_i_expect_a_lost_attempt_and_no_cancelled_run(
    before_it_started: bool,
) -> None:
    run = leased(running(spec("test"))) if before_it_started else started(running(spec("test")))
    decision = sure(finish(run, TEST, attempt_of(run, "test"), token=TOKEN, result=STOPPED, now=NOW))
    assert attempt(decision.run).state is AttemptState.LOST
    assert decision.run.job(TEST).state is JobState.QUEUED
    assert len(decision.run.job(TEST).attempts) == 2


# Losing and retrying.


def test_given_a_lost_runner_i_expect_a_new_attempt_and_the_old_one_to_stay_visible() -> None:
    decision = lost(running(spec("test")))
    assert [one.state for one in decision.run.job(TEST).attempts] == [AttemptState.LOST, AttemptState.QUEUED]
    assert lease_of(decision.run) is LeaseState.EXPIRED
    old = attempt(decision.run).result
    assert old is not None
    assert (old.outcome, old.cause, old.detail) == (Outcome.LOST, Cause.RUNNER_LOST, "its node is gone")
    second = attempt(decision.run, 2).id
    assert [command.attempt for command in decision.commands if isinstance(command, Enqueue)] == [second]
    assert [(event.kind, event.attempt) for event in decision.events] == [(EventKind.JOB_RETRIED, 2)]


@pytest.mark.parametrize("result", [BROKEN, STOPPED])
def test_given_trouble_below_the_job_again_and_again_i_expect_three_retries_and_then_an_error(
    result: AttemptResult,
) -> None:
    assert MAX_INFRASTRUCTURE_RETRIES == 3
    run = running(spec("test", retries=10))
    for _ in range(3):
        run = finished(run, result).run
        assert states(run) == {"test": "queued"}
    decision = finished(run, result)
    assert states(decision.run) == {"test": "errored"}
    assert decision.run.state is RunState.ERRORED
    assert len(decision.run.job(TEST).attempts) == 4
    assert any(isinstance(command, Analyze) for command in decision.commands)


def test_given_a_runner_lost_for_the_fourth_time_i_expect_the_job_to_end_in_errored() -> None:
    run = running(spec("test"))
    for _ in range(3):
        run = lost(run).run
    decision = lost(run)
    assert attempt(decision.run, 4).state is AttemptState.LOST
    assert states(decision.run) == {"test": "errored"}


@pytest.mark.parametrize("result", [FAILED, TIMED_OUT])
def test_given_a_job_with_retries_i_expect_that_many_more_attempts_after_a_failure(result: AttemptResult) -> None:
    run = running(spec("test", retries=2))
    for _ in range(2):
        run = finished(run, result).run
        assert states(run) == {"test": "queued"}
    run = finished(run, result).run
    assert states(run) == {"test": "failed"}
    assert len(run.job(TEST).attempts) == 3


def test_given_lost_runners_in_between_i_expect_them_to_cost_the_job_none_of_its_own_retries() -> None:
    run = running(spec("test", retries=1))
    run = lost(run).run
    run = finished(run, FAILED).run
    assert states(run) == {"test": "queued"}
    run = lost(run).run
    run = finished(run, BROKEN).run
    assert states(run) == {"test": "queued"}
    run = finished(run, FAILED).run
    assert states(run) == {"test": "failed"}
    assert len(run.job(TEST).attempts) == 5


def test_given_a_retry_that_passes_i_expect_the_run_to_pass() -> None:
    run = finished(running(spec("test", retries=1)), FAILED).run
    run = finished(run, PASSED).run
    assert run.state is RunState.PASSED
    assert run.job(TEST).detail == ""


def test_given_a_refused_job_i_expect_no_retry_since_it_would_be_refused_again() -> None:
    assert states(finished(running(spec("test", retries=5)), REFUSED).run) == {"test": "errored"}


def test_given_a_retry_i_expect_the_jobs_behind_it_to_go_on_waiting() -> None:
    run = finished(running(spec("test", retries=1), spec("ship", "test")), FAILED).run
    assert states(run) == {"test": "queued", "ship": "blocked"}


def test_given_a_record_at_odds_with_itself_i_expect_an_illegal_transition() -> None:
    run = started(running(spec("test")))
    broken = run.with_job(run.job(TEST).having(state=JobState.PASSED))
    with pytest.raises(IllegalTransition):
        finish(broken, TEST, attempt_of(run, "test"), token=TOKEN, result=PASSED, now=NOW)
