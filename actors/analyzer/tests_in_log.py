"""Names of failing tests, read from a log alone: one table of patterns, one row for each wording of each runner.

A row must be so specific that no ordinary line matches it: a missed name costs less than an invented one. Names are
written as the runner writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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


_NODE: Final = r"(?P<file>[^\s:]+\.py)::[^\s\[]+(?:\[.*?\](?= - |$|\s+\[| FAILED| ERROR))?"
# Where pytest knows a test from elsewhere; and how much of all tests is done.
_AFTER: Final = r"(?: <- \S+)?"

_ROWS: Final[tuple[_Row, ...]] = (
    _row("pytest", rf"^(?:FAILED|ERROR|FAIL) (?P<name>{_NODE})(?: - (?P<message>.*))?$"),
    _row("pytest", r"^ERROR (?P<name>(?P<file>[^\s:]+\.py))(?: - (?P<message>.*))?$"),
    _row("pytest -v", rf"^(?P<name>{_NODE}){_AFTER}:? (?:FAILED|ERROR)(?:\s+\[ *\d+%\])?$"),
    _row("pytest -n", rf"^\[gw\d+\](?: \[ *\d+%\])? (?:FAILED|ERROR) (?P<name>{_NODE})\s*$"),
    _row("unittest 3.11", r"^(?:FAIL|ERROR): (?P<short>\w+) \((?P<name>[\w.]+\.(?P=short))\)"),
    _row("unittest", r"^(?:FAIL|ERROR): (?P<name>\w+) \((?P<outer>[\w.]+)\)"),
    _row("unittest, with cases", r"^(?:FAIL|ERROR): (?P<name>\w+ ?\(.+\)) \((?P<outer>\w+(?:\.\w+)+)\)$"),
    _row("nose", r"^(?:FAIL|ERROR): (?:Doctest: )?(?P<name>\w+(?:\.\w+){2,}(?:\(.*\))?)$"),
    _row("go test", r"^\s*--- FAIL: (?P<name>\S+) \(\d+\.\d+s\)"),
    _row("cargo test", r"^test (?P<name>[\w:<> ]+?) (?:- should panic )?\.\.\. FAILED$"),
    _row("gtest", r"^\[  FAILED  \] (?P<name>\w[\w./]*\.[\w/]+)(?:, where .*)?(?: \(\d+ ms\))?$"),
    _row("ctest", r"^\s*\d+ - (?P<name>\S+) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted|Not Run)\)"),
    _row("jest", r"^\s{1,4}● (?P<name>(?!Console|Test suite failed)\S.*?)\s*$"),
    _row("karma", r"^\s+✖ (?P<name>(?!\d+ (?:problem|test|error|warning)|.*\(skipped\)$)\S.*?)(?: \(\d+m?s\))?$"),
    _row("RSpec", r"^rspec (?P<name>\S+_spec\.rb(?::\d+|\[[\d:]+\])) # (?P<message>.*)$"),
    _row(
        "surefire",
        r"^(?:\[ERROR\]\s+)?(?P<name>\w[^()]*?(?:\[.*\])?)\((?P<outer>[\w.$\[\]]+)\)  .*<<< (?:FAILURE|ERROR)!",
    ),
    _row("surefire 3", r"^\[ERROR\]\s+(?P<outer>[\w$]+(?:\.[\w$]+)+)\.(?P<name>\w+)(?:\[.*?\])? -- .*<<< (?:FAIL|ERR)"),
    _row("surefire, list", r"^(?:\[ERROR\]\s+)?  (?P<name>\w+)\((?P<outer>[\w.$]+)\)(?:: (?P<message>.*))?$"),
    _row("surefire, list", r"^  (?P<name>\w+) on instance (?P=name)\((?P<outer>[\w.$]+)\)"),
    _row("surefire, list", r"^  (?P<outer>[A-Z]\w+)\.(?P<name>\w+):\d+(?:->\S+)? (?P<message>.*)$"),
    _row("gradle", r"^(?P<outer>[\w.$]+) > (?P<name>\S.*?) FAILED$"),
    _row("PHPUnit", r"^\d+\) (?P<name>[\w\\]+::\w+)(?: with data set .*)?$"),
    _row("TAP", r"^\s*not ok \d+ (?:- )?(?P<name>\S(?:(?!# (?:TODO|SKIP)).)*)$"),
    _row("dotnet test", r"^\s+Failed (?P<name>[\w.]+\.\w+(?:\(.*\))?) \[[\d.<> ]+m?s\]$"),
    _row("xUnit.net", r"^\[xUnit\.net [\d:.]+\]\s+(?P<name>[\w.+]+\.\w+(?:\(.*\))?) \[FAIL\]$"),
    _row("ExUnit", r"^\s+\d+\) (?:test|doctest|property) (?P<name>.+) \((?P<outer>[\w.]+)\)$"),
    _row("vitest", r"^ FAIL {2}(?:\|[^|]*\| )?(?P<file>\S+\.[cm]?[jt]sx?) > (?P<name>\S.*?)$"),
    _row(
        "Playwright",
        r"^\s+\d+\) (?:\[\w+\] \u203a )?(?P<file>\S+\.[cm]?[jt]sx?):\d+:\d+ \u203a (?P<name>\S.*?)(?: ─+)?$",
    ),
    _row("bun", r"^(?:\(fail\)|✗) (?P<name>\S.*?) \[[\d.]+m?s\]$"),
    _row("deno", r"^(?P<name>\S.*?) \.\.\. FAILED \(\d+m?s\)$"),
    _row(
        "nextest",
        r"^\s+(?:TRY \d+ )?(?:FAIL|TIMEOUT|ABORT|SIG[A-Z]+) \[\s*[\d.]+s\](?: \(\s*\d+/\d+\))?"
        r" +(?P<outer>[\w:-]+) (?P<name>\w+(?:::\w+)*)$",
        " ",
    ),
    _row("test-unit", r"^(?:Failure|Error): (?P<name>test[\w ]*)\((?P<outer>[A-Z][\w:]*)\)", "#"),
    _row("XCTest", r"^Test Case '(?:-\[)?(?P<outer>[\w.]+)[ .](?P<name>\w+)\]?' failed\b"),
    _row("Common Test", r"^(?P<name>\w+_SUITE:\w+) failed on line \d+"),
    _row("ScalaTest", r"^\[info\]\s+- (?P<name>\S.*?) \*\*\* FAILED \*\*\*"),
    _row("testthat", r"^── (?:\d+\. )?(?:Failure|Error) \((?P<file>[\w./-]+\.R):\d+:\d+\): (?P<name>\S.*?) ─*$"),
    _row("Test::More", r"^#\s+Failed test '(?P<name>[^']+)'$"),
)


_PYTEST_SECTION: Final = re.compile(r"^=+ (?P<title>[A-Z][\w ]*?) =+$|^=+ .* in [\d.]+ ?s\w* .*=+$")
_PYTEST_HEAD: Final = re.compile(
    r"^_{1,200} (?:\[doctest\] |ERROR at \w+ of |ERROR collecting )?(?P<name>\w[^\s\[]*(?:\[.*\])?) _{1,200}$"
)
_MOCHA_START: Final = re.compile(r"^\s+\d+ failing$")
_MOCHA_HEAD: Final = re.compile(r"^ {2}\d+\) (?P<title>\S.*)$")
_MINITEST_KIND: Final = re.compile(r"^\s*(?:\d+\) )?(?:Failure|Error):$")
_MINITEST_NAME: Final = re.compile(r"^\s*(?P<name>[A-Z]\w*(?:::\w+)*#test_.*?)(?: \[[^\]]{1,500}\])?:$")
_ANT_CASE: Final = re.compile(r"^\s*\[junit\] Testcase: (?P<name>.+?)(?:\((?P<outer>[\w.$]+)\))?(?::| took )")
_ANT_SUITE: Final = re.compile(r"^\s*\[junit\] (?:Testsuite: |Running )(?P<outer>[\w.$]+)$")
_ANT_ENDED: Final = re.compile(r"^\s*\[junit\]\s+(?:FAILED|Caused an ERROR)\s*$")
_MOST_TITLES: Final = 12


def failing_tests(lines: Sequence[Line]) -> tuple[FailingTest, ...]:
    """At most MAX_TESTS, in the order of their first mention; of two mentions, the message of the one that has it."""
    found: dict[str, FailingTest] = {}
    for line in lines:
        for row in _ROWS:
            match = row.pattern.match(line.text)
            if match is None:
                continue
            test = _test(match.groupdict(), row.joint)
            known = found.get(test.name)
            if known is None and row.runner.endswith("list") and any(_same(test.name, other) for other in found):
                break  # said before, and with its package
            if known is None or (test.message and not known.message):
                found[test.name] = test
            break
        if len(found) >= MAX_TESTS:
            break
    for name in (*_mocha(lines), *_ant(lines), *_pytest_heads(lines), *_minitest(lines)):
        if len(found) < MAX_TESTS and not any(_same(name, known) for known in found):
            found[name[:MAX_NAME_CHARS]] = FailingTest(name=name[:MAX_NAME_CHARS])
    return tuple(found.values())


def _same(name: str, known: str) -> bool:
    """Whether a longer name ends with this one: `tests/test_a.py::TestA::test_b` and `TestA.test_b`."""
    return known == name or known.replace("::", ".").endswith(f".{name}")


def _pytest_heads(lines: Sequence[Line]) -> Iterator[str]:
    """The headings of pytest's failures: all that an old pytest says of a test's name."""
    inside = False
    for line in lines:
        section = _PYTEST_SECTION.match(line.text)
        if section is not None:
            inside = section["title"] in {"FAILURES", "ERRORS"}
        elif inside and (head := _PYTEST_HEAD.match(line.text)) is not None:
            yield head["name"]


def _mocha(lines: Sequence[Line]) -> Iterator[str]:
    """Mocha's numbered list: titles of suites, each deeper than the one before, down to a test's, with a colon."""
    started = False
    titles: list[str] = []
    indent = 0
    for line in lines:
        started = started or _MOCHA_START.match(line.text) is not None
        head = _MOCHA_HEAD.match(line.text) if started else None
        if head is not None:
            titles, indent = [head["title"]], 2
        elif titles:
            deeper = len(line.text) - len(line.text.lstrip())
            if not line.text.strip() or deeper <= indent or len(titles) >= _MOST_TITLES:
                titles = []
                continue
            titles.append(line.text.strip())
            indent = deeper
        if titles and titles[-1].endswith(":"):
            yield " ".join(titles).removesuffix(":")
            titles = []


def _minitest(lines: Sequence[Line]) -> Iterator[str]:
    """Minitest says on a line of its own what follows; skipped tests are named in the same way."""
    failed = False
    for line in lines:
        if failed and (name := _MINITEST_NAME.match(line.text)) is not None:
            yield name["name"]
        failed = _MINITEST_KIND.match(line.text) is not None


def _ant(lines: Sequence[Line]) -> Iterator[str]:
    """Ant names a suite, then a test, and then says that the test failed."""
    outer = name = ""
    for line in lines:
        if "[junit]" not in line.text:
            continue
        if (suite := _ANT_SUITE.match(line.text)) is not None:
            outer = suite["outer"]
        elif (case := _ANT_CASE.match(line.text)) is not None:
            name = ".".join(part for part in (case["outer"] or outer, case["name"]) if part)
        elif name and _ANT_ENDED.match(line.text) is not None:
            yield name
            name = ""


def _test(groups: dict[str, str | None], joint: str) -> FailingTest:
    name = joint.join(part for part in (groups.get("outer"), groups["name"]) if part)
    return FailingTest(
        name=name[:MAX_NAME_CHARS],
        message=(groups.get("message") or "")[:MAX_MESSAGE_CHARS],
        file=(groups.get("file") or "")[:MAX_NAME_CHARS],
    )
