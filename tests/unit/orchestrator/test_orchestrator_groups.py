"""Concurrency groups, fair turns and priorities; which run of a pull request goes on."""

from __future__ import annotations

from actors.orchestrator.groups import Admission, Groups
from actors.orchestrator.queue import Offer, Queue
from actors.orchestrator.supersede import same_pull_request, superseded
from models.change import ChangeKind
from models.ids import AttemptId, JobId, RunId
from models.job import Concurrency
from models.machines import RunState
from models.run import Run
from tests.unit.core.samples import NOW, created

ONE = Concurrency(group="deploy")
TWO = Concurrency(group="deploy", limit=2)
IMPATIENT = Concurrency(group="deploy", queue=False)


def offer(
    name: str, at: float = 0.0, concurrency: Concurrency | None = ONE, repository: str = "a", **more: int
) -> Offer:
    return Offer(
        at, at, AttemptId(name), RunId("r"), JobId("j"), "small", repository, more.get("priority", 0), concurrency
    )


def names(offers: list[Offer]) -> list[str]:
    return [str(each.attempt) for each in offers]


def everything(queue: Queue) -> str:
    found = []
    while (taken := queue.take("small")) is not None:
        found.append(str(taken.attempt))
    return " ".join(found)


def test_one_at_a_time_and_the_oldest_run_next() -> None:
    groups = Groups()
    assert groups.admit(offer("first", 5.0)) is Admission.ADMITTED
    assert groups.admit(offer("young", 9.0)) is Admission.WAITS
    assert groups.admit(offer("old", 7.0)) is Admission.WAITS
    assert names(groups.leave(AttemptId("first"))) == ["old"]
    assert names(groups.leave(AttemptId("old"))) == ["young"]
    assert groups.leave(AttemptId("young")) == []
    assert groups.admit(offer("later")) is Admission.ADMITTED


def test_asking_again_changes_nothing() -> None:
    groups = Groups()
    for _ in range(2):
        assert groups.admit(offer("first")) is Admission.ADMITTED
        assert groups.admit(offer("second", 1.0)) is Admission.WAITS
    assert names(groups.leave(AttemptId("first"))) == ["second"]
    assert groups.leave(AttemptId("first")) == []


def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    groups = Groups()
    groups.admit(offer("a", 1.0))
    groups.admit(offer("b", 2.0))
    assert names(groups.leave(AttemptId("a"))) == ["b"]
    assert groups.admit(offer("c", 0.0)) is Admission.WAITS, "b has the place before it runs"


def test_one_that_was_withdrawn_while_it_waited_gets_no_place() -> None:
    groups = Groups()
    for name in ("a", "b", "c"):
        groups.admit(offer(name))
    assert groups.leave(AttemptId("b")) == []
    assert names(groups.leave(AttemptId("a"))) == ["c"]


def test_a_limit_of_two_lets_two_in_and_repositories_do_not_share_a_group() -> None:
    groups = Groups()
    assert [groups.admit(offer(name, concurrency=TWO)) for name in ("a", "b", "c")] == [
        Admission.ADMITTED,
        Admission.ADMITTED,
        Admission.WAITS,
    ]
    assert groups.admit(offer("elsewhere", repository="b")) is Admission.ADMITTED
    assert groups.admit(offer("alone", concurrency=None)) is Admission.ADMITTED


def test_who_does_not_want_to_wait_is_turned_away() -> None:
    groups = Groups()
    groups.admit(offer("a"))
    assert groups.admit(offer("b", concurrency=IMPATIENT)) is Admission.TURNED_AWAY
    assert groups.leave(AttemptId("a")) == []


def test_what_ran_before_a_restart_keeps_its_place() -> None:
    groups = Groups()
    groups.occupy(offer("running"))
    assert groups.admit(offer("waiting")) is Admission.WAITS
    assert names(groups.leave(AttemptId("running"))) == ["waiting"]


def test_repositories_take_turns() -> None:
    queue = Queue()
    for number in range(4):
        queue.put(offer(f"busy{number}", number, None, "busy"))
    queue.put(offer("quiet0", 50.0, None, "quiet"))
    queue.put(offer("quiet1", 51.0, None, "quiet"))
    assert everything(queue) == "busy0 quiet0 busy1 quiet1 busy2 busy3"


def test_one_that_was_away_saves_up_no_turns() -> None:
    queue = Queue()
    for number in range(6):
        queue.put(offer(f"busy{number}", number, None, "busy"))
    for _ in range(3):
        queue.take("small")
    for number in range(3):
        queue.put(offer(f"late{number}", 9.0 + number, None, "late"))
    assert everything(queue) == "late0 busy3 late1 busy4 late2 busy5"


def test_who_is_waited_for_goes_first() -> None:
    queue = Queue()
    queue.put(offer("push", 1.0, None, priority=0))
    queue.put(offer("person", 3.0, None, priority=2))
    queue.put(offer("pull", 2.0, None, priority=1))
    assert everything(queue) == "person pull push"


def pull(nonce: str, at: float, seen: float, state: RunState = RunState.RUNNING, number: int = 7) -> Run:
    run = created()
    change = run.change.having(nonce=nonce, at=at, number=number, kind=ChangeKind.PULL_REQUEST)
    return run.having(id=RunId(nonce), change=change, created_at=NOW + seen, state=state)


def test_the_newest_push_of_a_pull_request_replaces_the_older_ones_that_go_on() -> None:
    new, old, over = pull("new", 3, 3), pull("old", 2, 2), pull("over", 1, 1, RunState.FAILED)
    assert [(gone.id, by.id) for gone, by in superseded(new, [old, over])] == [("old", "new")]


def test_a_late_delivery_of_an_older_push_replaces_nothing_but_is_replaced() -> None:
    late, newer = pull("late", 2, 9), pull("newer", 3, 3)
    assert [(gone.id, by.id) for gone, by in superseded(late, [newer])] == [("late", "newer")]


def test_without_the_forges_time_the_order_of_arrival_counts() -> None:
    assert [gone.id for gone, _ in superseded(pull("b", 0, 2), [pull("a", 0, 1)])] == ["a"]


def test_only_runs_of_one_pull_request_replace_each_other() -> None:
    one, other = pull("a", 1, 1), pull("b", 2, 2, number=8)
    assert same_pull_request(one.change, one.change)
    assert not same_pull_request(one.change, other.change)
    push = one.change.having(number=None)
    assert not same_pull_request(push, push)
