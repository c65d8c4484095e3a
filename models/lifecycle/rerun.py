"""A person wants jobs to run once more. The attempts that were stay; new ones follow them.

This is the only way out of a terminal state, and nothing but a person's wish takes it.
"""

from __future__ import annotations

from models.commands import MakePlan, Report
from models.errors import CallerError
from models.events import Event, EventKind
from models.ids import JobId
from models.lifecycle.decision import Decision
from models.lifecycle.fold import fold
from models.machines import JOB, RUN, JobEvent, JobState, RunEvent, RunState, step
from models.run import Job, Run

ALL = "all"
FAILED = "failed"
ONE = "job:"

_NOT_PASSED = frozenset({JobState.FAILED, JobState.CANCELLED, JobState.ERRORED})


def rerun(run: Run, which: str, by: str, now: float) -> Decision | None:
    """Queues what was asked for, with what was skipped because of it; others go on undisturbed.

    `which`: `all`, `failed` or `job:ID`. None when none of it has ended. Raises `NotFound` for an unknown job, and
    `CallerError` for a run that had to be approved and was not: running it again would be a way around.
    """
    if run.unapproved:
        raise CallerError(f"run {run.id} was not approved", remedy="approve it while it waits, or the next push")
    if run.plan is None:
        return _replan(run, by, now)
    refused = {job.spec.id for job in run.plan.refused}  # the policy was asked when the plan was made
    chosen = {job.id for job in _asked_for(run, which) if job.over and job.id not in refused}
    if not chosen:
        return None
    chosen |= _skipped_behind(run, chosen)
    decision = Decision(run=_reopened(run, now), events=(_told(which, by, now),), commands=(Report(),))
    for job in run.jobs:
        if job.id in chosen:
            decision = decision.having(run=decision.run.with_job(_asked_again(job)))
    return decision.then(fold(decision.run, now))


def _replan(run: Run, by: str, now: float) -> Decision | None:
    if not run.over:
        return None
    run = run.having(state=step(RUN, run.state, RunEvent.REPLAN), begun_at=now, finished_at=None, detail="")
    run = run.having(proposal=None)
    return Decision(run=run, events=(_told(ALL, by, now),), commands=(MakePlan(), Report()))


def _asked_for(run: Run, which: str) -> tuple[Job, ...]:
    if which == ALL:
        return run.jobs
    if which == FAILED:
        return tuple(job for job in run.jobs if job.state in _NOT_PASSED)
    return (run.job(JobId(which.removeprefix(ONE))),)


def _skipped_behind(run: Run, chosen: set[JobId]) -> set[JobId]:
    """The jobs that were skipped because they need, directly or not, one that runs again."""
    behind: set[JobId] = set()
    while True:
        more = {
            job.id
            for job in run.jobs
            if job.state is JobState.SKIPPED and job.id not in chosen | behind and (chosen | behind) & {*job.spec.needs}
        }
        if not more:
            return behind
        behind |= more


def _reopened(run: Run, now: float) -> Run:
    if run.state is RunState.RUNNING:
        return run
    return run.having(state=step(RUN, run.state, RunEvent.RERUN), begun_at=now, finished_at=None, detail="")


def _asked_again(job: Job) -> Job:
    state = step(JOB, job.state, JobEvent.RERUN)
    return job.having(state=state, counted_from=len(job.attempts), detail="", explanation=None)


def _told(which: str, by: str, now: float) -> Event:
    return Event(kind=EventKind.RUN_RERUN, at=now, detail=f"{which}, by {by}")
