"""Somebody looks into a sandbox like a job's: it changes nothing, and is told."""

from __future__ import annotations

from models.commands import Command, Retire
from models.events import Event, EventKind
from models.ids import JobId
from models.lifecycle.decision import Decision
from models.run import Run


def terminal_opened(run: Run, job_id: JobId, by: str, now: float) -> Decision:
    """The event of it. Raises `NotFound` for an unknown job."""
    job = run.job(job_id)
    told = Event(kind=EventKind.TERMINAL_OPENED, at=now, job=job.id, detail=f"by {by}")
    commands: tuple[Command, ...] = (Retire(),) if run.over else ()
    return Decision(run=run, events=(told,), commands=commands)
