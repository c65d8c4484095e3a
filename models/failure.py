"""A failure, explained: what the analyzer found in one failed attempt, and what it remembers of earlier ones."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from models.ids import CommitId, JobId, RunId
from models.probe import FourWay
from models.proposal import Proposal
from models.record import Record


class Category(StrEnum):
    """The kind of a failure. `unknown` is an honest answer: the analyzer abstains rather than guesses."""

    TEST = "test"
    BUILD = "build"
    DEPENDENCY = "dependency"
    LINT = "lint"
    CONFIGURATION = "configuration"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    INFRASTRUCTURE = "infrastructure"
    FLAKY = "flaky"
    SECURITY_POLICY = "security_policy"
    UNKNOWN = "unknown"


class Span(Record):
    """Lines of a log, 1-based and inclusive."""

    first: int
    last: int


class FailingTest(Record):
    """A test that failed. `source` is `junit` or `log`: where its name was read."""

    name: str
    message: str = ""
    file: str = ""
    line: int | None = None
    source: str = "log"


class PastFailure(Record):
    """An earlier failure that resembles this one. `distance` is the cosine distance of the excerpts' embeddings.

    `times` counts those with its signature, `since` is when the first of them was, `numbers` are pull requests that had
    it, newest first. `same` says that its signature is also this failure's.
    """

    run: RunId
    job: JobId
    at: float
    head: CommitId
    number: int | None
    title: str
    category: Category
    signature: str
    distance: float
    fixed_by: CommitId | None = None
    same: bool = False
    times: int = 1
    since: float | None = None
    numbers: tuple[int, ...] = ()


class Finding(Record):
    """What pure analysis of one log gives: no past, no embedding. `looked_at` says what it is based on.

    `excerpt` is short enough for a comment, and `excerpt_text` its lines; `evidence` are all lines that explain the
    failure, as far as they were told from the others.
    """

    category: Category
    confidence: float
    excerpt: tuple[Span, ...]
    excerpt_text: str
    summary: str
    signature: str
    failing_tests: tuple[FailingTest, ...] = ()
    looked_at: tuple[str, ...] = ()
    evidence: tuple[Span, ...] = ()


class TestBlame(StrEnum):
    """Whose fault a failing test is. `new_and_unclear` is an honest answer."""

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for one of its own

    CAUSED_HERE = "caused_here"
    FAILS_ON_BASE = "fails_on_base"
    KNOWN_FLAKY = "known_flaky"
    NEW_AND_UNCLEAR = "new_and_unclear"


class TestVerdict(Record):
    """The verdict on one failing test, and in words what it rests on. `score` is the chance that the test is flaky.

    `set_aside`: it was in quarantine when it failed, which alone fails nothing. `quarantine` says so for people, or
    that it has ended.
    """

    __test__: ClassVar[bool] = False

    test: str
    blame: TestBlame
    evidence: str
    score: float = 0.0
    set_aside: bool = False
    quarantine: str = ""


class Explanation(Record):
    """A finding with the nearest earlier failure, as it is stored in the run and shown in the comment.

    `exact`: reports, read to their end, name every test that failed, and the job failed because of them.
    """

    finding: Finding
    past: PastFailure | None = None
    verdicts: tuple[TestVerdict, ...] = ()
    exact: bool = False
    four_way: FourWay | None = None
    proposal: Proposal | None = None

    @property
    def only_set_aside(self) -> bool:
        """Whether nothing failed but tests in quarantine."""
        named = {test.name for test in self.finding.failing_tests}
        return self.exact and bool(named) and named <= {each.test for each in self.verdicts if each.set_aside}


class RememberedFailure(Record):
    """What stays of a failure for later ones, beside the embedding of its excerpt.

    `line` is the line of work it happened on (a pull request, a branch): what passes there later is what fixed it.
    """

    repository: str
    line: str
    run: RunId
    job: JobId
    at: float
    head: CommitId
    number: int | None = None
    title: str = ""
    category: Category
    signature: str
    fixed_by: CommitId | None = None

    @property
    def key(self) -> str:
        """One failure is remembered for each job of a run."""
        return f"{self.run}.{self.job}"


class Repeats(Record):
    """The failures with one signature in a repository: how many, when the first was, and the newest, newest first."""

    times: int = 0
    since: float = 0.0
    latest: tuple[RememberedFailure, ...] = ()
