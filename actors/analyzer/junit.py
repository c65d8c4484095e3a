"""Failing tests from a JUnit XML report: an exact source, but written by hostile code: read as a bounded stream.

No tree is built, no DTD or entity is accepted, and what was read before a report breaks off counts. Skipped tests,
and attempts that a later rerun made good (`flakyFailure`, `rerunFailure`), are not failures.
Format: https://github.com/testmoapp/junitxml (there is no official one).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from actors.analyzer.normalize import clean
from models.failure import FailingTest

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_TESTS: Final = 1_000
MAX_NAME_CHARS: Final = 300
MAX_MESSAGE_CHARS: Final = 300
_MAX_TEXT_CHARS: Final = 64 * 1024
_CHUNK: Final = 64 * 1024

_AT: Final = re.compile(r"^([\w./\\@+-]{1,300}\.\w{1,8}):(\d{1,7}): ?(?:\w|$)", re.MULTILINE)
_PYTEST_ERROR: Final = re.compile(r"^E {1,3}(\S.*)$", re.MULTILINE)
_CONTENT_FREE: Final = frozenset({"", "collection failure", "failed", "failure", "error", "null"})


def read_junit(data: bytes) -> tuple[FailingTest, ...]:
    """The failing tests, at most MAX_TESTS, in the report's order. Broken or hostile reports give what came before."""
    return read_report(data).failing


class Report(NamedTuple):
    """A report's failing tests, those of the tests asked for that passed, and whether it was read to its end."""

    failing: tuple[FailingTest, ...]
    passed: frozenset[str]
    whole: bool


def read_report(data: bytes, wanted: AbstractSet[str] = frozenset()) -> Report:
    """As `read_junit`; and which of the `wanted` tests passed, however the report and the log write their names."""
    report = _Report({_plain(name): name for name in wanted})
    parser = DefusedXMLParser(target=report, forbid_dtd=True)
    whole = False
    try:
        for start in range(0, min(len(data), MAX_BYTES), _CHUNK):
            parser.feed(data[start : start + _CHUNK])
            if len(report.failing) >= MAX_TESTS:
                break
        else:
            parser.close()
            whole = len(data) <= MAX_BYTES
    except (ParseError, DefusedXmlException, LookupError, ValueError):
        pass  # LookupError: an encoding that does not exist; the rest of the report cannot be read
    failed = {_plain(test.name) for test in report.failing}
    passed = frozenset(name for plain, name in report.passed.items() if plain not in failed)
    return Report(tuple(report.failing[:MAX_TESTS]), passed, whole)


class _Report:
    """The parser's target: remembers the test it is in, and the text of the failure it is in."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self.failing: list[FailingTest] = []
        self.passed: dict[str, str] = {}
        self._wanted = wanted
        self._case: Mapping[str, str] = {}
        self._failure: Mapping[str, str] | None = None
        self._text: list[str] = []
        self._chars = 0
        self._told = False
        self._skipped = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = _local(tag)
        if name == "testcase":
            self._case, self._told, self._skipped = dict(attributes), False, False
        elif name == "skipped":
            self._skipped = True
        elif name in {"failure", "error"} and self._case and not self._told:
            self._failure, self._text, self._chars = dict(attributes), [], 0

    def data(self, text: str) -> None:
        if self._failure is not None and self._chars < _MAX_TEXT_CHARS:
            self._text.append(text[: _MAX_TEXT_CHARS - self._chars])
            self._chars += len(text)

    def end(self, tag: str) -> None:
        name = _local(tag)
        if name in {"failure", "error"} and self._failure is not None:
            self.failing.append(_failing(self._case, self._failure, "".join(self._text)))
            self._failure, self._told = None, True
        elif name == "testcase":
            if self._wanted and not self._told and not self._skipped:
                self._note_pass()
            self._case = {}

    def _note_pass(self) -> None:
        case = self._case
        plain = _plain(_name(case.get("classname", ""), case.get("name", ""), case.get("file", ""), []))
        if plain in self._wanted:
            self.passed[plain] = self._wanted[plain]

    def close(self) -> None:
        """Called by the parser at the end of a whole document; there is nothing left to do."""


def _plain(name: str) -> str:
    """A name without what runners write in different ways: a report knows `tests.test_a` where a log has its file."""
    return name.replace(".py::", ".").replace("::", ".").replace("/", ".")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2].lower()


def _failing(case: Mapping[str, str], failure: Mapping[str, str], text: str) -> FailingTest:
    places = _AT.findall(text)
    # The last place of pytest's text that is in the repository; a `file` attribute, where there is one, is exact.
    near = next((place for place in reversed(places) if not place[0].startswith(("/", ".."))), ("", ""))
    file, line = case.get("file") or near[0], case.get("line") or near[1]
    if failure.get("message") == "collection failure" and not case.get("classname"):
        name = f"{clean(case.get('name', '')).replace('.', '/')}.py"[:MAX_NAME_CHARS]  # pytest gives the module
    else:
        name = _name(case.get("classname", ""), case.get("name", ""), case.get("file", ""), [p for p, _ in places])
    return FailingTest(
        name=name,
        message=_message(failure, text),
        file=clean(file)[:MAX_NAME_CHARS],
        line=int(line) if line.isascii() and line.isdigit() and len(line) < 8 else None,
        source="junit",
    )


def _name(classname: str, name: str, file: str, paths: list[str]) -> str:
    """As the runner itself would name it: pytest's node id where the file is known, else `class.name`."""
    for path in (file, *paths):
        module = path.removesuffix(".py").replace("\\", "/").replace("/", ".")
        if path.endswith(".py") and (classname == module or classname.startswith(f"{module}.")):
            inner = classname[len(module) + 1 :].replace(".", "::")
            return clean("::".join(part for part in (path, inner, name) if part))[:MAX_NAME_CHARS]
    separator = "::" if "::" in classname else "."
    return (
        clean(separator.join(part for part in (classname, name) if part))[:MAX_NAME_CHARS] or "(a test without a name)"
    )


def _message(failure: Mapping[str, str], text: str) -> str:
    """One line. pytest's `E` line says more than a message such as "collection failure"."""
    said = failure.get("message", "").strip().splitlines()
    first = clean(said[0]) if said else ""
    if first.lower() in _CONTENT_FREE:
        errors = _PYTEST_ERROR.findall(text)
        lines = [line for line in text.splitlines()[:50] if line.strip()]
        first = clean(errors[-1] if errors else (lines[0] if lines else failure.get("type", ""))).strip()
    return first[:MAX_MESSAGE_CHARS]
