"""What a runner hands back for one attempt. Untrusted in content: names and sizes were checked, the bytes were not."""

from __future__ import annotations

from enum import StrEnum

from models.ids import BlobId
from models.record import Record

OTHER_HOSTS = "(others)"


class Outcome(StrEnum):
    """How an attempt ended. `lost` is never said by a runner: it is said about one."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    ERRORED = "errored"


class Cause(StrEnum):
    """Why it ended so, as far as the sandbox saw it from outside.

    `sandbox`: it could not be prepared, or broke: tried again elsewhere. `refused`: the job asks for what this
    installation does not give (an unknown image, no gVisor): trying again would not help.
    """

    EXIT = "exit"
    OUT_OF_MEMORY = "out_of_memory"
    WALL_TIME = "wall_time"
    CANCELLED = "cancelled"
    OUTPUT_LIMIT = "output_limit"
    SANDBOX = "sandbox"
    REFUSED = "refused"
    RUNNER_LOST = "runner_lost"
    QUEUE_TIME = "queue_time"
    RUN_TIME = "run_time"


class Artifact(Record):
    """A file that came out of a sandbox. `path` is relative, without `..`; `blob` is the SHA-256 of its content."""

    path: str
    size_bytes: int
    blob: BlobId


class EgressUse(Record):
    """What a job asked of one host and port, and what it was told, in sum.

    `host` is what the job wrote, made printable; `reason` says why it was denied, or not reached though it was allowed.
    `sent_bytes` left the sandbox, `received_bytes` came in. What does not fit into a result stands under `OTHER_HOSTS`.
    """

    host: str
    port: int
    allowed: bool
    reason: str = ""
    count: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


class SavedCache(Record):
    """A cache that was stored after the job passed. `blob` is the SHA-256 of its tar stream."""

    key: str
    blob: BlobId
    size_bytes: int


class AttemptResult(Record):
    """One attempt's result. `exit_code` is the failing step's, or 0; `step` is its index in the job's `run`, from 0."""

    outcome: Outcome
    cause: Cause = Cause.EXIT
    exit_code: int | None = None
    step: int | None = None
    detail: str = ""
    artifacts: tuple[Artifact, ...] = ()
    refused_artifacts: tuple[str, ...] = ()
    egress: tuple[EgressUse, ...] = ()
    saved: tuple[SavedCache, ...] = ()
    runtime: str = ""
    unsafe: bool = False
