"""The user a runner's node gets: it may append to logs. Whatever else it tries, Redis refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from cluster.embedded.redis_server import RedisServer
from cluster.store import keys
from cluster.store.store import Store
from models.errors import InfrastructureError
from models.ids import AttemptId, RunId
from models.inbox import Cancel
from models.logs import LogChunk, LogSource
from tests.unit.core.samples import NOW, change

ATTEMPT = AttemptId("r1.test.1")
LOG = keys.log(ATTEMPT)
RUN = change().run_id()


def say(redis: Redis, *command: str) -> object:
    execute: Callable[..., object] = redis.execute_command  # redis-py gives it no types
    return execute(*command)


@pytest.fixture
def runner(redis_server: RedisServer, store: Store) -> Iterator[Redis]:
    """A connection as that user; Redis is empty."""
    del store
    with Redis.from_url(redis_server.runner_url) as redis:
        yield redis


async def test_it_appends_to_a_log_that_delta_can_read(redis_server: RedisServer, store: Store) -> None:
    node = Store.connect(redis_server.runner_url)
    said = LogChunk(at=NOW, source=LogSource.JOB, step=0, text="hello\n")
    await node.ping()
    await node.logs.append(ATTEMPT, [said])
    await node.logs.append(ATTEMPT, [said, said])
    assert await store.logs.whole(ATTEMPT) == [said, said, said]
    with pytest.raises(InfrastructureError, match="NoPermissionError"):
        await node.logs.read(ATTEMPT)
    with pytest.raises(InfrastructureError, match="NoPermissionError"):
        await node.inbox.put(Cancel(run=RunId("r1"), by="eve"))
    with pytest.raises(InfrastructureError, match="NoPermissionError"):
        await node.runs.load(RUN)
    await node.close()


@pytest.mark.parametrize(
    "command",
    [
        # reading, changing and removing the log it may append to
        ("XRANGE", LOG, "-", "+"),
        ("XREAD", "STREAMS", LOG, "0"),
        ("XLEN", LOG),
        ("XDEL", LOG, "1-1"),
        ("XTRIM", LOG, "MAXLEN", "0"),
        ("XGROUP", "CREATE", LOG, "g", "0"),
        ("DEL", LOG),
        ("UNLINK", LOG),
        ("EXPIRE", LOG, "1"),
        ("RENAME", LOG, "delta:log:other"),
        ("SET", LOG, "x"),
        ("DUMP", LOG),
        # other keys
        ("XADD", keys.INBOX, "*", "json", "{}"),
        ("XADD", keys.outbox(RUN), "*", "json", "{}"),
        ("XADD", keys.events(RUN), "*", "json", "{}"),
        ("XADD", "log", "*", "json", "{}"),
        ("HGET", keys.record(RUN), "json"),
        ("HSET", keys.record(RUN), "json", "{}"),
        ("GET", keys.delivery("d")),
        ("SMEMBERS", keys.ACTIVE),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("RANDOMKEY",),
        # the server, its scripts, its other users
        ("CONFIG", "GET", "dir"),
        ("CONFIG", "SET", "appendonly", "no"),
        ("ACL", "SETUSER", "runner", "+@all"),
        ("ACL", "LIST"),
        ("ACL", "WHOAMI"),
        ("EVAL", "return redis.call('KEYS', '*')", "0"),
        ("EVAL", "return 1", "0"),
        ("EVALSHA", "0" * 40, "0"),
        ("SCRIPT", "FLUSH"),
        ("FUNCTION", "LIST"),
        ("FCALL", "f", "0"),
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("SHUTDOWN", "NOSAVE"),
        ("SAVE",),
        ("BGREWRITEAOF",),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("MODULE", "LIST"),
        ("MONITOR",),
        ("INFO",),
        ("CLIENT", "LIST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("CLIENT", "PAUSE", "1"),
        ("SLOWLOG", "GET"),
        ("PUBLISH", "channel", "x"),
        ("SUBSCRIBE", "channel"),
        ("SELECT", "1"),
        ("WAIT", "0", "1"),
    ],
    ids=lambda command: " ".join(command[:3]),
)
def test_it_may_do_nothing_else(runner: Redis, command: tuple[str, ...]) -> None:
    with pytest.raises(NoPermissionError):
        say(runner, *command)


def test_a_transaction_gives_it_no_more(runner: Redis) -> None:
    with pytest.raises(NoPermissionError):
        say(runner, "MULTI")


def test_without_the_password_nobody_is_that_user(redis_server: RedisServer) -> None:
    head, _, _ = redis_server.runner_url.partition("?")
    with Redis.from_url(f"{head}?password=guessed") as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
