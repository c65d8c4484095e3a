"""Runs in every state, made by the same decisions that make real ones."""

from __future__ import annotations

from models.change import Change, ChangeKind, Forge, Trust
from models.failure import Category, Explanation, FailingTest, Finding, Span
from models.ids import CommitId, JobId, LeaseToken, RunnerId
from models.job import JobSpec
from models.lifecycle.attempts import finish, lease, start
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.lifecycle.explain import explained
from models.plan import Plan, PlannedJob, Reason, SkippedJob
from models.result import AttemptResult, Cause, Outcome
from models.run import Run

HEAD = CommitId("ec26c3e57ca3a959ca5aad62de7213c562f8c821")
BASE = CommitId("f95f852bd8fca8fcc58a9a2d6c842781e32a215e")
TOKEN = LeaseToken("the-lease-token-nobody-may-see")
NOW = 1_700_000_000.0

PASSED = AttemptResult(outcome=Outcome.PASSED, exit_code=0, runtime="runsc")
FAILED = AttemptResult(outcome=Outcome.FAILED, exit_code=1, step=0, detail="exit code 1", runtime="runsc")
TIMED_OUT = AttemptResult(outcome=Outcome.TIMED_OUT, cause=Cause.WALL_TIME, detail="over 600 s")
REFUSED = AttemptResult(outcome=Outcome.ERRORED, cause=Cause.REFUSED, detail="no gVisor runtime here")


def pull_request(head: CommitId = HEAD, number: int = 2, title: str = "Make it faster") -> Change:
    return Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED,
        repository="octocat/hello-world",
        clone_url="https://github.com/octocat/hello-world.git",
        head=head,
        base=BASE,
        head_ref="faster",
        base_ref="main",
        fetch_ref=f"refs/pull/{number}/head",
        number=number,
        title=title,
        author="octocat",
        installation=7,
    )


def at(change: Change) -> tuple[str, int | None]:
    """Where an adapter for this change writes: the repository, and the App's installation."""
    return change.repository, change.installation


def spec(job: str, *needs: str) -> JobSpec:
    return JobSpec(id=JobId(job), run=("python -m pytest",), needs=tuple(JobId(need) for need in needs))


def plan(*jobs: JobSpec, skipped: tuple[str, ...] = (), evidence: str = "src/app.py changed") -> Plan:
    reason = Reason(rule="paths", evidence=evidence)
    return Plan(
        head=HEAD,
        merge_base=BASE,
        changed=(),
        source=".delta.yml",
        jobs=tuple(PlannedJob(spec=job, reasons=(reason,)) for job in jobs),
        skipped=tuple(
            SkippedJob(id=JobId(job), reasons=(Reason(rule="paths", evidence="nothing under docs/ changed"),))
            for job in skipped
        ),
    ).sealed()


def created(change: Change | None = None, now: float = NOW) -> Run:
    return create(change or pull_request(), now).run


def running(*jobs: JobSpec, change: Change | None = None, skipped: tuple[str, ...] = (), now: float = NOW) -> Run:
    """Planned, with every job queued or blocked."""
    return _run(planned(created(change, now), plan(*(jobs or (spec("test"),)), skipped=skipped), now + 1))


def leased(run: Run, job: str = "test") -> Run:
    attempt = run.job(JobId(job)).attempt
    return _run(lease(run, JobId(job), attempt.id, token=TOKEN, runner=RunnerId("runner-1"), session="s", now=NOW + 2))


def started(run: Run, job: str = "test") -> Run:
    run = leased(run, job)
    return _run(start(run, JobId(job), run.job(JobId(job)).attempt.id, token=TOKEN, now=NOW + 3))


def ended(run: Run, result: AttemptResult = PASSED, job: str = "test", now: float = NOW + 15) -> Run:
    run = started(run, job)
    attempt = run.job(JobId(job)).attempt
    return _run(finish(run, JobId(job), attempt.id, token=TOKEN, result=result, now=now))


def finding(*tests: FailingTest, excerpt: str = "E   assert 1 == 2", summary: str = "one test failed") -> Finding:
    return Finding(
        category=Category.TEST,
        confidence=0.9,
        excerpt=(Span(first=3, last=4),),
        excerpt_text=excerpt,
        summary=summary,
        signature="abc",
        failing_tests=tests
        or (FailingTest(name="test_add", message="assert 1 == 2", file="tests/test_add.py", line=7),),
        looked_at=("log",),
    )


def explained_as(run: Run, what: Finding, job: str = "test") -> Run:
    attempt = run.job(JobId(job)).attempt
    return _run(explained(run, JobId(job), attempt.id, Explanation(finding=what), NOW + 20))


def passed() -> Run:
    return ended(running())


def failed() -> Run:
    return explained_as(ended(running(), FAILED), finding())


def _run(decision: Decision | None) -> Run:
    assert decision is not None
    return decision.run
