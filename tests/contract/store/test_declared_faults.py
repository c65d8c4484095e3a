"""The faults the store in memory has on demand: each does what it says, and then no more."""

from __future__ import annotations

import asyncio

import pytest

from cluster.store.memory.state import Faults
from cluster.store.store import Store
from models.errors import InfrastructureError, NotFound
from models.inbox import Cancel
from models.lifecycle.create import create
from models.lifecycle.decision import Decision
from tests.unit.core.samples import NOW, change

RUN = change().run_id()


async def test_a_refused_commit_writes_nothing() -> None:
    store = Store.in_memory(Faults(refuse_commits=2))
    for _ in range(2):
        with pytest.raises(InfrastructureError):
            await store.runs.commit(create(change(), NOW))
    with pytest.raises(NotFound):
        await store.runs.load(RUN)
    assert await store.runs.outbox(RUN) == []
    assert (await store.runs.commit(create(change(), NOW))).version == 1


async def test_a_lost_answer_comes_after_the_write() -> None:
    faults = Faults()
    store = Store.in_memory(faults)
    await store.runs.commit(create(change(), NOW))
    faults.lose_answers = 1
    with pytest.raises(InfrastructureError):
        await store.runs.apply(RUN, lambda run: Decision(run=run.having(detail="written")))
    assert (await store.runs.load(RUN)).detail == "written"
    assert (await store.runs.apply(RUN, lambda run: Decision(run=run.having(detail="again")))).version == 3


async def test_a_dropped_wake_up_delays_and_loses_nothing() -> None:
    store = Store.in_memory(Faults(drop_wakeups=1))
    asked = Cancel(run=RUN, by="ada")
    waiting = asyncio.create_task(store.inbox.take(block_ms=30))
    await asyncio.sleep(0)  # lets it wait
    await store.inbox.put(asked)
    assert [message for _, message in await waiting] == [asked]
    waiting = asyncio.create_task(store.inbox.take(after="1-0", block_ms=20_000))
    await asyncio.sleep(0)  # lets it wait
    await store.inbox.put(asked)
    assert [message for _, message in await waiting] == [asked]


async def test_a_delay_lets_others_overtake() -> None:
    faults = Faults(delay_s=0.02)
    store = Store.in_memory(faults)
    slow = asyncio.create_task(store.runs.active())
    await asyncio.sleep(0)  # lets it begin
    faults.delay_s = 0.0
    await store.runs.commit(create(change(), NOW))
    assert not slow.done()
    assert await slow == [RUN]
