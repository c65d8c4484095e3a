"""A job's caches: tar streams into its sandbox before the source, and out of it after it has passed.

This side never unpacks one: what lies in it came out of a sandbox, and is believed as little when it comes back. The
sandbox's own `tar` does it, as the job's user, so that links, devices and `..` meet what the job itself would meet. The
source comes after and wins over what a cache has put in its place.

A cache that breaks off, is not what its name says, or does not fit is a miss, and the sandbox that it was poured into
is thrown away. Nothing that goes wrong with a cache ends a job: its log says so.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

from models.caches import CacheHit
from models.errors import InfrastructureError, NotFound
from models.ids import BlobId
from models.job import CacheSpec
from models.result import SavedCache
from sandbox.artifacts import BlobSink, PieceReader
from sandbox.container import Sandbox
from sandbox.engine import docker_errors
from sandbox.log import AttemptLog
from sandbox.printable import printable
from sandbox.process import READ_BYTES, Process
from sandbox.seal import check, refused
from sandbox.spec import HOME, MIB, WORKSPACE
from sandbox.unavailable import SandboxUnavailableError

# Files in a sandbox are memory: a cache that would leave less than a quarter of it to the job is not worth it.
MEMORY_PART = 0.75
MAX_FILES = 200_000  # restoring takes about 0.1 ms each

_NOTHING, _TOO_LARGE, _TOO_MANY = 93, 94, 95

_BLOCKS = 256  # of 512 bytes: each write of a sandbox's own to a pipe of the host costs it about 0.1 ms
_RESTORE = "{check} exec tar --extract --file=- --no-same-owner --directory=/"
# The job's processes are ended first: what is saved must not change meanwhile. `du` counts a sparse file as what it
# would be in the stream.
_SAVE = f"""
kill -KILL -1 2> /dev/null
limit=$1; shift
for path do shift; if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi; done
[ $# -gt 0 ] || exit {_NOTHING}
size=$(du --apparent-size --block-size=1 -sc -- "$@" | tail -n 1 | cut -f 1)
[ "$size" -le "$limit" ] || exit {_TOO_LARGE}
files=$(du --inodes -sc -- "$@" | tail -n 1 | cut -f 1)
[ "$files" -le {MAX_FILES} ] || exit {_TOO_MANY}
exec tar --create --file=- --format=gnu --blocking-factor={_BLOCKS} -- "$@"
"""


class CacheBlobs(BlobSink, Protocol):
    """Where caches lie."""

    def open(self, blob: BlobId) -> BinaryIO:
        """One to read from. Raises `NotFound`."""


class JobCaches:
    """The caches of one attempt. `blobs` is None where nothing is to be restored or saved."""

    def __init__(
        self,
        specs: Sequence[CacheSpec],
        hits: Sequence[CacheHit],
        blobs: CacheBlobs | None,
        limit_bytes: int,
        log: AttemptLog,
    ) -> None:
        """`limit_bytes` is for all that is saved together."""
        self._specs = {spec.key: spec for spec in specs}
        self._hits = {hit.key: hit for hit in hits if hit.key in self._specs}
        self._blobs = blobs
        self._limit_bytes = limit_bytes
        self._log = log
        self._missed: set[str] = set()

    def restore(self, sandbox: Sandbox, guard: Callable[[], None]) -> bool:
        """Bring in all that there are. False: one broke, and another sandbox is to be tried, without that one.

        `guard` is called at least every 0.1 s and ends the work by raising; its `InfrastructureError` is a miss too.
        Raises what the check of the sandbox raises.
        """
        blobs = self._blobs
        if blobs is None:
            return True
        for key, spec in self._specs.items():
            if key in self._missed:
                continue
            hit, began = self._hits.get(key), time.monotonic()
            if hit is None:
                self._miss(spec, "nobody has saved it yet")
                continue
            try:
                why = self._pour(sandbox, hit, blobs, guard)
            except SandboxUnavailableError:
                raise
            except InfrastructureError as error:
                self._miss(spec, f"{error}; the sandbox is thrown away")
                return False
            if why:
                self._miss(spec, why)
                continue
            took = time.monotonic() - began
            origin = "" if hit.scope == "main" else f" of {printable(hit.scope)}"
            self._log.delta(f"cache hit: {_label(spec)}: {_mb(hit.size_bytes)}{origin} restored in {took:.2f} s")
        return True

    def save(self, sandbox: Sandbox, guard: Callable[[], None]) -> tuple[SavedCache, ...]:
        """Store what was missed. Ends every process of the job. Errors are lines in the log."""
        saved: list[SavedCache] = []
        left, blobs = self._limit_bytes, self._blobs
        if blobs is None:
            return ()
        for spec in [self._specs[key] for key in self._specs if key in self._missed]:
            began = time.monotonic()
            if sandbox.watch.ended.is_set():
                break
            try:
                blob, size_bytes = self._take(sandbox, spec, blobs, left, guard)
            except (InfrastructureError, ValueError) as error:  # ValueError: the stream is longer than it may be
                self._log.delta(f"cache not saved: {_label(spec)}: {printable(str(error))}")
                continue
            left -= size_bytes
            took = time.monotonic() - began
            self._log.delta(f"cache saved: {_label(spec)}: {_mb(size_bytes)} in {took:.2f} s")
            saved.append(SavedCache(key=spec.key, blob=blob, size_bytes=size_bytes))
        return tuple(saved)

    def _miss(self, spec: CacheSpec, why: str) -> None:
        self._missed.add(spec.key)
        self._log.delta(f"cache miss: {_label(spec)}: {printable(why)}")

    def _pour(self, sandbox: Sandbox, hit: CacheHit, blobs: CacheBlobs, guard: Callable[[], None]) -> str:
        """Why it was left out; empty when it is in place. Raises `InfrastructureError` when the sandbox is spoiled."""
        memory = sandbox.spec.memory_mb * MIB
        if hit.size_bytes > memory * MEMORY_PART:
            return f"its {_mb(hit.size_bytes)} are too much for {sandbox.spec.memory_mb} MB of memory"
        try:
            content = blobs.open(hit.blob)
        except NotFound as error:
            return str(error)
        except OSError as error:
            return f"it cannot be read: {error}"
        with content:
            stream = _Verified(content)
            argv = ["/bin/sh", "-c", _RESTORE.format(check=check(sandbox.spec))]
            code, said = sandbox.call(argv, stdin=stream, guard=guard)
            stream.finish()
        if code != 0:
            raise refused(sandbox.spec, code, said) or InfrastructureError(
                f"it could not be unpacked (exit code {code}): {'; '.join(said[-500:].splitlines())}",
                remedy=f"if it is larger than {sandbox.spec.workspace_mb} MB, raise the job's `workspace_mb`",
            )
        if stream.digest() != hit.blob:
            raise InfrastructureError(f"it is not what its name {hit.blob[:12]}… says")
        return ""

    def _take(
        self, sandbox: Sandbox, spec: CacheSpec, blobs: CacheBlobs, limit_bytes: int, guard: Callable[[], None]
    ) -> tuple[BlobId, int]:
        argv = ["/bin/sh", "-c", f"cd / && {_SAVE.strip()}", "sh", str(limit_bytes), *map(_inside, spec.paths)]
        with docker_errors("save a cache"), sandbox.exec(argv) as process:
            pieces = PieceReader(process.pieces(), limit_bytes, guard)
            stream = io.BufferedReader(_Whole(pieces, sandbox, process, limit_bytes), READ_BYTES)
            if not stream.peek(1):
                raise InfrastructureError("tar said nothing")
            return blobs.put(stream, limit_bytes)


class _Verified:
    """A file for `Process.pieces` whose digest is known at its end."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Some of it. Raises `InfrastructureError` when the disk fails."""
        try:
            data = self._content.read(size)
        except OSError as error:
            raise InfrastructureError(f"it cannot be read: {error}") from error
        self._digest.update(data)
        return data

    def finish(self) -> None:
        """Read what `tar` did not want to know."""
        while self.read(READ_BYTES):
            pass

    def digest(self) -> str:
        return self._digest.hexdigest()


class _Whole(io.RawIOBase):
    """A stream that is an error at its end unless the command that made it is content: no half of it is stored."""

    def __init__(self, stream: PieceReader, sandbox: Sandbox, process: Process, limit_bytes: int) -> None:
        self._stream = stream
        self._sandbox = sandbox
        self._process = process
        self._limit = limit_bytes

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # as RawIOBase calls it
        """Fill some of the buffer; at the end, 0 or `InfrastructureError`."""
        count = self._stream.readinto(buffer)
        if count == 0 and (code := self._exit_code()) != 0:
            raise InfrastructureError(
                {
                    _NOTHING: "none of its paths is there",
                    _TOO_LARGE: f"it is larger than the {_mb(self._limit)} that are left for the job's caches",
                    _TOO_MANY: f"it has more than {MAX_FILES:,} files",
                }.get(code or 0, f"its files could not be read (exit code {code})")
            )
        return count

    def _exit_code(self) -> int | None:
        code = self._sandbox.watch.settle(self._process.id)
        return self._process.exit_code() if code is None else code


def _inside(path: str) -> str:
    """Where a path of the configuration lies, from the root."""
    home = path.removeprefix("~/")
    return f"{HOME}/{home}".removeprefix("/") if home != path else f"{WORKSPACE}/{path}".removeprefix("/")


def _label(spec: CacheSpec) -> str:
    return printable(spec.label or ", ".join(spec.paths))


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / MIB:.1f} MB"
