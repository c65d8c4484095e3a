"""A change's tree, out of the mirror on this node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.change import Change
from sandbox.source.mirror import Mirrors


@contextmanager
def source(mirrors: Path, change: Change) -> Iterator[BinaryIO]:
    """The tree as a tar stream, fetched first where it is not there."""
    mirror = Mirrors(mirrors).of(change.clone_url)
    mirror.ensure(change.head, ref=change.fetch_ref)
    with mirror.archive(change.head) as stream:
        yield stream
