"""What is taken from command lines of tox or of another CI system: patterns that are known, and nothing else.

A hint chooses among things that the tree itself has (an extra, a requirements file, a script, a folder of tests). Lines
with substitutions, and programs that are not known, are left alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

_UNREADABLE: Final = re.compile(r"[`$<>|&;{}]")
_RUNNERS: Final = (
    "uv run",
    "poetry run",
    "pdm run",
    "hatch run",
    "pipenv run",
    "coverage run -m",
    "python -m",
    "python3 -m",
)
_EXTRAS: Final = re.compile(r"\.\[([\w.,-]{1,200})\]")
_SCRIPT: Final = re.compile(r"(?:npm (?:run |run-script )?|yarn (?:run )?|pnpm (?:run )?)([\w:.-]{1,80})")
_TESTS_OPTION: Final = ("-m", "-k", "--ignore", "--deselect", "--ignore-glob", "--import-mode")
_TESTS_VALUE: Final = tuple(f"{option}=" for option in _TESTS_OPTION)


class Hints(NamedTuple):
    """What was found. `pytest` are arguments; `other` is how many lines said nothing that is known."""

    extras: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    other: int = 0


def hints_of(lines: Iterable[str], there: Collection[str], folders: Collection[str]) -> Hints:
    """The hints in these lines. `there` are the tree's files, `folders` its folders."""
    extras: dict[str, None] = {}
    files: dict[str, None] = {}
    pytest: tuple[str, ...] = ()
    scripts: dict[str, None] = {}
    targets: dict[str, None] = {}
    other = 0
    for line in lines:
        words = _words(line)
        if words[:1] == ["make"]:
            targets |= dict.fromkeys(word for word in words[1:] if re.fullmatch(r"[\w.-]{1,80}", word))
        elif words[:2] in (["pip", "install"], ["uv", "pip"]):
            found = _installed(words, there)
            extras |= dict.fromkeys(found[0])
            files |= dict.fromkeys(found[1])
        elif words[:1] in (["pytest"], ["py.test"]):
            pytest = pytest or _pytest_arguments(words[1:], there, folders)
        elif script := _SCRIPT.fullmatch(" ".join(words)):
            scripts[script[1]] = None
        else:
            other += 1
    return Hints(tuple(extras), tuple(files), pytest, tuple(scripts), tuple(targets), other)


def _words(line: str) -> list[str]:
    """The words of one plain command, without what it is run through; empty where it is anything else."""
    if _UNREADABLE.search(line):
        return []
    for _ in range(3):
        for runner in _RUNNERS:
            line = line.removeprefix(runner).strip()
    try:
        return shlex.split(line)
    except ValueError:
        return []


def _installed(words: list[str], there: Collection[str]) -> tuple[list[str], list[str]]:
    extras: list[str] = []
    files: list[str] = []
    for at, word in enumerate(words):
        if (found := _EXTRAS.fullmatch(word)) is not None:
            extras += found[1].split(",")
        name = words[at + 1] if word in {"-r", "--requirement"} and at + 1 < len(words) else word.removeprefix("-r")
        if (word.startswith("-r") or word == "--requirement") and name in there:
            files.append(name)
    return extras, files


def _pytest_arguments(words: list[str], there: Collection[str], folders: Collection[str]) -> tuple[str, ...]:
    """Options that choose tests, and paths that exist."""
    found: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word in _TESTS_OPTION and at + 1 < len(words):
            found += [word, words[at + 1]]
            at += 1
        elif (
            word.startswith(tuple(f"{option}=" for option in _TESTS_OPTION))
            or word.rstrip("/") in folders
            or word in there
        ):
            found.append(word)
        at += 1
    return tuple(found)
