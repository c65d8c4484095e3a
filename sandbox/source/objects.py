"""Objects of one mirror, read through a git process that stays: to start one for each question costs the most of all.

Git's protocol for that is `cat-file --batch-command` (https://git-scm.com/docs/git-cat-file#_batch_output). What is
fetched later is found too. Trees are remembered, so that to list a commit costs what differs from those before it.
"""

from __future__ import annotations

import select
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple, cast

from models.errors import InfrastructureError
from sandbox.source import git

ANSWER_TIMEOUT_S = 60.0
READ_BYTES = 1 << 18
# So many questions fit into a pipe, so that neither side waits for the other.
_AT_ONCE = 500
# Of all remembered trees together: some 100 bytes each.
_REMEMBERED_ENTRIES = 500_000

_TREE, _SUBMODULE, _LINK = b"40000", b"160000", b"120000"


class Entry(NamedTuple):
    """One path of a commit. `blob` is the id of its content; `regular` is False for a symbolic link."""

    path: str
    blob: str
    regular: bool


class Found(NamedTuple):
    """An object: `commit`, `tree`, `blob` or `tag`, and its content where that was asked for."""

    kind: str
    size: int
    data: bytes


class _Child(NamedTuple):
    mode: bytes
    name: bytes
    id: str


class Objects:
    """Answers from one mirror. Safe to use from several threads, which take turns."""

    def __init__(self, git_dir: Path) -> None:
        self._git_dir = git_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = bytearray()
        self._trees: dict[str, tuple[_Child, ...]] = {}
        self._turn = Lock()

    def info(self, names: Sequence[str]) -> list[Found | None]:
        """Kind and size of the objects with these ids; None for one that is not here."""
        with self._turn:
            return list(self._ask("info", names))

    def contents(self, names: Sequence[str]) -> list[Found | None]:
        """The same, with all that is in them."""
        with self._turn:
            return list(self._ask("contents", names))

    def files(self, commit: str) -> tuple[Entry, ...]:
        """Every file and symbolic link of a commit (submodules are not), in git's order.

        Errors: `InfrastructureError` when the commit, or a part of it, is not here.
        """
        with self._turn:
            if sum(map(len, self._trees.values())) > _REMEMBERED_ENTRIES:
                self._trees.clear()
            (root,) = self._load([f"{commit}^{{tree}}"])
            return tuple(_walk(self._trees, root))

    def root_files(self, commit: str) -> tuple[Entry, ...]:
        """The same, of those in no folder; no other tree is read."""
        with self._turn:
            name = f"{commit}^{{tree}}"
            (found,) = self._ask("contents", [name])
            return tuple(_walk({}, tuple(child for child in self._parsed(name, found) if child.mode != _TREE)))

    def close(self) -> None:
        """End the process. It is started again when somebody asks."""
        with self._turn:
            self._end()

    def _load(self, names: list[str]) -> list[tuple[_Child, ...]]:
        """These trees, and all below them into memory, level by level."""
        first = [self._parsed(name, found) for name, found in zip(names, self._ask("contents", names), strict=True)]
        level = first
        while level:
            below = {child.id: None for tree in level for child in tree if child.mode == _TREE}
            missing = [name for name in below if name not in self._trees]
            level = []
            for name, found in zip(missing, self._ask("contents", missing), strict=True):
                self._trees[name] = self._parsed(name, found)
                level.append(self._trees[name])
        return first

    def _parsed(self, name: str, found: Found | None) -> tuple[_Child, ...]:
        if found is None or found.kind != "tree":
            raise InfrastructureError(f"{name} is missing from {self._git_dir}")
        return tuple(_children(found.data, len(name.partition("^")[0]) // 2))

    def _ask(self, command: str, names: Sequence[str]) -> Iterator[Found | None]:
        """An answer for each. What goes wrong in the middle ends the process: what it would say next fits nothing."""
        whole = False
        try:
            for start in range(0, len(names), _AT_ONCE):
                part = names[start : start + _AT_ONCE]
                self._write("".join(f"{command} {name}\n" for name in part).encode())
                for _ in part:
                    yield self._answer(with_data=command == "contents")
            whole = True
        finally:
            if not whole:
                self._end()

    def _answer(self, *, with_data: bool) -> Found | None:
        header = self._read_line().split()
        if len(header) != 3:  # `… missing`
            return None
        kind, size = header[1].decode(), int(header[2])
        data = self._read(size + 1)[:-1] if with_data else b""  # git adds a newline
        return Found(kind, size, data)

    def _write(self, text: bytes) -> None:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = self._started()
        try:
            stdin = cast("IO[bytes]", self._process.stdin)  # there is one, because a pipe was asked for
            stdin.write(text)
            stdin.flush()
        except BrokenPipeError as error:
            raise InfrastructureError(f"git ended while it was asked for objects of {self._git_dir}") from error

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                git.command(["cat-file", "--batch-command"], git_dir=self._git_dir),
                env=git.environment(),
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        except FileNotFoundError as error:
            raise InfrastructureError("git is not installed", remedy="run `make setup`") from error

    def _read_line(self) -> bytes:
        while (end := self._unread.find(b"\n")) < 0:
            self._receive()
        return self._read(end + 1)[:-1]

    def _read(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._receive()
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def _receive(self) -> None:
        process = cast("subprocess.Popen[bytes]", self._process)  # it was asked something
        stdout = cast("IO[bytes]", process.stdout)
        ready, _, _ = select.select([stdout], [], [], ANSWER_TIMEOUT_S)
        data = stdout.read(READ_BYTES) if ready else b""
        if not data:
            raise InfrastructureError(f"git did not answer what was asked of {self._git_dir}")
        self._unread += data

    def _end(self) -> None:
        process, self._process = self._process, None
        self._unread.clear()
        if process is not None:
            process.kill()  # it has nothing to finish
            process.communicate()


def _children(data: bytes, id_bytes: int) -> Iterator[_Child]:
    """The lines of a tree object: mode, space, name, NUL, id in binary."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        yield _Child(data[at:space], data[space + 1 : end], data[end + 1 : end + 1 + id_bytes].hex())
        at = end + 1 + id_bytes


def _walk(trees: dict[str, tuple[_Child, ...]], root: tuple[_Child, ...]) -> Iterator[Entry]:
    waiting = [(b"", iter(root))]
    while waiting:
        folder, children = waiting[-1]
        child = next(children, None)
        if child is None:
            waiting.pop()
        elif child.mode == _TREE:
            waiting.append((folder + child.name + b"/", iter(trees[child.id])))
        elif child.mode != _SUBMODULE:
            yield Entry(git.shown_path(folder + child.name), child.id, child.mode != _LINK)
