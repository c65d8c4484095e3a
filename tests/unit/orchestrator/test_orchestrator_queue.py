"""The queue: whose turn it is."""

from __future__ import annotations

from actors.orchestrator.queue import Offer, Queue
from models.ids import AttemptId, JobId, RunId


def offer(attempt: str, run_created_at: float = 0.0, queued_at: float = 0.0, shape: str = "small") -> Offer:
    return Offer(run_created_at, queued_at, AttemptId(attempt), RunId("r"), JobId("j"), shape)


def taken(queue: Queue, shape: str = "small") -> list[str]:
    attempts = []
    while (found := queue.take(shape)) is not None:
        attempts.append(str(found.attempt))
    return attempts


def test_the_oldest_run_comes_first_then_the_oldest_attempt() -> None:
    queue = Queue()
    for one in (
        offer("young", 2.0, 2.0),
        offer("retried", 1.0, 9.0),
        offer("old", 1.0, 1.0),
        offer("middle", 1.0, 5.0),
    ):
        assert queue.put(one)
    assert taken(queue) == ["old", "middle", "retried", "young"]


def test_a_runner_gets_only_what_fits_its_shape() -> None:
    queue = Queue()
    queue.put(offer("a", shape="small"))
    queue.put(offer("b", shape="large"))
    assert queue.take("unheard of") is None
    assert taken(queue, "large") == ["b"]
    assert taken(queue, "small") == ["a"]


def test_an_attempt_that_waits_is_not_added_again_and_one_that_was_taken_may_come_back() -> None:
    queue = Queue()
    assert queue.put(offer("a"))
    assert not queue.put(offer("a"))
    assert queue.depth("small") == 1
    assert taken(queue) == ["a"]
    assert queue.put(offer("a"))
    assert taken(queue) == ["a"]


def test_what_was_withdrawn_is_never_taken() -> None:
    queue = Queue()
    for name in ("a", "b", "c"):
        queue.put(offer(name))
    withdrawn = queue.withdraw(AttemptId("b"))
    assert withdrawn is not None
    assert withdrawn.attempt == "b"
    assert queue.withdraw(AttemptId("b")) is None
    assert queue.withdraw(AttemptId("unknown")) is None
    assert taken(queue) == ["a", "c"]


def test_what_was_withdrawn_and_offered_again_is_taken_once() -> None:
    queue = Queue()
    queue.put(offer("a", queued_at=1.0))
    queue.withdraw(AttemptId("a"))
    queue.put(offer("a", queued_at=2.0))
    assert taken(queue) == ["a"]


def test_the_depth_counts_what_can_be_taken() -> None:
    queue = Queue()
    assert queue.depth("small") == 0
    for name in ("a", "b", "c"):
        queue.put(offer(name))
    queue.put(offer("d", shape="large"))
    assert (queue.depth("small"), queue.depth("large")) == (3, 1)
    queue.withdraw(AttemptId("a"))
    queue.take("small")
    assert (queue.depth("small"), queue.depth("large")) == (1, 1)
    taken(queue)
    assert queue.depth("small") == 0
