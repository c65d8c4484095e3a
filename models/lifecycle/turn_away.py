"""A job whose concurrency group is full and that does not want to wait."""

from __future__ import annotations

from models.commands import Report
from models.events import Event, EventKind
from models.ids import AttemptId, JobId
from models.lifecycle.decision import Decision
from models.lifecycle.fold import fold
from models.machines import ATTEMPT, JOB, AttemptEvent, AttemptState, JobEvent, step
from models.result import AttemptResult, Cause, Outcome
from models.run import Run


def turn_away(run: Run, job_id: JobId, attempt_id: AttemptId, why: str, now: float) -> Decision | None:
    """The job is cancelled with that reason. None when the attempt is not queued any more."""
    job = run.job(job_id)
    if not job.attempts or job.attempt.id != attempt_id or job.attempt.state is not AttemptState.QUEUED:
        return None
    result = AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail=why)
    state = step(ATTEMPT, job.attempt.state, AttemptEvent.CANCEL)
    job = job.with_attempt(job.attempt.having(state=state, result=result, finished_at=now))
    job = job.having(state=step(JOB, job.state, JobEvent.CANCEL), detail=why)
    told = Event(kind=EventKind.JOB_FINISHED, at=now, job=job.id, detail=f"{job.state} {why}")
    decision = Decision(run=run.with_job(job), events=(told,), commands=(Report(),))
    return decision.then(fold(decision.run, now))
