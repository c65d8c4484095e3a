"""What stays of past changes, so that later plans learn from them: what a change touched, what failed, what was missed.

Everything here is bounded: a change has thousands of files at times, and there are as many records as there were runs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

from models.ids import CommitId, JobId, RunId
from models.machines import JobState
from models.record import Record

MAX_PATHS: Final = 200
MAX_SYMBOLS: Final = 100
MAX_TESTS: Final = 200
MAX_JOBS: Final = 200
MAX_PATH_CHARS: Final = 300
MAX_TEXT_CHARS: Final = 4_000
MAX_MISS_PATHS: Final = 50


class PastJob(Record):
    """What became of one job. `failed_tests` are test files, or packages, of the tree.

    `selected` and `total` count the tests that Delta chose from; both are 0 for a job that has none.
    """

    id: JobId
    state: JobState
    failed_tests: tuple[str, ...] = ()
    selected: int = 0
    total: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was left out of it, and it came to a verdict on the change."""
        return self.selected == self.total and self.state in {JobState.PASSED, JobState.FAILED}


class PastChange(Record):
    """One change that was judged. `fork`: by a run of somebody from outside, who may say what he likes.

    `paths` are the changed ones, `paths_total` how many there were; `symbols` the functions and classes that the hunks
    lie in, or add.
    """

    run: RunId
    repository: str
    at: float
    head: CommitId
    base: CommitId | None = None
    default_branch: bool = False
    fork: bool = False
    paths: tuple[str, ...] = ()
    paths_total: int = 0
    symbols: tuple[str, ...] = ()
    jobs: tuple[PastJob, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the change made something fail."""
        return any(job.state is JobState.FAILED for job in self.jobs)

    def with_failures(self, found: Collection[tuple[JobId, str]]) -> PastChange:
        """With these tests, by their job, among those that failed: they were found to fail later."""
        return self.having(jobs=tuple(_with_failures(job, found) for job in self.jobs))

    def brief(self, most: int) -> PastChange:
        """With at most so many paths and symbols."""
        return self.having(paths=self.paths[:most], symbols=self.symbols[:most])


def _with_failures(job: PastJob, found: Collection[tuple[JobId, str]]) -> PastJob:
    tests = sorted({test for of, test in found if of == job.id} - {*job.failed_tests})
    if not tests:
        return job
    return job.having(state=JobState.FAILED, failed_tests=(*job.failed_tests, *tests)[:MAX_TESTS])


class Neighbour(Record):
    """A past change that resembles this one. `similarity` is the cosine of the embeddings: 1 is the same."""

    change: PastChange
    similarity: float


class LateFailure(Record):
    """A test, or with `test` empty a whole job, that failed lately in this repository."""

    test: str
    job: JobId
    run: RunId
    at: float


class Found(StrEnum):
    """How it was noticed that a plan had left out a test that it should not have."""

    DEFAULT_BRANCH = "default branch"
    SAMPLE = "sample"


class Miss(Record):
    """A test that fails for a change whose plan left it out, or would have, and that passed before.

    `changed` → `test` is the edge that selection does not know. It is open until selection itself finds the test for
    one of these paths (`fixed_by`, a run), or a person says that it is none (`dismissed_by`). Times are Unix seconds.
    """

    repository: str
    run: RunId
    job: JobId
    test: str
    changed: tuple[str, ...]
    found: Found
    at: float
    closed_at: float | None = None
    fixed_by: RunId | None = None
    dismissed_by: str = ""

    @property
    def key(self) -> str:
        """One for each test of a run's job."""
        return f"{self.run}.{self.job}.{self.test}"

    @property
    def open(self) -> bool:
        """Whether it still widens plans."""
        return self.closed_at is None


class Audit(Record):
    """What one run showed about selection.

    `whole`: everything ran, so that `caught` (failures that selection had chosen, or would have) and `missed` (those
    that it had not) are all there were. Otherwise a sample of what was left out ran: `sampled` tests, of which `missed`
    failed.
    """

    run: RunId
    repository: str
    at: float
    whole: bool
    caught: int = 0
    missed: int = 0
    sampled: int = 0


class RecipeStep(Record):
    """One job that passed: in which image, by which commands."""

    job: JobId
    image: str
    run: tuple[str, ...]


class Profile(Record):
    """A repository by its outside, and what works there: the jobs of its last trusted run that passed.

    `features` weigh kinds of files and manifests: repositories that look alike are likely built alike.
    """

    repository: str
    at: float
    features: dict[str, float]
    recipe: tuple[RecipeStep, ...]


class SimilarRepository(Record):
    """One that looks like this one, with its recipe. `similarity` is the cosine of the features."""

    profile: Profile
    similarity: float


class Recollection(Record):
    """All that history says to one plan. Stored with the plan's inputs, so that the plan can be made again from it.

    `neighbours` come nearest first, `late` latest first; `misses` are the repository's open ones. `notes` say what
    could not be asked.
    """

    neighbours: tuple[Neighbour, ...] = ()
    late: tuple[LateFailure, ...] = ()
    misses: tuple[Miss, ...] = ()
    similar: tuple[SimilarRepository, ...] = ()
    notes: tuple[str, ...] = ()


def bounded(paths: Iterable[str], most: int = MAX_PATHS) -> tuple[str, ...]:
    """The first `most` of them, none twice; a path too long to be one of a person's is left out."""
    return tuple(dict.fromkeys(path for path in paths if len(path) <= MAX_PATH_CHARS))[:most]
