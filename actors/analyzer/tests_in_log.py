"""Names of failing tests, read from a log alone: one table of patterns, one row for each wording of each runner.

A row must be so specific that no ordinary line matches it: a missed name costs less than an invented one. Names are
written as the runner writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from actors.analyzer.junit import MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_TESTS
from actors.analyzer.window import Line
from models.failure import FailingTest


class _Row(NamedTuple):
    """`pattern` has a group `name`, and perhaps `message`, `outer` (class or suite) and `file`."""

    runner: str
    pattern: re.Pattern[str]
    joint: str = "."


def _row(runner: str, pattern: str, joint: str = ".") -> _Row:
    return _Row(runner, re.compile(pattern), joint)


_NODE: Final = r"(?P<file>[^\s:]+\.py)::[^\s\[]+(?:\[.*?\](?= - |$|\s+\[))?"

_ROWS: Final[tuple[_Row, ...]] = (
    _row("pytest", rf"^(?:FAILED|ERROR) (?P<name>{_NODE})(?: - (?P<message>.*))?$"),
    _row("pytest", r"^ERROR (?P<name>(?P<file>[^\s:]+\.py))(?: - (?P<message>.*))?$"),
    _row("pytest -v", rf"^(?P<name>{_NODE}) (?:FAILED|ERROR)(?:\s+\[ *\d+%\])?$"),
    _row("pytest -n", rf"^\[gw\d+\](?: \[ *\d+%\])? (?:FAILED|ERROR) (?P<name>{_NODE})\s*$"),
    _row("unittest 3.11", r"^(?:FAIL|ERROR): (?P<short>\w+) \((?P<name>[\w.]+\.(?P=short))\)"),
    _row("unittest", r"^(?:FAIL|ERROR): (?P<name>\w+) \((?P<outer>[\w.]+)\)"),
    _row("go test", r"^\s*--- FAIL: (?P<name>\S+) \(\d+\.\d+s\)"),
    _row("cargo test", r"^test (?P<name>[\w:<> ]+?) (?:- should panic )?\.\.\. FAILED$"),
    _row("gtest", r"^\[  FAILED  \] (?P<name>\w[\w./]*\.[\w/]+)(?:, where .*)?(?: \(\d+ ms\))?$"),
    _row("ctest", r"^\s*\d+ - (?P<name>\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted|Not Run)\)"),
    _row("jest", r"^\s{1,4}● (?P<name>(?!Console|Test suite failed)\S.*?)\s*$"),
    _row("RSpec", r"^rspec (?P<name>\S+_spec\.rb(?::\d+|\[[\d:]+\])) # (?P<message>.*)$"),
    _row("surefire", r"^(?:\[ERROR\]\s+)?(?P<name>\w+(?:\[.*?\])?)\((?P<outer>[\w.$]+)\)  .*<<< (?:FAILURE|ERROR)!"),
    _row("surefire 3", r"^\[ERROR\]\s+(?P<outer>[\w$]+(?:\.[\w$]+)+)\.(?P<name>\w+)(?:\[.*?\])? -- .*<<< (?:FAIL|ERR)"),
    _row("gradle", r"^(?P<outer>[\w.$]+) > (?P<name>\S.*?) FAILED$"),
    _row("PHPUnit", r"^\d+\) (?P<name>[\w\\]+::\w+)(?: with data set .*)?$"),
    _row("TAP", r"^\s*not ok \d+ (?:- )?(?P<name>\S(?:(?!# (?:TODO|SKIP)).)*)$"),
    _row("dotnet test", r"^\s+Failed (?P<name>[\w.]+\.\w+(?:\(.*\))?) \[[\d.<> ]+m?s\]$"),
    _row("ExUnit", r"^\s+\d+\) test (?P<name>.+) \((?P<outer>[\w.]+)\)$"),
)


def failing_tests(lines: Iterable[Line]) -> tuple[FailingTest, ...]:
    """At most MAX_TESTS, in the order of their first mention; of two mentions, the message of the one that has it."""
    found: dict[str, FailingTest] = {}
    for line in lines:
        for row in _ROWS:
            match = row.pattern.match(line.text)
            if match is None:
                continue
            test = _test(match.groupdict(), row.joint)
            known = found.get(test.name)
            if known is None or (test.message and not known.message):
                found[test.name] = test
            break
        if len(found) >= MAX_TESTS:
            break
    return tuple(found.values())


def _test(groups: dict[str, str | None], joint: str) -> FailingTest:
    name = joint.join(part for part in (groups.get("outer"), groups["name"]) if part)
    return FailingTest(
        name=name[:MAX_NAME_CHARS],
        message=(groups.get("message") or "")[:MAX_MESSAGE_CHARS],
        file=(groups.get("file") or "")[:MAX_NAME_CHARS],
    )
