"""What the planner remembers: asked, learned, forgotten by a restart and read again; over the store in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from actors.planner import history as module
from actors.planner.describe import Described
from actors.planner.history import History
from cluster.store.memory.state import State
from cluster.store.store import Store
from models.change import Change, ChangeKind, Forge, Trust
from models.embedding.encoder import DIMENSIONS
from models.embedding.index import Vector
from models.errors import InfrastructureError
from models.failure import Category, Explanation, FailingTest, Finding
from models.history import Found, PastChange, Recollection
from models.ids import CommitId, JobId
from models.lifecycle.create import create, planned
from models.plan import ChangedFile, Plan, PlannedJob, Sample, SelectedTest, TestSelection, WouldSkip
from models.result import AttemptResult
from models.run import Run
from tests.unit.core.samples import FAILED, PASSED, after, finished, spec

FILES = ("src/oven.py", "src/units.py", "tests/test_oven.py", "tests/test_units.py", ".delta.yml")
OVEN, UNITS = "tests/test_oven.py", "tests/test_units.py"
TEST = JobId("test")


class Words:
    """An encoding in which texts are near when they share words. `gate` holds it up, `broken` makes it fail."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False

    async def encode(self, texts: Sequence[str]) -> Vector:
        self.asked.append([*texts])
        await self.gate.wait()
        if self.broken:
            raise InfrastructureError("the model does not load")
        return np.stack([_words(text) for text in texts])


def _words(text: str) -> Vector:
    vector = np.full(DIMENSIONS, 1e-3, dtype=np.float32)
    for word in text.split():
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1
    return vector / np.float32(np.linalg.norm(vector))


def change(head: int, **more: object) -> Change:
    made = Change(
        forge=Forge.GITHUB,
        kind=ChangeKind.PULL_REQUEST,
        trust=Trust.TRUSTED,
        repository="ada/kitchen",
        clone_url="https://example.com/ada/kitchen",
        head=CommitId(f"{head:040x}"),
        number=head,
        head_ref=f"branch-{head}",
        default_branch="main",
    )
    return made.having(**more)


def push(head: int) -> Change:
    return change(head, kind=ChangeKind.PUSH, number=None, head_ref="main")


def ended(
    made: Change, *failing: str, plan: Plan | None = None, at: float | None = None, explained: bool = True
) -> Run:
    """A run of one job that has ended at `at`, in which these tests failed."""
    at = at if at is not None else int(made.head, 16) * 1000.0
    bare = Plan(
        head=made.head, merge_base=None, changed=(), source="x", jobs=(PlannedJob(spec=spec("test"), reasons=()),)
    )
    run = after(planned(create(made, at).run, (plan or bare).sealed(), at))
    result: AttemptResult = FAILED if failing else PASSED
    run = finished(run, result).run.having(finished_at=at)
    if not failing or not explained:
        return run
    tests = tuple(FailingTest(name=f"{test}::test_it") for test in failing)
    found = Finding(
        category=Category.TEST,
        confidence=1,
        excerpt=(),
        excerpt_text="",
        summary="",
        signature="",
        failing_tests=tests,
    )
    return run.with_job(run.job(TEST).having(explanation=Explanation(finding=found)))


def about(text: str) -> Described:
    return Described((), text)


class World:
    """One store and the history over it; `restart` forgets all that is not stored."""

    def __init__(self) -> None:
        self.words = Words()
        self._state = State()
        self.restart()

    def restart(self) -> None:
        self.store = Store.in_memory(shared=self._state)
        self.history = History(self.store, self.words)

    async def learn(self, run: Run, text: str = "oven heat degrees") -> Change | None:
        return await self.history.learn(run, FILES, about(text))

    async def recall(self, made: Change, text: str = "oven heat degrees") -> Recollection:
        return await self.history.recall(made, lambda: about(text))

    async def known(self) -> list[PastChange]:
        return await self.store.changes.latest("ada/kitchen", 99)


@pytest.fixture
def world() -> World:
    return World()


async def test_what_failed_for_a_change_is_recalled_for_one_like_it(world: World) -> None:
    run = ended(change(1), OVEN)
    await world.learn(run)
    await world.learn(ended(change(2)), "flour sugar butter")
    recalled = await world.recall(change(3), "oven heat degrees celsius")
    (neighbour,) = [each for each in recalled.neighbours if each.change.failed]
    assert neighbour.change.run == run.id
    assert 0.7 <= neighbour.similarity < 1
    assert neighbour.change.jobs[0].failed_tests == (OVEN,)
    assert [each.test for each in recalled.late] == [OVEN]
    assert recalled.notes == ()


async def test_it_is_recalled_after_a_restart_too(world: World) -> None:
    await world.learn(ended(change(1), OVEN))
    before = await world.recall(change(3))
    world.restart()
    assert await world.recall(change(3)) == before
    assert before.neighbours


async def test_what_was_not_embedded_before_a_restart_is_embedded_after_it(world: World) -> None:
    world.words.broken = True
    await world.learn(ended(change(1), OVEN))
    world.words.broken = False
    world.restart()
    assert len((await world.recall(change(3))).neighbours) == 1


async def test_where_nothing_ever_failed_the_model_is_not_asked(world: World) -> None:
    await world.learn(ended(change(1)))
    await world.learn(ended(change(2)))
    assert await world.recall(change(3)) == Recollection()
    assert world.words.asked == []
    await world.learn(ended(change(4), OVEN))
    assert sum(map(len, world.words.asked)) == 3, "what waited is embedded with it"


async def test_learning_again_changes_nothing(world: World) -> None:
    run = ended(change(1), OVEN)
    await world.learn(run)
    known, recalled = await world.known(), await world.recall(change(3))
    await world.learn(run)
    assert await world.known() == known
    assert await world.recall(change(3)) == recalled


async def test_a_change_is_no_neighbour_of_itself(world: World) -> None:
    await world.learn(ended(change(1), OVEN))
    assert await world.recall(change(1)) == Recollection()


async def test_what_somebody_from_outside_made_fail_adds_nothing_to_the_plans_of_others(world: World) -> None:
    await world.learn(ended(change(1, trust=Trust.FORK), OVEN))
    assert await world.recall(change(3)) == Recollection()
    assert len((await world.recall(change(3, trust=Trust.FORK))).neighbours) == 1


async def test_other_repositories_are_not_mixed_in(world: World) -> None:
    await world.learn(ended(change(1), OVEN))
    assert await world.recall(change(3, repository="eve/kitchen")) == Recollection()


async def test_a_plan_does_not_wait_for_a_model_that_loads(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.learn(ended(change(1), OVEN))
    monkeypatch.setattr(module, "PATIENCE_S", 0.0)
    world.words.gate.clear()
    recalled = await world.recall(change(3))
    assert recalled.neighbours == ()
    assert [each.test for each in recalled.late] == [OVEN], "what needs no model is there"
    assert recalled.notes == (
        "past changes like this one were not looked for: the embedding model is still being loaded",
    )
    world.words.gate.set()


async def test_a_plan_is_made_without_a_model_that_is_broken(world: World) -> None:
    await world.learn(ended(change(1), OVEN))
    world.words.broken = True
    (note,) = (await world.recall(change(3))).notes
    assert note == "past changes like this one were not looked for: the model does not load"


async def test_nothing_is_learned_of_a_run_that_goes_on_or_never_had_a_plan(world: World) -> None:
    run = ended(change(1), OVEN)
    await world.learn(run.having(finished_at=None, state=create(change(1), 1.0).run.state))
    await world.learn(run.having(plan=None))
    assert await world.known() == []


def whole(made: Change, *selected: str) -> Plan:
    """The plan of a push to the default branch: all runs, and selection would have chosen these."""
    return Plan(
        head=made.head,
        merge_base=made.head,
        changed=(ChangedFile(path="src/oven.py", status="M"),),
        source=".delta.yml",
        jobs=(PlannedJob(spec=spec("test"), reasons=()),),
        would_skip=(WouldSkip(job=TEST, selected=selected, total=2),),
    )


async def test_a_test_that_fails_on_the_default_branch_and_would_have_been_left_out_is_missed(world: World) -> None:
    await world.learn(ended(push(1)))
    await world.learn(ended(push(2), OVEN, UNITS, plan=whole(push(2), OVEN)))
    (miss,) = await world.store.lessons.misses()
    assert (miss.test, miss.changed, miss.found) == (UNITS, ("src/oven.py",), Found.DEFAULT_BRANCH)
    (audit,) = await world.store.lessons.audits()
    assert (audit.caught, audit.missed) == (1, 1)
    assert (await world.recall(change(3))).misses == (miss,)


async def test_a_failure_without_its_explanation_is_not_judged_before_that_comes(world: World) -> None:
    await world.learn(ended(push(1)))
    plan = whole(push(2)).having(would_skip=(WouldSkip(job=TEST),))
    await world.learn(ended(push(2), UNITS, plan=plan, explained=False))
    assert await world.store.lessons.misses() == [], "perhaps it was a flake"
    await world.learn(ended(push(2), UNITS, plan=plan))
    assert [(miss.job, miss.test) for miss in await world.store.lessons.misses()] == [(TEST, "")]


async def test_a_miss_that_was_closed_is_not_opened_by_learning_it_again(world: World) -> None:
    await world.learn(ended(push(1)))
    run = ended(push(2), UNITS, plan=whole(push(2), OVEN))
    await world.learn(run)
    (miss,) = await world.store.lessons.misses()
    await world.store.lessons.note_miss(miss.having(closed_at=9.0, dismissed_by="ada"))
    await world.learn(run)
    assert [each.open for each in await world.store.lessons.misses()] == [False]
    assert (await world.recall(change(3))).misses == ()


async def test_a_sample_of_what_was_left_out_runs_as_an_audit_and_finds_a_miss(world: World) -> None:
    await world.learn(ended(push(1)))
    made = change(2)
    selection = TestSelection(selected=(SelectedTest(path=OVEN, reasons=()),), skipped=(), total=2)
    plan = whole(made).having(
        would_skip=(),
        jobs=(PlannedJob(spec=spec("test"), reasons=(), tests=selection),),
        samples=(Sample(spec=spec("test"), tests=(UNITS,)),),
    )
    run = ended(made, plan=plan)
    audit = await world.learn(run)
    assert audit is not None
    assert audit.audits == run.id
    assert await world.learn(run) == audit
    await world.history.learn_audit(ended(audit, UNITS, at=5_000.0), run, FILES)
    (miss,) = await world.store.lessons.misses()
    assert (miss.run, miss.test, miss.found) == (run.id, UNITS, Found.SAMPLE)
    (found,) = await world.store.lessons.audits()
    assert (found.whole, found.sampled, found.missed) == (False, 1, 1)
    (past,) = [each for each in await world.known() if each.run == run.id]
    assert past.jobs[0].failed_tests == (UNITS,)
    assert audit.run_id() not in {each.run for each in await world.known()}, "an audit is no change of its own"


async def test_an_audit_of_a_run_that_nobody_remembers_is_let_go(world: World) -> None:
    run = ended(change(2))
    await world.history.learn_audit(ended(change(3), UNITS), run, FILES)
    assert await world.store.lessons.audits() == []


async def test_a_repository_of_which_nothing_is_known_is_offered_what_works_in_one_like_it(world: World) -> None:
    await world.learn(ended(push(1)))
    (like,) = await world.history.similar("ada/other", FILES)
    assert like.profile.repository == "ada/kitchen"
    assert await world.history.similar("eve/other", FILES) == ()
