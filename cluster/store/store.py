"""The store as one thing: what a component is given."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.archive import LocalArchive
from cluster.store.archived_logs import ArchivedLogs
from cluster.store.caches import CacheStore
from cluster.store.changes import ChangeStore, LessonStore
from cluster.store.connection import Client, answering, connect
from cluster.store.failures import FailureStore
from cluster.store.history import History
from cluster.store.inbox import Inbox
from cluster.store.logs import LogStore
from cluster.store.memory.caches import MemoryCaches
from cluster.store.memory.changes import MemoryChanges, MemoryLessons
from cluster.store.memory.failures import MemoryFailures
from cluster.store.memory.parts import (
    MemoryInbox,
    MemoryLogs,
    MemoryOwners,
    MemoryReports,
    MemorySecrets,
    MemoryTerminals,
)
from cluster.store.memory.runs import MemoryRuns
from cluster.store.memory.state import Faults, State
from cluster.store.memory.suites import MemoryQuarantine, MemorySuites
from cluster.store.ownership import OwnerStore
from cluster.store.quarantine import QuarantineStore
from cluster.store.reports import ReportStore
from cluster.store.runs import RunStore
from cluster.store.secrets import SecretStore
from cluster.store.suites import SuiteStore
from cluster.store.terminals import TerminalStore
from models import ports


@dataclass(frozen=True)
class Store:
    """All of Delta's facts. One per process and event loop; close it when done."""

    runs: ports.Runs
    owners: ports.Owners
    inbox: ports.Inbox
    logs: ports.Logs
    reports: ports.Reports
    failures: ports.Failures
    suites: ports.Suites
    quarantine: ports.Quarantine
    changes: ports.Changes
    lessons: ports.Lessons
    caches: ports.Caches
    secrets: ports.Secrets
    terminals: ports.Terminals

    @staticmethod
    def connect(url: str, archive: LocalArchive | None = None) -> RedisStore:
        """A store on the Redis at `url`, and its archive. Does not connect yet: `ping` does.

        Without an archive, a run that was moved there cannot be read: enough for a runner, which only appends to logs.
        """
        redis = connect(url)
        history = History(redis, archive)
        return RedisStore(
            redis=redis,
            history=history,
            runs=RunStore(redis, history),
            owners=OwnerStore(redis),
            inbox=Inbox(redis),
            logs=LogStore(redis, ArchivedLogs(archive)),
            reports=ReportStore(redis, history),
            failures=FailureStore(redis),
            suites=SuiteStore(redis),
            quarantine=QuarantineStore(redis),
            changes=ChangeStore(redis),
            lessons=LessonStore(redis),
            caches=CacheStore(redis),
            secrets=SecretStore(redis),
            terminals=TerminalStore(redis),
        )

    @staticmethod
    def in_memory(faults: Faults | None = None, shared: State | None = None) -> Store:
        """A store that forgets, for tests. Those that are given one `shared` state see what the others write."""
        state = shared or State()
        if faults is not None:
            state.faults = faults
        return Store(
            runs=MemoryRuns(state),
            owners=MemoryOwners(state),
            inbox=MemoryInbox(state),
            logs=MemoryLogs(state),
            reports=MemoryReports(state),
            failures=MemoryFailures(state),
            suites=MemorySuites(state),
            quarantine=MemoryQuarantine(state),
            changes=MemoryChanges(state),
            lessons=MemoryLessons(state),
            caches=MemoryCaches(state),
            secrets=MemorySecrets(state),
            terminals=MemoryTerminals(state),
        )

    async def ping(self) -> None:
        """Raises `InfrastructureError` when what the facts are kept in does not answer."""

    async def close(self) -> None:
        """Gives the connections back."""


@dataclass(frozen=True)
class RedisStore(Store):
    """The store that survives."""

    redis: Client
    history: History

    async def ping(self) -> None:
        """Raises `InfrastructureError` when Redis does not answer."""
        with answering():
            await self.redis.ping()

    async def close(self) -> None:
        """Gives the connections back."""
        await self.redis.aclose()
