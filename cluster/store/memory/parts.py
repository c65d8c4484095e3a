"""Owners, inbox, logs, reports, terminals and secrets in memory."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from cluster.store import keys
from cluster.store.memory.state import State
from models.errors import StaleWrite
from models.fence import Fence
from models.ids import AttemptId, RunId
from models.inbox import MESSAGE, Message, Said
from models.logs import LogChunk
from models.ports import START
from models.secret import SealedSecret
from models.terminal import Typed


class MemoryOwners:
    """See `models.ports.Owners`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def register(self, supervisor: str) -> Fence:
        """A new incarnation of this name."""
        await self._state.turn()
        epoch = 1 + max((epoch for epoch, _ in self._state.supervisors.values()), default=0)
        self._state.supervisors[supervisor] = (epoch, time.monotonic())
        return Fence(supervisor=supervisor, epoch=epoch)

    async def beat(self, fence: Fence) -> dict[str, float]:
        """Says that it lives. Raises `StaleWrite` when there is a newer incarnation of it."""
        ages = await self.ages()
        newest, _ = self._state.supervisors.get(fence.supervisor, (0, 0.0))
        if newest > fence.epoch:
            raise StaleWrite(f"there is a newer {fence.supervisor} than epoch {fence.epoch}")
        self._state.supervisors[fence.supervisor] = (fence.epoch, time.monotonic())
        return ages

    async def ages(self) -> dict[str, float]:
        """How many seconds ago each supervisor last said that it lives."""
        await self._state.turn()
        return {name: time.monotonic() - at for name, (_, at) in self._state.supervisors.items()}

    async def claim(self, run: RunId, fence: Fence) -> None:
        """Takes the run. Raises `StaleWrite` when a newer incarnation of this name holds it."""
        await self._state.turn()
        held = self._state.owners.get(run)
        if held is not None and held.supervisor == fence.supervisor and held.epoch > fence.epoch:
            raise StaleWrite(f"a newer {fence.supervisor} than epoch {fence.epoch} holds run {run}")
        self._state.owners[run] = fence


class MemoryInbox:
    """See `models.ports.Inbox`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def put(self, message: Message, delivery: str = "") -> bool:
        """False: this delivery was accepted before."""
        await self._state.turn()
        if delivery and delivery in self._state.deliveries:
            return False
        if delivery:
            self._state.deliveries.add(delivery)
        self._state.add(keys.INBOX, message.model_dump_json())
        await self._state.wake()
        return True

    async def take(self, after: str = START, block_ms: int | None = None) -> list[tuple[str, Message]]:
        """Entries after `after`, oldest first; with `block_ms`, waits that long for one."""
        found = await self._state.read(keys.INBOX, after=after, block_ms=block_ms)
        return [(entry, MESSAGE.validate_json(json)) for entry, json in found]

    async def done(self, entry: str) -> None:
        """Removes an entry that was acted on."""
        await self._state.turn()
        self._state.remove(keys.INBOX, entry)


class MemoryLogs:
    """See `models.ports.Logs`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def append(self, attempt: AttemptId, chunks: Sequence[LogChunk], number: int | None = None) -> None:
        """Adds chunks at the end."""
        await self._state.turn()
        there = 0 if number is None else max(0, len(self._state.streams[keys.log(attempt)]) - number)
        self._state.add(keys.log(attempt), *(chunk.model_dump_json() for chunk in chunks[there:]))
        await self._state.wake()

    async def read(
        self, attempt: AttemptId, after: str = START, count: int = 500, block_ms: int | None = None
    ) -> list[tuple[str, LogChunk]]:
        """At most `count` chunks after `after`; with `block_ms`, waits that long for one."""
        found = await self._state.read(keys.log(attempt), after=after, count=count, block_ms=block_ms)
        return [(entry, LogChunk.model_validate_json(json)) for entry, json in found]

    async def whole(self, attempt: AttemptId) -> list[LogChunk]:
        """Everything there is now."""
        found = await self.read(attempt, count=len(self._state.streams[keys.log(attempt)]))
        return [chunk for _, chunk in found]


class MemoryReports:
    """See `models.ports.Reports`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def due(self, run: RunId) -> None:
        """Marks the run."""
        await self._state.turn()
        self._state.marks[run] = secrets.token_hex(8)
        self._state.add(keys.REPORTS_BELL, run)
        await self._state.wake()

    async def all_due(self) -> dict[RunId, str]:
        """Every marked run with its mark."""
        await self._state.turn()
        return dict(self._state.marks)

    async def wait(self, after: str, block_ms: int) -> str:
        """Waits for a mark made after `after`, or `block_ms`."""
        found = await self._state.read(keys.REPORTS_BELL, after=after, block_ms=block_ms)
        return found[-1][0] if found else after

    async def done(self, run: RunId, mark: str) -> str | None:
        """Un-marks the run, unless it was marked again since: then gives that mark."""
        await self._state.turn()
        if self._state.marks.get(run) == mark:
            del self._state.marks[run]
        return self._state.marks.get(run)

    async def hear(self, said: Said) -> None:
        """Keeps what somebody said until it is answered."""
        await self._state.turn()
        self._state.heard[said.key] = said.model_dump_json()
        self._state.add(keys.REPORTS_BELL, said.key)
        await self._state.wake()

    async def heard(self) -> list[Said]:
        """Everything that is to be answered."""
        await self._state.turn()
        return [Said.model_validate_json(json) for json in self._state.heard.values()]

    async def answered(self, said: Said) -> None:
        """Lets go of it."""
        await self._state.turn()
        self._state.heard.pop(said.key, None)

    async def ids(self, run: RunId) -> dict[str, str]:
        """What was remembered about the forge for this run."""
        await self._state.turn()
        return dict(self._state.forge[run])

    async def remember(self, run: RunId, ids: dict[str, str]) -> None:
        """Adds to what is remembered."""
        await self._state.turn()
        self._state.bring_back(run)
        self._state.forge[run].update(ids)


class MemoryTerminals:
    """See `models.ports.Terminals`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def type(self, session: AttemptId, typed: Typed) -> None:
        """Adds what was typed; the first one makes the session known."""
        await self._state.turn()
        self._state.add(keys.terminal(session), typed.model_dump_json())
        await self._state.wake()

    async def typed(
        self, session: AttemptId, after: str = START, block_ms: int | None = None
    ) -> list[tuple[str, Typed]]:
        """What was typed after `after`; with `block_ms`, waits that long for something."""
        found = await self._state.read(keys.terminal(session), after=after, block_ms=block_ms)
        return [(entry, Typed.model_validate_json(json)) for entry, json in found]

    async def known(self, session: AttemptId) -> bool:
        """Whether there is, or was lately, such a session."""
        await self._state.turn()
        return bool(self._state.streams[keys.terminal(session)])

    async def over(self, session: AttemptId) -> None:
        """It has ended."""
        del session  # this store forgets everything soon enough
        await self._state.turn()


class MemorySecrets:
    """See `models.ports.Secrets`."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def put(self, secret: SealedSecret) -> bool:
        """Stores it, in place of an earlier one."""
        await self._state.turn()
        there = (secret.name, secret.scope) in self._state.secrets
        self._state.secrets[secret.name, secret.scope] = secret.model_dump_json()
        return not there

    async def remove(self, scope: str, name: str) -> bool:
        """Removes it."""
        await self._state.turn()
        return self._state.secrets.pop((name, scope), None) is not None

    async def find(self, wanted: Sequence[tuple[str, str]]) -> list[SealedSecret]:
        """Those that exist of these scopes and names."""
        await self._state.turn()
        found = [self._state.secrets.get((name, scope)) for scope, name in wanted]
        return [SealedSecret.model_validate_json(json) for json in found if json is not None]

    async def everything(self) -> list[SealedSecret]:
        """All of them, by name and scope."""
        await self._state.turn()
        return [SealedSecret.model_validate_json(json) for _, json in sorted(self._state.secrets.items())]
