"""Background work of an actor goes on after an error of Delta's, and says when it cannot."""

from __future__ import annotations

import asyncio
import logging

import pytest

from actors import background
from actors.background import Background, until_done
from models.errors import InfrastructureError, InternalError


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RETRY_S", 0.0)


async def test_work_is_repeated_through_errors_of_deltas() -> None:
    turns: asyncio.Queue[int] = asyncio.Queue()
    errors = iter([None, InfrastructureError("Redis is away"), InternalError("a bug"), None])

    async def work() -> None:
        turns.put_nowait(1)
        error = next(errors, None)
        if error is not None:
            raise error
        await asyncio.sleep(0)  # gives way: work that never waits would keep the loop to itself

    tasks = Background()
    tasks.repeat(work)
    for _ in range(6):
        await turns.get()
    await tasks.stop()


async def test_work_that_dies_of_anything_else_is_logged_with_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    died = asyncio.Event()

    async def work() -> None:
        died.set()
        raise KeyError("a bug")

    tasks = Background()
    with caplog.at_level(logging.ERROR):
        tasks.repeat(work)
        await died.wait()
        await tasks.stop()
    assert "background work failed" in caplog.text
    assert "KeyError: 'a bug'" in caplog.text


async def test_until_done_tries_again_after_broken_infrastructure_and_not_after_a_bug() -> None:
    errors = iter([InfrastructureError("away"), InfrastructureError("away")])

    async def work() -> None:
        error = next(errors, None)
        if error is not None:
            raise error

    await until_done(work)

    async def wrong() -> None:
        raise InternalError("a bug")

    with pytest.raises(InternalError):
        await until_done(wrong)


async def test_stopping_cancels_what_runs() -> None:
    tasks = Background()
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    tasks.spawn(work())
    await asyncio.sleep(0)  # lets it begin
    await tasks.stop()
    assert ended.is_set()


async def test_stopping_ends_also_what_swallows_a_cancellation() -> None:
    """As a call to Redis may: see `stop`."""
    tasks = Background()
    swallowed = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if swallowed.is_set():
                raise
            swallowed.set()

    tasks.repeat(work)
    await asyncio.sleep(0)  # lets it begin
    await tasks.stop()
    assert swallowed.is_set()


async def test_once_stopped_nothing_starts() -> None:
    background = Background()
    await background.stop()
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()

    background.spawn(work())
    await asyncio.sleep(0)
    assert not begun.is_set()
