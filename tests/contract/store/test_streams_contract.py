"""Inbox, logs, reports and terminals: what each promises, whatever it is kept in."""

from __future__ import annotations

import asyncio

from cluster.store.store import Store
from models.change import Forge
from models.ids import AttemptId, RunId
from models.inbox import Cancel, Said, Submit
from models.logs import LogChunk, LogSource
from models.terminal import Typed
from tests.unit.core.samples import NOW, change

ATTEMPT = AttemptId("r1.test.1")
RUN = RunId("r1")


def cancel(by: str) -> Cancel:
    return Cancel(run=RUN, by=by)


def chunk(text: str) -> LogChunk:
    return LogChunk(at=NOW, source=LogSource.JOB, step=0, text=text)


# Inbox.


async def test_messages_are_taken_in_order_and_stay_until_they_were_acted_on(store: Store) -> None:
    assert await store.inbox.put(Submit(change=change()))
    assert await store.inbox.put(cancel("ada"))
    (first, submitted), (second, cancelled) = await store.inbox.take()
    assert (submitted, cancelled) == (Submit(change=change()), cancel("ada"))
    assert await store.inbox.take(after=first) == [(second, cancel("ada"))]
    await store.inbox.done(first)
    assert await store.inbox.take() == [(second, cancel("ada"))]


async def test_one_delivery_is_accepted_once_and_messages_without_one_always_are(store: Store) -> None:
    assert await store.inbox.put(cancel("ada"), delivery="d-1")
    assert not await store.inbox.put(cancel("ada"), delivery="d-1")
    assert await store.inbox.put(cancel("ada"), delivery="d-2")
    assert await store.inbox.put(cancel("ada"))
    assert await store.inbox.put(cancel("ada"))
    assert len(await store.inbox.take()) == 4


async def test_of_many_that_bring_one_delivery_at_once_one_is_accepted(store: Store) -> None:
    accepted = await asyncio.gather(*(store.inbox.put(cancel(str(n)), delivery="d") for n in range(30)))
    assert sum(accepted) == 1
    assert len(await store.inbox.take()) == 1


async def test_whoever_waits_for_a_message_is_woken_by_it(store: Store) -> None:
    waiting = asyncio.create_task(store.inbox.take(block_ms=20_000))
    await store.inbox.put(cancel("ada"))
    assert [message for _, message in await waiting] == [cancel("ada")]


async def test_waiting_in_vain_gives_nothing(store: Store) -> None:
    assert await store.inbox.take(block_ms=10) == []


# Logs.


async def test_a_log_is_read_in_the_order_it_was_appended(store: Store) -> None:
    await store.logs.append(ATTEMPT, [chunk("one\n"), chunk("two\n")])
    await store.logs.append(ATTEMPT, [chunk("drei ∑\n")])
    await store.logs.append(AttemptId("r1.test.2"), [chunk("of another attempt")])
    assert [piece.text for piece in await store.logs.whole(ATTEMPT)] == ["one\n", "two\n", "drei ∑\n"]


async def test_a_long_log_is_read_whole_and_piece_by_piece(store: Store) -> None:
    texts = [f"line {number}\n" for number in range(1234)]
    await store.logs.append(ATTEMPT, [chunk(text) for text in texts])
    assert [piece.text for piece in await store.logs.whole(ATTEMPT)] == texts
    first = await store.logs.read(ATTEMPT, count=100)
    rest = await store.logs.read(ATTEMPT, after=first[-1][0], count=1)
    assert len(first) == 100
    assert rest[0][1].text == "line 100\n"


async def test_appending_nothing_is_harmless_and_a_log_that_is_not_there_is_empty(store: Store) -> None:
    await store.logs.append(ATTEMPT, [])
    assert await store.logs.whole(ATTEMPT) == []


async def test_what_is_appended_twice_under_one_number_is_there_once(store: Store) -> None:
    one, two, three = chunk("one\n"), chunk("two\n"), chunk("three\n")
    await store.logs.append(ATTEMPT, [one, two], 0)
    await store.logs.append(ATTEMPT, [one, two], 0)
    await store.logs.append(ATTEMPT, [two, three], 1)
    assert [piece.text for piece in await store.logs.whole(ATTEMPT)] == ["one\n", "two\n", "three\n"]


async def test_whoever_follows_a_log_is_woken_by_the_next_chunk(store: Store) -> None:
    await store.logs.append(ATTEMPT, [chunk("one\n")])
    [(last, _)] = await store.logs.read(ATTEMPT)
    waiting = asyncio.create_task(store.logs.read(ATTEMPT, after=last, block_ms=20_000))
    await store.logs.append(ATTEMPT, [chunk("two\n")])
    assert [piece.text for _, piece in await waiting] == ["two\n"]


# Reports.


async def test_a_report_is_due_from_its_mark_until_it_is_done(store: Store) -> None:
    await store.reports.due(RUN)
    [(run, mark)] = (await store.reports.all_due()).items()
    assert run == RUN
    assert await store.reports.done(RUN, mark) is None
    assert await store.reports.all_due() == {}
    assert await store.reports.done(RUN, mark) is None


async def test_a_run_that_is_marked_while_it_is_reported_stays_due(store: Store) -> None:
    await store.reports.due(RUN)
    mark = (await store.reports.all_due())[RUN]
    await store.reports.due(RUN)
    newer = await store.reports.done(RUN, mark)
    assert newer not in {None, mark}
    assert await store.reports.all_due() == {RUN: newer}


async def test_a_late_done_does_not_take_off_a_mark_made_after_it(store: Store) -> None:
    await store.reports.due(RUN)
    mark = (await store.reports.all_due())[RUN]
    await store.reports.done(RUN, mark)
    await store.reports.due(RUN)
    await store.reports.done(RUN, mark)
    assert list(await store.reports.all_due()) == [RUN]


async def test_a_mark_wakes_the_reporter_once(store: Store) -> None:
    await store.reports.due(RUN)
    position = await store.reports.wait("0", block_ms=20_000)
    waiting = asyncio.create_task(store.reports.wait(position, block_ms=20_000))
    await store.reports.due(RunId("r2"))
    assert await waiting != position
    assert await store.reports.wait(await waiting, block_ms=10) == await waiting


async def test_what_is_known_of_the_forge_adds_up(store: Store) -> None:
    assert await store.reports.ids(RUN) == {}
    await store.reports.remember(RUN, {"comment": "7", "check:test": "1"})
    await store.reports.remember(RUN, {"check:test": "2"})
    await store.reports.remember(RUN, {})
    assert await store.reports.ids(RUN) == {"comment": "7", "check:test": "2"}
    assert await store.reports.ids(RunId("r2")) == {}


async def test_what_somebody_said_is_kept_until_it_is_answered_and_rings(store: Store) -> None:
    said = Said(
        forge=Forge.GITHUB, repository="ada/kitchen", clone_url="https://github.com/ada/kitchen", number=2, comment="7",
        author="eve", text="/delta run", at=1.5,
    )  # fmt: skip
    await store.reports.hear(said)
    await store.reports.hear(said)
    assert await store.reports.heard() == [said]
    assert await store.reports.wait("0", block_ms=10) != "0"
    await store.reports.answered(said)
    await store.reports.answered(said)
    assert await store.reports.heard() == []


async def test_a_delivery_is_remembered_also_after_its_message_was_acted_on(store: Store) -> None:
    await store.inbox.put(cancel("ada"), delivery="d-1")
    [(entry, _)] = await store.inbox.take()
    await store.inbox.done(entry)
    assert not await store.inbox.put(cancel("ada"), delivery="d-1")
    assert await store.inbox.take() == []


# Terminals.


async def test_what_was_typed_is_read_in_order_by_whoever_waits(store: Store) -> None:
    session = AttemptId("r1.test.terminal-1")
    assert not await store.terminals.known(session)
    waiting = asyncio.create_task(store.terminals.typed(session, block_ms=20_000))
    await store.terminals.type(session, Typed(text="l", size=(24, 80)))
    [(first, typed)] = await waiting
    assert typed == Typed(text="l", size=(24, 80))
    await store.terminals.type(session, Typed(text="s"))
    assert [typed for _, typed in await store.terminals.typed(session, after=first)] == [Typed(text="s")]
    assert await store.terminals.known(session)


async def test_a_terminal_that_is_over_can_still_be_read(store: Store) -> None:
    session = AttemptId("r1.test.terminal-1")
    await store.terminals.type(session, Typed(left=True))
    await store.logs.append(session, [chunk("bye")])
    await store.terminals.over(session)
    assert await store.logs.whole(session) == [chunk("bye")]
