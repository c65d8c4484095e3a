"""What an installation allows its jobs, whatever a repository asks for. Pure; the planner refuses what goes beyond it.

The operator's `policy.yml` is read into it (`actors/planner/policy.py`). Without one, the defaults below hold: they let
a job fetch packages from the public registries, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from pydantic import Field

from models.hosts import Host, covers
from models.job import JobSpec
from models.plan import Reason
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


class EgressPolicy(Record):
    """`allow`: hosts that a job may ask for. A job reaches only those that it asks for."""

    allow: tuple[Host, ...] = REGISTRIES


class SecretPolicy(Record):
    """Where a secret may be used: in jobs of these names, `*` and `?` allowed."""

    jobs: tuple[str, ...] = ("*",)


class LimitPolicy(Record):
    """The most that one job may ask for."""

    cpus: float = Field(default=64.0, gt=0)
    memory_mb: int = Field(default=262_144, ge=64)
    timeout_s: float = Field(default=86_400.0, gt=0)


class Policy(Record):
    """`images`: patterns of image names, `*` and `?` allowed. `secrets`: by name; others may be used in any job."""

    version: int = Field(default=1, ge=1, le=1)
    egress: EgressPolicy = EgressPolicy()
    images: tuple[str, ...] = ("*",)
    secrets: dict[str, SecretPolicy] = Field(default_factory=dict)
    limits: LimitPolicy = LimitPolicy()


def violations(job: JobSpec, policy: Policy, *, fork: bool) -> tuple[Reason, ...]:
    """Why the job must not run; none when it may."""
    return tuple(Reason(rule=RULE, evidence=what) for what in _violations(job, policy, fork=fork))


def _violations(job: JobSpec, policy: Policy, *, fork: bool) -> Iterator[str]:
    for host in job.egress:
        if not any(covers(pattern, host) for pattern in policy.egress.allow):
            yield f"the job asks to reach `{host}`, which is not in the policy's `egress.allow`"
    for image in (job.image, *(service.image for service in job.services)):
        if not any(fnmatchcase(image, pattern) for pattern in policy.images):
            yield f"the image `{image}` is not in the policy's `images`"
    if fork and job.secrets:
        yield f"a change from a fork gets no secrets, and the job asks for {_listed(job.secrets)}"
    for name in sorted(job.secrets & policy.secrets.keys()):
        if not any(fnmatchcase(job.id, pattern) for pattern in policy.secrets[name].jobs):
            yield f"the policy does not give the secret `{name}` to the job `{job.id}`"
    yield from _beyond(job, policy.limits)


def _beyond(job: JobSpec, limits: LimitPolicy) -> Iterator[str]:
    memory_mb = job.resources.memory_mb + sum(service.memory_mb for service in job.services)
    asked = (
        ("CPUs", job.resources.cpus, limits.cpus),
        ("MB of memory", memory_mb, limits.memory_mb),
        ("seconds", job.timeout_s, limits.timeout_s),
    )
    for unit, wanted, most in asked:
        if wanted > most:
            yield f"the job asks for {wanted:g} {unit}, and the policy's `limits` allow {most:g}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
