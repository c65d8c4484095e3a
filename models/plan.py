"""The plan: which jobs run, which do not, and a reason for each. A plan is a receipt: it is stored and never edited."""

from __future__ import annotations

import hashlib

from pydantic import Field

from models.ids import CommitId, JobId
from models.record import Record

DEFAULT_IMAGE = "runner-python"
DEFAULT_TIMEOUT_S = 600.0


class Reason(Record):
    """Why a job runs or is skipped: the rule that decided, what it saw, and how sure it is (0 to 1)."""

    rule: str
    evidence: str
    score: float = 1.0


class Resources(Record):
    """What a job may use, and at the same time the capability shape that places it."""

    cpus: float = Field(default=1.0, gt=0, le=64)
    memory_mb: int = Field(default=2048, ge=64, le=262_144)
    workspace_mb: int = Field(default=1024, ge=16, le=262_144)
    pids: int = Field(default=1024, ge=16, le=32_768)

    @property
    def shape(self) -> str:
        """The capability shape a runner must have: jobs of one shape share a queue."""
        return f"cpu{self.cpus:g}-mem{self.memory_mb}"


class Concurrency(Record):
    """At most `limit` jobs of one repository that name `group` run at a time, whatever runs they belong to.

    The others wait, first in first out by the creation of their runs; with `queue` false they are cancelled instead.
    """

    group: str = Field(min_length=1, max_length=128)
    limit: int = Field(default=1, ge=1, le=1000)
    queue: bool = True


class JobSpec(Record):
    """Everything a runner needs to know to run a job, and nothing that depends on when or where it runs.

    `run` is a sequence of shell commands, each one step; the first that fails ends the job. `artifacts` are globs
    relative to the repository's root. `junit` are globs of JUnit XML reports the analyzer may read.
    `timeout_s` is wall time in seconds for all steps together. `retries` counts extra attempts after a failure.
    """

    id: JobId
    run: tuple[str, ...]
    image: str = DEFAULT_IMAGE
    needs: tuple[JobId, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    timeout_s: float = Field(default=DEFAULT_TIMEOUT_S, gt=0, le=86_400)
    retries: int = Field(default=0, ge=0, le=10)
    artifacts: tuple[str, ...] = ()
    junit: tuple[str, ...] = ()
    resources: Resources = Resources()
    concurrency: Concurrency | None = None


class PlannedJob(Record):
    """A job that will run, and why."""

    spec: JobSpec
    reasons: tuple[Reason, ...]


class SkippedJob(Record):
    """A job that will not run, and why that is safe."""

    id: JobId
    reasons: tuple[Reason, ...]


class ChangedFile(Record):
    """One path of the diff. `status` is git's letter: A, M, D, R, C, T; `old_path` is set for R and C."""

    path: str
    status: str
    old_path: str | None = None


class Plan(Record):
    """The planner's answer for one change. `source` says where the jobs came from (`.delta.yml`, `tree: pytest` …)."""

    head: CommitId
    merge_base: CommitId | None
    changed: tuple[ChangedFile, ...]
    source: str
    jobs: tuple[PlannedJob, ...]
    skipped: tuple[SkippedJob, ...] = ()
    notes: tuple[str, ...] = ()
    policy: str = "default-1"
    digest: str = ""

    def sealed(self) -> Plan:
        """The plan with the digest of its own content, so that a replay can be compared with it."""
        content = self.having(digest="").model_dump_json()
        return self.having(digest=hashlib.sha256(content.encode()).hexdigest())
