"""The private Redis: found again, never doubled, on a Unix socket that only its owner can open."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from cluster.embedded import redis_server
from cluster.embedded.child import Child
from cluster.embedded.redis_server import RedisServer
from models.errors import InfrastructureError
from tests.integration.embedded.listening import tcp_addresses


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="delta-"))  # not pytest's: a Unix socket's path has at most 107 characters
    yield folder
    RedisServer(folder, folder / "run").stop()
    shutil.rmtree(folder)


@pytest.fixture
def server(folder: Path) -> RedisServer:
    server = RedisServer(folder, folder / "run")
    assert server.ensure()
    return server


def process_of(folder: Path) -> psutil.Process:
    process = Child("redis", folder / "run").process()
    assert process is not None
    return process


@pytest.mark.usefixtures("server")
def test_it_is_started_once_and_found_again(folder: Path) -> None:
    first = process_of(folder)
    again = RedisServer(folder, folder / "run")
    assert not again.ensure()
    assert again.running()
    assert process_of(folder) == first


def test_what_it_holds_is_there_after_a_stop(server: RedisServer) -> None:
    with Redis.from_url(server.url) as redis:
        redis.set("kept", "yes")
    server.stop()
    assert not server.running()
    assert server.ensure()
    with Redis.from_url(server.url) as redis:
        assert redis.get("kept") == b"yes"


@pytest.mark.usefixtures("server")
def test_one_that_runs_and_does_not_answer_is_waited_for_and_not_doubled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second server would write to the same file."""
    monkeypatch.setattr(redis_server, "START_TIMEOUT_S", 0.05)
    process = process_of(folder)
    process.suspend()
    try:
        with pytest.raises(InfrastructureError, match="redis was not ready"):
            RedisServer(folder, folder / "run").ensure()
        assert process_of(folder) == process
    finally:
        process.resume()
    monkeypatch.undo()
    assert not RedisServer(folder, folder / "run").ensure()
    assert process_of(folder) == process


@pytest.mark.usefixtures("server")
def test_it_listens_on_its_socket_only_and_only_its_owner_may_open_that(folder: Path) -> None:
    assert tcp_addresses([process_of(folder)]) == set()
    assert stat.S_IMODE((folder / "run" / "redis.sock").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "run").stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "redis" / "runner.password").stat().st_mode) == 0o600


def test_the_runner_s_password_is_nowhere_in_its_configuration(server: RedisServer, folder: Path) -> None:
    password = (folder / "redis" / "runner.password").read_text()
    assert len(password) == 32
    assert password not in (folder / "run" / "redis.conf").read_text()
    assert password in server.runner_url


def test_a_path_with_signs_in_it_that_mean_something_in_a_url_works(folder: Path) -> None:
    odd = folder / "state of 100% #1?"
    server = RedisServer(odd, odd / "run")
    try:
        assert server.ensure()
        with Redis.from_url(server.runner_url) as redis:
            assert redis.ping()
    finally:
        server.stop()


def test_a_path_too_long_for_a_socket_is_refused_with_what_to_do(folder: Path) -> None:
    deep = folder / ("d" * 100)
    with pytest.raises(InfrastructureError, match="too long for a Unix socket"):
        RedisServer(deep, deep / "run").ensure()


def test_without_redis_server_it_says_how_to_get_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(InfrastructureError, match="redis-server is not installed"):
        RedisServer(folder, folder / "run").ensure()
