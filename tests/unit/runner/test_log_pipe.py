"""The log's way to the store: ordered, gathered, bounded, and without a hole when the store fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from actors.runner import pipe as pipe_module
from actors.runner.pipe import LAG, LogPipe
from models.errors import InfrastructureError
from models.ids import AttemptId
from models.logs import LogChunk, LogSource

ATTEMPT = AttemptId("r1.job.1")


class SlowLogs:
    """Answers one call each time it is let; `fail_at` is the number of the call that fails."""

    def __init__(self, fail_at: int = -1) -> None:
        self.calls: list[str] = []
        self.numbers: list[int] = []
        self.called = asyncio.Event()
        self.let = asyncio.Semaphore(0)
        self._fail_at = fail_at

    async def append(self, attempt: AttemptId, chunks: Sequence[LogChunk], number: int) -> None:
        assert attempt == ATTEMPT
        self.numbers.append(number)
        self.calls.append("".join(chunk.text for chunk in chunks))
        self.called.set()
        await self.let.acquire()
        if len(self.calls) - 1 == self._fail_at:
            raise InfrastructureError("Redis is gone")


def chunk(text: str) -> list[LogChunk]:
    return [LogChunk(at=0.0, source=LogSource.JOB, step=0, text=text)]


async def test_the_writer_does_not_wait_and_what_comes_meanwhile_goes_together() -> None:
    logs = SlowLogs()
    pipe = LogPipe(logs.append, ATTEMPT, lambda: True)
    await asyncio.to_thread(pipe.put, chunk("a"))
    await logs.called.wait()
    for text in "bcd":
        await asyncio.to_thread(pipe.put, chunk(text))
    for _ in range(2):
        logs.let.release()
    await pipe.flush()
    assert logs.calls == ["a", "bcd"]
    assert logs.numbers == [0, 1]


async def test_a_writer_that_is_too_far_ahead_waits() -> None:
    logs = SlowLogs()
    pipe = LogPipe(logs.append, ATTEMPT, lambda: True)
    for _ in range(LAG):
        await asyncio.to_thread(pipe.put, chunk("x"))
    one_more = asyncio.create_task(asyncio.to_thread(pipe.put, chunk("y")))
    done, _ = await asyncio.wait([one_more], timeout=0.2)
    assert not done
    for _ in range(LAG + 2):
        logs.let.release()
    await one_more
    await pipe.flush()
    assert "".join(logs.calls) == "x" * LAG + "y"


async def test_what_the_store_does_not_take_is_offered_again_under_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_module, "AGAIN_S", 0.0)
    logs = SlowLogs(fail_at=1)
    pipe = LogPipe(logs.append, ATTEMPT, lambda: False)
    for _ in range(3):
        logs.let.release()
    await pipe.append(chunk("a"))
    await pipe.append(chunk("b"))
    await pipe.flush()
    assert logs.calls == ["a", "b", "b"]
    assert logs.numbers == [0, 1, 1]


async def test_once_given_up_nothing_more_is_written_and_everybody_hears_of_it() -> None:
    logs = SlowLogs(fail_at=0)
    pipe = LogPipe(logs.append, ATTEMPT, lambda: True)
    logs.let.release()
    await asyncio.to_thread(pipe.put, chunk("a"))
    with pytest.raises(InfrastructureError, match="Redis is gone"):
        await pipe.flush()
    with pytest.raises(InfrastructureError, match="Redis is gone"):
        await asyncio.to_thread(pipe.put, chunk("b"))
    assert logs.calls == ["a"]
