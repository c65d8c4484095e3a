"""Cancelling, in every state a run can be in; and explanations, which come whenever they come."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from models.commands import Learn, Report, Retire, Withdraw
from models.events import EventKind
from models.ids import JobId
from models.lifecycle.cancel import cancel
from models.lifecycle.create import unplannable
from models.lifecycle.explain import explained
from models.machines import AttemptState, LeaseState, RunState
from models.run import Run
from tests.unit.core.samples import (
    FAILED,
    NOW,
    PASSED,
    after,
    attempt_of,
    created,
    explanation,
    finished,
    leased,
    running,
    spec,
    started,
    states,
    sure,
)

TEST = JobId("test")


@pytest.mark.parametrize("state", [RunState.CREATED, RunState.PLANNING, RunState.AWAITING_APPROVAL])
def test_given_a_run_without_jobs_i_expect_it_to_be_cancelled_at_once(state: RunState) -> None:
    decision = sure(cancel(created().having(state=state), "ada", NOW + 1))
    assert decision.run.state is RunState.CANCELLED
    assert decision.run.finished_at == NOW + 1
    assert decision.run.detail == "cancelled by ada"
    assert decision.commands == (Report(), Retire())
    assert [event.kind for event in decision.events] == [EventKind.RUN_FINISHED]


def test_given_jobs_in_every_state_i_expect_those_that_have_not_ended_to_be_cancelled() -> None:
    run = running(
        spec("done"),
        spec("bad"),
        spec("left", "bad"),
        spec("waits", "works"),
        spec("queued"),
        spec("taken"),
        spec("works"),
    )
    run = finished(run, PASSED, "done").run
    run = finished(run, FAILED, "bad").run
    run = leased(run, "taken")
    run = started(run, "works")
    assert states(run) == {
        "done": "passed",
        "bad": "failed",
        "left": "skipped",
        "waits": "blocked",
        "queued": "queued",
        "taken": "active",
        "works": "active",
    }
    decision = sure(cancel(run, "ada", NOW + 9))
    assert states(decision.run) == {
        "done": "passed",
        "bad": "failed",
        "left": "skipped",
        "waits": "cancelled",
        "queued": "cancelled",
        "taken": "cancelled",
        "works": "cancelled",
    }
    assert decision.run.state is RunState.CANCELLED
    withdrawn = {command.attempt for command in decision.commands if isinstance(command, Withdraw)}
    assert withdrawn == {attempt_of(run, job) for job in ("queued", "taken", "works")}
    assert Retire() in decision.commands
    for job in ("taken", "works"):
        attempt = decision.run.job(JobId(job)).attempt
        assert attempt.state is AttemptState.CANCELLED
        assert attempt.lease is not None
        assert attempt.lease.state is LeaseState.REVOKED
    assert decision.run.job(JobId("waits")).attempts == ()


def test_given_a_retried_job_i_expect_only_the_last_attempt_to_be_touched() -> None:
    run = finished(running(spec("test", retries=1)), FAILED).run
    decision = sure(cancel(run, "ada", NOW))
    first, second = decision.run.job(TEST).attempts
    assert first == run.job(TEST).attempts[0]
    assert second.state is AttemptState.CANCELLED


def _errored() -> Run:
    return after(unplannable(created(), "no such commit", NOW))


def _cancelled() -> Run:
    return after(cancel(running(spec("test")), "ada", NOW))


def _passed() -> Run:
    return finished(running(spec("test")), PASSED).run


def _failed() -> Run:
    return finished(running(spec("test")), FAILED).run


@pytest.mark.parametrize("ended", [_errored, _cancelled, _passed, _failed])
def test_given_a_run_that_is_over_i_expect_nothing(ended: Callable[[], Run]) -> None:
    run = ended()
    assert run.over
    assert cancel(run, "ada", NOW) is None


# Explaining.


def test_given_a_run_that_is_over_when_its_failure_is_explained_i_expect_it_to_be_reported_and_retired_again() -> None:
    run = finished(running(spec("test")), FAILED).run
    decision = sure(explained(run, TEST, attempt_of(run, "test"), explanation(), NOW))
    assert decision.run.job(TEST).explanation == explanation()
    assert decision.run.state is RunState.FAILED
    assert decision.commands == (Report(), Learn(), Retire())
    assert [event.kind for event in decision.events] == [EventKind.JOB_EXPLAINED]


def test_given_a_run_that_goes_on_when_a_failure_is_explained_i_expect_only_a_report() -> None:
    run = finished(running(spec("test"), spec("other")), FAILED).run
    decision = sure(explained(run, TEST, attempt_of(run, "test"), explanation(), NOW))
    assert decision.commands == (Report(),)
    assert states(decision.run) == {"test": "failed", "other": "queued"}


def test_given_the_same_explanation_twice_i_expect_nothing_and_for_another_one_the_newer() -> None:
    run = finished(running(spec("test")), FAILED).run
    current = attempt_of(run, "test")
    run = after(explained(run, TEST, current, explanation(), NOW))
    assert explained(run, TEST, current, explanation(), NOW) is None
    assert after(explained(run, TEST, current, explanation("two"), NOW)).job(TEST).explanation == explanation("two")


def test_given_a_job_that_went_on_to_another_attempt_i_expect_the_old_one_s_explanation_to_be_dropped() -> None:
    run = finished(running(spec("test", retries=1)), FAILED).run
    first = run.job(TEST).attempts[0].id
    assert explained(run, TEST, first, explanation(), NOW) is None
