"""The table of held leases, with terms of a few milliseconds and an event that is awaited."""

from __future__ import annotations

import asyncio

import pytest

from actors.orchestrator.leases import HeldLease, LeaseTable
from models.ids import AttemptId, JobId, LeaseToken, RunId, RunnerId

SHORT_S = 0.01
FOR_EVER_S = 3600.0


class Expiries:
    """What the table said has run out, in order; `next` waits for it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[HeldLease] = asyncio.Queue()
        self.heard: list[HeldLease] = []

    def __call__(self, lease: HeldLease) -> None:
        self.heard.append(lease)
        self._queue.put_nowait(lease)

    async def next(self) -> HeldLease:
        return await self._queue.get()


def held(attempt: str = "a", *, of: str = "t", runner: str = "runner-1") -> HeldLease:
    return HeldLease(RunId("r"), JobId("j"), AttemptId(attempt), LeaseToken(of), RunnerId(runner))


@pytest.fixture
def expiries() -> Expiries:
    return Expiries()


async def test_a_lease_that_is_not_renewed_runs_out_once(expiries: Expiries) -> None:
    table = LeaseTable(SHORT_S, expiries)
    lease = held()
    table.hold(lease)
    assert await expiries.next() is lease
    table.hold(held("b"))
    await expiries.next()
    assert len(expiries.heard) == 2


async def test_leases_run_out_in_the_order_of_their_last_renewal(expiries: Expiries) -> None:
    table = LeaseTable(SHORT_S, expiries)
    first, second = held("a"), held("b", runner="runner-2")
    table.hold(first)
    table.hold(second)
    table.renew(first)
    assert await expiries.next() is second
    assert await expiries.next() is first
    assert expiries.heard == [second, first]


async def test_a_dropped_lease_never_runs_out(expiries: Expiries) -> None:
    table = LeaseTable(SHORT_S, expiries)
    dropped, kept = held("a"), held("b", runner="runner-2")
    table.hold(dropped)
    table.hold(kept)
    table.drop(AttemptId("a"))
    table.drop(AttemptId("a"))
    assert await expiries.next() is kept
    assert expiries.heard == [kept]


async def test_a_lease_is_found_by_its_attempt_and_token_by_its_attempt_and_by_its_runner(expiries: Expiries) -> None:
    table = LeaseTable(FOR_EVER_S, expiries)
    lease = held()
    table.hold(lease)
    assert table.find(AttemptId("a"), LeaseToken("t")) is lease
    assert table.find(AttemptId("a"), LeaseToken("of somebody else")) is None
    assert table.find(AttemptId("b"), LeaseToken("t")) is None
    assert table.of_attempt(AttemptId("a")) is lease
    assert table.of_runner(RunnerId("runner-1")) is lease
    assert table.of_runner(RunnerId("runner-2")) is None
    table.drop(AttemptId("a"))
    assert table.find(AttemptId("a"), LeaseToken("t")) is None
    assert table.of_runner(RunnerId("runner-1")) is None


async def test_a_lease_that_replaces_another_on_its_attempt_is_not_ended_by_the_other_s_term(
    expiries: Expiries,
) -> None:
    table = LeaseTable(SHORT_S, expiries)
    first, second = held(runner="runner-1"), held(runner="runner-2", of="t2")
    table.hold(first)
    table.hold(second)
    assert table.of_runner(RunnerId("runner-1")) is None
    assert await expiries.next() is second
    assert expiries.heard == [second]


async def test_dropping_an_old_lease_of_a_runner_leaves_its_new_one(expiries: Expiries) -> None:
    table = LeaseTable(FOR_EVER_S, expiries)
    table.hold(held("old"))
    new = held("new")
    table.hold(new)
    table.drop(AttemptId("old"))
    assert table.of_runner(RunnerId("runner-1")) is new
    table.drop(AttemptId("new"))
