"""Which runs the reporter still has to bring up to date, and what it remembers of the forge.

A mark rather than a queue: ten changes of a run while the forge is down are one report of the latest state.
"""

from __future__ import annotations

import secrets

from cluster.store import keys, streams
from cluster.store.connection import Client, answering, script, text
from cluster.store.history import History
from models.ids import RunId
from models.inbox import Said


class ReportStore:
    """Due marks, and forge ids by run."""

    def __init__(self, redis: Client, history: History) -> None:
        self._redis = redis
        self._history = history
        self._remember = redis.register_script(script("remember.lua"))
        self._reported = redis.register_script(script("reported.lua"))

    async def due(self, run: RunId) -> None:
        """Marks the run; marking it again while it is being reported makes it due once more."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                # random: a counter would start again after `done`, and a late `done` would take the new mark off
                pipeline.hset(keys.REPORTS, run, secrets.token_hex(8))
                pipeline.xadd(keys.REPORTS_BELL, {"json": run}, maxlen=1)
                await pipeline.execute()

    async def all_due(self) -> dict[RunId, str]:
        """Every marked run with its mark, which `done` wants back."""
        with answering():
            marks = await self._redis.hgetall(keys.REPORTS)
        return {RunId(text(run)): text(mark) for run, mark in marks.items()}

    async def wait(self, after: str, block_ms: int) -> str:
        """Waits for a mark made after `after`, or `block_ms`; gives what to pass as `after` the next time."""
        found = await streams.read(self._redis, keys.REPORTS_BELL, after=after, block_ms=block_ms)
        return found[-1][0] if found else after

    async def done(self, run: RunId, mark: str) -> str | None:
        """Un-marks the run, unless it was marked again since: then gives that mark."""
        with answering():
            newer = await self._reported(keys=[keys.REPORTS], args=[run, mark])
        return None if newer is None else text(newer)

    async def hear(self, said: Said) -> None:
        """Keeps what somebody said until it is answered."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hset(keys.HEARD, said.key, said.model_dump_json())
                pipeline.xadd(keys.REPORTS_BELL, {"json": said.key}, maxlen=1)
                await pipeline.execute()

    async def heard(self) -> list[Said]:
        """Everything that is to be answered."""
        with answering():
            found = await self._redis.hvals(keys.HEARD)
        return [Said.model_validate_json(text(json)) for json in found]

    async def answered(self, said: Said) -> None:
        """Lets go of it."""
        with answering():
            await self._redis.hdel(keys.HEARD, said.key)

    async def ids(self, run: RunId) -> dict[str, str]:
        """What was remembered about the forge for this run."""
        with answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hexists(keys.record(run), "json")
                pipeline.hexists(keys.record(run), "moved")
                pipeline.hgetall(keys.forge(run))
                here, moved, found = await pipeline.execute()
        if moved and not here:
            return (await self._history.archived(run)).forge
        return {text(name): text(value) for name, value in found.items()}

    async def remember(self, run: RunId, ids: dict[str, str]) -> None:
        """Adds to what is remembered."""
        arguments = [part for pair in ids.items() for part in pair]
        while ids:
            with answering():
                written = await self._remember(keys=[keys.record(run), keys.forge(run)], args=arguments)
            if written == 1:
                return
            await self._history.restore(run)
