"""Artifacts out of a sandbox: found by glob, streamed as tar, checked as if an attacker had written every byte.

One has, perhaps: the names, the sizes and the stream come from inside. So nothing is ever extracted to a disk by name.
Regular files only, with relative names without `..`; links, devices and all else are refused, and named. Content goes
to the blob sink as a stream. What a member claims is checked against what was asked for, and the whole stream is cut
off when it exceeds what was announced.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from models.errors import InfrastructureError
from models.ids import BlobId
from models.result import Artifact
from sandbox.container import Sandbox
from sandbox.engine import docker_errors
from sandbox.printable import PATH_CHARS, printable
from sandbox.process import STDOUT, Piece

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # exists for type checkers only

LISTING_BYTES = 16 * 1024 * 1024
NAMED_REFUSALS = 100
TAR_OVERHEAD_BYTES = 16 * 1024  # a member's headers and padding; long names have headers of their own

_KINDS = {"l": "a symbolic link", "p": "a pipe", "s": "a socket", "c": "a device", "b": "a device"}

# The job's processes are ended first: what is collected must not change meanwhile.
_LIST = "kill -KILL -1 2> /dev/null; exec find . -mindepth 1 ! -type d -printf '%y %n %s %P\\0'"


class BlobSink(Protocol):
    """Where content goes. `put` reads the stream to its end and gives its SHA-256 and size in bytes.

    It raises `InfrastructureError` when it cannot store, or when there are more than `limit_bytes`.
    """

    def put(self, stream: BinaryIO, limit_bytes: int) -> tuple[BlobId, int]:
        """Store one file's content."""


# What a file's content, found at a path, passes through on its way: it must not become longer.
Through = Callable[[str, BinaryIO], BinaryIO]


def _as_it_is(_: str, content: BinaryIO) -> BinaryIO:
    return content


class Limits(NamedTuple):
    """For all artifacts of an attempt together."""

    files: int
    total_bytes: int


class Listed(NamedTuple):
    """One file as the sandbox tells of it: `find`'s letter for its kind, its number of links, its size, its path."""

    kind: str
    links: int
    size_bytes: int
    path: str


class Collected(NamedTuple):
    """What came out, and a line for each file that was refused, with why."""

    artifacts: tuple[Artifact, ...]
    refused: tuple[str, ...]


def collect(
    sandbox: Sandbox,
    patterns: Iterable[str],
    limits: Limits,
    blobs: BlobSink,
    guard: Callable[[], None],
    through: Through = _as_it_is,
) -> Collected:
    """Everything that a pattern matches, the first pattern's files first where the limits do not let all out.

    Ends every process of the job. `guard` is called at least every 0.1 s and stops the work by raising.
    `InfrastructureError` when the sandbox does not answer as it should.
    """
    wanted, refused = choose(_listing(sandbox, guard), _guarded(patterns, guard), limits)
    artifacts = _fetch(sandbox, wanted, blobs, guard, refused, through) if wanted else ()
    if len(refused) > NAMED_REFUSALS:
        refused[NAMED_REFUSALS:] = [f"… and {len(refused) - NAMED_REFUSALS} more"]
    return Collected(artifacts, tuple(refused))


def choose(listing: Iterable[Listed], patterns: Iterable[str], limits: Limits) -> tuple[dict[str, Listed], list[str]]:
    """Which files to take, by path, and the refusals. Pure."""
    files = sorted(listing, key=lambda file: file.path)
    wanted: dict[str, Listed] = {}
    refused: dict[str, str] = {}
    total = 0
    for pattern in patterns:
        matched = [file for file in files if matches(file.path, pattern)]
        if not matched:
            refused[pattern] = "matches no file"
        for file in matched:
            if file.path in wanted or file.path in refused:
                continue
            why = _unfit(file)
            if why is None and len(wanted) >= limits.files:
                why = f"more than {limits.files} files"
            if why is None and total + file.size_bytes > limits.total_bytes:
                why = f"{file.size_bytes:,} bytes do not fit into the limit of {limits.total_bytes:,} for all"
            if why is not None:
                refused[file.path] = why
                continue
            wanted[file.path] = file
            total += file.size_bytes
    return wanted, [f"{printable(path)}: {why}" for path, why in refused.items()]


def matches(path: str, pattern: str) -> bool:
    """Whether a glob names this relative path, or a folder above it.

    `*`, `?` and `[…]` stay within one name and match leading dots too; `**` stands for any number of folders. A pattern
    that is absolute or climbs with `..` matches nothing.
    """
    globs = tuple(part for part in pattern.split("/") if part not in {"", "."})
    if pattern.startswith("/") or ".." in globs or not globs or len(path) > PATH_CHARS or len(pattern) > PATH_CHARS:
        return False

    places = _past_stars({0}, globs) - {len(globs)}  # how far into `globs` the names so far may have come
    for name in path.split("/"):
        stepped = {place + 1 for place in places if _fits(name, globs, place)}
        stayed = {place for place in places if globs[place] == "**"}
        places = _past_stars(stepped | stayed, globs)
        if len(globs) in places:
            return True  # all of the path, or a folder above it
    return False


def _fits(name: str, globs: tuple[str, ...], place: int) -> bool:
    return globs[place] != "**" and fnmatchcase(name, globs[place])


def _past_stars(places: set[int], globs: tuple[str, ...]) -> set[int]:
    """With the places behind each `**`, since it may stand for no folder at all."""
    reached = set(places)
    for place in sorted(places):
        after = place
        while after < len(globs) and globs[after] == "**":
            after += 1
            reached.add(after)
    return reached


def _guarded(patterns: Iterable[str], guard: Callable[[], None]) -> Iterator[str]:
    for pattern in patterns:
        guard()
        yield pattern


def _unfit(file: Listed) -> str | None:
    if file.kind != "f":
        return _KINDS.get(file.kind, "not a regular file")
    if file.links > 1:
        return "a file with several links"
    if not file.path.isprintable() or "\N{REPLACEMENT CHARACTER}" in file.path:
        return "its path has control characters or is not UTF-8"
    if file.path.startswith("/") or any(part in {"", ".", ".."} for part in file.path.split("/")):
        return "its path leaves the workspace"
    return None


def _listing(sandbox: Sandbox, guard: Callable[[], None]) -> list[Listed]:
    with docker_errors("list the artifacts"), sandbox.exec(["/bin/sh", "-c", _LIST]) as process:
        raw = bytearray()
        for piece in process.pieces():
            guard()
            if piece.stream == STDOUT:
                raw += piece.data
            if len(raw) > LISTING_BYTES:
                raise InfrastructureError(f"the workspace's list of files is longer than {LISTING_BYTES:,} bytes")
        if process.exit_code() not in {0, 1}:  # 1: some folder could not be read
            raise InfrastructureError("`find` did not run in the sandbox", remedy="the image needs GNU find and tar")
    return [_parsed(line) for line in bytes(raw).split(b"\0")[:-1]]


def _parsed(line: bytes) -> Listed:
    kind, links, size, path = (*line.decode(errors="replace").split(" ", 3), "", "", "")[:4]
    if not (links.isdecimal() and size.isdecimal()):
        raise InfrastructureError(f"the list of files makes no sense: {printable(repr(line[:100]))}")
    return Listed(kind, int(links), int(size), path)


def _fetch(
    sandbox: Sandbox,
    wanted: dict[str, Listed],
    blobs: BlobSink,
    guard: Callable[[], None],
    refused: list[str],
    through: Through,
) -> tuple[Artifact, ...]:
    names = io.BytesIO(b"".join(f"./{path}\0".encode() for path in wanted))
    budget = sum(file.size_bytes + TAR_OVERHEAD_BYTES for file in wanted.values()) + TAR_OVERHEAD_BYTES
    argv = ["tar", "--create", "--file=-", "--format=pax", "--no-recursion", "--null", "--files-from=-"]
    missing = dict(wanted)
    artifacts: list[Artifact] = []
    with docker_errors("fetch the artifacts"), sandbox.exec(argv, stdin=True) as process:
        stream = io.BufferedReader(PieceReader(process.pieces(names), budget, guard), 64 * 1024)
        try:
            artifacts.extend(unpack(stream, missing, blobs, refused, through))
        except (tarfile.TarError, EOFError, ValueError) as error:
            refused.append(f"the stream of artifacts broke off: {printable(str(error))}")
    refused.extend(f"{path}: did not come out of the sandbox" for path in missing)
    return tuple(artifacts)


def unpack(
    stream: BinaryIO,
    missing: dict[str, Listed],
    blobs: BlobSink,
    refused: list[str],
    through: Through = _as_it_is,
) -> Iterator[Artifact]:
    """The members of a tar stream that were asked for, each once; `missing` loses those that came, or were refused."""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            path = member.name.removeprefix("./")
            file = missing.pop(path, None)
            if file is None:
                refused.append(f"{printable(path)}: was not asked for")
                continue
            content = tar.extractfile(member) if member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} else None
            if content is None or member.issparse():
                refused.append(f"{path}: not a regular file when it was fetched")
                continue
            if member.size > file.size_bytes:
                refused.append(f"{path}: grew while it was fetched")
                continue
            counted = _Counted(cast("BinaryIO", content))
            blob, size_bytes = blobs.put(through(path, cast("BinaryIO", counted)), member.size)
            if counted.taken != member.size:
                raise tarfile.ReadError(f"{path} was cut off")
            yield Artifact(path=path, size_bytes=size_bytes, blob=blob)


class _Counted:
    """A file that knows how much of it was read."""

    def __init__(self, source: BinaryIO) -> None:
        self.taken = 0
        self._source = source

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.taken += len(data)
        return data


class PieceReader(io.RawIOBase):
    """A process's standard output as a file. `ValueError` beyond the budget of bytes."""

    def __init__(self, pieces: Iterator[Piece], budget_bytes: int, guard: Callable[[], None]) -> None:
        self._pieces = pieces
        self._budget = budget_bytes
        self._guard = guard
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill some of the buffer; 0 at the end of the output."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._guard()
            if piece.stream == STDOUT:
                self._rest = memoryview(piece.data)
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._budget -= count
        if self._budget < 0:
            raise ValueError("it is longer than the files that were announced")
        return count
