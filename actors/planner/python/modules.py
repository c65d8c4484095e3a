"""Which file a module name means: a tree's Python paths, and every name that each of them can be imported by.

A folder without an `__init__.py` may be on the import path (the repository's root, `src`, a folder of tests), or be a
namespace package; nobody knows which without running the project, so each counts as both. Where several files answer
to one name, those that the importing file can see best are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

SUFFIXES: Final = (".py", ".pyi", ".pyx")
_INIT: Final = "__init__.py"
# Where projects keep what they install, besides the root.
_SOURCE_ROOTS: Final = frozenset({"", "src", "lib", "python", "source"})


def is_python(path: str) -> bool:
    """By its name."""
    return path.endswith(SUFFIXES)


def folder_of(path: str) -> str:
    """The folder, empty for the root."""
    return path.rpartition("/")[0]


def is_init(path: str) -> bool:
    """Whether it is a package's own file."""
    return path.rpartition("/")[2] in {_INIT, "__init__.pyi"}


@lru_cache(maxsize=65_536)
def place_of(path: str) -> str:
    """The path that an import names: of a module without its suffix, of a package its folder."""
    if is_init(path):
        return folder_of(path)
    return path.rpartition(".")[0]


class Modules:
    """The Python files of a tree, by the names that they can be imported by."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = sorted(path for path in paths if is_python(path))
        self._packages = {folder_of(path) for path in self.paths if is_init(path)}
        self._by_place: dict[str, list[str]] = {}
        self._by_name: dict[str, list[tuple[str, str]]] = {}
        for path in self.paths:
            place = place_of(path)
            self._by_place.setdefault(place, []).append(path)
            for root, name in self._names(place):
                self._by_name.setdefault(name, []).append((root, path))

    def names(self, path: str) -> list[str]:
        """Every dotted name of a file, longest first."""
        return [name for _, name in self._names(place_of(path))]

    def at(self, place: str) -> list[str]:
        """The files that a path without suffix means."""
        return self._by_place.get(place, [])

    def named(self, name: str, importer: str) -> list[str]:
        """The files that `import name` may mean in this importer."""
        found = self._by_name.get(name, [])
        if len(found) > 1:
            seen = [each for each in found if each[0] in _SOURCE_ROOTS or f"{importer}/".startswith(f"{each[0]}/")]
            found = seen or found
        beside = [] if found or "." in name else self.at(_joined(folder_of(importer), name))
        return [path for _, path in found] or beside

    def meant(self, importer: str, module: str, level: int) -> list[str]:
        """The files that the module of a `from` statement means."""
        if not level:
            return self.named(module, importer)
        return self.at(_joined(self.above(importer, level), module.replace(".", "/")))

    def below(self, importer: str, module: str, level: int, name: str) -> list[str]:
        """The files that `name`, imported from a module, means if it is a module itself."""
        if not level:
            return self.named(f"{module}.{name}", importer)
        return self.at(_joined(self.above(importer, level), *filter(None, module.split(".")), name))

    @staticmethod
    def above(importer: str, level: int) -> str:
        """The folder that so many dots mean."""
        folder = folder_of(importer)
        for _ in range(level - 1):
            folder = folder_of(folder)
        return folder

    def _names(self, place: str) -> Iterator[tuple[str, str]]:
        parts = place.split("/")
        for start in range(len(parts)):
            root = "/".join(parts[:start])
            if root in self._packages and root:
                continue
            name = ".".join(parts[start:])
            if name and name.replace(".", "_").isidentifier():
                yield root, name


def _joined(*parts: str) -> str:
    return "/".join(part for part in parts if part)
