"""A terminal in a sandbox like a failed attempt's: what one types goes in through here, what it shows is a log."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

from pydantic import Field

from models.caches import CacheHit
from models.change import Change
from models.ids import AttemptId, JobId, RunId
from models.job import JobSpec, Step
from models.logs import LogChunk, LogSource
from models.record import Record

# A terminal's chunks belong to no step of a job. The control plane writes the last one, and says so by this.
LAST: Final = -1

Side = Annotated[int, Field(ge=1, le=1000)]


class Typed(Record):
    """What was typed, in order. `size` is rows and columns, where they have changed. `left`: nobody is there now."""

    text: str = Field(default="", max_length=65_536)
    size: tuple[Side, Side] | None = None
    left: bool = False


class TerminalGrant(Record):
    """All that a runner needs to open one. `session` stands where an attempt's id does: for its log and its sandbox.

    `restore` is what there is of the job's caches.
    """

    session: AttemptId
    spec: JobSpec
    change: Change
    restore: tuple[CacheHit, ...] = ()


def new_session(run: RunId, job: JobId) -> AttemptId:
    """A fresh session: unguessable, because whoever knows it may type."""
    return AttemptId(f"{run}.{job}.terminal-{secrets.token_hex(16)}")


def is_last(chunk: LogChunk) -> bool:
    """Whether nothing comes after this."""
    return chunk.source is LogSource.DELTA and chunk.step == LAST


def looked_at(spec: JobSpec) -> JobSpec:
    """The job as somebody looks at it: none of its steps has run, nothing of it is kept, and it has no secrets."""
    return spec.having(run=("true",), steps=(Step(),), artifacts=(), junit=())
