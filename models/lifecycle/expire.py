"""Time-outs that no runner can notice: an attempt nobody takes, a run that never ends. Each says which it was."""

from __future__ import annotations

from models.commands import Analyze, Command, Report, Withdraw
from models.events import Event, EventKind
from models.lifecycle.decision import Decision
from models.lifecycle.fold import finished, fold
from models.machines import (
    ATTEMPT,
    JOB,
    LEASE,
    RUN,
    AttemptEvent,
    AttemptState,
    JobEvent,
    JobState,
    LeaseEvent,
    LeaseState,
    RunEvent,
    RunState,
    step,
)
from models.result import AttemptResult, Cause, Outcome
from models.run import Job, Run


def expire(run: Run, *, queue_s: float, run_s: float, now: float) -> Decision | None:
    """What has waited or run for too long ends. None when nothing has. A run that waits for a person is left alone."""
    if run.over or run.state is RunState.AWAITING_APPROVAL:
        return None
    if now - run.begun_at > run_s:
        return _end_run(run, f"ran longer than {run_s:g} s", now)
    late = [job for job in run.jobs if job.state is JobState.QUEUED and _waited_s(job, now) > queue_s]
    if not late:
        return None
    decision = Decision(run=run)
    for job in late:
        labels = "".join(f", `{label}`" for label in job.spec.resources.labels)
        asked = f"{job.spec.footprint.cpus:g} CPUs, {job.spec.footprint.memory_mb} MB{labels}"
        why = f"no runner took it within {queue_s:g} s: no node may be able to give it what it asks for: {asked}"
        decision = decision.then(_end_job(decision.run, job, Cause.QUEUE_TIME, why, now))
    return decision.then(fold(decision.run, now))


def _waited_s(job: Job, now: float) -> float:
    return now - max(job.attempt.queued_at, job.attempt.not_before)


def _end_run(run: Run, why: str, now: float) -> Decision:
    run = run.having(detail=why)
    if run.state is not RunState.RUNNING:
        run = run.having(state=step(RUN, run.state, _WITHOUT_PLAN[run.state]), finished_at=now)
        return finished(run, now)
    decision = Decision(run=run)
    for job in run.jobs:
        if not job.over:
            decision = decision.then(_end_job(decision.run, job, Cause.RUN_TIME, f"the run {why}", now))
    return decision.then(fold(decision.run, now))


_WITHOUT_PLAN = {RunState.CREATED: RunEvent.CANCEL, RunState.PLANNING: RunEvent.ERROR}


def _end_job(run: Run, job: Job, cause: Cause, why: str, now: float) -> Decision:
    commands: tuple[Command, ...] = (Report(),)
    if job.state is JobState.BLOCKED:
        job = job.having(state=step(JOB, job.state, JobEvent.SKIP), detail=why)
    else:
        began = job.attempt.state is AttemptState.RUNNING
        commands = (Withdraw(attempt=job.attempt.id), Analyze(job=job.id, attempt=job.attempt.id), *commands)
        job = _end_attempt(job, cause, why, now)
        job = job.having(state=step(JOB, job.state, JobEvent.FAIL if began else JobEvent.ERROR), detail=why)
    told = Event(kind=EventKind.JOB_FINISHED, at=now, job=job.id, detail=f"{job.state} {why}")
    return Decision(run=run.with_job(job), events=(told,), commands=commands)


def _end_attempt(job: Job, cause: Cause, why: str, now: float) -> Job:
    """One that runs has timed out; one that nobody has begun is no verdict on the change."""
    attempt = job.attempt
    began = attempt.state is AttemptState.RUNNING
    outcome = Outcome.TIMED_OUT if began else Outcome.ERRORED
    state = step(ATTEMPT, attempt.state, AttemptEvent.TIME_OUT if began else AttemptEvent.ERROR)
    lease = attempt.lease
    if lease is not None and lease.state is LeaseState.HELD:
        lease = lease.having(state=step(LEASE, lease.state, LeaseEvent.REVOKE))
    result = AttemptResult(outcome=outcome, cause=cause, detail=why)
    return job.with_attempt(attempt.having(state=state, lease=lease, result=result, finished_at=now))
