"""What a Redis would hold, in one process: streams that can be waited for, and the faults it shall have.

A store is a client of a `State`; several may share one, as processes share a Redis. Each call lets others go first
once, so that tasks interleave here as they do with a server.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

from cluster.store.connection import LONGEST_BLOCK_MS
from cluster.store.streams import place
from models.caches import CacheEntry, CachePlace
from models.errors import InfrastructureError, StaleWrite
from models.fence import Fence
from models.ids import AttemptId, JobId, RunId


@dataclass
class Faults:
    """What shall go wrong. Each count goes down by one when it strikes; `delay_s` strikes every call.

    A refused commit writes nothing; a lost answer comes after the write. Both raise `InfrastructureError`. A dropped
    wake-up leaves a reader that waits where it is until its time is over: then it finds what came.
    """

    refuse_commits: int = 0
    lose_answers: int = 0
    drop_wakeups: int = 0
    delay_s: float = 0.0

    def before_commit(self) -> None:
        """Raises while commits are to be refused."""
        if self.refuse_commits > 0:
            self.refuse_commits -= 1
            raise InfrastructureError("the store refused, as it was asked to")

    def after_commit(self) -> None:
        """Raises while answers are to be lost."""
        if self.lose_answers > 0:
            self.lose_answers -= 1
            raise InfrastructureError("the answer was lost, as was asked for")

    def drops_wakeup(self) -> bool:
        """Whether the next wake-up is to be dropped."""
        if self.drop_wakeups > 0:
            self.drop_wakeups -= 1
            return True
        return False


@dataclass
class Held:
    """One run's record: its version and its JSON."""

    version: int
    json: str


@dataclass
class State:
    """Everything the stores of one test share. Keys of streams are those of `cluster/store/keys.py`."""

    faults: Faults = field(default_factory=Faults)
    records: dict[RunId, Held] = field(default_factory=dict)
    created: dict[RunId, float] = field(default_factory=dict)
    active: set[RunId] = field(default_factory=set)
    finished: dict[RunId, float] = field(default_factory=dict)
    moved: set[RunId] = field(default_factory=set)
    owners: dict[RunId, Fence] = field(default_factory=dict)
    supervisors: dict[str, tuple[int, float]] = field(default_factory=dict)
    deliveries: set[str] = field(default_factory=set)
    heard: dict[str, str] = field(default_factory=dict)
    marks: dict[RunId, str] = field(default_factory=dict)
    forge: defaultdict[RunId, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    failures: defaultdict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    suites: dict[tuple[str, JobId], dict[AttemptId, str]] = field(default_factory=dict)
    quarantine: dict[tuple[str, str, str], str] = field(default_factory=dict)
    secrets: dict[tuple[str, str], str] = field(default_factory=dict)
    passed: defaultdict[tuple[str, JobId], list[AttemptId]] = field(default_factory=lambda: defaultdict(list))
    failure_vectors: defaultdict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    changes: defaultdict[str, dict[RunId, str]] = field(default_factory=lambda: defaultdict(dict))
    change_vectors: defaultdict[str, dict[RunId, bytes]] = field(default_factory=lambda: defaultdict(dict))
    change_texts: defaultdict[str, dict[RunId, str]] = field(default_factory=lambda: defaultdict(dict))
    misses: dict[str, str] = field(default_factory=dict)
    audits: dict[RunId, str] = field(default_factory=dict)
    profiles: dict[str, str] = field(default_factory=dict)
    caches: dict[CachePlace, CacheEntry] = field(default_factory=dict)
    caches_used: dict[CachePlace, float] = field(default_factory=dict)
    streams: defaultdict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    _last: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def turn(self) -> None:
        """Others go first: once, or for as long as the faults say."""
        await asyncio.sleep(self.faults.delay_s)

    def check(self, run: RunId, fence: Fence | None) -> None:
        """Raises `StaleWrite` when the fence does not hold."""
        if fence is not None and self.owners.get(run) != fence:
            raise StaleWrite(f"run {run} is no longer held by {fence}")

    def bring_back(self, run: RunId) -> None:
        """A run that was moved and is written to again will be moved again."""
        if run in self.moved:
            self.moved.discard(run)
            self.finished[run] = time.time()

    def add(self, key: str, *entries: str) -> None:
        """Adds entries at the end of a stream. Nobody is woken before `wake`."""
        for entry in entries:
            self._last[key] += 1
            self.streams[key].append((self._last[key], entry))

    async def wake(self) -> None:
        """Wakes whoever waits for a stream."""
        if not self.faults.drops_wakeup():
            async with self._grown:
                self._grown.notify_all()

    def remove(self, key: str, entry: str) -> None:
        """Removes one entry, if it is there."""
        number, _ = place(entry)
        self.streams[key] = [(there, text) for there, text in self.streams[key] if there != number]

    async def read(
        self, key: str, *, after: str, count: int = 500, block_ms: int | None = None
    ) -> list[tuple[str, str]]:
        """As `cluster.store.streams.read`."""
        await self.turn()
        start = (self._last[key], 0) if after == "$" else place(after)

        def found() -> list[tuple[str, str]]:
            later = [(f"{number}-0", text) for number, text in self.streams[key] if (number, 0) > start]
            return later[:count]

        if block_ms is None or found():
            return found()
        try:
            async with asyncio.timeout(min(block_ms, LONGEST_BLOCK_MS) / 1000), self._grown:
                await self._grown.wait_for(found)
        except TimeoutError:
            pass
        return found()
