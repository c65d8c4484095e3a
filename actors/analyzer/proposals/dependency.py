"""A missing dependency that the error names: one line more where the project lists what it needs. Python only. Pure.

Proposed only if all of it is plain: the log names one missing module; its package is widely known (`packages.py`); no
file of the tree can be meant, misspelt or not; and there is one list to put it into, with one place in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from actors.analyzer.proposals.diffs import plain
from actors.analyzer.proposals.files import Files, text_of
from actors.analyzer.proposals.packages import PACKAGES
from models.errors import ChangeError
from models.patch import AROUND, FilePatch, Hunk, lines_of, render
from models.proposal import Proposal, ProposalKind

REQUIREMENTS: Final = "requirements.txt"
PROJECT: Final = "pyproject.toml"
_OTHERS: Final = ("setup.cfg", "setup.py", "Pipfile", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock")

_MISSING: Final = re.compile(
    r"(?:E\s{1,8})?ModuleNotFoundError: No module named ['\"]([A-Za-z_][A-Za-z0-9_]{0,63})(?:\.[\w.]{1,200})?['\"]"
)
_NAME: Final = re.compile(r"\s*[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)")
# As close as one or two wrong letters are in a usual name.
_ALIKE: Final = 0.8


def of_dependency(lines: Sequence[str], files: Files) -> Proposal | None:
    """The package of the module that is missing, in the project's list. `ChangeError` says why there is none."""
    found = [(at, said[1]) for at, line in enumerate(plain(lines), start=1) if (said := _MISSING.match(line))]
    if not found:
        return None
    modules = {module for _, module in found}
    if len(modules) > 1:
        raise ChangeError(f"{len(modules)} modules are missing")
    module = modules.pop()
    package = PACKAGES.get(module)
    if package is None:
        raise ChangeError(f"it is not known for certain which package has the module {module}")
    if local := get_close_matches(module, _local(files.paths), 1, _ALIKE):
        raise ChangeError(f"{module} may be meant to be {local[0]}, which is in the tree")
    patch = _added(package, files)
    why = f"the module {module} is missing, and the package {package} has it"
    return Proposal(kind=ProposalKind.DEPENDENCY, patch=render([patch]), why=why, first=found[0][0], last=found[-1][0])


def _local(paths: Sequence[str]) -> list[str]:
    """The names of all modules and packages of the tree."""
    python = [path for path in paths if path.endswith((".py", ".pyi"))]
    return sorted({part.removesuffix(".pyi").removesuffix(".py") for path in python for part in path.split("/")})


def _added(package: str, files: Files) -> FilePatch:
    """The one list of what the project needs, with the package at its end."""
    lists = [path for path in (REQUIREMENTS, PROJECT) if path in files.paths]
    if beside := [path for path in _OTHERS if path in files.paths]:
        raise ChangeError(f"{beside[0]} says what the project needs, or what was resolved from it")
    if lists == [PROJECT]:
        lines = lines_of(text_of(files, PROJECT))
        return FilePatch(path=PROJECT, hunks=(_in_project(package, lines),))
    if REQUIREMENTS not in lists or (len(lists) > 1 and _has_list(text_of(files, PROJECT))):
        raise ChangeError("there is not exactly one list of what the project needs")
    return FilePatch(path=REQUIREMENTS, hunks=(_in_requirements(package, lines_of(text_of(files, REQUIREMENTS))),))


def _has_list(text: str) -> bool:
    return re.search(r"^\s*(?:dependencies|\[tool\.poetry\.dependencies\])", text, re.MULTILINE) is not None


def _in_requirements(package: str, lines: Sequence[str]) -> Hunk:
    for line in lines:
        if line.lstrip().startswith(("-", "./")) or "--hash" in line or line.rstrip().endswith("\\"):
            raise ChangeError(f"{REQUIREMENTS} has options or hashes: it is not a plain list")
    _not_there(package, lines)
    if not lines or not lines[-1].endswith("\n"):
        raise ChangeError(f"{REQUIREMENTS} has no whole last line")
    return _insertion(lines, len(lines), f"{package}\n")


def _in_project(package: str, lines: Sequence[str]) -> Hunk:
    """Between `dependencies = [` and its `]`, each on a line of its own, in the table `[project]`."""
    table = ""
    for at, line in enumerate(lines):
        if (head := re.match(r"\[([^\[\]]+)\]", line)) is not None:
            table = head[1].strip()
        if table == "project" and re.fullmatch(r"dependencies\s*=\s*\[\s*", line.rstrip("\n")):
            end = next((place for place in range(at + 1, len(lines)) if lines[place].rstrip() == "]"), at + 1)
            inside = lines[at + 1 : end]
            if not inside or not all(re.fullmatch(r"\s+\"[^\"\\]+\",\s*", item.rstrip("\n")) for item in inside):
                raise ChangeError(f"`dependencies` in {PROJECT} is not one plain item a line")
            _not_there(package, inside)
            indent = inside[-1][: len(inside[-1]) - len(inside[-1].lstrip())]
            return _insertion(lines, end, f'{indent}"{package}",\n')
    raise ChangeError(f"{PROJECT} has no list of dependencies with one item a line")


def _not_there(package: str, items: Sequence[str]) -> None:
    names = {_normalized(name[1]) for item in items if (name := _NAME.match(item)) is not None}
    if _normalized(package) in names:
        raise ChangeError(f"{package} is listed already: it was not installed")


def _normalized(name: str) -> str:
    """Names that the package index takes for the same one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _insertion(lines: Sequence[str], at: int, new: str) -> Hunk:
    """A line before the one of this index, with some around it."""
    before, after = lines[max(0, at - AROUND) : at], lines[at : at + AROUND]
    body = (*(f" {line}" for line in before), f"+{new}", *(f" {line}" for line in after))
    return Hunk(start=at - len(before) + 1, lines=body)
