"""A user's work tree as a commit, without a trace in the user's repository.

Git itself decides what belongs to it: a copy of the index takes `git add --all`, and the new objects go to a folder
beside the mirror's, from where exactly those that the mirror lacks are packed into it. Unlike everywhere else in
`sandbox.source`, the user's own git configuration counts here: their global ignore file, their line endings, their
filters. For the same reason git's check of who owns the repository stays on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from models.errors import CallerError, InfrastructureError
from models.ids import CommitId
from sandbox.source import git

_AUTHOR = "Delta CI"
_EMAIL = "delta@localhost"


class Worktree(NamedTuple):
    """Where a work tree is: its top folder, its repository's index and objects, and the commit it stands on."""

    top: Path
    index_file: Path
    object_folder: Path
    head: CommitId


def find(folder: Path) -> Worktree:
    """The work tree that `folder` lies in. Errors: `CallerError` when there is none, or it has no commit yet."""
    names = ["--show-toplevel", "--git-path", "index", "--git-path", "objects"]
    done = _git(folder, ["rev-parse", "--path-format=absolute", *names])
    lines = done.stdout.decode().splitlines()
    if done.returncode or len(lines) != 3:
        raise CallerError(
            f"{folder} is not in a git work tree: {git.complaint(done)}", remedy="name a checked-out repository"
        )
    head = _git(folder, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).stdout.decode().strip()
    if not head:
        raise CallerError(f"the repository at {folder} has no commit yet", remedy="commit once, then run again")
    return Worktree(Path(lines[0]), Path(lines[1]), Path(lines[2]), git.checked_commit(head))


def commit(tree: Worktree, mirror: Path) -> CommitId:
    """Write the work tree as a commit into the mirror, which has `tree.head` already and is locked by the caller.

    Errors: `CallerError` when git cannot take a file.
    """
    with tempfile.TemporaryDirectory(prefix="snapshot-", dir=mirror) as scratch:
        env = _own_store(tree, Path(scratch))
        _must(_git(tree.top, ["add", "--all"], env), f"git cannot take in the work tree at {tree.top}")
        written = _must(_git(tree.top, ["write-tree"], env), "git cannot write the work tree")
        # The parent's date, so that the same content is the same commit.
        date = _must(_git(tree.top, ["show", "--no-patch", "--format=%ct +0000", tree.head]), "git cannot read HEAD")
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        made = _must(
            _git(tree.top, ["commit-tree", written, "-p", tree.head, "-m", "The work tree, uncommitted"], env),
            "git cannot commit the work tree",
        )
        new = git.checked_commit(made)
        # Objects that were staged before lie in the user's repository only: the pack has them too.
        wanted = f"{new}\n^{tree.head}\n".encode()
        pack = _git(tree.top, ["pack-objects", "--revs", "--stdout", "--quiet"], env, stdin=wanted)
        _must(pack, "git cannot pack the work tree")
        stored = git.run(["unpack-objects", "-q"], git_dir=mirror, stdin=pack.stdout)
        if stored.returncode:
            raise InfrastructureError(f"the work tree does not fit into {mirror}: {git.complaint(stored)}")
    return new


def _own_store(tree: Worktree, scratch: Path) -> dict[str, str]:
    """The environment that sends what git writes to `scratch`: index and objects."""
    index = scratch / "index"
    if tree.index_file.exists():
        shutil.copyfile(tree.index_file, index)
    objects = scratch / "objects"
    objects.mkdir()
    return {
        "GIT_INDEX_FILE": str(index),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(tree.object_folder),
        "GIT_AUTHOR_NAME": _AUTHOR,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _AUTHOR,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }


def _git(
    folder: Path, arguments: Sequence[str], env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run git as the user would in this folder, without hooks and without what a surrounding git has set."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = [
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.splitIndex=false",
        "-c",
        "advice.addEmbeddedRepo=false",
    ]
    try:
        return subprocess.run(
            ["git", *quiet, "-C", str(folder), "--no-pager", *arguments],
            env={**inherited, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=git.LOCAL_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise InfrastructureError("git is not installed", remedy="run `make setup`") from error
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(f"git {arguments[0]} took longer than {git.LOCAL_TIMEOUT_S:g} s") from error


def _must(done: subprocess.CompletedProcess[bytes], what: str) -> str:
    if done.returncode:
        raise CallerError(f"{what}: {git.complaint(done)}")
    return done.stdout.decode(errors="replace").strip()
