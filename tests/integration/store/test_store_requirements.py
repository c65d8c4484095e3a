"""Which Redis Delta refuses, and what it says: each asked of a real one that is set so."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from cluster.embedded.redis_server import RedisServer
from cluster.store.requirements import require, weaknesses
from models.errors import InfrastructureError
from tests.integration.store.embedded_redis import started_redis


@pytest.fixture(scope="module")
def own_server() -> Iterator[RedisServer]:
    with started_redis() as server:
        yield server


@pytest.fixture
def server(own_server: RedisServer) -> Iterator[RedisServer]:
    """One of this module's own, whose settings a test may change."""
    with Redis.from_url(own_server.url) as redis:
        before = {**redis.config_get("append*"), **redis.config_get("maxmemory*")}
        yield own_server
        for name in ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync"):
            redis.config_set(name, before[name])
        # One that was told to begin a file does not end before it is written.
        while redis.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.01)  # Redis tells nobody when it is


def set_to(server: RedisServer, **settings: str) -> None:
    with Redis.from_url(server.url) as redis:
        for name, value in settings.items():
            redis.config_set(name.replace("_", "-"), value)


def test_the_redis_that_delta_starts_is_good_enough(server: RedisServer) -> None:
    require(server.url, tolerate=False)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (
            {"maxmemory": "100mb", "maxmemory_policy": "allkeys-lru"},
            ["maxmemory-policy", "allkeys-lru", "104857600", "`maxmemory-policy noeviction`"],
        ),
        ({"maxmemory": "1gb", "maxmemory_policy": "volatile-ttl"}, ["maxmemory-policy", "volatile-ttl"]),
        ({"appendonly": "no"}, ["appendonly", "'no'", "`appendonly yes`"]),
        ({"appendfsync": "no"}, ["appendfsync", "'no'", "`appendfsync always`"]),
        ({"appendfsync": "everysec"}, ["appendfsync", "everysec", "the last second", "`appendfsync always`"]),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_one_that_may_lose_what_it_acknowledged_is_refused_unless_that_is_tolerated(
    server: RedisServer, caplog: pytest.LogCaptureFixture, settings: dict[str, str], named: list[str]
) -> None:
    set_to(server, **settings)
    with pytest.raises(InfrastructureError) as raised:
        require(server.url, tolerate=False)
    for each in [*named, "DELTA_STORE__TOLERATE=true"]:
        assert each in str(raised.value)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        require(server.url, tolerate=True)
    assert named[0] in caplog.text


@pytest.mark.parametrize(
    "settings",
    [
        {"maxmemory": "100mb", "maxmemory_policy": "noeviction"},  # full means refused writes, and those are noticed
        {"maxmemory": "0", "maxmemory_policy": "allkeys-lru"},  # without a limit nothing is ever evicted
    ],
)
def test_one_that_never_evicts_is_taken(server: RedisServer, settings: dict[str, str]) -> None:
    set_to(server, **settings)
    require(server.url, tolerate=False)


def test_everything_that_is_wrong_is_told_at_once(server: RedisServer) -> None:
    set_to(server, maxmemory="100mb", maxmemory_policy="allkeys-lru", appendonly="no")
    with pytest.raises(InfrastructureError, match=r"(?s)maxmemory-policy.*appendonly"):
        require(server.url, tolerate=False)


def test_one_that_does_not_tell_its_settings_is_refused_unless_that_is_tolerated(server: RedisServer) -> None:
    """As a managed Redis is: its user may do everything but CONFIG."""
    with Redis.from_url(server.url) as redis:
        redis.acl_setuser(
            "managed", enabled=True, passwords=["+secret"], keys=["*"], categories=["+@all"], commands=["-config"]
        )
    managed = server.url.replace("unix://", "unix://managed@") + "?password=secret"
    with pytest.raises(InfrastructureError, match="does not tell its settings") as raised:
        require(managed, tolerate=False)
    assert "DELTA_STORE__TOLERATE=true" in str(raised.value)
    require(managed, tolerate=True)


@pytest.mark.parametrize("tolerate", [False, True])
def test_one_that_is_not_there_is_an_error_whatever_is_tolerated(tolerate: bool) -> None:
    with pytest.raises(InfrastructureError, match="Redis failed"):
        require("unix:///nonexistent/redis.sock", tolerate=tolerate)


def test_a_setting_that_a_redis_does_not_know_counts_as_not_good_enough() -> None:
    assert [each.setting for each in weaknesses({})] == ["appendonly"]
