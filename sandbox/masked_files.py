"""Files on their way out of a sandbox that was given secrets: reports are masked, no cache with a secret is kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from models.errors import InfrastructureError
from models.ids import BlobId
from sandbox.caches import CacheBlobs
from sandbox.mask import Masker, Secrets

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer  # exists for type checkers only

_PIECE_BYTES = 64 * 1024


class MaskedFile(io.RawIOBase):
    """A file as it is without secrets: never longer."""

    def __init__(self, source: BinaryIO, secrets: Secrets) -> None:
        self._source = source
        self._masker = Masker(secrets)
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill some of the buffer; 0 at the end of the file."""
        while not self._ready and not self._ended:
            data = self._source.read(_PIECE_BYTES)
            self._ended = not data
            self._ready = self._masker.feed(data) if data else self._masker.end()
        room = memoryview(buffer).cast("B")
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


class CheckedCaches:
    """Where caches lie, for a job with secrets: others read them, forks among them."""

    def __init__(self, caches: CacheBlobs, secrets: Secrets) -> None:
        self._caches = caches
        self._secrets = secrets

    def open(self, blob: BlobId) -> BinaryIO:
        """See `CacheBlobs`."""
        return self._caches.open(blob)

    def put(self, stream: BinaryIO, limit_bytes: int) -> tuple[BlobId, int]:
        """Stores what holds none of them. Raises `InfrastructureError` otherwise, and then nothing is stored."""
        checked = _Checked(stream, self._secrets)
        return self._caches.put(cast("BinaryIO", checked), limit_bytes)


class _Checked:
    """A file as it is, which breaks off where there is a secret."""

    def __init__(self, source: BinaryIO, secrets: Secrets) -> None:
        self._source = source
        self._masker = Masker(secrets)

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self._masker.feed(data)
        if not data:
            self._masker.end()
        if self._masker.found:
            raise InfrastructureError("one of the job's secrets lies in it", remedy="keep it out of the cached paths")
        return data
