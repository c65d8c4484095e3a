"""The files of one commit: their paths, and the content of those that somebody wants to see, in few git processes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Self, cast

from models.errors import ChangeError, InfrastructureError
from models.ids import CommitId
from sandbox.source import git

LIMIT_BYTES = 1_000_000

# What git says of so many objects fits into a pipe, so that neither side waits for the other.
_ASKED_AT_ONCE = 500


class Entry(NamedTuple):
    """One path of a tree. `blob` is the id of its content; `regular` is False for a symbolic link."""

    path: str
    blob: str
    regular: bool


class Tree:
    """All files and symbolic links of a commit (submodules are not), or those below some paths, in git's order."""

    def __init__(self, git_dir: Path, commit: CommitId, below: Sequence[str] = ()) -> None:
        self._git_dir = git_dir
        arguments = ["ls-tree", "-r", "-z", "--full-tree", git.checked_commit(commit)]
        raw = git.output([*arguments, *(["--", *below] if below else [])], git_dir=git_dir)
        self.entries = tuple(_entries(raw))

    @property
    def files(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(entry.path for entry in self.entries)

    def read(self, paths: Iterable[str], limit_bytes: int = LIMIT_BYTES) -> dict[str, bytes]:
        """Content by path, as committed; paths that are no regular file of the tree are left out.

        Errors: `ChangeError` when one is larger than `limit_bytes`: half a file would be worse than none.
        """
        wanted = set(paths)
        found = {entry.path: entry.blob for entry in self.entries if entry.regular and entry.path in wanted}
        if not found:
            return {}
        with _Objects(self._git_dir) as objects:
            sizes = objects.sizes([*found.values()])
            for (path, _), size in zip(found.items(), sizes, strict=True):
                if size > limit_bytes:
                    raise ChangeError(f"{path} has {size:,} bytes; at most {limit_bytes:,} are read")
            return {path: objects.content(blob) for path, blob in found.items()}


def _entries(raw: bytes) -> Iterable[Entry]:
    for line in raw.split(b"\0")[:-1]:
        meta, _, path = line.partition(b"\t")
        mode, kind, blob = meta.split()
        if kind == b"blob":
            yield Entry(git.shown_path(path), blob.decode(), mode != b"120000")


class _Objects:
    """A git process that is asked for one object after another. Use as a context manager."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir

    def __enter__(self) -> Self:
        try:
            self._process = subprocess.Popen(
                git.command(["cat-file", "--batch-command"], git_dir=self._git_dir),
                env=git.environment(),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise InfrastructureError("git is not installed", remedy="run `make setup`") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # it has nothing to finish
        self._stdin.close()
        self._stdout.close()
        self._process.wait()

    def sizes(self, blobs: Sequence[str]) -> list[int]:
        """How many bytes each has."""
        found = []
        for start in range(0, len(blobs), _ASKED_AT_ONCE):
            part = blobs[start : start + _ASKED_AT_ONCE]
            self._ask("".join(f"info {blob}\n" for blob in part))
            found += [self._size() for _ in part]
        return found

    def content(self, blob: str) -> bytes:
        """All of it."""
        self._ask(f"contents {blob}\n")
        size = self._size()
        data = self._stdout.read(size + 1)  # and the newline that git adds
        if len(data) != size + 1:
            raise InfrastructureError(f"git ended in the middle of an object of {self._git_dir}")
        return data[:-1]

    def _ask(self, text: str) -> None:
        try:
            self._stdin.write(text.encode())
            self._stdin.flush()
        except BrokenPipeError as error:
            raise InfrastructureError(f"git ended while it was asked for objects of {self._git_dir}") from error

    def _size(self) -> int:
        said = self._stdout.readline().split()
        if len(said) != 3:
            raise InfrastructureError(f"an object of {self._git_dir} is missing: {b' '.join(said).decode()!r}")
        return int(said[2])

    @property
    def _stdin(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)  # there is one, because a pipe was asked for

    @property
    def _stdout(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)
