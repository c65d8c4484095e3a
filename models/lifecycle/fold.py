"""Job and run states are folds over their children: what a change of one job means for the others and for the run."""

from __future__ import annotations

from collections.abc import Mapping

from models.commands import Command, Enqueue, Learn, Report, Retire
from models.events import Event, EventKind
from models.ids import JobId, attempt_id
from models.lifecycle.decision import Decision
from models.machines import JOB, RUN, AttemptState, JobEvent, JobState, RunEvent, RunState, step
from models.run import Attempt, Job, Run

# The worst job decides. An infrastructure error outweighs a failure: with it, the verdict on the change is incomplete.
_VERDICTS: tuple[tuple[JobState, RunEvent], ...] = (
    (JobState.CANCELLED, RunEvent.CANCEL),
    (JobState.ERRORED, RunEvent.ERROR),
    (JobState.FAILED, RunEvent.FAIL),
)


def fold(run: Run, now: float) -> Decision:
    """Unblock or skip what waits on others, then end the run when all its jobs have ended."""
    decision = Decision(run=run)
    while (job := _next_settled(decision.run)) is not None:
        decision = decision.then(_settle(decision.run, job, now))
    if decision.run.state is RunState.RUNNING and all(job.over for job in decision.run.jobs):
        decision = decision.then(finished(_with_verdict(decision.run, now), now))
    return decision


def finished(run: Run, now: float) -> Decision:
    """What goes with every end of a run: it is told, reported, learned from, and taken off the active list."""
    told = Event(kind=EventKind.RUN_FINISHED, at=now, detail=f"{run.state} {run.detail}".strip())
    learn = (Learn(),) if run.plan is not None else ()
    return Decision(run=run, events=(told,), commands=(Report(), *learn, Retire()))


def queue_attempt(run: Run, job: Job, event: JobEvent, now: float, delay_s: float = 0.0) -> Decision:
    """The job with a new attempt at its end, and the command that offers it to runners, `delay_s` from now."""
    number = len(job.attempts) + 1
    attempt = Attempt(
        id=attempt_id(run.id, job.id, number),
        number=number,
        state=AttemptState.QUEUED,
        queued_at=now,
        not_before=now + delay_s,
    )
    job = job.having(state=step(JOB, job.state, event)).with_attempt(attempt)
    kind = EventKind.JOB_RETRIED if event is JobEvent.RETRY else EventKind.JOB_QUEUED
    offer: Command = Enqueue(job=job.id, attempt=attempt.id, shape=job.spec.footprint.shape)
    told = Event(kind=kind, at=now, job=job.id, attempt=number, detail=job.detail)
    return Decision(run=run.with_job(job), events=(told,), commands=(offer,))


def _next_settled(run: Run) -> Job | None:
    """A blocked job of which it is known what becomes of it."""
    jobs = {job.id: job for job in run.jobs}
    for job in run.jobs:
        if job.state is not JobState.BLOCKED:
            continue
        needs = _needs(jobs, job)
        ready = all(need.over if job.spec.always else _good(need) for need in needs)
        if ready or (not job.spec.always and any(_ended_badly(need) for need in needs)):
            return job
    return None


def _needs(jobs: Mapping[JobId, Job], job: Job) -> list[Job]:
    """Those of this run: one that is not was left out by the plan with a reason, and does not hold anything up."""
    return [jobs[need] for need in job.spec.needs if need in jobs]


def _good(job: Job) -> bool:
    return job.state is JobState.PASSED or job.tolerated


def _ended_badly(job: Job) -> bool:
    return job.over and not _good(job)


def _settle(run: Run, job: Job, now: float) -> Decision:
    bad = [need for need in _needs({one.id: one for one in run.jobs}, job) if _ended_badly(need)]
    if not bad or job.spec.always:
        return queue_attempt(run, job, JobEvent.UNBLOCK, now)
    detail = f"needs {bad[0].id}, which {bad[0].state}"
    job = job.having(state=step(JOB, job.state, JobEvent.SKIP), detail=detail)
    told = Event(kind=EventKind.JOB_FINISHED, at=now, job=job.id, detail=f"{job.state}: {job.detail}")
    return Decision(run=run.with_job(job), events=(told,), commands=(Report(),))


def _with_verdict(run: Run, now: float) -> Run:
    """A failure that is allowed counts for nothing, be it of the job or of what it ran on."""
    states = {job.state for job in run.jobs if not job.tolerated}
    event = next((event for state, event in _VERDICTS if state in states), RunEvent.PASS)
    return run.having(state=step(RUN, run.state, event), finished_at=now)
