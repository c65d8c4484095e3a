"""What only Redis has: a server that may be away, records of another Delta, keys that expire.

What every store promises is in `tests/contract/store`.
"""

from __future__ import annotations

from typing import Any

import pytest
from redis import Redis
from redis.asyncio.client import Pipeline

from cluster.embedded.redis_server import RedisServer
from cluster.store import keys
from cluster.store.store import RedisStore, Store
from models.commands import Report
from models.errors import InfrastructureError, InternalError, VersionConflict
from models.fence import Fence
from models.inbox import Cancel
from models.lifecycle.create import create
from models.lifecycle.decision import Decision
from models.run import Run
from tests.unit.core.samples import NOW, change

RUN = change().run_id()


async def put(store: Store) -> Run:
    return await store.runs.commit(create(change(), NOW))


async def test_a_run_that_others_change_without_end_is_a_failure_to_try_again_and_no_stale_token(
    store: Store, redis_server: RedisServer
) -> None:
    """A runner whose result meets such a run must not be told that its lease is lost."""
    await put(store)
    with Redis.from_url(redis_server.url) as other:

        def decide(run: Run) -> Decision:
            other.hincrby(keys.record(RUN), "version", 1)
            return Decision(run=run)

        with pytest.raises(InfrastructureError, match="while one decision was made"):
            await store.runs.apply(RUN, decide)


async def test_a_listed_run_that_was_never_written_is_left_out(store: RedisStore) -> None:
    run = await put(store)
    await store.redis.zadd(keys.RUNS, {"r-never-written": NOW + 0.5})
    assert await store.runs.recent(10) == [run]


async def test_a_record_or_command_of_another_delta_is_an_error_that_names_the_run(
    store: RedisStore,
) -> None:
    await put(store)
    await store.redis.hset(keys.record(RUN), "json", '{"from": "the future"}')
    await store.redis.xadd(keys.outbox(RUN), {"json": '{"do": "dance"}'})
    with pytest.raises(InternalError, match=f"record of run {RUN}"):
        await store.runs.load(RUN)
    with pytest.raises(InternalError, match=f"outbox of run {RUN}"):
        await store.runs.outbox(RUN)


async def test_a_redis_that_is_not_there_is_an_infrastructure_error() -> None:
    nowhere = Store.connect("unix:///nonexistent/redis.sock")
    with pytest.raises(InfrastructureError, match="Redis failed"):
        await nowhere.ping()
    with pytest.raises(InfrastructureError):
        await nowhere.runs.load(RUN)
    with pytest.raises(InfrastructureError):  # and no stale fence
        await nowhere.owners.claim(RUN, Fence(supervisor="a", epoch=1))
    await nowhere.close()


async def test_a_claim_ends_by_itself_so_that_runs_that_are_over_leave_nothing_behind(store: RedisStore) -> None:
    await store.owners.claim(RUN, await store.owners.register("a"))
    assert 50 < await store.redis.ttl(keys.owner(RUN)) <= 60


async def test_a_delivery_is_not_remembered_for_ever(store: RedisStore) -> None:
    await store.inbox.put(Cancel(run=RUN, by="ada"), delivery="d-1")
    [marker] = [key async for key in store.redis.scan_iter(match=keys.delivery("*"))]
    assert 6 * 86_400 < await store.redis.ttl(marker) <= 7 * 86_400


async def test_a_message_nobody_can_read_is_put_aside_and_holds_up_no_other(
    store: RedisStore,
) -> None:
    asked = Cancel(run=RUN, by="ada")
    await store.redis.xadd(keys.INBOX, {"json": '{"ask": "for the moon"}'})
    await store.inbox.put(asked)
    assert [message for _, message in await store.inbox.take()] == [asked]
    assert await store.redis.xlen(keys.INBOX) == 1
    assert await store.redis.xlen(keys.INBOX_REFUSED) == 1


async def test_a_redis_that_has_forgotten_the_scripts_is_told_them_again(store: RedisStore) -> None:
    """As one that was started anew has."""
    run = await put(store)
    await store.redis.script_flush()
    written = await store.runs.commit(Decision(run=run.having(detail="after it")))
    assert await store.runs.load(RUN) == written


async def test_a_commit_in_the_middle_of_retiring_leaves_the_run_on_the_list(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await put(store)
    execute = Pipeline.execute

    async def after_a_commit(pipeline: Pipeline, raise_on_error: bool = True) -> list[Any]:
        monkeypatch.undo()
        await store.runs.commit(Decision(run=run, commands=(Report(),)))
        return await execute(pipeline, raise_on_error)

    monkeypatch.setattr(Pipeline, "execute", after_a_commit)
    with pytest.raises(VersionConflict):
        await store.runs.retire(RUN, run.version)
    assert await store.runs.is_active(RUN)
