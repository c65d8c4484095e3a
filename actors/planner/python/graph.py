"""Who is reached by a change: from changed symbols backwards, along everything that uses them, to the tests.

A node is a symbol of a file. Two relations are followed, each from what is used to who uses it:

- a symbol is *used*: by a symbol of the same file that names it; by an importing file's symbol that names it, through
  aliases, re-exports, `import *` and strings such as `mock.patch("pkg.mod.name")`; by a test that asks for a fixture;
- a file's body is *run* by whoever imports the file, or something below it if it is a package.

So a test is reached by a change of a function only if something that it uses, uses that function; but by a change of
what a module does when it is imported, if it imports the module at all. Where a name is computed, everything that it
may mean counts as used. The walk asks for facts of files only when it gets to them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from actors.planner.python.facts import BODY, STAR
from actors.planner.python.keys import COMPUTED, DYNAMIC
from actors.planner.python.modules import Modules, folder_of, is_init
from actors.planner.python.registry import Registry
from actors.planner.python.tests import CONFTEST
from actors.planner.python.views import MODULE, PASSED_ON, Sources, Views

_PLUGINS: Final = "pytest_plugins"
_VERSIONS: Final = frozenset({"__version__", "VERSION", "version"})

MAX_NODES: Final = 100_000  # some ten seconds


class Node(NamedTuple):
    """A symbol of a file."""

    path: str
    symbol: str


class Step(NamedTuple):
    """Why a node was reached: by which node, how, and on which line of its own file (0: unknown)."""

    by: Node | None
    how: str
    line: int = 0


class Graph:
    """The walk over one tree. `is_test` tells test files, which are its ends."""

    def __init__(self, modules: Modules, sources: Sources, is_test: Callable[[str], bool]) -> None:
        self._modules = modules
        self._sources = sources
        self._is_test = is_test
        self._views = Views(modules, sources)
        self._registry = Registry(modules, sources)
        self._imported_by_code: dict[str, bool] = {}
        self.cut = False
        self._importing_by_name: dict[frozenset[str], list[str]] = {}

    def reached(self, changed: Iterable[Node]) -> dict[Node, Step]:
        """Every node that the changed ones reach, themselves included, with the step that led there first.

        When all tests are reached, the walk ends: nobody asks what else is. It also ends after MAX_NODES; then `cut`
        says that there may be more.
        """
        steps: dict[Node, Step] = {}
        waiting: deque[Node] = deque()
        tests = {path for path in self._modules.paths if self._is_test(path)}
        for node in changed:
            if node not in steps:
                steps[node] = Step(None, "changed")
                waiting.append(node)
        while waiting and not self.cut:
            node = waiting.popleft()
            self.cut = len(steps) > MAX_NODES
            for user, how, line in self._users(node):
                if user not in steps:
                    steps[user] = Step(node, how, line)
                    waiting.append(user)
                    if user.path in tests and not user.symbol.startswith(MODULE):
                        tests.discard(user.path)
                        if not tests:
                            return steps
        return steps

    def known(self, path: str) -> bool:
        """Whether any file imports, or names, this one."""
        return bool(self._views.importers(path))

    def importing(self, path: str, symbol: str) -> Iterator[Node]:
        """Where this very name is imported from the file: what breaks when it is no longer there."""
        for importer in self._views.importers(path):
            for each in self._sources.facts(importer).imports:
                if each.name == symbol and path in self._modules.meant(importer, each.module, each.level):
                    yield Node(importer, each.symbol)

    def _users(self, node: Node) -> Iterator[tuple[Node, str, int]]:
        if node.symbol == BODY:
            yield from self._runners(node.path)
            return
        name = node.symbol.removeprefix(MODULE)
        if name == node.symbol:
            yield from self._within(node)
            yield from self._hooked(node)
        for path in self._views.importers(node.path):
            view = self._views.of(path, node.path)
            whole = view.get(STAR, ()) if name == node.symbol else ()
            if name == node.symbol and PASSED_ON in view:
                yield Node(path, name), "passes on", view[PASSED_ON][0][1]
            for symbol, line in (*view.get(name, ()), *whole):
                yield Node(path, symbol), "uses", line
        yield from self._fixture_users(node)
        yield from self._dynamic_users(node.path)

    def _within(self, node: Node) -> Iterator[tuple[Node, str, int]]:
        """Symbols of the same file."""
        facts = self._sources.facts(node.path)
        if self._is_test(node.path):
            yield Node(node.path, BODY), "is in", 0  # a test file counts as a whole
            return
        for symbol, uses in facts.uses.items():
            # Another version number leaves what an import does as it was, even where it is taken apart on the way.
            if symbol != node.symbol and _names(uses, node.symbol) and (symbol or node.symbol not in _VERSIONS):
                yield Node(node.path, symbol), "uses", facts.lines.get(symbol, 0)
        for imported in facts.imports:  # `from .x import y` in a function: the function uses the name
            if imported.bound == node.symbol and imported.symbol not in {BODY, node.symbol}:
                yield Node(node.path, imported.symbol), "uses", imported.line
        if node.symbol == "__getattr__":  # the module's own: it answers to any name
            yield Node(node.path, BODY), "uses", facts.lines.get(node.symbol, 0)
        if node.symbol in facts.always or self._registry.has(node.path, node.symbol, facts):
            yield Node(node.path, BODY), "registers", facts.lines.get(node.symbol, 0)

    def _hooked(self, node: Node) -> Iterator[tuple[Node, str, int]]:
        """Of a hook in a plugin that is installed, or is named on the command line: it acts on any test."""
        if node.symbol.startswith("pytest_") and node.symbol != _PLUGINS and not _is_conftest(node.path):
            if node.symbol not in self._sources.facts(node.path).always:
                return
            for path in self._modules.paths:
                if self._is_test(path):
                    yield Node(path, BODY), "may run with the hook of", 0

    def _runners(self, path: str) -> Iterator[tuple[Node, str, int]]:
        """Who runs a file's body by importing it."""
        for importer in self._views.importers(path):
            for imported in self._sources.facts(importer).imports:
                if path in self._views.run_by(importer, imported):
                    yield Node(importer, imported.symbol), "imports", imported.line
            view = self._views.of(importer, path)
            for symbol, line in view.get(STAR, ()):
                yield Node(importer, symbol), "uses", line
                if symbol == _PLUGINS:  # pytest loads it with the file that names it
                    yield Node(importer, BODY), "loads", line
        folder = folder_of(path)
        if is_init(path) or path.rpartition("/")[2] == CONFTEST:
            how = "is in the package of" if is_init(path) else "is below"
            for other in self._modules.paths:
                if other != path and (not folder or other.startswith(f"{folder}/")) and self._loads(other, path):
                    yield Node(other, BODY), how, 0
        yield from self._dynamic_users(path)

    def _loads(self, other: str, path: str) -> bool:
        """Whether pytest loads `path` before `other`: all packages around a module, and each conftest for tests."""
        return is_init(path) or self._is_test(other) or other.rpartition("/")[2] == CONFTEST

    def _fixture_users(self, node: Node) -> Iterator[tuple[Node, str, int]]:
        facts = self._sources.facts(node.path)
        asked = [name for name, symbol in facts.fixtures.items() if symbol == node.symbol]
        if not asked:
            return
        keys = {f"@{name}" for name in asked}
        if self._is_test(node.path):
            return  # it is for that file alone, which counts as a whole
        near = f"{folder_of(node.path)}/".lstrip("/") if node.path.rpartition("/")[2] == CONFTEST else ""
        for path in sorted(self._sources.having(keys)):
            if not path.startswith(near):
                continue
            theirs = self._sources.facts(path)
            for symbol, uses in theirs.uses.items():
                if Node(path, symbol) != node and not keys.isdisjoint(uses):
                    yield Node(path, symbol), "asks for the fixture", theirs.lines.get(symbol, 0)

    def _dynamic_users(self, path: str) -> Iterator[tuple[Node, str, int]]:
        """Who may import it by a computed name: by how the name begins, or, of a file that no code imports, anyhow."""
        names = self._modules.names(path)
        for other in self._computing(frozenset(self._views.parent_names(path))):
            if other == path:
                continue
            facts = self._sources.facts(other)
            for symbol, beginnings in facts.dynamic.items():
                for beginning in beginnings:
                    known = beginning and any(name.startswith(beginning) for name in names)
                    if known or (not beginning and self._may_be_loaded(path, other)):
                        yield Node(other, symbol), "imports by a computed name", facts.lines.get(symbol, 0)

    def _computing(self, packages: frozenset[str]) -> list[str]:
        """Files that import by a computed name, of anything or of something in one of these packages."""
        known = self._importing_by_name.get(packages)
        if known is None:
            computing = self._sources.having({COMPUTED}) & self._sources.having(packages)
            known = self._importing_by_name[packages] = sorted(computing | self._sources.having({DYNAMIC}))
        return known

    def _may_be_loaded(self, path: str, by: str) -> bool:
        same_project = path.partition("/")[0] == by.partition("/")[0] and "/" in path
        if not same_project or self._is_test(path) or self._is_test(by):
            return False
        known = self._imported_by_code.get(path)
        if known is None:
            known = self._imported_by_code[path] = any(
                not self._is_test(importer) and importer.rpartition("/")[2] != CONFTEST
                for importer in self._views.importers(path)
            )
        return not known


def _is_conftest(path: str) -> bool:
    return path.rpartition("/")[2] == CONFTEST


def _names(uses: Iterable[str], symbol: str) -> bool:
    """Whether one of these chains begins with the symbol."""
    start = f"{symbol}."
    return any(use in {symbol, STAR} or use.startswith(start) for use in uses)
