"""A Python project at one commit, and what changed in it: all that a selection of tests is made from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from typing import Final

import orjson

from actors.planner.dependencies import imported_as
from actors.planner.glob import Glob
from actors.planner.python.changes import side
from actors.planner.python.facts import VERSION, Facts
from actors.planner.python.keys import keys
from actors.planner.python.modules import Modules, is_python
from actors.planner.python.scan import scan
from actors.planner.python.select import Selection, Selector, Sides
from actors.planner.python.tests import is_test
from cluster.factbase import Fact, FactBase
from models.plan import Reason

log = logging.getLogger(__name__)

__all__ = ["VERSION", "PythonProject", "learn"]

MAX_FILE_BYTES: Final = 4_000_000
# From so many files on, several processes read them: to start one takes about as long as to read 300.
_MANY: Final = 1_500
_CHUNK: Final = 200
# In a Django project, about half of the files import it.
_FRAMEWORK_SHARE: Final = 0.2

Contents = Callable[[Sequence[str]], Mapping[str, bytes]]


@dataclass(frozen=True)
class PythonProject:
    """`files` are the tree's Python files with their blobs; `gone` the facts of those that the change removed.

    `changed` are the changed Python files, `data` and `documents` other changed files, `packages` changed requirements.
    """

    files: Mapping[str, str]
    base: FactBase
    changed: Mapping[str, Sides] = field(default_factory=dict)
    data: Sequence[str] = ()
    documents: Sequence[str] = ()
    packages: Sequence[str] = ()

    def tests(self, named: Sequence[Glob] = ()) -> list[str]:
        """The test files, sorted."""
        return sorted(path for path in self.files if is_test(path, named))

    def select(self, named: Sequence[Glob] = ()) -> Selection:
        """The tests that the change reaches."""
        gone = {path: sides.old.facts for path, sides in self.changed.items() if sides.new is None and sides.old}
        modules = Modules([*self.files, *gone])
        sources = _Stored(self.files, self.base, gone)
        selector = Selector(modules, sources, cache(lambda path: path in self.files and is_test(path, named)))
        found = selector.select(
            self.changed,
            data=self.data,
            documents=self.documents,
            packages=[imported_as(package) for package in self.packages],
        )
        code = [path for path in self.changed if not is_test(path, named)]
        if code and self._by_convention(sources):
            why = "Django finds code by where it lies, so imports do not tell who uses what"
            return found._replace(unsure=(Reason(rule="framework", evidence=why), *found.unsure))
        return found

    def _by_convention(self, sources: _Stored) -> bool:
        """Whether this is a Django project: one that merely knows Django, as a library may, has few files that do."""
        if any(path.rpartition("/")[2] == "manage.py" for path in self.files):
            return True
        return len(sources.having({"django"})) > len(self.files) * _FRAMEWORK_SHARE


class _Stored:
    """`Sources` out of the base."""

    def __init__(self, files: Mapping[str, str], base: FactBase, gone: Mapping[str, Facts]) -> None:
        self._files = files
        self._base = base
        self._facts = dict(gone)
        self._paths: dict[str, list[str]] = {}
        for path, blob in files.items():
            self._paths.setdefault(blob, []).append(path)
        self._having: dict[str, frozenset[str]] = {}

    def facts(self, path: str) -> Facts:
        """Of one file; nothing of one that is no regular file."""
        known = self._facts.get(path)
        if known is None:
            data = self._base.data(self._files.get(path, ""))
            known = self._facts[path] = Facts.unpacked(orjson.loads(data)) if data else Facts()
        return known

    def having(self, keys: Iterable[str]) -> AbstractSet[str]:
        """The files with one of these keys."""
        asked = [*keys]
        for key in asked:
            if key not in self._having:
                blobs = self._base.having([key])
                self._having[key] = frozenset(path for blob in blobs for path in self._paths.get(blob, ()))
        if len(asked) == 1:
            return self._having[asked[0]]  # not copied: of a package that all import it is long
        return frozenset().union(*(self._having[key] for key in asked))


def learn(base: FactBase, files: Mapping[str, str], contents: Contents) -> int:
    """Reads the files that the base does not know yet; how many those were. `contents` gives blobs' bytes."""
    missing = base.missing(blob for path, blob in files.items() if is_python(path))
    parts = [missing[start : start + _CHUNK] for start in range(0, len(missing), _CHUNK)]
    if len(missing) < _MANY:
        for part in parts:
            base.add(read_all(_whole(part, contents(part))))
    else:
        _learn_at_once(base, parts, contents)
    if missing:
        base.keep(files.values())
    return len(missing)


def _learn_at_once(base: FactBase, parts: Sequence[Sequence[str]], contents: Contents) -> None:
    """With several processes; alone where none can be started, as where the program that this is cannot be imported."""
    try:
        # Spawned, not forked: this process may have threads, which a fork would not survive.
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as readers:
            for facts in readers.map(read_all, (_whole(part, contents(part)) for part in parts)):
                base.add(facts)
    except BrokenProcessPool as error:
        log.warning("files are read by one process: %s", error)
        for part in parts:
            if missing := base.missing(part):
                base.add(read_all(_whole(missing, contents(missing))))


def read_all(sources: list[tuple[str, bytes]]) -> list[Fact]:
    """The facts of these blobs."""
    found = []
    for blob, source in sources:
        facts = scan(source)
        found.append(Fact(blob, sorted(keys(facts)), orjson.dumps(facts.packed())))
    return found


def sides(old: bytes | None, new: bytes | None) -> Sides:
    """A changed file's two versions."""
    return Sides(side(old), side(new))


def _whole(blobs: Sequence[str], found: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    """A blob that is too large to be read counts as empty: whoever changes it is told of by its size."""
    return [(blob, found.get(blob, b"")) for blob in blobs]
