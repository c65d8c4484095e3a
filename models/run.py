"""The run: one record that holds its jobs, their attempts and the leases on them, and is committed as a whole.

One record rather than many, because every decision about a job looks at its siblings: a single version check then
guards all of them. Logs, plans' inputs and artifacts are stored beside it, so it stays small.
"""

from __future__ import annotations

from models.change import Change
from models.errors import InternalError, NotFound
from models.failure import Explanation
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId
from models.job import JobSpec
from models.machines import ATTEMPT, JOB, RUN, AttemptState, JobState, LeaseState, RunState, terminal
from models.plan import Plan, Reason
from models.proposal import Proposal
from models.record import Record
from models.result import AttemptResult


class Lease(Record):
    """A runner's right to carry one attempt. `token` fences it; it cannot outlive `session`, the cluster's boot.

    `node` is Ray's id of the node that the runner is on; empty where it did not say.
    """

    token: LeaseToken
    runner: RunnerId
    session: str
    state: LeaseState
    granted_at: float
    node: str = ""


class Attempt(Record):
    """One try at a job. Times are Unix seconds, None where it has not come to that.

    `not_before` keeps a retry from following at once on what just failed for a reason that needs time to pass.
    """

    id: AttemptId
    number: int
    state: AttemptState
    queued_at: float
    not_before: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    lease: Lease | None = None
    result: AttemptResult | None = None

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return terminal(ATTEMPT, self.state)


class Job(Record):
    """A planned job. Earlier attempts stay; the last one is the one that counts.

    `counted_from` is how many attempts there were when it was last asked for: retries are counted from there.
    """

    spec: JobSpec
    reasons: tuple[Reason, ...]
    state: JobState
    attempts: tuple[Attempt, ...] = ()
    counted_from: int = 0
    detail: str = ""
    explanation: Explanation | None = None

    @property
    def id(self) -> JobId:
        """The job's name in its run."""
        return self.spec.id

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return terminal(JOB, self.state)

    @property
    def tolerated(self) -> bool:
        """Whether it failed and is allowed to. One that the policy refused has not failed by itself: it is not."""
        return self.spec.allow_failure and bool(self.attempts) and self.state in {JobState.FAILED, JobState.ERRORED}

    @property
    def attempt(self) -> Attempt:
        """The attempt that counts. Raises `InternalError` for a job that was never queued."""
        if not self.attempts:
            raise InternalError(f"job {self.id!r} has no attempt")
        return self.attempts[-1]

    def with_attempt(self, attempt: Attempt) -> Job:
        """The job with the attempt of that number replaced, or added at the end."""
        return self.having(attempts=(*self.attempts[: attempt.number - 1], attempt))


class Run(Record):
    """One change's run. `version` counts commits of this record and fences them.

    `begun_at` is when it was created, approved or last asked for again: its time-out counts from there. `approved_by`
    is who let a plan that was held go on. `proposal` is for a run that could not be planned.
    """

    id: RunId
    change: Change
    state: RunState
    version: int
    created_at: float
    begun_at: float
    planned_at: float | None = None
    finished_at: float | None = None
    plan: Plan | None = None
    approved_by: str = ""
    jobs: tuple[Job, ...] = ()
    detail: str = ""
    proposal: Proposal | None = None

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return terminal(RUN, self.state)

    @property
    def unapproved(self) -> bool:
        """Whether its plan is held and nobody has approved it."""
        return self.plan is not None and bool(self.plan.held and self.plan.jobs) and not self.approved_by

    def job(self, job_id: JobId) -> Job:
        """The job of that id. Raises `NotFound`."""
        for job in self.jobs:
            if job.id == job_id:
                return job
        names = ", ".join(job.id for job in self.jobs)
        raise NotFound(f"run {self.id} has no job {job_id!r}", remedy=f"its jobs are: {names}")

    def with_job(self, job: Job) -> Run:
        """The run with the job of the same id replaced."""
        return self.having(jobs=tuple(job if old.id == job.id else old for old in self.jobs))
