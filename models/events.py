"""What happened to a run, for people and audits: the run's own stream, in order, never rewritten.

An event tells; it is never read back to rebuild a record. A record and its events are committed in one step.
"""

from __future__ import annotations

from enum import StrEnum

from models.ids import JobId
from models.record import Record


class EventKind(StrEnum):
    """What can happen, in the order it usually does."""

    RUN_CREATED = "run_created"
    RUN_PLANNED = "run_planned"
    RUN_HELD = "run_held"
    RUN_APPROVED = "run_approved"
    RUN_RERUN = "run_rerun"
    RUN_FINISHED = "run_finished"
    JOB_QUEUED = "job_queued"
    JOB_LEASED = "job_leased"
    JOB_STARTED = "job_started"
    JOB_RETURNED = "job_returned"
    JOB_RETRIED = "job_retried"
    JOB_FINISHED = "job_finished"
    JOB_EXPLAINED = "job_explained"
    JOB_PROBED = "job_probed"
    TERMINAL_OPENED = "terminal_opened"


class Event(Record):
    """One fact. `at` is Unix seconds; `detail` is one sentence for a person."""

    kind: EventKind
    at: float
    job: JobId | None = None
    attempt: int | None = None
    detail: str = ""
