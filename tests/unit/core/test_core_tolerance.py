"""Jobs that always run, jobs that may fail, and runs that wait for a person."""

from __future__ import annotations

import pytest

from models.errors import CallerError
from models.events import EventKind
from models.ids import JobId
from models.job import JobSpec
from models.lifecycle.approve import approve, checked_waiting
from models.lifecycle.cancel import cancel
from models.lifecycle.create import planned
from models.lifecycle.rerun import rerun
from models.machines import RunState
from models.plan import Reason, RefusedJob
from models.result import AttemptResult
from models.run import Run
from tests.unit.core.samples import (
    BROKEN,
    FAILED,
    NOW,
    PASSED,
    REFUSED,
    TIMED_OUT,
    after,
    created,
    finished,
    plan,
    running,
    spec,
    states,
    sure,
)


@pytest.mark.parametrize("result", [FAILED, TIMED_OUT, REFUSED])
def test_given_a_job_that_may_fail_when_it_does_i_expect_the_others_and_the_run_to_go_on(
    result: AttemptResult,
) -> None:
    run = running(spec("lint", allow_failure=True), spec("test", "lint"))
    decision = finished(run, result, "lint")
    assert states(decision.run)["test"] == "queued"
    assert any("which is allowed" in event.detail for event in decision.events)
    assert finished(decision.run, PASSED, "test").run.state is RunState.PASSED


def test_given_a_job_that_may_fail_when_another_fails_i_expect_the_run_to_fail() -> None:
    run = finished(running(spec("lint", allow_failure=True), spec("test")), FAILED, "lint").run
    assert finished(run, FAILED, "test").run.state is RunState.FAILED


def test_given_a_job_that_may_fail_when_the_policy_refuses_it_i_expect_the_run_to_fail() -> None:
    refused = RefusedJob(spec=spec("lint", allow_failure=True), reasons=(Reason(rule="policy", evidence="no"),))
    run = after(planned(created(), plan(spec("test")).having(refused=(refused,)), NOW))
    assert not run.job(JobId("lint")).tolerated
    assert finished(run, PASSED, "test").run.state is RunState.FAILED


def test_given_a_job_that_may_fail_when_its_run_is_cancelled_i_expect_the_run_to_be_cancelled() -> None:
    run = running(spec("lint", allow_failure=True))
    assert after(cancel(run, "ada", NOW)).state is RunState.CANCELLED


@pytest.mark.parametrize(("result", "verdict"), [(FAILED, "failed"), (REFUSED, "errored"), (PASSED, "passed")])
def test_given_a_job_that_always_runs_i_expect_it_to_wait_for_its_needs_and_run_whatever_became_of_them(
    result: AttemptResult, verdict: str
) -> None:
    run = running(spec("a"), spec("b", "a"), spec("tidy", "a", "b", always=True))
    assert states(run)["tidy"] == "blocked"
    run = finished(run, result, "a").run
    if result is PASSED:
        assert states(run)["tidy"] == "blocked"
        run = finished(run, PASSED, "b").run
    assert states(run)["tidy"] == "queued"
    assert finished(run, PASSED, "tidy").run.state == verdict


def test_given_a_job_that_always_runs_when_it_fails_i_expect_the_run_to_fail() -> None:
    assert finished(running(spec("tidy", always=True)), FAILED, "tidy").run.state is RunState.FAILED


def test_given_a_broken_sandbox_i_expect_it_to_be_tried_again_before_it_is_allowed() -> None:
    run = finished(running(spec("lint", allow_failure=True)), BROKEN, "lint").run
    assert states(run) == {"lint": "queued"}


def held(*jobs: JobSpec) -> Run:
    return after(planned(created(), plan(*jobs).having(held="a fork waits").sealed(), NOW))


def test_given_a_plan_that_is_held_i_expect_nothing_to_begin_and_the_reason_to_be_told() -> None:
    run = held(spec("test"), spec("after", "test"))
    assert (run.state, run.detail) == (RunState.AWAITING_APPROVAL, f"a fork waits: delta approve {run.id}")
    assert states(run) == {"test": "blocked", "after": "blocked"}
    checked_waiting(run)


def test_given_an_approval_i_expect_the_jobs_to_begin_and_a_second_one_to_change_nothing() -> None:
    decision = sure(approve(held(spec("test"), spec("after", "test")), "ada", NOW + 900))
    assert states(decision.run) == {"test": "queued", "after": "blocked"}
    assert (decision.run.approved_by, decision.run.begun_at, decision.run.detail) == ("ada", NOW + 900, "")
    assert [event.kind for event in decision.events] == [EventKind.RUN_APPROVED, EventKind.JOB_QUEUED]
    assert approve(decision.run, "eve", NOW) is None
    with pytest.raises(CallerError, match="does not wait for approval: it is running"):
        checked_waiting(decision.run)


def test_given_a_run_that_waits_when_it_is_cancelled_i_expect_its_jobs_to_end_and_no_way_around_the_approval() -> None:
    run = after(cancel(held(spec("test")), "a newer push", NOW))
    assert (run.state, states(run)) == (RunState.CANCELLED, {"test": "cancelled"})
    assert approve(run, "ada", NOW) is None
    for which in ("all", "failed", "job:test"):
        with pytest.raises(CallerError, match="was not approved"):
            rerun(run, which, "ada", NOW)


def test_given_an_approved_run_i_expect_it_to_be_run_again_without_another_approval() -> None:
    run = finished(after(approve(held(spec("test")), "ada", NOW)), FAILED).run
    assert states(after(rerun(run, "failed", "ada", NOW))) == {"test": "queued"}


def test_given_a_held_plan_with_nothing_to_run_i_expect_it_not_to_wait() -> None:
    assert held().state is RunState.PASSED
