"""What package-grain selection of one change is made from: the files that say which package needs which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from actors.planner.packages.graph import Affected, PackageGraph, affected
from actors.planner.packages.read import package_paths, packages
from actors.planner.packages.words import word

MAX_FILE_BYTES: Final = 256 * 1024
MAX_TOTAL_BYTES: Final = 200_000_000
_CHUNK: Final = 500

Contents = Callable[[Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True)
class PackageSources:
    """`files` are the tree's by path, with their blobs; `changed` all changed paths but documentation.

    `contents` reads blobs, and leaves out those that are too large. It is asked once, when a job first wants to know.
    """

    files: Mapping[str, str]
    changed: Sequence[str]
    contents: Contents = field(repr=False)

    @cached_property
    def _read(self) -> dict[str, dict[str, bytes]]:
        return {}

    def graph(self, tool: str) -> PackageGraph | None:
        """The packages, for the tool that a job runs; None where it has none to choose from."""
        graph = packages(tool, [*self.files], self._sources(tool))
        if graph is None or not graph.selectable:
            return None
        odd = next((folder for folder in sorted(graph.selectable) if word(graph, folder) is None), None)
        return graph if odd is None else None

    def affected(self, graph: PackageGraph) -> Affected:
        """What the change reaches."""
        return affected(graph, self.changed, self._sources(graph.tool))

    def _sources(self, tool: str) -> dict[str, bytes]:
        if tool not in self._read:
            paths = [path for path in package_paths(tool, self.files) if path in self.files]
            self._read[tool] = self._bounded(paths)
        return self._read[tool]

    def _bounded(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Files until they are too much to hold: a graph that lacks some says so, and leaves nothing out."""
        read: dict[str, bytes] = {}
        size_bytes = 0
        for start in range(0, len(paths), _CHUNK):
            part = paths[start : start + _CHUNK]
            found = self.contents([self.files[path] for path in part])
            read |= {path: found[self.files[path]] for path in part if self.files[path] in found}
            size_bytes += sum(map(len, found.values()))
            if size_bytes > MAX_TOTAL_BYTES:
                break
        return read
