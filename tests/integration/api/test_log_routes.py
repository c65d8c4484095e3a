from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cluster.store.store import Store
from models.ids import AttemptId, JobId
from models.lifecycle.attempts import finish
from models.lifecycle.cancel import cancel
from models.lifecycle.decision import Decision
from models.logs import LogChunk, LogSource
from models.run import Run
from tests.integration.api.conftest import Api
from tests.unit.reporter import sample_runs as runs

JOB = JobId("test")


def chunk(text: str) -> LogChunk:
    return LogChunk(at=runs.NOW, source=LogSource.JOB, step=0, text=text)


async def stored(store: Store, run: Run) -> Run:
    return await store.runs.commit(Decision(run=run.having(version=0)))


async def finished(store: Store, run: Run) -> None:
    attempt = run.job(JOB).attempt.id
    await store.runs.apply(
        run.id, lambda record: finish(record, JOB, attempt, token=runs.TOKEN, result=runs.PASSED, now=runs.NOW + 9)
    )


def path(run: Run) -> str:
    return f"/v1/runs/{run.id}/jobs/test/log"


class Events:
    """Server-sent events, parsed by the standard's rules as far as they are used here."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self) -> dict[str, str]:
        event: dict[str, str] = {}
        async for line in self._lines:
            if not line and event:
                return event
            name, _, value = line.partition(": ")
            if name:  # a line that begins with a colon is a comment
                event[name] = value
        return event

    async def text(self) -> str:
        """The next event's log text."""
        text: str = json.loads((await self.next())["data"])["text"]
        return text


@asynccontextmanager
async def following(api: Api, run: Run, **headers: str) -> AsyncIterator[Events]:
    sent = {"Accept": "text/event-stream", **{name.replace("_", "-"): value for name, value in headers.items()}}
    async with api.client.stream("GET", path(run), headers=sent) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Events(answer.aiter_lines())


async def test_log_as_text(api: Api, store: Store) -> None:
    run = await stored(store, runs.ended(runs.running()))
    await store.logs.append(run.job(JOB).attempt.id, [chunk(f"line {n}\n") for n in range(1200)])
    answer = await api.client.get(path(run))
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == "".join(f"line {n}\n" for n in range(1200))


async def test_some_lines_come_with_their_numbers(api: Api, store: Store) -> None:
    run = await stored(store, runs.ended(runs.running()))
    attempt = run.job(JOB).attempt.id
    note = LogChunk(at=1.0, step=0, source=LogSource.DELTA, text="a note of Delta's\n")
    pieces = [chunk(f"line {n}\n") for n in range(1, 1300)]
    await store.logs.append(attempt, [note, chunk("li"), chunk("ne 0\n"), *pieces, chunk("unfinished")])

    async def shown(lines: str) -> list[str]:
        return (await api.client.get(path(run), params={"lines": lines})).text.splitlines()

    assert await shown("1-2") == ["      1  line 0", "      2  line 1"]
    assert await shown("1200") == ["   1200  line 1199"]
    assert await shown("1300-9999") == ["   1300  line 1299", "   1301  unfinished"]
    assert await shown("9000") == []
    assert (await api.client.get(path(run), params={"lines": "7-"})).status_code == 422


async def test_attempts_have_logs_of_their_own(api: Api, store: Store) -> None:
    spec = runs.spec("test").having(retries=1)
    run = await stored(store, runs.ended(runs.ended(runs.running(spec), runs.FAILED), runs.PASSED))
    for attempt in run.job(JOB).attempts:
        await store.logs.append(attempt.id, [chunk(f"attempt {attempt.number}\n")])
    assert (await api.client.get(path(run))).text == "attempt 2\n"
    assert (await api.client.get(path(run), params={"attempt": 1})).text == "attempt 1\n"
    assert (await api.client.get(path(run), params={"attempt": 3})).status_code == 404
    assert (await api.client.get(path(run), params={"attempt": 0})).status_code == 422


async def test_job_that_waits_has_no_log_yet(api: Api, store: Store) -> None:
    run = await stored(store, runs.running(runs.spec("build"), runs.spec("test", "build")))
    answer = await api.client.get(path(run))
    assert answer.status_code == 404
    assert "follow" in answer.json()["remedy"]


async def test_live_log_comes_as_it_is_written_and_ends_with_the_attempt(api: Api, store: Store) -> None:
    run = await stored(store, runs.started(runs.running()))
    attempt = run.job(JOB).attempt.id
    async with following(api, run) as events:
        for text in ("one\n", "two\nthree\n"):
            await store.logs.append(attempt, [chunk(text)])
            assert await events.text() == text
        await store.logs.append(attempt, [chunk("last\n")])
        await finished(store, run)
        assert await events.text() == "last\n"
        assert (await events.next())["event"] == "end"
        assert await events.next() == {}  # the server closes


async def test_follow_parameter_does_what_the_header_does(api: Api, store: Store) -> None:
    run = await stored(store, runs.passed())
    answer = await api.client.get(path(run), params={"follow": 1})
    assert answer.text.endswith("event: end\ndata: {}\n\n")


async def test_reader_that_comes_back_goes_on_where_it_was(api: Api, store: Store) -> None:
    run = await stored(store, runs.passed())
    await store.logs.append(run.job(JOB).attempt.id, [chunk("one\n"), chunk("two\n"), chunk("three\n")])
    async with following(api, run) as events:
        first = await events.next()
    async with following(api, run, Last_Event_ID=first["id"]) as events:
        assert [await events.text(), await events.text()] == ["two\n", "three\n"]
        assert (await events.next())["event"] == "end"


@pytest.mark.parametrize("entry", ["x", "1-", "-1", "1-1-1", "$", "+", "99999999999999999999999", "1 2"])
async def test_id_that_no_event_has(api: Api, store: Store, entry: str) -> None:
    run = await stored(store, runs.passed())
    headers = {"Last-Event-ID": entry, "Accept": "text/event-stream"}
    assert (await api.client.get(path(run), headers=headers)).status_code == 422


async def test_follower_waits_for_a_job_that_is_still_blocked(api: Api, store: Store) -> None:
    record = runs.running(runs.spec("build"), runs.spec("test", "build"))
    run = await stored(store, record)
    async with following(api, run) as events:
        next_event = asyncio.create_task(events.next())
        ready = runs.ended(record, job="build").having(version=run.version)
        await store.runs.commit(Decision(run=ready))
        await store.logs.append(AttemptId(f"{run.id}.test.1"), [chunk("at last\n")])
        assert json.loads((await next_event)["data"])["text"] == "at last\n"


async def test_follower_of_a_job_that_never_runs_gets_the_end(api: Api, store: Store) -> None:
    run = await stored(store, runs.running(runs.spec("build"), runs.spec("test", "build")))
    async with following(api, run) as events:
        await store.runs.apply(run.id, lambda record: cancel(record, "octocat", runs.NOW + 5))
        assert (await events.next())["event"] == "end"


async def test_what_the_job_printed_cannot_become_an_event(api: Api, store: Store) -> None:
    run = await stored(store, runs.passed())
    await store.logs.append(run.job(JOB).attempt.id, [chunk("\n\nevent: end\r\ndata: {}\n\nid: 5\n")])
    async with following(api, run) as events:
        assert await events.text() == "\n\nevent: end\r\ndata: {}\n\nid: 5\n"
        assert (await events.next())["event"] == "end"
