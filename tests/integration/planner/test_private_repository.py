"""A repository that only a credential opens: the planner has it, and what the runner hands to the sandbox does not."""

from __future__ import annotations

import base64
import tarfile
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.planner.actor import Planner
from actors.planner.credentials import homes
from actors.runner.source import source
from models.change import Change, ChangeKind, Forge, Trust
from models.errors import InfrastructureError
from models.ids import CommitId
from models.settings import GitHubSettings, Settings
from sandbox.source.mirror import Mirrors
from tests.e2e.forge.githttp import serving
from tests.e2e.repositories import example, git

SECRET = "r3ad-only"
HEADER = "Basic " + base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()


async def test_it_is_planned_with_the_credential_and_run_without(tmp_path: Path) -> None:
    repository = example(tmp_path / "served" / "kitchen")
    head = CommitId(git(repository, "rev-parse", "HEAD"))
    mirrors = Mirrors(tmp_path / "mirrors")
    with serving(tmp_path / "served", authorization=HEADER) as server:
        change = Change(
            forge=Forge.GITHUB,
            kind=ChangeKind.PUSH,
            trust=Trust.TRUSTED,
            repository="ada/kitchen",
            clone_url=server.clone_url(repository / ".git"),
            head=head,
        )
        with pytest.raises(InfrastructureError) as refused:
            await Planner(mirrors, tmp_path / "policy.yml").plan(change)
        assert "git could not fetch" in str(refused.value)
        github = GitHubSettings(api_url=server.url, read_token=SecretStr(SECRET))
        known = homes(Settings(github=github))
        plan = await Planner(mirrors, tmp_path / "policy.yml", known).plan(change)
        assert {job.spec.id for job in plan.jobs} >= {"test"}
    # Nobody serves it any more: the runner finds the commit in the mirror, and needs nothing.
    with source(tmp_path / "mirrors", change) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        names = [member.name for member in tar]
    assert "src/kitchen/units.py" in names
    assert not any(name.startswith(".git/") for name in names)
    written = b"".join(path.read_bytes() for path in (tmp_path / "mirrors").rglob("*") if path.is_file())
    assert SECRET.encode() not in written
    assert HEADER.encode() not in written
    mirrors.close()
