"""The object store for history: gzip files by name, beside the content-addressed blobs.

A file is complete and on disk before its name appears, and a name that appears again replaces what was there: so
writing can be repeated, and a kill at any instant leaves the old file or the new one. `zcat` reads them.
"""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import InfrastructureError, NotFound

# Parts of a name end up in paths: none may lead elsewhere.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class LocalArchive:
    """Named files below a directory that every process of this installation can reach."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def writing(self, name: str) -> Iterator[gzip.GzipFile]:
        """A file to write to. It gets its name when the block ends, and is on disk then; after an error it is gone.

        Raises `InfrastructureError` when the disk fails.
        """
        target = self._path(name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, incoming = tempfile.mkstemp(dir=target.parent, prefix=".incoming-")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
                        yield packed
                    file.flush()
                    os.fsync(file.fileno())
                Path(incoming).replace(target)
                self._sync_folders(target)
            finally:
                Path(incoming).unlink(missing_ok=True)
        except OSError as error:
            raise InfrastructureError(f"cannot write {target}: {error}", remedy="is the disk full?") from error

    def read(self, name: str) -> bytes | None:
        """All of a file; None where there is none."""
        lines = self.lines(name)
        return None if lines is None else b"".join(lines)

    def lines(self, name: str) -> Iterator[bytes] | None:
        """A file line by line, read as it is asked for; None where there is none."""
        path = self._path(name)
        return _lines(path) if path.exists() else None

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFound(f"{name!r} is not the name of an archived file")
        return self._root / f"{name}.gz"

    def _sync_folders(self, target: Path) -> None:
        # A rename is on disk when its folder is; a new folder, when the one above it is.
        for folder in [target.parent, *target.parent.parents]:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if folder == self._root.parent:
                return


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError) as error:
        raise InfrastructureError(f"cannot read {path}: {error}") from error
