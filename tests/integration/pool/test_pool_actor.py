"""The pool's actor on real gVisor: it fills, hands out, fills again, and leaves nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial

import docker
import pytest

from actors.handles import OrchestratorHandle
from actors.pool import actor as pool_actor
from actors.pool.actor import SandboxPool, usual_spec
from cluster.images.build import prepare
from cluster.images.runners import RUNNER_PYTHON
from models.ids import AttemptId
from models.settings import SandboxSettings
from sandbox.pool import WarmPool
from sandbox.spec import SandboxSpec
from sandbox.stock import Bounds
from sandbox.sweep import sweep

TIMEOUT_S = 60.0


class Watched(WarmPool):
    """The real one; `tended` hears what waits after each look."""

    def __init__(self, docker_url: str, installation: str) -> None:
        super().__init__(docker_url, installation, Bounds(per_shape=2, total=2))
        self.tended: asyncio.Queue[int] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    def tend(self) -> bool:
        more = super().tend()
        self._loop.call_soon_threadsafe(self.tended.put_nowait, sum(self.waiting().values()))
        return more

    async def has(self, count: int) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while await self.tended.get() != count:
                pass


@pytest.fixture
async def pool(docker_url: str) -> AsyncIterator[Watched]:
    client = docker.DockerClient(base_url=docker_url)
    prepare(client, RUNNER_PYTHON, print)
    made = Watched(docker_url, f"test-{secrets.token_hex(6)}")
    yield made
    left = client.api.containers(all=True, filters={"label": f"delta.installation={made._installation}"})
    client.close()
    assert left == []


def usual(pool: Watched) -> SandboxSpec:
    return usual_spec(SandboxSettings(), pool._installation)


class Leases:
    """The orchestrator, as far as a pool asks it: `held` are the attempts that somebody carries."""

    def __init__(self, held: set[str]) -> None:
        self.held = held
        self.holds = self

    async def remote(self, attempt: AttemptId) -> bool:
        return attempt in self.held


def actor_of(pool: Watched, held: set[str]) -> SandboxPool:
    clear = partial(sweep, pool._docker_url, pool._installation, keep_warm=True)
    return SandboxPool(pool, usual(pool), clear, OrchestratorHandle(Leases(held)))


async def test_the_sandbox_of_a_runner_that_is_gone_is_removed_and_no_other(
    pool: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_actor, "SWEEP_S", 0.05)
    removed: asyncio.Queue[AttemptId] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def clear(keep: Callable[[AttemptId], bool]) -> list[AttemptId]:
        found = sweep(pool._docker_url, pool._installation, keep, keep_warm=True)
        for attempt in found:
            loop.call_soon_threadsafe(removed.put_nowait, attempt)
        return found

    leases = Leases({"r1.a.1", "r1.b.1"})
    actor = SandboxPool(pool, usual(pool), clear, OrchestratorHandle(leases))
    await actor.start()
    try:
        for attempt in ("r1.a.1", "r1.b.1"):
            await pool.has(1 if attempt == "r1.a.1" else 2)
            assert await actor.take(usual(pool), AttemptId(attempt)) is not None
        leases.held = {"r1.b.1"}
        async with asyncio.timeout(TIMEOUT_S):
            assert await removed.get() == "r1.a.1"
        assert removed.empty()
    finally:
        await actor.stop()
        sweep(pool._docker_url, pool._installation, keep=lambda _: False)


async def test_one_waits_for_the_first_job_and_two_for_those_after_it(pool: Watched) -> None:
    actor = actor_of(pool, {"r1.a.1", "r1.b.1"})
    await actor.start()
    try:
        await pool.has(1)
        first = await actor.take(usual(pool), AttemptId("r1.a.1"))
        assert first is not None
        await pool.has(2)
        second = await actor.take(usual(pool), AttemptId("r1.b.1"))
        assert second not in {None, first}
    finally:
        await actor.stop()
        sweep(pool._docker_url, pool._installation, keep=lambda _: False)


async def test_a_kind_that_was_missing_waits_the_next_time(pool: Watched) -> None:
    actor = actor_of(pool, {"r1.a.1", "r1.b.1"})
    other = usual(pool).having(memory_mb=256, workspace_mb=32)
    await actor.start()
    try:
        await pool.has(1)
        assert await actor.take(other, AttemptId("r1.a.1")) is None
        await pool.has(2)
        assert pool.waiting() == {usual(pool): 1, other: 1}
    finally:
        await actor.stop()


async def test_what_an_earlier_actor_left_is_gone_before_anything_is_handed_out(pool: Watched) -> None:
    """Given an actor that was killed, the sandboxes that it kept are not adopted: nobody can say what they saw."""
    pool.expect(usual(pool))
    assert await asyncio.to_thread(WarmPool.tend, pool)
    pool._waiting.clear()
    actor = actor_of(pool, {"r1.a.1", "r1.b.1"})
    await actor.start()
    try:
        await pool.has(1)
        assert len(pool.waiting()) == 1
    finally:
        await actor.stop()
