"""Diffs that tools print: `black --diff`, `ruff format --diff`, `gofmt -d`, `rustfmt --check`, `git diff`. Pure.

Read from the log as it is; whether one fits the files, and does no more than it should, others decide. A diff that is
broken off, or mixed with other output, is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from actors.analyzer.proposals.layout import language
from models.errors import ChangeError
from models.patch import MAX_FILES, FilePatch, Hunk, hunks_at
from sandbox.spec import WORKSPACE

_MOST_LINES: Final = 200_000
_LONGEST_LINE: Final = 2_000
_BEFORE_GIT: Final = 4  # the lines of git's own between `diff --git` and `---`

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]{0,20}[mK]")
_RUSTFMT: Final = re.compile(r"Diff in (?P<path>[^\s:]{1,300})(?: at line |:)(?P<line>\d{1,7}):")


class Tool(StrEnum):
    """Whose diff it is, as far as its form says."""

    PYTHON = "python"
    GOFMT = "gofmt"
    RUSTFMT = "rustfmt"
    GIT = "git"


class Diff(NamedTuple):
    """What a tool would change in one file, and the lines of the log that say so, from 1 and inclusive."""

    tool: Tool
    file: FilePatch
    first: int
    last: int


def plain(lines: Sequence[str]) -> list[str]:
    """The lines without colours and the terminal's line ends; one that is too long is no line of a diff."""
    return [_COLOUR.sub("", line).rstrip("\r") if len(line) < _LONGEST_LINE else "\0" for line in lines[:_MOST_LINES]]


def diffs(lines: Sequence[str]) -> list[Diff]:
    """All diffs of the log. `ChangeError` when one is broken, or there are too many: then none is to be believed."""
    seen = plain(lines)
    found: list[Diff] = []
    at = 0
    while at < len(seen):
        diff, at = _diff_at(seen, at)
        if diff is not None:
            found.append(diff)
        if len({each.file.path for each in found}) > MAX_FILES:
            raise ChangeError(f"there are diffs of more than {MAX_FILES} files")
    return found


def _diff_at(lines: Sequence[str], at: int) -> tuple[Diff | None, int]:
    if (said := _RUSTFMT.fullmatch(lines[at])) is not None:
        return _rustfmt(lines, at, said["path"], int(said["line"]))
    if not lines[at].startswith("--- ") or not lines[at + 1 : at + 2] or not lines[at + 1].startswith("+++ "):
        return None, at + 1
    old, new = (lines[place][4:].partition("\t")[0].strip() for place in (at, at + 1))
    before = lines[max(0, at - _BEFORE_GIT) : at]
    tool = _tool(old, new, of_git=any(line.startswith("diff --git ") for line in before))
    if tool is None:
        return None, at + 1
    path = new.removeprefix("b/") if tool is Tool.GIT else _in_tree(new)
    hunks, after = hunks_at(lines, at + 2)
    return Diff(tool, FilePatch(path=path, hunks=hunks), at + 1, after), after


def _tool(old: str, new: str, *, of_git: bool) -> Tool | None:
    if of_git:
        same = old.startswith("a/") and new.startswith("b/") and old[2:] == new[2:]
        return Tool.GIT if same else None
    if old == f"{new}.orig" and language(new) == "go":
        return Tool.GOFMT
    return Tool.PYTHON if old == new and language(new) == "python" else None


def _rustfmt(lines: Sequence[str], at: int, path: str, start: int) -> tuple[Diff | None, int]:
    """It prints no counts: the lines of a place go on for as long as they have a mark."""
    after = at + 1
    while after < len(lines) and lines[after][:1] in {" ", "-", "+"}:
        after += 1
    body = tuple(f"{line}\n" for line in lines[at + 1 : after])
    if language(path) != "rust" or not body:
        return None, after
    patch = FilePatch(path=_in_tree(path), hunks=(Hunk(start=start, lines=body),))
    return Diff(Tool.RUSTFMT, patch, at + 1, after), after


def _in_tree(path: str) -> str:
    """Tools print what they were given, or the whole path in the sandbox."""
    return path.removeprefix(f"{WORKSPACE}/").removeprefix("./")
