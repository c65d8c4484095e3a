from __future__ import annotations

import pytest

from actors.reporter.desired import desired
from actors.reporter.forge import Conclusion, Status
from models.failure import Explanation, FailingTest, TestBlame, TestVerdict
from models.ids import JobId
from models.lifecycle.cancel import cancel
from models.lifecycle.create import unplannable
from models.machines import JobState, RunState
from models.result import Cause
from models.run import Run
from tests.unit.reporter import sample_runs as runs

# Restated here on purpose: a test that derived its expectation from the table would prove nothing.
JOBS = {
    JobState.BLOCKED: ("queued", None),
    JobState.QUEUED: ("queued", None),
    JobState.ACTIVE: ("in_progress", None),
    JobState.PASSED: ("completed", "success"),
    JobState.FAILED: ("completed", "failure"),
    JobState.SKIPPED: ("completed", "skipped"),
    JobState.CANCELLED: ("completed", "cancelled"),
    JobState.ERRORED: ("completed", "failure"),
}
RUNS = {
    RunState.CREATED: ("queued", None),
    RunState.PLANNING: ("queued", None),
    RunState.AWAITING_APPROVAL: ("queued", None),
    RunState.RUNNING: ("in_progress", None),
    RunState.PASSED: ("completed", "success"),
    RunState.FAILED: ("completed", "failure"),
    RunState.CANCELLED: ("completed", "cancelled"),
    RunState.ERRORED: ("completed", "failure"),
}


@pytest.mark.parametrize("state", JobState)
def test_every_job_state(state: JobState) -> None:
    run = runs.running()
    check = desired(run.with_job(run.jobs[0].having(state=state)), "").checks[1]
    assert (check.status, check.conclusion) == JOBS[state]


@pytest.mark.parametrize("state", RunState)
def test_every_run_state(state: RunState) -> None:
    check = desired(runs.running().having(state=state), "").checks[0]
    assert (check.status, check.conclusion) == RUNS[state]


def test_ids_and_names() -> None:
    run = runs.running(runs.spec("test"), skipped=("docs",))
    checks = desired(run, "https://ci.example/").checks
    assert [(check.name, check.external_id) for check in checks] == [
        ("delta", run.id),
        ("delta / test", f"{run.id}/test"),
        ("delta / docs", f"{run.id}/docs"),
    ]
    assert checks[1].details_url == f"https://ci.example/v1/runs/{run.id}/jobs/test/log"


def test_timed_out_job_says_so() -> None:
    check = desired(runs.ended(runs.running(), runs.TIMED_OUT), "").checks[1]
    assert check.conclusion is Conclusion.TIMED_OUT


def test_job_skipped_because_of_another_concludes_with_the_run() -> None:
    run = runs.ended(runs.running(runs.spec("test"), runs.spec("deploy", "test")), runs.FAILED)
    summary, _, deploy = desired(run, "").checks
    assert deploy.conclusion is Conclusion.SKIPPED
    assert deploy.title == "skipped: needs test, which failed"
    assert summary.status is Status.COMPLETED


@pytest.mark.parametrize("run", [runs.created(), runs.running(), runs.passed(), runs.failed()])
def test_completed_checks_and_only_those_have_conclusion_and_time(run: Run) -> None:
    for check in desired(run, "").checks:
        completed = check.status is Status.COMPLETED
        assert (check.conclusion is not None) == completed
        assert (check.completed_at is not None) == completed


def test_cancelled_before_the_plan_concludes() -> None:
    decision = cancel(runs.created(), "octocat", runs.NOW + 1)
    assert decision is not None
    (summary,) = desired(decision.run, "").checks
    assert summary.conclusion is Conclusion.CANCELLED
    assert "octocat" in summary.summary


def test_run_that_could_not_be_planned_fails_and_says_why() -> None:
    decision = unplannable(runs.created(), "no such commit", runs.NOW + 1)
    assert decision is not None
    (summary,) = desired(decision.run, "").checks
    assert summary.conclusion is Conclusion.FAILURE
    assert "no such commit" in summary.summary


def test_failed_job_is_titled_by_its_explanation_and_annotated() -> None:
    check = desired(runs.failed(), "").checks[1]
    assert check.title == "test: one test failed"
    assert [(each.path, each.line, each.title) for each in check.annotations] == [("tests/test_add.py", 7, "test_add")]


@pytest.mark.parametrize(
    ("file", "line"),
    [("/etc/passwd", 1), ("../x.py", 1), ("a/../../x", 1), ("", 1), ("x.py", None), ("x\n.py", 2), ("x.py", 0)],
)
def test_lines_that_cannot_be_in_the_repository_are_not_annotated(file: str, line: int | None) -> None:
    tests = (FailingTest(name="t", file=file, line=line),)
    check = desired(runs.explained_as(runs.ended(runs.running(), runs.FAILED), runs.finding(*tests)), "").checks[1]
    assert check.annotations == ()


def test_limits_of_the_forge_hold() -> None:
    tests = tuple(FailingTest(name="n" * 900, message="m" * 90_000, file="t.py", line=n + 1) for n in range(80))
    finding = runs.finding(*tests, excerpt="e" * 200_000, summary="s" * 5_000)
    run = runs.explained_as(
        runs.ended(runs.running(skipped=tuple(f"docs-{n}" for n in range(2_000))), runs.FAILED), finding
    )
    for check in desired(run, "").checks:
        assert len(check.title) <= 255
        assert len(check.summary) <= 65_535
        assert len(check.text) <= 65_535
        assert len(check.annotations) <= 50
        assert all(len(each.message) <= 64_000 and len(each.title) <= 255 for each in check.annotations)


def test_only_pull_requests_have_a_comment() -> None:
    assert desired(runs.passed(), "").comment is not None
    push = runs.ended(runs.running(change=runs.pull_request().having(number=None)))
    assert desired(push, "").comment is None


def required(run: Run, *jobs: str) -> Run:
    assert run.plan is not None
    return run.having(plan=run.plan.having(required=jobs))


def test_a_required_job_that_the_plan_skips_is_a_success_that_says_that_it_was_skipped() -> None:
    run = runs.running(runs.spec("test"), skipped=("docs", "site"))
    _, _, docs, site = desired(required(run, "docs"), "").checks
    assert (docs.conclusion, docs.title) == (Conclusion.SUCCESS, "skipped by the plan, which counts as success")
    assert "nothing under docs/ changed" in docs.summary
    assert (site.conclusion, site.title) == (Conclusion.SKIPPED, "skipped by the plan")


def test_a_required_job_that_was_skipped_because_another_failed_does_not_let_a_merge_pass() -> None:
    run = runs.ended(runs.running(runs.spec("test"), runs.spec("audit", "test")), runs.FAILED)
    audit = desired(required(run, "audit"), "").checks[2]
    assert (audit.conclusion, audit.title) == (Conclusion.FAILURE, "skipped: needs test, which failed")


def test_a_failure_that_is_allowed_is_neutral_and_shown_as_such() -> None:
    lint = runs.spec("lint").having(allow_failure=True)
    summary, check = desired(runs.ended(runs.running(lint), runs.FAILED, "lint"), "").checks
    assert (check.conclusion, check.title) == (Conclusion.NEUTRAL, "failed, which is allowed: exit code 1")
    assert (summary.conclusion, summary.title) == (Conclusion.SUCCESS, "passed: 1 failed (allowed)")


def test_a_job_that_may_fail_and_is_cancelled_is_cancelled() -> None:
    run = runs.running(runs.spec("lint").having(allow_failure=True))
    ended = cancel(run, "ada", runs.NOW)
    assert ended is not None
    assert desired(ended.run, "").checks[1].conclusion is Conclusion.CANCELLED


def set_aside(run: Run, job: str = "test", *, exact: bool = True, aside: tuple[bool, ...] = (True,)) -> Run:
    """The job's failure explained as that of tests of which these are in quarantine."""
    tests = tuple(FailingTest(name=f"t{n}", source="junit") for n in range(len(aside)))
    verdicts = tuple(
        TestVerdict(test=f"t{n}", blame=TestBlame.KNOWN_FLAKY, evidence="", set_aside=each, quarantine="until May")
        for n, each in enumerate(aside)
    )
    explanation = Explanation(finding=runs.finding(*tests), verdicts=verdicts, exact=exact)
    return run.with_job(run.job(JobId(job)).having(explanation=explanation))


def test_a_failure_of_tests_in_quarantine_alone_is_neutral_and_says_so() -> None:
    run = set_aside(runs.failed(), aside=(True, True))
    summary, check = desired(run, "").checks
    assert (check.conclusion, check.title) == (Conclusion.NEUTRAL, "failed: only quarantined tests fail")
    assert summary.conclusion is Conclusion.NEUTRAL
    assert summary.title == "failed, only quarantined tests fail: 1 failed (quarantined tests)"
    text = desired(run, "").comment or ""
    assert "🟡 **Delta: failed, only quarantined tests fail**" in text
    assert "`t0` — **known flaky**: ; until May" in text


@pytest.mark.parametrize(
    "run",
    [
        set_aside(runs.failed(), aside=(True, False)),
        set_aside(runs.failed(), aside=()),
        set_aside(runs.failed(), exact=False),
        set_aside(runs.ended(runs.running(), runs.TIMED_OUT)),
        set_aside(runs.ended(runs.running(), runs.REFUSED)),
        set_aside(runs.ended(runs.running(), runs.FAILED.having(cause=Cause.OUT_OF_MEMORY))),
        runs.failed(),
        runs.ended(runs.running(), runs.FAILED),  # not explained yet
    ],
    ids=["another", "none", "not-exact", "timed-out", "refused", "memory", "ordinary", "unexplained"],
)
def test_any_other_failure_counts(run: Run) -> None:
    summary, check = desired(run, "").checks
    assert summary.conclusion is Conclusion.FAILURE
    assert check.conclusion in {Conclusion.FAILURE, Conclusion.TIMED_OUT}


def test_beside_a_job_that_fails_or_could_not_run_the_summary_fails() -> None:
    both = runs.running(runs.spec("test"), runs.spec("lint"))
    both = set_aside(runs.ended(runs.ended(both, runs.FAILED), runs.FAILED, "lint"))
    assert [check.conclusion for check in desired(both, "").checks] == ["failure", "neutral", "failure"]
    after = set_aside(runs.ended(runs.running(runs.spec("test"), runs.spec("deploy", "test")), runs.FAILED))
    assert [check.conclusion for check in desired(after, "").checks] == ["failure", "neutral", "skipped"]
    beside = runs.running(runs.spec("test"), runs.spec("lint"))
    beside = set_aside(runs.ended(runs.ended(beside, runs.FAILED), runs.PASSED, "lint"))
    assert [check.conclusion for check in desired(beside, "").checks] == ["neutral", "neutral", "success"]
