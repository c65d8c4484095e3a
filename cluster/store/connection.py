"""The connection to Redis, and how its errors become Delta's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

from redis.asyncio import Redis
from redis.exceptions import RedisError

from models.errors import InfrastructureError

# A blocking read must end before the socket's own time-out does.
SOCKET_TIMEOUT_S = 30.0
LONGEST_BLOCK_MS = 20_000


def connect(url: str) -> Redis:
    """A client for `url` (`redis://…` or `unix:///path`). Nothing is sent until the first command."""
    return Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT_S, socket_connect_timeout=5.0)


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
