"""Packages of one ecosystem, which needs which, and what a change reaches.

A package's tests may need more than the package itself does: what only its tests need does not reach those that need
the package. What belongs to no package, or to the whole build, selects everything, with the reason.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from models.plan import Reason, SelectedTest, TestSelection

RULE: Final = "package"
# Manifests whose members inherit from them.
_ROOTS: Final = frozenset({"Cargo.toml", "package.json"})
_FIRST: Final = 3
_LAST: Final = 2
_MAX_MENTIONS: Final = 20


class Package(NamedTuple):
    """`folder` is "" at the root. `needs` and `test_needs` are folders; one that is not in the graph may be gone."""

    name: str
    folder: str
    needs: frozenset[str] = frozenset()
    test_needs: frozenset[str] = frozenset()


class PackageGraph(NamedTuple):
    """`packages` by folder. `widens` are names of files that mean everything, `code` the suffixes that mean code.

    `tests` are suffixes of files that only their own package's tests read. `whole` says why nothing may be left out.
    """

    tool: str
    packages: Mapping[str, Package]
    selectable: frozenset[str]
    widens: frozenset[str]
    code: tuple[str, ...]
    tests: tuple[str, ...] = ()
    embeds: frozenset[str] = frozenset()
    whole: str = ""


class Chain(NamedTuple):
    """The steps from a change to a package; of a long one the first and the last, and how many there are."""

    first: tuple[str, ...]
    last: tuple[str, ...] = ()
    length: int = 1

    def then(self, step: str) -> Chain:
        """The chain with one more step."""
        if len(self.first) < _FIRST:
            return Chain((*self.first, step), (), self.length + 1)
        return Chain(self.first, (*self.last, step)[-_LAST:], self.length + 1)

    def told(self) -> tuple[Reason, ...]:
        """For a person."""
        hidden = self.length - len(self.first) - len(self.last)
        steps = (*self.first, *((f"and {hidden} more steps",) if hidden else ()), *self.last)
        return tuple(Reason(rule=RULE, evidence=step) for step in steps)


class Affected(NamedTuple):
    """`selected` by folder with the reasons; `whole` is why everything runs, None where only those do."""

    selected: Mapping[str, tuple[Reason, ...]]
    skipped: tuple[str, ...]
    whole: Reason | None = None

    def selection(self) -> TestSelection:
        """The same as a plan's record. Folders are paths; the root is `.`."""
        tests = tuple(SelectedTest(path=folder or ".", reasons=why) for folder, why in self.selected.items())
        skipped = tuple(folder or "." for folder in self.skipped)
        return TestSelection(selected=tests, skipped=skipped, total=len(tests) + len(skipped))


def affected(graph: PackageGraph, changed: Iterable[str], read: Mapping[str, bytes] | None = None) -> Affected:
    """What these changed paths (old names too, documentation left out) reach.

    With `read`, the contents that the graph was made from, data files also reach whoever names them.
    """
    reached: dict[str, Chain] = {}
    own: dict[str, Chain] = {}
    data: list[str] = []
    if graph.whole:
        return _everything(graph, graph.whole)
    for path in dict.fromkeys(changed):
        folder, _, name = path.rpartition("/")
        if name in graph.widens or path in _ROOTS or path.startswith("vendor/"):
            return _everything(graph, f"`{path}` changed: it can affect every package")
        owners = _owners(graph, path, folder)
        if not owners:
            return _everything(graph, f"`{path}` changed, which belongs to no package")
        into = own if path.endswith(graph.tests) and graph.tests else reached
        for owner in owners:
            into.setdefault(owner, Chain((f"`{path}` changed",)))
        if not path.endswith(graph.code):
            data.append(path)
    if len(data) > _MAX_MENTIONS:
        return _everything(graph, f"{len(data)} files changed that are not code, too many to look for who reads them")
    for folder, why in _mentions(graph, data, read or {}):
        own.setdefault(folder, why)
    return _closed(graph, reached, own)


def _owners(graph: PackageGraph, path: str, folder: str) -> list[str]:
    """The package in whose folder the file lies, and those above it that embed files."""
    if path.endswith(graph.code) and graph.tool == "go":
        return [folder]  # a package is a folder, also one that is gone
    found: list[str] = []
    while True:
        if folder in graph.packages and (not found or folder in graph.embeds):
            found.append(folder)
        if not folder:
            return found
        folder = folder.rpartition("/")[0]


def _mentions(graph: PackageGraph, data: list[str], read: Mapping[str, bytes]) -> Iterable[tuple[str, Chain]]:
    for path in data:
        name = path.rpartition("/")[2].encode()
        for file, content in read.items():
            folder = file.rpartition("/")[0]
            if len(name) > 3 and file.endswith(graph.code) and folder in graph.packages and name in content:
                yield folder, Chain((f"`{path}` changed", f"`{file}` names it"), (), 2)


def _closed(graph: PackageGraph, reached: dict[str, Chain], own: dict[str, Chain]) -> Affected:
    needed_by: dict[str, list[str]] = {}
    for folder, package in sorted(graph.packages.items()):
        for need in package.needs:
            needed_by.setdefault(need, []).append(folder)
    waiting = deque(sorted(reached))
    while waiting:
        need = waiting.popleft()
        for folder in needed_by.get(need, ()):
            if folder not in reached:
                reached[folder] = reached[need].then(f"`{folder or '.'}` needs `{need or '.'}`")
                waiting.append(folder)
    chains = dict(reached)
    for folder, package in sorted(graph.packages.items()):
        through = next((need for need in sorted(package.test_needs) if need in reached), None)
        if folder not in chains and through is not None:
            chains[folder] = reached[through].then(f"the tests of `{folder or '.'}` need `{through or '.'}`")
    for folder, why in own.items():
        chains.setdefault(folder, why)
    # The nearest first: they are the likeliest to fail.
    order = sorted((why.length, folder) for folder, why in chains.items() if folder in graph.selectable)
    selected = {folder: chains[folder].told() for _, folder in order}
    return Affected(selected, tuple(sorted(graph.selectable - selected.keys())))


def _everything(graph: PackageGraph, why: str) -> Affected:
    reason = Reason(rule=RULE, evidence=why)
    return Affected(dict.fromkeys(sorted(graph.selectable), (reason,)), (), reason)
