"""The kind of a failure, with how sure it is, or `unknown`. Each answer says what it was read from.

What the sandbox saw from outside (time, memory, a lost runner) is a fact and goes first. Then a table of words in the
excerpt and the end of the log; then failing tests. The confidences are estimates of how often each sign is right; issue
by issue they are to be replaced by measured ones. Below ABSTAIN_BELOW the answer is `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from models.failure import Category, FailingTest
from models.result import AttemptResult, Cause

ABSTAIN_BELOW: Final = 0.5


class Verdict(NamedTuple):
    """`looked_at` is one entry for each thing that spoke for the answer, in words."""

    category: Category
    confidence: float
    looked_at: tuple[str, ...]


class _Sign(NamedTuple):
    category: Category
    confidence: float
    words: re.Pattern[str]
    what: str


_CAUSES: Final[Mapping[Cause, tuple[Category, float, str]]] = {
    Cause.WALL_TIME: (Category.TIMEOUT, 0.99, "the sandbox stopped it when its time was over"),
    Cause.OUT_OF_MEMORY: (Category.OUT_OF_MEMORY, 0.99, "the kernel killed it at its memory limit"),
    Cause.OUTPUT_LIMIT: (Category.CONFIGURATION, 0.6, "it wrote more output than a job may"),
    Cause.SANDBOX: (Category.INFRASTRUCTURE, 0.97, "the sandbox could not be prepared, or broke"),
    Cause.RUNNER_LOST: (Category.INFRASTRUCTURE, 0.97, "the runner was lost"),
    Cause.QUEUE_TIME: (Category.INFRASTRUCTURE, 0.97, "no runner took it in time"),
    Cause.REFUSED: (Category.CONFIGURATION, 0.9, "it asks for what this installation does not give"),
}
_EXIT_CODES: Final[Mapping[int, tuple[Category, float, str]]] = {
    124: (Category.TIMEOUT, 0.7, "exit code 124, which `timeout` gives"),
    126: (Category.CONFIGURATION, 0.75, "exit code 126: a command that may not be executed"),
    127: (Category.CONFIGURATION, 0.85, "exit code 127: a command that is not there"),
    137: (Category.OUT_OF_MEMORY, 0.6, "exit code 137: killed from outside"),
}


def _sign(category: Category, confidence: float, words: str, what: str) -> _Sign:
    return _Sign(category, confidence, re.compile(words, re.MULTILINE), what)


_SIGNS: Final = (
    _sign(Category.BUILD, 0.92, r"^(?:E\s+)?\s*(?:SyntaxError|IndentationError|TabError): ", "a syntax error"),
    _sign(
        Category.DEPENDENCY,
        0.9,
        r"Could not find a version that satisfies|No matching distribution|ResolutionImpossible"
        r"|npm ERR! (?:code )?E?404|npm ERR! code ERESOLVE"
        r"|Could not resolve dependencies for project|failed to select a version for"
        r"|go: .*unknown rev|Could not find gem|unable to resolve dependency|Your lock ?file .*out of date",
        "a package that cannot be resolved",
    ),
    _sign(
        Category.DEPENDENCY, 0.8, r"ModuleNotFoundError: No module named|Cannot find module '[^./]", "a missing module"
    ),
    _sign(
        Category.INFRASTRUCTURE,
        0.75,
        r"No space left on device|Temporary failure in name resolution|Could not resolve host|Network is unreachable"
        r"|Connection reset by peer|TLS handshake timeout|502 Bad Gateway|503 Service|Docker daemon running"
        r"|The runner has received a shutdown signal",
        "a network or host that failed",
    ),
    _sign(
        Category.OUT_OF_MEMORY,
        0.8,
        r"Out of memory|OutOfMemoryError|JavaScript heap out of memory|^MemoryError|Cannot allocate memory|oom-kill",
        "words about memory",
    ),
    _sign(
        Category.TIMEOUT,
        0.8,
        r"exceeded the (?:maximum )?(?:execution )?time|No output has been received in the last|has timed out after \d+"
        r"|The job exceeded the maximum time|^Timeout!? |\btimed out after \d+ (?:s|sec|min)",
        "words about time",
    ),
    _sign(
        Category.LINT,
        0.85,
        r"^\S+:\d+:\d+:? [EFWCNBDIRUS]{1,3}\d{3,4}\b|^would reformat |files? would be reformatted"
        r"|^\s*\d+ problems? \(\d+ err"
        r"|Code style issues found|rubocop|\bpylint\b.*rated|^Found \d+ errors? in \d+ files? \(checked|golangci-lint"
        r"|checkstyle.*(?:error|violation)|trailing whitespace",
        "a linter's or formatter's findings",
    ),
    _sign(
        Category.BUILD,
        0.85,
        r"^\S+?:\d+(?::\d+)?: (?:fatal )?error: |error TS\d+: |^error(?:\[E\d+\])?: .*\n\s*-->|COMPILATION ERROR"
        r"|undefined reference to|^make(?:\[\d+\])?: \*\*\* .* Error|Compilation failed|BUILD FAILED|build failed"
        r"|cannot find symbol|ninja: build stopped|^\./?\S+\.go:\d+:\d+: |ImportError: cannot import name",
        "a compiler or build tool that failed",
    ),
    _sign(
        Category.CONFIGURATION,
        0.75,
        r"(?:sh|bash): (?:line )?\d*:? ?.*: (?:command )?not found$|unrecognized arguments|[Uu]nknown option"
        r"|No rule to make target|npm ERR! missing script|Missing script:|can't open file '"
        r"|Could not open requirements file"
        r"|Permission denied$|invalid choice:|no tests ran",
        "a command, option or file that is not there",
    ),
    _sign(
        Category.SECURITY_POLICY, 0.75, r"blocked by .{0,40}policy|egress (?:denied|refused)", "a policy that said no"
    ),
    _sign(
        Category.TEST,
        0.75,
        r"^AssertionError|Tests run: \d+, Failures: [1-9]|\b[1-9]\d* (?:tests? )?(?:failed|failures?|failing)\b"
        r"|^--- FAIL|^FAIL\b|There (?:was|were) \d+ (?:failure|error)|test result: FAILED",
        "a test runner's report",
    ),
)


def categorize(
    text: str, failing: Sequence[FailingTest], result: AttemptResult | None, *, excerpt: str = ""
) -> Verdict:
    """`text` is the end of the log, `excerpt` the lines that were found to explain the failure: they count for more."""
    if result is not None and (known := _CAUSES.get(result.cause)):
        return Verdict(known[0], known[1], (known[2],))
    candidates = [*_from_words(excerpt, 1.0), *_from_words(text, 0.8), *_from_tests(failing)]
    if result is not None and result.exit_code is not None and (coded := _EXIT_CODES.get(result.exit_code)):
        candidates.append(Verdict(coded[0], coded[1], (coded[2],)))
    if not candidates:
        return Verdict(Category.UNKNOWN, 0.0, ("nothing in the log has a known meaning",))
    best = max(candidates, key=lambda verdict: verdict.confidence)
    agreeing = dict.fromkeys(
        what for other in candidates if other.category is best.category for what in other.looked_at
    )
    if best.confidence < ABSTAIN_BELOW:
        return Verdict(Category.UNKNOWN, best.confidence, tuple(agreeing))
    return Verdict(best.category, round(best.confidence, 2), tuple(agreeing))


def _from_words(text: str, weight: float) -> list[Verdict]:
    return [Verdict(s.category, s.confidence * weight, (s.what,)) for s in _SIGNS if s.words.search(text)]


def _from_tests(failing: Sequence[FailingTest]) -> list[Verdict]:
    if not failing:
        return []
    exact = any(test.source == "junit" for test in failing)
    where = "the JUnit report" if exact else "the log"
    # A file that could not be collected is listed like a test; then the reason it could not decides.
    collected = any("::" in test.name or not test.name.endswith(".py") for test in failing)
    confidence = (0.95 if exact else 0.88) if collected else 0.6
    plural = "s" if len(failing) > 1 else ""
    return [Verdict(Category.TEST, confidence, (f"{len(failing)} failing test{plural} in {where}",))]
