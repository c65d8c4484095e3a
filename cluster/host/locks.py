"""File locks between processes (`man 2 flock`): the kernel lets go when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class SharedLock:
    """One of many users of a thing. The last one to leave is told so and may take the thing down.

    The descriptor is closed on `exec`, so a child program never keeps the thing alive.
    """

    def __init__(self, path: Path) -> None:
        """Wait until nobody holds the lock exclusively, then hold it shared."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    @contextmanager
    def leave(self) -> Iterator[bool]:
        """Give up the hold. The body learns whether nobody else is left; newcomers wait until it is done.

        Linux drops the shared lock before it tries the exclusive one, so of users who leave at the same instant exactly
        one is told that it is the last. Leaving twice is harmless: the second time one is not the last.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            yield False
            return
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                last = True
            except BlockingIOError:
                last = False
            yield last
        finally:
            os.close(descriptor)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock at `path` exclusively, waiting for it as long as it takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
