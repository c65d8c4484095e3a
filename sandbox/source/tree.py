"""The files of one commit: their paths, and the content of those that somebody wants to see."""

from __future__ import annotations

from collections.abc import Iterable

from models.errors import ChangeError, InfrastructureError
from models.ids import CommitId
from sandbox.source.objects import Objects

LIMIT_BYTES = 1_000_000


class Tree:
    """All files and symbolic links of a commit (submodules are not), in git's order; or only those at its root."""

    def __init__(self, objects: Objects, commit: CommitId, *, root_only: bool = False) -> None:
        self._objects = objects
        self.entries = objects.root_files(commit) if root_only else objects.files(commit)

    @property
    def files(self) -> tuple[str, ...]:
        """Their paths."""
        return tuple(entry.path for entry in self.entries)

    def read(
        self, paths: Iterable[str], limit_bytes: int = LIMIT_BYTES, *, skip_larger: bool = False
    ) -> dict[str, bytes]:
        """Content by path, as committed; paths that are no regular file of the tree are left out.

        Errors: `ChangeError` when one is larger than `limit_bytes`: half a file would be worse than none. With
        `skip_larger` it is left out instead.
        """
        asked = set(paths)
        wanted = {entry.path: entry.blob for entry in self.entries if entry.regular and entry.path in asked}
        for path, found in zip([*wanted], self._objects.info([*wanted.values()]), strict=True):
            if found is None or found.size <= limit_bytes:
                continue
            if skip_larger:
                del wanted[path]
            else:
                raise ChangeError(f"{path} has {found.size:,} bytes; at most {limit_bytes:,} are read")
        content = {}
        for path, found in zip(wanted, self._objects.contents([*wanted.values()]), strict=True):
            if found is None:
                raise InfrastructureError(f"the content of {path} is missing from the mirror")
            content[path] = found.data
        return content
