"""What runners do to attempts: take, start, finish, give back; and what is done when one vanishes."""

from __future__ import annotations

import hashlib

from models.caches import believable
from models.commands import Analyze, Command, Enqueue, KeepCaches, NoteFix, Report
from models.errors import StaleWrite
from models.events import Event, EventKind
from models.ids import AttemptId, JobId, LeaseToken, RunnerId
from models.lifecycle.decision import Decision
from models.lifecycle.fold import fold, queue_attempt
from models.machines import (
    ATTEMPT,
    JOB,
    LEASE,
    AttemptEvent,
    AttemptState,
    JobEvent,
    LeaseEvent,
    LeaseState,
    step,
)
from models.result import AttemptResult, Cause, Outcome
from models.run import Attempt, Job, Lease, Run

MAX_INFRASTRUCTURE_RETRIES = 3
_FIRST_DELAY_S = 0.25
_DELAY_GROWTH = 4.0
_JITTER = (0.5, 1.5)
LONGEST_DELAY_S = _FIRST_DELAY_S * _DELAY_GROWTH ** (MAX_INFRASTRUCTURE_RETRIES - 1) * _JITTER[1]

_ENDS: dict[Outcome, tuple[AttemptEvent, JobEvent]] = {
    Outcome.PASSED: (AttemptEvent.PASS, JobEvent.PASS),
    Outcome.FAILED: (AttemptEvent.FAIL, JobEvent.FAIL),
    Outcome.TIMED_OUT: (AttemptEvent.TIME_OUT, JobEvent.FAIL),
    Outcome.CANCELLED: (AttemptEvent.CANCEL, JobEvent.CANCEL),
    Outcome.LOST: (AttemptEvent.LOSE, JobEvent.ERROR),
    Outcome.ERRORED: (AttemptEvent.ERROR, JobEvent.ERROR),
}

# Not the change's fault: tried again up to MAX_INFRASTRUCTURE_RETRIES times, whatever the job's own retries say.
_INFRASTRUCTURE = frozenset({Cause.SANDBOX, Cause.RUNNER_LOST})


def lease(
    run: Run,
    job_id: JobId,
    attempt_id: AttemptId,
    *,
    token: LeaseToken,
    runner: RunnerId,
    session: str,
    now: float,
    node: str = "",
) -> Decision | None:
    """A runner takes a queued attempt. None when this token has it; raises `StaleWrite` when it is no longer queued."""
    job = run.job(job_id)
    attempt = _current(job, attempt_id)
    if attempt.lease is not None and attempt.lease.token == token and attempt.lease.state is LeaseState.HELD:
        return None
    if attempt.state is not AttemptState.QUEUED:
        raise StaleWrite(f"attempt {attempt_id} is {attempt.state}, not queued")
    held = Lease(token=token, runner=runner, session=session, state=LeaseState.HELD, granted_at=now, node=node)
    attempt = attempt.having(state=step(ATTEMPT, attempt.state, AttemptEvent.LEASE), lease=held)
    job = job.having(state=step(JOB, job.state, JobEvent.ACTIVATE)).with_attempt(attempt)
    return _told(run.with_job(job), EventKind.JOB_LEASED, job, f"by {runner}", now)


def start(run: Run, job_id: JobId, attempt_id: AttemptId, *, token: LeaseToken, now: float) -> Decision | None:
    """The sandbox is ready and the first step begins. None when it was said before."""
    job = run.job(job_id)
    attempt = _held(job, attempt_id, token)
    if attempt.state is AttemptState.RUNNING:
        return None
    attempt = attempt.having(state=step(ATTEMPT, attempt.state, AttemptEvent.START), started_at=now)
    job = job.with_attempt(attempt)
    return _told(run.with_job(job), EventKind.JOB_STARTED, job, "", now, Report())


def finish(
    run: Run, job_id: JobId, attempt_id: AttemptId, *, token: LeaseToken, result: AttemptResult, now: float
) -> Decision | None:
    """The runner's result. None when the same lease has finished before; `StaleWrite` when it no longer holds.

    A runner that says it was cancelled while its lease holds was not: cancelling revokes the lease first. It lost touch
    and stopped by itself, which is no reason to cancel anything: the attempt counts as lost.
    """
    job = run.job(job_id)
    if any(_released_by(old, attempt_id, token) for old in job.attempts):
        return None
    attempt = _held(job, attempt_id, token)
    result = result.having(saved=believable(job.spec, result))
    if result.outcome in {Outcome.CANCELLED, Outcome.LOST}:
        result = result.having(outcome=Outcome.LOST, cause=Cause.RUNNER_LOST, detail="its runner stopped by itself")
    if attempt.state is AttemptState.LEASED and result.outcome not in {Outcome.ERRORED, Outcome.LOST}:
        attempt = attempt.having(state=step(ATTEMPT, attempt.state, AttemptEvent.START), started_at=now)
    return _end(run, job, attempt, result, LeaseEvent.RELEASE, now)


def give_back(run: Run, job_id: JobId, attempt_id: AttemptId, *, token: LeaseToken, now: float) -> Decision | None:
    """The runner returns the attempt unbegun: it is queued again, as the same one. None when it was returned before.

    Raises `StaleWrite` when the lease no longer holds, and `IllegalTransition` when the attempt has begun.
    """
    job = run.job(job_id)
    attempt = _current(job, attempt_id)
    if attempt.state is AttemptState.QUEUED:
        return None
    attempt = _held(job, attempt_id, token)
    attempt = attempt.having(state=step(ATTEMPT, attempt.state, AttemptEvent.RETURN), lease=None)
    job = job.having(state=step(JOB, job.state, JobEvent.RETURN)).with_attempt(attempt)
    offer = Enqueue(job=job.id, attempt=attempt.id, shape=job.spec.footprint.shape)
    return _told(run.with_job(job), EventKind.JOB_RETURNED, job, "", now, offer)


def lose(run: Run, job_id: JobId, attempt_id: AttemptId, *, token: LeaseToken, why: str, now: float) -> Decision | None:
    """The runner is gone. None when the attempt has ended, or is in other hands by now."""
    job = run.job(job_id)
    try:
        attempt = _held(job, attempt_id, token)
    except StaleWrite:
        return None
    result = AttemptResult(outcome=Outcome.LOST, cause=Cause.RUNNER_LOST, detail=why)
    return _end(run, job, attempt, result, LeaseEvent.EXPIRE, now)


def _end(run: Run, job: Job, attempt: Attempt, result: AttemptResult, lease_event: LeaseEvent, now: float) -> Decision:
    attempt_event, job_event = _ENDS[result.outcome]
    lease = attempt.lease and attempt.lease.having(state=step(LEASE, attempt.lease.state, lease_event))
    state = step(ATTEMPT, attempt.state, attempt_event)
    attempt = attempt.having(state=state, lease=lease, result=result, finished_at=now)
    job = job.with_attempt(attempt).having(detail=result.detail)
    if _tries_again(job, result):
        return queue_attempt(run.with_job(job), job, JobEvent.RETRY, now, _delay_s(job, result))
    job = job.having(state=step(JOB, job.state, job_event))
    commands: tuple[Command, ...] = (Report(),)
    if result.outcome in {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.ERRORED, Outcome.LOST}:
        commands = (Analyze(job=job.id, attempt=attempt.id), *commands)
    elif result.outcome is Outcome.PASSED and run.change.probe is None:  # what a probe shows counts for no other run
        kept = (KeepCaches(job=job.id, attempt=attempt.id),) if result.saved else ()
        commands = (NoteFix(job=job.id), *kept, *commands)
    ended = f"{job.state}, which is allowed: {result.detail}" if job.tolerated else f"{job.state} {result.detail}"
    decision = _told(run.with_job(job), EventKind.JOB_FINISHED, job, ended.strip(), now, *commands)
    return decision.then(fold(decision.run, now))


def _tries_again(job: Job, result: AttemptResult) -> bool:
    """Retries for infrastructure and retries of the job are counted apart, and both are bounded."""
    if result.outcome in {Outcome.PASSED, Outcome.CANCELLED}:
        return False
    causes = _causes(job)
    lost = sum(cause in _INFRASTRUCTURE for cause in causes)
    if result.cause in _INFRASTRUCTURE:
        return lost <= MAX_INFRASTRUCTURE_RETRIES
    return result.outcome is not Outcome.ERRORED and len(causes) - lost <= job.spec.retries


def _delay_s(job: Job, result: AttemptResult) -> float:
    """None for a retry of the job; for infrastructure exponential, so that what is broken gets time to come back.

    The jitter spreads what was lost together. It comes from the attempt's id: a decision draws no lots.
    """
    if result.cause not in _INFRASTRUCTURE:
        return 0.0
    lost = sum(cause in _INFRASTRUCTURE for cause in _causes(job))
    least, most = _JITTER
    lot = int(hashlib.sha256(job.attempt.id.encode()).hexdigest()[:4], 16) / 0xFFFF
    jitter = least + lot * (most - least)
    return _FIRST_DELAY_S * _DELAY_GROWTH ** (lost - 1) * jitter


def _causes(job: Job) -> list[Cause]:
    """Why the attempts ended that count: those since a person last asked for the job."""
    return [attempt.result.cause for attempt in job.attempts[job.counted_from :] if attempt.result is not None]


def _current(job: Job, attempt_id: AttemptId) -> Attempt:
    if not job.attempts or job.attempt.id != attempt_id:
        raise StaleWrite(f"{attempt_id} is not the current attempt of job {job.id}")
    return job.attempt


def _held(job: Job, attempt_id: AttemptId, token: LeaseToken) -> Attempt:
    attempt = _current(job, attempt_id)
    lease = attempt.lease
    if lease is None or lease.token != token or lease.state is not LeaseState.HELD:
        raise StaleWrite(f"the lease on {attempt_id} is no longer held by this token")
    return attempt


def _released_by(attempt: Attempt, attempt_id: AttemptId, token: LeaseToken) -> bool:
    lease = attempt.lease
    return (
        attempt.id == attempt_id and lease is not None and lease.token == token and lease.state is LeaseState.RELEASED
    )


def _told(run: Run, kind: EventKind, job: Job, detail: str, now: float, *commands: Command) -> Decision:
    told = Event(kind=kind, at=now, job=job.id, attempt=job.attempt.number, detail=detail)
    return Decision(run=run, events=(told,), commands=commands)
