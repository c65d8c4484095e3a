"""The tests of a Python project that a change can reach, each with the way from the change to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from actors.planner.python.changes import Difference, Side, difference, outside
from actors.planner.python.facts import BODY
from actors.planner.python.graph import Graph, Node, Step
from actors.planner.python.modules import Modules, folder_of
from actors.planner.python.tests import named_after
from actors.planner.python.views import MODULE, Sources
from models.plan import Reason
from models.printable import code

_SHOWN_STEPS: Final = 6
# Folders that nobody imports from: what changes there reaches no test, unless one names it.
_APART: Final = frozenset({
    "docs", "doc", "examples", "example", "benchmarks", "benchmark", "bench", "scripts", "tools", "demo", "demos",
    "samples", "tutorial", "tutorials",
})  # fmt: skip
# Folders whose name alone says too little for a string to mean what lies in them.
_GENERIC: Final = frozenset({"tests", "test", "testing", "src", "lib", "docs"})


class Selection(NamedTuple):
    """`tests` by path, each with why; `distance` is how many steps the change is away.

    `unsure` is why these may not be all that the change reaches.
    """

    tests: dict[str, tuple[Reason, ...]]
    distance: dict[str, int]
    unsure: tuple[Reason, ...]


class Sides(NamedTuple):
    """A changed Python file, before and after; None where it does not exist."""

    old: Side | None
    new: Side | None


class Selector:
    """One selection. `tests` are the test files of the tree that `modules` and `sources` describe."""

    def __init__(self, modules: Modules, sources: Sources, is_test: Callable[[str], bool]) -> None:
        self._modules = modules
        self._sources = sources
        self._is_test = is_test
        self._graph = Graph(modules, sources, is_test)
        self._origin: dict[Node, str] = {}
        self._unsure: list[Reason] = []

    def select(
        self,
        changed: Mapping[str, Sides],
        *,
        data: Iterable[str] = (),
        documents: Iterable[str] = (),
        packages: Iterable[tuple[str, ...]] = (),
    ) -> Selection:
        """What these changes reach.

        `changed` are Python files, old paths of renamed ones included; `data` are other files that code may read, and
        `documents` some that it hardly ever does; `packages` are dependencies whose version changed, each by the
        names that it may be imported by.
        """
        differs = {path: difference(*sides) for path, sides in changed.items()}
        for path, what in differs.items():
            self._begin_python(path, changed[path], what)
        for path in data:
            nodes = self._naming(path)
            if not nodes and not self._apart(path):
                self._doubt(f"nothing is known to read {code(path)}")
            self._begin(nodes, path)
        for path in documents:
            self._begin(self._naming(path, by_folder=False), path)
        for names in packages:
            self._begin_package(names, changed)
        found, distance = self._reached(self._graph.reached(self._origin))
        if self._graph.cut:
            self._doubt("the change reaches too much to be followed to its end")
        tests = [path for path in self._modules.paths if self._is_test(path)]
        for test in tests:
            if test in changed and changed[test].new is not None:
                found[test], distance[test] = (Reason(rule="changed test", evidence=f"{code(test)} changed"),), 0
            elif test not in found and (namesake := _namesake(test, differs)) is not None:
                why = Reason(rule="name", evidence=f"it is named after {code(namesake)}, which changed", score=0.8)
                found[test], distance[test] = (why,), 1
        return Selection({test: found[test] for test in tests if test in found}, distance, tuple(self._unsure))

    def _reached(self, steps: Mapping[Node, Step]) -> tuple[dict[str, tuple[Reason, ...]], dict[str, int]]:
        """The tests among the nodes, and how far each is away."""
        found: dict[str, tuple[Reason, ...]] = {}
        distance: dict[str, int] = {}
        for node in steps:
            # That a test could hand a module on to others does not make it use all of that module.
            if node.path not in found and self._is_test(node.path) and not node.symbol.startswith(MODULE):
                way = _way(node, steps)
                found[node.path], distance[node.path] = (self._told(way),), len(way)
        return found, distance

    def _begin_package(self, names: tuple[str, ...], changed: Mapping[str, Sides]) -> None:
        nodes = [node for name in names for node in self._importing(name)]
        before = (sides.old.facts for sides in changed.values() if sides.old is not None)
        if not nodes and not any(each.module.partition(".")[0] in names for old in before for each in old.imports):
            self._doubt(f"nothing is known to import {code(names[0])}")
        self._begin(nodes, names[0])

    def _begin_python(self, path: str, sides: Sides, what: Difference) -> None:
        nodes = [Node(path, symbol) for symbol in sorted(what.symbols)]
        for symbol in sorted(what.gone):
            nodes += self._graph.importing(path, symbol)
        if sides.new is not None and self._new_package(path, sides, what):
            nodes.append(Node(path, BODY))
        if nodes and not self._is_test(path) and not self._graph.known(path):
            # Nothing imports it: perhaps somebody runs it, or copies it, by its path.
            nodes += self._naming(path)
        self._begin(nodes, path)

    def _begin(self, nodes: Iterable[Node], origin: str) -> None:
        for node in nodes:
            self._origin.setdefault(node, origin)

    def _doubt(self, why: str) -> None:
        self._unsure.append(Reason(rule="unknown user", evidence=why))

    def _new_package(self, path: str, sides: Sides, what: Difference) -> bool:
        """Whether a new import may fail for want of its package: then whoever imports the file fails with it."""
        if sides.new is None or not what.imports:
            return False
        for root in outside(sides.new.facts, what.imports):
            known = self._modules.named(root, path) or self._sources.having({root}) - {path}
            if not known:
                return True
        return False

    def _naming(self, path: str, *, by_folder: bool = True) -> list[Node]:
        """Symbols with a string that may mean this file: by its name, or by that of a folder around it."""
        parts = path.split("/")
        words = {parts[-1]}
        if by_folder:
            words.update(part for part in parts[1:-1] if part not in _GENERIC)
            words.update(stem for stem in [parts[-1].partition(".")[0]] if len(stem) > 3)
        found = []
        for other in sorted(self._sources.having({f"/{word}" for word in words})):
            for symbol, mentions in self._sources.facts(other).mentions.items():
                if any(_speaks_of(text, words) for text in mentions):
                    found.append(Node(other, symbol))
        return found

    def _importing(self, package: str) -> Iterator[Node]:
        for path in sorted(self._sources.having({package})):
            for each in self._sources.facts(path).imports:
                if not each.level and each.module.partition(".")[0] == package:
                    yield Node(path, each.bound if each.symbol == BODY else each.symbol)

    def _apart(self, path: str) -> bool:
        folders = folder_of(path).lower().split("/")
        return not _APART.isdisjoint(folders) and not self._modules.at(folder_of(path))

    def _told(self, way: list[tuple[Node, Step]]) -> Reason:
        """The way from the change to a test, in words."""
        first, _ = way[0]
        changed = self._origin[first]
        symbol = f" ({code(first.symbol)})" if first.symbol and first.path == changed else ""
        words = [f"{code(changed)}{symbol} changed"]
        if first.path != changed:
            words.append(f"{_place(first, 0)} names it")
        middle = way[1:]
        shown = middle if len(middle) <= _SHOWN_STEPS else [*middle[: _SHOWN_STEPS // 2], *middle[-_SHOWN_STEPS // 2 :]]
        words += [f"{_place(node, step.line)} {step.how} it" for node, step in shown]
        if len(shown) < len(middle):
            words.insert(2 + _SHOWN_STEPS // 2, f"and {len(middle) - len(shown)} steps further")
        return Reason(rule="imports", evidence=" → ".join(words))


def _namesake(test: str, differs: Mapping[str, Difference]) -> str | None:
    return next((path for path, what in differs.items() if what.symbols and named_after(test, path)), None)


def _way(node: Node, steps: Mapping[Node, Step]) -> list[tuple[Node, Step]]:
    """From a changed node to this one."""
    way: list[tuple[Node, Step]] = []
    at: Node | None = node
    while at is not None:
        step = steps[at]
        way.append((at, step))
        at = step.by
    return way[::-1]


def _place(node: Node, line: int) -> str:
    where = f"{node.path}:{line}" if line else node.path
    return code(where) + (f" ({code(node.symbol.removeprefix(MODULE))})" if node.symbol else "")


def _speaks_of(text: str, words: set[str]) -> bool:
    return not words.isdisjoint(text.replace("\\", "/").split("/"))
