"""What was accepted is there after Redis was killed the moment it had answered."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from cluster.embedded.redis_server import RedisServer
from cluster.store.store import Store
from models.inbox import Submit
from models.lifecycle.create import create
from models.logs import LogChunk, LogSource
from tests.integration.store.embedded_redis import started_redis
from tests.unit.core.samples import NOW, attempt_of, change, running, spec


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """One of this test's own: it is killed."""
    with started_redis() as server:
        yield server


def kill(server: RedisServer) -> None:
    """SIGKILL, to the process this test started."""
    with Redis.from_url(server.url) as redis:
        directory = Path(redis.config_get("dir")["dir"])
    pid = json.loads((directory.parent / "run" / "redis.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    psutil.Process(pid).wait(timeout=20)


async def test_what_was_acknowledged_survives_a_kill_at_once(server: RedisServer) -> None:
    run = running(spec("test"))
    line = LogChunk(at=NOW, source=LogSource.JOB, step=0, text="the last line\n")
    for nonce in range(5):  # again on what the earlier rounds left
        store = Store.connect(server.url)
        await store.ping()
        committed = await store.runs.commit(create(change(str(nonce)), NOW))
        await store.logs.append(attempt_of(run, "test"), [line])
        assert await store.inbox.put(Submit(change=change(str(nonce))), delivery=f"delivery {nonce}")
        kill(server)
        await store.close()

        assert server.ensure()
        store = Store.connect(server.url)
        assert [message for _, message in await store.inbox.take()][-1] == Submit(change=change(str(nonce)))
        assert len(await store.inbox.take()) == nonce + 1
        assert not await store.inbox.put(Submit(change=change(str(nonce))), delivery=f"delivery {nonce}")
        assert await store.runs.load(committed.id) == committed
        assert committed.id in await store.runs.active()
        assert len(await store.runs.outbox(committed.id)) == 2
        assert len(await store.logs.whole(attempt_of(run, "test"))) == nonce + 1
        await store.close()


async def test_each_write_is_on_disk_before_it_is_answered_and_nothing_is_evicted(server: RedisServer) -> None:
    with Redis.from_url(server.url) as redis:
        settings = redis.config_get("append*", "maxmemory-policy")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
