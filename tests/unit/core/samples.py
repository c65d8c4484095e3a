"""Changes, plans and runs for the tests of the core, made by the decisions that make real ones."""

from __future__ import annotations

from models.change import Change, ChangeKind, Forge, Trust
from models.failure import Category, Explanation, Finding
from models.ids import AttemptId, CommitId, JobId, LeaseToken, RunnerId
from models.job import JobSpec
from models.lifecycle.attempts import finish, lease, lose, start
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.plan import Plan, PlannedJob, Reason
from models.result import AttemptResult, Cause, Outcome
from models.run import Run

HEAD = CommitId("1f3a" * 10)
TOKEN = LeaseToken("token-of-the-holder")
STRANGER = LeaseToken("token-of-somebody-else")
NOW = 1_800_000_000.0

PASSED = AttemptResult(outcome=Outcome.PASSED, exit_code=0)
FAILED = AttemptResult(outcome=Outcome.FAILED, exit_code=1, step=0, detail="exit code 1")
TIMED_OUT = AttemptResult(outcome=Outcome.TIMED_OUT, cause=Cause.WALL_TIME, detail="over 600 s")
BROKEN = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.SANDBOX, detail="the sandbox did not start")
REFUSED = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.REFUSED, detail="no such image")
STOPPED = AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail="cancelled while running")


def change(nonce: str = "") -> Change:
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.MANUAL,
        trust=Trust.TRUSTED,
        repository="kitchen",
        clone_url="/srv/kitchen",
        head=HEAD,
        head_ref="main",
        nonce=nonce,
    )


def spec(job: str, *needs: str, retries: int = 0, always: bool = False, allow_failure: bool = False) -> JobSpec:
    return JobSpec(
        id=JobId(job),
        run=("true",),
        needs=tuple(JobId(need) for need in needs),
        retries=retries,
        always=always,
        allow_failure=allow_failure,
    )


def plan(*jobs: JobSpec) -> Plan:
    reason = Reason(rule="paths", evidence="src/ changed")
    return Plan(
        head=HEAD,
        merge_base=None,
        changed=(),
        source=".delta.yml",
        jobs=tuple(PlannedJob(spec=job, reasons=(reason,)) for job in jobs),
    ).sealed()


def created() -> Run:
    return create(change(), NOW).run


def running(*jobs: JobSpec) -> Run:
    return after(planned(created(), plan(*jobs), NOW))


def attempt_of(run: Run, job: str) -> AttemptId:
    return run.job(JobId(job)).attempt.id


def leased(run: Run, job: str = "test", token: LeaseToken = TOKEN) -> Run:
    return after(
        lease(run, JobId(job), attempt_of(run, job), token=token, runner=RunnerId("runner-1"), session="s", now=NOW)
    )


def started(run: Run, job: str = "test", token: LeaseToken = TOKEN) -> Run:
    run = leased(run, job, token)
    return after(start(run, JobId(job), attempt_of(run, job), token=token, now=NOW))


def finished(run: Run, result: AttemptResult, job: str = "test", token: LeaseToken = TOKEN) -> Decision:
    """What comes of a queued job that is leased, started and finished."""
    run = started(run, job, token)
    return sure(finish(run, JobId(job), attempt_of(run, job), token=token, result=result, now=NOW + 60))


def lost(run: Run, job: str = "test", token: LeaseToken = TOKEN) -> Decision:
    """What comes of a queued job whose runner vanishes."""
    run = leased(run, job, token)
    return sure(lose(run, JobId(job), attempt_of(run, job), token=token, why="its node is gone", now=NOW + 60))


def explanation(summary: str = "one test failed") -> Explanation:
    found = Finding(
        category=Category.TEST, confidence=0.9, excerpt=(), excerpt_text="", summary=summary, signature="abc"
    )
    return Explanation(finding=found)


def sure(decision: Decision | None) -> Decision:
    """A decision that is expected to have something to write."""
    assert decision is not None
    return decision


def after(decision: Decision | None) -> Run:
    """The record a decision leads to."""
    return sure(decision).run


def states(run: Run) -> dict[str, str]:
    """The state of each job."""
    return {job.id: job.state.value for job in run.jobs}
