import numpy as np
import pytest

from actors.analyzer.similar import MAX_DISTANCE, nearest, text_of
from models.embedding.index import Vector, VectorIndex
from models.failure import Category, Finding, PastFailure, RememberedFailure, Span
from models.ids import CommitId, JobId, RunId


def at(distance: float) -> Vector:
    """A unit vector of two dimensions at that cosine distance from (1, 0)."""
    cosine = 1 - distance
    return np.array([cosine, np.sqrt(1 - cosine**2)], dtype=np.float32)


class World:
    def __init__(self) -> None:
        self.index = VectorIndex(2)
        self.past: dict[str, RememberedFailure] = {}

    def add(self, key: str, distance: float, **changes: object) -> None:
        plain = RememberedFailure(
            run=RunId(key),
            job=JobId("test"),
            repository="r",
            line="#1",
            at=1.0,
            head=CommitId("a" * 40),
            number=1,
            title="",
            category=Category.TEST,
            signature="s",
        )
        self.past[key] = plain.having(**changes)
        self.index.add(key, at(distance))

    def ask(self, **changes: str) -> PastFailure | None:
        asked = {"repository": "r", "signature": "s"} | changes
        return nearest(at(0), self.index, self.past, excluding=RunId("now"), **asked)


def test_the_nearest_of_the_same_repository() -> None:
    world = World()
    world.add("other", 0.0, repository="elsewhere")
    world.add("now", 0.0)
    world.add("far", 0.2)
    world.add("near", 0.1)
    found = world.ask()
    assert found is not None
    assert found.run == "near"
    assert found.distance == pytest.approx(0.1, abs=1e-5)


def test_beyond_the_limit_nothing_is_shown() -> None:
    world = World()
    assert world.ask() is None
    world.add("far", MAX_DISTANCE + 0.01)
    assert world.ask() is None


def test_other_repositories_do_not_crowd_it_out() -> None:
    world = World()
    for n in range(500):
        world.add(f"x{n}", 0.0, repository="elsewhere")
    world.add("mine", 0.1)
    found = world.ask()
    assert found is not None
    assert found.run == "mine"


def test_of_about_equals_the_same_signature_then_the_fixed_one() -> None:
    world = World()
    world.add("nearest", 0.1, signature="t")
    world.add("fixed", 0.11, signature="t", fixed_by=CommitId("b" * 40))
    world.add("clearly farther", 0.2, fixed_by=CommitId("c" * 40))
    found = world.ask()
    assert found is not None
    assert found.fixed_by == "b" * 40
    world.add("same", 0.112)
    again = world.ask()
    assert again is not None
    assert again.run == "same"


def test_what_is_embedded_does_not_know_time_or_place() -> None:
    def text(excerpt: str) -> str:
        spans = (Span(first=1, last=1),)
        finding = Finding(
            category=Category.TEST, confidence=1, excerpt=spans, excerpt_text=excerpt, summary="", signature="s"
        )
        return text_of(finding)

    assert text("at 10:00:00 in /a/b.py\n\nx") == text("at 23:59:59 in /home/c/b.py\nx")
