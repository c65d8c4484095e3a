"""Cancelling needs no runner: the record is final at once, and whoever still works on it is told to stop."""

from __future__ import annotations

from models.commands import Withdraw
from models.events import Event, EventKind
from models.lifecycle.decision import Decision
from models.lifecycle.fold import finished, fold
from models.machines import (
    ATTEMPT,
    JOB,
    LEASE,
    RUN,
    AttemptEvent,
    JobEvent,
    LeaseEvent,
    LeaseState,
    RunEvent,
    RunState,
    step,
)
from models.result import AttemptResult, Cause, Outcome
from models.run import Attempt, Job, Run


def cancel(run: Run, by: str, now: float) -> Decision | None:
    """Every job that has not ended is cancelled, and so is the run. None when it is over already."""
    if run.over:
        return None
    run = run.having(detail=f"cancelled by {by}")
    decision = Decision(run=run)
    for job in run.jobs:
        if not job.over:
            decision = decision.then(_cancel_job(decision.run, job, by, now))
    if run.state is RunState.RUNNING:
        return decision.then(fold(decision.run, now))
    run = decision.run.having(state=step(RUN, run.state, RunEvent.CANCEL), finished_at=now)
    return decision.then(finished(run, now))


def _cancel_job(run: Run, job: Job, by: str, now: float) -> Decision:
    live = [attempt for attempt in job.attempts[-1:] if not attempt.over]
    for attempt in live:
        job = job.with_attempt(_cancel_attempt(attempt, by, now))
    job = job.having(state=step(JOB, job.state, JobEvent.CANCEL), detail=f"cancelled by {by}")
    told = Event(kind=EventKind.JOB_FINISHED, at=now, job=job.id, detail=f"cancelled by {by}")
    return Decision(run=run.with_job(job), events=(told,), commands=tuple(Withdraw(attempt=a.id) for a in live))


def _cancel_attempt(attempt: Attempt, by: str, now: float) -> Attempt:
    lease = attempt.lease
    if lease is not None and lease.state is LeaseState.HELD:
        lease = lease.having(state=step(LEASE, lease.state, LeaseEvent.REVOKE))
    result = AttemptResult(outcome=Outcome.CANCELLED, cause=Cause.CANCELLED, detail=f"cancelled by {by}")
    state = step(ATTEMPT, attempt.state, AttemptEvent.CANCEL)
    return attempt.having(state=state, lease=lease, result=result, finished_at=now)
