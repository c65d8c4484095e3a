"""A real Redis on a Unix socket, and the API in front of it on a real port."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from redis import Redis

from api.app import create_app
from api.services import Services
from cluster.store.store import Store
from cluster.vault import Vault
from models.settings import ApiSettings, GitHubSettings, Settings

TOKEN = "a-token"
SECRET = "It's a Secret to Everybody"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis of our own. A machine without Redis fails these tests; it never skips them."""
    program = shutil.which("redis-server")
    assert program, "redis-server is missing: `make setup` installs it"
    folder = Path(tempfile.mkdtemp(prefix="delta-redis-"))  # not tmp_path: a socket's path has at most 107 characters
    sock = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(sock), "--dir", str(folder)]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        said = []
        for line in server.stdout:
            said.append(line)
            if "accept connections" in line:
                break
        else:
            raise AssertionError(f"Redis did not start: {''.join(said)}")
        try:
            yield f"unix://{sock}"
        finally:
            server.terminate()
            server.communicate(timeout=20)
            shutil.rmtree(folder)


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[Store]:
    """The store, empty."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    store = Store.connect(redis_url)
    yield store
    await store.close()


@dataclass(frozen=True)
class Api:
    """A running server. `client` carries the token, `stranger` does not."""

    url: str
    port: int
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient


@pytest.fixture
def settings() -> Settings:
    return Settings(
        github=GitHubSettings(webhook_secret=SecretStr(SECRET)),
        api=ApiSettings(max_body_mb=2, public_url="https://ci.example"),
    )


@pytest.fixture
async def api(settings: Settings, redis_url: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The API under uvicorn on a free port of loopback. Depends on `store`, so Redis is empty."""
    await store.ping()
    # The server's loop is another one, and a store belongs to one loop.
    vault = Vault(tmp_path / "secrets.key")
    app = create_app(Services(settings=settings, store=Store.connect(redis_url), token=TOKEN, vault=vault))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # from here on a client waits instead of being refused
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            httpx.AsyncClient(base_url=url, headers=headers) as client,
            httpx.AsyncClient(base_url=url) as stranger,
        ):
            yield Api(url=url, port=port, client=client, stranger=stranger)
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()
