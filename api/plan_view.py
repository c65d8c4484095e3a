"""A plan as JSON: what `delta plan --json` prints. A field is shown because it is named here."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from models.ids import CommitId, JobId
from models.plan import ChangedFile, Plan, PlannedJob, Reason, RefusedJob, SkippedJob, TestSelection


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class TestsView(_View):
    """Which of a job's tests run, likeliest failures first, and which do not; `why` by test, as far as it differs."""

    __test__ = False  # pytest takes a class of this name for one of its own

    selected: tuple[str, ...]
    skipped: tuple[str, ...]
    total: int
    why: dict[str, tuple[Reason, ...]]


class PlannedJobView(_View):
    """A job that runs. `tests` is null where there are none that Delta could choose from: then it runs whole."""

    id: JobId
    run: tuple[str, ...]
    image: str
    needs: tuple[JobId, ...]
    env: dict[str, str]
    egress: tuple[str, ...]
    timeout_s: float
    reason: tuple[Reason, ...]
    tests: TestsView | None


class SkippedJobView(_View):
    """A job that does not run."""

    id: JobId
    reason: tuple[Reason, ...]
    tests: TestsView | None


class RefusedJobView(_View):
    """A job that the policy does not let run."""

    id: JobId
    reason: tuple[Reason, ...]


class WholePlanView(_View):
    """The plan."""

    head: CommitId
    merge_base: CommitId | None
    source: str
    changed: tuple[ChangedFile, ...]
    jobs: tuple[PlannedJobView, ...]
    skipped: tuple[SkippedJobView, ...]
    refused: tuple[RefusedJobView, ...]
    notes: tuple[str, ...]
    policy: str
    digest: str


def plan_view(plan: Plan) -> WholePlanView:
    """A plan as it is shown."""
    return WholePlanView(
        head=plan.head,
        merge_base=plan.merge_base,
        source=plan.source,
        changed=plan.changed,
        jobs=tuple(_planned(job) for job in plan.jobs),
        skipped=tuple(_skipped(job) for job in plan.skipped),
        refused=tuple(_refused(job) for job in plan.refused),
        notes=plan.notes,
        policy=plan.policy,
        digest=plan.digest,
    )


def _planned(job: PlannedJob) -> PlannedJobView:
    return PlannedJobView(
        id=job.spec.id,
        run=job.spec.run,
        image=job.spec.image,
        needs=job.spec.needs,
        env=job.spec.env,
        egress=job.spec.egress,
        timeout_s=job.spec.timeout_s,
        reason=job.reasons,
        tests=_tests(job.tests),
    )


def _skipped(job: SkippedJob) -> SkippedJobView:
    return SkippedJobView(id=job.id, reason=job.reasons, tests=_tests(job.tests))


def _refused(job: RefusedJob) -> RefusedJobView:
    return RefusedJobView(id=job.id, reason=job.reasons)


def _tests(tests: TestSelection | None) -> TestsView | None:
    if tests is None:
        return None
    return TestsView(
        selected=tuple(test.path for test in tests.selected),
        skipped=tests.skipped,
        total=tests.total,
        why={test.path: test.reasons for test in tests.selected if test.reasons},
    )
