"""A commit with some of its files changed, made from git's objects alone: no work tree, so no path leads anywhere.

The content of a file is an object, its place a name in a tree: there is no link to follow and no folder to leave.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from models.errors import ChangeError, InfrastructureError
from models.ids import CommitId
from sandbox.source import git

_REGULAR = frozenset({"100644", "100755"})
_BY = {
    "GIT_AUTHOR_NAME": "Delta CI",
    "GIT_AUTHOR_EMAIL": "delta@localhost",
    "GIT_COMMITTER_NAME": "Delta CI",
    "GIT_COMMITTER_EMAIL": "delta@localhost",
}


def commit(mirror: Path, head: CommitId, files: Mapping[str, bytes]) -> CommitId:
    """`head` with this content in these files, as a commit that no ref holds; the same content gives the same one.

    The mirror is locked by the caller and has `head`. `ChangeError` for a path that is no regular file of `head`.
    """
    git.checked_commit(head)
    with tempfile.TemporaryDirectory(prefix="patched-", dir=mirror) as scratch:
        env = {**_BY, "GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _run(["read-tree", head], mirror, env)
        lines = [_line(mirror, head, path, content) for path, content in sorted(files.items())]
        _run(["update-index", "-z", "--index-info"], mirror, env, b"".join(lines))
        tree = _run(["write-tree"], mirror, env)
        date = _run(["show", "--no-patch", "--format=%ct +0000", head], mirror)
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        return git.checked_commit(_run(["commit-tree", tree, "-p", head, "-m", "With a patch in it"], mirror, env))


def _line(mirror: Path, head: CommitId, path: str, content: bytes) -> bytes:
    """What `update-index --index-info` reads: mode, object, path. The mode stays."""
    found = _run(["ls-tree", "-z", head, "--", path], mirror).rstrip("\0")
    mode, _, rest = found.partition(" ")
    if mode not in _REGULAR or rest.partition("\t")[2] != path:
        raise ChangeError(f"{path[:100]!r} is no regular file of {head}, so a patch cannot change it")
    blob = _run(["hash-object", "-w", "--no-filters", "--stdin"], mirror, stdin=content)
    return f"{mode} {blob}\t{path}\0".encode()


def _run(arguments: Sequence[str], mirror: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
    done = git.run(arguments, git_dir=mirror, env=env, stdin=stdin)
    if done.returncode:
        raise InfrastructureError(f"git {arguments[0]} failed in {mirror}: {git.complaint(done)}")
    return done.stdout.decode(errors="backslashreplace").strip()
