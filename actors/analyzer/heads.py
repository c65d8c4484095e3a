"""The files of commits that failed, out of this node's mirrors: the planner has fetched them, nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from actors.analyzer.proposals.files import MAX_FILE_BYTES, Files
from models.change import Change
from models.ids import CommitId
from sandbox.source.mirror import Mirror, Mirrors
from sandbox.source.tree import Tree


class Heads:
    """Trees by change."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    def of(self, change: Change) -> Files | None:
        """The files of the change's head; None where it is not on this node."""
        mirror = self._mirrors.of(change.clone_url)
        return _Head(mirror, change.head) if mirror.has(change.head) else None


class _Head:
    """Read when somebody asks: most logs have nothing to propose."""

    def __init__(self, mirror: Mirror, commit: CommitId) -> None:
        self._mirror = mirror
        self._commit = commit

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and symbolic link."""
        return self._tree.files

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """What regular files hold, if they are not too large."""
        return self._tree.read(paths, MAX_FILE_BYTES, skip_larger=True)

    @cached_property
    def _tree(self) -> Tree:
        return self._mirror.tree(self._commit)
