"""One failed attempt's log and reports in, a finding out. Pure, bounded in time and memory for any input.

Order of trust: what the sandbox saw from outside, then JUnit reports, then the log. Never raises for what a log or a
report contains: both are written by the code under test.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actors.analyzer.categorize import Verdict, categorize
from actors.analyzer.excerpt import Excerpt, excerpt, last_lines
from actors.analyzer.junit import MAX_TESTS, read_junit
from actors.analyzer.ranker.choose import Chosen, chosen, is_of_steps
from actors.analyzer.signature import signature
from actors.analyzer.tests_in_log import failing_tests
from actors.analyzer.window import HEAD_LINES, Line, spans, window
from models.failure import Category, FailingTest, Finding
from models.job import JobSpec
from models.result import AttemptResult, Cause

MAX_SUMMARY_CHARS: Final = 240
MAX_REPORTS: Final = 100
_END_LINES: Final = 120

_ERROR_MARK: Final = re.compile(r"^(?:E\s{1,5}|>\s+)")
_SYNTAX_PLACE: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')
_STOPPED: Final = frozenset({Cause.WALL_TIME, Cause.OUT_OF_MEMORY, Cause.OUTPUT_LIMIT})


def analyze(
    lines: Sequence[str],
    *,
    result: AttemptResult | None,
    junit: Sequence[bytes] = (),
    spec: JobSpec | None = None,
    passed: Sequence[Sequence[str]] = (),
) -> Finding:
    """What went wrong. `lines` is the whole log of the failing attempt, `junit` its reports' bytes.

    `passed` are logs of the same job that passed. `spec` lets the summary name the limit that was reached. `excerpt`
    spans count lines from 1, as `lines` does.
    """
    seen = window(lines)
    stopped = result is not None and result.cause in _STOPPED
    texts = [line.text for line in seen]
    ranked = Chosen([], []) if stopped else chosen(texts, passed, steps=is_of_steps(lines[:HEAD_LINES]))
    shown = last_lines(seen) if stopped else excerpt(seen, ranked.lines)
    failing = _failing(seen, junit)
    end = "\n".join(line.text for line in seen[-_END_LINES:])
    verdict = categorize(end, failing, result, excerpt=shown.text)
    if not seen or shown.structure == "nothing":
        verdict = verdict._replace(looked_at=(*verdict.looked_at, "the log is empty"))
    return Finding(
        category=verdict.category,
        confidence=verdict.confidence,
        excerpt=shown.spans,
        excerpt_text=shown.text,
        summary=_summary(verdict, failing, shown, result, spec)[:MAX_SUMMARY_CHARS],
        signature=_signature(verdict, failing, [texts[at] for at in ranked.telling], result),
        failing_tests=failing,
        looked_at=verdict.looked_at,
        evidence=spans(seen, ranked.lines),
    )


def _failing(seen: Sequence[Line], junit: Sequence[bytes]) -> tuple[FailingTest, ...]:
    """From the reports where they name any, else from the log."""
    reported: dict[str, FailingTest] = {}
    for report in junit[:MAX_REPORTS]:
        reported |= {test.name: test for test in read_junit(report) if test.name not in reported}
    return tuple(reported.values())[:MAX_TESTS] if reported else failing_tests(seen)


def _message(shown: Excerpt) -> str:
    return _ERROR_MARK.sub("", shown.headline).strip()


def _summary(
    verdict: Verdict,
    failing: Sequence[FailingTest],
    shown: Excerpt,
    result: AttemptResult | None,
    spec: JobSpec | None,
) -> str:
    """One plain sentence."""
    if result is not None and result.cause is not Cause.EXIT:
        return _limit(result, spec)
    message = _message(shown)
    if verdict.category is Category.TEST and failing:
        return _tests_failed(failing, message)
    place = _SYNTAX_PLACE.findall(shown.text)
    if place and "SyntaxError" in message and len(place[-1][0]) < 120:
        return f"{message} (`{place[-1][0].removeprefix('./')}`, line {place[-1][1]})"
    if message and shown.structure != "tail":
        return message
    code = f" with code {result.exit_code}" if result is not None and result.exit_code is not None else ""
    return (
        f"the command ended{code} and its log does not say why"
        if message
        else f"the command ended{code} and left no log"
    )


def _limit(result: AttemptResult, spec: JobSpec | None) -> str:
    limits = {
        Cause.WALL_TIME: f"ran longer than {spec.timeout_s:g} s" if spec else "ran longer than its time limit",
        Cause.OUT_OF_MEMORY: f"used more than {spec.resources.memory_mb} MB of memory"
        if spec
        else "used too much memory",
        Cause.OUTPUT_LIMIT: "wrote more output than a job may",
        Cause.SANDBOX: "the sandbox failed",
        Cause.RUNNER_LOST: "the runner was lost",
        Cause.QUEUE_TIME: "no runner took the job in time",
        Cause.REFUSED: "the job asks for what this installation does not give",
        Cause.CANCELLED: "it was cancelled",
    }
    said = limits.get(result.cause, str(result.cause))
    own_words = result.cause not in {Cause.WALL_TIME, Cause.OUT_OF_MEMORY} or spec is None
    return result.detail or said if own_words else said


def _tests_failed(failing: Sequence[FailingTest], message: str) -> str:
    first = failing[0]
    why = first.message if first.message and not first.message.endswith("...") else message or first.message
    name = f"`{_short(first.name)}`"
    because = f": {why}" if why else ""
    return (
        f"{name} failed{because}" if len(failing) == 1 else f"{len(failing)} tests failed, the first is {name}{because}"
    )


def _short(name: str) -> str:
    """`test_add` of `tests/test_ops.py::TestAdd::test_add`."""
    return name.rpartition("::")[2].replace("`", "'") or name


def _signature(
    verdict: Verdict, failing: Sequence[FailingTest], telling: Sequence[str], result: AttemptResult | None
) -> str:
    """What ended from outside is known by how."""
    if result is not None and result.cause is not Cause.EXIT:
        return f"{verdict.category}: {result.cause}"
    return signature(failing, telling)
