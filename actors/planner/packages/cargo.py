"""Cargo: the members of a workspace, and their path dependencies."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from actors.planner.packages.globs import chosen
from actors.planner.packages.graph import Package, PackageGraph

_WIDENS: Final = frozenset({"Cargo.lock", "rust-toolchain", "rust-toolchain.toml", "config.toml"})
_KINDS: Final = ("dependencies", "build-dependencies", "dev-dependencies")


def graph(read: Mapping[str, bytes]) -> PackageGraph:
    """The graph; `whole` where a manifest does not parse, or where there is no workspace to choose from."""
    manifests: dict[str, dict[str, Any]] = {}
    whole = ""
    for path, source in read.items():
        try:
            manifests[path.rpartition("/")[0]] = tomllib.loads(source.decode("utf-8", "replace"))
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            whole = f"`{path}` does not parse"
    root = manifests.get("", {})
    workspace = _table(root, "workspace")
    inherited = _table(workspace, "dependencies")
    named = {folder: str(_table(body, "package").get("name", "")) for folder, body in manifests.items()}
    packages: dict[str, Package] = {}
    for folder, body in manifests.items():
        if not named[folder]:
            continue
        build = frozenset(_paths(folder, body, inherited, _KINDS[:2]))
        tests = frozenset(_paths(folder, body, inherited, _KINDS[2:]))
        packages[folder] = Package(named[folder], folder, build - {folder}, tests - {folder})
    selectable = _members(root, workspace, packages)
    if not workspace:
        whole = whole or "there is no workspace"
    return PackageGraph("cargo", packages, selectable, _WIDENS, (".rs", ".toml"), whole=whole)


def _members(root: Mapping[str, Any], workspace: Mapping[str, Any], packages: Mapping[str, Package]) -> frozenset[str]:
    """As `cargo test --workspace`: those that the root lists, the root itself, and all that these have by path."""
    patterns = _strings(workspace.get("members"))
    patterns += [f"!{item}" for item in _strings(workspace.get("exclude"))]
    listed = chosen(patterns, (f"{folder}/Cargo.toml" for folder in packages if folder))
    listed = [*listed, *([""] if "package" in root else [])]
    found = {folder for folder in listed if folder in packages}
    waiting = [*found]
    while waiting:
        package = packages[waiting.pop()]
        new = {need for need in package.needs | package.test_needs if need in packages} - found
        found |= new
        waiting += new
    return frozenset(found)


def _paths(folder: str, body: Mapping[str, Any], inherited: Mapping[str, Any], kinds: tuple[str, ...]) -> Iterator[str]:
    targets = [target for target in _table(body, "target").values() if isinstance(target, dict)]
    for holder in (body, *targets):
        for kind in kinds:
            for name, wanted in _table(holder, kind).items():
                shared = isinstance(wanted, dict) and wanted.get("workspace") is True
                source = inherited.get(name) if shared else wanted
                path = source.get("path") if isinstance(source, dict) else None
                if isinstance(path, str):
                    there = posixpath.normpath(posixpath.join("" if shared else folder, path))
                    yield "" if there == "." else there


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _strings(data: object) -> list[str]:
    return [item for item in data if isinstance(item, str)] if isinstance(data, list) else []
