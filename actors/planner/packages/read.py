"""Which graph a tree has: by the manifest at its root, for the tool that a job runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from actors.planner.packages import cargo, golang, node
from actors.planner.packages.graph import PackageGraph

MAX_FILES: Final = 20_000
_NODE: Final = frozenset({"npm", "yarn", "pnpm"})


def package_paths(tool: str, files: Iterable[str]) -> tuple[str, ...]:
    """The files whose content `packages` wants to see, at most MAX_FILES; empty for a tool without a graph."""
    wanted: tuple[str, ...] = ()
    if tool == "go":
        wanted = tuple(f for f in files if f.endswith((".go", "go.mod", "go.work")) and not f.startswith("vendor/"))
    elif tool == "cargo":
        wanted = tuple(f for f in files if f == "Cargo.toml" or f.endswith("/Cargo.toml"))
    elif tool in _NODE:
        ours = (f for f in files if f == "package.json" or f.endswith("/package.json") or f == "pnpm-workspace.yaml")
        wanted = tuple(f for f in ours if "node_modules/" not in f)
    return wanted[:MAX_FILES]


def packages(tool: str, files: Sequence[str], read: Mapping[str, bytes]) -> PackageGraph | None:
    """The graph for this tool (`go`, `cargo`, `npm`, `yarn`, `pnpm`); None for a tool that has none.

    `read` are the contents of `package_paths`, of which what is too large may be missing: then `whole` says so.
    """
    wanted = package_paths(tool, files)
    missing = next((path for path in wanted if path not in read), None)
    if tool == "go":
        graph = golang.graph(read)
    elif tool == "cargo":
        graph = cargo.graph(read)
    elif tool in _NODE:
        graph = node.graph(tool, read)
    else:
        return None
    if missing is not None:
        graph = graph._replace(whole=graph.whole or f"`{missing}` was not read")
    if len(wanted) == MAX_FILES:
        graph = graph._replace(whole=f"there are more than {MAX_FILES} files to read")
    return graph
