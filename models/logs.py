"""Log lines as they travel: out of the sandbox, through the store, to a reader."""

from __future__ import annotations

from enum import StrEnum

from models.record import Record


class LogSource(StrEnum):
    """Who wrote a chunk. Only `job` comes from inside the sandbox, so a job cannot imitate Delta's own lines."""

    JOB = "job"
    DELTA = "delta"


class LogChunk(Record):
    """A piece of a log, about 100 ms of output. `text` is decoded with replacement; `at` is Unix time in seconds."""

    at: float
    source: LogSource
    step: int
    text: str
