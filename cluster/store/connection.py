"""The connection to Redis, and how its errors become Delta's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.exceptions import RedisError

from models.errors import InfrastructureError

# A blocking read must end before the socket's own time-out does.
SOCKET_TIMEOUT_S = 30.0
LONGEST_BLOCK_MS = 20_000
CONNECT_TIMEOUT_S = 5.0
# Redis does one command at a time: more connections would only make it look at more of them.
CONNECTIONS = 32
# Below the 10,000 that Redis itself allows for all of its clients.
WAITING_CONNECTIONS = 5_000


class Client(Redis):
    """Short commands share a few connections and wait for their turn; one that blocks has a connection of its own.

    Without that, readers that wait for something to happen would keep all others from making it happen.
    """

    waiting: Redis

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Gives the connections back."""
        await super().aclose(close_connection_pool)
        await self.waiting.aclose(close_connection_pool)


def connect(url: str) -> Client:
    """A client for `url` (`redis://…` or `unix:///path`). Nothing is sent until the first command."""
    # redis-py would tell Redis its own version, and look that up on disk for each connection.
    options = {"socket_timeout": SOCKET_TIMEOUT_S, "socket_connect_timeout": CONNECT_TIMEOUT_S, "driver_info": None}
    turns = BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=SOCKET_TIMEOUT_S, **options)
    client = Client(connection_pool=turns)
    client.auto_close_connection_pool = True
    client.waiting = Redis.from_pool(ConnectionPool.from_url(url, max_connections=WAITING_CONNECTIONS, **options))
    return client


def script(name: str) -> str:
    """The text of a Lua script that lies beside this module."""
    return files(__package__).joinpath(name).read_text()


@contextmanager
def answering() -> Iterator[None]:
    """Redis' own errors, as `InfrastructureError` with what to do."""
    try:
        yield
    except (RedisError, OSError) as error:
        message = f"Redis failed: {type(error).__name__}: {error}"
        raise InfrastructureError(message, remedy="`delta status` shows whether it runs") from error


def text(value: object) -> str:
    """One value of an answer as text. redis-py types every answer as bytes or str; Delta's are always UTF-8 bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
