"""What a person does next about a failure: one sentence, from what is known of it. Pure.

What is known of these very tests, or of the failure's earlier fix, goes before what is usual for its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from actors.reporter.markdown import code
from models.failure import Category, Explanation, FailingTest, TestBlame

_USUAL: Final[Mapping[Category, str]] = {
    Category.TEST: "look at the assertion, and at what the change did to the code that it tests",
    Category.BUILD: "repair the first error; later ones often follow from it",
    Category.DEPENDENCY: "check the package's name and version, and that the job may reach its registry (`egress`)",
    Category.LINT: "run the linter or formatter before the next push",
    Category.CONFIGURATION: "compare the job's steps with the files and commands that there are",
    Category.TIMEOUT: "find what hangs in the last lines, or give the job a longer `timeout`",
    Category.OUT_OF_MEMORY: "give the job more memory (`resources`), or let it need less",
    Category.INFRASTRUCTURE: "run the job again; the change does not have to be repaired for this",
    Category.FLAKY: "run the job again",
    Category.SECURITY_POLICY: "ask for the permission where it is given, or do without it",
    Category.UNKNOWN: "read on in the whole log, above these lines",
}


def next_step(explanation: Explanation) -> str:
    """The sentence, as Markdown in which nothing of the log is alive."""
    finding = explanation.finding
    blames = {verdict.blame for verdict in explanation.verdicts}
    if blames == {TestBlame.KNOWN_FLAKY}:
        return "run the job again, and repair what makes the test fail by itself; `delta quarantine add` sets it aside"
    if blames == {TestBlame.FAILS_ON_BASE}:
        return "repair the branch that this one comes from; this change is not the cause"
    if explanation.past is not None and explanation.past.same and explanation.past.fixed_by is not None:
        return "look at what repaired it the last time"
    if finding.category in {Category.TEST, Category.BUILD} and (place := _place(finding.failing_tests, blames)):
        return f"begin at {place}"
    return _USUAL[finding.category]


def _place(tests: tuple[FailingTest, ...], blames: set[TestBlame]) -> str:
    """Where the first failing test's failure is; nothing where it may not be the one to begin with."""
    known = [test for test in tests if test.file and test.line] if len(blames) <= 1 else []
    first = known[0] if known else None
    return code(f"{first.file}:{first.line}", 160) if first else ""
