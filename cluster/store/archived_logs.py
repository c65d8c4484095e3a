"""Logs out of the archive, page by page. A reader that goes on where it stopped does not read again what it had."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from itertools import islice

from cluster.archive import LocalArchive
from cluster.store import streams
from models.ids import AttemptId
from models.logs import LogChunk

# Readers that may come back for the next page; each is an open file.
_OPEN = 16

_Page = list[tuple[str, LogChunk]]


def name_of_log(attempt: AttemptId) -> str:
    """The attempt's name in the archive."""
    run, _, _ = attempt.partition(".")
    return f"{run[1:3]}/{run}/{attempt}.jsonl"


def line(entry: str, chunk: str) -> bytes:
    """One chunk as it is kept."""
    return json.dumps([entry, chunk]).encode() + b"\n"


class ArchivedLogs:
    """The logs of attempts whose run was moved."""

    def __init__(self, archive: LocalArchive | None) -> None:
        self._archive = archive
        self._open: dict[tuple[AttemptId, str], Iterator[bytes]] = {}

    async def page(self, attempt: AttemptId, after: str, count: int) -> _Page | None:
        """At most `count` chunks after the entry id `after`; None when the archive has no log of this attempt."""
        return await asyncio.to_thread(self._page, attempt, after, count)

    def _page(self, attempt: AttemptId, after: str, count: int) -> _Page | None:
        waiting = self._open.pop((attempt, after), None)
        lines = waiting or (self._archive.lines(name_of_log(attempt)) if self._archive else None)
        if lines is None:
            return None
        if after == "$":
            return []
        start = streams.place(after)
        kept = (json.loads(each) for each in lines)
        found = [
            (str(entry), LogChunk.model_validate_json(chunk))
            for entry, chunk in islice((each for each in kept if streams.place(each[0]) > start), count)
        ]
        if found:
            self._open[attempt, found[-1][0]] = lines
            if len(self._open) > _OPEN:
                self._open.pop(next(iter(self._open)), None)
        return found
