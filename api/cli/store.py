"""The store for a command, with a server or without one: Redis is started where it does not run, and ended again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from actors.installation import Installation
from cluster.store.store import Store
from models.settings import Settings

T = TypeVar("T")


def with_store(work: Callable[[Store, Installation], Awaitable[T]]) -> T:
    """What `work` gives."""
    installation = Installation(Settings())
    try:
        installation.open_store()
        return asyncio.run(_on(installation, work))
    finally:
        installation.leave()


async def _on(installation: Installation, work: Callable[[Store, Installation], Awaitable[T]]) -> T:
    store = installation.store()
    try:
        return await work(store, installation)
    finally:
        await store.close()
