"""Running again: all, what failed, or one job; in a run that is over and in one that is not."""

from __future__ import annotations

import pytest

from models.commands import Enqueue, MakePlan, Report
from models.errors import NotFound
from models.events import EventKind
from models.ids import AttemptId, JobId
from models.lifecycle.attempts import finish
from models.lifecycle.cancel import cancel
from models.lifecycle.create import unplannable
from models.lifecycle.explain import explained
from models.lifecycle.rerun import rerun
from models.machines import AttemptState, JobState, RunState
from models.run import Run
from tests.unit.core.samples import (
    FAILED,
    NOW,
    PASSED,
    TOKEN,
    after,
    attempt_of,
    created,
    explanation,
    finished,
    lost,
    running,
    spec,
    started,
    states,
    sure,
)

LATER = NOW + 1000


def ended() -> Run:
    """One job passed, one failed, and two were skipped behind it."""
    run = running(spec("good"), spec("bad"), spec("behind", "bad"), spec("last", "behind"))
    return finished(finished(run, PASSED, "good").run, FAILED, "bad").run


def test_given_a_failed_run_when_the_failed_are_asked_for_i_expect_them_and_what_was_skipped_behind() -> None:
    decision = sure(rerun(ended(), "failed", "ada", LATER))
    run = decision.run
    assert (run.state, run.begun_at, run.finished_at) == (RunState.RUNNING, LATER, None)
    assert states(run) == {"good": "passed", "bad": "queued", "behind": "blocked", "last": "blocked"}
    assert [attempt.state for attempt in run.job(JobId("bad")).attempts] == [AttemptState.FAILED, AttemptState.QUEUED]
    assert [command.attempt for command in decision.commands if isinstance(command, Enqueue)] == [
        attempt_of(run, "bad")
    ]
    assert decision.events[0].kind is EventKind.RUN_RERUN
    assert "ada" in decision.events[0].detail


def test_given_it_passes_the_second_time_i_expect_the_run_to_pass_with_what_was_skipped() -> None:
    run = after(rerun(ended(), "failed", "ada", LATER))
    for job in ("bad", "behind", "last"):
        run = finished(run, PASSED, job).run
    assert run.state is RunState.PASSED
    assert len(run.job(JobId("good")).attempts) == 1, "nobody asked for it"


def test_given_all_are_asked_for_i_expect_needs_to_hold_again() -> None:
    run = after(rerun(ended(), "all", "ada", LATER))
    assert states(run) == {"good": "queued", "bad": "queued", "behind": "blocked", "last": "blocked"}


def test_given_others_still_run_i_expect_them_to_go_on() -> None:
    run = started(running(spec("bad"), spec("slow")), "slow")
    run = finished(run, FAILED, "bad").run
    again = after(rerun(run, "job:bad", "ada", LATER))
    assert states(again) == {"bad": "queued", "slow": "active"}
    assert again.job(JobId("slow")) == run.job(JobId("slow"))
    assert again.begun_at == run.begun_at, "its time goes on"


@pytest.mark.parametrize("which", ["failed", "job:slow", "all"])
def test_given_nothing_of_it_has_ended_i_expect_nothing_to_happen(which: str) -> None:
    assert rerun(started(running(spec("slow")), "slow"), which, "ada", LATER) is None


def test_given_an_unknown_job_i_expect_to_be_told() -> None:
    with pytest.raises(NotFound, match="nope"):
        rerun(ended(), "job:nope", "ada", LATER)


def test_given_a_run_that_never_had_a_plan_i_expect_a_new_one_to_be_made() -> None:
    for run in (after(unplannable(created(), "no such commit", NOW)), after(cancel(created(), "ada", NOW))):
        decision = sure(rerun(run, "failed", "ada", LATER))
        assert decision.run.state is RunState.PLANNING
        assert decision.commands == (MakePlan(), Report())
        assert decision.run.detail == ""
    assert rerun(created(), "all", "ada", LATER) is None


def test_given_a_rerun_i_expect_retries_to_be_counted_afresh() -> None:
    run = running(spec("test", retries=1))
    run = finished(finished(run, FAILED).run, FAILED).run
    assert states(run) == {"test": "failed"}
    run = after(rerun(run, "failed", "ada", LATER))
    run = finished(run, FAILED).run
    assert states(run) == {"test": "queued"}, "one retry, as configured"
    for _ in range(3):
        run = lost(run).run
    assert states(run) == {"test": "queued"}, "and three for the infrastructure"
    assert finished(run, FAILED).run.state is RunState.FAILED


def test_given_a_late_word_about_an_earlier_attempt_i_expect_it_to_change_nothing() -> None:
    run = ended()
    first = attempt_of(run, "bad")
    again = after(rerun(run, "failed", "ada", LATER))
    assert explained(again, JobId("bad"), first, explanation(), LATER) is None
    assert finish(again, JobId("bad"), first, token=TOKEN, result=FAILED, now=LATER) is None, "it was accepted before"
    blocked = again.job(JobId("behind"))
    assert blocked.state is JobState.BLOCKED
    assert attempt_of(again, "bad") == AttemptId(f"{run.id}.bad.2")
