"""What is left somewhere by being defined: found by others without its name, as routes, commands and plugins are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.planner.python.facts import STAR, Facts
from actors.planner.python.modules import Modules
from actors.planner.python.views import Sources

# External decorators whose names say that they keep what they are given.
_KEEPS: Final = ("register", "receiver", "task", "listen", "hook", "route", "connect", "subscribe")
_WRAPPERS: Final = frozenset({"property", "staticmethod", "classmethod", "setter", "getter", "deleter", "wraps"})
_MAX_BASES: Final = 8
_MAX_REEXPORTS: Final = 5


class Registry:
    """Tells which symbols of a tree's files register themselves."""

    def __init__(self, modules: Modules, sources: Sources) -> None:
        self._modules = modules
        self._sources = sources

    def has(self, path: str, symbol: str, facts: Facts) -> bool:
        """Whether defining it leaves it somewhere, where others find it without its name."""
        return any(self._decorator_keeps(path, chain, facts) for chain in facts.decorated.get(symbol, ())) or any(
            self._base_keeps(path, chain, facts) for chain in facts.bases.get(symbol, ())
        )

    def _decorator_keeps(self, path: str, chain: str, facts: Facts) -> bool:
        root, _, attributes = chain.partition(".")
        last = chain.rpartition(".")[2]
        if last in _WRAPPERS:
            return False
        if root in facts.lines:  # defined in this file: an object's method (`app.route`), or a function
            return bool(attributes) or root in facts.registers
        homes = list(self._defined(path, chain, facts))
        if homes:
            return any(name in self._sources.facts(home).registers or name != last for home, name in homes)
        return any(word in last for word in _KEEPS)

    def _base_keeps(self, path: str, chain: str, facts: Facts, depth: int = 0) -> bool:
        if depth > _MAX_BASES:
            return False
        if "." not in chain and chain in facts.lines:
            homes = [(path, chain)]
        else:
            homes = list(self._defined(path, chain, facts))
        for home, name in homes:
            theirs = self._sources.facts(home)
            if name in theirs.registers:
                return True
            if any(self._base_keeps(home, base, theirs, depth + 1) for base in theirs.bases.get(name, ())):
                return True
        return False

    def _defined(self, path: str, chain: str, facts: Facts) -> Iterator[tuple[str, str]]:
        """Where a chain that begins with an imported name leads: files of the tree, and the name there."""
        root, _, attributes = chain.partition(".")
        for imported in facts.imports:
            if imported.bound != root:
                continue
            if imported.name and imported.name != STAR:
                for home in self._modules.meant(path, imported.module, imported.level):
                    yield from self._followed(home, imported.name)
                for home in self._modules.below(path, imported.module, imported.level, imported.name):
                    yield from self._followed(home, attributes.partition(".")[0])
            elif attributes:
                module, _, name = f"{imported.module}.{attributes}".rpartition(".")
                for home in self._modules.named(module if imported.bound == root else imported.module, path):
                    yield from self._followed(home, name)

    def _followed(self, home: str, name: str, depth: int = 0) -> Iterator[tuple[str, str]]:
        """Through re-exports."""
        facts = self._sources.facts(home)
        if name in facts.lines or depth > _MAX_REEXPORTS:
            yield home, name
            return
        for imported in facts.imports:
            if imported.bound == name and imported.name:
                for further in self._modules.meant(home, imported.module, imported.level):
                    yield from self._followed(further, imported.name, depth + 1)
