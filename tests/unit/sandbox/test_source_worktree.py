"""A work tree as a commit: what belongs to it, and that the user's repository does not notice."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from models.errors import CallerError
from sandbox.source.git import resolve
from sandbox.source.mirror import Mirror, Mirrors


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "kept").write_text("as committed")
    (repo / "changed").write_text("before")
    (repo / "removed").write_text("x")
    (repo / ".gitignore").write_text("*.ignored\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "first")
    return repo


@pytest.fixture
def mirror(folder: Path, tmp_path: Path) -> Mirror:
    return Mirrors(tmp_path / "mirrors").of(str(folder))


def trace(folder: Path) -> dict[str, bytes]:
    """Every byte of the user's repository."""
    return {str(path): path.read_bytes() for path in sorted((folder / ".git").rglob("*")) if path.is_file()}


def edit(folder: Path) -> None:
    (folder / "changed").write_text("after")
    (folder / "removed").unlink()
    (folder / "sub").mkdir()
    (folder / "sub" / "untracked").write_text("new")
    (folder / "left.ignored").write_text("no")


def test_the_snapshot_is_the_tree_as_it_lies_there(folder: Path, mirror: Mirror) -> None:
    edit(folder)
    commit = mirror.snapshot(folder)
    assert mirror.tree(commit).files == (".gitignore", "changed", "kept", "sub/untracked")
    assert mirror.tree(commit).read(["changed"]) == {"changed": b"after"}
    assert mirror.tree(commit).read(["kept"]) == {"kept": b"as committed"}


def test_its_parent_is_head(folder: Path, mirror: Mirror) -> None:
    edit(folder)
    commit, head = mirror.snapshot(folder), resolve(folder, "HEAD")
    assert mirror.merge_base(commit, head) == head
    assert {file.path: file.status for file in mirror.changed(head, commit)} == {
        "changed": "M",
        "removed": "D",
        "sub/untracked": "A",
    }


def test_the_users_repository_is_not_touched(folder: Path, mirror: Mirror) -> None:
    edit(folder)
    git(folder, "add", "changed")
    before = trace(folder)
    mirror.snapshot(folder)
    assert trace(folder) == before


def test_what_was_staged_only_is_in_the_mirror_too(folder: Path, mirror: Mirror) -> None:
    (folder / "staged").write_text("staged, and in no commit")
    git(folder, "add", "staged")
    commit = mirror.snapshot(folder)
    (folder / ".git").rename(folder / "gone")
    assert mirror.tree(commit).read(["staged"]) == {"staged": b"staged, and in no commit"}
    subprocess.run(["git", f"--git-dir={mirror.path}", "fsck", "--strict", "--connectivity-only"], check=True)


def test_the_same_tree_is_the_same_commit(folder: Path, mirror: Mirror) -> None:
    edit(folder)
    first = mirror.snapshot(folder)
    assert mirror.snapshot(folder / "sub") == first
    (folder / "changed").write_text("after all")
    assert mirror.snapshot(folder) != first


def test_a_tree_without_changes_can_be_taken_too(folder: Path, mirror: Mirror) -> None:
    commit = mirror.snapshot(folder)
    assert mirror.changed(resolve(folder, "HEAD"), commit) == ()


def test_the_users_own_ignore_file_counts(folder: Path, mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "home" / ".config" / "git").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "git" / "ignore").write_text(".idea\n")
    (folder / ".idea").write_text("x")
    assert ".idea" not in mirror.tree(mirror.snapshot(folder)).files


def test_a_linked_work_tree_works(folder: Path, mirror: Mirror, tmp_path: Path) -> None:
    git(folder, "worktree", "add", "-q", str(tmp_path / "linked"), "-b", "side")
    (tmp_path / "linked" / "new").write_text("x")
    assert "new" in mirror.tree(mirror.snapshot(tmp_path / "linked")).files


def test_a_variable_of_a_surrounding_git_does_not_lead_astray(
    folder: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent")
    assert mirror.tree(mirror.snapshot(folder)).files


def test_hooks_of_the_repository_do_not_run(folder: Path, mirror: Mirror, tmp_path: Path) -> None:
    for name in ("post-index-change", "reference-transaction", "pre-commit"):
        hook = folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
    edit(folder)
    mirror.snapshot(folder)
    assert not (tmp_path / "ran").exists()


def test_no_work_tree_and_no_commit_are_told_apart(tmp_path: Path, mirror: Mirror) -> None:
    with pytest.raises(CallerError, match="not in a git work tree"):
        mirror.snapshot(tmp_path)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git(fresh, "init", "-q")
    with pytest.raises(CallerError, match="no commit yet"):
        mirror.snapshot(fresh)
