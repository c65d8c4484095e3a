"""Runs: loading, and the commit that writes a decision in one step or not at all."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError
from redis.asyncio import Redis

from cluster.store import keys, streams
from cluster.store.connection import answering, script, text
from cluster.store.turns import Turns
from models.commands import COMMAND, Command
from models.errors import InternalError, NotFound, VersionConflict
from models.events import Event
from models.ids import RunId
from models.lifecycle.decision import Decision
from models.ports import START
from models.run import Run


class RunStore:
    """The runs, their events and their outboxes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._commit = redis.register_script(script("commit.lua"))
        self._turns = Turns()

    async def load(self, run: RunId) -> Run:
        """The run as last committed. Raises `NotFound`, and `InternalError` for a record this Delta cannot read."""
        with answering():
            found = await self._redis.hget(keys.record(run), "json")
        if found is None:
            raise NotFound(f"there is no run {run!r}", remedy="`delta status` or GET /v1/runs lists them")
        return _readable(run, found)

    async def commit(self, decision: Decision) -> Run:
        """Writes record, events and commands in one step, and returns the record at its new version.

        Raises `VersionConflict`, and writes nothing, when the record is not at the version the decision was made on.
        """
        run = decision.run
        written = run.having(version=run.version + 1)
        arguments: list[str | int] = [run.version, written.model_dump_json(), len(decision.events)]
        arguments += [event.model_dump_json() for event in decision.events]
        arguments += [command.model_dump_json() for command in decision.commands]
        with answering():
            # Listed before it is written: a listed run that does not exist is harmless, an unlisted one is forgotten.
            if run.version == 0:
                await self._redis.zadd(keys.RUNS, {run.id: run.created_at}, nx=True)
            if decision.commands:
                await self._redis.sadd(keys.ACTIVE, run.id)
            version = await self._commit(
                keys=[keys.record(run.id), keys.events(run.id), keys.outbox(run.id)], args=arguments
            )
        if version == -1:
            raise VersionConflict(f"run {run.id} is no longer at version {run.version}")
        return written

    async def apply(self, run: RunId, decide: Callable[[Run], Decision | None]) -> Run:
        """Loads, decides and commits; decides anew when somebody else was faster. See `Turns.apply`."""
        return await self._turns.apply(self, run, decide)

    async def recent(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        with answering():
            ids = await self._redis.zrevrange(keys.RUNS, 0, limit - 1)
            found = [await self._redis.hget(keys.record(RunId(text(run))), "json") for run in ids]
        return [_readable(RunId(text(run)), json) for run, json in zip(ids, found, strict=True) if json is not None]

    async def active(self) -> list[RunId]:
        """The runs that have, or may have, something left to do."""
        with answering():
            return [RunId(text(run)) for run in await self._redis.smembers(keys.ACTIVE)]

    async def is_active(self, run: RunId) -> bool:
        """Whether the run has, or may have, something left to do."""
        with answering():
            return bool(await self._redis.sismember(keys.ACTIVE, run))

    async def retire(self, run: RunId) -> None:
        """Takes a finished run off the active list."""
        with answering():
            await self._redis.srem(keys.ACTIVE, run)

    async def events(self, run: RunId, after: str = START, block_ms: int | None = None) -> list[tuple[str, Event]]:
        """The run's events after the entry id `after`; with `block_ms`, waits that long for one."""
        found = await streams.read(self._redis, keys.events(run), after=after, block_ms=block_ms)
        return [(entry, Event.model_validate_json(json)) for entry, json in found]

    async def outbox(self, run: RunId) -> list[tuple[str, Command]]:
        """Commands committed and not yet performed, oldest first."""
        found = await streams.read(self._redis, keys.outbox(run))
        try:
            return [(entry, COMMAND.validate_json(json)) for entry, json in found]
        except ValidationError as error:
            raise InternalError(f"this Delta cannot read the outbox of run {run}: {error}") from error

    async def performed(self, run: RunId, entry: str) -> None:
        """Takes a command out of the outbox: it was carried out."""
        with answering():
            await self._redis.xdel(keys.outbox(run), entry)


def _readable(run: RunId, json: str | bytes) -> Run:
    try:
        return Run.model_validate_json(json)
    except ValidationError as error:
        raise InternalError(f"this Delta cannot read the record of run {run}: {error}") from error
