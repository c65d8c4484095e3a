"""Which files of a tree are read, and reading them within bounds: TOML, JSON and INI that may be hostile.

What does not parse, or is too large, counts as empty and is told in a note; nothing raises.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MAX_MANIFESTS: Final = 24
MAX_NESTED: Final = 100
MAX_MANIFEST_BYTES: Final = 256 * 1024

_PYTHON: Final = (
    "pyproject.toml", "setup.cfg", "setup.py", "pytest.ini", ".pytest.ini", "tox.ini", "noxfile.py", "conftest.py",
)  # fmt: skip
_OTHERS: Final = (
    "package.json", "pnpm-workspace.yaml", "go.mod", "go.work", "Cargo.toml", "Makefile", "GNUmakefile", "makefile",
)  # fmt: skip
_MANIFESTS: Final = (*_PYTHON, *_OTHERS)
_REQUIREMENTS: Final = re.compile(
    r"(?:requirements/)?[\w.-]{0,99}(?:requirements|test|dev)[\w.-]{0,99}\.(?:txt|in)|requirements/[\w.-]{1,99}\.txt"
)
_PACKAGE: Final = re.compile(r"(?:src/)?(?!tests?/|docs?/|examples?/)\w{1,99}/__init__\.py")
_WORKFLOWS: Final = re.compile(r"\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml|\.gitlab-ci\.yml")
_LIKELY: Final = re.compile(r"test|\bci\b|build|main|python|check|\.gitlab-ci")
_OTHERS_OWN: Final = frozenset({"node_modules", "vendor", "target", "testdata", "fixtures", "fixture"})
MAX_WORKFLOWS: Final = 3
MAX_PACKAGES: Final = 3


def manifest_paths(files: Iterable[str]) -> tuple[str, ...]:
    """The files whose content `from_tree` wants to see, all but workspaces' own at the repository's root.

    At most MAX_MANIFESTS of them, the heads of MAX_PACKAGES packages, MAX_WORKFLOWS files of other systems and
    MAX_NESTED members of workspaces.
    """
    there = sorted(set(files))
    root = [file for file in there if file in _MANIFESTS or _REQUIREMENTS.fullmatch(file)]
    root.sort(key=lambda name: (name not in _MANIFESTS, name))
    workflows = sorted((file for file in there if _WORKFLOWS.fullmatch(file)), key=_unlikely)
    packages = [file for file in there if file.endswith("/__init__.py") and _PACKAGE.fullmatch(file)]
    nested = [file for file in there if file.endswith(("/package.json", "/Cargo.toml"))] if _may_nest(root) else []
    nested = [file for file in nested if not _OTHERS_OWN & set(file.split("/"))]
    return (*root[:MAX_MANIFESTS], *packages[:MAX_PACKAGES], *workflows[:MAX_WORKFLOWS], *nested[:MAX_NESTED])


def _may_nest(root: Sequence[str]) -> bool:
    return "package.json" in root or "Cargo.toml" in root


def _unlikely(workflow: str) -> tuple[bool, str]:
    return _LIKELY.search(workflow.rpartition("/")[2].lower()) is None, workflow


class Project:
    """The files of a tree and what its manifests say. `notes` collects what a person should know."""

    def __init__(self, files: Sequence[str], read: Mapping[str, bytes]) -> None:
        self.files = files
        self.there = frozenset(files)
        self.notes: list[str] = []
        self.texts: dict[str, str] = {}
        for name, data in sorted(read.items()):
            if len(data) > MAX_MANIFEST_BYTES:
                self.notes.append(f"`{shown(name)}` is larger than {MAX_MANIFEST_BYTES // 1024} kB and was not used")
            else:
                self.texts[name] = data.decode("utf-8", "replace").removeprefix("\ufeff")

    def text(self, name: str) -> str:
        """The content of a manifest; empty where there is none, or none that is usable."""
        return self.texts.get(name, "")

    def toml(self, name: str) -> dict[str, Any]:
        """A TOML manifest as data; empty where it does not parse."""
        try:
            return tomllib.loads(self.text(name))
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            self.unusable(name, error)
            return {}

    def json(self, name: str) -> dict[str, Any]:
        """A JSON manifest as data; empty where it does not parse, or is no object."""
        if name not in self.texts:
            return {}
        try:
            data = json.loads(self.text(name))
        except (RecursionError, ValueError) as error:
            self.unusable(name, error)
            return {}
        return data if isinstance(data, dict) else {}

    def ini(self, name: str) -> configparser.RawConfigParser:
        """An INI manifest; without sections where it does not parse."""
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(name))
        except (configparser.Error, ValueError) as error:
            self.unusable(name, error)
            return configparser.RawConfigParser()
        return parser

    def unusable(self, name: str, error: Exception) -> None:
        """Tell that a manifest was not used, once."""
        what = " ".join(str(error).split())[:120] or type(error).__name__
        note = f"`{shown(name)}` does not parse and was not used: {what}"
        if note not in self.notes:
            self.notes.append(note)


def table(data: object, *keys: str) -> dict[str, Any]:
    """The mapping at a place of a manifest's data; empty where there is something else."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def strings(data: object) -> list[str]:
    """The texts of a list; empty where there is something else."""
    return [item for item in data if isinstance(item, str)] if isinstance(data, list) else []


def shown(text: str) -> str:
    """Words of the tree in a note: one line of bounded length that cannot end its code span."""
    clean = "".join(character if character.isprintable() and character != "`" else "?" for character in text)
    return clean if len(clean) <= 100 else f"{clean[:97]}..."
