"""A change of a repository on this machine, as `delta run` names it."""

from __future__ import annotations

import hashlib
import secrets
import subprocess
from pathlib import Path

from models.change import Change, ChangeKind, Forge, Trust
from models.errors import CallerError
from models.ids import CommitId
from sandbox.source.git import resolve
from sandbox.source.mirror import Mirrors

WORKTREE = "work tree"
_DEFAULT_BRANCHES = ("origin/HEAD", "main", "master")


def local_change(mirrors: Mirrors, repo: Path, *, base: str, head: str, worktree: bool) -> Change:
    """The change from `base` to `head`, or to the work tree with all that is not committed yet.

    Empty `base`: the default branch, as far as there is one. Empty `head`: what is checked out. Raises `CallerError`.
    """
    if worktree and head:
        raise CallerError("--head and --worktree exclude each other", remedy="leave one of them out")
    top = _top(repo)
    head_commit = mirrors.of(str(top)).snapshot(top) if worktree else resolve(top, head or "HEAD")
    return Change(
        forge=Forge.LOCAL,
        kind=ChangeKind.MANUAL,
        trust=Trust.TRUSTED,
        repository=str(top),
        clone_url=str(top),
        head=head_commit,
        base=resolve(top, base) if base else default_base(top),
        head_ref=WORKTREE if worktree else head or "HEAD",
        base_ref=base,
        title=WORKTREE if worktree else _subject(top, head_commit),
        nonce=secrets.token_hex(4),
    )


def _top(repo: Path) -> Path:
    top = _git(repo, "rev-parse", "--show-toplevel")
    if not top:
        raise CallerError(f"{repo} is not in a git work tree", remedy="name a checked-out git repository")
    return Path(top)


def default_base(top: Path) -> CommitId | None:
    """The default branch's commit.

    None in a repository without any of the usual names: then there is nothing to compare with, and all runs.
    """
    known = (name for name in _DEFAULT_BRANCHES if _git(top, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"))
    name = next(known, None)
    return resolve(top, name) if name else None


def _subject(top: Path, commit: CommitId) -> str:
    return _git(top, "log", "-1", "--format=%s", commit)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def digest_of(path: Path) -> str:
    """A name for what is kept of a repository that lies there."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:32]
