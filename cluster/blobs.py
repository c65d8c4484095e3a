"""The object store for blobs: content-addressed files under one directory, written once and never changed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import BinaryIO

from models.errors import InfrastructureError, NotFound
from models.ids import BlobId, is_blob

_PIECE_BYTES = 1 << 20


class LocalBlobs:
    """Blobs in a directory that every process of this installation can reach."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, stream: BinaryIO, limit_bytes: int) -> tuple[BlobId, int]:
        """Stores what `stream` gives and returns its SHA-256 and size. Raises `InfrastructureError` above the limit."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, size = hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(dir=self._root, prefix=".incoming-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                while piece := stream.read(_PIECE_BYTES):
                    size += len(piece)
                    if size > limit_bytes:
                        raise InfrastructureError(f"a file is larger than the {limit_bytes} bytes that are allowed")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            blob = BlobId(digest.hexdigest())
            target = self._path(blob)
            target.parent.mkdir(exist_ok=True, mode=0o700)
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)
        return blob, size

    def read(self, blob: BlobId, limit_bytes: int) -> bytes:
        """At most `limit_bytes` of a blob. Raises `NotFound`."""
        try:
            with self._path(blob).open("rb") as file:
                return file.read(limit_bytes)
        except FileNotFoundError:
            raise NotFound(f"there is no blob {blob}") from None

    def open(self, blob: BlobId) -> BinaryIO:
        """A blob to read from; the caller closes it, and compares what it reads with the name. Raises `NotFound`."""
        try:
            return self._path(blob).open("rb")
        except FileNotFoundError:
            raise NotFound(f"there is no blob {blob}") from None

    def size(self, blob: BlobId) -> int | None:
        """Its size in bytes; None where there is none of that name."""
        try:
            return self._path(blob).stat().st_size
        except (FileNotFoundError, NotFound):
            return None

    def remove(self, blob: BlobId) -> None:
        """Removes a blob. Harmless when it is gone; whoever reads it reads it to its end."""
        self._path(blob).unlink(missing_ok=True)

    def sweep(self, keep: AbstractSet[BlobId], older_than_s: float) -> int:
        """Removes all that is not to be kept and was last written so long ago, half-written files included.

        Returns how many. Whoever reads one that is removed reads it to its end.
        """
        before = time.time() - older_than_s
        removed = 0
        for file in [*self._root.glob("??/*"), *self._root.glob(".incoming-*")]:
            try:
                if file.name not in keep and file.stat().st_mtime < before:
                    file.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # somebody else was faster
        return removed

    def _path(self, blob: BlobId) -> Path:
        # A result names its blobs, and results come from nodes that are not trusted: a name must not lead elsewhere.
        if not is_blob(blob):
            raise NotFound(f"{blob!r} is not the SHA-256 of a blob")
        return self._root / blob[:2] / blob
