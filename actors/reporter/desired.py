"""What the forge shall show of a run: one check per job, one for the whole, and on a pull request one comment.

Pure. The check `delta` covers everything, skipped jobs included, and always concludes: it is the one to require in a
branch protection. A job that Delta could not run is a `failure`, never `neutral`: neutral would let a merge pass, and
is for failures that are allowed, and for those of nothing but tests in quarantine. `skipped` lets it pass as well. So a
job that the policy requires is a `success` where the plan says that it need not run, and a `failure` where it was
skipped because something else failed.
(https://docs.github.com/en/pull-requests/reference/status-checks)
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from actors.reporter.forge import Annotation, Check, Conclusion, Status
from actors.reporter.markdown import clip, inert, one_line
from actors.reporter.render import (
    LIMIT,
    ONLY_QUARANTINED,
    comment,
    count_line,
    is_excused,
    log_url,
    only_quarantined,
    ran_unsafely,
    reasons,
    run_url,
    skipped,
    took,
    why_failed,
)
from models.failure import FailingTest
from models.ids import CommitId, JobId
from models.machines import AttemptState, JobState, RunState
from models.plan import SkippedJob
from models.record import Record
from models.run import Job, Run

SUMMARY: Final = "delta"
MAX_ANNOTATIONS: Final = 50  # GitHub's limit for one request
_MESSAGE_LIMIT: Final = 4_000  # characters; GitHub allows 64 KB, nobody reads that on a line

_JOB: Final[dict[JobState, tuple[Status, Conclusion | None]]] = {
    JobState.BLOCKED: (Status.QUEUED, None),
    JobState.QUEUED: (Status.QUEUED, None),
    JobState.ACTIVE: (Status.IN_PROGRESS, None),
    JobState.PASSED: (Status.COMPLETED, Conclusion.SUCCESS),
    JobState.FAILED: (Status.COMPLETED, Conclusion.FAILURE),
    JobState.SKIPPED: (Status.COMPLETED, Conclusion.SKIPPED),
    JobState.CANCELLED: (Status.COMPLETED, Conclusion.CANCELLED),
    JobState.ERRORED: (Status.COMPLETED, Conclusion.FAILURE),
}
_RUN: Final[dict[RunState, tuple[Status, Conclusion | None]]] = {
    RunState.CREATED: (Status.QUEUED, None),
    RunState.PLANNING: (Status.QUEUED, None),
    RunState.AWAITING_APPROVAL: (Status.QUEUED, None),
    RunState.RUNNING: (Status.IN_PROGRESS, None),
    RunState.PASSED: (Status.COMPLETED, Conclusion.SUCCESS),
    RunState.FAILED: (Status.COMPLETED, Conclusion.FAILURE),
    RunState.CANCELLED: (Status.COMPLETED, Conclusion.CANCELLED),
    RunState.ERRORED: (Status.COMPLETED, Conclusion.FAILURE),
}


class Desired(Record):
    """`comment` is None where there is no pull request to write it on. `created_at` says which run is the newer one."""

    head: CommitId
    checks: tuple[Check, ...]
    number: int | None = None
    comment: str | None = None


def desired(run: Run, public_url: str) -> Desired:
    """What a forge shall show of this run. `public_url` is what links start with; empty: no links."""
    url = run_url(run.id, public_url)
    left_out = run.plan.skipped if run.plan else ()
    return Desired(
        head=run.change.head,
        checks=(
            _summary(run, url),
            *(_job(run, job, public_url) for job in run.jobs),
            *(_left_out(run, job, url) for job in left_out),
        ),
        number=run.change.number,
        comment=comment(run, public_url) if run.change.number is not None else None,
    )


def remarks(job: Job) -> tuple[Annotation, ...]:
    """A remark on each failing test whose line in the repository is known; the first `MAX_ANNOTATIONS`."""
    tests = job.explanation.finding.failing_tests if job.explanation else ()
    return tuple(_annotation(test, test.line) for test in tests if test.line and _inside(test.file))[:MAX_ANNOTATIONS]


def _summary(run: Run, url: str) -> Check:
    status, conclusion = _RUN[run.state]
    title = run.state.replace("_", " ")
    if is_excused(run):
        conclusion, title = Conclusion.NEUTRAL, f"{title}, {ONLY_QUARANTINED}"
    if counts := count_line(run):
        title += f": {counts}"
    if ran_unsafely(run):
        title += " (unsafe: without gVisor)"
    parts = [inert(run.detail)] if run.detail else []
    if run.plan:
        parts.append(f"Planned from {inert(run.plan.source)}, policy {inert(run.plan.policy)}.")
        parts += [f"- {inert(note)}" for note in run.plan.notes]
        if run.plan.skipped:
            parts.append(skipped(run.plan.skipped))
    return Check(
        external_id=run.id,
        name=SUMMARY,
        status=status,
        conclusion=conclusion,
        title=one_line(title, 255),
        summary=clip("\n\n".join(parts) or "The plan is being made.", LIMIT),
        details_url=url,
        started_at=run.created_at,
        completed_at=run.finished_at if status is Status.COMPLETED else None,
    )


def _job(run: Run, job: Job, public_url: str) -> Check:
    url = run_url(run.id, public_url)
    status, conclusion = _JOB[job.state]
    last = job.attempts[-1] if job.attempts else None
    if job.tolerated or only_quarantined(job):
        conclusion = Conclusion.NEUTRAL
    elif job.state is JobState.FAILED and last is not None and last.state is AttemptState.TIMED_OUT:
        conclusion = Conclusion.TIMED_OUT
    elif job.state is JobState.SKIPPED and _is_required(run, job.id):
        conclusion = Conclusion.FAILURE
    explained = job.state in {JobState.FAILED, JobState.ERRORED}
    return Check(
        external_id=f"{run.id}/{job.id}",
        name=_check_name(job.id),
        status=status,
        conclusion=conclusion,
        title=_job_title(job),
        summary=clip(f"Runs because of {reasons(job.reasons)}" if job.reasons else "No reason was recorded.", LIMIT),
        text=clip(why_failed(job, log_url(run.id, job, public_url)), LIMIT) if explained else "",
        details_url=f"{url}/jobs/{job.id}/log" if url and last is not None else url,
        started_at=last.started_at if last is not None else None,
        completed_at=_ended_at(run, job) if status is Status.COMPLETED else None,
        annotations=remarks(job) if explained else (),
    )


def _left_out(run: Run, job: SkippedJob, url: str) -> Check:
    required = _is_required(run, job.id)
    return Check(
        external_id=f"{run.id}/{job.id}",
        name=_check_name(job.id),
        status=Status.COMPLETED,
        conclusion=Conclusion.SUCCESS if required else Conclusion.SKIPPED,
        title="skipped by the plan, which counts as success" if required else "skipped by the plan",
        summary=clip(f"Skipped because of {reasons(job.reasons)}", LIMIT),
        details_url=url,
        completed_at=run.planned_at,
    )


def _is_required(run: Run, job: JobId) -> bool:
    return run.plan is not None and job in run.plan.required


def _check_name(job: str) -> str:
    return one_line(f"{SUMMARY} / {job}", 255)


def _job_title(job: Job) -> str:
    if job.tolerated:
        return one_line(f"{job.state}, which is allowed: {job.detail}".removesuffix(": "), 255)
    if only_quarantined(job):
        return f"{job.state}: {ONLY_QUARANTINED}"
    if job.explanation is not None and job.state is JobState.FAILED:
        return one_line(f"{job.explanation.finding.category.replace('_', ' ')}: {job.explanation.finding.summary}", 255)
    spent = took(job)
    title = f"{job.state} in {spent}" if spent and job.over else str(job.state)
    return one_line(f"{title}: {job.detail}" if job.detail else title, 255)


def _ended_at(run: Run, job: Job) -> float | None:
    last = job.attempts[-1] if job.attempts else None
    return last.finished_at if last is not None and last.finished_at is not None else run.finished_at


def _annotation(test: FailingTest, line: int) -> Annotation:
    message = test.message[:_MESSAGE_LIMIT].strip()
    return Annotation(path=test.file, line=line, title=one_line(test.name, 255), message=message or "this test failed")


def _inside(file: str) -> bool:
    """Whether a report's path can be one of the repository: a report may name any file of the sandbox."""
    path = PurePosixPath(file)
    return bool(file) and not path.is_absolute() and ".." not in path.parts and file.isprintable()
