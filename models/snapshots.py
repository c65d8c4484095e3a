"""Snapshots of tests: which files they are, and how a tool is told to write them anew. Pure.

Only a test runner can write its snapshots. So a failed job is run once more, up to the step that failed, with the
tool's own update option. The option is a word of this table: nothing from a log gets into a command.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from models.job import JobSpec, Step
from models.record import Record


class SnapshotTool(StrEnum):
    """Whose snapshots they are."""

    JEST = "jest"
    VITEST = "vitest"
    SYRUPY = "syrupy"
    INSTA = "insta"


class Snapshots(Record):
    """The files that one tool is to write anew: snapshots of the head by their paths, and no others."""

    tool: SnapshotTool
    paths: tuple[str, ...]


# How each tool names its files. Of syrupy's, whose extensions write anything, those that nobody runs or imports.
_NAMES: Final[dict[SnapshotTool, re.Pattern[str]]] = {
    SnapshotTool.JEST: re.compile(r"(?:.*/)?__snapshots__/[^/]+\.snap"),
    SnapshotTool.VITEST: re.compile(r"(?:.*/)?__snapshots__/[^/]+\.snap"),
    SnapshotTool.SYRUPY: re.compile(r"(?:.*/)?__snapshots__/.+\.(?:ambr|raw|json|svg|txt|xml|html|md|ya?ml)"),
    SnapshotTool.INSTA: re.compile(r"(?:.*/)?snapshots/[^/]+\.snap"),
}
# The variable that tells a tool, and whether it is added to what the job has in it. Jest has none.
_VARIABLES: Final[dict[SnapshotTool, tuple[str, str, bool]]] = {
    SnapshotTool.VITEST: ("UPDATE_SNAPSHOT", "all", False),
    SnapshotTool.SYRUPY: ("PYTEST_ADDOPTS", "--snapshot-update", True),
    SnapshotTool.INSTA: ("INSTA_UPDATE", "always", False),
}
# A command whose last words are a program's own: no quotes, redirections, comments or lines that go on.
_PLAIN: Final = re.compile(r"[\w@%+=:,./~^-]+(?:[ \t]+[\w@%+=:,./~^-]+)*")
_HIDING: Final = re.compile(r"\\\n|<<|['\"`]")
_ASSIGNED: Final = re.compile(r"\w+=.*")


def is_snapshot(tool: SnapshotTool, path: str) -> bool:
    """Whether the tool writes its snapshots into files of this name."""
    return _NAMES[tool].fullmatch(path) is not None


def rewriting(spec: JobSpec, step: int | None, snapshots: Snapshots) -> JobSpec | None:
    """The job up to this step, which writes the snapshots anew; they are all that comes out of it.

    None: it is not clear how the step is told.
    """
    if step is None or not 0 <= step < len(spec.run):
        return None
    run, steps = spec.run[: step + 1], [spec.step(index) for index in range(step + 1)]
    if snapshots.tool is SnapshotTool.JEST:
        command = _told_jest(run[-1])
        if command is None:
            return None
        run = (*run[:-1], command)
    else:
        steps[-1] = _told(steps[-1], spec, *_VARIABLES[snapshots.tool])
    return spec.having(run=run, steps=tuple(steps), artifacts=snapshots.paths, junit=())


def _told(step: Step, spec: JobSpec, name: str, value: str, added: bool) -> Step:
    known = step.env.get(name, spec.env.get(name, "")) if added else ""
    return step.having(env={**step.env, name: f"{known} {value}".strip()})


def _told_jest(command: str) -> str | None:
    """With `-u` behind its last part, if that starts jest, or a script that may."""
    command = command.rstrip()
    last = re.split(r"&&|;|\n", command)[-1].strip()
    if _HIDING.search(command) or not _PLAIN.fullmatch(last):
        return None
    words = [word for at, word in enumerate(last.split()) if not (_ASSIGNED.fullmatch(word) and at == 0)]
    option = _option(words)
    return f"{command} {option}" if option else None


def _option(words: list[str]) -> str:
    """`-u` as this program takes it; empty where it would not reach jest."""
    divided = "--" in words
    match words:
        case ["npm", "test" | "t", *_] | ["npm", "run" | "run-script", _, *_]:
            return "-u" if divided else "-- -u"
        case ["npx" | "bunx" | "pnpx", "jest", *_] | ["yarn" | "pnpm", "exec", "jest", *_]:
            return "" if divided else "-u"
        case ["yarn" | "pnpm", second, *_] if not second.startswith("-"):
            return "" if divided else "-u"
        case [program, *_] if program.rpartition("/")[2] == "jest":
            return "" if divided else "-u"
        case _:
            return ""
