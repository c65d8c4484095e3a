"""Runs: loading, and the commit that writes a decision in one step or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from pydantic import ValidationError
from redis.exceptions import NoScriptError

from cluster.store import keys, streams
from cluster.store.connection import Client, answering, script, text
from cluster.store.history import History, events_after
from cluster.store.turns import Turns
from models.commands import COMMAND, Command
from models.errors import InfrastructureError, InternalError, NotFound, StaleWrite, VersionConflict
from models.events import Event
from models.fence import Fence
from models.ids import RunId
from models.lifecycle.decision import Decision
from models.ports import START
from models.run import Run

log = logging.getLogger(__name__)

# What `commit.lua` returns when it writes nothing.
_OTHER_VERSION = -1
_IN_THE_ARCHIVE = -2
_FENCED = -3


class RunStore:
    """The runs, their events and their outboxes."""

    def __init__(self, redis: Client, history: History) -> None:
        self._redis = redis
        self._history = history
        self._commit = redis.register_script(script("commit.lua"))
        self._performed = redis.register_script(script("performed.lua"))
        self._held = redis.register_script(script("held.lua"))
        self._turns = Turns()

    async def load(self, run: RunId) -> Run:
        """The run as last committed. Raises `NotFound`, and `InternalError` for a record this Delta cannot read."""
        with answering():
            found, moved = await self._redis.hmget(keys.record(run), "json", "moved")
        if found is None and moved is not None:
            return (await self._history.archived(run)).record
        if found is None:
            raise NotFound(f"there is no run {run!r}", remedy="`delta status` or GET /v1/runs lists them")
        return _readable(run, found)

    async def commit(self, decision: Decision, fence: Fence | None = None) -> Run:
        """Writes record, events and commands in one step, and returns the record at its new version.

        Writes nothing and raises `VersionConflict` when the record is not at the version the decision was made on,
        `StaleWrite` when the fence no longer holds.
        """
        run = decision.run
        written = run.having(version=run.version + 1)
        arguments: list[str | int] = [str(fence or ""), run.version, written.model_dump_json(), len(decision.events)]
        arguments += [event.model_dump_json() for event in decision.events]
        arguments += [command.model_dump_json() for command in decision.commands]
        while (version := await self._write(decision, arguments)) == _IN_THE_ARCHIVE:
            await self._history.restore(run.id)
        self._check(run.id, fence, version)
        if version == _OTHER_VERSION:
            raise VersionConflict(f"run {run.id} is no longer at version {run.version}")
        return written

    async def _write(self, decision: Decision, arguments: list[str | int]) -> int:
        with answering():
            try:
                return await self._write_at_once(decision, arguments)
            except NoScriptError:  # this Redis was started since, or is another one
                await self._redis.script_load(self._commit.script)
                return await self._write_at_once(decision, arguments)

    async def _write_at_once(self, decision: Decision, arguments: list[str | int]) -> int:
        """One round trip: `register_script` would ask first whether Redis knows the script."""
        run = decision.run
        written = [keys.record(run.id), keys.events(run.id), keys.outbox(run.id), keys.owner(run.id)]
        async with self._redis.pipeline(transaction=False) as pipeline:
            # Listed before it is written: a listed run that does not exist is harmless, an unlisted one is forgotten.
            # And once more after it: meanwhile somebody may have retired the version before it.
            if run.version == 0:
                pipeline.zadd(keys.RUNS, {run.id: run.created_at}, nx=True)
            if decision.commands:
                pipeline.sadd(keys.ACTIVE, run.id)
            pipeline.evalsha(self._commit.sha, len(written), *written, *arguments)
            if decision.commands:
                pipeline.sadd(keys.ACTIVE, run.id)
            answers = await pipeline.execute()
        return int(answers[-2] if decision.commands else answers[-1])

    @staticmethod
    def _check(run: RunId, fence: Fence | None, answer: int) -> None:
        if answer == _FENCED:
            raise StaleWrite(f"run {run} is no longer held by {fence}")

    async def apply(self, run: RunId, decide: Callable[[Run], Decision | None], fence: Fence | None = None) -> Run:
        """Loads, decides and commits; decides anew when somebody else was faster. See `Turns.apply`."""
        return await self._turns.apply(self, run, decide, fence)

    async def recent(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        with answering():
            ids = await self._redis.zrevrange(keys.RUNS, 0, limit - 1)
            async with self._redis.pipeline(transaction=False) as pipeline:
                for run in ids:
                    pipeline.hmget(keys.record(RunId(text(run))), "json", "moved")
                found = await pipeline.execute()
        runs = []
        for run, (json, moved) in zip([RunId(text(each)) for each in ids], found, strict=True):
            if json is not None:
                runs.append(_readable(run, json))
            elif moved is not None:
                try:
                    runs.append((await self._history.archived(run)).record)
                except InfrastructureError as error:  # one file that is gone must not hide all the others
                    log.warning("left out of the newest runs: %s", error)
        return runs

    async def active(self) -> list[RunId]:
        """The runs that have, or may have, something left to do."""
        with answering():
            return [RunId(text(run)) for run in await self._redis.smembers(keys.ACTIVE)]

    async def is_active(self, run: RunId) -> bool:
        """Whether the run has, or may have, something left to do."""
        with answering():
            return bool(await self._redis.sismember(keys.ACTIVE, run))

    async def retire(self, run: RunId, version: int | None = None, fence: Fence | None = None) -> None:
        """Takes a run with nothing left to do at `version`, by default the present one, off the active list.

        Leaves it there and raises `VersionConflict` when somebody commits, `StaleWrite` when the fence does not hold.
        """
        at = await self._version(run, fence)
        if version is not None and at != version:
            raise VersionConflict(f"run {run} is no longer at version {version}")
        with answering():
            async with self._redis.pipeline(transaction=False) as pipeline:
                # In this order: a kill in between leaves it on both lists, and active it is not moved.
                pipeline.zadd(keys.FINISHED, {run: time.time()})
                pipeline.srem(keys.ACTIVE, run)
                await pipeline.execute()
        # A commit between the first look and the removal was listed too early; one that is later lists the run itself.
        if await self._version(run, None) != at:
            with answering():
                await self._redis.sadd(keys.ACTIVE, run)
            raise VersionConflict(f"run {run} is no longer at version {at}")

    async def _version(self, run: RunId, fence: Fence | None) -> int:
        with answering():
            version: int = await self._held(keys=[keys.record(run), keys.owner(run)], args=[str(fence or "")])
        self._check(run, fence, version)
        return version

    async def move_finished(self, finished_before: float) -> int:
        """Moves runs that were retired before that time to the archive, some at a time; returns how many."""
        return await self._history.move_finished(finished_before)

    async def events(self, run: RunId, after: str = START, block_ms: int | None = None) -> list[tuple[str, Event]]:
        """The run's events after the entry id `after`; with `block_ms`, waits that long for one."""
        seen = await streams.read_of(self._redis, keys.record(run), keys.events(run), after=after, block_ms=block_ms)
        if seen.moved and not seen.here:
            return events_after(await self._history.archived(run), after)
        return [(entry, Event.model_validate_json(json)) for entry, json in seen.entries]

    async def outbox(self, run: RunId) -> list[tuple[str, Command]]:
        """Commands committed and not yet performed, oldest first."""
        found = await streams.read(self._redis, keys.outbox(run))
        try:
            return [(entry, COMMAND.validate_json(json)) for entry, json in found]
        except ValidationError as error:
            raise InternalError(f"this Delta cannot read the outbox of run {run}: {error}") from error

    async def performed(self, run: RunId, entries: Sequence[str], fence: Fence | None = None) -> None:
        """Takes commands out of the outbox: they were carried out. Raises `StaleWrite` when the fence does not hold."""
        with answering():
            answer: int = await self._performed(
                keys=[keys.outbox(run), keys.owner(run)], args=[str(fence or ""), *entries]
            )
        self._check(run, fence, answer)


def _readable(run: RunId, json: str | bytes) -> Run:
    try:
        return Run.model_validate_json(json)
    except ValidationError as error:
        raise InternalError(f"this Delta cannot read the record of run {run}: {error}") from error
