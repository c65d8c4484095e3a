"""A job that failed because of snapshots alone, to be asked to write them anew: jest, vitest, syrupy and insta. Pure.

The log need only make it worth a probe: whether nothing else fails, the probe shows, which must pass, and what the
patch is, it says itself. So a log that imitates a tool gets nothing but that probe.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from actors.analyzer.proposals.diffs import plain
from actors.analyzer.proposals.files import Files, guarded
from models.errors import ChangeError
from models.job import JobSpec
from models.patch import MAX_FILES, checked_path
from models.proposal import Proposal, ProposalKind
from models.snapshots import Snapshots, SnapshotTool, is_snapshot, rewriting
from sandbox.spec import WORKSPACE

MOST_PATHS: Final = 30

_SCRIPT: Final = r"(?P<file>[\w@./+-]+\.[cm]?[jt]sx?)"
_JEST_FILE: Final = re.compile(rf"FAIL {{1,2}}(?:\S{{1,60}} {{1,2}})?{_SCRIPT}(?: \([\d.]+ m?s\))?")
_JEST_HEAD: Final = re.compile(r"  ● (?!Console$).+")
_JEST_MISMATCH: Final = re.compile(r"    expect\(\w+\)\.to(?:Match|ThrowErrorMatching)Snapshot\(.*\)")
_JEST_COUNTS: Final = re.compile(r"(?:Tests|Snapshots): {1,10}[1-9]\d* failed, .*total")
_VITEST_HEAD: Final = re.compile(rf" FAIL {{2}}(?:\|[^|]{{1,60}}\| )?{_SCRIPT} > .+")
_VITEST_MISMATCH: Final = re.compile(r"Error: Snapshot `.+` mismatched")
_VITEST_COUNTS: Final = re.compile(r" *(?:Tests|Snapshots) {2}[1-9]\d* failed.*")
_ELSEWHERE: Final = re.compile(r"toMatch(?:Inline|File)Snapshot|toThrowErrorMatchingInlineSnapshot")
_SYRUPY: Final = re.compile(
    r"FAILED (?P<file>[\w./+-]+)\.py::.+ - (?:AssertionError: )?assert \[\+ received\] == \[- snapshot\]"
)
_SYRUPY_COUNT: Final = re.compile(r"[1-9]\d* snapshots? failed\..*")
_PYTEST_END: Final = re.compile(
    r"(?:=+ )?(?P<failed>\d+) failed(?:, \d+ (?:passed|skipped|deselected|xfailed|xpassed|warnings?))* in \d.*"
)
_INSTA_FILE: Final = re.compile(r"Snapshot file: (?P<file>[\w@./+-]+\.snap)")
_INSTA_MISMATCH: Final = re.compile(
    r"(?:thread '[^']{1,300}' panicked at ')?snapshot assertion for '[^']{1,300}' failed in line \d+.*"
)
_PANIC: Final = re.compile(r"thread '.*' (?:\(\d+\) )?panicked at .*")
_CARGO_END: Final = re.compile(r"test result: FAILED\. \d+ passed; (?P<failed>\d+) failed;.*")


class Seen(NamedTuple):
    """What the log says of one tool: whose snapshots do not match, and the lines that say so, from 1 and inclusive."""

    tool: SnapshotTool
    files: tuple[str, ...]
    first: int
    last: int


def of_snapshots(lines: Sequence[str], spec: JobSpec, files: Files, step: int | None) -> Proposal | None:
    """The snapshots that the failed step is to write anew; the patch comes later. `ChangeError`: there must be none."""
    text = plain(lines)
    found = [seen for look in (_jest, _vitest, _syrupy, _insta) if (seen := look(text)) is not None]
    if not found:
        return None
    if len(found) > 1:
        raise ChangeError("several tools have snapshots that do not match")
    seen = found[0]
    snapshots = Snapshots(tool=seen.tool, paths=_paths(seen, files))
    if rewriting(spec, step, snapshots) is None:
        raise ChangeError(f"it is not clear how the step that failed makes {seen.tool} write its snapshots")
    why = f"only snapshots differ, and {seen.tool} wrote these anew; whether the new output is meant is for you to say"
    return Proposal(
        kind=ProposalKind.SNAPSHOT, patch="", why=why, first=seen.first, last=seen.last, snapshots=snapshots
    )


def _paths(seen: Seen, files: Files) -> tuple[str, ...]:
    """The snapshots in the tree that the log means. Tools name files from wherever they run: each that ends so."""
    if len(seen.files) > MAX_FILES:
        raise ChangeError(f"snapshots of {len(seen.files)} files do not match")
    known = [path for path in files.paths if is_snapshot(seen.tool, path)]
    paths: dict[str, None] = {}
    for file in seen.files:
        wanted = checked_path(file.removeprefix(f"{WORKSPACE}/").removeprefix("./"))
        meant = [path for path in known if _belongs(seen.tool, f"/{path}", f"/{wanted}")]
        if not meant:
            raise ChangeError(f"no snapshot in the tree belongs to {wanted}")
        paths |= dict.fromkeys(meant)
    for path in paths:
        if guarded(checked_path(path)):
            raise ChangeError(f"a snapshot in {path} is not proposed")
    if len(paths) > MOST_PATHS:
        raise ChangeError(f"there are {len(paths)} snapshots of the tests that failed")
    return tuple(sorted(paths))


def _belongs(tool: SnapshotTool, path: str, wanted: str) -> bool:
    """Whether a snapshot is one of a test file's; of insta, which names its snapshots, whether it is that one."""
    if tool is SnapshotTool.INSTA:
        return path.endswith(wanted)
    folder, _, name = wanted.rpartition("/")
    if tool is SnapshotTool.SYRUPY:
        return path.endswith(f"{folder}/__snapshots__/{name}.ambr") or f"{folder}/__snapshots__/{name}/" in path
    return path.endswith(f"{folder}/__snapshots__/{name}.snap")


def _jest(lines: Sequence[str]) -> Seen | None:
    """Each failure that is told of is a snapshot's."""
    heads = _at(lines, _JEST_HEAD)
    counts = _at(lines, _JEST_COUNTS)
    if not heads or len(counts) != 2:
        return None
    for head, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        if not any(_JEST_MISMATCH.fullmatch(line) for line in lines[head:end]):
            return None
    return _seen(SnapshotTool.JEST, lines, _JEST_FILE, heads[0], counts[-1])


def _vitest(lines: Sequence[str]) -> Seen | None:
    """Each failure's error is a snapshot's; tests with the same error stand above it together."""
    heads = [at for at, line in enumerate(lines) if line.startswith(" FAIL ")]
    counts = _at(lines, _VITEST_COUNTS)
    if not heads or len(counts) != 2 or any(_ELSEWHERE.search(line) for line in lines):
        return None
    for head in heads:
        follows = lines[head + 1] if head + 1 < len(lines) else ""
        if not _VITEST_HEAD.fullmatch(lines[head]):
            return None
        if not follows.startswith(" FAIL ") and not _VITEST_MISMATCH.fullmatch(follows):
            return None
    return _seen(SnapshotTool.VITEST, lines, _VITEST_HEAD, heads[0], counts[-1])


def _syrupy(lines: Sequence[str]) -> Seen | None:
    """As many tests fail as comparisons with a snapshot."""
    ends, failed = _at(lines, _PYTEST_END), _at(lines, _SYRUPY)
    if len(ends) != 1 or not failed or not _at(lines, _SYRUPY_COUNT):
        return None
    if _count(lines, _PYTEST_END) != len(failed):
        return None
    return _seen(SnapshotTool.SYRUPY, lines, _SYRUPY, failed[0], ends[0])


def _insta(lines: Sequence[str]) -> Seen | None:
    """As many tests fail as there are panics, and as many assertions of snapshots."""
    named, ends, mismatches = _at(lines, _INSTA_FILE), _at(lines, _CARGO_END), _at(lines, _INSTA_MISMATCH)
    if not named or not ends or not len(_at(lines, _PANIC)) == len(mismatches) == _count(lines, _CARGO_END):
        return None
    return _seen(SnapshotTool.INSTA, lines, _INSTA_FILE, named[0], ends[-1])


def _at(lines: Sequence[str], pattern: re.Pattern[str]) -> list[int]:
    return [at for at, line in enumerate(lines) if pattern.fullmatch(line)]


def _count(lines: Sequence[str], pattern: re.Pattern[str]) -> int:
    return sum(int(said["failed"][:9]) for line in lines if (said := pattern.fullmatch(line)) is not None)


def _seen(tool: SnapshotTool, lines: Sequence[str], named: re.Pattern[str], first: int, last: int) -> Seen | None:
    files = dict.fromkeys(said["file"] for line in lines if (said := named.fullmatch(line)) is not None)
    return Seen(tool, tuple(files), first + 1, last + 1) if files else None
