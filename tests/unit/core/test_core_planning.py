"""From a change to a plan, and what the plan's needs make of it."""

from __future__ import annotations

import pytest

from models.commands import Enqueue, Learn, MakePlan, Report, Retire
from models.errors import InternalError, NotFound
from models.events import EventKind
from models.ids import AttemptId, JobId
from models.job import Footprint, JobSpec, Resources, ServiceSpec
from models.lifecycle.cancel import cancel
from models.lifecycle.create import create, planned, unplannable
from models.machines import RunState
from models.result import AttemptResult
from tests.unit.core.samples import (
    FAILED,
    NOW,
    PASSED,
    REFUSED,
    after,
    attempt_of,
    change,
    created,
    finished,
    plan,
    running,
    spec,
    states,
    sure,
)


def test_a_job_takes_the_memory_of_its_services_too() -> None:
    service = ServiceSpec(name="db", image="service-postgres", memory_mb=300)
    job = JobSpec(id=JobId("test"), run=("true",), resources=Resources(memory_mb=700), services=(service,))
    assert job.footprint == Footprint(memory_mb=1000)


def test_given_a_change_when_a_run_is_created_i_expect_it_to_be_planned_and_reported() -> None:
    decision = create(change(), NOW)
    assert decision.run.state is RunState.PLANNING
    assert decision.run.version == 0
    assert decision.run.created_at == NOW
    assert decision.commands == (MakePlan(), Report())
    assert [event.kind for event in decision.events] == [EventKind.RUN_CREATED]


def test_given_the_same_change_twice_i_expect_the_same_run_and_another_one_for_another_nonce() -> None:
    assert create(change(), NOW).run.id == create(change(), NOW + 1).run.id
    assert create(change("a"), NOW).run.id != create(change("b"), NOW).run.id


def test_given_a_plan_i_expect_what_needs_nothing_to_be_queued_and_the_rest_to_be_blocked() -> None:
    decision = sure(planned(created(), plan(spec("lint"), spec("test", "lint"), spec("ship", "lint", "test")), NOW))
    assert decision.run.state is RunState.RUNNING
    assert states(decision.run) == {"lint": "queued", "test": "blocked", "ship": "blocked"}
    offers = [command for command in decision.commands if isinstance(command, Enqueue)]
    shape = decision.run.job(JobId("lint")).spec.resources.shape
    assert offers == [Enqueue(job=JobId("lint"), attempt=attempt_of(decision.run, "lint"), shape=shape)]
    assert [event.kind for event in decision.events] == [EventKind.RUN_PLANNED, EventKind.JOB_QUEUED]


def test_given_a_first_attempt_i_expect_its_id_to_name_run_job_and_number() -> None:
    run = running(spec("test"))
    assert attempt_of(run, "test") == AttemptId(f"{run.id}.test.1")


def test_given_two_needs_when_one_of_them_passes_i_expect_the_job_to_stay_blocked() -> None:
    run = running(spec("a"), spec("b"), spec("c", "a", "b"))
    run = finished(run, PASSED, "a").run
    assert states(run) == {"a": "passed", "b": "queued", "c": "blocked"}
    run = finished(run, PASSED, "b").run
    assert states(run)["c"] == "queued"


def test_given_a_need_that_the_plan_left_out_i_expect_it_not_to_hold_the_job_up() -> None:
    assert states(running(spec("test", "lint"))) == {"test": "queued"}


def test_given_a_failure_i_expect_everything_behind_it_to_be_skipped_and_the_rest_to_go_on() -> None:
    run = running(spec("a"), spec("b", "a"), spec("c", "b"), spec("d"))
    decision = finished(run, FAILED, "a")
    assert states(decision.run) == {"a": "failed", "b": "skipped", "c": "skipped", "d": "queued"}
    assert decision.run.job(JobId("b")).detail == "needs a, which failed"
    assert decision.run.job(JobId("c")).detail == "needs b, which skipped"
    assert not decision.run.over
    end = finished(decision.run, PASSED, "d")
    assert end.run.state is RunState.FAILED


def test_given_one_need_that_failed_and_one_that_still_runs_i_expect_the_job_to_be_skipped_at_once() -> None:
    run = finished(running(spec("a"), spec("b"), spec("c", "a", "b")), FAILED, "a").run
    assert states(run) == {"a": "failed", "b": "queued", "c": "skipped"}


def test_given_an_empty_plan_i_expect_the_run_to_pass_at_once() -> None:
    decision = sure(planned(created(), plan(), NOW + 5))
    assert decision.run.state is RunState.PASSED
    assert decision.run.finished_at == NOW + 5
    assert Retire() in decision.commands
    assert Learn() in decision.commands
    assert [event.kind for event in decision.events] == [EventKind.RUN_PLANNED, EventKind.RUN_FINISHED]


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ((PASSED, PASSED), RunState.PASSED),
        ((PASSED, FAILED), RunState.FAILED),
        ((FAILED, REFUSED), RunState.ERRORED),
        ((REFUSED, PASSED), RunState.ERRORED),
    ],
)
def test_given_these_results_i_expect_the_worst_to_decide(
    results: tuple[AttemptResult, AttemptResult], verdict: RunState
) -> None:
    run = running(spec("a"), spec("b"))
    for job, result in zip(("a", "b"), results, strict=True):
        run = finished(run, result, job).run
    assert run.state is verdict


def test_given_a_planned_run_when_a_second_plan_comes_i_expect_nothing() -> None:
    assert planned(running(spec("test")), plan(spec("other")), NOW) is None


def test_given_a_cancelled_run_when_its_plan_comes_late_i_expect_nothing() -> None:
    run = after(cancel(created(), "ada", NOW))
    assert planned(run, plan(spec("test")), NOW) is None
    assert unplannable(run, "no such commit", NOW) is None


def test_given_no_plan_can_be_made_i_expect_the_run_to_end_in_errored_and_say_why() -> None:
    decision = sure(unplannable(created(), "`.delta.yml` does not parse", NOW))
    assert decision.run.state is RunState.ERRORED
    assert decision.run.detail == "`.delta.yml` does not parse"
    assert decision.commands == (Report(), Retire())
    assert unplannable(decision.run, "again", NOW) is None


@pytest.mark.parametrize(
    ("jobs", "why"),
    [
        ((spec("a", "b"), spec("b", "a"), spec("c")), "the plan's jobs wait for each other: a, b"),
        ((spec("a", "a"),), "the plan's jobs wait for each other: a"),
        ((spec("a"), spec("a", "b")), "the plan names a job twice"),
    ],
    ids=["circle", "itself", "twice"],
)
def test_given_a_plan_that_could_never_end_i_expect_the_run_to_end_and_say_why(
    jobs: tuple[JobSpec, ...], why: str
) -> None:
    decision = sure(planned(created(), plan(*jobs), NOW))
    assert decision.run.state is RunState.ERRORED
    assert decision.run.detail == why
    assert Retire() in decision.commands


def test_given_an_unknown_job_i_expect_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match="its jobs are: lint, test"):
        running(spec("lint"), spec("test")).job(JobId("tset"))


def test_given_a_blocked_job_when_i_ask_for_its_attempt_i_expect_an_internal_error() -> None:
    with pytest.raises(InternalError, match="'b' has no attempt"):
        attempt_of(running(spec("a"), spec("b", "a")), "b")


def test_given_a_misspelt_field_i_expect_a_record_to_refuse_it() -> None:
    with pytest.raises(InternalError, match="Run has no stat"):
        created().having(stat=RunState.RUNNING)
