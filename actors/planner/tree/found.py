"""What was recognised in a tree: jobs as they would be written in a `.delta.yml`, each with its evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from actors.planner.caches import cache_specs
from actors.planner.schema import CacheConfig
from models.job import JobSpec
from models.plan import Reason

JUNIT: Final = ".delta/junit.xml"
# The environment variable through which a selection reaches a job: shell words, empty when everything is to run.
TESTS: Final = "DELTA_TESTS"
# The way out is for what installs: tests that look at the environment shall find it as it is on a plain machine.
APART: Final = (
    "unset HTTP_PROXY http_proxy HTTPS_PROXY https_proxy NO_PROXY no_proxy"
    " SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE && "
)


class Ecosystem(StrEnum):
    """Whose files, tools and registries a job is about."""

    PYTHON = "python"
    NODE = "node"
    GO = "go"
    RUST = "rust"
    MAKE = "make"


class Grain(StrEnum):
    """What a job can be told to run only a part of."""

    FILES = "files"
    PACKAGES = "packages"


class TreeJob(NamedTuple):
    """One proposed job. `cache` is to be keyed by the tree (`keyed`); `tests` is None where nothing can be chosen.

    `tool` is what the words of a selection are for (`actors/planner/packages/words.py`).
    """

    spec: JobSpec
    ecosystem: Ecosystem
    tool: str
    evidence: tuple[Reason, ...]
    cache: tuple[CacheConfig, ...] = ()
    tests: Grain | None = None

    def keyed(self, blobs: Mapping[str, str]) -> JobSpec:
        """The job with its caches, whose keys come from the contents of files. `blobs` are the tree's, by path."""
        specs, _ = cache_specs(self.cache, self.spec.image, blobs)
        # What is in a cache is also decided by the commands that fill it, and these may come from a hint.
        written = "\0".join(self.spec.run)
        keys = [hashlib.sha256(f"{spec.key}\0{written}".encode()).hexdigest() for spec in specs]
        caches = tuple(spec.having(key=key) for spec, key in zip(specs, keys, strict=True))
        return self.spec.having(caches=caches)


class TreeJobs(NamedTuple):
    """What was recognised. `source` becomes the plan's; `notes` are for a person."""

    source: str
    found: tuple[TreeJob, ...]
    notes: tuple[str, ...]

    @property
    def jobs(self) -> tuple[JobSpec, ...]:
        """The jobs alone, without caches."""
        return tuple(job.spec for job in self.found)

    @property
    def evidence(self) -> tuple[Reason, ...]:
        """Why, of all jobs together."""
        return tuple(reason for job in self.found for reason in job.evidence)


def flags(each: str, everything: str) -> str:
    """Shell words: an option for each selected package (`%s`), or the one that means all of them."""
    return f"$(if [ \"${TESTS}\" ]; then printf -- '{each}' ${TESTS}; else echo {everything}; fi)"


def reason(evidence: str, score: float) -> Reason:
    """A reason of this rule."""
    return Reason(rule="tree", evidence=evidence, score=score)
