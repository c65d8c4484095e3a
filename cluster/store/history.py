"""Finished runs leave Redis for the archive after a while, and are read from there as if nothing had happened.

A run that was moved leaves a small record behind, `version` and `moved`: it is known to exist, so an event of its
change is a duplicate for ever. Whoever writes to such a run brings it back first. Moving is three steps: the logs and
then the run are written and on disk; one script removes the run's keys, if nothing changed meanwhile; it is taken off
the list of finished runs. A kill between them leaves a run that is moved once more. An attempt's log never changes
after the attempt, so it stays in the archive when its run is brought back.

    archive/<ab>/<run>/run.json.gz            record, events, and what the reporter remembers
    archive/<ab>/<run>/<attempt>.jsonl.gz     one log: entry id and chunk, a line each
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from pydantic import ValidationError

from cluster.archive import LocalArchive
from cluster.store import keys, streams
from cluster.store.archived_logs import line, name_of_log
from cluster.store.connection import Client, answering, script, text
from models.commands import COMMAND, Retire
from models.errors import InfrastructureError, InternalError
from models.events import Event
from models.ids import AttemptId, RunId
from models.record import Record
from models.run import Run

log = logging.getLogger(__name__)

# So that one call ends soon: the rest is for the next one.
_AT_ONCE = 100
_PAGE = 500


class ArchivedRun(Record):
    """One run as it is kept: everything but its logs."""

    record: Run
    events: tuple[tuple[str, Event], ...]
    forge: dict[str, str]


def name_of_run(run: RunId) -> str:
    """The run's name in the archive."""
    return f"{run[1:3]}/{run}/run.json"


@dataclass(frozen=True)
class _Held:
    """What Redis has of a run; no record when it was moved. `busy`: there is something left to do for it."""

    record: Run | None
    was_moved: bool
    busy: bool
    events: tuple[tuple[str, Event], ...]
    forge: dict[str, str]


class History:
    """Moves finished runs into the archive and brings them back. Without an archive, nothing is moved."""

    def __init__(self, redis: Client, archive: LocalArchive | None) -> None:
        self._redis = redis
        self._archive = archive
        self._move = redis.register_script(script("move.lua"))
        self._restore = redis.register_script(script("restore.lua"))

    async def archived(self, run: RunId) -> ArchivedRun:
        """A run that was moved. Raises `InfrastructureError` where it cannot be reached."""
        archive = self._reachable()
        found = await asyncio.to_thread(archive.read, name_of_run(run))
        if found is None:
            raise InfrastructureError(f"run {run} was moved to the archive and is not there", remedy="see its backup")
        try:
            return ArchivedRun.model_validate_json(found)
        except ValidationError as error:
            raise InternalError(f"this Delta cannot read the archived run {run}: {error}") from error

    async def restore(self, run: RunId) -> None:
        """Brings a moved run back into Redis, to be moved again later. Nothing happens when it is there."""
        kept = await self.archived(run)
        record = kept.record
        arguments: list[str | int] = [record.version, record.model_dump_json(), len(kept.events)]
        for entry, event in kept.events:
            arguments += [entry, event.model_dump_json()]
        for name, value in kept.forge.items():
            arguments += [name, value]
        with answering():
            await self._redis.zadd(keys.FINISHED, {run: time.time()})
            await self._restore(keys=[keys.record(run), keys.events(run), keys.forge(run)], args=arguments)

    async def move_finished(self, finished_before: float) -> int:
        """Moves runs that were retired before that time; returns how many of them are now in the archive only."""
        if self._archive is None:
            return 0
        with answering():
            due = await self._redis.zrangebyscore(keys.FINISHED, "-inf", f"({finished_before}", start=0, num=_AT_ONCE)
        moved = 0
        for run in [RunId(text(each)) for each in due]:
            if await self._move_one(run):
                moved += 1
                with answering():
                    await self._redis.zrem(keys.FINISHED, run)
            else:
                # Something is going on with it, or it cannot be read: looked at again after another term.
                with answering():
                    await self._redis.zadd(keys.FINISHED, {run: time.time()}, xx=True)
        return moved

    async def _move_one(self, run: RunId) -> bool:
        archive = self._reachable()
        held = await self._held(run)
        if held is None or held.record is None:
            return held is not None  # a kill before it was taken off the list left it there
        if held.busy or not held.record.over:
            return False
        attempts = [attempt.id for job in held.record.jobs for attempt in job.attempts]
        for attempt in attempts:
            await self._keep_log(archive, attempt, again=not held.was_moved)
        kept = ArchivedRun(record=held.record, events=held.events, forge=held.forge)
        await asyncio.to_thread(_keep, archive, run, kept)
        arguments = [str(held.record.version), *(part for pair in held.forge.items() for part in pair)]
        gone = [keys.events(run), keys.outbox(run), keys.forge(run), *(keys.log(attempt) for attempt in attempts)]
        with answering():
            return bool(await self._move(keys=[keys.record(run), *gone], args=arguments))

    async def _held(self, run: RunId) -> _Held | None:
        """The run as Redis has it at one moment; None for one that is not there or cannot be read."""
        with answering():
            busy = await self._redis.sismember(keys.ACTIVE, run) or await self._redis.hexists(keys.REPORTS, run)
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.hmget(keys.record(run), "json", "moved")
                pipeline.xrange(keys.events(run))
                pipeline.xrange(keys.outbox(run))
                pipeline.hgetall(keys.forge(run))
                (record, moved), events, outbox, forge = await pipeline.execute()
        if record is None and moved is None:
            return None
        try:
            left = [COMMAND.validate_json(fields[b"json"]) for _, fields in outbox]
            return _Held(
                record=Run.model_validate_json(record) if record else None,
                was_moved=moved is not None,
                busy=bool(busy) or any(not isinstance(command, Retire) for command in left),
                events=tuple((text(entry), Event.model_validate_json(fields[b"json"])) for entry, fields in events),
                forge={text(name): text(value) for name, value in forge.items()},
            )
        except ValidationError:
            log.exception("run %s stays in Redis: it cannot be read", run)
            return None

    async def _keep_log(self, archive: LocalArchive, attempt: AttemptId, *, again: bool) -> None:
        """Writes one log. One that an earlier move wrote stays: what came later is a stale runner's."""
        if not again and archive.lines(name_of_log(attempt)) is not None:
            return
        page = await streams.read(self._redis, keys.log(attempt), count=_PAGE)
        if not page:
            return
        with archive.writing(name_of_log(attempt)) as file:
            while page:
                lines = b"".join(line(entry, text(chunk)) for entry, chunk in page)
                await asyncio.to_thread(file.write, lines)
                page = await streams.read(self._redis, keys.log(attempt), after=page[-1][0], count=_PAGE)

    def _reachable(self) -> LocalArchive:
        if self._archive is None:
            raise InternalError("the run was moved to the archive, and this process was given none")
        return self._archive


def _keep(archive: LocalArchive, run: RunId, kept: ArchivedRun) -> None:
    with archive.writing(name_of_run(run)) as file:
        file.write(kept.model_dump_json().encode())


def events_after(kept: ArchivedRun, entry: str) -> list[tuple[str, Event]]:
    """The events after an entry id."""
    if entry == "$":
        return []
    start = streams.place(entry)
    return [(each, event) for each, event in kept.events if streams.place(each) > start]
