"""The kind of a failure, with how sure it is, or `unknown`. Each answer says what it was read from.

What the sandbox saw from outside (time, memory, a lost runner) is a fact and goes first. Then a table of words in the
excerpt and the end of the log; then failing tests. Each sign's confidence is how often it is right,
as far as that was measured (docs/performance.md). Below ABSTAIN_BELOW the answer is `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from actors.analyzer.signs import SIGNS
from models.failure import Category, FailingTest
from models.result import AttemptResult, Cause

ABSTAIN_BELOW: Final = 0.5
_END_WEIGHT: Final = 0.85  # of words that stand near the end of the log, but not among the lines that explain it


class Verdict(NamedTuple):
    """`looked_at` is one entry for each thing that spoke for the answer, in words."""

    category: Category
    confidence: float
    looked_at: tuple[str, ...]


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


def categorize(
    text: str, failing: Sequence[FailingTest], result: AttemptResult | None, *, excerpt: str = ""
) -> Verdict:
    """`text` is the end of the log, `excerpt` the lines that were found to explain the failure: they count for more."""
    if result is not None and (known := _CAUSES.get(result.cause)):
        return Verdict(known[0], known[1], (known[2],))
    candidates = [*_from_words(excerpt, 1.0), *_from_words(text, _END_WEIGHT), *_from_tests(failing)]
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
    return [Verdict(s.category, s.confidence * weight, (s.what,)) for s in SIGNS if s.words.search(text)]


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
