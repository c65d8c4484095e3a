"""A change becomes a run, and the run gets its plan."""

from __future__ import annotations

from models.change import Change
from models.commands import MakePlan, Report
from models.events import Event, EventKind
from models.failure import Category, Explanation, Finding
from models.lifecycle.decision import Decision
from models.lifecycle.fold import finished, fold
from models.machines import JOB, RUN, JobEvent, JobState, RunEvent, RunState, step
from models.plan import Plan, RefusedJob
from models.proposal import Proposal
from models.run import Job, Run


def create(change: Change, now: float) -> Decision:
    """A new run in `planning`. The caller checks that none of its id exists: the store refuses a second one."""
    run = Run(id=change.run_id(), change=change, state=RunState.CREATED, version=0, created_at=now, begun_at=now)
    run = run.having(state=step(RUN, run.state, RunEvent.PLAN))
    what = f"{change.kind} of {change.repository} at {change.head[:12]}"
    created = Event(kind=EventKind.RUN_CREATED, at=now, detail=f"{what}, {change.trust}")
    return Decision(run=run, events=(created,), commands=(MakePlan(), Report()))


def planned(run: Run, plan: Plan, now: float) -> Decision | None:
    """The plan is there: its jobs exist, those that need nothing are queued. A plan with no jobs passes at once.
    One that is held begins nothing until `approve`.

    A plan whose jobs could never all end is refused here, whoever made it: the run ends in `errored` and says why.
    """
    if run.plan is not None or run.over:
        return None
    if fault := _fault(plan):
        return unplannable(run, fault, now)
    jobs = [Job(spec=job.spec, reasons=job.reasons, state=JobState.BLOCKED) for job in plan.jobs]
    jobs += [_refused(job) for job in plan.refused]
    run = run.having(plan=plan, jobs=tuple(jobs), planned_at=now)
    counts = [f"{len(plan.jobs)} to run", f"{len(plan.skipped)} skipped"]
    counts += [f"{len(plan.refused)} refused"] if plan.refused else []
    told = [Event(kind=EventKind.RUN_PLANNED, at=now, detail=f"{', '.join(counts)}, from {plan.source}")]
    told += [
        Event(kind=EventKind.JOB_FINISHED, at=now, job=job.spec.id, detail=f"{JobState.FAILED} {_why(job)}")
        for job in plan.refused
    ]
    if plan.held and plan.jobs:
        detail = f"{plan.held}: delta approve {run.id}"
        run = run.having(state=step(RUN, run.state, RunEvent.HOLD), detail=detail)
        told.append(Event(kind=EventKind.RUN_HELD, at=now, detail=plan.held))
        return Decision(run=run, events=tuple(told), commands=(Report(),))
    run = run.having(state=step(RUN, run.state, RunEvent.EXECUTE))
    return Decision(run=run, events=tuple(told), commands=(Report(),)).then(fold(run, now))


def _refused(job: RefusedJob) -> Job:
    """It fails before it begins, with the explanation that an analyzer would have to guess."""
    finding = Finding(
        category=Category.SECURITY_POLICY,
        confidence=1.0,
        excerpt=(),
        excerpt_text="",
        summary=_why(job),
        signature=_why(job),
        looked_at=("the plan and the policy",),
    )
    return Job(
        spec=job.spec,
        reasons=job.reasons,
        state=step(JOB, JobState.BLOCKED, JobEvent.REFUSE),
        detail=_why(job),
        explanation=Explanation(finding=finding),
    )


def _why(job: RefusedJob) -> str:
    return f"refused: {'; '.join(reason.evidence for reason in job.reasons)}"


def unplannable(run: Run, why: str, now: float, proposal: Proposal | None = None) -> Decision | None:
    """No plan can be made (configuration, commit, repository): the run ends in `errored` and says why.

    `proposal` is how one could be.
    """
    if run.plan is not None or run.over:
        return None
    run = run.having(detail=why, proposal=proposal, state=step(RUN, run.state, RunEvent.ERROR), finished_at=now)
    return finished(run, now)


def _fault(plan: Plan) -> str:
    """What keeps the plan's jobs from all ending, or nothing."""
    specs = [*(job.spec for job in plan.jobs), *(job.spec for job in plan.refused)]
    needs = {spec.id: set(spec.needs) for spec in specs}
    if len(needs) < len(specs):
        return "the plan names a job twice"
    while ready := [job for job, needed in needs.items() if not needed & needs.keys()]:
        for job in ready:
            del needs[job]
    return f"the plan's jobs wait for each other: {', '.join(needs)}" if needs else ""
