import numpy as np
import pytest

from actors.analyzer.past import Past
from actors.analyzer.similar import MAX_DISTANCE, fixed, text_of
from cluster.store.memory.failures import MemoryFailures
from cluster.store.memory.state import State
from models.embedding.encoder import DIMENSIONS
from models.embedding.index import Vector
from models.failure import Category, Finding, PastFailure, RememberedFailure, Span
from models.ids import CommitId, JobId, RunId

FIX = CommitId("f" * 40)


def at(distance: float) -> Vector:
    """A unit vector at that cosine distance from the first axis."""
    cosine = 1 - distance
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    vector[:2] = cosine, np.sqrt(1 - cosine**2)
    return vector


def failure(run: str, when: float = 1.0, **changes: object) -> RememberedFailure:
    plain = RememberedFailure(
        run=RunId(run),
        job=JobId("test"),
        repository="r",
        line="#1",
        at=when,
        head=CommitId("a" * 40),
        number=1,
        category=Category.TEST,
        signature="s",
    )
    return plain.having(**changes)


NOW = failure("now", 9.0)


class World:
    """Failures that are remembered, and a question about a new one."""

    def __init__(self) -> None:
        self.store = MemoryFailures(State())
        self.past = Past(self.store)

    async def add(self, run: str, distance: float, when: float = 1.0, **changes: object) -> None:
        await self.past.remember(failure(run, when, **changes), at(distance))

    async def ask(self) -> PastFailure | None:
        found = await self.past.like(NOW, at(0))
        again = await Past(self.store).like(NOW, at(0))
        assert found == again, "a restart changes nothing"
        return found


async def test_an_equal_signature_is_the_same_failure_however_far_its_words() -> None:
    world = World()
    await world.add("near", 0.0, signature="another")
    await world.add("same", 0.9)
    found = await world.ask()
    assert found is not None
    assert (found.run, found.same, found.distance) == ("same", True, 0.0)


async def test_it_says_how_often_and_since_when_and_shows_the_newest_that_was_fixed() -> None:
    world = World()
    for when, run, number, fix in (
        (2.0, "a", 7, None),
        (3.0, "b", None, FIX),
        (4.0, "c", 7, None),
        (5.0, "d", 8, None),
    ):
        await world.add(run, 0.5, when, number=number, fixed_by=fix)
    await world.add("now", 0.0, 6.0, job=JobId("other"))
    found = await world.ask()
    assert found is not None
    assert (found.run, found.fixed_by) == ("b", FIX)
    assert (found.times, found.since, found.numbers) == (4, 2.0, (8, 7))


async def test_without_one_the_nearest_counts_where_it_is_near_enough() -> None:
    world = World()
    assert await world.ask() is None
    await world.add("far", MAX_DISTANCE + 0.01, signature="another")
    assert await world.ask() is None
    await world.add("near", MAX_DISTANCE / 2, signature="third")
    await world.add("as near, and newer", MAX_DISTANCE / 2, 2.0, signature="third")
    found = await world.ask()
    assert found is not None
    assert (found.run, found.same, found.times) == ("as near, and newer", False, 2)
    assert found.distance == pytest.approx(MAX_DISTANCE / 2, abs=1e-5)


async def test_neither_its_own_run_nor_another_repository_is_shown() -> None:
    world = World()
    await world.add("now", 0.0)
    await world.add("now", 0.0, job=JobId("second"), signature="near")
    for number in range(50):
        await world.add(f"x{number}", 0.0, repository="elsewhere")
    assert await world.ask() is None


def test_what_passes_at_another_commit_is_fixed_by_it() -> None:
    assert fixed([failure("a")], FIX) == [failure("a", fixed_by=FIX)]
    assert fixed([failure("a", head=FIX)], FIX) == [], "it passed at the commit at which it failed"


def test_what_is_embedded_does_not_know_time_or_place() -> None:
    def text(excerpt: str) -> str:
        spans = (Span(first=1, last=1),)
        finding = Finding(
            category=Category.TEST, confidence=1, excerpt=spans, excerpt_text=excerpt, summary="", signature="s"
        )
        return text_of(finding)

    assert text("at 10:00:00 in /a/b.py\n\nx") == text("at 23:59:59 in /home/c/b.py\nx")
