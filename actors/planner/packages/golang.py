"""Go: packages are folders, and imports are read out of the heads of their files. Nothing is compiled.

Build constraints are not looked at: an import under any of them counts. Modules below the root are followed through
`replace` and `go.work`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Final

from actors.planner.packages.graph import Package, PackageGraph

HEAD_BYTES: Final = 64 * 1024
_WIDENS: Final = frozenset({"go.mod", "go.sum", "go.work", "go.work.sum"})
_MODULE: Final = re.compile(r'^module\s+"?([^\s"]+)"?', re.MULTILINE)
_REPLACE: Final = re.compile(r"^\s*(?:replace\s+)?([^\s()]+)(?:\s+v\S+)?\s+=>\s+(\.[^\s]*)", re.MULTILINE)
_USE: Final = re.compile(r"^\s*(?:use\s+)?(\.[\w./-]*)\s*(?://.*)?$", re.MULTILINE)
_SKIP: Final = re.compile(r"(?:\s+|;|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_CLAUSE: Final = re.compile(r"package\s+\w+")
_SPEC: Final = re.compile(r"(?:[\w.]+\s+)?(?:\"([^\"\n]*)\"|`([^`\n]*)`)")


def imports(source: bytes) -> tuple[str, ...]:
    """The import paths of one file, in order. What does not look like Go has none."""
    text = source[:HEAD_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    at = _after(text, 0)
    clause = _CLAUSE.match(text, at)
    if clause is None:
        return ()
    at = _after(text, clause.end())
    found: list[str] = []
    while text.startswith("import", at):
        at = _after(text, at + len("import"))
        if not text.startswith("(", at):
            at = _one(text, at, found)
            continue
        at = _after(text, at + 1)
        while at < len(text) and text[at] != ")":
            following = _one(text, at, found)
            if following == at:
                return tuple(found)
            at = following
        at = _after(text, at + 1)
    return tuple(found)


def _one(text: str, at: int, found: list[str]) -> int:
    spec = _SPEC.match(text, at)
    if spec is None:
        return at
    found.append(spec[1] or spec[2] or "")
    return _after(text, spec.end())


def _after(text: str, at: int) -> int:
    """Where the next word begins, behind blanks and comments."""
    skipped = _SKIP.match(text, at)
    return skipped.end() if skipped else at


def graph(read: Mapping[str, bytes]) -> PackageGraph:
    """The packages of the root's module, and of those that it or `go.work` takes from the tree."""
    modules = _modules(read)
    needs: dict[str, set[str]] = {}
    test_needs: dict[str, set[str]] = {}
    embeds: set[str] = set()
    for path, source in read.items():
        folder, _, name = path.rpartition("/")
        if not name.endswith(".go") or _ignored(path):
            continue
        into = test_needs if name.endswith("_test.go") else needs
        into.setdefault(folder, set()).update(_local(imports(source), modules))
        if b"//go:embed" in source:
            embeds.add(folder)
    folders = needs.keys() | test_needs.keys()
    packages = {
        folder: Package(
            folder or ".", folder, frozenset(needs.get(folder, ())) - {folder}, frozenset(test_needs.get(folder, ()))
        )
        for folder in folders
    }
    within = _used(read)
    homes = frozenset(modules.values())
    selectable = frozenset(folder for folder in folders if _home(folder, homes) in within)
    whole = "" if "go.mod" in read or "go.work" in read else "there is no `go.mod` at the root"
    return PackageGraph("go", packages, selectable, _WIDENS, (".go",), ("_test.go",), frozenset(embeds), whole=whole)


def _modules(read: Mapping[str, bytes]) -> dict[str, str]:
    """Folders of modules by import path, what is replaced by a folder of the tree among them."""
    found: dict[str, str] = {}
    for path, source in read.items():
        folder, _, name = path.rpartition("/")
        if name != "go.mod":
            continue
        text = source.decode("utf-8", "replace")
        module = _MODULE.search(text)
        if module:
            found[module[1]] = folder
        for old, new in _REPLACE.findall(text):
            target = posixpath.normpath(posixpath.join(folder or ".", new))
            if not target.startswith(".."):
                found.setdefault(old, "" if target == "." else target)
    return found


def _used(read: Mapping[str, bytes]) -> frozenset[str]:
    """The folders of the modules that `go test` at the root looks at."""
    if "go.work" not in read:
        return frozenset({""})
    used = _USE.findall(read["go.work"].decode("utf-8", "replace"))
    return frozenset("" if (p := posixpath.normpath(path)) == "." else p for path in used)


def _local(paths: Sequence[str], modules: Mapping[str, str]) -> set[str]:
    """The folders that these imports name, in whatever module of the tree they lie."""
    found = set()
    for path in paths:
        prefix = path
        while prefix not in modules and prefix:
            prefix = prefix.rpartition("/")[0]
        if prefix:
            rest = path[len(prefix) :].strip("/")
            there = posixpath.normpath(posixpath.join(modules[prefix], rest))
            found.add("" if there == "." else there)
    return found


def _home(folder: str, homes: frozenset[str]) -> str:
    while folder and folder not in homes:
        folder = folder.rpartition("/")[0]
    return folder


def _ignored(path: str) -> bool:
    """What the go tool leaves out: `testdata`, `vendor`, and names that begin with `_` or `.`."""
    parts = path.split("/")
    return any(part in {"testdata", "vendor"} for part in parts[:-1]) or any(part[0] in "_." for part in parts if part)
