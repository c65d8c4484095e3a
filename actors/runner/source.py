"""A change's tree, out of the mirror on this node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from models.change import Change
from models.errors import ChangeError
from models.ids import CommitId
from models.patch import applied, parse
from sandbox.source.mirror import Mirror, Mirrors


@contextmanager
def source(mirrors: Path, change: Change) -> Iterator[BinaryIO]:
    """The tree as a tar stream, fetched first where it is not there."""
    mirror = Mirrors(mirrors).of(change.clone_url)
    mirror.ensure(change.head, ref=change.fetch_ref)
    head = change.head
    if change.probe is not None and change.probe.patch:
        head = _patched(mirror, head, change.probe.patch)
    with mirror.archive(head) as stream:
        yield stream


def _patched(mirror: Mirror, head: CommitId, text: str) -> CommitId:
    """The commit with a proposal in it. Raises `ChangeError` where that does not fit it."""
    patches = parse(text)
    found = mirror.tree(head).read([patch.path for patch in patches])
    if missing := [patch.path for patch in patches if patch.path not in found]:
        raise ChangeError(f"{missing[0]} is no file of {head} that a patch could change")
    old = {path: content.decode(errors="surrogateescape") for path, content in found.items()}  # any byte stays itself
    new = {patch.path: applied(patch, old[patch.path]).encode(errors="surrogateescape") for patch in patches}
    return mirror.patched(head, new)
