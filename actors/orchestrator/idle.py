"""Runners that wait for work: each waits on a bell, and the one that has waited longest is rung for."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from models.ids import RunnerId


class IdleRunners:
    """By shape. A bell says True for work, False for "you are gone"."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[RunnerId, asyncio.Future[bool]]] = defaultdict(dict)

    def ring(self, shape: str) -> None:
        """There is work of this shape for one of them."""
        waiting = self._waiting[shape]
        while waiting:
            bell = waiting.pop(next(iter(waiting)))
            if not bell.done():
                bell.set_result(True)
                return

    def gone(self, runner: RunnerId) -> None:
        """This one no longer waits: it has died."""
        for waiting in self._waiting.values():
            bell = waiting.pop(runner, None)
            if bell is not None and not bell.done():
                bell.set_result(False)

    async def work_comes(self, runner: RunnerId, shape: str, wait_s: float) -> bool:
        """Waits so long at most; whether there was a ring for it."""
        if wait_s <= 0:
            return False
        bell: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[shape]
        waiting[runner] = bell
        try:
            return await asyncio.wait_for(bell, wait_s)
        except TimeoutError:
            return False
        finally:
            if waiting.get(runner) is bell:
                del waiting[runner]
