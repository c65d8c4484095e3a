"""A run ends and is learned from, on real git, Redis and the real model; after a restart the planner knows it still."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from actors.planner.actor import Planner
from actors.planner.history import History
from cluster.embedded.redis_server import RedisServer
from cluster.store.store import RedisStore, Store
from models.change import Change, ChangeKind, Forge, Trust
from models.embedding.encoder import Encoder
from models.embedding.index import Vector
from models.failure import Category, Explanation, FailingTest, Finding
from models.history import Found
from models.ids import CommitId, JobId
from models.lifecycle.create import create, planned
from models.lifecycle.decision import Decision
from models.lifecycle.explain import explained
from models.plan import Plan
from models.run import Run
from sandbox.source.mirror import Mirrors
from tests.e2e.repositories import branch, git
from tests.unit.core.samples import FAILED, PASSED, attempt_of, finished, sure

TEST = JobId("test")
REACHED, UNSEEN, OTHER = "tests/test_oven.py", "tests/test_console.py", "tests/test_flour.py"
FILES = {
    "pytest.ini": "[pytest]\n",
    "kitchen/__init__.py": "",
    "kitchen/oven.py": "def heat(degrees):\n    return degrees + 1\n",
    "kitchen/flour.py": "def sift(grams):\n    return grams\n",
    REACHED: "from kitchen.oven import heat\n\n\ndef test_heat():\n    assert heat(1) == 2\n",
    OTHER: "from kitchen.flour import sift\n\n\ndef test_sift():\n    assert sift(1) == 1\n",
    # What it runs, no import tells.
    UNSEEN: "def test_console():\n    assert True\n",
}


class Model:
    """The real model, as the analyzer gives it to the planner."""

    def __init__(self) -> None:
        self._encoder = Encoder()

    async def encode(self, texts: Sequence[str]) -> Vector:
        return await asyncio.to_thread(self._encoder.encode, texts)


class Kitchen:
    """A repository, and planners of it: a new one knows only what the store has."""

    def __init__(self, folder: Path, store: RedisStore) -> None:
        self._folder, self.store = folder, store
        self.model = Model()
        self.repository = folder / "kitchen"
        self.repository.mkdir()
        git(self.repository, "init", "--quiet", "--initial-branch=main")
        for path, content in FILES.items():
            (self.repository / path).parent.mkdir(parents=True, exist_ok=True)
            (self.repository / path).write_text(content)
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--message=first")
        self.first = CommitId(git(self.repository, "rev-parse", "HEAD"))

    def planner(self, store: Store, audit_share: float = 0.0) -> Planner:
        past = History(store, self.model)
        return Planner(Mirrors(self._folder / "mirrors"), self._folder / "policy.yml", (), None, past, audit_share)

    def change(self, name: str, files: dict[str, str], *, push: bool = False) -> Change:
        head = CommitId(branch(self.repository, name, files))
        made = Change(
            forge=Forge.GITHUB,
            kind=ChangeKind.PULL_REQUEST,
            trust=Trust.TRUSTED,
            repository="ada/kitchen",
            clone_url=str(self.repository),
            head=head,
            base=self.first,
            head_ref=name,
            default_branch="main",
            number=int(head[:4], 16),
        )
        return made.having(kind=ChangeKind.PUSH, head_ref="main", number=None) if push else made

    async def judged(self, change: Change, plan: Plan, at: float, *failing: str) -> Run:
        """The run as it is stored when it has ended."""
        run = await self._commit(create(change, at))
        run = await self._commit(sure(planned(run, plan, at)))
        while not run.over:  # it may be tried again
            end = finished(run, FAILED if failing else PASSED)
            run = await self._commit(end.having(run=end.run.having(finished_at=at)))
        if not failing:
            return run
        tests = tuple(FailingTest(name=f"{test}::test_it", source="junit") for test in failing)
        found = Finding(
            category=Category.TEST,
            confidence=1,
            excerpt=(),
            excerpt_text="",
            summary="",
            signature="",
            failing_tests=tests,
        )
        told = explained(run, TEST, attempt_of(run, "test"), Explanation(finding=found), at)
        return await self._commit(sure(told))

    async def _commit(self, decision: Decision) -> Run:
        return await self.store.runs.commit(decision)


@pytest.fixture
def kitchen(tmp_path: Path, store: RedisStore) -> Kitchen:
    return Kitchen(tmp_path, store)


def hotter(by: int) -> dict[str, str]:
    return {"kitchen/oven.py": f"def heat(degrees):\n    return degrees + {by}\n"}


def selected(plan: Plan) -> list[str]:
    (job,) = plan.jobs
    assert job.tests is not None
    return [test.path for test in job.tests.selected]


async def test_a_run_that_ended_is_found_again_after_a_restart(kitchen: Kitchen, redis_server: RedisServer) -> None:
    planner = kitchen.planner(kitchen.store)
    first = kitchen.change("first", hotter(2))
    plan = await planner.plan(first)
    assert selected(plan) == [REACHED], "selection alone knows no more"
    run = await kitchen.judged(first, plan, 1_000.0, UNSEEN)
    assert await planner.learn(run.id) is None

    restarted = Store.connect(redis_server.url)
    try:
        later = await kitchen.planner(restarted).plan(kitchen.change("second", hotter(3)))
    finally:
        await restarted.close()
    assert later.notes == ()
    assert selected(later) == [UNSEEN, REACHED], "what failed lately comes first"
    (job,) = later.jobs
    assert job.spec.env["DELTA_TESTS"] == f"{UNSEEN} {REACHED}"
    assert job.tests is not None
    (reason,) = job.tests.selected[0].reasons
    assert reason.rule == "history"
    assert reason.evidence.startswith(f"`{UNSEEN}` failed in run {run.id} for a change like this one, similarity 0.9")
    assert OTHER not in selected(later)
    assert job.tests.total == 3


async def test_a_change_of_another_kind_is_planned_as_if_nothing_had_been(kitchen: Kitchen) -> None:
    planner = kitchen.planner(kitchen.store)
    first = kitchen.change("first", hotter(2))
    run = await kitchen.judged(first, await planner.plan(first), 1_000.0, UNSEEN)
    await planner.learn(run.id)
    other = await planner.plan(
        kitchen.change("other", {"kitchen/flour.py": "def sift(grams):\n    return int(grams)\n"})
    )
    assert selected(other) == [OTHER]


async def test_the_default_branch_runs_everything_and_what_fails_there_unseen_widens_plans(kitchen: Kitchen) -> None:
    planner = kitchen.planner(kitchen.store)
    clean = kitchen.change("clean", {"kitchen/flour.py": "def sift(grams):\n    return 1 * grams\n"}, push=True)
    passed = await kitchen.judged(clean, await planner.plan(clean), 1_000.0)
    await planner.learn(passed.id)

    push = kitchen.change("push", hotter(2), push=True)
    plan = await planner.plan(push)
    assert selected(plan) == [REACHED, UNSEEN, OTHER]
    assert plan.jobs[0].spec.env["DELTA_TESTS"] == "", "everything"
    assert plan.jobs[0].reasons[0].rule == "default branch"
    (would,) = plan.would_skip
    assert (would.job, would.selected, would.total) == (TEST, (REACHED,), 3)

    run = await kitchen.judged(push, plan, 2_000.0, UNSEEN, REACHED)
    await planner.learn(run.id)
    (miss,) = await kitchen.store.lessons.misses("ada/kitchen")
    assert (miss.test, miss.changed, miss.found) == (UNSEEN, ("kitchen/oven.py",), Found.DEFAULT_BRANCH)
    (audit,) = await kitchen.store.lessons.audits()
    assert (audit.caught, audit.missed) == (1, 1)

    flour = await planner.plan(kitchen.change("flour", {"kitchen/flour.py": "def sift(grams):\n    return 2\n"}))
    (job,) = flour.jobs
    assert job.tests is not None
    why = {test.path: [reason.rule for reason in test.reasons] for test in job.tests.selected}
    assert why == {OTHER: ["imports"], UNSEEN: ["missed before"]}, "the same folder"


async def test_what_was_left_out_is_run_in_an_audit_and_a_failure_there_is_a_miss(kitchen: Kitchen) -> None:
    planner = kitchen.planner(kitchen.store, audit_share=1.0)
    clean = kitchen.change("clean", {"kitchen/flour.py": "def sift(grams):\n    return 1 * grams\n"}, push=True)
    await planner.learn((await kitchen.judged(clean, await planner.plan(clean), 1_000.0)).id)

    pull = kitchen.change("pull", hotter(2))
    run = await kitchen.judged(pull, await planner.plan(pull), 2_000.0)
    audit = await planner.learn(run.id)
    assert audit is not None
    plan = await planner.plan(audit)
    (job,) = plan.jobs
    assert job.spec.env["DELTA_TESTS"] == f"{UNSEEN} {OTHER}"
    audited = await kitchen.judged(audit, plan, 3_000.0, UNSEEN)
    assert await planner.learn(audited.id) is None, "nobody audits an audit"
    (miss,) = await kitchen.store.lessons.misses()
    assert (miss.run, miss.test, miss.found) == (run.id, UNSEEN, Found.SAMPLE)
