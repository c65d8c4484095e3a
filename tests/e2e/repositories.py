"""Repositories for tests: copies of the example with changes on a branch."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "kitchen"


def git(repository: Path, *arguments: str) -> str:
    """Git's answer, as somebody without a configuration."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ("git", "-C", str(repository), *identity, *arguments), check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def example(repository: Path) -> Path:
    """The example as a repository with one commit on `main`."""
    shutil.copytree(EXAMPLE, repository, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "reports"))
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=first")
    return repository


def branch(repository: Path, name: str, files: Mapping[str, str]) -> str:
    """A branch off `main` with these files' contents, as one commit. Returns the commit's id."""
    git(repository, "checkout", "--quiet", "-b", name, "main")
    for path, content in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(content)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", f"--message={name}")
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "--quiet", "main")
    return head


def edited(repository: Path, path: str, old: str, new: str) -> dict[str, str]:
    """One file of `main` with one place changed."""
    text = (repository / path).read_text()
    assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
    return {path: text.replace(old, new)}
