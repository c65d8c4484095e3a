"""Whose file a changed path is, so that a repository of several languages need not run the jobs of all.

Only what surely belongs to one ecosystem has an owner: data, templates and styles may be anybody's. And whatever lies
in a folder that holds Python may be a Python package's data.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from actors.planner.tree.found import Ecosystem

_SUFFIXES: Final = {
    ".py": Ecosystem.PYTHON, ".pyi": Ecosystem.PYTHON, ".pyx": Ecosystem.PYTHON,
    ".js": Ecosystem.NODE, ".mjs": Ecosystem.NODE, ".cjs": Ecosystem.NODE, ".jsx": Ecosystem.NODE,
    ".ts": Ecosystem.NODE, ".tsx": Ecosystem.NODE, ".vue": Ecosystem.NODE, ".svelte": Ecosystem.NODE,
    ".go": Ecosystem.GO,
    ".rs": Ecosystem.RUST,
}  # fmt: skip
_NAMES: Final = {
    "package.json": Ecosystem.NODE, "package-lock.json": Ecosystem.NODE, "npm-shrinkwrap.json": Ecosystem.NODE,
    "yarn.lock": Ecosystem.NODE, "pnpm-lock.yaml": Ecosystem.NODE, "pnpm-workspace.yaml": Ecosystem.NODE,
    "tsconfig.json": Ecosystem.NODE,
    "go.mod": Ecosystem.GO, "go.sum": Ecosystem.GO, "go.work": Ecosystem.GO, "go.work.sum": Ecosystem.GO,
    "Cargo.toml": Ecosystem.RUST, "Cargo.lock": Ecosystem.RUST,
    "pyproject.toml": Ecosystem.PYTHON, "setup.py": Ecosystem.PYTHON, "setup.cfg": Ecosystem.PYTHON,
    "tox.ini": Ecosystem.PYTHON, "noxfile.py": Ecosystem.PYTHON, "pytest.ini": Ecosystem.PYTHON,
    "uv.lock": Ecosystem.PYTHON,
    "poetry.lock": Ecosystem.PYTHON, "pdm.lock": Ecosystem.PYTHON, "Pipfile": Ecosystem.PYTHON,
    "Pipfile.lock": Ecosystem.PYTHON,
}  # fmt: skip


def foreign(path: str, ecosystem: Ecosystem, present: Collection[Ecosystem], python_folders: Collection[str]) -> bool:
    """Tell whether a changed path surely belongs to another of the ecosystems that have a job of their own.

    `python_folders` are those that directly hold Python files (`kinds.code_folders`).
    """
    folder, _, name = path.rpartition("/")
    owner = _NAMES.get(name) or _SUFFIXES.get(f".{name.rpartition('.')[2]}" if "." in name else "")
    if owner is None or owner is ecosystem or owner not in present:
        return False
    return ecosystem is not Ecosystem.PYTHON or not _within(folder, python_folders)


def _within(folder: str, folders: Collection[str]) -> bool:
    while folder:
        if folder in folders:
            return True
        folder = folder.rpartition("/")[0]
    return False
