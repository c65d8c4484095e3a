"""npm, yarn and pnpm: the members of a workspace, and which of them name each other in their `package.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from actors.planner.packages.globs import members
from actors.planner.packages.graph import Package, PackageGraph

_WIDENS: Final = frozenset({
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc",
})  # fmt: skip
_KINDS: Final = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
_CODE: Final = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte", ".json")


def graph(tool: str, read: Mapping[str, bytes]) -> PackageGraph:
    """The graph; `whole` where a manifest does not parse, or where there is no workspace to choose from."""
    texts = {path: source.decode("utf-8", "replace").removeprefix("\ufeff") for path, source in read.items()}
    manifests: dict[str, dict[str, Any]] = {}
    whole = ""
    for path, text in texts.items():
        if path.endswith("package.json"):
            try:
                body = json.loads(text)
            except (RecursionError, ValueError):
                body, whole = {}, f"`{path}` does not parse"
            manifests[path.rpartition("/")[0]] = body if isinstance(body, dict) else {}
    folders = [folder for folder in members(texts, manifests.get("", {})) if folder in manifests]
    by_name = {str(manifests[folder].get("name", "")): folder for folder in folders}
    packages = {}
    for folder in folders:
        body = manifests[folder]
        asked = {name for kind in _KINDS if isinstance(body.get(kind), dict) for name in body[kind]}
        needs = frozenset(by_name[name] for name in asked & by_name.keys()) - {folder}
        packages[folder] = Package(str(body.get("name", "")), folder, needs)
    if not packages:
        whole = whole or "there is no workspace"
    return PackageGraph(tool, packages, frozenset(packages), _WIDENS, _CODE, whole=whole)
