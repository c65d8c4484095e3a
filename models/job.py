"""A job: what it runs, and all that it asks for. Part of a plan, and all that a runner needs to know."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from models.ids import JobId
from models.labels import Label
from models.notation import WORDS
from models.record import Record

DEFAULT_IMAGE = "runner-python"
DEFAULT_TIMEOUT_S = 600.0
# Where an image says by what command it is known that a service made from it is ready.
READY_LABEL = "delta.ready"


def _in_order(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(labels)))


class Resources(Record):
    """What a job may use, and at the same time the capability shape that places it.

    `labels` are capabilities that the node must have, such as `gpu`.
    """

    cpus: float = Field(default=1.0, gt=0, le=64)
    memory_mb: int = Field(default=2048, ge=64, le=262_144)
    workspace_mb: int = Field(default=1024, ge=16, le=262_144)
    pids: int = Field(default=1024, ge=16, le=32_768)
    labels: Annotated[tuple[Label, ...], Field(max_length=10), AfterValidator(_in_order), *WORDS] = ()

    @property
    def shape(self) -> str:
        """The capability shape a runner must have: jobs of one shape share a queue."""
        labels = "".join(f"+{label}" for label in self.labels)
        return f"cpu{self.cpus:g}-mem{self.memory_mb}{labels}"


class Footprint(Resources):
    """What an attempt takes of its node. `node`: Ray's id of the only one that may run it; empty: any that can."""

    node: str = ""

    @property
    def shape(self) -> str:
        """As of its resources; what must run on one node shares its queue only with others of that node."""
        return f"{super().shape}@{self.node}" if self.node else super().shape


class Concurrency(Record):
    """At most `limit` jobs of one repository that name `group` run at a time, whatever runs they belong to.

    The others wait, first in first out by the creation of their runs; with `queue` false they are cancelled instead.
    """

    group: str = Field(min_length=1, max_length=128)
    limit: int = Field(default=1, ge=1, le=1000)
    queue: bool = True


class SecretUse(Record):
    """A secret that one step gets, by its name: as a variable of that name, or as a file that the variable names."""

    name: str
    as_file: bool = False


class Step(Record):
    """What is particular to one command of a job. Its variables win over the job's."""

    name: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    secrets: tuple[SecretUse, ...] = ()


class CacheSpec(Record):
    """Paths that are worth keeping from one run to the next, relative to the workspace or to the home folder (`~/…`).

    `key` is a digest of all that decides what is in them: another key, another cache. `label` says it to a person.
    """

    key: str
    paths: tuple[str, ...]
    label: str = ""


class ServiceSpec(Record):
    """A program beside the job, such as a database, that it reaches on `localhost:port`.

    It runs in a sandbox of its own, made from `image`; `port` is None and `command` empty for the image's own. The job
    begins when `ready`, a shell command run in the service's sandbox, succeeds; empty: when the port can be connected
    to.
    """

    name: str
    image: str
    port: int | None = Field(default=None, ge=1, le=65_535)
    command: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    ready: str = ""
    memory_mb: int = Field(default=512, ge=64, le=262_144)


class JobSpec(Record):
    """Everything a runner needs to know to run a job, and nothing that depends on when or where it runs.

    `run` is a sequence of shell commands, each one step; the first that fails ends the job. `steps` is what is
    particular to them: one each, or none at all. `artifacts` are globs relative to the repository's root. `junit` are
    globs of JUnit XML reports the analyzer may read. `egress` are the hosts that the job may reach, exactly or as
    `*.suffix`; the policy has allowed them. `timeout_s` is wall time in seconds for all steps together. `retries`
    counts extra attempts after a failure. `always`: it runs whatever becomes of what it needs. `allow_failure`: its
    failure is not the run's. `matrix_of`: the job in the file whose matrix it is a combination of. `node`: Ray's id of
    the node that it must run on, which no configuration can say; empty: any.
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
    steps: tuple[Step, ...] = ()
    egress: tuple[str, ...] = ()
    caches: tuple[CacheSpec, ...] = ()
    services: tuple[ServiceSpec, ...] = ()
    always: bool = False
    allow_failure: bool = False
    matrix_of: JobId | None = None
    node: str = ""

    def step(self, index: int) -> Step:
        """What is particular to the command of this index."""
        return self.steps[index] if self.steps else Step()

    @property
    def footprint(self) -> Footprint:
        """What it takes of its node, its services included."""
        beside_mb = sum(service.memory_mb for service in self.services)
        alone = {name: getattr(self.resources, name) for name in Resources.model_fields}
        return Footprint(**alone | {"memory_mb": self.resources.memory_mb + beside_mb}, node=self.node)

    def is_called(self, name: str) -> bool:
        """Whether it is meant by this name: its own, or that of the job whose matrix it is of."""
        return name in {self.id, self.matrix_of}

    @property
    def secrets(self) -> frozenset[str]:
        """The names of all secrets that its steps ask for."""
        return frozenset(use.name for step in self.steps for use in step.secrets)
