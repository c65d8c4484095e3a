"""What jobs may do, whatever a repository or a change asks for. Pure; the planner refuses what goes beyond it.

Two have a say: the operator in `policy.yml`, and the repository in the `policy:` of its base branch's `.delta.yml`
(`actors/planner/policy.py` reads both). A job has to satisfy each of them, so neither can loosen what the other asks.
Without a word of the operator, the defaults below hold: a job may fetch packages from the public registries, and reach
nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from models.hosts import Host, covers
from models.ids import JobId
from models.job import JobSpec
from models.notation import DURATION, WORDS, JobName
from models.plan import Reason, RefusedJob
from models.record import Record

# Where package managers fetch from by default: what nearly every project needs, and where nobody keeps secrets.
REGISTRIES: Final = (
    "pypi.org",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "proxy.golang.org",
    "sum.golang.org",
    "crates.io",
    "*.crates.io",
    "static.rust-lang.org",
    "repo.maven.apache.org",
    "rubygems.org",
    "index.rubygems.org",
    "deb.debian.org",
    "security.debian.org",
)
RULE: Final = "policy"
MOST_JOBS: Final = 200


class EgressPolicy(Record):
    """`allow`: hosts that a job may ask for. A job reaches only those that it asks for."""

    allow: Annotated[tuple[Host, ...], *WORDS] = REGISTRIES


class SecretPolicy(Record):
    """Where a secret may be used: in jobs of these names, `*` and `?` allowed."""

    jobs: Annotated[tuple[str, ...], *WORDS] = ("*",)


class LimitPolicy(Record):
    """The most that one job may ask for."""

    cpus: float = Field(default=64.0, gt=0)
    memory_mb: int = Field(default=262_144, ge=64)
    timeout_s: float = Field(default=86_400.0, gt=0)


Approval: TypeAlias = Literal["none", "first_time", "all"] | None


class ForkPolicy(Record):
    """`approval`: which changes from forks wait until somebody has looked at them; None says nothing of it.

    `first_time` are those of people of whom the forge does not say that they contributed before.
    """

    approval: Approval = None


class Rules(Record):
    """What one who has a say asks for. As it is here, nothing.

    `images`: patterns of image names, `*` and `?` allowed. `secrets`: by name; others may be used in any job.
    `max_jobs` and `max_time` bound all jobs of one run together: their number, and the sum of the seconds that they
    may take, retries included. `required`: jobs that every configuration must have.
    """

    egress: EgressPolicy | None = None
    images: Annotated[tuple[str, ...], *WORDS] = ("*",)
    secrets: dict[str, SecretPolicy] = Field(default_factory=dict)
    limits: LimitPolicy = LimitPolicy()
    max_jobs: int = Field(default=MOST_JOBS, ge=1, le=MOST_JOBS)
    max_time: Annotated[float | None, Field(gt=0), *DURATION] = None
    required: Annotated[tuple[JobName, ...], Field(max_length=MOST_JOBS), *WORDS] = ()
    forks: ForkPolicy = ForkPolicy()


class ServerRules(Rules):
    """A whole `policy.yml`. Where it says nothing of egress, the public registries may be reached."""

    version: int = Field(default=1, ge=1, le=1)
    egress: EgressPolicy | None = EgressPolicy()


class Policy(Record):
    """All that is asked of a change's jobs, by the server and by the repository: the stricter of both holds."""

    server: ServerRules = ServerRules()
    repository: Rules = Rules()

    @property
    def digest(self) -> str:
        """Its version and a digest of its content: the same for the same policy, whenever it is read."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.server.version}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the jobs that must be there; one may stand for all combinations of a matrix."""
        return tuple(dict.fromkeys((*self.server.required, *self.repository.required)))

    @property
    def max_jobs(self) -> int:
        """How many jobs may run for one change."""
        return min(self.server.max_jobs, self.repository.max_jobs)

    @property
    def max_time(self) -> float | None:
        """How many seconds the jobs of one change may take together, or None where nobody says."""
        return min(filter(None, (self.server.max_time, self.repository.max_time)), default=None)

    def fork_waits(self, *, newcomer: bool) -> bool:
        """Whether a fork's change waits for an approval; where nobody says anything, a newcomer's does."""
        asked = {self.server.forks.approval or "first_time", self.repository.forks.approval}
        return "all" in asked or (newcomer and "first_time" in asked)


def merged(server: Policy, repository: Rules | None) -> Policy:
    """The server's policy with the repository's beside it. Nothing that the one forbids, the other allows."""
    return server if repository is None else server.having(repository=repository)


def refusals(
    running: Sequence[JobSpec], known: Iterable[JobSpec], policy: Policy, *, fork: bool
) -> tuple[RefusedJob, ...]:
    """Of the jobs that would run, those that must not, with every reason; and required ones that do not exist.

    `known` are all jobs of the configuration, those that are skipped among them. Where the jobs together are too many
    or take too long, the last ones in the order of the file are refused, as many as it takes.
    """
    refused = {job.id: why for job in running if (why := violations(job, policy, fork=fork))}
    refused |= _beyond_budget([job for job in running if job.id not in refused], policy)
    known = tuple(known)
    absent = [name for name in policy.required if not any(job.is_called(name) for job in known)]
    return (
        *(RefusedJob(spec=job, reasons=refused[job.id]) for job in running if job.id in refused),
        *(RefusedJob(spec=JobSpec(id=JobId(name), run=()), reasons=(_absent(name),)) for name in absent),
    )


def required_jobs(known: Iterable[JobSpec], policy: Policy) -> tuple[JobId, ...]:
    """Those of the jobs that the policy requires: one that the plan skips counts as a success."""
    return tuple(job.id for job in known if any(job.is_called(name) for name in policy.required))


def violations(job: JobSpec, policy: Policy, *, fork: bool) -> tuple[Reason, ...]:
    """Why the job must not run, whatever the others are; none when it may."""
    return tuple(Reason(rule=RULE, evidence=what) for what in dict.fromkeys(_violations(job, policy, fork=fork)))


def _violations(job: JobSpec, policy: Policy, *, fork: bool) -> Iterator[str]:
    if fork and job.secrets:
        yield f"a change from a fork gets no secrets, and the job asks for {_listed(job.secrets)}"
    yield from _against(job, policy.server, "the policy")
    yield from _against(job, policy.repository, "the repository's policy")
    if job.allow_failure and any(job.is_called(name) for name in policy.required):
        yield "the policy requires the job, so its failure cannot be allowed: take `allow_failure` out"


def _against(job: JobSpec, rules: Rules, whose: str) -> Iterator[str]:
    allowed = rules.egress.allow if rules.egress is not None else job.egress
    for host in job.egress:
        if not any(covers(pattern, host) for pattern in allowed):
            yield f"the job asks to reach `{host}`, which is not in {whose}'s `egress.allow`"
    for image in (job.image, *(service.image for service in job.services)):
        if not any(fnmatchcase(image, pattern) for pattern in rules.images):
            yield f"the image `{image}` is not in {whose}'s `images`"
    for name in sorted(job.secrets & rules.secrets.keys()):
        if not any(_matches(job, pattern) for pattern in rules.secrets[name].jobs):
            yield f"{whose} does not give the secret `{name}` to the job `{job.id}`"
    yield from _beyond(job, rules.limits, whose)


def _matches(job: JobSpec, pattern: str) -> bool:
    """A pattern of jobs means a job of a matrix by its own name, and by that of the job it is of."""
    return any(fnmatchcase(name, pattern) for name in (job.id, job.matrix_of) if name is not None)


def _beyond(job: JobSpec, limits: LimitPolicy, whose: str) -> Iterator[str]:
    memory_mb = job.resources.memory_mb + sum(service.memory_mb for service in job.services)
    asked = (
        ("CPUs", job.resources.cpus, limits.cpus),
        ("MB of memory", memory_mb, limits.memory_mb),
        ("seconds", job.timeout_s, limits.timeout_s),
    )
    for unit, wanted, most in asked:
        if wanted > most:
            yield f"the job asks for {wanted:g} {unit}, and {whose}'s `limits` allow {most:g}"


def _beyond_budget(jobs: Sequence[JobSpec], policy: Policy) -> dict[JobId, tuple[Reason, ...]]:
    refused: dict[JobId, tuple[Reason, ...]] = {}
    count, spent_s = 0, 0.0
    for job in jobs:
        takes_s = job.timeout_s * (job.retries + 1)
        why = []
        if count + 1 > policy.max_jobs:
            why.append(f"{len(jobs)} jobs would run, and the policy's `max_jobs` is {policy.max_jobs}")
        if policy.max_time is not None and spent_s + takes_s > policy.max_time:
            why.append(
                f"the job may take {takes_s:g} s and those before it {spent_s:g} s, retries included, and the policy's"
                f" `max_time` is {policy.max_time:g} s"
            )
        if why:
            refused[job.id] = tuple(Reason(rule=RULE, evidence=what) for what in why)
        else:
            count, spent_s = count + 1, spent_s + takes_s
    return refused


def _absent(name: str) -> Reason:
    return Reason(rule=RULE, evidence=f"the policy requires a job `{name}`, and the configuration has none: add it")


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
