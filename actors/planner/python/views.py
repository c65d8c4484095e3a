"""Who imports a file, and what of it each importer uses: looked up by the keys of `keys.py`, then looked at closely."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from actors.planner.python.facts import BODY, STAR, Facts, Import
from actors.planner.python.keys import PERHAPS
from actors.planner.python.modules import Modules, folder_of, is_init, place_of

# Before a symbol that is a whole module: what of it is used is seen where it is used, but others may take it from here.
MODULE: Final = ":"

# In a view: the importer has all names of the file for its own, by `import *`.
PASSED_ON: Final = "**"
# By symbol of the file that is used (`STAR`: all of them), the symbols that use it, and on which line.
View = dict[str, list[tuple[str, int]]]


class Sources(Protocol):
    """The facts of a tree's Python files."""

    def facts(self, path: str) -> Facts:
        """Of one file."""
        ...

    def having(self, keys: Iterable[str]) -> AbstractSet[str]:
        """The files that have one of these keys (`keys.py`)."""
        ...


class Views:
    """What the files of one tree use of each other."""

    def __init__(self, modules: Modules, sources: Sources) -> None:
        self._modules = modules
        self._sources = sources
        self._views: dict[tuple[str, str], View] = {}
        self._runs: dict[str, set[str]] = {}
        self._importers: dict[str, list[str]] = {}

    def importers(self, path: str) -> list[str]:
        """Files that may import, or name, this one."""
        known = self._importers.get(path)
        if known is None:
            last = place_of(path).rpartition("/")[2]
            relative, named = self._sources.having({f"~{last}"}), self._sources.having(self._modules.names(path))
            speaking = named | self._perhaps(path, last, relative)
            found = [
                other
                for other in relative | speaking
                if other != path and (path in self._run(other) or (other in speaking and self.of(other, path)))
            ]
            if is_init(path):
                below = (each for each in self._modules.paths if each.startswith(f"{folder_of(path)}/"))
                found += [each for each in below if each != path and self._relative_into(each, path)]
            known = self._importers[path] = sorted(set(found))
        return known

    def _perhaps(self, path: str, last: str, relative: AbstractSet[str]) -> set[str]:
        """Files that may speak of this one by less than its name, of those that import something of its package."""
        place = place_of(path)
        parts = place.split("/")
        found = {*self._sources.having({f"{PERHAPS}{name}" for name in (last, *self._modules.names(path))})}
        for start in range(1, len(parts)):  # as Python 2 imports what lies beside a file
            beside = "/".join(parts[:start])
            found |= {each for each in self._sources.having({".".join(parts[start:])}) if folder_of(each) == beside}
        packages = [self._sources.having({parent}) for parent in self.parent_names(path)] if found else []
        return {each for each in found if each in relative or any(each in package for package in packages)}

    def _relative_into(self, importer: str, path: str) -> bool:
        return any(
            imported.level and path in self._modules.meant(importer, imported.module, imported.level)
            for imported in self._sources.facts(importer).imports
        )

    def parent_names(self, path: str) -> list[str]:
        """The names of the packages around a file: `import a` is enough to say `a.b.c`."""
        return [name.rpartition(".")[0] for name in self._modules.names(path) if "." in name]

    def _run(self, importer: str) -> set[str]:
        """All that a file runs by importing it."""
        known = self._runs.get(importer)
        if known is None:
            imports = self._sources.facts(importer).imports
            known = self._runs[importer] = set().union(*(self.run_by(importer, imported) for imported in imports))
        return known

    def run_by(self, importer: str, imported: Import) -> set[str]:
        """The files whose bodies run when this statement runs."""
        modules = self._modules
        found: set[str] = set()
        if imported.level:
            found.update(modules.meant(importer, imported.module, imported.level))
            if imported.name and imported.name != STAR:
                found.update(modules.below(importer, imported.module, imported.level, imported.name))
            place = modules.above(importer, imported.level)
            for part in imported.module.split(".")[:-1]:
                place = f"{place}/{part}".lstrip("/")
                found.update(modules.at(place))
            return found
        name = imported.module
        while name:
            found.update(modules.named(name, importer))
            name = name.rpartition(".")[0]
        if imported.name and imported.name != STAR:
            found.update(modules.named(f"{imported.module}.{imported.name}", importer))
        return found

    def of(self, importer: str, path: str) -> View:
        """What an importer uses of a file: by symbol of the file (`STAR`: all), the importer's symbols and lines."""
        known = self._views.get((importer, path))
        if known is None:
            known = self._views[importer, path] = self._seen(importer, path)
        return known

    def _seen(self, importer: str, path: str) -> View:
        view: View = {}
        facts = self._sources.facts(importer)
        for imported in facts.imports:
            if imported.name == STAR:
                if path in self._modules.meant(importer, imported.module, imported.level):
                    view.setdefault(PASSED_ON, []).append((STAR, imported.line))
            elif imported.name:
                if path in self._modules.meant(importer, imported.module, imported.level):
                    user = imported.bound if imported.symbol == BODY else imported.symbol
                    view.setdefault(imported.name, []).append((user, imported.line))
                below = self._modules.below(importer, imported.module, imported.level, imported.name)
                self._through(view, facts, imported, below, path)
            else:
                target = imported.module if imported.bound != imported.module.partition(".")[0] else imported.bound
                self._through(view, facts, imported, self._modules.named(target, importer), path)
        self._mentioned(view, facts, path)
        return view

    def _through(
        self,
        view: View,
        facts: Facts,
        imported: Import,
        modules: list[str],
        path: str,
    ) -> None:
        """What is used of `path` through a name that is bound to one of these modules, or to a package around it."""
        place = place_of(path)
        for module in modules:
            start = place_of(module)
            if module != path and not (is_init(module) and place.startswith(f"{start}/")):
                continue
            inner = [part for part in place[len(start) :].split("/") if part]
            prefix = ".".join([imported.bound, *inner])
            if imported.symbol == BODY and module == path:
                # Others may import the module from here, by this name.
                view.setdefault(STAR, []).append((f"{MODULE}{imported.bound}", imported.line))
            for symbol, uses in facts.uses.items():
                if imported.symbol not in {BODY, symbol}:
                    continue
                for use in uses:
                    if use == prefix:
                        view.setdefault(STAR, []).append((symbol, imported.line))
                    elif use.startswith(f"{prefix}."):
                        name = use[len(prefix) + 1 :].partition(".")[0]
                        view.setdefault(name, []).append((symbol, imported.line))
                    elif use == imported.bound and module != path and not inner:
                        view.setdefault(STAR, []).append((symbol, imported.line))

    def _mentioned(self, view: View, facts: Facts, path: str) -> None:
        """Strings that begin with one of the file's names: `mock.patch("pkg.mod.name")`, or a list of plugins."""
        names = [name for name in self._modules.names(path) if "." in name or is_init(path)]
        for symbol, mentions in facts.mentions.items():
            for text in mentions:
                for name in names:
                    if text == name and "." in name:
                        view.setdefault(STAR, []).append((symbol, facts.lines.get(symbol, 0)))
                    elif text.startswith(f"{name}."):
                        used = text[len(name) + 1 :].partition(".")[0]
                        view.setdefault(used, []).append((symbol, facts.lines.get(symbol, 0)))
