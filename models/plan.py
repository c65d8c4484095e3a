"""The plan: which jobs run, which do not, and a reason for each. A plan is a receipt: it is stored and never edited."""

from __future__ import annotations

import hashlib
from typing import ClassVar, Final

from models.change import Change
from models.ids import CommitId, JobId
from models.job import JobSpec
from models.record import Record

# So many selected tests keep their reasons in a run's record; all have them when the plan is made again.
_EXPLAINED: Final = 50


class Reason(Record):
    """Why a job runs or is skipped: the rule that decided, what it saw, and how sure it is (0 to 1)."""

    rule: str
    evidence: str
    score: float = 1.0


class SelectedTest(Record):
    """A test that will run: the path of a test file, or of a package where tests are chosen by package, and why."""

    path: str
    reasons: tuple[Reason, ...]


class TestSelection(Record):
    """Which of a job's tests run, likeliest failures first, and which do not. `total` is how many there are.

    In a run's record `skipped` is left out (`Plan.brief`): it may have thousands of paths.
    """

    __test__: ClassVar[bool] = False  # pytest takes a class of this name for one of its own

    selected: tuple[SelectedTest, ...]
    skipped: tuple[str, ...]
    total: int


class PlannedJob(Record):
    """A job that will run, and why. `tests` is None where it has no tests that Delta could choose from."""

    spec: JobSpec
    reasons: tuple[Reason, ...]
    tests: TestSelection | None = None


class SkippedJob(Record):
    """A job that will not run, and why that is safe."""

    id: JobId
    reasons: tuple[Reason, ...]
    tests: TestSelection | None = None


class RefusedJob(Record):
    """A job that asks for what the policy does not allow: it does not run, fails, and says why."""

    spec: JobSpec
    reasons: tuple[Reason, ...]

    @property
    def id(self) -> JobId:
        """The job's name in its run."""
        return self.spec.id


class WouldSkip(Record):
    """A job that runs whole because of the branch it is for, and what selection alone would have run of it.

    `selected` and `total` are as in `TestSelection`; `total` 0: the whole job would have been left out.
    """

    job: JobId
    selected: tuple[str, ...] = ()
    total: int = 0


class Sample(Record):
    """Tests that the plan leaves out and that an audit runs all the same, once nobody else wants the runners."""

    spec: JobSpec
    tests: tuple[str, ...]


class ChangedFile(Record):
    """One path of the diff. `status` is git's letter: A, M, D, R, C, T; `old_path` is set for R and C."""

    path: str
    status: str
    old_path: str | None = None


class Receipt(Record):
    """What a plan was made from, besides its commits: with this and them, the same plan can be made again.

    `rules` is the version of the planner's rules. `policy` and `history` are JSON (`models/policy.py`,
    `models/history.py`); `config` and `base_config` digests of the configurations, empty where there was none. `base`
    is the commit that the change was compared with: where its event named none, where the target branch was then.
    """

    rules: str
    policy: str
    history: str
    audit_share: float = 0.0
    config: str = ""
    base_config: str = ""
    base: CommitId | None = None


class Plan(Record):
    """The planner's answer for one change. `source` says where the jobs came from (`.delta.yml`, `tree: pytest` …).

    `required`: the jobs without which the policy lets nothing through, skipped ones among them. `held`: why nothing
    runs before a person has approved it; empty: it need not wait.
    """

    head: CommitId
    merge_base: CommitId | None
    changed: tuple[ChangedFile, ...]
    source: str
    jobs: tuple[PlannedJob, ...]
    skipped: tuple[SkippedJob, ...] = ()
    refused: tuple[RefusedJob, ...] = ()
    required: tuple[JobId, ...] = ()
    held: str = ""
    would_skip: tuple[WouldSkip, ...] = ()
    samples: tuple[Sample, ...] = ()
    notes: tuple[str, ...] = ()
    policy: str = "default-1"
    receipt: Receipt | None = None
    digest: str = ""

    def base_of(self, change: Change) -> CommitId | None:
        """The commit that `change`, which this is the plan of, was compared with."""
        return change.base or (self.receipt.base if self.receipt else None)

    def brief(self) -> Plan:
        """As it is kept in the run: without the tests that do not run, and with why for the first of those that do."""
        return self.having(
            jobs=tuple(job.having(tests=_brief(job.tests)) for job in self.jobs),
            skipped=tuple(job.having(tests=_brief(job.tests)) for job in self.skipped),
        )

    def sealed(self) -> Plan:
        """The plan with the digest of its own content, so that a replay can be compared with it."""
        content = self.having(digest="").model_dump_json()
        return self.having(digest=hashlib.sha256(content.encode()).hexdigest())


def _brief(tests: TestSelection | None) -> TestSelection | None:
    if tests is None:
        return None
    told, rest = tests.selected[:_EXPLAINED], tests.selected[_EXPLAINED:]
    return tests.having(selected=(*told, *(test.having(reasons=()) for test in rest)), skipped=())
