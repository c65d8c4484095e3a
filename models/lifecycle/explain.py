"""The analyzer's explanation joins the record, also after the run has ended: it changes no state."""

from __future__ import annotations

from models.commands import Command, Learn, Report, Retire
from models.events import Event, EventKind
from models.failure import Explanation
from models.ids import AttemptId, JobId
from models.lifecycle.decision import Decision
from models.run import Run


def explained(run: Run, job_id: JobId, attempt_id: AttemptId, explanation: Explanation, now: float) -> Decision | None:
    """None when the job has gone on to another attempt, or carries this explanation already."""
    job = run.job(job_id)
    if not job.over or job.attempt.id != attempt_id or job.explanation == explanation:
        return None
    job = job.having(explanation=explanation)
    finding = explanation.finding
    detail = f"{finding.category}: {finding.summary}"
    told = Event(kind=EventKind.JOB_EXPLAINED, at=now, job=job.id, attempt=job.attempt.number, detail=detail)
    commands: tuple[Command, ...] = (Report(), Learn(), Retire()) if run.over else (Report(),)
    return Decision(run=run.with_job(job), events=(told,), commands=commands)
