"""A finding as Markdown for a comment: verdict, failing tests, the lines, and the earlier failure it resembles.

At most MAX_LINES lines. Text that comes from a log, a report or a pull request's title stands in code spans, or in a
fenced block whose fence is longer than any in it, or is escaped. Nothing of it becomes a mention, a link, an image,
HTML or a reference to an issue. Written by us and alive on purpose: the earlier pull request's number and commits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from actors.analyzer.fourway import line
from actors.analyzer.next_step import next_step
from actors.analyzer.normalize import clean
from actors.reporter.markdown import code, fenced, inert
from models.failure import Category, Explanation, FailingTest, Finding, PastFailure, TestBlame, TestVerdict
from models.printable import day

MAX_LINES: Final = 25
_AROUND_EXCERPT: Final = 5  # the lines that say where it stands, and its fence
_EXCERPT_CHARS: Final = 240
_TESTS: Final = 4

_VERDICTS: Final[dict[Category, str]] = {
    Category.TEST: "A test fails",
    Category.BUILD: "The code does not build",
    Category.DEPENDENCY: "A dependency is missing or does not resolve",
    Category.LINT: "A linter or formatter objects",
    Category.CONFIGURATION: "The job is not set up right",
    Category.TIMEOUT: "It took too long",
    Category.OUT_OF_MEMORY: "It ran out of memory",
    Category.INFRASTRUCTURE: "The infrastructure failed, not the change",
    Category.FLAKY: "Probably flaky",
    Category.SECURITY_POLICY: "A policy forbids it",
    Category.UNKNOWN: "I do not know why",
}
_BLAMES: Final = (
    TestBlame.CAUSED_HERE,
    TestBlame.NEW_AND_UNCLEAR,
    TestBlame.FAILS_ON_BASE,
    TestBlame.KNOWN_FLAKY,
)
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


def markdown(explanation: Explanation, log_url: str = "") -> str:
    """Without a heading and without a line break at its end. `log_url` is what links to lines start with, up to `?`."""
    finding, past = explanation.finding, explanation.past
    before = [_verdict(finding), *_tests(finding.failing_tests, explanation.verdicts)]
    after = ["", _resembles(past)] if past is not None else []
    after += ["", checked] if (checked := line(explanation.four_way)) else []
    after += ["", f"Next: {next_step(explanation)}."]
    room = MAX_LINES - len(before) - len(after)
    return "\n".join([*before, *_excerpt(finding, log_url, room=room), *after])


def _verdict(finding: Finding) -> str:
    if finding.category is Category.UNKNOWN:
        sure = "unknown"
    else:
        sure = f"{finding.category.replace('_', ' ')}, {finding.confidence:.0%} sure"
    seen = f" — {inert('; '.join(finding.looked_at), 160)}" if finding.looked_at else ""
    return f"**{_VERDICTS[finding.category]}** ({sure}): {prose(finding.summary)}{seen}"


def _tests(tests: Sequence[FailingTest], verdicts: Sequence[TestVerdict]) -> list[str]:
    """One is in the summary already, with its message; here stands its full name. First those that the change broke."""
    if not tests:
        return []
    given = {verdict.test: verdict for verdict in verdicts}
    tests = sorted(tests, key=lambda test: _BLAMES.index(given[test.name].blame) if test.name in given else 0)
    shown = [
        f"- {code(test.name, 160)}{_at(test)}{_because(test) if len(tests) > 1 else ''}{_blame(given.get(test.name))}"
        for test in tests[:_TESTS]
    ]
    if len(tests) > _TESTS:
        more = Counter(given[test.name].blame for test in tests[_TESTS:] if test.name in given)
        of = ", ".join(f"{more[blame]} {_words(blame)}" for blame in _BLAMES if more[blame])
        shown.append(f"- and {len(tests) - _TESTS} more{f': {of}' if of else ''}")
    return ["", *shown]


def _blame(verdict: TestVerdict | None) -> str:
    if verdict is None:
        return ""
    aside = f"; {inert(verdict.quarantine, 200)}" if verdict.quarantine else ""
    return f" — **{_words(verdict.blame)}**: {inert(verdict.evidence, 200)}{aside}"


def _words(blame: TestBlame) -> str:
    return blame.replace("_", " ")


def _at(test: FailingTest) -> str:
    return f" at {code(f'{test.file}:{test.line}', 160)}" if test.file and test.line else ""


def _because(test: FailingTest) -> str:
    return f": {code(test.message, 160)}" if test.message else ""


def _excerpt(finding: Finding, log_url: str, *, room: int) -> list[str]:
    """The lines in a fence that nothing in them can close (CommonMark 0.31, section 4.5), and where they stand."""
    lines = _with_gaps(finding)
    if not lines:
        return []
    most = room - _AROUND_EXCERPT
    if len(lines) > most:
        left_out = len(lines) - most + 1
        head = most // 2
        lines = [*lines[:head], f"… {left_out} lines …", *lines[head + left_out :]]
    return ["", f"{_where(finding, log_url)}:", "", *fenced(lines, "text")]


def _with_gaps(finding: Finding) -> list[str]:
    """The excerpt's lines, with an ellipsis where lines of the log were left out between them."""
    if not finding.excerpt_text:
        return []
    lines = [clean(line)[:_EXCERPT_CHARS] for line in finding.excerpt_text.split("\n")]
    if sum(span.last - span.first + 1 for span in finding.excerpt) != len(lines):
        return lines
    shown: list[str] = []
    for span in finding.excerpt:
        taken = span.last - span.first + 1
        shown += ["…", *lines[:taken]] if shown else lines[:taken]
        lines = lines[taken:]
    return shown


def _where(finding: Finding, log_url: str) -> str:
    places = [
        f"{span.first}-{span.last}" if span.last > span.first else str(span.first) for span in finding.excerpt[:6]
    ]
    if log_url:
        places = [f"[{place}]({log_url}lines={place})" for place in places]
    return f"Log lines {', '.join(places)}" if places else "From the log"


def _resembles(past: PastFailure) -> str:
    """How often and since when, in which pull requests; then the one whose fix is known, else the newest."""
    where = f"#{past.number}" if past.number is not None else f"commit {_commit(past.head)}"
    title = f" ({code(past.title, 80)})" if past.title else ""
    one = f"{code(past.job)} of {day(past.at)} in {where}{title}"
    fix = f"fixed by {_commit(past.fixed_by)}" if past.fixed_by else "no fix is known"
    seen = "Seen before" if past.same else f"Something like it was seen before ({1 - past.distance:.1%} alike)"
    if past.times <= 1:
        return f"{seen}: {one}; {fix}."
    numbers = f" in {', '.join(f'#{number}' for number in past.numbers)}" if past.numbers else ""
    which = "one of them" if past.fixed_by else "lately"
    return f"{seen}: {past.times} times since {day(past.since or past.at)}{numbers}; {which} {one}, {fix}."


def _commit(commit: str) -> str:
    """Bare, so that the forge links it; anything that is not a commit id is shown as text."""
    return commit[:12] if _COMMIT.fullmatch(commit) else code(commit, 40)


def prose(text: str) -> str:
    """A summary for Markdown: what it has between backticks as code, the rest as plain text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return code(text, 260)
    rendered = [code(part) if at % 2 else _outside(part) for at, part in enumerate(parts)]
    return "".join(rendered)


def _outside(text: str) -> str:
    """`inert` drops the spaces at the ends, which separate plain text from code."""
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{inert(text)}{after}"
