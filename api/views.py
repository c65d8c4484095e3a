"""What the REST interface shows of the records. A field is shown because it is named here: leases and their tokens, the
clone URL and the forge's installation are not.

Times are Unix seconds, None where it has not come to that.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from actors.reporter.render import comment, ran_unsafely
from models.change import ChangeKind, Forge, Trust
from models.events import EventKind
from models.failure import Explanation
from models.ids import AttemptId, CommitId, JobId, RunId
from models.machines import AttemptState, JobState, RunState
from models.plan import ChangedFile, Reason, SkippedJob
from models.result import AttemptResult
from models.run import Attempt, Job, Run


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class Accepted(_View):
    """The run that a request is about. It can be read as soon as the orchestrator has taken it up."""

    run: RunId


class ChangeView(_View):
    """The commit a run judges, and where it came from."""

    forge: Forge
    kind: ChangeKind
    trust: Trust
    repository: str
    head: CommitId
    base: CommitId | None
    head_ref: str
    base_ref: str
    number: int | None
    title: str
    author: str


class AttemptView(_View):
    """One try at a job. `runner` is who has or had it."""

    id: AttemptId
    number: int
    state: AttemptState
    queued_at: float
    started_at: float | None
    finished_at: float | None
    runner: str | None
    result: AttemptResult | None


class JobView(_View):
    """A planned job: why it runs, what became of it, and what explains its failure. `timeout_s` is in seconds.

    `tolerated`: it failed, and `allow_failure` says that it may.
    """

    id: JobId
    state: JobState
    detail: str
    reasons: tuple[Reason, ...]
    run: tuple[str, ...]
    image: str
    needs: tuple[JobId, ...]
    timeout_s: float
    allow_failure: bool
    tolerated: bool
    attempts: tuple[AttemptView, ...]
    explanation: Explanation | None


class RefusedView(_View):
    """A job that the policy does not let run, and why. The run shows it as failed."""

    id: JobId
    reasons: tuple[Reason, ...]


class PlanView(_View):
    """The plan without its jobs, which the run shows with what became of them."""

    source: str
    policy: str
    digest: str
    merge_base: CommitId | None
    changed: tuple[ChangedFile, ...]
    skipped: tuple[SkippedJob, ...]
    refused: tuple[RefusedView, ...]
    required: tuple[JobId, ...]
    notes: tuple[str, ...]


class RunSummary(_View):
    """A run in a list."""

    id: RunId
    state: RunState
    detail: str
    change: ChangeView
    created_at: float
    planned_at: float | None
    finished_at: float | None


class RunView(RunSummary):
    """A run in full. `unsafe`: a job ran without gVisor. `comment` is the Markdown that the pull request gets."""

    plan: PlanView | None
    jobs: tuple[JobView, ...]
    unsafe: bool
    comment: str


class EventView(_View):
    """One fact of the run's audit stream. `id` is what `after` wants, to read on from here."""

    id: str
    kind: EventKind
    at: float
    job: JobId | None
    attempt: int | None
    detail: str


def run_summary(run: Run) -> RunSummary:
    """A run as a list shows it."""
    return RunSummary.model_validate(run)


def run_view(run: Run, public_url: str) -> RunView:
    """A run as its own page shows it. `public_url` is what links in the comment start with; empty: no links."""
    summary = run_summary(run)
    return RunView(
        **{name: getattr(summary, name) for name in RunSummary.model_fields},
        plan=PlanView.model_validate(run.plan) if run.plan else None,
        jobs=tuple(_job_view(job) for job in run.jobs),
        unsafe=ran_unsafely(run),
        comment=comment(run, public_url),
    )


def _job_view(job: Job) -> JobView:
    return JobView(
        id=job.id,
        state=job.state,
        detail=job.detail,
        reasons=job.reasons,
        run=job.spec.run,
        image=job.spec.image,
        needs=job.spec.needs,
        timeout_s=job.spec.timeout_s,
        allow_failure=job.spec.allow_failure,
        tolerated=job.tolerated,
        attempts=tuple(_attempt_view(attempt) for attempt in job.attempts),
        explanation=job.explanation,
    )


def _attempt_view(attempt: Attempt) -> AttemptView:
    return AttemptView(
        id=attempt.id,
        number=attempt.number,
        state=attempt.state,
        queued_at=attempt.queued_at,
        started_at=attempt.started_at,
        finished_at=attempt.finished_at,
        runner=attempt.lease.runner if attempt.lease else None,
        result=attempt.result,
    )
