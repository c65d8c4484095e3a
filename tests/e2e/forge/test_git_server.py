from __future__ import annotations

import subprocess
from pathlib import Path

from tests.e2e.forge.githttp import GitServer


def test_git_server_serves_branches_and_pull_request_refs(git_server: GitServer, tmp_path: Path) -> None:
    def git(*arguments: str, cwd: Path) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True
        ).stdout.strip()

    repository = git_server.root / "octocat" / "hello-world.git"
    repository.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=repository)
    git("commit", "--quiet", "--allow-empty", "-m", "first", cwd=repository)
    head = git("commit-tree", "-m", "a pull request", "HEAD^{tree}", cwd=repository)
    git("update-ref", "refs/pull/2/head", head, cwd=repository)

    url = git_server.clone_url(repository)
    clone = tmp_path / "clone"
    git("clone", "--quiet", url, str(clone), cwd=tmp_path)
    git("fetch", "--quiet", "origin", "refs/pull/2/head", cwd=clone)
    assert git("rev-parse", "FETCH_HEAD", cwd=clone) == head
